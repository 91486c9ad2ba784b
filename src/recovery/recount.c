#include "recovery/recount.h"

#include <errno.h>

#include "keys/keys.h"
#include "repository/tree.h"

/* How often a tree is walked that changes meanwhile. */
#define WALKS 3

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
