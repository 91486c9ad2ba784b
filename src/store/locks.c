/*
 * Locks, as rows.
 */
#include "store/store_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/* Follows each "urn:uuid:...". */
#define AFTER_ALL_TOKENS "~"

static const char *now(apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)apr_time_sec(apr_time_now()));
}

int dms_store_has_locks(dms_store_t *store)
{
    return dms_store_has(store, DMS_SQL_ANY_LOCK, &store->no_locks);
}

static const char *text_or_null(apr_pool_t *pool, const char *text)
{
    return text && *text ? apr_pstrdup(pool, text) : NULL;
}

static dms_lock_t *read_lock(dms_store_t *store, apr_dbd_row_t *row, apr_pool_t *pool)
{
    dms_lock_t *lock = apr_pcalloc(pool, sizeof(*lock));

    lock->token = apr_pstrdup(pool, dms_store_column(store, row, 0));
    lock->key = apr_pstrdup(pool, dms_store_column(store, row, 1));
    lock->uri = apr_pstrdup(pool,
                            dms_store_column(store, row, 2)); /* NULL: left out, as too long */
    lock->is_deep = *dms_store_column(store, row, 3) == '1';
    lock->is_shared = *dms_store_column(store, row, 4) == '1';
    lock->owner = text_or_null(pool, dms_store_column(store, row, 5));
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
    int count;         /* of locks read */
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
        reading->count++;
    }
    apr_pool_destroy(rows);
    return rv;
}

/* The locks on a resource and the deep ones above it: one query for each 15 collections. */
static apr_status_t read_upwards(reading_t *reading, dms_sql_e sql, const char *key)
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
        rv = append_locks(reading, sql, args);
        self = "";
    }
    return rv;
}

apr_status_t dms_store_locks(dms_store_t *store, const char *key, int owners, apr_pool_t *pool,
                             dms_lock_t **first)
{
    reading_t reading = {store, NULL, pool, first, 0};

    *first = NULL;
    return read_upwards(&reading, owners ? DMS_SQL_LOCKS : DMS_SQL_LOCKS_TO_CHECK, key);
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

apr_status_t dms_tx_locks(dms_tx_t *tx, const char *key, apr_pool_t *pool, dms_lock_t **first)
{
    reading_t reading = {tx->store, tx, pool, first, 0};
    apr_status_t rv = look_for_any(tx);

    *first = NULL;
    return rv == APR_SUCCESS && tx->locks > 0 ? read_upwards(&reading, DMS_SQL_LOCKS_TO_CHECK, key)
                                              : rv;
}

apr_status_t dms_tx_lock_owner(dms_tx_t *tx, dms_lock_t *lock, apr_pool_t *pool)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row = NULL;
    apr_status_t rv = dms_tx_enter(tx);

    if (rv == APR_SUCCESS) {
        rv = dms_tx_select(tx, DMS_SQL_LOCK_OWNER, DMS_ARGS(lock->token), tx->conn->scratch,
                           &results);
    }
    if (rv == APR_SUCCESS) {
        row = dms_store_row(tx->store, tx->conn->scratch, results);
    }
    lock->owner = row ? text_or_null(pool, dms_store_column(tx->store, row, 0)) : NULL;
    return rv;
}

/* --- those below a resource --- */

/* Tells of those in a page. Beside what is below "/", there are the rows of other providers. *last
 * is the last one, NULL where the page, or the visitor, is at the end. */
static void visit_page(const dms_below_t *below, const dms_lock_t *lock, int is_whole,
                       const dms_lock_t **last)
{
    for (*last = NULL; lock; lock = lock->next) {
        *last = is_whole ? lock : NULL;
        if (dms_key_is_at_or_below(lock->key, below->key) && !below->visit(below->baton, lock)) {
            *last = NULL;
            return;
        }
    }
}

apr_status_t dms_locks_below(dms_store_t *store, dms_tx_t *tx, const dms_below_t *below,
                             apr_pool_t *pool)
{
    apr_pool_t *pages[2];
    const dms_lock_t *last = NULL;
    dms_place_t place;
    const char *after, *token = AFTER_ALL_TOKENS;
    apr_status_t rv = tx ? look_for_any(tx) : APR_SUCCESS;
    int i = 0, page = below->expected ? below->expected : DMS_STORE_LOCKS_PAGE;

    if (rv != APR_SUCCESS || (tx && tx->locks < 0)) {
        return rv;
    }
    apr_pool_create(&pages[0], pool);
    apr_pool_create(&pages[1], pool);
    dms_key_place(pool, below->key, &place);
    after = below->after ? below->after : place.low;
    do {
        dms_lock_t *first = NULL;
        reading_t reading = {tx ? tx->store : store, tx, pages[i], &first, 0};

        rv = append_locks(&reading, DMS_SQL_LOCKS_BELOW,
                          DMS_ARGS(after, token, place.high, below->only_exclusive ? "0" : "1",
                                   now(pages[i]), apr_itoa(pages[i], page)));
        visit_page(below, first, reading.count == page, &last);
        after = last ? last->key : NULL;
        token = last ? last->token : NULL;
        i = !i;
        apr_pool_clear(pages[i]); /* the one before, to which `after` referred */
    } while (rv == APR_SUCCESS && last);
    apr_pool_destroy(pages[0]);
    apr_pool_destroy(pages[1]);
    return rv;
}

apr_status_t dms_tx_count_locks(dms_tx_t *tx, const char *principal, apr_int64_t most,
                                apr_int64_t *count)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row = NULL;
    apr_status_t rv = dms_tx_enter(tx);

    if (rv == APR_SUCCESS) {
        apr_pool_t *pool = tx->conn->scratch;

        rv = dms_tx_select(tx, DMS_SQL_COUNT_LOCKS,
                           DMS_ARGS(principal, now(pool),
                                    apr_psprintf(pool, "%" APR_INT64_T_FMT, most)),
                           pool, &results);
        row = rv == APR_SUCCESS ? dms_store_row(tx->store, pool, results) : NULL;
    }
    *count = row ? apr_atoi64(dms_store_column(tx->store, row, 0)) : 0;
    return rv;
}

/* --- those of members --- */

apr_status_t dms_store_member_locks(dms_store_t *store, const char *key, apr_pool_t *pool,
                                    apr_hash_t **locks)
{
    dms_lock_t *first = NULL, *lock, *next;
    reading_t reading = {store, NULL, pool, &first, 0};
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
    reading_t reading = {store, NULL, pool, &lock, 0};
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
