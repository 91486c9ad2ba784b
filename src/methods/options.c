/*
 * OPTIONS (RFC 9110, section 9.3.7; RFC 4918, sections 10.1 and 18): what is true of this resource.
 */
#include "methods/method.h"

#include <http_core.h>
#include <mod_core.h>

static dms_error_t *answer_options(dms_request_t *request, int *result)
{
    request_rec *r = request->r;
    dms_resource_t resource = {.node = NULL};
    dms_error_t *error = dms_method_lookup(request, 0, 0, &resource);

    if (error) {
        return error;
    }
    dms_method_set_allowed(request, &resource);
    apr_table_setn(r->headers_out, "DAV", dms_table_compliance(r, request->provider));
    apr_table_setn(r->headers_out, "MS-Author-Via", "DAV"); /* Office and Windows */
    *result = ap_send_http_options(r);
    return NULL;
}

const dms_method_t dms_method_options = {
    .name = "OPTIONS",
    .answer = answer_options,
    .kinds = DMS_ON_ALL,
};
