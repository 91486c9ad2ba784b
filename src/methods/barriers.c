#include "methods/barriers.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <http_log.h>

#include "keys/keys.h"
#include "server/state.h"

APLOG_USE_MODULE(dav_multistatus);

/* Of how many locks below a resource an error tells. */
#define TOLD_MAX 100

const char *dms_principal(request_rec *r)
{
    return r->user ? r->user : "";
}

dms_error_t *dms_barriers_read(dms_request_t *request, const char *key, apr_pool_t *pool,
                               dms_lock_t **locks)
{
    dms_store_t *store = dms_state_store();
    apr_status_t rv = APR_EGENERAL;

    *locks = NULL;
    if (request->tx) {
        rv = dms_tx_locks(request->tx, key, pool, locks);
    }
    else if (store) {
        rv = dms_store_has_locks(store) ? dms_store_locks(store, key, 0, pool, locks) : APR_SUCCESS;
    }
    return rv == APR_SUCCESS ? NULL : dms_error_of_store(request->r, rv);
}

static dms_error_t *locked(dms_request_t *request, const dms_lock_t *locks)
{
    dms_error_t *error = dms_error(request->r->pool, HTTP_LOCKED, "lock-token-submitted",
                                   "a lock stands in the way");

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
    dms_error_t *error = dms_barriers_read(request, key, request->r->pool, &locks);

    return error || !locks || are_open(request, locks) ? error : locked(request, locks);
}

dms_error_t *dms_barriers_is_open(dms_request_t *request, const char *key, int *open)
{
    apr_pool_t *pool;
    dms_lock_t *locks;
    dms_error_t *error;

    apr_pool_create(&pool, request->r->pool);
    error = dms_barriers_read(request, key, pool, &locks);
    *open = !error && are_open(request, locks);
    apr_pool_destroy(pool);
    return error;
}

/* --- what is below --- */

static dms_error_t *visit_below(dms_request_t *request, const dms_below_t *below)
{
    dms_store_t *store = dms_state_store();
    apr_status_t rv = APR_EGENERAL;

    if (store) {
        rv = request->tx || dms_store_has_locks(store)
                 ? dms_locks_below(store, request->tx, below, request->r->pool)
                 : APR_SUCCESS;
    }
    return rv == APR_SUCCESS ? NULL : dms_error_of_store(request->r, rv);
}

static int note_any(void *baton, const dms_lock_t *lock)
{
    *(int *)baton = 1;
    return 0;
}

dms_error_t *dms_barriers_any_below(dms_request_t *request, const char *key, int *any)
{
    dms_below_t below = {.key = key, .expected = 1, .visit = note_any, .baton = any};

    *any = 0;
    return visit_below(request, &below);
}

/* Locks below a resource, as they come in the order of their roots. Those with one root stand
 * together; a deep one is there before what is below its root. */
typedef struct search_t {
    dms_request_t *request;
    const char *key;     /* of the resource */
    apr_hash_t *deep;    /* the roots of the deep locks that are open */
    const char *present; /* the root whose locks come */
    dms_lock_t *root;    /* its first lock, while none of them is open */
    dms_lock_t *closed, **link;
    int count; /* of the closed ones */
} search_t;

/* Whether a lock that is in force on a root from further out is open. */
static int is_open_from_above(const search_t *search, const char *root)
{
    char *key = apr_pstrdup(search->request->r->pool, root);

    while (apr_hash_count(search->deep) && dms_key_go_up(key) && strcmp(key, search->key) != 0) {
        if (apr_hash_get(search->deep, key, APR_HASH_KEY_STRING)) {
            return 1;
        }
    }
    return 0;
}

static void end_root(search_t *search)
{
    if (search->root && !is_open_from_above(search, search->root->key)) {
        *search->link = search->root;
        search->link = &search->root->next;
        search->count++;
    }
    search->root = NULL;
}

static dms_lock_t *keep(search_t *search, const dms_lock_t *lock)
{
    apr_pool_t *pool = search->request->r->pool;
    dms_lock_t *kept = apr_pmemdup(pool, lock, sizeof(*lock));

    kept->token = apr_pstrdup(pool, lock->token);
    kept->key = apr_pstrdup(pool, lock->key);
    kept->uri = apr_pstrdup(pool, lock->uri);
    kept->principal = apr_pstrdup(pool, lock->principal);
    kept->next = NULL;
    return kept;
}

static int look_at(void *baton, const dms_lock_t *lock)
{
    search_t *search = baton;
    int open = is_open(search->request, lock);

    if (!search->present || strcmp(search->present, lock->key) != 0) {
        end_root(search);
        search->present = apr_pstrdup(search->request->r->pool, lock->key);
        search->root = open ? NULL : keep(search, lock);
    }
    else if (open) {
        search->root = NULL;
    }
    if (open && lock->is_deep) {
        apr_hash_set(search->deep, search->present, APR_HASH_KEY_STRING, search);
    }
    return search->count < TOLD_MAX;
}

/* A deep lock that is open opens all that is below it. */
static int has_open_deep_lock(dms_request_t *request, const dms_lock_t *locks)
{
    while (locks && !(locks->is_deep && is_open(request, locks))) {
        locks = locks->next;
    }
    return locks != NULL;
}

static dms_error_t *check_below(dms_request_t *request, const char *key)
{
    apr_pool_t *pool = request->r->pool;
    search_t search = {.request = request, .key = key, .deep = apr_hash_make(pool)};
    dms_below_t below = {.key = key, .visit = look_at, .baton = &search};
    dms_lock_t *above;
    dms_error_t *error = dms_barriers_read(request, key, pool, &above);

    if (error || has_open_deep_lock(request, above)) {
        return error;
    }
    search.link = &search.closed;
    error = visit_below(request, &below);
    end_root(&search);
    return error || !search.closed ? error : locked(request, search.closed);
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
