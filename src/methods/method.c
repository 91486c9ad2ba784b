#include "methods/method.h"

#include <http_protocol.h>
#include <http_request.h>

dms_error_t *dms_method_lookup(dms_request_t *request, unsigned int facts, int must_exist,
                               dms_resource_t *resource)
{
    request_rec *r = request->r;
    apr_status_t rv = request->provider->lookup(r, request->config->base, facts, resource);

    if (rv != APR_SUCCESS) {
        return dms_error_of(r->pool, rv, "the resource can't be looked up");
    }
    if (must_exist
        && (resource->facts.kind == DMS_KIND_NONE || resource->facts.kind == DMS_KIND_OTHER)) {
        return dms_error(r->pool, HTTP_NOT_FOUND, NULL, "there is no such resource");
    }
    return NULL;
}

void dms_method_set_allowed(request_rec *r, const dms_resource_t *resource)
{
    ap_allow_methods(r, REPLACE_ALLOW, "OPTIONS", NULL);
    if (resource->facts.kind == DMS_KIND_FILE || resource->facts.kind == DMS_KIND_COLLECTION) {
        ap_allow_methods(r, MERGE_ALLOW, "GET", "PROPFIND", NULL);
    }
}
