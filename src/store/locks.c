/*
 * Locks, as rows.
 */
#include "store/store_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

static const char *now(apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)apr_time_sec(apr_time_now()));
}

int dms_store_has_locks(dms_store_t *store)
{
    return dms_store_has(store, DMS_SQL_ANY_LOCK, &store->no_locks);
}

static dms_lock_t *read_lock(dms_store_t *store, apr_dbd_row_t *row, apr_pool_t *pool)
{
    dms_lock_t *lock = apr_pcalloc(pool, sizeof(*lock));
    const char *owner = dms_store_column(store, row, 5);

    lock->token = apr_pstrdup(pool, dms_store_column(store, row, 0));
    lock->key = apr_pstrdup(pool, dms_store_column(store, row, 1));
    lock->uri = apr_pstrdup(pool,
                            dms_store_column(store, row, 2)); /* NULL: left out, as too long */
    lock->is_deep = *dms_store_column(store, row, 3) == '1';
    lock->is_shared = *dms_store_column(store, row, 4) == '1';
    lock->owner = owner && *owner ? apr_pstrdup(pool, owner) : NULL;
    lock->principal = apr_pstrdup(pool, dms_store_column(store, row, 6));
    lock->expires = apr_atoi64(dms_store_column(store, row, 7));
    return lock;
}

/* Locks that are being read, in a transaction or not, into a list. */
typedef struct reading_t {
    dms_store_t *store;
    dms_tx_t *tx; /* or NULL */
    apr_pool_t *pool;
    dms_lock_t **link; /* the list's end */
} reading_t;

static apr_status_t read_rows(reading_t *reading, dms_sql_e sql, const char **args,
                              apr_pool_t *pool, apr_dbd_results_t **results)
{
    return reading->tx ? dms_tx_select(reading->tx, sql, args, pool, results)
                       : dms_store_select(reading->store, sql, args, pool, results);
}

/* Runs a select of locks and appends them. */
static apr_status_t append_locks(reading_t *reading, dms_sql_e sql, const char **args)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    apr_pool_t *rows;
    apr_status_t rv;

    apr_pool_create(&rows, reading->pool);
    rv = read_rows(reading, sql, args, rows, &results);
    while (rv == APR_SUCCESS && (row = dms_store_row(reading->store, rows, results)) != NULL) {
        *reading->link = read_lock(reading->store, row, reading->pool);
        reading->link = &(*reading->link)->next;
    }
    apr_pool_destroy(rows);
    return rv;
}

/* The locks on a resource and the deep ones above it: one query for each 15 collections. */
static apr_status_t read_upwards(reading_t *reading, const char *key)
{
    char *at = apr_pstrdup(reading->pool, key);
    const char *self = key;
    apr_status_t rv = APR_SUCCESS;
    int goes_up = 1;

    while (goes_up && rv == APR_SUCCESS) {
        const char *args[DMS_STORE_LOCK_KEYS + 1];
        int i;

        args[0] = self;
        for (i = 1; i < DMS_STORE_LOCK_KEYS; i++) {
            goes_up = goes_up && dms_key_go_up(at);
            args[i] = goes_up ? apr_pstrdup(reading->pool, at) : "";
        }
        args[DMS_STORE_LOCK_KEYS] = now(reading->pool);
        rv = append_locks(reading, DMS_SQL_LOCKS, args);
        self = "";
    }
    return rv;
}

/* Beside what is below "/", there are the rows of other providers. */
static apr_status_t read_below(reading_t *reading, const char *key)
{
    dms_lock_t **link = reading->link;
    dms_place_t place;
    apr_status_t rv;

    dms_key_place(reading->pool, key, &place);
    rv = append_locks(reading, DMS_SQL_LOCKS_BELOW,
                      DMS_ARGS(place.low, place.high, now(reading->pool)));
    while (*link) {
        if (dms_key_is_at_or_below((*link)->key, key)) {
            link = &(*link)->next;
        }
        else {
            *link = (*link)->next;
        }
    }
    return rv;
}

static apr_status_t read_locks(reading_t *reading, const char *key, int below)
{
    apr_status_t rv = read_upwards(reading, key);

    return rv == APR_SUCCESS && below ? read_below(reading, key) : rv;
}

apr_status_t dms_store_locks(dms_store_t *store, const char *key, int below, apr_pool_t *pool,
                             dms_lock_t **first)
{
    reading_t reading = {store, NULL, pool, first};

    *first = NULL;
    return read_locks(&reading, key, below);
}

/* Whether there are any: mostly there are none, and several questions in one transaction. */
static apr_status_t look_for_any(dms_tx_t *tx)
{
    apr_dbd_results_t *results;
    apr_status_t rv = dms_tx_enter(tx);

    if (rv == APR_SUCCESS && !tx->locks) {
        rv = dms_tx_select(tx, DMS_SQL_ANY_LOCK, DMS_NO_ARGS, tx->conn->scratch, &results);
        if (rv == APR_SUCCESS) {
            tx->locks = dms_store_row(tx->store, tx->conn->scratch, results) ? 1 : -1;
        }
    }
    return rv;
}

apr_status_t dms_tx_locks(dms_tx_t *tx, const char *key, int below, apr_pool_t *pool,
                          dms_lock_t **first)
{
    reading_t reading = {tx->store, tx, pool, first};
    apr_status_t rv = look_for_any(tx);

    *first = NULL;
    return rv == APR_SUCCESS && tx->locks > 0 ? read_locks(&reading, key, below) : rv;
}

apr_status_t dms_store_member_locks(dms_store_t *store, const char *key, apr_pool_t *pool,
                                    apr_hash_t **locks)
{
    dms_lock_t *first = NULL, *lock, *next;
    reading_t reading = {store, NULL, pool, &first};
    apr_status_t rv = append_locks(&reading, DMS_SQL_MEMBER_LOCKS, DMS_ARGS(key, now(pool)));
    unsigned int count = 0;

    *locks = apr_hash_make(pool);
    for (lock = first; lock; lock = next, count++) {
        const char *name = dms_key_name(lock->key);
        void *list = apr_hash_get(*locks, name, APR_HASH_KEY_STRING);

        next = lock->next;
        if (lock->uri && list != DMS_STORE_APART) {
            lock->next = list;
            list = lock;
        }
        else {
            list = DMS_STORE_APART;
        }
        apr_hash_set(*locks, name, APR_HASH_KEY_STRING, list);
    }
    if (count == DMS_STORE_MEMBER_LOCKS) {
        *locks = NULL;
    }
    return rv;
}

apr_status_t dms_store_own_locks(dms_store_t *store, const char *key, apr_pool_t *pool,
                                 dms_lock_t **first)
{
    const char *args[DMS_STORE_LOCK_KEYS + 1];
    dms_lock_t *lock = NULL, *next;
    reading_t reading = {store, NULL, pool, &lock};
    apr_status_t rv;
    int i;

    args[0] = key;
    for (i = 1; i < DMS_STORE_LOCK_KEYS; i++) {
        args[i] = "";
    }
    args[DMS_STORE_LOCK_KEYS] = now(pool);
    rv = append_locks(&reading, DMS_SQL_LOCKS, args);
    *first = NULL;
    for (; lock; lock = next) {
        next = lock->next;
        lock->next = *first;
        *first = lock;
    }
    return rv;
}

apr_status_t dms_tx_lock(dms_tx_t *tx, const dms_lock_t *lock)
{
    apr_pool_t *pool;
    dms_place_t place;
    apr_status_t rv;

    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    tx->locks = 1;
    pool = tx->conn->scratch;
    dms_key_place(pool, lock->key, &place);
    rv = dms_tx_query(tx, DMS_SQL_EXPIRE_LOCKS, DMS_ARGS(now(pool)), NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return dms_tx_query(tx, DMS_SQL_LOCK,
                        DMS_ARGS(place.parent, lock->token, lock->key, lock->uri,
                                 lock->is_deep ? "1" : "0", lock->is_shared ? "1" : "0",
                                 lock->owner ? lock->owner : "", lock->principal,
                                 apr_psprintf(pool, "%" APR_INT64_T_FMT, lock->expires)),
                        NULL);
}

apr_status_t dms_tx_refresh_lock(dms_tx_t *tx, const dms_lock_t *lock)
{
    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    return dms_tx_query(tx, DMS_SQL_REFRESH_LOCK,
                        DMS_ARGS(apr_psprintf(tx->conn->scratch, "%" APR_INT64_T_FMT,
                                              lock->expires),
                                 lock->token),
                        NULL);
}

apr_status_t dms_tx_unlock(dms_tx_t *tx, const char *token)
{
    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    return dms_tx_query(tx, DMS_SQL_UNLOCK, DMS_ARGS(token), NULL);
}

apr_status_t dms_tx_unlock_tree(dms_tx_t *tx, const char *key, int self)
{
    dms_place_t place;

    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    dms_key_place(tx->conn->scratch, key, &place);
    return dms_tx_query(tx, DMS_SQL_UNLOCK_BELOW,
                        DMS_ARGS(self ? place.key : "", place.low, place.high), NULL);
}
