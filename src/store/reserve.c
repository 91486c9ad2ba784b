/*
 * The reserve: a file beside the database that takes up some room, and is given up when a
 * connection can't be opened since the disk is full. SQLite needs room to read, too, where no other
 * process has the database open; and without reading nobody knows which locks stand in a DELETE's
 * way, which is what makes room again.
 */
#include "store/store_private.h"

#include <fcntl.h>
#include <unistd.h>

#include <apr_strings.h>

/* SQLite's shared memory, the log, and what else is made at a start. */
#define RESERVE (256 * 1024)

/* How often it is tried to make it where there is no room. */
#define PAUSE apr_time_from_sec(1)

static const char *name(dms_store_t *store, apr_pool_t *pool)
{
    return apr_pstrcat(pool, store->params, "-reserve", NULL);
}

int dms_store_give_reserve(dms_store_t *store, apr_pool_t *pool)
{
    store->reserve_due = 0;
    return store->dialect->is_file && !unlink(name(store, pool));
}

/* All of it, or nothing. */
static int make(const char *file)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), code;

    if (fd < 0) {
        return 0;
    }
    code = posix_fallocate(fd, 0, RESERVE);
    close(fd);
    if (code) {
        unlink(file);
    }
    return !code;
}

void dms_store_keep_reserve(dms_store_t *store, apr_pool_t *pool)
{
    const char *file = name(store, pool);
    apr_time_t now = apr_time_now();
    int has_it;

    if (!store->dialect->is_file || now < store->reserve_due) {
        return;
    }
    has_it = !access(file, F_OK) || make(file);
    store->reserve_due = has_it ? APR_INT64_MAX : now + PAUSE;
}
