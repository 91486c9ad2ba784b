/*
 * The step of a COPY or MOVE from before to after, and what the store has to know of it.
 */
#include "methods/transfer.h"

#include <errno.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_log.h>

#include "changes/changes.h"
#include "keys/keys.h"
#include "methods/steps.h"
#include "recovery/recovery.h"
#include "repository/renames.h"
#include "repository/tree.h"

APLOG_USE_MODULE(dav_multistatus);

/* Whether a kill in the midst of the act would leave something to complete. */
static int needs_completing(const dms_transfer_t *transfer, dms_intent_e intent)
{
    return dms_transfer_leaves_something(transfer)
           || (intent == DMS_INTENT_COPY && dms_is_collection(&transfer->from))
           || (transfer->is_move && transfer->by_steps);
}

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
    if (rv == APR_SUCCESS && (from_has || to_has || needs_completing(transfer, intent))) {
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
    transfer->leftover.to = transfer->to.key;
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
static dms_error_t *settle(dms_transfer_t *transfer, dms_tx_t *tx, int has_happened, int is_last)
{
    /* A copy that is not in place has still to be removed. */
    int is_settled = has_happened || is_last || transfer->noted.intent != DMS_INTENT_COPY;
    apr_status_t rv = has_happened ? tell_change(transfer, tx) : APR_SUCCESS;
    dms_error_t *error;

    if (transfer->is_torn) { /* recovery/recovery.h completes it, once this process has ended */
        transfer->noted.id = 0;
        dms_step_abort(transfer->request, tx);
        return NULL;
    }
    if (rv == APR_SUCCESS && has_happened && dms_transfer_leaves_something(transfer)) {
        rv = intend_removal(transfer, tx);
    }
    if (rv == APR_SUCCESS && is_settled && transfer->noted.id) {
        rv = dms_tx_settle(tx, &transfer->noted);
    }
    error = dms_step_stored(transfer->request, tx, rv);
    if (!error) {
        error = dms_step_commit(transfer->request, tx);
    }
    if ((!error && is_settled)
        || has_happened) { /* settled; or a later look at the disk has to settle it */
        transfer->noted.id = 0;
    }
    return error;
}

/* The URI of a collection of another name, beside the destination. */
static const char *sibling_uri(dms_transfer_t *transfer, const char *name)
{
    apr_pool_t *pool = transfer->request->r->pool;
    char *uri = apr_pstrdup(pool, transfer->to_uri);
    apr_size_t length = strlen(uri);

    if (length > 1 && uri[length - 1] == '/') {
        uri[length - 1] = '\0';
    }
    return apr_pstrcat(pool, ap_make_dirstr_parent(pool, uri), apr_pescape_path(pool, name, 1), "/",
                       NULL);
}

static int note_cause(void *cause, const char *path, int at_target, apr_status_t status)
{
    *(apr_status_t *)cause = status;
    return 1;
}

/* What was replaced and can't be removed whole is not hidden: it gets another name. Only what
 * changes between the look at it and its removal comes here, and a disk that fails. */
static void show_rest(dms_transfer_t *transfer, const dms_tree_t *tree, dms_node_t *parent,
                      apr_status_t cause)
{
    request_rec *r = transfer->request->r;
    const char *shown, *uri;
    apr_status_t rv = dms_tree_show(tree, parent, transfer->reserved, transfer->to_parent,
                                    transfer->to.name, r->pool, &shown);

    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, rv, r,
                      "%s, what a %s has replaced at %s, can be neither removed nor renamed",
                      transfer->reserved, r->method, transfer->to_uri);
        return;
    }
    uri = sibling_uri(transfer, shown);
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, cause, r,
                  "what a %s has replaced at %s can't be removed whole; the rest is now %s",
                  r->method, transfer->to_uri, uri);
    dms_failures_add(&transfer->failures, uri, dms_status_from(cause));
    dms_step_settle(transfer->request, &transfer->leftover);
}

/* What can't be removed of a copy that has failed is left to recovery. */
static void leave_copy(dms_transfer_t *transfer, apr_status_t cause)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, cause, transfer->request->r,
                  "%s, beside %s, could not be removed whole: the copy that a %s has begun",
                  transfer->reserved, transfer->to_uri, transfer->request->r->method);
    transfer->noted.id = 0;
}

/* Removes what the destination was before, and what has no name any client knows. */
void dms_transfer_remove_reserved(dms_transfer_t *transfer, dms_node_t *parent)
{
    request_rec *r = transfer->request->r;
    apr_status_t cause = APR_SUCCESS, rv;
    dms_tree_t tree = {.provider = transfer->request->provider,
                       .is_own = 1,
                       .failed = note_cause,
                       .baton = &cause};

    rv = dms_tree_remove(&tree, parent, transfer->reserved, DMS_KIND_COLLECTION, r->pool);
    if (rv == APR_SUCCESS || rv == ENOENT) {
        ap_log_rerror(APLOG_MARK, APLOG_TRACE1, 0, r, "%s, beside %s, is removed",
                      transfer->reserved, transfer->to_uri);
        if (transfer->leftover.id) { /* a failure leaves that to be completed */
            dms_step_settle(transfer->request, &transfer->leftover);
        }
        return;
    }
    cause = cause != APR_SUCCESS ? cause : rv;
    if (transfer->leftover.id) {
        show_rest(transfer, &tree, parent, cause);
    }
    else {
        leave_copy(transfer, cause);
    }
}

/* A rename to a name that is free. ENOTSUP where that takes steps for which nothing is noted. */
static apr_status_t rename_new(dms_transfer_t *transfer, dms_node_t *from, const char *name)
{
    const dms_provider_t *provider = transfer->request->provider;

    apr_status_t rv;

    if (!transfer->by_steps) {
        return provider->rename(from, name, transfer->to_parent, transfer->to.name, DMS_RENAME_NEW);
    }
    rv = dms_rename_new(provider, from, name, transfer->to_parent, transfer->to.name);
    if (rv != APR_SUCCESS && transfer->is_move) {
        transfer->is_torn = dms_rename_is_torn(provider, transfer->to_parent, transfer->to.name);
    }
    return rv;
}

/* Lets name in `from` and the destination change places. ENOTSUP as above. */
static apr_status_t exchange(dms_transfer_t *transfer, dms_node_t *from, const char *name)
{
    const dms_provider_t *provider = transfer->request->provider;
    apr_pool_t *pool = transfer->request->r->pool;
    apr_status_t rv = provider->rename(from, name, transfer->to_parent, transfer->to.name,
                                       DMS_RENAME_EXCHANGE);

    return rv == ENOTSUP && transfer->by_steps
               ? dms_exchange_by_steps(provider, from, name, transfer->to_parent, transfer->to.name,
                                       dms_reserved_aside(transfer->reserved, pool),
                                       &transfer->is_torn)
               : rv;
}

/* As it was: gives the destination what it had before, and what has been put there its name. */
static void take_back(dms_transfer_t *transfer, dms_node_t *from, const char *name)
{
    apr_status_t rv = transfer->to.facts.kind != DMS_KIND_NONE
                          ? exchange(transfer, from, name)
                          : dms_rename_new(transfer->request->provider, transfer->to_parent,
                                           transfer->to.name, from, name);

    transfer->is_torn |= rv != APR_SUCCESS;
}

/* Makes name in `from` be the destination. What was there before is afterwards under the reserved
 * name in `from`, if it was or is a collection; otherwise it is gone. */
static apr_status_t place(dms_transfer_t *transfer, dms_node_t *from, const char *name)
{
    const dms_provider_t *provider = transfer->request->provider;
    apr_status_t rv;

    if (transfer->to.facts.kind == DMS_KIND_NONE) {
        return rename_new(transfer, from, name);
    }
    if (!dms_is_collection(&transfer->from) && !dms_is_collection(&transfer->to)) {
        return provider->rename(from, name, transfer->to_parent, transfer->to.name,
                                DMS_RENAME_REPLACE);
    }
    rv = exchange(transfer, from, name);
    if (rv == APR_SUCCESS && strcmp(name, transfer->reserved)) {
        rv = dms_rename_new(provider, from, name, from, transfer->reserved);
        if (rv != APR_SUCCESS) {
            take_back(transfer, from, name);
        }
    }
    return rv;
}

/* Waits until a copy's name is on the disk, before what it was made of goes. */
static apr_status_t sync_copy(dms_transfer_t *transfer)
{
    const dms_provider_t *provider = transfer->request->provider;

    return provider->sync ? provider->sync(transfer->to_parent, 0) : APR_SUCCESS;
}

/* Puts a file that was copied to be moved in place, and removes its source: both, or neither. What
 * it replaces stays under the reserved name until then. */
static apr_status_t place_for_source(dms_transfer_t *transfer)
{
    const dms_provider_t *provider = transfer->request->provider;
    int replaces = transfer->to.facts.kind != DMS_KIND_NONE;
    apr_status_t rv = replaces ? exchange(transfer, transfer->to_parent, transfer->reserved)
                               : rename_new(transfer, transfer->to_parent, transfer->reserved);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = sync_copy(transfer);
    if (rv == APR_SUCCESS) {
        rv = provider->remove(transfer->from_parent, transfer->from.name,
                              transfer->from.facts.kind);
    }
    if (rv != APR_SUCCESS) { /* as it was; the copy goes with its reserved name */
        take_back(transfer, transfer->to_parent, transfer->reserved);
    }
    return rv;
}

/* Waits until the names are on the disk, before the rows go along. */
static apr_status_t sync_names(dms_transfer_t *transfer)
{
    apr_status_t rv = transfer->by_copy ? sync_copy(transfer)
                                        : dms_method_sync(transfer->request, transfer->to_parent);

    return rv == APR_SUCCESS && transfer->is_move
               ? dms_method_sync(transfer->request, transfer->from_parent)
               : rv;
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
    if (!failure) {
        transfer->synced = sync_names(transfer);
    }
    error = settle(transfer, tx, !failure, 0);
    ap_log_rerror(APLOG_MARK, APLOG_TRACE1, 0, transfer->request->r, "%s is %sin its place",
                  transfer->to_uri, failure ? "not " : "");
    return failure ? failure : error;
}

void dms_transfer_give_up(dms_transfer_t *transfer)
{
    dms_tx_t *tx;

    if (transfer->noted.id && !dms_step_begin(transfer->request, &tx)) {
        settle(transfer, tx, 0, 1);
    }
}
