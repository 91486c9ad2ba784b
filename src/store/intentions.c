/*
 * Intentions, and whose process lives.
 *
 * A number alone does not name a process: after a crash another may have it. With the time when the
 * process was started (in ticks since the machine's start) and the identity of that start, it does.
 */
#include "store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

/* --- processes --- */

static apr_ssize_t read_small(const char *file, char *buffer, apr_size_t size)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    if (fd < 0) {
        return -1;
    }
    length = read(fd, buffer, size - 1);
    close(fd);
    buffer[length > 0 ? length : 0] = '\0';
    return length;
}

/* The fields of /proc/PID/stat (proc(5)) from the third on: the second, the command's name, may
 * hold anything, and ends with the last parenthesis. The third is the state, the 22nd the start. */
static const char *parse_stat(apr_pool_t *pool, char *stat)
{
    char *field = strrchr(stat, ')');
    int number;

    if (field && (!strncmp(field, ") Z", 3) || !strncmp(field, ") X", 3))) {
        return NULL; /* dead, and not waited for */
    }
    for (number = 2; field && number < 22; number++) {
        field = strchr(field + 1, ' ');
    }
    return field ? apr_pstrmemdup(pool, field + 1, strcspn(field + 1, " \n")) : "";
}

const char *dms_process_started(apr_pool_t *pool, long pid)
{
    char stat[1024], boot[64];
    const char *ticks;

    if (kill((pid_t)pid, 0) && errno == ESRCH) {
        return NULL;
    }
    if (read_small(apr_psprintf(pool, "/proc/%ld/stat", pid), stat, sizeof(stat)) <= 0
        || read_small("/proc/sys/kernel/random/boot_id", boot, sizeof(boot)) <= 0) {
        return "";
    }
    ticks = parse_stat(pool, stat);
    if (!ticks || !*ticks) {
        return ticks;
    }
    boot[strcspn(boot, "\n")] = '\0';
    return apr_pstrcat(pool, boot, "/", ticks, NULL);
}

static int lives(apr_pool_t *pool, long pid, const char *started)
{
    const char *now = dms_process_started(pool, pid);

    return now && (!*now || !*started || !strcmp(now, started));
}

/* --- intentions --- */

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

apr_status_t dms_tx_intend(dms_tx_t *tx, dms_intention_t *intention)
{
    dms_store_t *store = tx->store;
    apr_pool_t *pool;
    apr_status_t rv;

    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    pool = tx->conn->scratch;
    rv = next_id(tx, &intention->id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return dms_tx_query(tx, DMS_SQL_INTEND,
                        DMS_ARGS(apr_psprintf(pool, "%" APR_INT64_T_FMT, intention->id),
                                 apr_itoa(pool, (int)intention->intent), intention->from,
                                 intention->to, intention->deep ? "1" : "0", intention->token,
                                 store->host, apr_ltoa(pool, (long)getpid()), store->started),
                        NULL);
}

apr_status_t dms_tx_settle(dms_tx_t *tx, const dms_intention_t *intention)
{
    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    return dms_tx_query(tx, DMS_SQL_SETTLE,
                        DMS_ARGS(
                            apr_psprintf(tx->conn->scratch, "%" APR_INT64_T_FMT, intention->id)),
                        NULL);
}

static dms_intention_t *read_intention(dms_store_t *store, apr_dbd_row_t *row, apr_pool_t *pool)
{
    dms_intention_t *intention = apr_pcalloc(pool, sizeof(*intention));

    intention->id = apr_atoi64(dms_store_column(store, row, 0));
    intention->intent = (dms_intent_e)atoi(dms_store_column(store, row, 1));
    intention->from = apr_pstrdup(pool, dms_store_column(store, row, 2));
    intention->to = apr_pstrdup(pool, dms_store_column(store, row, 3));
    intention->deep = *dms_store_column(store, row, 4) != '0';
    intention->token = apr_pstrdup(pool, dms_store_column(store, row, 5));
    return intention;
}

apr_status_t dms_tx_orphans(dms_tx_t *tx, apr_pool_t *pool, dms_intention_t **first)
{
    dms_store_t *store = tx->store;
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    apr_pool_t *scratch;
    apr_status_t rv;

    *first = NULL;
    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    scratch = tx->conn->scratch;
    rv = dms_tx_select(tx, DMS_SQL_INTENTIONS, DMS_ARGS(store->host), scratch, &results);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((row = dms_store_row(store, scratch, results)) != NULL) {
        long pid = strtol(dms_store_column(store, row, 6), NULL, 10);

        if (!lives(scratch, pid, dms_store_column(store, row, 7))) {
            *first = read_intention(store, row, pool);
            first = &(*first)->next;
        }
    }
    return APR_SUCCESS;
}

int dms_store_has_orphans(dms_store_t *store)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    apr_pool_t *pool;
    int found = 0;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        return 0;
    }
    if (dms_store_select(store, DMS_SQL_INTENTIONS, DMS_ARGS(store->host), pool, &results)
        == APR_SUCCESS) {
        while (!found && (row = dms_store_row(store, pool, results)) != NULL) {
            found = !lives(pool, strtol(dms_store_column(store, row, 6), NULL, 10),
                           dms_store_column(store, row, 7));
        }
    }
    apr_pool_destroy(pool);
    return found;
}
