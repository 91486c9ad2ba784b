#include "methods/method.h"

#include <errno.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <http_request.h>

#include "keys/keys.h"
#include "request/headers.h"
#include "server/state.h"

void dms_method_set_allowed(dms_request_t *request, const dms_resource_t *resource)
{
    dms_table_set_allowed(request->r, request->provider, resource->facts.kind);
}

apr_status_t dms_method_sync(dms_request_t *request, dms_node_t *collection)
{
    return request->provider->sync && dms_config_sync(request->config)
               ? request->provider->sync(collection, 0)
               : APR_SUCCESS;
}

dms_error_t *dms_method_lookup(dms_request_t *request, unsigned int facts, int must_exist,
                               dms_resource_t *resource)
{
    request_rec *r = request->r;
    apr_status_t rv = request->provider->lookup(r, request->config->base, facts, resource);

    if (rv != APR_SUCCESS) {
        return dms_error_of(r->pool, rv, "the resource can't be looked up");
    }
    resource->key = dms_key_of(r->pool, request->provider, resource->key);
    if (resource->facts.kind == DMS_KIND_OTHER) {
        return dms_error(r->pool, must_exist ? HTTP_NOT_FOUND : HTTP_FORBIDDEN, NULL,
                         "what is there is neither a file nor a collection");
    }
    if (must_exist && resource->facts.kind == DMS_KIND_NONE) {
        return dms_error(r->pool, HTTP_NOT_FOUND, NULL, "there is no such resource");
    }
    return NULL;
}

dms_error_t *dms_method_parent(dms_request_t *request, dms_resource_t *resource,
                               dms_node_t **parent)
{
    request_rec *r = request->r;
    apr_status_t rv = request->provider->parent(resource, r, parent);

    if (rv == ENOENT || rv == ENOTDIR) {
        return dms_error(r->pool, HTTP_CONFLICT, NULL, "the collection it would be in is missing");
    }
    if (rv == EPERM) {
        return dms_error(r->pool, HTTP_FORBIDDEN, NULL, "this is the repository's root");
    }
    return rv == APR_SUCCESS ? NULL : dms_error_of(r->pool, rv, "the collection can't be opened");
}

dms_error_t *dms_method_deep_only(dms_request_t *request, const dms_resource_t *resource)
{
    const char *depth = apr_table_get(request->r->headers_in, "Depth");

    if (resource->facts.kind == DMS_KIND_COLLECTION
        && dms_depth_parse(depth, DMS_DEPTH_INFINITY) != DMS_DEPTH_INFINITY) {
        return dms_error(request->r->pool, HTTP_BAD_REQUEST, NULL,
                         "on a collection, Depth can only be infinity");
    }
    return NULL;
}

static dms_error_t *store_error(dms_request_t *request, apr_status_t rv)
{
    return dms_error(request->r->pool,
                     rv == ENOSPC ? HTTP_INSUFFICIENT_STORAGE : HTTP_INTERNAL_SERVER_ERROR, NULL,
                     "the store of properties and locks failed");
}

dms_error_t *dms_method_begin(dms_request_t *request, dms_tx_t **tx)
{
    request_rec *r = request->r;
    dms_store_t *store = dms_state_store();
    apr_status_t rv = APR_EGENERAL;

    if (store) {
        if (!request->has_recovered) {
            dms_state_recover(r->pool, request->provider);
            request->has_recovered = 1;
        }
        rv = dms_tx_begin(store, r->pool, tx);
        request->tx = *tx;
    }
    return rv == APR_SUCCESS ? NULL : store_error(request, rv);
}

dms_error_t *dms_method_stored(dms_request_t *request, dms_tx_t *tx, apr_status_t rv)
{
    if (rv == APR_SUCCESS) {
        return NULL;
    }
    if (tx) {
        dms_method_abort(request, tx);
    }
    return store_error(request, rv);
}

dms_error_t *dms_method_commit(dms_request_t *request, dms_tx_t *tx)
{
    apr_status_t rv = dms_tx_commit(tx);

    request->tx = NULL;
    return rv == APR_SUCCESS ? NULL : store_error(request, rv);
}

void dms_method_abort(dms_request_t *request, dms_tx_t *tx)
{
    request->tx = NULL;
    dms_tx_abort(tx);
}

/* How long others wait for one who removes a tree. */
#define SHIFT apr_time_from_msec(20)

void dms_shift_end(dms_shift_t *shift)
{
    if (shift->tx) {
        dms_tx_commit(shift->tx); /* has changed nothing */
        apr_pool_destroy(shift->pool);
        shift->tx = shift->request->tx = NULL;
    }
}

apr_status_t dms_shift_member(dms_shift_t *shift, int *is_new)
{
    apr_status_t rv;

    *is_new = 0;
    if (shift->tx && apr_time_now() < shift->until) {
        return APR_SUCCESS;
    }
    dms_shift_end(shift);
    *is_new = 1;
    apr_pool_create(&shift->pool, shift->request->r->pool);
    rv = dms_tx_begin(dms_state_store(), shift->pool, &shift->tx);
    shift->until = apr_time_now() + SHIFT;
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(shift->pool);
        shift->tx = NULL;
    }
    shift->request->tx = shift->tx;
    return rv;
}

const char *dms_method_uri(request_rec *r, dms_kind_e kind)
{
    const char *uri = apr_pescape_path(r->pool, r->uri, 1);

    return kind == DMS_KIND_COLLECTION && uri[strlen(uri) - 1] != '/'
               ? apr_pstrcat(r->pool, uri, "/", NULL)
               : uri;
}

int dms_report_failure(dms_report_t *report, const char *uri, int status)
{
    dms_response_t *response;

    if (!report->reply) {
        report->reply = dms_reply_create(report->r);
    }
    response = dms_response_create(dms_reply_pool(report->reply), uri);
    dms_response_set_status(response, status);
    return dms_reply_add(report->reply, response);
}

int dms_report_end(dms_report_t *report, int status)
{
    if (report->reply) {
        return dms_reply_end(report->reply, NULL);
    }
    report->r->status = status;
    return OK;
}
