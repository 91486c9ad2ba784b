/*
 * PATCH (RFC 5789) with SabreDAV's media type: a part of a file that is there, for clients that
 * look for "sabredav-partialupdate" in the DAV header.
 */
#include "methods/upload.h"

#include <http_request.h>

/* SabreDAV has 411 for a body of no bytes, too. */
static int has_body(const request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    return length ? length[strspn(length, "0")] != '\0'
                  : apr_table_get(r->headers_in, "Transfer-Encoding") != NULL;
}

/* httpd has asked for PATCH itself; what it does is what a PUT does. */
static dms_error_t *ask_for_put(request_rec *r)
{
    int status = dms_act_require(r, DMS_ACT_REPLACE, DMS_KIND_FILE,
                                 dms_method_uri(r, DMS_KIND_FILE));

    return status == HTTP_OK
               ? NULL
               : dms_error(r->pool, status, NULL, "nothing may be written into this file");
}

static dms_error_t *answer_patch(dms_request_t *request, int *result)
{
    request_rec *r = request->r;
    dms_range_t part;
    dms_upload_how_t how = {&part, 1, HTTP_RANGE_NOT_SATISFIABLE};
    dms_error_t *error;

    if (!dms_is_media_type(apr_table_get(r->headers_in, "Content-Type"), DMS_PARTIAL_UPDATE)) {
        apr_table_setn(r->err_headers_out, "Accept-Patch", DMS_PARTIAL_UPDATE);
        return dms_error(r->pool, HTTP_UNSUPPORTED_MEDIA_TYPE, NULL,
                         "a PATCH is of the type " DMS_PARTIAL_UPDATE);
    }
    if (!dms_update_range_parse(apr_table_get(r->headers_in, "X-Update-Range"), &part)) {
        return dms_error(r->pool, HTTP_BAD_REQUEST, NULL,
                         "X-Update-Range is missing, or can't be understood");
    }
    if (!has_body(r)) {
        return dms_error(r->pool, HTTP_LENGTH_REQUIRED, NULL, "a PATCH needs a body");
    }
    error = ask_for_put(r);
    return error ? error : dms_upload(request, &how);
}

const dms_method_t dms_method_patch = {
    .name = "PATCH",
    .answer = answer_patch,
    .kinds = DMS_ON_FILE,
    .is_offered = dms_upload_is_offered,
    .compliance = "sabredav-partialupdate",
};
