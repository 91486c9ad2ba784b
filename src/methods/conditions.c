/*
 * What a request makes its effect depend on: conditional headers, the If header, and locks.
 */
#include "methods/method.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <http_request.h>
#include <http_vhost.h>

#include "acts/acts.h"
#include "keys/keys.h"
#include "locks/locks.h"
#include "server/state.h"

/* The state of a resource that an If header names. */
typedef struct state_t {
    const char *tag; /* as in the header; NULL: the request's own */
    const char *etag;
    dms_lock_t *locks;
} state_t;

typedef struct test_t {
    dms_request_t *request;
    state_t own, tagged; /* the own one, and the last other one */
} test_t;

const char *dms_method_principal(request_rec *r)
{
    return r->user ? r->user : "";
}

const char *dms_method_local_path(request_rec *r, const dms_destination_t *uri)
{
    apr_port_t port = (apr_port_t)uri->port;

    if (!uri->host || dms_destination_is_at(uri, apr_table_get(r->headers_in, "Host"))) {
        return uri->path;
    }
    if (!port) {
        port = strcasecmp(uri->scheme, "https") ? 80 : 443;
    }
    return ap_matches_request_vhost(r, uri->host, port) ? uri->path : NULL;
}

static dms_error_t *store_failed(dms_request_t *request)
{
    return dms_error(request->r->pool, HTTP_INTERNAL_SERVER_ERROR, NULL,
                     "the store of properties and locks failed");
}

/* The locks in force on a resource. Where they can't be known, nothing may be written. */
static dms_error_t *read_locks(dms_request_t *request, const char *key, int below, apr_pool_t *pool,
                               dms_lock_t **locks)
{
    dms_store_t *store = dms_state_store();
    apr_status_t rv = APR_EGENERAL;

    *locks = NULL;
    if (request->tx) {
        rv = dms_tx_locks(request->tx, key, below, pool, locks);
    }
    else if (store) {
        rv = dms_store_has_locks(store) ? dms_store_locks(store, key, below, pool, locks)
                                        : APR_SUCCESS;
    }
    return rv == APR_SUCCESS ? NULL : store_failed(request);
}

/* Looks up the resource of a tag. One that is elsewhere, or that the client may not see, has no
 * state. */
static void read_tagged(test_t *test, const char *tag)
{
    request_rec *r = test->request->r, *about;
    dms_destination_t uri;
    dms_request_t other = {.r = NULL};
    dms_resource_t resource = {.node = NULL};
    const char *path = NULL;

    memset(&test->tagged, 0, sizeof(test->tagged));
    test->tagged.tag = tag;
    if (!dms_destination_parse(r->pool, tag, &uri)) {
        path = dms_method_local_path(r, &uri);
    }
    if (!path) {
        return;
    }
    about = dms_act_ask(r, DMS_ACT_SEE, DMS_KIND_NONE, path);
    other.r = about;
    other.config = dms_config_of(about);
    other.provider = other.config->provider;
    if (about->status == HTTP_OK && dms_config_is_on(other.config)
        && !dms_method_lookup(&other, DMS_FACT_ETAG, 0, &resource)) {
        if (resource.facts.kind != DMS_KIND_NONE) {
            test->tagged.etag = apr_pstrdup(r->pool, resource.facts.etag);
        }
        read_locks(test->request, resource.key, 0, r->pool, &test->tagged.locks);
    }
    ap_destroy_sub_req(about);
}

static int is_true(void *baton, const char *tag, const dms_if_condition_t *condition)
{
    test_t *test = baton;
    const state_t *state = &test->own;

    if (tag) {
        if (!test->tagged.tag || strcmp(test->tagged.tag, tag)) {
            read_tagged(test, tag);
        }
        state = &test->tagged;
    }
    if (condition->token) {
        return dms_lock_find(state->locks, condition->token) != NULL;
    }
    /* Compared strongly (section 10.4.4): our tags are strong, so a weak one never matches. */
    return state->etag && !strcmp(state->etag, condition->etag);
}

static dms_error_t *precondition_failed(dms_request_t *request)
{
    return dms_error(request->r->pool, HTTP_PRECONDITION_FAILED, NULL,
                     "a condition of the request does not hold");
}

static dms_error_t *test_if(dms_request_t *request, const dms_resource_t *resource)
{
    test_t test = {.request = request};
    dms_error_t *error;

    if (!request->submitted) {
        return NULL;
    }
    error = read_locks(request, resource->key, 0, request->r->pool, &test.own.locks);
    if (error) {
        return error;
    }
    if (resource->facts.kind != DMS_KIND_NONE) {
        test.own.etag = resource->facts.etag;
    }
    return dms_if_holds(request->submitted, is_true, &test) ? NULL : precondition_failed(request);
}

dms_error_t *dms_method_conditions(dms_request_t *request, const dms_resource_t *resource)
{
    request_rec *r = request->r;
    int status;

    if (resource->facts.kind == DMS_KIND_NONE) { /* ap_meets_conditions() takes it to exist */
        status = apr_table_get(r->headers_in, "If-Match") ? HTTP_PRECONDITION_FAILED : OK;
    }
    else {
        apr_table_set(r->headers_out, "ETag", resource->facts.etag);
        r->mtime = apr_time_make(resource->facts.modified.seconds,
                                 resource->facts.modified.nanoseconds / 1000);
        status = ap_meets_conditions(r);
        apr_table_unset(r->headers_out, "ETag");
    }
    return status == OK ? test_if(request, resource) : precondition_failed(request);
}

/* --- locks --- */

static dms_error_t *locked(dms_request_t *request, const dms_lock_t *locks)
{
    dms_error_t *error = dms_error(request->r->pool, HTTP_LOCKED, "lock-token-submitted",
                                   "%s is locked", locks->uri);

    error->condition->children = dms_locks_roots(request->r->pool, locks);
    return error;
}

static int is_open(dms_request_t *request, const dms_lock_t *lock)
{
    return dms_lock_is_open(lock, request->submitted, dms_method_principal(request->r));
}

static int are_open(dms_request_t *request, const dms_lock_t *locks)
{
    return dms_locks_are_open(locks, request->submitted, dms_method_principal(request->r));
}

/* Checks the resource that key names alone. */
static dms_error_t *check_one(dms_request_t *request, const char *key)
{
    dms_lock_t *locks;
    dms_error_t *error = read_locks(request, key, 0, request->r->pool, &locks);

    return error || !locks || are_open(request, locks) ? error : locked(request, locks);
}

/* Whether the locks in force on a lock's root let the request write it. deep: the deep ones among
 * all; same: the first of those with this root, which stand together. */
static int root_is_open(dms_request_t *request, const dms_lock_t *same, dms_lock_t *const *deep,
                        int deep_count)
{
    const dms_lock_t *lock;
    int i;

    for (lock = same; lock && !strcmp(lock->key, same->key); lock = lock->next) {
        if (is_open(request, lock)) {
            return 1;
        }
    }
    for (i = 0; i < deep_count; i++) {
        if (dms_lock_covers(deep[i], same->key) && is_open(request, deep[i])) {
            return 1;
        }
    }
    return 0;
}

dms_error_t *dms_method_locks_below(dms_request_t *request, const char *key, apr_pool_t *pool,
                                    apr_hash_t **closed)
{
    apr_array_header_t *deep = apr_array_make(pool, 4, sizeof(dms_lock_t *));
    dms_lock_t *locks, *lock;
    dms_error_t *error = read_locks(request, key, 1, pool, &locks);

    *closed = apr_hash_make(pool);
    for (lock = locks; lock && !error; lock = lock->next) {
        if (lock->is_deep) {
            APR_ARRAY_PUSH(deep, dms_lock_t *) = lock;
        }
    }
    for (lock = locks; lock && !error; lock = lock->next) {
        if (!dms_lock_covers(lock, key) && !apr_hash_get(*closed, lock->key, APR_HASH_KEY_STRING)
            && !root_is_open(request, lock, (dms_lock_t **)(void *)deep->elts, deep->nelts)) {
            apr_hash_set(*closed, lock->key, APR_HASH_KEY_STRING, lock);
        }
    }
    return error;
}

static dms_error_t *check_below(dms_request_t *request, const char *key)
{
    apr_hash_t *closed;
    apr_hash_index_t *index;
    dms_lock_t *first = NULL;
    dms_error_t *error = dms_method_locks_below(request, key, request->r->pool, &closed);

    if (error) {
        return error;
    }
    for (index = apr_hash_first(request->r->pool, closed); index; index = apr_hash_next(index)) {
        dms_lock_t *lock = apr_hash_this_val(index);
        lock->next = first;
        first = lock;
    }
    return first ? locked(request, first) : NULL;
}

dms_error_t *dms_method_unlocked(dms_request_t *request, const char *key, unsigned int writes)
{
    dms_error_t *error = NULL;

    if (writes & DMS_WRITES_SELF) {
        error = check_one(request, key);
    }
    if (!error && writes & DMS_WRITES_PARENT) {
        error = check_one(request, dms_key_parent(request->r->pool, key));
    }
    if (!error && writes & DMS_WRITES_BELOW) {
        error = check_below(request, key);
    }
    return error;
}
