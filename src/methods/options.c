/*
 * OPTIONS (RFC 9110, section 9.3.7; RFC 4918, sections 10.1 and 18): what is true of this resource.
 */
#include "methods/method.h"

#include <http_core.h>
#include <mod_core.h>

#include "request/headers.h"

static dms_error_t *answer_options(dms_request_t *request, int *result)
{
    request_rec *r = request->r;
    dms_resource_t resource = {.node = NULL};
    dms_error_t *error = dms_method_lookup(request, 0, 0, &resource);

    if (error) {
        return error;
    }
    dms_method_set_allowed(request, &resource);
    if (dms_table_offers_for(request->provider, &dms_method_patch, resource.facts.kind)) {
        apr_table_setn(r->headers_out, "Accept-Patch", DMS_PARTIAL_UPDATE); /* RFC 5789, 3.1 */
    }
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
