#include "store/check.h"

#include <string.h>

#include <apr_strings.h>

#include "store/store_private.h"

typedef struct check_t {
    dms_store_t *store;
    int mends;
    dms_fault_fn *tell;
    void *baton;
    apr_pool_t *pool;
    int faults, mended;
} check_t;

static void tell(check_t *check, const char *fault)
{
    check->faults++;
    check->tell(check->baton, fault);
}

static apr_status_t look_at_database(check_t *check)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    apr_status_t rv = dms_store_select(check->store, DMS_SQL_INTEGRITY, DMS_NO_ARGS, check->pool,
                                       &results);

    while (rv == APR_SUCCESS && (row = dms_store_row(check->store, check->pool, results)) != NULL) {
        const char *text = dms_store_column(check->store, row, 0);

        if (strcmp(text, "ok") != 0) {
            tell(check, text);
        }
    }
    return rv;
}

static apr_status_t look_at_rows(check_t *check)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row = NULL;
    apr_status_t rv = dms_store_select(check->store, DMS_SQL_ROWS_WITHOUT, DMS_NO_ARGS, check->pool,
                                       &results);

    if (rv == APR_SUCCESS) {
        row = dms_store_row(check->store, check->pool, results);
    }
    if (row && apr_atoi64(dms_store_column(check->store, row, 0)) > 0) {
        tell(check, apr_pstrcat(check->pool, dms_store_column(check->store, row, 0),
                                " properties are of no folder", NULL));
    }
    return rv;
}

static apr_status_t adjust(check_t *check, dms_sql_e sql, const char **args)
{
    dms_tx_t *tx;
    apr_status_t rv = dms_tx_begin(check->store, check->pool, &tx);

    if (rv == APR_SUCCESS) {
        dms_tx_query(tx, sql, args, NULL);
        rv = dms_tx_commit(tx);
    }
    check->mended += rv == APR_SUCCESS;
    return rv;
}

static apr_status_t look_at_collection(check_t *check, const char *key, const char *noted,
                                       const char *real)
{
    tell(check, apr_pstrcat(check->pool, "the members of ", key, " have ", real,
                            " properties, and are noted to have ", noted, NULL));
    return check->mends ? adjust(check, DMS_SQL_ADJUST_COLLECTION, DMS_ARGS(key)) : APR_SUCCESS;
}

/* What an account lacks is added: the statement that found it has seen one state of the store, and
 * the triggers have followed since, so it is still the same. */
static apr_status_t look_at_account(check_t *check, const char *principal, const char *noted,
                                    const char *real)
{
    const char *lacks = apr_psprintf(check->pool, "%" APR_INT64_T_FMT,
                                     apr_atoi64(real) - apr_atoi64(noted));

    tell(check, apr_pstrcat(check->pool, "the properties of '", principal, "' have ", real,
                            " bytes, and are noted to have ", noted, NULL));
    return check->mends ? adjust(check, DMS_SQL_ADJUST_ACCOUNT, DMS_ARGS(principal, lacks))
                        : APR_SUCCESS;
}

typedef apr_status_t look_fn(check_t *check, const char *of, const char *noted, const char *real);

/* Some of those that are wrong; again, as long as there are more when these are mended. */
static apr_status_t look_at_counts(check_t *check, dms_sql_e sql, look_fn *look)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    apr_status_t rv;
    int rows;

    do {
        rows = 0;
        rv = dms_store_select(check->store, sql, DMS_NO_ARGS, check->pool, &results);
        while (rv == APR_SUCCESS
               && (row = dms_store_row(check->store, check->pool, results)) != NULL) {
            rows++;
            rv = look(check, dms_store_column(check->store, row, 0),
                      dms_store_column(check->store, row, 1),
                      dms_store_column(check->store, row, 2));
        }
    } while (rv == APR_SUCCESS && rows == DMS_STORE_FAULTS && check->mends);
    return rv;
}

apr_status_t dms_store_check(dms_store_t *store, int mends, dms_fault_fn *to_tell, void *baton,
                             apr_pool_t *pool, int *faults, int *mended)
{
    check_t check = {.store = store, .mends = mends, .tell = to_tell, .baton = baton, .pool = pool};
    apr_status_t rv = look_at_database(&check);

    if (rv == APR_SUCCESS && !check.faults) { /* nothing is counted in what is damaged */
        rv = look_at_rows(&check);
        if (rv == APR_SUCCESS) {
            rv = look_at_counts(&check, DMS_SQL_WRONG_COLLECTIONS, look_at_collection);
        }
        if (rv == APR_SUCCESS) {
            rv = look_at_counts(&check, DMS_SQL_WRONG_ACCOUNTS, look_at_account);
        }
    }
    *faults = check.faults;
    *mended = check.mended;
    return rv;
}

/* --- a copy --- */

/* As a literal of SQL. */
static const char *quote(apr_pool_t *pool, const char *text)
{
    const char *quote, *quoted = "'";

    while ((quote = strchr(text, '\'')) != NULL) {
        quoted = apr_pstrcat(pool, quoted, apr_pstrmemdup(pool, text, (apr_size_t)(quote - text)),
                             "''", NULL);
        text = quote + 1;
    }
    return apr_pstrcat(pool, quoted, text, "'", NULL);
}

static apr_status_t write_copy(dms_store_t *store, const char *file, apr_pool_t *pool)
{
    dms_conn_t *conn;
    int code, rows;
    apr_status_t rv = dms_store_acquire(store, &conn);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    code = apr_dbd_query(conn->driver, conn->handle, &rows,
                         apr_pstrcat(pool, conn->dialect->copy, quote(pool, file), NULL));
    if (code) {
        rv = dms_store_fail(store, conn, code, NULL, "copying it");
    }
    dms_store_release(store, conn, code != 0);
    return rv;
}

/* What folders have is known of the disk as it is now, not as it will be when the copy is used. */
static apr_status_t forget_space(dms_store_t *store, const char *file, apr_pool_t *pool)
{
    const char *problem = NULL;
    apr_dbd_t *handle;
    int rows, code = apr_dbd_open_ex(store->driver, pool, file, &handle, &problem);

    if (!code) {
        code = apr_dbd_query(store->driver, handle, &rows, "DELETE FROM space");
        apr_dbd_close(store->driver, handle);
    }
    return code ? dms_store_complain(store, APR_EGENERAL, "its copy can't be written")
                : APR_SUCCESS;
}

apr_status_t dms_store_copy(dms_store_t *store, const char *file, apr_pool_t *pool)
{
    apr_status_t rv = write_copy(store, file, pool);

    return rv == APR_SUCCESS ? forget_space(store, file, pool) : rv;
}
