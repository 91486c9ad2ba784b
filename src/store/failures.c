/*
 * What the driver's failures mean.
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

int dms_conn_is_busy(dms_conn_t *conn, int code)
{
    return explain(conn, code)->status == EBUSY;
}

int dms_conn_is_stale(dms_conn_t *conn, int code)
{
    return explain(conn, code)->code == SQLITE_STALE;
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
