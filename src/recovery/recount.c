#include "recovery/recount.h"

#include <errno.h>

#include <apr_atomic.h>
#include <apr_time.h>

#include "keys/keys.h"
#include "repository/tree.h"

/* How often a tree is walked that changes meanwhile. */
#define WALKS 3

/* Of the time, at most one part in so many goes into counting again what was counted among writers,
 * ... */
#define SHARE 16
/* ... and for so many seconds at most nobody else does while one is at it. */
#define PATIENCE 3600u

/* The second from which on the process may do so again. */
static volatile apr_uint32_t due;

/* Finds a collection by its key: as that in which something has its name. */
static apr_status_t find(const dms_provider_t *provider, const char *key, apr_pool_t *pool,
                         dms_node_t **collection)
{
    const char *own = dms_key_own(provider, key), *name;

    return own && provider->parent_of_key
               ? provider->parent_of_key(dms_key_below(pool, own, "x"), pool, collection, &name)
               : ENOENT;
}

static apr_status_t begin(dms_store_t *store, const char *key, apr_pool_t *pool,
                          apr_int64_t *changes)
{
    dms_tx_t *tx;
    apr_status_t rv = dms_tx_begin(store, pool, &tx);

    if (rv == APR_SUCCESS) {
        dms_tx_begin_size(tx, key, changes);
        rv = dms_tx_commit(tx);
    }
    return rv;
}

static apr_status_t end(dms_store_t *store, const char *key, apr_pool_t *pool, apr_int64_t bytes,
                        apr_int64_t changes, int is_final, int *is_done)
{
    dms_tx_t *tx;
    apr_status_t rv = dms_tx_begin(store, pool, &tx);

    if (rv == APR_SUCCESS) {
        dms_tx_set_size(tx, key, bytes, changes, is_final, is_done);
        rv = dms_tx_commit(tx);
    }
    return rv;
}

static apr_status_t count(dms_store_t *store, const dms_provider_t *provider, const char *key,
                          apr_pool_t *pool, int is_final, apr_int64_t *bytes, int *is_done)
{
    apr_int64_t changes;
    dms_node_t *collection;
    apr_status_t rv = begin(store, key, pool, &changes);

    if (rv == APR_SUCCESS) {
        rv = find(provider, key, pool, &collection);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *bytes = dms_tree_size(provider, collection, pool);
    return end(store, key, pool, *bytes, changes, is_final, is_done);
}

apr_status_t dms_recount(dms_store_t *store, const dms_provider_t *provider, const char *key,
                         apr_pool_t *pool, apr_int64_t *bytes)
{
    apr_status_t rv = APR_SUCCESS;
    int i, is_done = 0;

    for (i = 1; i <= WALKS && !is_done && rv == APR_SUCCESS; i++) {
        apr_pool_t *own;

        apr_pool_create(&own, pool);
        rv = count(store, provider, key, own, i == WALKS, bytes, &is_done);
        apr_pool_destroy(own);
    }
    return rv;
}

static apr_uint32_t seconds(void)
{
    return (apr_uint32_t)apr_time_sec(apr_time_now());
}

/* Whether it is time, and this thread the one to do it. */
static int take_turn(apr_uint32_t now)
{
    apr_uint32_t seen = apr_atomic_read32(&due);
    int is_early = now < seen && seen - now <= PATIENCE;

    return !is_early && apr_atomic_cas32(&due, now + PATIENCE, seen) == seen;
}

void dms_recount_again(dms_store_t *store, const dms_provider_t *provider, const char *key,
                       apr_pool_t *pool, apr_int64_t *bytes)
{
    apr_uint32_t begun = seconds();
    apr_int64_t counted;
    apr_pool_t *own;
    int is_done = 0;

    if (!take_turn(begun)) {
        return;
    }
    apr_pool_create(&own, pool);
    if (count(store, provider, key, own, 0, &counted, &is_done) == APR_SUCCESS && is_done) {
        *bytes = counted;
    }
    apr_pool_destroy(own);
    apr_atomic_set32(&due, seconds() + 1 + SHARE * (seconds() - begun));
}
