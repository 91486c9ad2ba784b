#include "methods/barriers.h"

#include <http_log.h>

#include "keys/keys.h"
#include "server/state.h"

APLOG_USE_MODULE(dav_multistatus);

const char *dms_principal(request_rec *r)
{
    return r->user ? r->user : "";
}

dms_error_t *dms_barriers_read(dms_request_t *request, const char *key, int below, apr_pool_t *pool,
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
    return rv == APR_SUCCESS ? NULL : dms_error_of_store(request->r, rv);
}

static dms_error_t *locked(dms_request_t *request, const dms_lock_t *locks)
{
    dms_error_t *error = dms_error(request->r->pool, HTTP_LOCKED, "lock-token-submitted",
                                   "%s is locked", locks->uri);

    error->condition->children = dms_locks_roots(request->r->pool, locks);
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, request->r,
                  "the lock %s of '%s' on %s stands in the way", locks->token, locks->principal,
                  locks->uri);
    return error;
}

static int is_open(dms_request_t *request, const dms_lock_t *lock)
{
    return dms_lock_is_open(lock, request->submitted, dms_principal(request->r));
}

static int are_open(dms_request_t *request, const dms_lock_t *locks)
{
    return dms_locks_are_open(locks, request->submitted, dms_principal(request->r));
}

/* Checks the resource that key names alone. */
static dms_error_t *check_one(dms_request_t *request, const char *key)
{
    dms_lock_t *locks;
    dms_error_t *error = dms_barriers_read(request, key, 0, request->r->pool, &locks);

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

dms_error_t *dms_barriers_below(dms_request_t *request, const char *key, apr_pool_t *pool,
                                apr_hash_t **closed)
{
    apr_array_header_t *deep = apr_array_make(pool, 4, sizeof(dms_lock_t *));
    dms_lock_t *locks, *lock;
    dms_error_t *error = dms_barriers_read(request, key, 1, pool, &locks);

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
    dms_error_t *error = dms_barriers_below(request, key, request->r->pool, &closed);

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

dms_error_t *dms_barriers_check(dms_request_t *request, const char *key, unsigned int writes)
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
