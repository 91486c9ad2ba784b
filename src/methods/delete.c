/*
 * DELETE (RFC 4918, section 9.6): a resource and all below it, members first. Each member that
 * can't go is a response of its own, with its own reason; its ancestors, which then stay, are not
 * (9.6.1).
 */
#include "methods/method.h"

#include <errno.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_protocol.h>

#include "acts/members.h"
#include "acts/mounts.h"
#include "keys/keys.h"
#include "methods/barriers.h"
#include "methods/conditions.h"
#include "methods/failures.h"
#include "methods/room.h"
#include "methods/steps.h"
#include "recovery/recovery.h"
#include "repository/tree.h"
#include "server/body.h"
#include "server/state.h"

typedef struct deletion_t {
    dms_request_t *request;
    dms_resource_t resource;
    dms_node_t *parent;
    const char *uri;
    dms_members_t *members;
    dms_shift_t shift;
    int has_locks;    /* there are some below, in this shift */
    const char *open; /* the collection that is known to be open in this shift; or NULL */
    dms_failures_t failures;
} deletion_t;

static int member_failed(void *baton, const char *path, int at_target, apr_status_t status)
{
    deletion_t *deletion = baton;

    dms_shift_end(&deletion->shift); /* nobody waits while this waits for the client */
    dms_failures_add_member(&deletion->failures, deletion->request->r, deletion->uri, path, status);
    return 1; /* a client that leaves does not decide what stays */
}

/* Of a lock in the way, or of a store that can't tell. */
static apr_status_t cause_of_barrier(const dms_error_t *error)
{
    return !error ? APR_SUCCESS : error->status == HTTP_LOCKED ? EBUSY : DMS_ESTORE;
}

/* A lock may have been granted since the shift before. */
static apr_status_t look_at_locks(deletion_t *deletion)
{
    dms_request_t *request = deletion->request;
    const char *key = deletion->resource.key;
    dms_error_t *error = dms_barriers_check(request, key, DMS_WRITES_SELF);

    deletion->open = NULL;
    if (!error) {
        error = dms_barriers_any_below(request, key, &deletion->has_locks);
    }
    return cause_of_barrier(error);
}

/* Whether no lock stands in the way of removing the resource that has that path: EBUSY. */
static apr_status_t check_lock(deletion_t *deletion, const char *key)
{
    int is_open;
    dms_error_t *error = dms_barriers_is_open(deletion->request, key, &is_open);

    return error ? cause_of_barrier(error) : is_open ? APR_SUCCESS : EBUSY;
}

/* Whether none stands in the way of removing anything from a collection, with those that it is in:
 * they may have been locked while the walk was in them. */
static apr_status_t check_collection(deletion_t *deletion, const char *path)
{
    apr_pool_t *pool = deletion->shift.pool;
    char *key;
    apr_status_t rv = APR_SUCCESS;

    if (!*path || (deletion->open && !strcmp(deletion->open, path))) {
        return APR_SUCCESS;
    }
    key = apr_pstrdup(pool, dms_key_below(pool, deletion->resource.key, path));
    do {
        rv = check_lock(deletion, key);
    } while (rv == APR_SUCCESS && dms_key_go_up(key) && strcmp(key, deletion->resource.key));
    deletion->open = rv == APR_SUCCESS ? apr_pstrdup(pool, path) : NULL;
    return rv;
}

static apr_status_t check_member(deletion_t *deletion, const char *collection, const char *name)
{
    apr_pool_t *pool;
    apr_status_t rv;

    apr_pool_create(&pool, deletion->request->r->pool);
    rv = check_lock(deletion, dms_key_below(pool, deletion->resource.key,
                                            apr_pstrcat(pool, collection,
                                                        apr_pescape_path(pool, name, 1), NULL)));
    apr_pool_destroy(pool);
    return rv;
}

/* Whether no lock keeps a member of a collection, or "" the collection itself, from being removed
 * in the shift that this begins, or goes on with. */
static apr_status_t is_unlocked(deletion_t *deletion, const char *collection, const char *name)
{
    int is_new;
    apr_status_t rv = dms_shift_member(&deletion->shift, &is_new);

    if (rv == APR_SUCCESS && is_new) {
        rv = look_at_locks(deletion);
    }
    if (rv != APR_SUCCESS || !deletion->has_locks) {
        return rv;
    }
    rv = check_collection(deletion, collection);
    return rv == APR_SUCCESS && *name ? check_member(deletion, collection, name) : rv;
}

/* For a collection that has been emptied. The last one's name goes from a collection that somebody
 * may have locked meanwhile. */
static apr_status_t may_leave(void *baton, const char *path)
{
    deletion_t *deletion = baton;
    apr_status_t rv = is_unlocked(deletion, path, "");

    return rv == APR_SUCCESS && !*path ? cause_of_barrier(
               dms_barriers_check(deletion->request, deletion->resource.key, DMS_WRITES_PARENT))
                                       : rv;
}

static void end_shift(void *baton)
{
    deletion_t *deletion = baton;

    dms_shift_end(&deletion->shift);
}

/* A member that httpd denies this user, or that is locked, stays with all that is below it. httpd
 * is asked between shifts: nobody waits for its answer. */
static apr_status_t may_go(void *baton, const char *collection, const dms_member_t *member)
{
    deletion_t *deletion = baton;
    apr_status_t rv = dms_members_check(deletion->members, collection, member);

    return rv == APR_SUCCESS ? is_unlocked(deletion, collection, member->name) : rv;
}

static void member_gone(void *baton, const char *collection, const dms_member_t *member)
{
    deletion_t *deletion = baton;

    dms_shift_gone(&deletion->shift, collection, member);
}

static dms_error_t *check(deletion_t *deletion)
{
    dms_request_t *request = deletion->request;
    dms_error_t *error = dms_method_lookup(request, DMS_CONDITION_FACTS, 1, &deletion->resource);

    if (!error) {
        error = dms_method_deep_only(request, &deletion->resource);
    }
    if (!error) {
        error = dms_conditions_check(request, &deletion->resource);
    }
    if (!error) {
        error = dms_method_parent(request, &deletion->resource, &deletion->parent);
    }
    if (!error) {
        error = dms_barriers_check(request, deletion->resource.key,
                                   DMS_WRITES_SELF | DMS_WRITES_PARENT);
    }
    if (!error && dms_state_is_below(request->r->pool, request->provider, &deletion->resource)) {
        error = dms_error(request->r->pool, HTTP_FORBIDDEN, NULL,
                          "the module's own store (DavMultistatusStore) is in there");
    }
    return error;
}

/* Notes that the properties have to go along, where there are any: noted then has an id. Where the
 * store is full, nothing is noted: to remove something is what makes room. */
static dms_error_t *intend(deletion_t *deletion, dms_intention_t *noted)
{
    int has = 0;
    dms_tx_t *tx;
    dms_error_t *error = dms_step_begin(deletion->request, &tx);
    apr_status_t rv;

    if (error) {
        return error;
    }
    noted->intent = DMS_INTENT_DELETE;
    noted->from = deletion->resource.key;
    rv = dms_tx_has_properties(tx, noted->from, &has);
    if (rv == APR_SUCCESS && has) {
        rv = dms_tx_intend(tx, noted);
    }
    error = dms_step_stored(deletion->request, tx, rv);
    if (!error) {
        error = dms_step_commit(deletion->request, tx);
    }
    if (error) { /* a commit that has failed may still come true */
        dms_store_abandon(dms_state_store(), noted->id);
    }
    if (error && error->status == HTTP_INSUFFICIENT_STORAGE) {
        noted->id = 0;
        error = NULL;
    }
    return error;
}

static dms_error_t *remove_all(deletion_t *deletion)
{
    request_rec *r = deletion->request->r;
    dms_tree_t tree = {.provider = deletion->request->provider,
                       .r = r,
                       .failed = member_failed,
                       .check = may_go,
                       .leave = may_leave,
                       .gone = member_gone,
                       .facts = dms_config_has_quotas() ? DMS_FACT_SIZE : 0,
                       .baton = deletion};
    apr_status_t rv = dms_tree_remove(&tree, deletion->parent, deletion->resource.name,
                                      deletion->resource.facts.kind, r->pool);

    dms_shift_end(&deletion->shift);
    if (rv != APR_SUCCESS && !deletion->failures.reply) {
        return dms_error_of(r->pool, rv, "the resource can't be deleted");
    }
    rv = dms_method_sync_removal(deletion->request, deletion->parent, rv == APR_SUCCESS);
    return rv == APR_SUCCESS || deletion->failures.reply
               ? NULL
               : dms_error_of(r->pool, rv, "that the resource is gone can't be synced");
}

/* Removes the locks and properties of what is gone. What the store can't be told of now stays
 * noted, and is completed later (recovery/recovery.h): what is gone is gone. */
static void settle(deletion_t *deletion, dms_tx_t *tx, dms_intention_t *noted)
{
    dms_request_t *request = deletion->request;
    apr_status_t rv = dms_recovery_sweep_part(tx, request->provider, noted, request->r->pool);
    dms_error_t *error = dms_step_stored(request, tx, rv);

    if (!error) {
        error = dms_step_commit(request, tx);
    }
    if (!error && noted->reached) {
        rv = dms_recovery_sweep(dms_state_store(), request->provider, noted, request->r->pool);
    }
    if (error || rv != APR_SUCCESS || noted->doubts) {
        dms_state_sweep_later(noted);
    }
}

/* A file goes while nobody else can change it. */
static dms_error_t *delete_file(deletion_t *deletion, dms_intention_t *noted)
{
    dms_room_t room;
    dms_tx_t *tx;
    dms_error_t *error = dms_step_begin(deletion->request, &tx), *failure;

    if (error) { /* nothing has gone */
        dms_store_abandon(dms_state_store(), noted->id);
        return error;
    }
    failure = check(deletion);
    if (!failure && deletion->resource.facts.kind == DMS_KIND_COLLECTION) {
        failure = dms_error(deletion->request->r->pool, HTTP_CONFLICT, NULL,
                            "a collection has been made here meanwhile");
    }
    if (!failure) {
        dms_room_look(&room, deletion->request, &deletion->resource, deletion->parent);
        failure = remove_all(deletion);
        dms_room_tell(&room, tx); /* a failure is the transaction's, and noticed at its end */
    }
    settle(deletion, tx, noted);
    return failure;
}

/* A collection takes too long for that. */
static dms_error_t *delete_collection(deletion_t *deletion, dms_intention_t *noted)
{
    dms_error_t *failure = remove_all(deletion);
    dms_tx_t *tx;

    if (dms_step_begin(deletion->request, &tx)) { /* which is in the log */
        dms_state_sweep_later(noted);
    }
    else {
        settle(deletion, tx, noted);
    }
    return failure;
}

static dms_error_t *answer_delete(dms_request_t *request, int *result)
{
    deletion_t deletion = {.request = request,
                           .shift = {.request = request},
                           .failures = {.r = request->r}};
    dms_intention_t noted = {.id = 0};
    dms_error_t *error = dms_body_none(request->r);

    if (!error) {
        error = check(&deletion);
    }
    if (!error && dms_mounts_is_root(request->r)) {
        error = dms_error(request->r->pool, HTTP_FORBIDDEN, NULL, "this is the root of an Alias");
    }
    if (error) {
        return error;
    }
    deletion.uri = dms_method_uri(request->r, deletion.resource.facts.kind);
    deletion.members = dms_members_create(request->r->pool, request->r, deletion.uri,
                                          DMS_ACT_REMOVE);
    dms_members_before_asking(deletion.members, end_shift, &deletion);
    deletion.shift.key = deletion.resource.key;
    error = intend(&deletion, &noted);
    if (!error) {
        error = deletion.resource.facts.kind == DMS_KIND_COLLECTION
                    ? delete_collection(&deletion, &noted)
                    : delete_file(&deletion, &noted);
    }
    if (!error) {
        *result = dms_failures_end(&deletion.failures, HTTP_NO_CONTENT);
    }
    return error;
}

static int is_offered(const dms_provider_t *provider, dms_kind_e kind)
{
    return provider->parent && provider->remove;
}

const dms_method_t dms_method_delete = {
    .name = "DELETE",
    .answer = answer_delete,
    .kinds = DMS_ON_FILE | DMS_ON_COLLECTION,
    .is_offered = is_offered,
};
