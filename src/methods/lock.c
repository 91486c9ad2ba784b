/*
 * LOCK (RFC 4918, section 9.10): a new lock, on a resource that is there or one that LOCK makes,
 * or more time for one that is held.
 */
#include "methods/method.h"

#include <apr_strings.h>

#include "acts/acts.h"
#include "changes/changes.h"
#include "locks/locks.h"
#include "methods/barriers.h"
#include "methods/conditions.h"
#include "methods/failures.h"
#include "methods/steps.h"
#include "multistatus/xml.h"
#include "request/headers.h"
#include "request/lock_headers.h"
#include "server/body.h"
#include "server/state.h"

typedef struct locking_t {
    dms_request_t *request;
    dms_resource_t resource;
    dms_lockinfo_t info;
    dms_lock_t lock;          /* the new one */
    const dms_lock_t *shown;  /* what the answer tells of */
    const dms_lock_t *barred; /* the locks below, where one of them stands in the way */
    dms_failures_t failures;
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
    locking->lock.is_deep = depth == DMS_DEPTH_INFINITY;
    locking->lock.is_shared = locking->info.is_shared;
    locking->lock.owner = locking->info.owner ? dms_xml_fragment(r->pool, locking->info.owner)
                                              : NULL;
    locking->lock.principal = dms_principal(r);
    locking->lock.expires = expiry(request);
    return NULL;
}

static dms_error_t *conflict(dms_request_t *request, const dms_lock_t *held)
{
    dms_error_t *error = dms_error(request->r->pool, HTTP_LOCKED, "no-conflicting-lock",
                                   "%s is locked", held->uri);

    error->condition->children = dms_locks_roots(request->r->pool, held);
    return error;
}

/* Whether a lock on a member stands in the way of the new one. */
static int bars(const locking_t *locking, const dms_lock_t *held)
{
    return !dms_lock_covers(held, locking->resource.key)
           && !dms_lock_is_compatible(held, locking->lock.is_shared);
}

/* A deep lock that members stand in the way of: 423 for each, 424 for the collection (9.10.6). */
static void report_members(locking_t *locking, const dms_lock_t *held)
{
    request_rec *r = locking->request->r;
    dms_response_t *response;

    const char *told = "";

    for (; held; held = held->next) { /* in the order of their roots */
        if (bars(locking, held) && strcmp(held->key, told)) {
            dms_failures_add(&locking->failures, held->uri, HTTP_LOCKED);
            told = held->key;
        }
    }
    if (locking->failures.reply) {
        response = dms_response_create(dms_reply_pool(locking->failures.reply),
                                       dms_method_uri(r, locking->resource.facts.kind));
        dms_response_set_status(response, HTTP_FAILED_DEPENDENCY);
        dms_reply_add(locking->failures.reply, response);
    }
}

/* Looks for locks that the new one can't stand beside (section 6.2). */
static dms_error_t *check_conflicts(locking_t *locking)
{
    dms_request_t *request = locking->request;
    dms_lock_t *held = NULL, *here = NULL, *each, *next;
    apr_status_t rv = dms_tx_locks(request->tx, locking->resource.key, locking->lock.is_deep,
                                   request->r->pool, &held);

    if (rv != APR_SUCCESS) {
        return dms_error_of_store(request->r, rv);
    }
    for (each = held; each; each = next) {
        next = each->next;
        if (dms_lock_covers(each, locking->resource.key)
            && !dms_lock_is_compatible(each, locking->lock.is_shared)) {
            each->next = here;
            here = each;
        }
    }
    if (here) {
        return conflict(request, here);
    }
    for (each = held; each && !locking->barred; each = each->next) {
        if (bars(locking, each)) {
            locking->barred = held; /* told of when nobody waits for the store any more */
        }
    }
    return NULL;
}

/* Whether the client may make a file, where the lock would: asked before the step. */
static dms_error_t *ask_to_create(locking_t *locking)
{
    dms_request_t *request = locking->request;
    request_rec *r = request->r;
    dms_resource_t now = {.node = NULL};
    dms_error_t *error = dms_method_lookup(request, 0, 0, &now);
    int status;

    if (error || now.facts.kind != DMS_KIND_NONE) {
        return error;
    }
    status = dms_act_require(r, DMS_ACT_CREATE, DMS_KIND_FILE, dms_method_uri(r, DMS_KIND_FILE));
    locking->may_create = status == HTTP_OK;
    return locking->may_create
               ? NULL
               : dms_error(r->pool, status, NULL, "nothing may be made here to be locked");
}

/* Removes the file that was made for a lock which can't be kept. */
static void remove_resource(void *baton)
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

static dms_error_t *lock(locking_t *locking, dms_tx_t *tx)
{
    dms_request_t *request = locking->request;
    dms_error_t *error = dms_method_lookup(request, DMS_CONDITION_FACTS, 0, &locking->resource);
    apr_status_t rv;

    if (!error) {
        error = dms_conditions_check(request, &locking->resource);
    }
    if (!error) {
        error = check_conflicts(locking);
    }
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
    rv = dms_tx_locks(tx, locking->resource.key, 0, pool, &held);
    for (link = &held; *link && rv == APR_SUCCESS;) {
        next = (*link)->next;
        if (dms_if_submits(request->submitted, (*link)->token)
            && !strcmp((*link)->principal, dms_principal(request->r))) {
            (*link)->expires = expiry(request);
            rv = dms_changed(tx, DMS_CHANGE(DMS_REFRESHED, .key = (*link)->key, .lock = *link));
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
    dms_reply_document(r, "prop", &discovery, NULL);
}

/* Begins the step, and makes the lock in it. */
static dms_error_t *begin_lock(locking_t *locking, dms_tx_t **tx)
{
    dms_error_t *error = ask_to_create(locking);

    if (!error) {
        error = dms_step_begin(locking->request, tx);
    }
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

    if (!error && !locking->barred) {
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
        report_members(&locking, locking.barred);
        *result = dms_failures_end(&locking.failures, HTTP_MULTI_STATUS);
    }
    else if (!error) {
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
