/*
 * A copy of the store, while others write.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "admin/tell.h"
#include "repository/fs/os.h"
#include "store/check.h"

/* Makes the file beside the store in which the copy is made, since the store's owner may not write
 * where the other one is to be; or takes what a backup has left that was killed. */
static apr_status_t open_copy(const char *file, apr_pool_t *pool, int *copy)
{
    apr_status_t rv = APR_SUCCESS;

    unlink(apr_pstrcat(pool, file, "-journal", NULL)); /* which would be taken for the new one's */
    *copy = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*copy < 0) {
        return dms_tell(errno, "%s", file);
    }
    if (flock(*copy, LOCK_EX | LOCK_NB)) {
        rv = dms_tell(errno, "another backup is under way: %s", file);
    }
    else if (ftruncate(*copy, 0)) {
        rv = dms_tell(errno, "%s", file);
    }
    if (rv != APR_SUCCESS) {
        close(*copy);
    }
    return rv;
}

static apr_status_t send_copy(int copy, int to)
{
    struct stat st;
    int at_target;
    apr_status_t rv = fstat(copy, &st) ? errno : dms_os_copy(copy, to, st.st_size, &at_target);

    if (rv == APR_SUCCESS && fsync(to)) {
        rv = errno;
    }
    if (rv != APR_SUCCESS && ftruncate(to, 0)) {
        return dms_tell(rv, "the backup is not whole: remove it");
    }
    return rv == APR_SUCCESS ? rv : dms_tell(rv, "the backup can't be written");
}

static apr_status_t run_backup(dms_admin_t *admin)
{
    const char *file = apr_pstrcat(admin->pool, admin->file, "-copy", NULL);
    int copy;
    apr_status_t rv = open_copy(file, admin->pool, &copy);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = dms_store_copy(admin->store, file, admin->pool);
    rv = rv == APR_SUCCESS ? send_copy(copy, admin->argument)
                           : dms_tell(rv, "%s is empty, and no backup", *admin->arguments);
    unlink(file);
    close(copy);
    return rv;
}

const dms_admin_command_t dms_admin_backup = {
    .name = "backup",
    .arguments = "FILE",
    .help = "Writes a copy of the store into a file that is not there, or empty: all\n"
            "that was answered before it began, while the server goes on. (A plain\n"
            "copy of the store's file lacks what is in the one with -wal.) The store's\n"
            "folder needs as much room again. Files are not in it: copy them, too. To\n"
            "use it, stop the server, put it in the store's place, and remove those\n"
            "with -wal and -shm.\n",
    .options = "",
    .fewest = 1,
    .most = 1,
    .opens = DMS_ADMIN_WRITES,
    .run = run_backup,
};
