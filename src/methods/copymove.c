/*
 * COPY and MOVE (RFC 4918, sections 9.8 and 9.9).
 *
 * A copy is made under a reserved name beside its destination, and then put in place in one step; a
 * move is one rename, or, between file systems, such a copy and the removal of the source. Either
 * way the destination is at any moment what it was or what it will be.
 */
#include "methods/method.h"

#include <errno.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "acts/members.h"
#include "keys/keys.h"
#include "recovery/recovery.h"
#include "repository/tree.h"
#include "request/destination.h"
#include "request/headers.h"
#include "server/state.h"

APLOG_USE_MODULE(dav_multistatus);

typedef struct transfer_t {
    dms_request_t *request;
    int is_move;
    int deep;
    int overwrite;
    dms_resource_t from, to;
    dms_node_t *from_parent, *to_parent;
    dms_request_t target; /* a subrequest for the destination */
    const char *from_uri, *to_uri;
    dms_members_t *from_members, *to_members, *overwritten_members;
    const char *reserved;  /* the copy's name until it is in place, then that of what it replaced */
    dms_intention_t noted; /* the transfer */
    dms_intention_t emptied;  /* of a move by copy: that the source's properties have to go */
    dms_intention_t leftover; /* that what the destination was before has to go */
    const char *from_etag;    /* of a file, before it was copied */
    int by_copy;              /* a move that can't be one rename */
    dms_shift_t shift;
    dms_report_t report;
} transfer_t;

static dms_error_t *bad_request(transfer_t *transfer, const char *message)
{
    return dms_error(transfer->request->r->pool, HTTP_BAD_REQUEST, NULL, "%s", message);
}

static dms_error_t *read_headers(transfer_t *transfer, dms_destination_t *destination)
{
    request_rec *r = transfer->request->r;
    const char *complaint = dms_destination_parse(r->pool,
                                                  apr_table_get(r->headers_in, "Destination"),
                                                  destination);
    dms_depth_e depth = dms_depth_parse(apr_table_get(r->headers_in, "Depth"), DMS_DEPTH_INFINITY);

    transfer->overwrite = dms_overwrite_parse(apr_table_get(r->headers_in, "Overwrite"));
    transfer->deep = depth == DMS_DEPTH_INFINITY;
    if (complaint) {
        return bad_request(transfer, complaint);
    }
    if (transfer->overwrite < 0) {
        return bad_request(transfer, "Overwrite is neither T nor F");
    }
    if (depth == DMS_DEPTH_INVALID || depth == DMS_DEPTH_1) {
        return bad_request(transfer, "Depth can only be 0 or infinity");
    }
    return NULL;
}

/* Asks httpd about the destination: whether this client may write there, and where it is. */
static dms_error_t *open_destination(transfer_t *transfer, const dms_destination_t *destination)
{
    request_rec *r = transfer->request->r, *target;
    dms_error_t *error;

    if (!dms_method_local_path(r, destination)) {
        return dms_error(r->pool, HTTP_BAD_GATEWAY, NULL, "Destination is on another server");
    }
    target = dms_act_ask(r, DMS_ACT_CREATE, DMS_KIND_NONE, destination->path);
    if (target->status != HTTP_OK) {
        return dms_error(r->pool, target->status, NULL, "Destination is refused");
    }
    transfer->target.r = target;
    transfer->target.config = dms_config_of(target);
    transfer->target.provider = transfer->target.config->provider;
    if (!dms_config_is_on(transfer->target.config)
        || transfer->target.provider != transfer->request->provider) {
        return dms_error(r->pool, HTTP_BAD_GATEWAY, NULL, "Destination is in no such repository");
    }
    error = dms_method_lookup(&transfer->target, DMS_METHOD_CONDITION_FACTS, 0, &transfer->to);
    return error ? error
                 : dms_method_parent(&transfer->target, &transfer->to, &transfer->to_parent);
}

static int is_collection(const dms_resource_t *resource)
{
    return resource->facts.kind == DMS_KIND_COLLECTION;
}

/* Whether source and destination are one file by two names. */
static int is_same_file(transfer_t *transfer)
{
    apr_pool_t *pool = transfer->request->r->pool;
    const dms_provider_t *provider = transfer->request->provider;
    const char *from = "", *to = "";

    if (transfer->to.facts.kind == DMS_KIND_NONE || !*transfer->from.name) {
        return 0;
    }
    provider->identity(transfer->from_parent, transfer->from.name, pool, &from);
    provider->identity(transfer->to_parent, transfer->to.name, pool, &to);
    return *from && !strcmp(from, to);
}

/* Whether source and destination are one resource, or one is in the other. */
static int overlap(transfer_t *transfer)
{
    const dms_provider_t *provider = transfer->request->provider;

    return dms_key_is_at_or_below(transfer->from.key, transfer->to.key)
           || dms_key_is_at_or_below(transfer->to.key, transfer->from.key) || is_same_file(transfer)
           || (is_collection(&transfer->from)
               && provider->is_within(transfer->to_parent, transfer->from.node))
           || (is_collection(&transfer->to) && transfer->from_parent
               && provider->is_within(transfer->from_parent, transfer->to.node));
}

/* Everything that can be known before something is done; asked again when nobody else can change
 * anything any more. */
static dms_error_t *check(transfer_t *transfer)
{
    dms_request_t *request = transfer->request;
    request_rec *r = request->r;
    dms_node_t *parent;
    dms_error_t *error = dms_method_lookup(request, DMS_METHOD_CONDITION_FACTS, 1, &transfer->from);

    if (!error) {
        error = dms_method_conditions(request, &transfer->from);
    }
    if (!error && (transfer->is_move || *transfer->from.name)) {
        error = dms_method_parent(request, &transfer->from, &transfer->from_parent);
    }
    if (!error) {
        error = dms_method_lookup(&transfer->target, DMS_METHOD_CONDITION_FACTS, 0, &transfer->to);
    }
    if (!error) {
        error = dms_method_parent(&transfer->target, &transfer->to, &parent);
    }
    if (!error && !request->provider->is_same(parent, transfer->to_parent)) {
        error = dms_error(r->pool, HTTP_CONFLICT, NULL,
                          "the destination's collection has been moved meanwhile");
    }
    if (error) {
        return error;
    }
    if (overlap(transfer)) {
        return dms_error(r->pool, HTTP_FORBIDDEN, NULL,
                         "source and destination are the same, or one is in the other");
    }
    if (dms_state_is_below(r->filename) || dms_state_is_below(transfer->target.r->filename)) {
        return dms_error(r->pool, HTTP_FORBIDDEN, NULL,
                         "the module's own store (DavMultistatusStore) is in there");
    }
    if (transfer->to.facts.kind != DMS_KIND_NONE && !transfer->overwrite) {
        return dms_error(r->pool, HTTP_PRECONDITION_FAILED, NULL,
                         "something is there, and Overwrite is F");
    }
    if (transfer->is_move) {
        error = dms_method_unlocked(request, transfer->from.key,
                                    DMS_WRITES_SELF | DMS_WRITES_PARENT | DMS_WRITES_BELOW);
    }
    return error ? error
                 : dms_method_unlocked(request, transfer->to.key,
                                       transfer->to.facts.kind == DMS_KIND_NONE
                                           ? DMS_WRITES_SELF | DMS_WRITES_PARENT
                                           : DMS_WRITES_SELF | DMS_WRITES_BELOW);
}

/* --- the store --- */

/* Notes what is going to happen, where a crash in the midst of it would leave something to
 * complete: properties that have to go along, or a tree under a reserved name. identity, replaced:
 * as in dms_intention_t. */
static dms_error_t *intend(transfer_t *transfer, dms_intent_e intent, const char *identity,
                           const char *replaced)
{
    int from_has = 0, to_has = 0;
    dms_tx_t *tx;
    dms_error_t *error = dms_method_begin(transfer->request, &tx);
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
        && (from_has || to_has || is_collection(&transfer->to)
            || (intent == DMS_INTENT_COPY && is_collection(&transfer->from)))) {
        rv = dms_tx_intend(tx, &transfer->noted);
    }
    error = dms_method_stored(transfer->request, tx, rv);
    return error ? error : dms_method_commit(transfer->request, tx);
}

/* Whether the destination's former content is going to stand under the reserved name. */
static int leaves_something(const transfer_t *transfer)
{
    return transfer->to.facts.kind != DMS_KIND_NONE
           && (is_collection(&transfer->from) || is_collection(&transfer->to));
}

static apr_status_t intend_removal(transfer_t *transfer, dms_tx_t *tx)
{
    const char *beside = transfer->is_move && !transfer->by_copy ? transfer->from.key
                                                                 : transfer->to.key;

    transfer->leftover.intent = DMS_INTENT_REMOVE;
    transfer->leftover.from = dms_key_sibling(transfer->request->r->pool, beside,
                                              transfer->reserved);
    return dms_tx_intend(tx, &transfer->leftover);
}

/* The same where not all is at the destination, perhaps: what isn't has no properties there, and
 * keeps them at the source. */
static apr_status_t settle_incomplete(transfer_t *transfer, dms_tx_t *tx)
{
    dms_witness_t witness = {transfer->request->provider, transfer->request->r->pool};
    dms_sweep_t sweep = {.key = transfer->to.key,
                         .presence = dms_witness_presence,
                         .baton = &witness};
    apr_status_t rv = dms_tx_copy(tx, transfer->from.key, transfer->to.key, transfer->deep);

    return rv == APR_SUCCESS ? dms_tx_sweep(tx, &sweep, witness.pool) : rv;
}

/* Gives the properties to the destination, or, where nothing has happened, only forgets the
 * intention. */
static dms_error_t *settle(transfer_t *transfer, dms_tx_t *tx, int has_happened)
{
    apr_status_t rv = APR_SUCCESS;
    dms_error_t *error;

    if (has_happened) { /* a lock does not travel, and dies with what it was on (section 7.6) */
        rv = dms_tx_unlock_tree(tx, transfer->to.key, 0);
        if (rv == APR_SUCCESS && transfer->is_move) {
            rv = dms_tx_unlock_tree(tx, transfer->from.key, 1);
        }
    }
    if (rv == APR_SUCCESS && has_happened
        && (transfer->report.reply || (transfer->by_copy && is_collection(&transfer->from)))) {
        rv = settle_incomplete(transfer, tx);
    }
    else if (rv == APR_SUCCESS && has_happened) {
        rv = transfer->is_move
                 ? dms_tx_move(tx, transfer->from.key, transfer->to.key)
                 : dms_tx_copy(tx, transfer->from.key, transfer->to.key, transfer->deep);
    }
    if (rv == APR_SUCCESS && has_happened && transfer->by_copy && is_collection(&transfer->from)) {
        transfer->emptied.intent = DMS_INTENT_DELETE;
        transfer->emptied.from = transfer->from.key;
        rv = dms_tx_intend(tx, &transfer->emptied);
    }
    if (rv == APR_SUCCESS && has_happened && leaves_something(transfer)) {
        rv = intend_removal(transfer, tx);
    }
    if (rv == APR_SUCCESS && transfer->noted.id) {
        rv = dms_tx_settle(tx, &transfer->noted);
    }
    error = dms_method_stored(transfer->request, tx, rv);
    if (!error) {
        error = dms_method_commit(transfer->request, tx);
    }
    if (!error || has_happened) { /* settled; or a later look at the disk has to settle it */
        transfer->noted.id = 0;
    }
    return error;
}

/* --- the disk --- */

static int ignore_failure(void *baton, const char *path, int at_target, apr_status_t status)
{
    return 1;
}

/* Removes what the destination was before, and what has no name any client knows. */
static void remove_reserved(transfer_t *transfer, dms_node_t *parent)
{
    request_rec *r = transfer->request->r;
    dms_tree_t tree = {.provider = transfer->request->provider, .failed = ignore_failure};
    apr_status_t rv = dms_tree_remove(&tree, parent, transfer->reserved, DMS_KIND_COLLECTION,
                                      r->pool);
    dms_tx_t *tx;

    if (rv != APR_SUCCESS && rv != ENOENT) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, rv, r,
                      "%s, beside %s, could not be removed whole: what a %s has replaced",
                      transfer->reserved, transfer->to_uri, r->method);
    }
    if (transfer->leftover.id && dms_method_begin(transfer->request, &tx) == NULL) {
        rv = dms_tx_settle(tx, &transfer->leftover);
        if (dms_method_stored(transfer->request, tx, rv) == NULL) {
            dms_method_commit(transfer->request, tx);
        }
    }
}

/* Makes name in `from` be the destination. What was there before is afterwards under the reserved
 * name in `from`, if it was or is a collection; otherwise it is gone. */
static apr_status_t place(transfer_t *transfer, dms_node_t *from, const char *name)
{
    const dms_provider_t *provider = transfer->request->provider;
    const char *to = transfer->to.name;
    apr_status_t rv;

    if (transfer->to.facts.kind == DMS_KIND_NONE) {
        return provider->rename(from, name, transfer->to_parent, to, DMS_RENAME_NEW);
    }
    if (!is_collection(&transfer->from) && !is_collection(&transfer->to)) {
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

/* A file that was copied to be moved goes with the copy's placing, unless it has changed since. */
static dms_error_t *check_source(transfer_t *transfer)
{
    if (transfer->by_copy && !is_collection(&transfer->from)
        && strcmp(transfer->from.facts.etag, transfer->from_etag)) {
        return dms_error(transfer->request->r->pool, HTTP_CONFLICT, NULL,
                         "the source has changed meanwhile");
    }
    return NULL;
}

static void sync_names(transfer_t *transfer)
{
    dms_method_sync(transfer->request, transfer->to_parent);
    if (transfer->is_move) {
        dms_method_sync(transfer->request, transfer->from_parent);
    }
}

/* The step from before to after: nobody else changes anything meanwhile. */
static dms_error_t *put_in_place(transfer_t *transfer, dms_node_t *from, const char *name,
                                 apr_status_t *rv)
{
    dms_tx_t *tx;
    dms_error_t *error = dms_method_begin(transfer->request, &tx), *failure;

    if (error) {
        return error;
    }
    *rv = APR_EGENERAL;
    failure = check(transfer);
    if (!failure) {
        failure = check_source(transfer);
    }
    if (!failure) {
        *rv = place(transfer, from, name);
        if (*rv == APR_SUCCESS && transfer->by_copy && !is_collection(&transfer->from)) {
            *rv = transfer->request->provider->remove(transfer->from_parent, transfer->from.name,
                                                      transfer->from.facts.kind);
        }
        if (*rv != APR_SUCCESS) {
            failure = dms_error_of(transfer->request->r->pool, *rv,
                                   "the destination can't be put in place");
        }
    }
    error = settle(transfer, tx, !failure);
    return failure ? failure : error;
}

static int member_failed(void *baton, const char *path, int at_target, apr_status_t status)
{
    transfer_t *transfer = baton;
    const char *uri = at_target ? transfer->to_uri : transfer->from_uri;

    dms_shift_end(&transfer->shift);
    if (!transfer->report.reply) {
        transfer->report.reply = dms_reply_create(transfer->request->r);
    }
    uri = apr_pstrcat(dms_reply_pool(transfer->report.reply), uri, path, NULL);
    return dms_report_failure(&transfer->report, uri, dms_status_from(status));
}

/* Whether httpd lets this user have a member copied, or moved, to where it would be then. */
static apr_status_t may_be_transferred(void *baton, const char *collection,
                                       const dms_member_t *member)
{
    transfer_t *transfer = baton;
    apr_status_t rv = dms_members_check(transfer->from_members, collection, member);

    return rv == APR_SUCCESS ? dms_members_check(transfer->to_members, collection, member) : rv;
}

/* Whether httpd lets this user have a member of what is overwritten removed. */
static apr_status_t may_be_overwritten(void *baton, const char *collection,
                                       const dms_member_t *member)
{
    transfer_t *transfer = baton;

    return dms_members_check(transfer->overwritten_members, collection, member);
}

static void open_access(transfer_t *transfer)
{
    request_rec *r = transfer->request->r;

    transfer->from_members = dms_members_create(r->pool, r, transfer->from_uri,
                                                transfer->is_move ? DMS_ACT_REMOVE : DMS_ACT_READ);
    transfer->to_members = dms_members_create(r->pool, transfer->target.r, transfer->to_uri,
                                              DMS_ACT_CREATE);
}

/* Whether something in the source, which is a collection, may not be moved. */
static int has_refused_member(transfer_t *transfer)
{
    dms_tree_t tree = {.provider = transfer->request->provider,
                       .r = transfer->request->r,
                       .check = may_be_transferred,
                       .baton = transfer};
    int has = is_collection(&transfer->from)
              && dms_tree_scan(&tree, transfer->from.node, transfer->request->r->pool)
                     != APR_SUCCESS;

    open_access(transfer); /* for the next walk */
    return has;
}

/* An overwritten collection goes whole, or not at all. */
static dms_error_t *check_overwritten(transfer_t *transfer)
{
    request_rec *r = transfer->request->r;
    dms_tree_t tree = {.provider = transfer->request->provider,
                       .r = transfer->target.r,
                       .check = may_be_overwritten,
                       .baton = transfer};

    if (!is_collection(&transfer->to)) {
        return NULL;
    }
    transfer->overwritten_members = dms_members_create(r->pool, transfer->target.r,
                                                       dms_method_uri(transfer->target.r,
                                                                      DMS_KIND_COLLECTION),
                                                       DMS_ACT_REMOVE);
    if (dms_tree_scan(&tree, transfer->to.node, r->pool) != APR_SUCCESS) {
        return dms_error(r->pool, HTTP_FORBIDDEN, NULL,
                         "the destination holds something that may not be removed");
    }
    return NULL;
}

/* Makes the copy of a collection under the reserved name. */
static apr_status_t copy_collection(transfer_t *transfer, dms_node_t *made)
{
    dms_tree_t tree = {.provider = transfer->request->provider,
                       .r = transfer->request->r,
                       .failed = member_failed,
                       .check = may_be_transferred,
                       .baton = transfer};
    apr_status_t rv;

    if (!transfer->deep) {
        return APR_SUCCESS;
    }
    rv = dms_tree_copy(&tree, transfer->from.node, made, transfer->is_move,
                       transfer->request->r->pool);
    return rv == APR_INCOMPLETE ? APR_SUCCESS : rv; /* the failures have been told */
}

/* Makes what will be the copy's root, under the reserved name: a file whole, a collection empty. */
static apr_status_t begin_copy(transfer_t *transfer, dms_node_t **made)
{
    const dms_provider_t *provider = transfer->request->provider;
    request_rec *r = transfer->request->r;
    int at_target;

    if (is_collection(&transfer->from)) {
        return provider->make_collection(transfer->to_parent, transfer->reserved, r->pool, made);
    }
    return provider->copy(transfer->from_parent, transfer->from.name, r, transfer->is_move,
                          transfer->to_parent, transfer->reserved, &at_target);
}

/* Whether the copy has to be on the disk before it is put in place: what it takes the place of, or
 * what it was made from, is going to be removed. */
static int needs_sync(const transfer_t *transfer)
{
    return transfer->request->provider->sync
           && (transfer->is_move
               || (transfer->to.facts.kind != DMS_KIND_NONE
                   && dms_config_sync(transfer->request->config)));
}

/* Notes what the copy is told by when it is in place: a crash after that is completed, one before
 * it undone. */
static dms_error_t *intend_placing(transfer_t *transfer)
{
    apr_pool_t *pool = transfer->request->r->pool;
    dms_intention_t before = transfer->noted;
    const char *identity = "";
    dms_error_t *error;
    dms_tx_t *tx;
    apr_status_t rv = transfer->request->provider->identity(transfer->to_parent, transfer->reserved,
                                                            pool, &identity);

    if (rv != APR_SUCCESS) {
        return dms_error_of(pool, rv, "the copy can't be found");
    }
    error = intend(transfer, DMS_INTENT_COPY, identity, NULL);
    if (!error && before.id) {
        error = dms_method_begin(transfer->request, &tx);
        if (!error) {
            error = dms_method_stored(transfer->request, tx, dms_tx_settle(tx, &before));
        }
        if (!error) {
            error = dms_method_commit(transfer->request, tx);
        }
    }
    return error;
}

static dms_error_t *copy(transfer_t *transfer)
{
    dms_node_t *made = NULL;
    dms_error_t *error = NULL;
    apr_status_t rv = APR_SUCCESS;

    if (is_collection(&transfer->from)) { /* before there is anything that a crash could leave */
        error = intend(transfer, DMS_INTENT_COPY, NULL, NULL);
    }
    if (!error) {
        rv = begin_copy(transfer, &made);
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
        error = dms_error_of(transfer->request->r->pool, rv, "the source can't be copied");
    }
    if (!error) {
        error = put_in_place(transfer, transfer->to_parent, transfer->reserved, &rv);
    }
    if (error || leaves_something(transfer)) {
        remove_reserved(transfer, transfer->to_parent);
    }
    return error;
}

/* --- the methods --- */

static apr_status_t facts_of_key(transfer_t *transfer, const char *key, apr_pool_t *pool,
                                 dms_facts_t *facts)
{
    const dms_provider_t *provider = transfer->request->provider;
    dms_node_t *parent;
    const char *name;
    apr_status_t rv = provider->parent_of_key(dms_key_own(provider, key), pool, &parent, &name);

    return rv == APR_SUCCESS ? provider->facts(parent, name, facts) : rv;
}

/* Whether a member of the source is at the destination as it is now: only then may it go. What
 * could not be copied, and what has been made meanwhile, stays; what has changed meanwhile is
 * told. A copy that is made for a move has the size and time of its source. */
static apr_status_t is_copied(void *baton, const char *collection, const dms_member_t *member)
{
    transfer_t *transfer = baton;
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
    if (facts_of_key(transfer, dms_key_below(pool, transfer->to.key, path), pool, &to)
            != APR_SUCCESS
        || facts_of_key(transfer, dms_key_below(pool, transfer->from.key, path), pool, &from)
               != APR_SUCCESS) {
        rv = APR_INCOMPLETE;
    }
    else if (from.kind != to.kind
             || (from.kind == DMS_KIND_FILE
                 && (from.size != to.size || from.modified.seconds != to.modified.seconds
                     || from.modified.nanoseconds != to.modified.nanoseconds))) {
        rv = EEXIST; /* 409 */
    }
    apr_pool_destroy(pool);
    return rv;
}

/* Removes the properties, at the source, of what has been moved from there one by one; a failure
 * leaves that to be completed. */
static void forget_moved(transfer_t *transfer)
{
    transfer->emptied.reached = "";
    dms_recovery_sweep(dms_state_store(), transfer->request->provider, &transfer->emptied,
                       transfer->request->r->pool);
}

/* A move to another file system. What could not be copied stays. */
static dms_error_t *move_by_copy(transfer_t *transfer)
{
    request_rec *r = transfer->request->r;
    dms_tree_t tree = {.provider = transfer->request->provider,
                       .failed = member_failed,
                       .check = is_copied,
                       .baton = transfer};
    dms_error_t *error;
    apr_status_t rv;

    transfer->by_copy = 1;
    error = copy(transfer);
    if (error) {
        return error;
    }
    if (!is_collection(&transfer->from)) {
        return NULL; /* it went when the copy was put in place */
    }
    rv = dms_tree_remove(&tree, transfer->from_parent, transfer->from.name,
                         transfer->from.facts.kind, r->pool);
    dms_shift_end(&transfer->shift);
    forget_moved(transfer);
    if (rv == APR_INCOMPLETE && !transfer->report.reply) {
        return dms_error(r->pool, HTTP_CONFLICT, NULL,
                         "the source has been copied; what has been made in it meanwhile stays");
    }
    if (rv != APR_SUCCESS && !transfer->report.reply) {
        return dms_error_of(r->pool, rv, "the source has been copied, but can't be removed");
    }
    return NULL;
}

static dms_error_t *move(transfer_t *transfer)
{
    apr_pool_t *pool = transfer->request->r->pool;
    const dms_provider_t *provider = transfer->request->provider;
    const char *from = "", *to = "";
    dms_error_t *error;
    apr_status_t rv;

    if (has_refused_member(transfer)) { /* so one rename won't do */
        return move_by_copy(transfer);
    }
    provider->identity(transfer->from_parent, transfer->from.name, pool, &from);
    provider->identity(transfer->to_parent, transfer->to.name, pool, &to);
    error = intend(transfer, DMS_INTENT_MOVE, from, to);
    if (error) {
        return error;
    }
    error = put_in_place(transfer, transfer->from_parent, transfer->from.name, &rv);
    if (error && rv == EXDEV) {
        return move_by_copy(transfer);
    }
    if (!error && leaves_something(transfer)) {
        remove_reserved(transfer, transfer->from_parent);
    }
    return error;
}

/* To move a resource is to remove it from where it is. */
static dms_error_t *check_removal(transfer_t *transfer)
{
    request_rec *r = transfer->request->r;
    int status = dms_act_status(r, DMS_ACT_REMOVE, transfer->from.facts.kind, transfer->from_uri);

    return status == HTTP_OK ? NULL
                             : dms_error(r->pool, status, NULL, "the source may not be removed");
}

static dms_error_t *prepare(transfer_t *transfer)
{
    request_rec *r = transfer->request->r;
    dms_destination_t destination;
    dms_error_t *error = read_headers(transfer, &destination);

    if (!error) {
        error = dms_method_lookup(transfer->request, DMS_METHOD_CONDITION_FACTS, 1,
                                  &transfer->from);
    }
    if (!error && transfer->is_move) {
        error = dms_method_deep_only(transfer->request, &transfer->from);
        transfer->deep = 1;
    }
    if (!error) {
        error = open_destination(transfer, &destination);
    }
    if (!error) {
        transfer->reserved = dms_reserved_name(r->pool);
        transfer->from_uri = dms_method_uri(r, transfer->from.facts.kind);
        transfer->to_uri = dms_method_uri(transfer->target.r, transfer->from.facts.kind);
        open_access(transfer);
        error = check(transfer);
    }
    if (!error && transfer->is_move) {
        error = check_removal(transfer);
    }
    return error ? error : check_overwritten(transfer);
}

/* X-OC-Mtime, which sync clients send with a COPY or MOVE of a file, too. */
static void set_time(transfer_t *transfer)
{
    request_rec *r = transfer->request->r;
    dms_moment_t modified = {0, 0};

    if (!is_collection(&transfer->from)
        && dms_seconds_parse(apr_table_get(r->headers_in, "X-OC-Mtime"), &modified.seconds)
        && transfer->request->provider->set_modified
        && transfer->request->provider->set_modified(transfer->to_parent, transfer->to.name,
                                                     &modified)
               == APR_SUCCESS) {
        apr_table_setn(r->headers_out, "X-OC-MTime", "accepted");
    }
}

static dms_error_t *run(dms_request_t *request, int is_move, int *result)
{
    transfer_t transfer = {.request = request,
                           .is_move = is_move,
                           .shift = {.request = request},
                           .report = {.r = request->r}};
    dms_error_t *error;
    dms_kind_e before;

    *result = ap_discard_request_body(request->r);
    if (*result != OK) {
        return NULL;
    }
    error = prepare(&transfer);
    if (error) {
        return error;
    }
    before = transfer.to.facts.kind;
    transfer.from_etag = apr_pstrdup(request->r->pool, transfer.from.facts.etag);
    error = is_move ? move(&transfer) : copy(&transfer);
    if (error && transfer.noted.id) {
        dms_tx_t *tx;

        if (!dms_method_begin(request, &tx)) {
            settle(&transfer, tx, 0);
        }
    }
    if (error && transfer.report.reply) { /* the 207 has begun: say it there */
        dms_report_failure(&transfer.report, transfer.to_uri, error->status);
        error = NULL;
    }
    if (!error) {
        set_time(&transfer);
        sync_names(&transfer);
        *result = dms_report_end(&transfer.report,
                                 before == DMS_KIND_NONE ? HTTP_CREATED : HTTP_NO_CONTENT);
    }
    return error;
}

static dms_error_t *answer_copy(dms_request_t *request, int *result)
{
    return run(request, 0, result);
}

static dms_error_t *answer_move(dms_request_t *request, int *result)
{
    return run(request, 1, result);
}

static int offers_move(const dms_provider_t *provider, dms_kind_e kind)
{
    return provider->parent && provider->remove && provider->rename;
}

static int offers_copy(const dms_provider_t *provider, dms_kind_e kind)
{
    return offers_move(provider, kind) && provider->copy && provider->make_collection;
}

const dms_method_t dms_method_copy = {
    .name = "COPY",
    .answer = answer_copy,
    .kinds = DMS_ON_FILE | DMS_ON_COLLECTION,
    .is_offered = offers_copy,
};

const dms_method_t dms_method_move = {
    .name = "MOVE",
    .answer = answer_move,
    .kinds = DMS_ON_FILE | DMS_ON_COLLECTION,
    .is_offered = offers_move,
};
