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
#include "methods/room.h"
#include "methods/steps.h"
#include "recovery/recovery.h"
#include "repository/renames.h"
#include "repository/tree.h"
#include "server/state.h"

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
    return dms_error(transfer->request->r->pool, HTTP_INSUFFICIENT_STORAGE, "quota-not-exceeded",
                     "there are as many properties as there may be (DavMultistatusMaxProperties, "
                     "DavMultistatusMaxPropertyBytes)");
}

/* Whether the store has something that a transfer changes. */
static apr_status_t has_rows(dms_transfer_t *transfer, dms_tx_t *tx, int *has)
{
    dms_lock_t *locks = NULL;
    int to_has = 0;
    apr_status_t rv = dms_tx_has_properties(tx, transfer->from.key, has);

    if (rv == APR_SUCCESS) {
        rv = dms_tx_has_properties(tx, transfer->to.key, &to_has);
    }
    if (rv == APR_SUCCESS && transfer->is_move) {
        rv = dms_tx_locks(tx, transfer->from.key, transfer->request->r->pool, &locks);
    }
    *has |= to_has || locks;
    return rv;
}

dms_error_t *dms_transfer_intend(dms_transfer_t *transfer, dms_intent_e intent,
                                 const char *identity, const char *replaced)
{
    dms_intention_t before = transfer->noted;
    int has = 0;
    dms_tx_t *tx;
    dms_error_t *error = dms_step_begin(transfer->request, &tx);
    apr_status_t rv;

    if (error) {
        return error;
    }
    transfer->noted.id = 0;
    transfer->noted.intent = intent;
    transfer->noted.from = transfer->from.key;
    transfer->noted.to = transfer->to.key;
    transfer->noted.deep = transfer->deep;
    transfer->noted.identity = identity;
    transfer->noted.replaced = replaced;
    transfer->noted.reserved = transfer->reserved;
    rv = has_rows(transfer, tx, &has);
    if (rv == APR_SUCCESS && (has || needs_completing(transfer, intent))) {
        rv = dms_tx_intend(tx, &transfer->noted);
    }
    if (rv == APR_SUCCESS && before.id) {
        rv = dms_tx_settle(tx, &before);
    }
    error = dms_step_stored(transfer->request, tx, rv);
    if (!error && has && !transfer->is_move) {
        error = check_usage(transfer, tx);
    }
    if (!error) {
        error = dms_step_commit(transfer->request, tx);
    }
    if (error) { /* a commit that has failed may still come true */
        dms_store_abandon(dms_state_store(), transfer->noted.id);
        transfer->noted = before;
    }
    return error;
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

static apr_status_t intend_sweep(dms_tx_t *tx, dms_intention_t *intention, const char *key)
{
    intention->intent = DMS_INTENT_DELETE;
    intention->from = key;
    return dms_tx_intend(tx, intention);
}

/* Tells what has happened. Not all may be at the destination: what isn't has no properties there,
 * and keeps them at the source. */
static apr_status_t tell_change(dms_transfer_t *transfer, dms_tx_t *tx)
{
    int goes_by_member = transfer->by_copy && dms_is_collection(&transfer->from);
    int is_whole = !transfer->failures.reply && !goes_by_member;
    apr_status_t rv;

    if (transfer->is_move && is_whole) {
        return dms_changed(tx, DMS_CHANGE(DMS_MOVED, .key = transfer->to.key,
                                          .from = transfer->from.key));
    }
    rv = dms_changed(tx, DMS_CHANGE(DMS_COPIED, .key = transfer->to.key, .from = transfer->from.key,
                                    .deep = transfer->deep));
    if (rv == APR_SUCCESS && !is_whole) {
        rv = intend_sweep(tx, &transfer->partial, transfer->to.key);
    }
    return rv == APR_SUCCESS && goes_by_member
               ? intend_sweep(tx, &transfer->emptied, transfer->from.key)
               : rv;
}

/* Leaves to recovery what may have been noted, or not. */
static void abandon(dms_intention_t *intention)
{
    dms_store_abandon(dms_state_store(), intention->id);
    intention->id = 0;
}

/* Ends the step: tells what has happened, and what is left to do. */
static dms_error_t *settle(dms_transfer_t *transfer, dms_tx_t *tx)
{
    apr_status_t rv = tell_change(transfer, tx);
    dms_error_t *error;

    if (rv == APR_SUCCESS && dms_transfer_leaves_something(transfer)) {
        rv = intend_removal(transfer, tx);
    }
    if (rv == APR_SUCCESS && transfer->noted.id) {
        rv = dms_tx_settle(tx, &transfer->noted);
    }
    error = dms_step_stored(transfer->request, tx, rv);
    if (!error) {
        error = dms_step_commit(transfer->request, tx);
    }
    if (!error) {
        transfer->noted.id = 0;
    }
    else { /* dms_transfer_give_up() sees to what was noted before */
        abandon(&transfer->partial);
        abandon(&transfer->emptied);
        abandon(&transfer->leftover);
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
        dms_store_abandon(dms_state_store(), transfer->leftover.id);
        return;
    }
    uri = sibling_uri(transfer, shown);
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, cause, r,
                  "what a %s has replaced at %s can't be removed whole; the rest is now %s",
                  r->method, transfer->to_uri, uri);
    dms_failures_add(&transfer->failures, uri, dms_status_from(cause));
    dms_transfer_forget_sizes(transfer);
    dms_step_settle(transfer->request, &transfer->leftover);
}

/* What can't be removed of a copy that has failed is left to recovery. */
static void leave_copy(dms_transfer_t *transfer, apr_status_t cause)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, cause, transfer->request->r,
                  "%s, beside %s, could not be removed whole: the copy that a %s has begun",
                  transfer->reserved, transfer->to_uri, transfer->request->r->method);
    if (transfer->noted.id) {
        dms_store_abandon(dms_state_store(), transfer->noted.id);
        transfer->noted.id = 0;
    }
}

void dms_transfer_sweep(dms_transfer_t *transfer, dms_intention_t *noted)
{
    dms_store_t *store = dms_state_store();

    noted->reached = "";
    if (dms_recovery_sweep(store, transfer->request->provider, noted, transfer->request->r->pool)
            != APR_SUCCESS
        || noted->doubts) {
        dms_store_abandon(store, noted->id);
    }
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

/* Whether what the destination was stays beside it until the store knows of the change. A file that
 * nothing hangs on is replaced in one step. */
static int keeps_former(const dms_transfer_t *transfer)
{
    return transfer->to.facts.kind != DMS_KIND_NONE
           && (dms_transfer_leaves_something(transfer) || transfer->noted.id || transfer->by_copy);
}

/* Makes name in `from` be the destination. What was there before is afterwards under the reserved
 * name in `from`, unless nothing keeps it: then it is gone. */
static apr_status_t place(dms_transfer_t *transfer, dms_node_t *from, const char *name)
{
    const dms_provider_t *provider = transfer->request->provider;
    apr_status_t rv;

    if (transfer->to.facts.kind == DMS_KIND_NONE) {
        return rename_new(transfer, from, name);
    }
    if (!keeps_former(transfer)) {
        return provider->rename(from, name, transfer->to_parent, transfer->to.name,
                                DMS_RENAME_REPLACE);
    }
    rv = exchange(transfer, from, name);
    if (rv == APR_SUCCESS && strcmp(name, transfer->reserved)) {
        rv = dms_rename_new(provider, from, name, from, transfer->reserved);
        if (rv != APR_SUCCESS && exchange(transfer, from, name) != APR_SUCCESS) {
            transfer->is_torn = 1;
        }
    }
    return rv;
}

/* A placing that is not known to the store yet. */
typedef struct placing_t {
    dms_transfer_t *transfer;
    dms_node_t *from; /* where what is placed comes from, ... */
    const char *name; /* ... and its name there */
} placing_t;

static apr_status_t take_from_place(const placing_t *placing)
{
    dms_transfer_t *transfer = placing->transfer;
    const dms_provider_t *provider = transfer->request->provider;
    dms_node_t *from = placing->from;
    apr_status_t rv = APR_SUCCESS;

    if (transfer->to.facts.kind == DMS_KIND_NONE) {
        return dms_rename_new(provider, transfer->to_parent, transfer->to.name, from,
                              placing->name);
    }
    if (strcmp(placing->name, transfer->reserved)) {
        rv = dms_rename_new(provider, from, transfer->reserved, from, placing->name);
    }
    return rv == APR_SUCCESS ? exchange(transfer, from, placing->name) : rv;
}

/* As it was before the placing, since the store can't be told of it. Where it may have been told,
 * what is noted is completed: that does no harm where it has. */
static void take_back(void *baton, int is_doubtful)
{
    const placing_t *placing = baton;
    dms_transfer_t *transfer = placing->transfer;
    apr_status_t rv = APR_SUCCESS;

    if (is_doubtful && transfer->noted.id) {
        transfer->is_torn = 1;
        return;
    }
    if (transfer->aside) {
        rv = dms_rename_new(transfer->request->provider, transfer->from_parent, transfer->aside,
                            transfer->from_parent, transfer->from.name);
        transfer->aside = NULL;
    }
    if (rv == APR_SUCCESS) {
        rv = take_from_place(placing);
    }
    if (rv != APR_SUCCESS) {
        transfer->is_torn = 1;
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, transfer->request->r,
                      "%s is in its place, but its properties are not, and neither can be helped "
                      "now: that is tried again",
                      transfer->to_uri);
    }
}

/* Waits until a copy's name is on the disk, before what it was made of goes. */
static apr_status_t sync_copy(dms_transfer_t *transfer)
{
    const dms_provider_t *provider = transfer->request->provider;

    return provider->sync ? provider->sync(transfer->to_parent, 0) : APR_SUCCESS;
}

/* The source of a file that was copied to be moved gets a name that no client knows: it goes when
 * the store knows that. */
static apr_status_t put_source_aside(dms_transfer_t *transfer)
{
    const char *aside = dms_reserved_name(transfer->request->r->pool);
    apr_status_t rv = sync_copy(transfer);

    if (rv == APR_SUCCESS) {
        rv = dms_rename_new(transfer->request->provider, transfer->from_parent, transfer->from.name,
                            transfer->from_parent, aside);
    }
    if (rv == APR_SUCCESS) {
        transfer->aside = aside;
    }
    return rv;
}

/* Puts the file or collection in place, and has it taken back where the step comes to nothing. */
static apr_status_t place_in_step(const placing_t *placing, dms_tx_t *tx)
{
    dms_transfer_t *transfer = placing->transfer;
    int is_file_by_copy = transfer->by_copy && !dms_is_collection(&transfer->from);
    apr_status_t rv = place(transfer, placing->from, placing->name);

    if (rv == APR_SUCCESS && (transfer->to.facts.kind == DMS_KIND_NONE || keeps_former(transfer))) {
        dms_tx_on_undo(tx, take_back, (void *)placing);
    }
    return rv == APR_SUCCESS && is_file_by_copy ? put_source_aside(transfer) : rv;
}

/* Removes files that have gone, but for their names: those of collections are told of by an
 * intention (dms_transfer_remove_reserved()). */
static void remove_former(const placing_t *placing, int kept_former)
{
    dms_transfer_t *transfer = placing->transfer;
    const dms_provider_t *provider = transfer->request->provider;

    if (transfer->aside) {
        provider->remove(transfer->from_parent, transfer->aside, DMS_KIND_FILE);
    }
    if (kept_former && !dms_transfer_leaves_something(transfer)) {
        provider->remove(placing->from, transfer->reserved, DMS_KIND_FILE);
    }
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

/* Makes sure that what was noted tells of this transfer, and nothing else does. */
static dms_error_t *check_intention(dms_transfer_t *transfer, dms_tx_t *tx)
{
    request_rec *r = transfer->request->r;
    dms_intention_t *present;
    apr_status_t rv;

    if (!transfer->noted.id) {
        return NULL;
    }
    rv = dms_tx_intention(tx, transfer->noted.id, r->pool, &present);
    if (rv == APR_SUCCESS && present && present->intent == DMS_INTENT_MOVE) {
        rv = dms_tx_supersede(tx, present);
    }
    if (rv != APR_SUCCESS) {
        return dms_error_of_store(r, rv);
    }
    return present ? NULL
                   : dms_error(r->pool, HTTP_CONFLICT, NULL,
                               "somebody else has moved the source meanwhile");
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

static dms_error_t *try_to_put_in_place(dms_transfer_t *transfer, dms_node_t *from,
                                        const char *name, apr_status_t *rv)
{
    placing_t placing = {transfer, from, name};
    dms_tx_t *tx;
    dms_error_t *error, *failure;
    int kept_former;

    *rv = APR_EGENERAL;
    dms_transfer_measure(transfer, from, name);
    error = dms_step_begin(transfer->request, &tx);
    if (error) {
        return error;
    }
    failure = dms_transfer_check(transfer);
    if (!failure) {
        failure = check_source(transfer);
    }
    if (!failure) {
        failure = check_intention(transfer, tx);
    }
    if (!failure) {
        failure = dms_transfer_measure_again(transfer, tx, from, name);
    }
    kept_former = keeps_former(transfer);
    if (!failure) {
        *rv = place_in_step(&placing, tx);
        if (*rv != APR_SUCCESS) {
            failure = dms_error_about(dms_error_of(transfer->request->r->pool, *rv,
                                                   "the destination can't be put in place"),
                                      transfer->target.r);
        }
    }
    if (failure) {
        dms_step_abort(transfer->request, tx);
        return failure;
    }
    dms_transfer_tell_sizes(transfer, tx);
    transfer->synced = sync_names(transfer);
    error = settle(transfer, tx);
    if (!error) {
        remove_former(&placing, kept_former);
        if (transfer->partial.id) {
            dms_transfer_sweep(transfer, &transfer->partial);
        }
    }
    ap_log_rerror(APLOG_MARK, APLOG_TRACE1, 0, transfer->request->r, "%s is %sin its place",
                  transfer->to_uri, error ? "not " : "");
    return error;
}

/* The step from before to after: nobody else changes anything meanwhile. Where the quota has been
 * forgotten since it was asked for, it is made anew. */
dms_error_t *dms_transfer_put_in_place(dms_transfer_t *transfer, dms_node_t *from, const char *name,
                                       apr_status_t *rv)
{
    dms_error_t *error = try_to_put_in_place(transfer, from, name, rv);
    int i;

    for (i = 0; error && transfer->sizes.is_unknown && i < DMS_ROOM_COUNTS; i++) {
        error = try_to_put_in_place(transfer, from, name, rv);
    }
    return error;
}

void dms_transfer_give_up(dms_transfer_t *transfer)
{
    if (transfer->noted.id && transfer->is_torn) {
        dms_store_abandon(dms_state_store(), transfer->noted.id);
    }
    else if (transfer->noted.id) {
        dms_step_settle(transfer->request, &transfer->noted);
    }
    transfer->noted.id = 0;
}
