/*
 * MKCOL (RFC 4918, section 9.3).
 */
#include "methods/method.h"

#include <errno.h>

#include "changes/changes.h"
#include "methods/barriers.h"
#include "methods/conditions.h"
#include "methods/steps.h"
#include "server/body.h"

static dms_error_t *already_there(dms_request_t *request, const dms_resource_t *resource)
{
    dms_method_set_allowed(request, resource);
    return dms_error(request->r->pool, HTTP_METHOD_NOT_ALLOWED, NULL, "something is there already");
}

static dms_error_t *check(dms_request_t *request, dms_resource_t *resource, dms_node_t **parent)
{
    dms_error_t *error = dms_method_lookup(request, DMS_CONDITION_FACTS, 0, resource);

    if (error) {
        return error;
    }
    if (resource->facts.kind != DMS_KIND_NONE) {
        return already_there(request, resource);
    }
    error = dms_method_parent(request, resource, parent);
    if (!error) {
        error = dms_conditions_check(request, resource);
    }
    return error ? error
                 : dms_barriers_check(request, resource->key, DMS_WRITES_SELF | DMS_WRITES_PARENT);
}

/* Makes the collection, while nobody else can make or change anything. */
static dms_error_t *make(dms_request_t *request, dms_tx_t *tx, dms_resource_t *resource)
{
    dms_node_t *parent;
    dms_error_t *error = check(request, resource, &parent);
    apr_status_t rv;

    if (error) {
        return error;
    }
    rv = dms_changed(tx, DMS_CHANGE(DMS_CREATED, .key = resource->key));
    if (rv != APR_SUCCESS) {
        return dms_error_of_store(request->r, rv);
    }
    rv = request->provider->make_collection(parent, resource->name, 0, request->r->pool, NULL);
    if (rv == EEXIST) {
        return already_there(request, resource);
    }
    if (rv == APR_SUCCESS) {
        rv = dms_method_sync(request, parent);
        if (rv != APR_SUCCESS && request->provider->remove) { /* as it was */
            request->provider->remove(parent, resource->name, DMS_KIND_COLLECTION);
        }
    }
    return rv == APR_SUCCESS ? NULL
                             : dms_error_of(request->r->pool, rv, "the collection can't be made");
}

static dms_error_t *answer_mkcol(dms_request_t *request, int *result)
{
    request_rec *r = request->r;
    dms_resource_t resource = {.node = NULL};
    dms_error_t *error = dms_body_none(r);
    dms_tx_t *tx;

    if (error) {
        return error;
    }
    error = dms_method_lookup(request, DMS_CONDITION_FACTS, 0, &resource);
    if (error) {
        return error;
    }
    if (resource.facts.kind != DMS_KIND_NONE) {
        return already_there(request, &resource);
    }
    error = dms_step_begin_new(request, resource.key, &tx);
    if (error) {
        return error;
    }
    error = make(request, tx, &resource);
    if (error) {
        dms_step_abort(request, tx);
        return error;
    }
    r->status = HTTP_CREATED;
    return dms_step_commit(request, tx);
}

static int is_offered(const dms_provider_t *provider, dms_kind_e kind)
{
    return provider->parent && provider->make_collection;
}

const dms_method_t dms_method_mkcol = {
    .name = "MKCOL",
    .answer = answer_mkcol,
    .kinds = DMS_ON_NONE,
    .is_offered = is_offered,
};
