/*
 * Connections: opened when they are needed, kept, and closed where they failed; and what the
 * driver's failures mean.
 */
#include "store/store_private.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <apr_strings.h>

/* --- failures --- */

typedef struct failure_t {
    const char *text; /* SQLite's */
    int code;         /* SQLite's */
    apr_status_t status;
    const char *advice;
} failure_t;

#define ADVICE_SPACE "free space on its file system"
#define ADVICE_WRITE                                                                               \
    "the server's User must be able to write the file and its folder, on a file system that is "   \
    "mounted for writing"

enum { SQLITE_STALE = 17, SQLITE_IO = 10, SQLITE_UNOPENED = 14 };

/* By text, too: the driver asks for a statement's result in a way that says just "error" (1). */
static const failure_t failures[] = {
    {"database or disk is full", 13, ENOSPC, ADVICE_SPACE},
    {"attempt to write a readonly database", 8, EROFS, ADVICE_WRITE},
    {"database is locked", 5, EBUSY, "another program writes it and does not end"},
    {"database table is locked", 6, EBUSY, "another program writes it and does not end"},
    {"database schema has changed", SQLITE_STALE, APR_EGENERAL, "restart the server"},
    {"not an error", SQLITE_STALE, APR_EGENERAL, "restart the server"}, /* in other words */
    {"disk I/O error", SQLITE_IO, APR_EGENERAL, "look for the disk's faults in the system log"},
    {"unable to open database file", SQLITE_UNOPENED, APR_EGENERAL,
     "see that its folder exists, and that the server's User may write the folder and the file"},
    {"malformed", 11, APR_EGENERAL, "it is damaged: restore it from a backup, or move it away"},
    {"file is not a database", 26, APR_EGENERAL, "name another file, or move this one away"},
};

static const failure_t unknown = {"", 0, APR_EGENERAL, "see the documentation of the database"};

static const failure_t *find_failure(int code, const char *text)
{
    size_t i;

    for (i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (failures[i].code == code || strstr(text, failures[i].text)) {
            return &failures[i];
        }
    }
    return &unknown;
}

static const failure_t *explain(dms_conn_t *conn, int code)
{
    const char *text = apr_dbd_error(conn->driver, conn->handle, code);

    return find_failure(code, text ? text : "");
}

static const char *folder_of(apr_pool_t *pool, const char *file)
{
    const char *slash = strrchr(file, '/');

    if (!slash) {
        return ".";
    }
    return slash == file ? "/" : apr_pstrmemdup(pool, file, slash - file);
}

static int is_full(const char *folder)
{
    struct statvfs space;

    return !statvfs(folder, &space) && !space.f_bavail;
}

static int is_unwritable(const char *file, const char *folder)
{
    return !access(file, R_OK) && (access(file, W_OK) || access(folder, W_OK));
}

/* SQLite has one code for several reasons. */
static const failure_t *look_closer(dms_store_t *store, apr_pool_t *pool, const failure_t *failure)
{
    const char *folder = folder_of(pool, store->params);

    if (failure->code == SQLITE_IO && is_full(folder)) {
        return &failures[0];
    }
    if (failure->code == SQLITE_UNOPENED && is_unwritable(store->params, folder)) {
        return &failures[1];
    }
    return failure;
}

apr_status_t dms_store_complain(dms_store_t *store, apr_status_t status, const char *message)
{
    apr_pool_t *pool;

    if (store->log && apr_pool_create_unmanaged_ex(&pool, NULL, NULL) == APR_SUCCESS) {
        store->log(store->baton, status,
                   apr_pstrcat(pool, "the store ", store->params, ": ", message, NULL));
        apr_pool_destroy(pool);
    }
    return status;
}

apr_status_t dms_store_fail(dms_store_t *store, dms_conn_t *conn, int code, const char *problem,
                            const char *doing)
{
    const failure_t *failure;

    if (!problem) {
        problem = apr_dbd_error(conn->driver, conn->handle, code);
    }
    problem = apr_pstrdup(conn->scratch, problem ? problem : "unknown error");
    failure = find_failure(code, problem);
    if (store->dialect->is_file) {
        failure = look_closer(store, conn->scratch, failure);
    }
    return dms_store_complain(store, failure->status,
                              apr_pstrcat(conn->scratch, doing, " failed: ", problem, ": ",
                                          failure->advice, NULL));
}

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
static int run_patiently(dms_conn_t *conn, const char *sql)
{
    apr_time_t deadline = apr_time_now() + DMS_STORE_PATIENCE;
    int code;

    for (;;) {
        apr_dbd_results_t *results = NULL;

        code = apr_dbd_select(conn->driver, conn->scratch, conn->handle, &results, sql, 1);
        if (!code || explain(conn, code)->status != EBUSY || apr_time_now() >= deadline) {
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
        code = run_patiently(conn, *next);
        if (code) {
            return dms_store_fail(store, conn, code, NULL, "opening it");
        }
    }
    return dms_schema_migrate(store, conn);
}

static apr_status_t open_connection(dms_store_t *store, dms_conn_t **conn)
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
    }
    return rv;
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
    apr_time_t deadline = apr_time_now() + DMS_STORE_PATIENCE;
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

apr_status_t dms_store_acquire(dms_store_t *store, dms_conn_t **conn)
{
    apr_status_t rv;

    *conn = NULL;
    if (!store->driver) {
        return dms_store_complain(store, APR_EGENERAL,
                                  "there is no apr_dbd driver for it: sqlite3 is the one that the "
                                  "store knows; Debian has it in libaprutil1-dbd-sqlite3");
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
    int stale = explain(conn, code)->code == SQLITE_STALE;

    if (stale && !attempt) {
        dms_store_release(store, conn, 1);
        dms_store_close_idle(store); /* those are stale, too */
        return 1;
    }
    *status = dms_store_fail(store, conn, code, NULL, doing);
    dms_store_release(store, conn, 1);
    return 0;
}
