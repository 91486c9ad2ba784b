/*
 * PATCH (RFC 5789) with SabreDAV's media type: a part of a file that is there, for clients that
 * look for "sabredav-partialupdate" in the DAV header.
 */
#include "methods/upload.h"

#include <http_request.h>

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

/* webdavfs makes a file by a part of no bytes where nothing is, if it is to write parts of it (RFC
 * 5789, section 2, lets a PATCH make something). What somebody else makes meanwhile stays as it is:
 * 409. */
static dms_error_t *make_empty(dms_request_t *request)
{
    static const dms_range_t nothing = {.length = 0};
    const dms_upload_how_t how = {&nothing, 0, HTTP_RANGE_NOT_SATISFIABLE};
    dms_resource_t resource = {.node = NULL};
    dms_error_t *error = dms_method_lookup(request, 0, 0, &resource);

    if (!error && resource.facts.kind != DMS_KIND_NONE) { /* as SabreDAV has it */
        error = dms_error(request->r->pool, HTTP_LENGTH_REQUIRED, NULL, "a PATCH needs a body");
    }
    return error ? error : dms_upload(request, &how);
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
    error = ask_for_put(r);
    if (error) {
        return error;
    }
    return has_body(r) ? dms_upload(request, &how) : make_empty(request);
}

const dms_method_t dms_method_patch = {
    .name = "PATCH",
    .answer = answer_patch,
    .kinds = DMS_ON_FILE,
    .is_offered = dms_upload_is_offered,
    .compliance = "sabredav-partialupdate",
};
