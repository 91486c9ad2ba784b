/*
 * What the files of the store share: its connections and its statements.
 *
 * A connection lives in a pool of its own with an allocator of its own, so threads need no common
 * pool. It belongs to one thread from dms_store_acquire() to dms_store_release(). The driver copies
 * all rows of a select into the pool that it is given, before it returns: rows outlive the
 * connection, and a read needs it for the time of one call.
 *
 * Each file uses those before it only: failures.c, what the driver's codes mean; reserve.c;
 * schema.c, the statements, and the tables that they are for; connection.c; transaction.c, who may
 * write next; store.c, a store's life, and reading beside transactions; and then, what is in it,
 * properties.c, sweep.c, locks.c, intentions.c, space.c and check.c.
 */
#ifndef DMS_STORE_PRIVATE_H
#define DMS_STORE_PRIVATE_H

#include <signal.h>

#include <apr_dbd.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_time.h>

#include "keys/keys.h"
#include "store/store.h"

/* The longest value, in bytes, that is read along with others. */
#define DMS_STORE_SHORT_VALUE 1024

/* A page of a collection's members is read in parts of so many rows, which are copied to where they
 * are kept more closely than the driver leaves them, until it has so many bytes. */
#define DMS_STORE_PART_ROWS 512
#define DMS_STORE_PAGE_BYTES (1536 * 1024)

/* How many locks of members are read along with each other. */
#define DMS_STORE_MEMBER_LOCKS 4096

/* Of how many locks one statement tells, of those below a resource, or gets rid. */
#define DMS_STORE_LOCKS_PAGE 256

/* How many faults of a kind check.c is told of at once. */
#define DMS_STORE_FAULTS 1000

/* The version of the schema that this module writes. */
#define DMS_SCHEMA_VERSION 4

/* --- statements --- */

typedef enum dms_sql_e {
    DMS_SQL_BEGIN,
    DMS_SQL_COMMIT,
    DMS_SQL_ROLLBACK,
    DMS_SQL_PROBE,
    DMS_SQL_ANY,
    DMS_SQL_OF_RESOURCE, /* and by dms_choice_e: */
    DMS_SQL_OF_RESOURCE_NAMED,
    DMS_SQL_OF_RESOURCE_NAMES,
    DMS_SQL_PAGE, /* likewise */
    DMS_SQL_PAGE_NAMED,
    DMS_SQL_PAGE_NAMES,
    DMS_SQL_USAGE,
    DMS_SQL_OWN,
    DMS_SQL_VALUE,
    DMS_SQL_HAS,
    DMS_SQL_SET,
    DMS_SQL_UNSET,
    DMS_SQL_ADD_COLLECTION,
    DMS_SQL_PRUNE,
    DMS_SQL_FORGET_OWN,
    DMS_SQL_FORGET_BELOW,
    DMS_SQL_FORGET_COLLECTIONS,
    DMS_SQL_ADD_COLLECTION_FOR,
    DMS_SQL_YIELD,
    DMS_SQL_MOVE_OWN,
    DMS_SQL_MOVE_COLLECTIONS,
    DMS_SQL_COPY_OWN,
    DMS_SQL_COPY_COLLECTIONS,
    DMS_SQL_COPY_BELOW,
    DMS_SQL_NEXT_COLLECTION,
    DMS_SQL_NEXT_MEMBERS,
    DMS_SQL_LAST_INTENTION,
    DMS_SQL_INTEND,
    DMS_SQL_SETTLE,
    DMS_SQL_SUPERSEDE,
    DMS_SQL_INTENTION,
    DMS_SQL_INTENTIONS,
    DMS_SQL_ANY_LOCK,
    DMS_SQL_LOCKS,
    DMS_SQL_LOCKS_TO_CHECK,
    DMS_SQL_LOCKS_BELOW,
    DMS_SQL_LOCK_OWNER,
    DMS_SQL_COUNT_LOCKS,
    DMS_SQL_MEMBER_LOCKS,
    DMS_SQL_LOCK,
    DMS_SQL_REFRESH_LOCK,
    DMS_SQL_UNLOCK,
    DMS_SQL_UNLOCK_BELOW,
    DMS_SQL_EXPIRE_LOCKS,
    DMS_SQL_RESIZE,
    DMS_SQL_UNSIZE,
    DMS_SQL_UNSIZE_BELOW,
    DMS_SQL_UNSIZE_ALL,
    DMS_SQL_SIZED,
    DMS_SQL_SIZE,
    DMS_SQL_ANY_SIZE,
    DMS_SQL_NEXT_SIZE,
    DMS_SQL_BEGIN_SIZE,
    DMS_SQL_CHANGES,
    DMS_SQL_SET_SIZE,
    DMS_SQL_INTEGRITY,
    DMS_SQL_ROWS_WITHOUT,
    DMS_SQL_WRONG_COLLECTIONS,
    DMS_SQL_WRONG_ACCOUNTS,
    DMS_SQL_ADJUST_COLLECTION,
    DMS_SQL_ADJUST_ACCOUNT,
    DMS_SQL_NUMBER /* of statements */
} dms_sql_e;

/* How many keys DMS_SQL_LOCKS and DMS_SQL_LOCKS_TO_CHECK ask about. */
#define DMS_STORE_LOCK_KEYS 16

/* How many keys DMS_SQL_RESIZE and its kin take. */
#define DMS_STORE_SPACE_KEYS 16

/* The arguments of a statement, in the order in which they stand in it. */
#define DMS_ARGS(...) ((const char *[]){__VA_ARGS__})
#define DMS_NO_ARGS ((const char **)NULL)

/* What one kind of database has of its own. */
typedef struct dms_dialect_t {
    const char *driver;
    /* Whether only one thread of a process can use the driver at a time. */
    int in_turn;
    int is_file;             /* the driver's params are the name of a file */
    const char *copy;        /* writes a copy as of now, with the new file's name appended */
    const char *integrity;   /* selects "ok", or what is damaged */
    const char *const *open; /* to be run on each new connection; may return rows; NULL ends */
    const char *begin;       /* takes the write lock */
    const char *version;     /* selects the schema's version, 0 for none yet */
    const char *set_version; /* sets it, with the number appended */
    /* Statements that make of each version the next, the first one of nothing; NULL ends. Once
     * released they never change. */
    const char *const *steps[DMS_SCHEMA_VERSION];
} dms_dialect_t;

typedef struct dms_conn_t dms_conn_t;
struct dms_conn_t {
    apr_pool_t *pool;
    apr_pool_t *scratch; /* cleared by whoever begins something */
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
    const dms_dialect_t *dialect;
    apr_dbd_prepared_t *prepared[DMS_SQL_NUMBER]; /* each when it is first needed */
    dms_conn_t *next;
};

/* --- the store --- */

struct dms_store_t {
    apr_pool_t *pool;
    const char *params;
    const dms_dialect_t *dialect;
    const apr_dbd_driver_t *driver;
    dms_store_log_fn *log;
    void *baton;
    apr_interval_time_t patience; /* how long a writer waits for the others */
    int is_guest;                 /* its schema is not this process's to change */

    apr_thread_mutex_t *turns; /* of these, which only dms_store_enter() uses */
    apr_thread_cond_t *reader_turn;
    apr_thread_cond_t *writer_turn;
    int busy;         /* a thread has its turn */
    int writer_waits; /* and is the next */

    int is_single;    /* there is one thread */
    int holds;        /* how often it holds signals, ... */
    sigset_t signals; /* ... and which were held before */

    apr_thread_mutex_t *counting; /* a thread's that counts a folder */

    apr_thread_mutex_t *mutex; /* of all that follows */
    apr_thread_cond_t *released;
    dms_conn_t *idle;
    int open; /* connections, in use or idle */
    int limit;

    apr_thread_cond_t *written;
    int writing; /* a thread of this process is the writer, ... */
    int waiting; /* others want to be, this many, ... */
    int handed;  /* and one of them will be: it has been passed on */

    int lock; /* the descriptor of the lock file, or -1 */

    apr_int64_t abandoned[DMS_STORE_ABANDONED]; /* a ring of intentions */
    unsigned int next_abandoned;

    /* When to look for the reserve; never, once it is known to be there. Who opens a connection and
     * who writes may both do so. */
    apr_time_t reserve_due;

    const char
        *boot; /* the machine's start, where sizes of folders are counted; NULL: they aren't */

    /* The writer's own: */
    int is_torn; /* a writer has come to nothing after it had changed what is counted */
    apr_time_t unlocked;
    apr_time_t streak; /* since when this process has kept others from writing */

    /* At which count of changes there was none, plus 1; atomic. */
    volatile apr_uint32_t no_properties;
    volatile apr_uint32_t no_locks;
};

/* --- failures.c --- */

/* Logs a status with words of one's own, and returns it. */
apr_status_t dms_store_complain(dms_store_t *store, apr_status_t status, const char *message);

/* Logs what the driver said of code, and returns the status for it. code 0: of a failed open, of
 * which problem tells. doing: what was attempted, for the log. */
apr_status_t dms_store_fail(dms_store_t *store, dms_conn_t *conn, int code, const char *problem,
                            const char *doing);

/* Whether the driver's code says that the database is locked, or that a statement was prepared
 * before another process has changed the schema, or run VACUUM. */
int dms_conn_is_busy(dms_conn_t *conn, int code);
int dms_conn_is_stale(dms_conn_t *conn, int code);

/* --- reserve.c --- */

/* Frees the room that is kept for when there is none. Returns whether there was any. */
int dms_store_give_reserve(dms_store_t *store, apr_pool_t *pool);

/* Keeps some, if it can be had; for who is the writer, or opens a connection. */
void dms_store_keep_reserve(dms_store_t *store, apr_pool_t *pool);

/* --- schema.c --- */

/* The dialect of a driver; NULL where it is none that the store can speak. */
const dms_dialect_t *dms_dialect(const char *driver);

/* Run a statement; they return the driver's code, 0 for success. */
int dms_conn_query(dms_conn_t *conn, dms_sql_e sql, const char **args, int *rows);
int dms_conn_select(dms_conn_t *conn, dms_sql_e sql, const char **args, apr_pool_t *pool,
                    apr_dbd_results_t **results);

/* Brings the schema to the present version. Logs its failure. */
apr_status_t dms_schema_migrate(dms_store_t *store, dms_conn_t *conn);

/* --- connection.c --- */

/* Where a process has one thread, a signal that ends it has to wait meanwhile: prefork's handler
 * destroys all pools, wherever the thread is, and what is cleaned up then would wait for what the
 * thread itself holds, here or in the driver. Calls nest. */
void dms_store_hold_signals(dms_store_t *store);
void dms_store_let_signals(dms_store_t *store);

/* Waits for a turn to use the driver, where it lets threads do so only one after the other: its own
 * mutex is not fair, and many who read would keep the one who writes waiting for seconds. writer:
 * whether the thread is in a transaction. */
void dms_store_enter(dms_store_t *store, int writer);
void dms_store_leave(dms_store_t *store);

/* Takes a connection, and opens it where need be. Logs its failure. */
apr_status_t dms_store_acquire(dms_store_t *store, dms_conn_t **conn);

/* Gives it back; a broken one is closed. */
void dms_store_release(dms_store_t *store, dms_conn_t *conn, int broken);

/* Closes the connections that nobody uses. */
void dms_store_close_idle(dms_store_t *store);

/* After a failure: closes conn, and says whether to try anew with another. It is so at the first
 * attempt (0) where a statement was stale. Otherwise logs it, and sets status. */
int dms_store_retry(dms_store_t *store, dms_conn_t *conn, int code, int attempt, const char *doing,
                    apr_status_t *status);

/* --- transaction.c --- */

struct dms_tx_t {
    dms_store_t *store;
    apr_pool_t *pool;
    dms_conn_t *conn;      /* NULL: ended */
    apr_status_t status;   /* of the first failure: nothing is done after it */
    int locks;             /* whether there are any: -1, or 1; 0: nobody has asked */
    const char *principal; /* whose properties are those that it makes; NULL: the same one's */
    dms_undo_fn *undo;     /* of what was done on the disk, or NULL */
    void *undo_baton;
    int is_doubtful; /* its commit */
    int is_resized;  /* what the disk has changed by has been told, as if it stayed so */
};

/* Tells a number that any change of the store, by any process, has made another. Returns 0 where
 * nobody knows it, or one changes just now. */
int dms_store_changes(dms_store_t *store, apr_uint32_t *count);

/* Begins a transaction, and ends it at once, to find out whether it can be had; without a place in
 * the queue of those that write. */
apr_status_t dms_store_try_to_write(dms_store_t *store);

/* Empties the scratch pool for one more function. Returns what has failed before. */
apr_status_t dms_tx_enter(dms_tx_t *tx);

/* Run a statement of the transaction. rows: how many were changed, or NULL. */
apr_status_t dms_tx_query(dms_tx_t *tx, dms_sql_e sql, const char **args, int *rows);
apr_status_t dms_tx_select(dms_tx_t *tx, dms_sql_e sql, const char **args, apr_pool_t *pool,
                           apr_dbd_results_t **results);

/* --- store.c --- */

/* Reads outside a transaction. The rows are in pool. */
apr_status_t dms_store_select(dms_store_t *store, dms_sql_e sql, const char **args,
                              apr_pool_t *pool, apr_dbd_results_t **results);

/* The same where all that matters is whether there are any rows. */
apr_status_t dms_store_any(dms_store_t *store, dms_sql_e sql, const char **args, int *any);

/* The same, for a table that is mostly empty: *none remembers when it was. Errors say that there is
 * a row. */
int dms_store_has(dms_store_t *store, dms_sql_e sql, volatile apr_uint32_t *none);

/* The next row, or NULL. */
apr_dbd_row_t *dms_store_row(dms_store_t *store, apr_pool_t *pool, apr_dbd_results_t *results);

/* A column; never NULL but for a NULL of SQL. */
const char *dms_store_column(dms_store_t *store, apr_dbd_row_t *row, int column);

#endif
