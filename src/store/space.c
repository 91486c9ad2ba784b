/*
 * How much the files of a folder have: a row for each folder that is counted, its bytes kept as
 * files come and go.
 *
 * A row is right as long as each change on the disk is committed along with it. Where a process
 * dies between the two, or a commit fails, the count of changes is left odd (transaction.c): the
 * next writer forgets all rows, and who needs one counts anew. Those of an earlier start of the
 * machine are not believed, since a power loss may have kept one and lost the other.
 */
#include "store/store_private.h"

#include <errno.h>
#include <string.h>

#include <apr_strings.h>

#include "processes/processes.h"

void dms_store_count_space(dms_store_t *store, apr_pool_t *pool)
{
    store->boot = dms_processes_boot(pool);
}

apr_status_t dms_store_forget_space(dms_store_t *store, apr_pool_t *pool)
{
    dms_tx_t *tx;
    int any;
    apr_status_t rv = dms_store_any(store, DMS_SQL_ANY_SIZE, DMS_NO_ARGS, &any);

    if (rv != APR_SUCCESS || !any) {
        return rv;
    }
    rv = dms_tx_begin(store, pool, &tx);
    if (rv == APR_SUCCESS) {
        dms_tx_query(tx, DMS_SQL_UNSIZE_ALL, DMS_NO_ARGS, NULL);
        rv = dms_tx_commit(tx);
    }
    return rv;
}

apr_uint32_t dms_store_time(dms_store_t *store)
{
    apr_uint32_t count;

    dms_store_changes(store, &count);
    return count;
}

void dms_store_begin_counting(dms_store_t *store)
{
    apr_thread_mutex_lock(store->counting);
}

void dms_store_end_counting(dms_store_t *store)
{
    apr_thread_mutex_unlock(store->counting);
}

static const char *number(apr_pool_t *pool, apr_int64_t value)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, value);
}

/* Where the count of changes is odd, a writer is at work, or has come to nothing: waits for its
 * end, or has what is not true any more forgotten. */
static apr_status_t settle(dms_store_t *store, apr_pool_t *pool)
{
    apr_uint32_t count;
    dms_tx_t *tx;
    apr_status_t rv;

    if (dms_store_changes(store, &count)) {
        return APR_SUCCESS;
    }
    rv = dms_tx_begin(store, pool, &tx);
    return rv == APR_SUCCESS ? dms_tx_commit(tx) : rv;
}

/* A select in a transaction, or without one. */
static apr_status_t read_rows(dms_store_t *store, dms_tx_t *tx, dms_sql_e sql, const char **args,
                              apr_pool_t *pool, apr_dbd_results_t **results)
{
    return tx ? dms_tx_select(tx, sql, args, pool, results)
              : dms_store_select(store, sql, args, pool, results);
}

/* The machine's start in the row of a folder that was counted while others wrote. */
static const char *inexact_boot(const dms_store_t *store, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "~", store->boot, NULL);
}

apr_status_t dms_store_size_as_counted(dms_store_t *store, dms_tx_t *tx, const char *key,
                                       apr_pool_t *pool, apr_int64_t *bytes, int *is_exact)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row = NULL;
    apr_status_t rv;

    if (!store->boot) {
        return ENOENT;
    }
    rv = tx ? APR_SUCCESS : settle(store, pool);
    if (rv == APR_SUCCESS) {
        rv = read_rows(store, tx, DMS_SQL_SIZE,
                       DMS_ARGS(key, store->boot, inexact_boot(store, pool)), pool, &results);
    }
    if (rv == APR_SUCCESS) {
        row = dms_store_row(store, pool, results);
        rv = row ? APR_SUCCESS : ENOENT;
    }
    if (row) {
        *bytes = apr_atoi64(dms_store_column(store, row, 0));
        *is_exact = !strcmp(dms_store_column(store, row, 1), store->boot);
    }
    return rv;
}

apr_status_t dms_store_size(dms_store_t *store, dms_tx_t *tx, const char *key, apr_pool_t *pool,
                            apr_int64_t *bytes)
{
    int is_exact;

    return dms_store_size_as_counted(store, tx, key, pool, bytes, &is_exact);
}

apr_status_t dms_store_next_size(dms_store_t *store, const char *after, apr_pool_t *pool,
                                 const char **next)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row = NULL;
    apr_status_t rv = dms_store_select(store, DMS_SQL_NEXT_SIZE, DMS_ARGS(after), pool, &results);

    if (rv == APR_SUCCESS) {
        row = dms_store_row(store, pool, results);
    }
    *next = row ? dms_store_column(store, row, 0) : NULL;
    return rv;
}

/* Sets the arguments to a key and those of the collections that it is in, as many as there is room
 * for, and moves `at` up to where to go on. Returns whether to. */
static int fill_keys(apr_pool_t *pool, char *at, const char **keys)
{
    int i, goes_on = 1;

    for (i = 0; i < DMS_STORE_SPACE_KEYS; i++) {
        keys[i] = goes_on ? apr_pstrdup(pool, at) : "";
        goes_on = goes_on && dms_key_go_up(at);
    }
    return goes_on;
}

/* Runs a statement for a key and those above it; first: an argument that precedes them, or NULL. */
static apr_status_t change_upwards(dms_tx_t *tx, dms_sql_e sql, const char *key, const char *first)
{
    const char *args[DMS_STORE_SPACE_KEYS + 1];
    char *at = apr_pstrdup(tx->conn->scratch, key);
    apr_status_t rv;
    int goes_on;

    args[0] = first;
    do {
        goes_on = fill_keys(tx->conn->scratch, at, args + 1);
        rv = dms_tx_query(tx, sql, first ? args : args + 1, NULL);
    } while (goes_on && rv == APR_SUCCESS);
    return rv;
}

static apr_status_t forget_below(dms_tx_t *tx, const char *key, int self)
{
    dms_place_t place;

    dms_key_place(tx->conn->scratch, key, &place);
    return dms_tx_query(tx, DMS_SQL_UNSIZE_BELOW, DMS_ARGS(self ? key : "", place.low, place.high),
                        NULL);
}

apr_status_t dms_tx_unsize_tree(dms_tx_t *tx, const char *key)
{
    return tx->store->boot && dms_tx_enter(tx) == APR_SUCCESS ? forget_below(tx, key, 1)
                                                              : tx->status;
}

apr_status_t dms_tx_resize(dms_tx_t *tx, const char *key, apr_int64_t bytes)
{
    if (!tx->store->boot || !bytes) {
        return tx->status;
    }
    tx->is_resized = 1;
    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    change_upwards(tx, DMS_SQL_RESIZE, key, number(tx->conn->scratch, bytes));
    return forget_below(tx, key, 0);
}

apr_status_t dms_tx_unsize(dms_tx_t *tx, const char *key)
{
    if (!tx->store->boot) {
        return tx->status;
    }
    tx->is_resized = 1;
    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    change_upwards(tx, DMS_SQL_UNSIZE, key, NULL);
    return forget_below(tx, key, 0);
}

apr_status_t dms_tx_unsize_all(dms_tx_t *tx)
{
    return dms_tx_query(tx, DMS_SQL_UNSIZE_ALL, DMS_NO_ARGS, NULL);
}

apr_status_t dms_tx_begin_size(dms_tx_t *tx, const char *key, apr_int64_t *changes)
{
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row;
    apr_status_t rv = dms_tx_enter(tx);

    *changes = 0;
    if (rv == APR_SUCCESS) {
        /* A row that is made anew does not look like one that somebody has begun to count for. */
        dms_tx_query(tx, DMS_SQL_BEGIN_SIZE,
                     DMS_ARGS(key, number(tx->conn->scratch, (apr_int64_t)apr_time_now())), NULL);
        rv = dms_tx_select(tx, DMS_SQL_CHANGES, DMS_ARGS(key), tx->conn->scratch, &results);
    }
    row = rv == APR_SUCCESS ? dms_store_row(tx->store, tx->conn->scratch, results) : NULL;
    if (row) {
        *changes = apr_atoi64(dms_store_column(tx->store, row, 0));
    }
    return rv;
}

apr_status_t dms_tx_set_size(dms_tx_t *tx, const char *key, apr_int64_t bytes, apr_int64_t changes,
                             int is_final, int *is_done)
{
    apr_status_t rv = dms_tx_enter(tx);
    apr_pool_t *pool = tx->conn->scratch;
    int rows = 0;

    if (rv == APR_SUCCESS) {
        rv = dms_tx_query(tx, DMS_SQL_SET_SIZE,
                          DMS_ARGS(number(pool, bytes),
                                   is_final ? inexact_boot(tx->store, pool) : tx->store->boot, key,
                                   number(pool, changes), is_final ? "final" : ""),
                          &rows);
    }
    *is_done = rows > 0;
    return rv;
}

/* The keys that are counted, at or above one, in one string. */
static const char *counted_above(dms_store_t *store, const char *key, apr_pool_t *pool)
{
    const char *args[DMS_STORE_SPACE_KEYS], *all = "";
    char *at = apr_pstrdup(pool, key);
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    int goes_on;

    do {
        goes_on = fill_keys(pool, at, args);
        if (dms_store_select(store, DMS_SQL_SIZED, args, pool, &results) != APR_SUCCESS) {
            return NULL;
        }
        while ((row = dms_store_row(store, pool, results)) != NULL) {
            all = apr_pstrcat(pool, all, " ", dms_store_column(store, row, 0), NULL);
        }
    } while (goes_on);
    return all;
}

int dms_store_is_same_space(dms_store_t *store, const char *one, const char *other,
                            apr_pool_t *pool)
{
    const char *first, *second;
    char *parent = apr_pstrdup(pool, one), *other_parent = apr_pstrdup(pool, other);

    dms_key_go_up(parent);
    dms_key_go_up(other_parent);
    if (!strcmp(parent, other_parent)) {
        return 1;
    }
    first = counted_above(store, parent, pool);
    second = counted_above(store, other_parent, pool);
    return first && second && !strcmp(first, second);
}
