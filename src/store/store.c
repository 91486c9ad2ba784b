#include "store/store.h"

#include <string.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "store/store_private.h"

static apr_status_t store_close(void *baton)
{
    dms_store_t *store = baton;

    /* A connection that a thread still uses, at a hasty end of the process, is left to it. */
    dms_store_close_idle(store);
    if (store->lock >= 0) {
        close(store->lock);
    }
    return APR_SUCCESS;
}

static void find_driver(dms_store_t *store, apr_pool_t *pool, const char *driver)
{
    store->dialect = dms_dialect(driver);
    /* apr_dbd_init() may be called any number of times; it keeps to the topmost pool. */
    if (!store->dialect || apr_dbd_init(pool) != APR_SUCCESS
        || apr_dbd_get_driver(pool, driver, &store->driver) != APR_SUCCESS) {
        store->driver = NULL;
    }
}

static apr_status_t make_locks(dms_store_t *store, apr_pool_t *pool)
{
    apr_thread_mutex_t **const mutexes[] = {&store->mutex, &store->turns, &store->counting};
    apr_thread_cond_t **const conditions[] = {&store->released, &store->written,
                                              &store->reader_turn, &store->writer_turn};
    apr_status_t rv = APR_SUCCESS;
    size_t i;

    for (i = 0; i < sizeof(mutexes) / sizeof(mutexes[0]) && rv == APR_SUCCESS; i++) {
        rv = apr_thread_mutex_create(mutexes[i], APR_THREAD_MUTEX_DEFAULT, pool);
    }
    for (i = 0; i < sizeof(conditions) / sizeof(conditions[0]) && rv == APR_SUCCESS; i++) {
        rv = apr_thread_cond_create(conditions[i], pool);
    }
    return rv;
}

apr_status_t dms_store_create(apr_pool_t *pool, const char *driver, const char *params, int threads,
                              dms_store_log_fn *log, void *baton, dms_store_t **store)
{
    dms_store_t *s = apr_pcalloc(pool, sizeof(*s));
    apr_status_t rv;

    *store = s;
    s->pool = pool;
    s->params = apr_pstrdup(pool, params);
    s->log = log;
    s->baton = baton;
    s->lock = -1;
    s->patience = DMS_STORE_PATIENCE;
    find_driver(s, pool, driver);
    s->is_single = threads <= 1;
    /* One for each thread; where they take turns, one for who writes and one for who reads. */
    s->limit = s->dialect && s->dialect->in_turn ? 2 : threads > 0 ? threads : 1;
    rv = make_locks(s, pool);
    /* Registered last: it runs before the mutex goes. */
    apr_pool_cleanup_register(pool, s, store_close, apr_pool_cleanup_null);
    return rv;
}

apr_status_t dms_store_prepare(apr_pool_t *pool, const char *driver, const char *params,
                               dms_store_log_fn *log, void *baton)
{
    dms_store_t *store;
    apr_pool_t *own;
    apr_status_t rv;

    apr_pool_create(&own, pool);
    rv = dms_store_create(own, driver, params, 1, log, baton, &store);
    if (rv == APR_SUCCESS) { /* opening makes it */
        rv = dms_store_try_to_write(store);
    }
    apr_pool_destroy(own);
    return rv;
}

void dms_store_be_patient(dms_store_t *store, apr_interval_time_t patience)
{
    store->patience = patience;
}

void dms_store_be_guest(dms_store_t *store)
{
    store->is_guest = 1;
}

/* --- rows --- */

static apr_status_t read_in_turn(dms_store_t *store, dms_sql_e sql, const char **args,
                                 apr_pool_t *pool, apr_dbd_results_t **results, int *any)
{
    dms_conn_t *conn;
    apr_status_t rv;
    int attempt, code;

    for (attempt = 0;; attempt++) {
        rv = dms_store_acquire(store, &conn);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        code = dms_conn_select(conn, sql, args, pool ? pool : conn->scratch, results);
        if (!code) {
            *any = apr_dbd_num_tuples(store->driver, *results) > 0;
            dms_store_release(store, conn, 0);
            return APR_SUCCESS;
        }
        if (!dms_store_retry(store, conn, code, attempt, "reading it", &rv)) {
            return rv;
        }
    }
}

/* pool: of the rows; NULL where all that matters is whether there are any. */
static apr_status_t read_rows(dms_store_t *store, dms_sql_e sql, const char **args,
                              apr_pool_t *pool, apr_dbd_results_t **results, int *any)
{
    apr_status_t rv;

    dms_store_hold_signals(store);
    dms_store_enter(store, 0);
    rv = read_in_turn(store, sql, args, pool, results, any);
    dms_store_leave(store);
    dms_store_let_signals(store);
    return rv;
}

apr_status_t dms_store_select(dms_store_t *store, dms_sql_e sql, const char **args,
                              apr_pool_t *pool, apr_dbd_results_t **results)
{
    int any;

    return read_rows(store, sql, args, pool, results, &any);
}

apr_status_t dms_store_any(dms_store_t *store, dms_sql_e sql, const char **args, int *any)
{
    apr_dbd_results_t *results;

    return read_rows(store, sql, args, NULL, &results, any);
}

int dms_store_has(dms_store_t *store, dms_sql_e sql, volatile apr_uint32_t *none)
{
    apr_uint32_t changes;
    int is_settled = dms_store_changes(store, &changes), any = 1;

    if (is_settled && apr_atomic_read32(none) == changes + 1) {
        return 0;
    }
    if (dms_store_any(store, sql, DMS_NO_ARGS, &any) != APR_SUCCESS) {
        return 1;
    }
    if (is_settled && !any) {
        apr_atomic_set32(none, changes + 1);
    }
    return any;
}

apr_dbd_row_t *dms_store_row(dms_store_t *store, apr_pool_t *pool, apr_dbd_results_t *results)
{
    apr_dbd_row_t *row = NULL;

    return apr_dbd_get_row(store->driver, pool, results, &row, -1) ? NULL : row;
}

const char *dms_store_column(dms_store_t *store, apr_dbd_row_t *row, int column)
{
    return apr_dbd_get_entry(store->driver, row, column);
}
