/*
 * Intentions, as rows: the one place that writes and reads what an intention remembers.
 */
#include "store/store_private.h"

#include <stdlib.h>

#include <apr_strings.h>

#include "processes/processes.h"

static const char *number(apr_pool_t *pool, apr_int64_t value)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, value);
}

static const char *text(const char *value)
{
    return value ? value : "";
}

/* --- writing --- */

/* A number that was never given before, so that nobody settles what another has intended: larger
 * than all that are, and than the time when those were given that are no more. */
static apr_status_t next_id(dms_tx_t *tx, apr_int64_t *id)
{
    apr_pool_t *pool = tx->conn->scratch;
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    apr_status_t rv = dms_tx_select(tx, DMS_SQL_LAST_INTENTION, DMS_NO_ARGS, pool, &results);

    *id = apr_time_now();
    if (rv == APR_SUCCESS && (row = dms_store_row(tx->store, pool, results)) != NULL) {
        apr_int64_t last = apr_atoi64(dms_store_column(tx->store, row, 0));
        *id = last >= *id ? last + 1 : *id;
    }
    return rv;
}

static apr_status_t write_row(dms_tx_t *tx, const dms_intention_t *intention, const char *owner)
{
    apr_pool_t *pool = tx->conn->scratch;

    return dms_tx_query(tx, DMS_SQL_INTEND,
                        DMS_ARGS(number(pool, intention->id),
                                 apr_itoa(pool, (int)intention->intent), intention->from,
                                 text(intention->to), intention->deep ? "1" : "0",
                                 text(intention->identity), text(intention->replaced),
                                 text(intention->reserved), text(intention->reached),
                                 intention->doubts ? "1" : "0", owner),
                        NULL);
}

apr_status_t dms_tx_intend(dms_tx_t *tx, dms_intention_t *intention)
{
    apr_status_t rv;

    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    rv = next_id(tx, &intention->id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return write_row(tx, intention, dms_process_self(tx->conn->scratch));
}

static apr_status_t remove_row(dms_tx_t *tx, const dms_intention_t *intention)
{
    return dms_tx_query(tx, DMS_SQL_SETTLE, DMS_ARGS(number(tx->conn->scratch, intention->id)),
                        NULL);
}

apr_status_t dms_tx_settle(dms_tx_t *tx, const dms_intention_t *intention)
{
    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    return remove_row(tx, intention);
}

apr_status_t dms_tx_supersede(dms_tx_t *tx, const dms_intention_t *move)
{
    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    return dms_tx_query(tx, DMS_SQL_SUPERSEDE,
                        DMS_ARGS(apr_itoa(tx->conn->scratch, DMS_INTENT_MOVE), move->to,
                                 move->identity, number(tx->conn->scratch, move->id)),
                        NULL);
}

apr_status_t dms_tx_reintend(dms_tx_t *tx, const dms_intention_t *intention)
{
    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    remove_row(tx, intention);
    return write_row(tx, intention, intention->owner);
}

/* --- abandoned ones --- */

void dms_store_abandon(dms_store_t *store, apr_int64_t id)
{
    if (!id) {
        return;
    }
    apr_thread_mutex_lock(store->mutex);
    store->abandoned[store->next_abandoned++ % DMS_STORE_ABANDONED] = id;
    apr_thread_mutex_unlock(store->mutex);
}

static int is_abandoned(dms_store_t *store, apr_int64_t id)
{
    unsigned int i = DMS_STORE_ABANDONED;

    apr_thread_mutex_lock(store->mutex);
    while (i > 0 && store->abandoned[i - 1] != id) {
        i--;
    }
    apr_thread_mutex_unlock(store->mutex);
    return i > 0;
}

/* --- reading --- */

static dms_intention_t *read_row(dms_store_t *store, apr_dbd_row_t *row, apr_pool_t *pool)
{
    dms_intention_t *intention = apr_pcalloc(pool, sizeof(*intention));

    intention->id = apr_atoi64(dms_store_column(store, row, 0));
    intention->intent = (dms_intent_e)atoi(dms_store_column(store, row, 1));
    intention->from = apr_pstrdup(pool, dms_store_column(store, row, 2));
    intention->to = apr_pstrdup(pool, dms_store_column(store, row, 3));
    intention->deep = *dms_store_column(store, row, 4) != '0';
    intention->identity = apr_pstrdup(pool, dms_store_column(store, row, 5));
    intention->replaced = apr_pstrdup(pool, dms_store_column(store, row, 6));
    intention->reserved = apr_pstrdup(pool, dms_store_column(store, row, 7));
    intention->reached = apr_pstrdup(pool, dms_store_column(store, row, 8));
    intention->doubts = *dms_store_column(store, row, 9) != '0';
    intention->owner = apr_pstrdup(pool, dms_store_column(store, row, 10));
    return intention;
}

apr_status_t dms_tx_intention(dms_tx_t *tx, apr_int64_t id, apr_pool_t *pool,
                              dms_intention_t **intention)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    apr_status_t rv;

    *intention = NULL;
    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    rv = dms_tx_select(tx, DMS_SQL_INTENTION, DMS_ARGS(number(tx->conn->scratch, id)), pool,
                       &results);
    if (rv == APR_SUCCESS && (row = dms_store_row(tx->store, pool, results)) != NULL) {
        *intention = read_row(tx->store, row, pool);
    }
    return rv;
}

/* Reads a page, and of it what is left to whoever looks. last: where it ends; NULL, the table does.
 */
static apr_status_t read_page(dms_store_t *store, const dms_intention_t *after, apr_pool_t *pool,
                              dms_intention_t **first, dms_intention_t **last)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    apr_status_t rv;

    *last = NULL;
    rv = dms_store_select(store, DMS_SQL_INTENTIONS,
                          DMS_ARGS(after ? apr_itoa(pool, (int)after->intent) : "0",
                                   number(pool, after ? after->id : 0)),
                          pool, &results);
    while (rv == APR_SUCCESS && (row = dms_store_row(store, pool, results)) != NULL) {
        *last = read_row(store, row, pool);
        if (dms_process_life((*last)->owner) == DMS_LIFE_IS_OVER
            || is_abandoned(store, (*last)->id)) {
            *first = *last;
            first = &(*first)->next;
        }
    }
    return rv;
}

apr_status_t dms_store_orphans(dms_store_t *store, const dms_intention_t *after, apr_pool_t *pool,
                               dms_intention_t **first)
{
    dms_intention_t *last;
    apr_status_t rv;

    *first = NULL;
    do {
        rv = read_page(store, after, pool, first, &last);
        after = last;
    } while (rv == APR_SUCCESS && last && !*first);
    return rv;
}
