/*
 * The step of a COPY or MOVE from before to after, and what the store has to know of it.
 */
#include "methods/transfer.h"

#include <errno.h>

#include <apr_strings.h>
#include <http_log.h>

#include "changes/changes.h"
#include "keys/keys.h"
#include "methods/steps.h"
#include "recovery/recovery.h"
#include "repository/tree.h"

APLOG_USE_MODULE(dav_multistatus);

/* What is copied is the client's (RFC 4331, section 6). How much it is, nobody counts beforehand:
 * who has as much as there may be copies no more. */
static dms_error_t *check_usage(dms_transfer_t *transfer, dms_tx_t *tx)
{
    const dms_config_t *config = transfer->target.config;
    dms_usage_t usage;
    dms_error_t *error = dms_step_stored(transfer->request, tx,
                                         dms_tx_usage(tx, transfer->to.key, &usage));

    if (error
        || (usage.principal_bytes < dms_config_max_property_bytes(config)
            && usage.collection_properties < dms_config_max_properties(config))) {
        return error;
    }
    dms_step_abort(transfer->request, tx);
    transfer->noted.id = 0;
    return dms_error(transfer->request->r->pool, HTTP_INSUFFICIENT_STORAGE, "quota-not-exceeded",
                     "there are as many properties as there may be (DavMultistatusMaxProperties, "
                     "DavMultistatusMaxPropertyBytes)");
}

dms_error_t *dms_transfer_intend(dms_transfer_t *transfer, dms_intent_e intent,
                                 const char *identity, const char *replaced)
{
    int from_has = 0, to_has = 0;
    dms_tx_t *tx;
    dms_error_t *error = dms_step_begin(transfer->request, &tx);
    apr_status_t rv;

    if (error) {
        return error;
    }
    transfer->noted.intent = intent;
    transfer->noted.from = transfer->from.key;
    transfer->noted.to = transfer->to.key;
    transfer->noted.deep = transfer->deep;
    transfer->noted.identity = identity;
    transfer->noted.replaced = replaced;
    transfer->noted.reserved = transfer->reserved;
    rv = dms_tx_has_properties(tx, transfer->from.key, &from_has);
    if (rv == APR_SUCCESS) {
        rv = dms_tx_has_properties(tx, transfer->to.key, &to_has);
    }
    if (rv == APR_SUCCESS
        && (from_has || to_has || dms_is_collection(&transfer->to)
            || (intent == DMS_INTENT_COPY && dms_is_collection(&transfer->from)))) {
        rv = dms_tx_intend(tx, &transfer->noted);
    }
    error = dms_step_stored(transfer->request, tx, rv);
    if (!error && from_has && !transfer->is_move) {
        error = check_usage(transfer, tx);
    }
    return error ? error : dms_step_commit(transfer->request, tx);
}

static apr_status_t intend_removal(dms_transfer_t *transfer, dms_tx_t *tx)
{
    const char *beside = transfer->is_move && !transfer->by_copy ? transfer->from.key
                                                                 : transfer->to.key;

    transfer->leftover.intent = DMS_INTENT_REMOVE;
    transfer->leftover.from = dms_key_sibling(transfer->request->r->pool, beside,
                                              transfer->reserved);
    return dms_tx_intend(tx, &transfer->leftover);
}

/* Tells what has happened. Not all may be at the destination: what isn't has no properties there,
 * and keeps them at the source. */
static apr_status_t tell_change(dms_transfer_t *transfer, dms_tx_t *tx)
{
    dms_witness_t witness = {transfer->request->provider, transfer->request->r->pool};
    dms_sweep_t sweep = {.key = transfer->to.key,
                         .presence = dms_witness_presence,
                         .baton = &witness};
    int goes_by_member = transfer->by_copy && dms_is_collection(&transfer->from);
    int is_whole = !transfer->failures.reply && !goes_by_member;
    apr_status_t rv;

    if (transfer->is_move && is_whole) {
        return dms_changed(tx, DMS_CHANGE(DMS_MOVED, .key = transfer->to.key,
                                          .from = transfer->from.key));
    }
    rv = dms_changed(tx, DMS_CHANGE(DMS_COPIED, .key = transfer->to.key, .from = transfer->from.key,
                                    .deep = transfer->deep, .sweep = is_whole ? NULL : &sweep,
                                    .pool = witness.pool));
    if (rv == APR_SUCCESS && goes_by_member) {
        transfer->emptied.intent = DMS_INTENT_DELETE;
        transfer->emptied.from = transfer->from.key;
        rv = dms_tx_intend(tx, &transfer->emptied);
    }
    return rv;
}

/* Ends the step: tells what has happened, and what is left to do; or, where nothing has, only
 * forgets the intention. */
static dms_error_t *settle(dms_transfer_t *transfer, dms_tx_t *tx, int has_happened)
{
    apr_status_t rv = has_happened ? tell_change(transfer, tx) : APR_SUCCESS;
    dms_error_t *error;

    if (rv == APR_SUCCESS && has_happened && dms_transfer_leaves_something(transfer)) {
        rv = intend_removal(transfer, tx);
    }
    if (rv == APR_SUCCESS && transfer->noted.id) {
        rv = dms_tx_settle(tx, &transfer->noted);
    }
    error = dms_step_stored(transfer->request, tx, rv);
    if (!error) {
        error = dms_step_commit(transfer->request, tx);
    }
    if (!error || has_happened) { /* settled; or a later look at the disk has to settle it */
        transfer->noted.id = 0;
    }
    return error;
}

static int ignore_failure(void *baton, const char *path, int at_target, apr_status_t status)
{
    return 1;
}

/* Removes what the destination was before, and what has no name any client knows. */
void dms_transfer_remove_reserved(dms_transfer_t *transfer, dms_node_t *parent)
{
    request_rec *r = transfer->request->r;
    dms_tree_t tree = {.provider = transfer->request->provider, .failed = ignore_failure};
    apr_status_t rv = dms_tree_remove(&tree, parent, transfer->reserved, DMS_KIND_COLLECTION,
                                      r->pool);

    if (rv == APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_TRACE1, 0, r, "%s, beside %s, is removed",
                      transfer->reserved, transfer->to_uri);
    }
    if (rv != APR_SUCCESS && rv != ENOENT) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, rv, r,
                      "%s, beside %s, could not be removed whole: what a %s has replaced",
                      transfer->reserved, transfer->to_uri, r->method);
    }
    if (transfer->leftover.id) { /* a failure leaves that to be completed */
        dms_step_settle(transfer->request, &transfer->leftover);
    }
}

/* Makes name in `from` be the destination. What was there before is afterwards under the reserved
 * name in `from`, if it was or is a collection; otherwise it is gone. */
static apr_status_t place(dms_transfer_t *transfer, dms_node_t *from, const char *name)
{
    const dms_provider_t *provider = transfer->request->provider;
    const char *to = transfer->to.name;
    apr_status_t rv;

    if (transfer->to.facts.kind == DMS_KIND_NONE) {
        return provider->rename(from, name, transfer->to_parent, to, DMS_RENAME_NEW);
    }
    if (!dms_is_collection(&transfer->from) && !dms_is_collection(&transfer->to)) {
        return provider->rename(from, name, transfer->to_parent, to, DMS_RENAME_REPLACE);
    }
    rv = provider->rename(from, name, transfer->to_parent, to, DMS_RENAME_EXCHANGE);
    if (rv == APR_SUCCESS && strcmp(name, transfer->reserved)) {
        rv = provider->rename(from, name, from, transfer->reserved, DMS_RENAME_NEW);
        if (rv != APR_SUCCESS) { /* as it was */
            provider->rename(from, name, transfer->to_parent, to, DMS_RENAME_EXCHANGE);
        }
    }
    return rv;
}

/* Puts a file that was copied to be moved in place, and removes its source: both, or neither. What
 * it replaces stays under the reserved name until then. */
static apr_status_t place_for_source(dms_transfer_t *transfer)
{
    const dms_provider_t *provider = transfer->request->provider;
    int replaces = transfer->to.facts.kind != DMS_KIND_NONE;
    dms_rename_e how = replaces ? DMS_RENAME_EXCHANGE : DMS_RENAME_NEW;
    apr_status_t rv = provider->rename(transfer->to_parent, transfer->reserved, transfer->to_parent,
                                       transfer->to.name, how);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = dms_method_sync(transfer->request, transfer->to_parent); /* before the other one goes */
    if (rv == APR_SUCCESS) {
        rv = provider->remove(transfer->from_parent, transfer->from.name,
                              transfer->from.facts.kind);
    }
    if (rv != APR_SUCCESS) { /* as it was; the copy goes with its reserved name */
        provider->rename(transfer->to_parent, transfer->to.name, transfer->to_parent,
                         transfer->reserved, how);
    }
    else if (replaces && !dms_is_collection(&transfer->to)) {
        provider->remove(transfer->to_parent, transfer->reserved, DMS_KIND_FILE);
    }
    return rv;
}

/* A file that was copied to be moved goes with the copy's placing, unless it has changed since. */
static dms_error_t *check_source(dms_transfer_t *transfer)
{
    if (transfer->by_copy && !dms_is_collection(&transfer->from)
        && strcmp(transfer->from.facts.etag, transfer->from_etag)) {
        return dms_error(transfer->request->r->pool, HTTP_CONFLICT, NULL,
                         "the source has changed meanwhile");
    }
    return NULL;
}

/* The step from before to after: nobody else changes anything meanwhile. */
dms_error_t *dms_transfer_put_in_place(dms_transfer_t *transfer, dms_node_t *from, const char *name,
                                       apr_status_t *rv)
{
    dms_tx_t *tx;
    dms_error_t *error = dms_step_begin(transfer->request, &tx), *failure;

    if (error) {
        return error;
    }
    *rv = APR_EGENERAL;
    failure = dms_transfer_check(transfer);
    if (!failure) {
        failure = check_source(transfer);
    }
    if (!failure) {
        *rv = transfer->by_copy && !dms_is_collection(&transfer->from)
                  ? place_for_source(transfer)
                  : place(transfer, from, name);
        if (*rv != APR_SUCCESS) {
            failure = dms_error_about(dms_error_of(transfer->request->r->pool, *rv,
                                                   "the destination can't be put in place"),
                                      transfer->target.r);
        }
    }
    error = settle(transfer, tx, !failure);
    ap_log_rerror(APLOG_MARK, APLOG_TRACE1, 0, transfer->request->r, "%s is %sin its place",
                  transfer->to_uri, failure ? "not " : "");
    return failure ? failure : error;
}

void dms_transfer_give_up(dms_transfer_t *transfer)
{
    dms_tx_t *tx;

    if (transfer->noted.id && !dms_step_begin(transfer->request, &tx)) {
        settle(transfer, tx, 0);
    }
}
