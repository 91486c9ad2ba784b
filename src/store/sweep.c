/*
 * Sweeping: forgetting what is gone from the disk, a part at a time.
 */
#include "store/store_private.h"

#include <string.h>

#include <apr_strings.h>

typedef struct walk_t {
    dms_tx_t *tx;
    dms_sweep_t *sweep;
    apr_pool_t *pool; /* of what the sweep has reached */
    apr_pool_t *page; /* cleared for each */
    const char *collection;
} walk_t;

static apr_status_t ask(walk_t *walk, const char *key, const char *parent, const char *name)
{
    switch (walk->sweep->presence(walk->sweep->baton, key)) {
    case DMS_PRESENCE_GONE:
        return dms_tx_query(walk->tx, DMS_SQL_FORGET_OWN, DMS_ARGS(parent, name), NULL);
    case DMS_PRESENCE_UNKNOWN:
        walk->sweep->doubts = 1;
        break;
    case DMS_PRESENCE_THERE:
        break;
    }
    return APR_SUCCESS;
}

/* Whether to stop after a member. */
static int is_over(walk_t *walk, const char *key)
{
    if (!walk->sweep->until || apr_time_now() < walk->sweep->until) {
        return 0;
    }
    walk->sweep->reached = apr_pstrdup(walk->pool, key);
    return 1;
}

/* Asks for the members of the collection that follow a name, a page of them. *after becomes the
 * last one, in the page's pool, or NULL where there were none. APR_TIMEUP: it is time to stop. */
static apr_status_t sweep_page(walk_t *walk, const char **after)
{
    dms_tx_t *tx = walk->tx;
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    apr_status_t rv = dms_tx_select(tx, DMS_SQL_NEXT_MEMBERS, DMS_ARGS(walk->collection, *after),
                                    walk->page, &results);

    *after = NULL;
    while (rv == APR_SUCCESS && (row = dms_store_row(tx->store, walk->page, results)) != NULL) {
        const char *member = dms_store_column(tx->store, row, 0);
        const char *key = dms_key_below(walk->page, walk->collection, member);

        *after = member;
        rv = ask(walk, key, walk->collection, member);
        if (rv == APR_SUCCESS && is_over(walk, key)) {
            rv = APR_TIMEUP;
        }
    }
    return rv;
}

static apr_status_t sweep_members(walk_t *walk, const char *after)
{
    apr_pool_t *name; /* outlives the page */
    apr_status_t rv;

    apr_pool_create(&name, walk->tx->conn->pool);
    do {
        rv = sweep_page(walk, &after);
        apr_pool_clear(name);
        after = apr_pstrdup(name, after);
        apr_pool_clear(walk->page);
    } while (after && rv == APR_SUCCESS);
    apr_pool_destroy(name);
    dms_tx_query(walk->tx, DMS_SQL_PRUNE, DMS_ARGS(walk->collection), NULL);
    return walk->tx->status != APR_SUCCESS ? walk->tx->status : rv;
}

/* Goes on to the next collection; its key is in a pool that is cleared. NULL: there is none. */
static apr_status_t next_collection(walk_t *walk, const dms_place_t *place, apr_pool_t *pool)
{
    dms_tx_t *tx = walk->tx;
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    const char *after = strcmp(walk->collection, place->key) ? walk->collection : place->low;
    apr_status_t rv = dms_tx_select(tx, DMS_SQL_NEXT_COLLECTION, DMS_ARGS(after, place->high),
                                    walk->page, &results);

    walk->collection = NULL;
    if (rv == APR_SUCCESS) {
        row = dms_store_row(tx->store, walk->page, results);
        apr_pool_clear(pool);
        walk->collection = row ? apr_pstrdup(pool, dms_store_column(tx->store, row, 0)) : NULL;
    }
    apr_pool_clear(walk->page);
    return rv;
}

static apr_status_t sweep_own(walk_t *walk, const dms_place_t *place)
{
    apr_dbd_results_t *results;
    apr_status_t rv = dms_tx_select(walk->tx, DMS_SQL_OWN, DMS_ARGS(place->parent, place->name),
                                    walk->page, &results);

    if (rv == APR_SUCCESS && dms_store_row(walk->tx->store, walk->page, results)) {
        rv = ask(walk, place->key, place->parent, place->name);
        dms_tx_query(walk->tx, DMS_SQL_PRUNE, DMS_ARGS(place->parent), NULL);
    }
    apr_pool_clear(walk->page);
    return walk->tx->status != APR_SUCCESS ? walk->tx->status : rv;
}

/* From where it has come to: the resource itself, its members, those of each collection below. */
static apr_status_t sweep_on(walk_t *walk, const dms_place_t *place, apr_pool_t *names)
{
    const char *reached = walk->sweep->reached, *after = "";
    apr_status_t rv = APR_SUCCESS;

    walk->sweep->reached = NULL;
    walk->collection = place->key;
    if (reached && *reached) {
        walk->collection = dms_key_parent(names, reached);
        after = dms_key_name(reached);
    }
    else {
        rv = sweep_own(walk, place);
    }
    while (rv == APR_SUCCESS && walk->collection) {
        rv = sweep_members(walk, after);
        after = "";
        if (rv == APR_SUCCESS) {
            rv = next_collection(walk, place, names);
        }
    }
    return rv == APR_TIMEUP ? APR_SUCCESS : rv;
}

apr_status_t dms_tx_sweep(dms_tx_t *tx, dms_sweep_t *sweep, apr_pool_t *pool)
{
    walk_t walk = {.tx = tx, .sweep = sweep, .pool = pool};
    dms_place_t place;
    apr_pool_t *names;
    apr_status_t rv;

    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    apr_pool_create(&walk.page, tx->conn->pool);
    apr_pool_create(&names, tx->conn->pool);
    dms_key_place(tx->conn->scratch, sweep->key, &place);
    rv = sweep_on(&walk, &place, names);
    apr_pool_destroy(names);
    apr_pool_destroy(walk.page);
    return rv;
}
