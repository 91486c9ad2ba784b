/*
 * COPY (RFC 4918, section 9.8): the copy is made under a reserved name beside its destination, and
 * then put in place in one step.
 */
#include "methods/transfer.h"

#include <apr_strings.h>
#include <http_log.h>

#include "methods/steps.h"
#include "repository/tree.h"

APLOG_USE_MODULE(dav_multistatus);

static request_rec *ruler_of_source(void *baton)
{
    dms_transfer_t *transfer = baton;

    return dms_members_ruler(transfer->from_members);
}

/* Makes the copy of a collection under the reserved name. */
static apr_status_t copy_collection(dms_transfer_t *transfer, dms_node_t *made)
{
    dms_tree_t tree = {.provider = transfer->request->provider,
                       .r = transfer->request->r,
                       .failed = dms_transfer_member_failed,
                       .check = dms_transfer_member_check,
                       .ruler = ruler_of_source,
                       .baton = transfer};
    apr_status_t rv = APR_SUCCESS;

    if (transfer->deep) {
        rv = dms_tree_copy(&tree, transfer->from.node, made, transfer->is_move,
                           transfer->request->r->pool);
    }
    if (rv == APR_INCOMPLETE) { /* the failures have been told */
        rv = APR_SUCCESS;
    }
    return rv == APR_SUCCESS && tree.provider->give
               ? tree.provider->give(transfer->from.node, transfer->to_parent, transfer->reserved,
                                     transfer->is_move)
               : rv;
}

/* Makes what will be the copy's root, under the reserved name: a file whole, a collection empty. */
static apr_status_t begin_copy(dms_transfer_t *transfer, dms_node_t **made, int *at_target)
{
    const dms_provider_t *provider = transfer->request->provider;
    request_rec *r = transfer->request->r;

    if (dms_is_collection(&transfer->from)) {
        *at_target = 1;
        return provider->make_collection(transfer->to_parent, transfer->reserved, 1, r->pool, made);
    }
    return provider->copy(transfer->from_parent, transfer->from.name, r, transfer->is_move,
                          transfer->to_parent, transfer->reserved, at_target);
}

/* Whether the copy has to be on the disk before it is put in place: what it was made from is going
 * to be removed, or the client is told that it is there. */
static int needs_sync(const dms_transfer_t *transfer)
{
    return transfer->request->provider->sync
           && (transfer->is_move || dms_config_sync(transfer->request->config));
}

/* Notes what the copy is told by when it is in place: a crash after that is completed, one before
 * it undone. */
static dms_error_t *intend_placing(dms_transfer_t *transfer)
{
    apr_pool_t *pool = transfer->request->r->pool;
    const char *identity = "";
    apr_status_t rv = transfer->request->provider->identity(transfer->to_parent, transfer->reserved,
                                                            pool, &identity);

    return rv == APR_SUCCESS ? dms_transfer_intend(transfer, DMS_INTENT_COPY, identity, NULL)
                             : dms_error_of(pool, rv, "the copy can't be found");
}

dms_error_t *dms_transfer_copy(dms_transfer_t *transfer)
{
    dms_node_t *made = NULL;
    dms_error_t *error = dms_transfer_check_room(transfer);
    apr_status_t rv = APR_SUCCESS;
    int at_target = 0;

    if (error) {
        return error;
    }
    transfer->by_steps = 1; /* what a kill leaves of a copy is known by its reserved name */
    ap_log_rerror(APLOG_MARK, APLOG_TRACE1, 0, transfer->request->r, "%s is copied to %s, as %s",
                  transfer->from_uri, transfer->to_uri, transfer->reserved);
    if (dms_is_collection(&transfer->from)) {
        /* before there is anything that a crash could leave */
        error = dms_transfer_intend(transfer, DMS_INTENT_COPY, NULL, NULL);
    }
    if (!error) {
        rv = begin_copy(transfer, &made, &at_target);
    }
    if (rv == APR_SUCCESS && !error && made) {
        rv = copy_collection(transfer, made);
    }
    if (rv == APR_SUCCESS && !error) {
        error = intend_placing(transfer);
    }
    if (rv == APR_SUCCESS && !error && needs_sync(transfer)) {
        rv = transfer->request->provider->sync(transfer->to_parent, 1);
    }
    if (rv != APR_SUCCESS) {
        error = dms_error_about(dms_error_of(transfer->request->r->pool, rv, "it can't be copied"),
                                at_target ? transfer->target.r : NULL);
    }
    if (!error) {
        error = dms_transfer_put_in_place(transfer, transfer->to_parent, transfer->reserved, &rv);
    }
    if (error ? !transfer->is_torn : dms_transfer_leaves_something(transfer)) {
        dms_transfer_remove_reserved(transfer, transfer->to_parent);
    }
    return error;
}

static dms_error_t *answer_copy(dms_request_t *request, int *result)
{
    dms_transfer_t transfer = {.request = request, .act = dms_transfer_copy};

    return dms_transfer_run(&transfer, result);
}

static int offers_copy(const dms_provider_t *provider, dms_kind_e kind)
{
    return dms_transfer_is_offered(provider, kind) && provider->copy && provider->make_collection;
}

const dms_method_t dms_method_copy = {
    .name = "COPY",
    .answer = answer_copy,
    .kinds = DMS_ON_FILE | DMS_ON_COLLECTION,
    .is_offered = offers_copy,
};
