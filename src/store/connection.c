/*
 * Connections: opened when they are needed, kept, and closed where they failed.
 */
#include "store/store_private.h"

#include <errno.h>

#include <apr_strings.h>

/* --- opening and closing --- */

static void close_connection(dms_conn_t *conn)
{
    if (conn->handle) {
        apr_dbd_close(conn->driver, conn->handle);
    }
    apr_pool_destroy(conn->pool);
}

/* While another process makes the database it is locked, and it may be the preparing of a statement
 * that finds it so: there the driver itself does not try again. */
static int run_patiently(dms_store_t *store, dms_conn_t *conn, const char *sql)
{
    apr_time_t deadline = apr_time_now() + store->patience;
    int code;

    for (;;) {
        apr_dbd_results_t *results = NULL;

        code = apr_dbd_select(conn->driver, conn->scratch, conn->handle, &results, sql, 1);
        if (!code || !dms_conn_is_busy(conn, code) || apr_time_now() >= deadline) {
            return code;
        }
        apr_sleep(apr_time_from_msec(20));
    }
}

static apr_status_t set_up(dms_store_t *store, dms_conn_t *conn)
{
    const char *const *next;
    const char *problem = NULL;
    int code;

    if (apr_dbd_open_ex(conn->driver, conn->pool, store->params, &conn->handle, &problem)) {
        conn->handle = NULL;
        return dms_store_fail(store, conn, 0, problem ? problem : "no reason given", "opening it");
    }
    for (next = conn->dialect->open; *next; next++) {
        code = run_patiently(store, conn, *next);
        if (code) {
            return dms_store_fail(store, conn, code, NULL, "opening it");
        }
    }
    return dms_schema_migrate(store, conn);
}

static apr_status_t open_once(dms_store_t *store, dms_conn_t **conn)
{
    apr_pool_t *pool;
    apr_status_t rv;

    *conn = NULL;
    rv = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    if (rv != APR_SUCCESS) {
        return APR_EGENERAL;
    }
    apr_pool_tag(pool, "dms_store_connection");
    *conn = apr_pcalloc(pool, sizeof(**conn));
    (*conn)->pool = pool;
    (*conn)->driver = store->driver;
    (*conn)->dialect = store->dialect;
    rv = apr_pool_create(&(*conn)->scratch, pool);
    if (rv == APR_SUCCESS) {
        rv = set_up(store, *conn);
    }
    if (rv != APR_SUCCESS) {
        close_connection(*conn);
        *conn = NULL;
        return rv;
    }
    dms_store_keep_reserve(store, (*conn)->scratch);
    return dms_store_complain(store, APR_SUCCESS, "a connection was made");
}

static int has_given_reserve(dms_store_t *store)
{
    apr_pool_t *pool;
    int has_given;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        return 0;
    }
    has_given = dms_store_give_reserve(store, pool);
    apr_pool_destroy(pool);
    return has_given;
}

static apr_status_t open_connection(dms_store_t *store, dms_conn_t **conn)
{
    apr_status_t rv = open_once(store, conn);

    return rv == ENOSPC && has_given_reserve(store) ? open_once(store, conn) : rv;
}

/* --- signals --- */

void dms_store_hold_signals(dms_store_t *store)
{
    sigset_t ending;

    if (!store->is_single || store->holds++) {
        return;
    }
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    sigaddset(&ending, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ending, &store->signals);
}

void dms_store_let_signals(dms_store_t *store)
{
    if (store->is_single && !--store->holds) {
        pthread_sigmask(SIG_SETMASK, &store->signals, NULL);
    }
}

/* --- turns --- */

void dms_store_enter(dms_store_t *store, int writer)
{
    if (!store->dialect || !store->dialect->in_turn) {
        return;
    }
    apr_thread_mutex_lock(store->turns);
    if (writer) { /* there is only one at a time */
        store->writer_waits = 1;
        while (store->busy) {
            apr_thread_cond_wait(store->writer_turn, store->turns);
        }
        store->writer_waits = 0;
    }
    else {
        while (store->busy || store->writer_waits) {
            apr_thread_cond_wait(store->reader_turn, store->turns);
        }
    }
    store->busy = 1;
    apr_thread_mutex_unlock(store->turns);
}

void dms_store_leave(dms_store_t *store)
{
    if (!store->dialect || !store->dialect->in_turn) {
        return;
    }
    apr_thread_mutex_lock(store->turns);
    store->busy = 0;
    apr_thread_cond_signal(store->writer_waits ? store->writer_turn : store->reader_turn);
    apr_thread_mutex_unlock(store->turns);
}

/* --- taking and giving back --- */

/* Takes an idle connection, or the right to open one. */
static apr_status_t take(dms_store_t *store, dms_conn_t **conn)
{
    apr_time_t deadline = apr_time_now() + store->patience;
    apr_status_t rv = APR_SUCCESS;

    apr_thread_mutex_lock(store->mutex);
    while (!store->idle && store->open >= store->limit && rv == APR_SUCCESS) {
        apr_time_t left = deadline - apr_time_now();
        rv = left > 0 ? apr_thread_cond_timedwait(store->released, store->mutex, left) : APR_TIMEUP;
    }
    *conn = store->idle;
    if (*conn) {
        store->idle = (*conn)->next;
        rv = APR_SUCCESS;
    }
    else if (store->open < store->limit) {
        store->open++;
        rv = APR_SUCCESS;
    }
    apr_thread_mutex_unlock(store->mutex);
    return rv;
}

static void give_up(dms_store_t *store)
{
    apr_thread_mutex_lock(store->mutex);
    store->open--;
    apr_thread_cond_signal(store->released);
    apr_thread_mutex_unlock(store->mutex);
}

apr_status_t dms_store_find_driver(dms_store_t *store)
{
    return store->driver
               ? APR_SUCCESS
               : dms_store_complain(
                   store, APR_EGENERAL,
                   "there is no apr_dbd driver for it: sqlite3 is the one that the store knows; "
                   "Debian has it in libaprutil1-dbd-sqlite3");
}

apr_status_t dms_store_acquire(dms_store_t *store, dms_conn_t **conn)
{
    apr_status_t rv = dms_store_find_driver(store);

    *conn = NULL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = take(store, conn);
    if (rv != APR_SUCCESS) {
        return dms_store_complain(store, EBUSY, "all connections to it are in use");
    }
    if (!*conn) {
        rv = open_connection(store, conn);
        if (rv != APR_SUCCESS) {
            give_up(store);
            return rv;
        }
    }
    apr_pool_clear((*conn)->scratch);
    return APR_SUCCESS;
}

void dms_store_release(dms_store_t *store, dms_conn_t *conn, int broken)
{
    if (broken) {
        close_connection(conn);
        give_up(store);
        return;
    }
    apr_thread_mutex_lock(store->mutex);
    conn->next = store->idle;
    store->idle = conn;
    apr_thread_cond_signal(store->released);
    apr_thread_mutex_unlock(store->mutex);
}

void dms_store_close_idle(dms_store_t *store)
{
    dms_conn_t *conn, *next;

    apr_thread_mutex_lock(store->mutex);
    conn = store->idle;
    store->idle = NULL;
    for (next = conn; next; next = next->next) {
        store->open--;
    }
    apr_thread_cond_broadcast(store->released);
    apr_thread_mutex_unlock(store->mutex);
    for (; conn; conn = next) {
        next = conn->next;
        close_connection(conn);
    }
}

int dms_store_retry(dms_store_t *store, dms_conn_t *conn, int code, int attempt, const char *doing,
                    apr_status_t *status)
{
    int stale = dms_conn_is_stale(conn, code);

    if (stale && !attempt) {
        dms_store_release(store, conn, 1);
        dms_store_close_idle(store); /* those are stale, too */
        return 1;
    }
    *status = dms_store_fail(store, conn, code, NULL, doing);
    dms_store_release(store, conn, 1);
    return 0;
}
