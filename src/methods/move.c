/*
 * MOVE (RFC 4918, section 9.9): one rename, or, between file systems and where a member may not
 * come along, a copy and the removal of what has been copied.
 */
#include "methods/transfer.h"

#include <errno.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_log.h>

#include "keys/keys.h"
#include "methods/steps.h"
#include "recovery/recovery.h"
#include "repository/tree.h"
#include "server/state.h"

APLOG_USE_MODULE(dav_multistatus);

/* Whether something in the source, which is a collection, may not be moved. */
static int has_refused_member(dms_transfer_t *transfer)
{
    dms_tree_t tree = {.provider = transfer->request->provider,
                       .r = transfer->request->r,
                       .check = dms_transfer_member_check,
                       .baton = transfer};
    int has = dms_is_collection(&transfer->from)
              && dms_tree_scan(&tree, transfer->from.node, transfer->request->r->pool)
                     != APR_SUCCESS;

    dms_transfer_open_members(transfer); /* for the next walk */
    return has;
}

static apr_status_t facts_of_key(dms_transfer_t *transfer, const char *key, apr_pool_t *pool,
                                 dms_facts_t *facts)
{
    const dms_provider_t *provider = transfer->request->provider;
    dms_node_t *parent;
    const char *name;
    apr_status_t rv = provider->parent_of_key(dms_key_own(provider, key), pool, &parent, &name);

    return rv == APR_SUCCESS ? provider->facts(parent, name, facts) : rv;
}

/* By how much a file system may cut a time that it is given: vfat has even seconds. */
#define COARSEST 2

/* Whether a copy has the time of its source, as its file system keeps it. Where that has cut it, a
 * source that is as new as the request may have changed since it was copied, and in the same
 * second. */
static int has_time_of(const dms_transfer_t *transfer, const dms_moment_t *copy,
                       const dms_moment_t *source)
{
    apr_int64_t cut = source->seconds - copy->seconds;
    apr_int64_t requested = apr_time_sec(transfer->request->r->request_time);

    if (!cut && copy->nanoseconds == source->nanoseconds) {
        return 1;
    }
    return (cut > 0 || (!cut && copy->nanoseconds < source->nanoseconds)) && cut < COARSEST
           && source->seconds + COARSEST < requested;
}

/* Whether a member of the source is at the destination as it is now: only then may it go. What
 * could not be copied, and what has been made meanwhile, stays; what has changed meanwhile is
 * told. A copy that is made for a move has the size and time of its source. */
static apr_status_t is_copied(void *baton, const char *collection, const dms_member_t *member)
{
    dms_transfer_t *transfer = baton;
    int is_new;
    apr_status_t rv = dms_shift_member(&transfer->shift, &is_new);
    dms_facts_t from, to;
    const char *path;
    apr_pool_t *pool;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&pool, transfer->shift.pool);
    path = apr_pstrcat(pool, collection, apr_pescape_path(pool, member->name, 1), NULL);
    rv = facts_of_key(transfer, dms_key_below(pool, transfer->to.key, path), pool, &to);
    if (rv == APR_SUCCESS) {
        rv = facts_of_key(transfer, dms_key_below(pool, transfer->from.key, path), pool, &from);
    }
    if (rv != APR_SUCCESS) {
        rv = rv == ENOENT || rv == ENOTDIR ? APR_INCOMPLETE : rv;
    }
    else if (from.kind != to.kind
             || (from.kind == DMS_KIND_FILE
                 && (from.size != to.size
                     || !has_time_of(transfer, &to.modified, &from.modified)))) {
        rv = EEXIST; /* 409 */
    }
    apr_pool_destroy(pool);
    return rv;
}

static void source_gone(void *baton, const char *collection, const dms_member_t *member)
{
    dms_transfer_t *transfer = baton;

    dms_shift_gone(&transfer->shift, collection, member);
}

/* A move to another file system. What could not be copied stays. */
static dms_error_t *move_by_copy(dms_transfer_t *transfer)
{
    request_rec *r = transfer->request->r;
    dms_tree_t tree = {.provider = transfer->request->provider,
                       .failed = dms_transfer_member_failed,
                       .check = is_copied,
                       .gone = source_gone,
                       .facts = dms_config_has_quotas() ? DMS_FACT_SIZE : 0,
                       .baton = transfer};
    dms_error_t *error;
    apr_status_t rv;

    transfer->shift.key = transfer->from.key;
    ap_log_rerror(APLOG_MARK, APLOG_TRACE1, 0, r, "%s can't be renamed to %s: it is copied",
                  transfer->from_uri, transfer->to_uri);
    transfer->by_copy = 1;
    error = dms_transfer_copy(transfer);
    if (error) {
        return error;
    }
    if (!dms_is_collection(&transfer->from)) {
        return NULL; /* it went with the copy's placing */
    }
    if (transfer->synced != APR_SUCCESS) { /* it stays */
        dms_transfer_sweep(transfer, &transfer->emptied);
        return NULL;
    }
    rv = dms_tree_remove(&tree, transfer->from_parent, transfer->from.name,
                         transfer->from.facts.kind, r->pool);
    dms_shift_end(&transfer->shift);
    transfer->synced = dms_method_sync_removal(transfer->request, transfer->from_parent,
                                               rv == APR_SUCCESS);
    dms_transfer_sweep(transfer, &transfer->emptied); /* of what has gone from the source */
    if (rv == APR_INCOMPLETE && !transfer->failures.reply) {
        return dms_error(r->pool, HTTP_CONFLICT, NULL,
                         "the source has been copied; what has been made in it meanwhile stays");
    }
    if (rv != APR_SUCCESS && !transfer->failures.reply) {
        return dms_error_of(r->pool, rv, "the source has been copied, but can't be removed");
    }
    return NULL;
}

/* Notes the move, and makes it. *rv: of that. */
static dms_error_t *rename_source(dms_transfer_t *transfer, apr_status_t *rv)
{
    apr_pool_t *pool = transfer->request->r->pool;
    const dms_provider_t *provider = transfer->request->provider;
    const char *to = "";
    dms_error_t *error;

    *rv = APR_EGENERAL;
    provider->identity(transfer->to_parent, transfer->to.name, pool, &to);
    error = dms_transfer_intend(transfer, DMS_INTENT_MOVE, transfer->from_identity, to);
    return error ? error
                 : dms_transfer_put_in_place(transfer, transfer->from_parent, transfer->from.name,
                                             rv);
}

/* Whether what is at the destination has the identity of the source. */
static int looks_like_source(dms_transfer_t *transfer)
{
    const char *to = "";

    transfer->request->provider->identity(transfer->to_parent, transfer->to.name,
                                          transfer->request->r->pool, &to);
    return *to && !strcmp(transfer->from_identity, to);
}

static dms_error_t *move(dms_transfer_t *transfer)
{
    dms_error_t *error;
    apr_status_t rv;

    /* One rename won't do; or what is on two file systems could not be told apart after a crash. */
    if (has_refused_member(transfer) || looks_like_source(transfer)) {
        return move_by_copy(transfer);
    }
    error = rename_source(transfer, &rv);
    if (error && rv == ENOTSUP) { /* once more, with steps that are noted before */
        transfer->by_steps = 1;
        error = rename_source(transfer, &rv);
    }
    if (error && rv == EXDEV && !transfer->is_torn) {
        return move_by_copy(transfer);
    }
    if (!error && dms_transfer_leaves_something(transfer)) {
        dms_transfer_remove_reserved(transfer, transfer->from_parent);
    }
    return error;
}

static dms_error_t *answer_move(dms_request_t *request, int *result)
{
    dms_transfer_t transfer = {.request = request, .act = move, .is_move = 1};

    return dms_transfer_run(&transfer, result);
}

const dms_method_t dms_method_move = {
    .name = "MOVE",
    .answer = answer_move,
    .kinds = DMS_ON_FILE | DMS_ON_COLLECTION,
    .is_offered = dms_transfer_is_offered,
};
