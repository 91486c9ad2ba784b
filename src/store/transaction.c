/*
 * Transactions, and who may write next.
 *
 * SQLite would let writers wait for each other itself, but apr_dbd's driver holds a mutex of the
 * whole process meanwhile: the thread that is to end its transaction, and all that only read, would
 * wait too. So threads wait at a condition variable, and processes at a lock on a file beside the
 * database, which whoever serves the store makes. Where that can't be had, SQLite's own lock still
 * keeps writers apart, slower.
 */
#include "store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <apr_strings.h>

/* A process waits for the file by asking for it again and again, at most this often, ... */
#define POLL_MIN 100
#define POLL_MAX 1000
/* ... and would starve beside one whose threads hand it to each other: so each process that has
 * kept it for STREAK microseconds leaves it alone for longer than others sleep. */
#define STREAK apr_time_from_msec(100)
#define PAUSE (2 * POLL_MAX)

static int is_refused(int code)
{
    return code && errno != EWOULDBLOCK && errno != EINTR;
}

/* -1 where the file can't be had, or can't be locked. */
static int open_lock(const char *database)
{
    apr_pool_t *pool;
    int fd;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        return -1;
    }
    fd = open(apr_pstrcat(pool, database, "-lock", NULL), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    apr_pool_destroy(pool);
    if (fd >= 0 && is_refused(flock(fd, LOCK_SH | LOCK_NB))) {
        close(fd);
        fd = -1;
    }
    if (fd >= 0) {
        flock(fd, LOCK_UN);
    }
    return fd;
}

static int lock_of(dms_store_t *store)
{
    int fd;

    dms_store_hold_signals(store);
    apr_thread_mutex_lock(store->mutex);
    if (store->lock < 0 && store->dialect && store->dialect->is_file) {
        store->lock = open_lock(store->params);
    }
    fd = store->lock;
    apr_thread_mutex_unlock(store->mutex);
    dms_store_let_signals(store);
    return fd;
}

/* --- the count of changes: four bytes in the lock file, odd while there is a writer --- */

/* A process that dies between the two leaves an odd one, and so does one whose transaction has come
 * to nothing after the disk had changed: what is counted of the disk is then not known any more.
 * Returns whether the count was odd before. Where the disk is full, the file is left
 * with a part of one. */
static int count_change(int fd, int is_begin)
{
    apr_uint32_t count = 0, before;

    if (pread(fd, &count, sizeof(count), 0) < 0) {
        return 1;
    }
    before = count;
    count = is_begin ? count | 1u : (count | 1u) + 1;
    if (pwrite(fd, &count, sizeof(count), 0) != sizeof(count) && ftruncate(fd, 1)) {
        return 1; /* it gets neither longer nor shorter: what there was can't be read either */
    }
    return (before & 1u) != 0;
}

int dms_store_changes(dms_store_t *store, apr_uint32_t *count)
{
    int fd = lock_of(store);
    ssize_t length;

    *count = 0;
    length = fd < 0 ? -1 : pread(fd, count, sizeof(*count), 0);
    return (length == sizeof(*count) && !(*count & 1u)) || length == 0;
}

static void leave_room(dms_store_t *store)
{
    apr_time_t now = apr_time_now();

    if (now - store->unlocked >= PAUSE) {
        store->streak = now;
    }
    else if (now - store->streak >= STREAK) {
        apr_sleep(PAUSE);
        store->streak = apr_time_now();
    }
}

static apr_status_t lock_file(dms_store_t *store, apr_time_t deadline)
{
    apr_interval_time_t pause = POLL_MIN;

    int fd = lock_of(store), code;

    if (fd < 0) {
        return APR_SUCCESS;
    }
    leave_room(store);
    while ((code = flock(fd, LOCK_EX | LOCK_NB))) {
        if (is_refused(code)) {
            return APR_SUCCESS;
        }
        if (apr_time_now() >= deadline) {
            return APR_TIMEUP;
        }
        dms_store_let_signals(store);
        apr_sleep(pause);
        dms_store_hold_signals(store);
        pause = pause * 2 < POLL_MAX ? pause * 2 : POLL_MAX;
        store->streak = apr_time_now();
    }
    store->is_torn |= count_change(fd, 1);
    return APR_SUCCESS;
}

/* The right to write is handed on, not just let go: a busy thread that comes back for it at once
 * would take it before one that waits has even awoken. */
static void hand_on(dms_store_t *store)
{
    apr_thread_mutex_lock(store->mutex);
    if (store->waiting) {
        store->handed = 1;
        apr_thread_cond_signal(store->written);
    }
    else {
        store->writing = 0;
    }
    apr_thread_mutex_unlock(store->mutex);
}

static void stop_writing(dms_store_t *store)
{
    int fd = lock_of(store);

    if (fd >= 0) {
        if (!store->boot || !store->is_torn) {
            count_change(fd, 0);
        }
        flock(fd, LOCK_UN);
    }
    store->unlocked = apr_time_now();
    hand_on(store);
    dms_store_let_signals(store);
}

static int wait_to_write(dms_store_t *store, apr_time_t deadline)
{
    apr_status_t rv;
    int mine;

    store->waiting++;
    do {
        apr_time_t left = deadline - apr_time_now();

        rv = left > 0 ? apr_thread_cond_timedwait(store->written, store->mutex, left) : APR_TIMEUP;
    } while (!store->handed && rv == APR_SUCCESS);
    store->waiting--;
    mine = store->handed;
    store->handed = 0;
    return mine;
}

/* Makes this thread the only one that writes, in all processes that use this module. From here to
 * stop_writing() signals are held: what is done on the disk and the rows for it stay together. */
static apr_status_t start_writing(dms_store_t *store, apr_time_t deadline)
{
    int mine = 1;

    dms_store_hold_signals(store);
    apr_thread_mutex_lock(store->mutex);
    if (store->writing) {
        mine = wait_to_write(store, deadline);
    }
    else {
        store->writing = 1;
    }
    apr_thread_mutex_unlock(store->mutex);
    if (mine && lock_file(store, deadline) != APR_SUCCESS) {
        hand_on(store);
        mine = 0;
    }
    if (!mine) {
        dms_store_let_signals(store);
    }
    return mine ? APR_SUCCESS : EBUSY;
}

/* --- the life of a transaction --- */

static void end(dms_tx_t *tx)
{
    dms_conn_t *conn = tx->conn;

    tx->conn = NULL;
    /* What is full is not broken; and to open it anew takes room. */
    dms_store_release(tx->store, conn, tx->status != APR_SUCCESS && tx->status != ENOSPC);
    stop_writing(tx->store);
}

static int run(dms_store_t *store, dms_conn_t *conn, dms_sql_e sql, const char **args, int *rows)
{
    int code;

    dms_store_enter(store, 1);
    code = dms_conn_query(conn, sql, args, rows);
    dms_store_leave(store);
    return code;
}

static int fetch(dms_store_t *store, dms_conn_t *conn, dms_sql_e sql, const char **args,
                 apr_pool_t *pool, apr_dbd_results_t **results)
{
    int code;

    dms_store_enter(store, 1);
    code = dms_conn_select(conn, sql, args, pool, results);
    dms_store_leave(store);
    return code;
}

static void roll_back(dms_tx_t *tx)
{
    /* After some errors SQLite has done so already, and this fails. */
    run(tx->store, tx->conn, DMS_SQL_ROLLBACK, DMS_NO_ARGS, NULL);
    tx->store->is_torn |= tx->is_resized;
    if (tx->undo) {
        tx->undo(tx->undo_baton, tx->is_doubtful);
    }
    end(tx);
}

static apr_status_t tx_cleanup(void *baton)
{
    dms_tx_t *tx = baton;

    if (tx->conn) {
        roll_back(tx);
    }
    return APR_SUCCESS;
}

static int begin(dms_store_t *store, dms_conn_t *conn)
{
    int code = run(store, conn, DMS_SQL_BEGIN, DMS_NO_ARGS, NULL);

    return code ? code : run(store, conn, DMS_SQL_PROBE, DMS_NO_ARGS, NULL);
}

static apr_status_t begin_on_some(dms_store_t *store, dms_conn_t **conn)
{
    apr_status_t rv;
    int attempt, code;

    for (attempt = 0;; attempt++) {
        rv = dms_store_acquire(store, conn);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        code = begin(store, *conn);
        if (!code) {
            return APR_SUCCESS;
        }
        if (!dms_store_retry(store, *conn, code, attempt, "beginning to write it", &rv)) {
            return rv;
        }
    }
}

apr_status_t dms_store_try_to_write(dms_store_t *store)
{
    dms_conn_t *conn;
    apr_status_t rv = begin_on_some(store, &conn);

    if (rv == APR_SUCCESS) {
        run(store, conn, DMS_SQL_ROLLBACK, DMS_NO_ARGS, NULL);
        dms_store_release(store, conn, 0);
    }
    return rv;
}

/* For who is the writer. */
static apr_status_t begin_transaction(dms_store_t *store, apr_pool_t *pool, dms_tx_t **tx)
{
    apr_status_t rv;

    *tx = apr_pcalloc(pool, sizeof(**tx));
    (*tx)->store = store;
    (*tx)->pool = pool;
    rv = begin_on_some(store, &(*tx)->conn);
    if (rv != APR_SUCCESS) {
        *tx = NULL;
        stop_writing(store);
        return rv;
    }
    apr_pool_cleanup_register(pool, *tx, tx_cleanup, apr_pool_cleanup_null);
    if (store->boot && store->is_torn) { /* and stays so until that is committed */
        dms_tx_query(*tx, DMS_SQL_UNSIZE_ALL, DMS_NO_ARGS, NULL);
    }
    return APR_SUCCESS;
}

apr_status_t dms_tx_try(dms_store_t *store, apr_pool_t *pool, apr_time_t deadline, dms_tx_t **tx)
{
    apr_status_t rv = start_writing(store, deadline);

    *tx = NULL;
    return rv == APR_SUCCESS ? begin_transaction(store, pool, tx) : rv;
}

apr_status_t dms_tx_begin(dms_store_t *store, apr_pool_t *pool, dms_tx_t **tx)
{
    apr_status_t rv = start_writing(store, apr_time_now() + store->patience);

    *tx = NULL;
    if (rv != APR_SUCCESS) {
        return dms_store_complain(store, rv,
                                  "another request has kept it from being written for too long: "
                                  "its disk is too slow, or a process of the server hangs");
    }
    return begin_transaction(store, pool, tx);
}

apr_status_t dms_tx_commit(dms_tx_t *tx)
{
    apr_status_t rv;

    apr_pool_cleanup_kill(tx->pool, tx, tx_cleanup);
    rv = tx->status;
    if (rv == APR_SUCCESS) {
        rv = dms_tx_query(tx, DMS_SQL_COMMIT, DMS_NO_ARGS, NULL);
        /* What is full has nothing of it. A log that fails to be synced has all, and whoever opens
         * the database next takes it for true. */
        tx->is_doubtful = rv != APR_SUCCESS && rv != ENOSPC;
    }
    if (rv == APR_SUCCESS) {
        dms_store_keep_reserve(tx->store, tx->conn->scratch);
        tx->store->is_torn = 0;
        end(tx);
    }
    else {
        roll_back(tx);
    }
    return rv;
}

void dms_tx_abort(dms_tx_t *tx)
{
    apr_pool_cleanup_run(tx->pool, tx, tx_cleanup);
}

void dms_tx_on_undo(dms_tx_t *tx, dms_undo_fn *undo, void *baton)
{
    tx->undo = undo;
    tx->undo_baton = baton;
}

int dms_tx_has_failed(const dms_tx_t *tx)
{
    return tx->status != APR_SUCCESS;
}

/* --- statements --- */

apr_status_t dms_tx_enter(dms_tx_t *tx)
{
    if (tx->status == APR_SUCCESS) {
        apr_pool_clear(tx->conn->scratch);
    }
    return tx->status;
}

static apr_status_t note(dms_tx_t *tx, int code, const char *doing)
{
    if (code) {
        tx->status = dms_store_fail(tx->store, tx->conn, code, NULL, doing);
    }
    return tx->status;
}

apr_status_t dms_tx_query(dms_tx_t *tx, dms_sql_e sql, const char **args, int *rows)
{
    if (tx->status != APR_SUCCESS) {
        return tx->status;
    }
    return note(tx, run(tx->store, tx->conn, sql, args, rows), "writing it");
}

apr_status_t dms_tx_select(dms_tx_t *tx, dms_sql_e sql, const char **args, apr_pool_t *pool,
                           apr_dbd_results_t **results)
{
    if (tx->status != APR_SUCCESS) {
        return tx->status;
    }
    return note(tx, fetch(tx->store, tx->conn, sql, args, pool, results), "reading it");
}
