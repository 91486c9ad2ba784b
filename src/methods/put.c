/*
 * PUT (RFC 4918, section 9.7; RFC 9110, section 9.3.4): a file's content, or with Content-Range
 * (section 14.5) a part of it.
 */
#include "methods/upload.h"

static dms_error_t *answer_put(dms_request_t *request, int *result)
{
    const char *range = apr_table_get(request->r->headers_in, "Content-Range");
    dms_upload_how_t how = {.mismatch = HTTP_BAD_REQUEST};
    dms_range_t part;

    if (range) {
        if (!dms_range_parse(range, &part)) {
            return dms_error(request->r->pool, HTTP_BAD_REQUEST, NULL,
                             "Content-Range can't be understood");
        }
        how.part = &part;
    }
    return dms_upload(request, &how);
}

const dms_method_t dms_method_put = {
    .name = "PUT",
    .answer = answer_put,
    .kinds = DMS_ON_NONE | DMS_ON_FILE,
    .is_offered = dms_upload_is_offered,
};
