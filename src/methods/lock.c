/*
 * LOCK (RFC 4918, section 9.10): a new lock, on a resource that is there or one that LOCK makes,
 * or more time for one that is held.
 */
#include "methods/method.h"

#include <errno.h>

#include <apr_escape.h>
#include <apr_strings.h>

#include "acts/access_files.h"
#include "acts/members.h"
#include "changes/changes.h"
#include "locks/locks.h"
#include "methods/barriers.h"
#include "methods/conditions.h"
#include "methods/failures.h"
#include "methods/litter.h"
#include "methods/steps.h"
#include "multistatus/xml.h"
#include "repository/tree.h"
#include "request/headers.h"
#include "request/lock_headers.h"
#include "server/body.h"
#include "server/state.h"

/* The bytes of a DAV:owner; how many (shared) locks may be in force on a resource when one more is
 * made; of how many members an answer tells that are locked. */
#define OWNER_MAX 4096
#define IN_FORCE_MAX 64
#define BARRED_MAX 1000

/* The root of a lock that stands in the way. */
typedef struct root_t {
    const char *key;
    const char *uri;
} root_t;

typedef struct locking_t {
    dms_request_t *request;
    dms_resource_t resource;
    dms_lockinfo_t info;
    dms_lock_t lock;            /* the new one */
    const dms_lock_t *shown;    /* what the answer tells of */
    apr_array_header_t *barred; /* root_t: what is locked below; NULL: nothing */
    dms_failures_t failures;
    const char *uri;                    /* of a collection that is locked deep */
    dms_members_t *lockable, *writable; /* by this client */
    int has_secret; /* something below may be neither locked by this client nor seen */
    int may_create; /* a file where nothing is: httpd has been asked */
    int has_gone;   /* it has not, since something was there a moment ago */
    int is_new_resource;
    dms_node_t *parent; /* of that one */
} locking_t;

static apr_int64_t expiry(dms_request_t *request)
{
    apr_int64_t most = dms_config_lock_timeout_max(request->config);
    apr_int64_t seconds = dms_timeout_parse(apr_table_get(request->r->headers_in, "Timeout"),
                                            dms_config_lock_timeout(request->config), most);

    return seconds ? dms_lock_now() + seconds : 0;
}

/* --- a new lock --- */

static dms_error_t *prepare_lock(locking_t *locking, const dms_element_t *root)
{
    dms_request_t *request = locking->request;
    request_rec *r = request->r;
    const char *complaint = dms_lockinfo_read(root, &locking->info);
    dms_depth_e depth = dms_depth_parse(apr_table_get(r->headers_in, "Depth"), DMS_DEPTH_INFINITY);
    apr_status_t rv;

    if (complaint) {
        return dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "%s", complaint);
    }
    if (depth != DMS_DEPTH_0 && depth != DMS_DEPTH_INFINITY) {
        return dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "Depth can only be 0 or infinity");
    }
    rv = dms_lock_token(r->pool, &locking->lock.token);
    if (rv != APR_SUCCESS) {
        return dms_error_of(r->pool, rv, "there are no random numbers for a lock token");
    }
    if (locking->info.owner) {
        locking->lock.owner = dms_xml_fragment(r->pool, locking->info.owner);
    }
    if (locking->lock.owner && strlen(locking->lock.owner) > OWNER_MAX) {
        return dms_error(r->pool, HTTP_REQUEST_ENTITY_TOO_LARGE, NULL,
                         "DAV:owner has more than %d bytes", OWNER_MAX);
    }
    locking->lock.is_deep = depth == DMS_DEPTH_INFINITY;
    locking->lock.is_shared = locking->info.is_shared;
    locking->lock.principal = dms_principal(r);
    locking->lock.expires = expiry(request);
    return NULL;
}

static dms_error_t *conflict(dms_request_t *request, const dms_lock_t *held)
{
    dms_error_t *error = dms_error(request->r->pool, HTTP_LOCKED, "no-conflicting-lock",
                                   "it is locked already");

    error->condition->children = dms_locks_roots(request->r->pool, held);
    return error;
}

/* A deep lock that is not granted: what its members have been told of is the reason (9.10.9). */
static void report_collection(locking_t *locking, int status)
{
    dms_reply_t *reply = locking->failures.reply;
    dms_response_t *response = dms_response_create(dms_reply_pool(reply),
                                                   dms_method_uri(locking->request->r,
                                                                  DMS_KIND_COLLECTION));

    dms_response_set_status(response, status);
    dms_reply_add(reply, response);
}

/* Whether an answer may name a lock's root, in a collection. */
static int is_seen(request_rec *r, const char *uri, const char *root, apr_pool_t *pool)
{
    apr_size_t length = strlen(uri);

    return strncmp(root, uri, length)
               ? !dms_act_is_hidden(r, root)
               : !strcmp(dms_act_seen_part(r, uri, root + length, pool), root + length);
}

/* 423 for each of the members that stand in the way of a deep lock, 424 for the collection. An
 * error where none of them may be named. */
static dms_error_t *report_barred(locking_t *locking)
{
    request_rec *r = locking->request->r;
    const char *uri = dms_method_uri(r, DMS_KIND_COLLECTION);
    int i;

    for (i = 0; i < locking->barred->nelts; i++) {
        const char *root = APR_ARRAY_IDX(locking->barred, i, root_t).uri;

        if (is_seen(r, uri, root, r->pool)) {
            dms_failures_add(&locking->failures, root, HTTP_LOCKED);
        }
    }
    if (!locking->failures.reply) {
        return dms_error(r->pool, HTTP_LOCKED, "no-conflicting-lock", "something below is locked");
    }
    report_collection(locking, HTTP_FAILED_DEPENDENCY);
    return NULL;
}

/* Told of each lock below that the new one can't stand beside; they are told of when nobody waits
 * for the store any more. */
static int note_barred(void *baton, const dms_lock_t *held)
{
    locking_t *locking = baton;
    apr_pool_t *pool = locking->request->r->pool;
    root_t *root;

    if (!locking->barred) {
        locking->barred = apr_array_make(pool, 4, sizeof(root_t));
    }
    root = (root_t *)(void *)locking->barred->elts + locking->barred->nelts;
    if (!locking->barred->nelts || strcmp(root[-1].key, held->key) != 0) {
        root = apr_array_push(locking->barred);
        root->key = apr_pstrdup(pool, held->key);
        root->uri = apr_pstrdup(pool, held->uri);
    }
    return locking->barred->nelts < BARRED_MAX;
}

static dms_error_t *check_below(locking_t *locking)
{
    dms_below_t below = {.key = locking->resource.key,
                         .only_exclusive = locking->lock.is_shared,
                         .visit = note_barred,
                         .baton = locking};
    dms_request_t *request = locking->request;
    apr_status_t rv = locking->lock.is_deep
                          ? dms_locks_below(NULL, request->tx, &below, request->r->pool)
                          : APR_SUCCESS;

    return rv == APR_SUCCESS ? NULL : dms_error_of_store(request->r, rv);
}

/* Whether there may be one more lock: of this client's, and on this resource. */
static dms_error_t *check_number(locking_t *locking, int in_force)
{
    dms_request_t *request = locking->request;
    apr_int64_t count, most = dms_config_max_locks(request->config);
    apr_status_t rv;

    if (in_force >= IN_FORCE_MAX) {
        return dms_error(request->r->pool, HTTP_INSUFFICIENT_STORAGE, NULL,
                         "the resource has %d locks already", in_force);
    }
    rv = dms_tx_count_locks(request->tx, locking->lock.principal, most, &count);
    if (rv != APR_SUCCESS) {
        return dms_error_of_store(request->r, rv);
    }
    return count < most ? NULL
                        : dms_error(request->r->pool, HTTP_INSUFFICIENT_STORAGE, NULL,
                                    "the client has %" APR_INT64_T_FMT
                                    " locks already (DavMultistatusMaxLocks)",
                                    count);
}

/* Looks for locks that the new one can't stand beside (section 6.2). */
static dms_error_t *check_conflicts(locking_t *locking)
{
    dms_request_t *request = locking->request;
    dms_lock_t *held = NULL, *here = NULL, *each, *next;
    dms_error_t *error;
    apr_status_t rv;
    int count = 0;

    rv = dms_tx_locks(request->tx, locking->resource.key, request->r->pool, &held);
    if (rv != APR_SUCCESS) {
        return dms_error_of_store(request->r, rv);
    }
    for (each = held; each; each = next, count++) {
        next = each->next;
        if (!dms_lock_is_compatible(each, locking->lock.is_shared)) {
            each->next = here;
            here = each;
        }
    }
    if (here) {
        return conflict(request, here);
    }
    error = check_below(locking);
    return error || locking->barred ? error : check_number(locking, count);
}

/* --- who may lock what is below --- */

/* There may be any number of them. */
static void refuse_member(locking_t *locking, const char *collection, const dms_member_t *member)
{
    request_rec *r = locking->request->r;
    int is_collection = member->facts.kind == DMS_KIND_COLLECTION;
    const char *uri = locking->uri, *path;
    apr_pool_t *pool;

    apr_pool_create(&pool, r->pool);
    path = apr_pstrcat(pool, collection, apr_pescape_path(pool, member->name, 1),
                       is_collection ? "/" : NULL, NULL);
    if ((is_collection || !dms_access_files_have(member->name))
        && is_seen(r, uri, apr_pstrcat(pool, uri, path, NULL), pool)) {
        dms_failures_add_member(&locking->failures, r, uri, path, DMS_EDENIED);
    }
    else { /* a file that is hidden, or .htaccess, is nobody's here to write */
        locking->has_secret |= is_collection;
    }
    apr_pool_destroy(pool);
}

/* A lock keeps others from writing: so it takes the right to write, as well as that to LOCK. */
static apr_status_t may_lock(void *baton, const char *collection, const dms_member_t *member)
{
    locking_t *locking = baton;

    if (dms_members_check(locking->lockable, collection, member) == APR_SUCCESS
        && dms_members_check(locking->writable, collection, member) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    refuse_member(locking, collection, member);
    return APR_INCOMPLETE;
}

/* Asks for what a deep lock would bind, whole or not at all: before the step. */
static dms_error_t *ask_below(locking_t *locking, const dms_resource_t *collection)
{
    dms_request_t *request = locking->request;
    request_rec *r = request->r;
    const char *uri = dms_method_uri(r, DMS_KIND_COLLECTION);
    dms_tree_t tree = {.provider = request->provider, .r = r, .check = may_lock, .baton = locking};

    int status = dms_act_require(r, DMS_ACT_CREATE, DMS_KIND_COLLECTION, uri);

    if (status != HTTP_OK) {
        return dms_error(r->pool, status, NULL, "nothing may be written here that would be locked");
    }
    locking->uri = uri;
    locking->lockable = dms_members_create(r->pool, r, uri, DMS_ACT_LOCK);
    locking->writable = dms_members_create(r->pool, r, uri, DMS_ACT_CREATE);
    dms_tree_scan(&tree, collection->node, r->pool);
    if (locking->failures.reply) {
        report_collection(locking, locking->has_secret ? HTTP_FORBIDDEN : HTTP_FAILED_DEPENDENCY);
        return NULL;
    }
    return locking->has_secret
               ? dms_error(r->pool, HTTP_FORBIDDEN, NULL, "not all that is in here may be locked")
               : NULL;
}

/* Whether the client may make a file, where the lock would. */
static dms_error_t *ask_to_create(locking_t *locking)
{
    request_rec *r = locking->request->r;
    dms_error_t *error = dms_litter_check(locking->request, 0);
    int status;

    if (error) {
        return error;
    }
    status = dms_act_require(r, DMS_ACT_CREATE, DMS_KIND_FILE, dms_method_uri(r, DMS_KIND_FILE));
    locking->may_create = status == HTTP_OK;
    return locking->may_create
               ? NULL
               : dms_error(r->pool, status, NULL, "nothing may be made here to be locked");
}

/* Asks httpd for the acts that the lock implies: before the step. */
static dms_error_t *ask(locking_t *locking)
{
    dms_resource_t now = {.node = NULL};
    dms_error_t *error = dms_method_lookup(locking->request, DMS_CONDITION_FACTS, 0, &now);

    if (!error) {
        error = dms_conditions_check(locking->request, &now);
    }
    if (error) {
        return error;
    }
    locking->resource.key = now.key;
    if (now.facts.kind == DMS_KIND_NONE) {
        return ask_to_create(locking);
    }
    return now.facts.kind == DMS_KIND_COLLECTION && locking->lock.is_deep ? ask_below(locking, &now)
                                                                          : NULL;
}

/* Removes the file that was made for a lock which can't be kept. */
static void remove_resource(void *baton, int is_doubtful)
{
    const locking_t *locking = baton;

    locking->request->provider->remove(locking->parent, locking->resource.name, DMS_KIND_FILE);
}

/* Makes an empty file where nothing is (7.3). */
static dms_error_t *make_resource(locking_t *locking, dms_tx_t *tx)
{
    dms_request_t *request = locking->request;
    request_rec *r = request->r;
    dms_write_t how = {.offset = -1, .sync = dms_config_sync(request->config), .exclusive = 1};
    dms_node_t *parent;
    dms_stream_t *stream;
    dms_error_t *error;
    apr_status_t rv;

    if (!dms_table_offers(request->provider, &dms_method_put)) {
        dms_method_set_allowed(request, &locking->resource);
        return dms_error(r->pool, HTTP_METHOD_NOT_ALLOWED, NULL, "nothing can be made here");
    }
    if (r->uri[strlen(r->uri) - 1] == '/') {
        return dms_error(r->pool, HTTP_CONFLICT, NULL, "a file's URL has no slash at its end");
    }
    if (!locking->may_create) {
        locking->has_gone = 1;
        return dms_error(r->pool, HTTP_CONFLICT, NULL, "the resource is gone meanwhile");
    }
    error = dms_method_parent(request, &locking->resource, &parent);
    if (!error) {
        error = dms_barriers_check(request, locking->resource.key, DMS_WRITES_PARENT);
    }
    if (error) {
        return error;
    }
    rv = dms_changed(tx, DMS_CHANGE(DMS_CREATED, .key = locking->resource.key));
    if (rv != APR_SUCCESS) {
        return dms_error_of_store(r, rv);
    }
    rv = request->provider->write(parent, locking->resource.name, &how, r->pool, &stream);
    if (rv == APR_SUCCESS) {
        rv = request->provider->finish(stream, NULL);
    }
    if (rv == APR_SUCCESS) {
        rv = request->provider->publish(stream, &locking->resource.facts);
    }
    locking->is_new_resource = rv == APR_SUCCESS;
    locking->parent = parent;
    if (locking->is_new_resource && request->provider->remove) {
        dms_tx_on_undo(tx, remove_resource, locking);
    }
    return rv == APR_SUCCESS ? NULL : dms_error_of(r->pool, rv, "the file can't be made");
}

static dms_error_t *check(locking_t *locking)
{
    dms_request_t *request = locking->request;
    dms_error_t *error = dms_method_lookup(request, DMS_CONDITION_FACTS, 0, &locking->resource);

    if (!error) {
        error = dms_conditions_check(request, &locking->resource);
    }
    return error ? error : check_conflicts(locking);
}

static dms_error_t *lock(locking_t *locking, dms_tx_t *tx)
{
    dms_request_t *request = locking->request;
    dms_error_t *error = check(locking);
    apr_status_t rv;

    if (!error && !locking->barred && locking->resource.facts.kind == DMS_KIND_NONE) {
        error = make_resource(locking, tx);
    }
    if (error || locking->barred) {
        return error;
    }
    locking->lock.key = locking->resource.key;
    locking->lock.uri = dms_method_uri(request->r, locking->resource.facts.kind);
    locking->shown = &locking->lock;
    rv = dms_changed(tx, DMS_CHANGE(DMS_LOCKED, .key = locking->lock.key, .lock = &locking->lock));
    if (rv != APR_SUCCESS) {
        return dms_error_of_store(request->r, rv);
    }
    apr_table_setn(request->r->headers_out, "Lock-Token",
                   apr_pstrcat(request->r->pool, "<", locking->lock.token, ">", NULL));
    return NULL;
}

/* --- more time for one that is held (9.10.2) --- */

static dms_error_t *refresh(locking_t *locking, dms_tx_t *tx)
{
    dms_request_t *request = locking->request;
    apr_pool_t *pool = request->r->pool;
    dms_lock_t *held = NULL, *next, **link;
    dms_error_t *error = dms_method_lookup(request, DMS_CONDITION_FACTS, 1, &locking->resource);
    apr_status_t rv = APR_SUCCESS;

    if (!error) {
        error = dms_conditions_check(request, &locking->resource);
    }
    if (error) {
        return error;
    }
    rv = dms_tx_locks(tx, locking->resource.key, pool, &held);
    for (link = &held; *link && rv == APR_SUCCESS;) {
        next = (*link)->next;
        if (dms_if_submits(request->submitted, (*link)->token)
            && !strcmp((*link)->principal, dms_principal(request->r))) {
            (*link)->expires = expiry(request);
            rv = dms_changed(tx, DMS_CHANGE(DMS_REFRESHED, .key = (*link)->key, .lock = *link));
            if (rv == APR_SUCCESS) {
                rv = dms_tx_lock_owner(tx, *link, pool);
            }
            link = &(*link)->next;
        }
        else {
            *link = next;
        }
    }
    if (rv != APR_SUCCESS) {
        return dms_error_of_store(request->r, rv);
    }
    locking->shown = held;
    return held ? NULL
                : dms_error(pool, HTTP_PRECONDITION_FAILED, "lock-token-matches-request-uri",
                            "If names no lock of yours that is in force here");
}

/* --- the method --- */

static void answer(locking_t *locking)
{
    static const dms_name_t name = DMS_NAME(DMS_NS_DAV, "lockdiscovery");
    request_rec *r = locking->request->r;
    dms_element_t discovery = {.name = &name,
                               .children = dms_locks_discovery(r->pool, locking->shown)};

    r->status = locking->is_new_resource ? HTTP_CREATED : HTTP_OK;
    dms_reply_document(r, "prop", &discovery);
}

/* Begins the step, and makes the lock in it. */
static dms_error_t *begin_lock(locking_t *locking, dms_tx_t **tx)
{
    dms_error_t *error = ask(locking);

    if (error || locking->failures.reply) {
        return error;
    }
    error = locking->may_create ? dms_step_begin_new(locking->request, locking->resource.key, tx)
                                : dms_step_begin(locking->request, tx);
    return error ? error : lock(locking, *tx);
}

/* What goes between the question and the step is asked for once more. */
static dms_error_t *try_lock(locking_t *locking, dms_tx_t **tx)
{
    dms_error_t *error = begin_lock(locking, tx);

    if (error && locking->has_gone) {
        dms_step_abort(locking->request, *tx);
        error = begin_lock(locking, tx);
    }
    return error;
}

static dms_error_t *try_refresh(locking_t *locking, dms_tx_t **tx)
{
    dms_error_t *error = dms_step_begin(locking->request, tx);

    return error ? error : refresh(locking, *tx);
}

/* Ends the step, if it has begun. */
static dms_error_t *end_step(locking_t *locking, dms_error_t *error, dms_tx_t *tx)
{
    dms_request_t *request = locking->request;

    if (request->tx && !error && !locking->barred) {
        error = dms_step_commit(request, tx);
    }
    else if (request->tx) {
        dms_step_abort(request, tx);
    }
    return error;
}

static dms_error_t *answer_lock(dms_request_t *request, int *result)
{
    locking_t locking = {.request = request, .failures = {.r = request->r}};
    dms_element_t *root = NULL;
    dms_error_t *error = dms_body_read_xml(request->r, &root);
    dms_tx_t *tx = NULL;

    if (!error && root) {
        error = prepare_lock(&locking, root);
    }
    else if (!error && !request->submitted) {
        error = dms_error(request->r->pool, HTTP_BAD_REQUEST, NULL,
                          "neither a body, for a new lock, nor If, to refresh one");
    }
    if (error) {
        return error;
    }
    error = root ? try_lock(&locking, &tx) : try_refresh(&locking, &tx);
    error = end_step(&locking, error, tx);
    if (locking.barred) {
        error = report_barred(&locking);
    }
    if (locking.failures.reply) {
        *result = dms_failures_end(&locking.failures, HTTP_MULTI_STATUS);
        return NULL;
    }
    if (!error) {
        answer(&locking);
    }
    return error;
}

/* A LOCK of nothing makes an empty file. */
static int is_offered(const dms_provider_t *provider, dms_kind_e kind)
{
    return provider->parent
           && (kind != DMS_KIND_NONE || dms_table_offers(provider, &dms_method_put));
}

const dms_method_t dms_method_lock = {
    .name = "LOCK",
    .answer = answer_lock,
    .kinds = DMS_ON_ALL,
    .is_offered = is_offered,
    .compliance = "2",
};
