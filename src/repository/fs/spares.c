#include "repository/fs/spares.h"

#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <apr_time.h>

#include <httpd.h>

#include <ap_mpm.h>

#define PREFIX DMS_RESERVED_PREFIX "spare-"
#define NAME_SIZE (sizeof(PREFIX) + 16)

#define SECONDS 60

/* How many a process has at once. */
#define SPARES 16

typedef struct spare_t {
    int directory; /* a descriptor of its own */
    dev_t device;
    ino_t successor;
    apr_time_t until;
} spare_t;

/* The process's, by age. */
static struct {
    apr_thread_mutex_t *mutex; /* NULL: the process makes none */
    spare_t spares[SPARES];
    int count;
    int is_timed; /* expire() is going to be called */
} own;

static const char *name_of(ino_t successor, char *name)
{
    apr_snprintf(name, NAME_SIZE, PREFIX "%" APR_UINT64_T_HEX_FMT, (apr_uint64_t)successor);
    return name;
}

static int is_old(const dms_os_stat_t *st)
{
    apr_int64_t age = apr_time_sec(apr_time_now()) - st->modified.seconds;

    return age < 0 || age > SECONDS;
}

int dms_spare_sweep(int directory, const char *name, const dms_os_stat_t *st)
{
    if (strncmp(name, PREFIX, sizeof(PREFIX) - 1)) {
        return 0;
    }
    if (is_old(st)) {
        unlinkat(directory, name, 0);
    }
    return 1;
}

/* --- those of the process --- */

static void forget(int i)
{
    close(own.spares[i].directory);
    own.count--;
    memmove(&own.spares[i], &own.spares[i + 1], (size_t)(own.count - i) * sizeof(own.spares[0]));
}

static void remove_first(void)
{
    char name[NAME_SIZE];

    unlinkat(own.spares[0].directory, name_of(own.spares[0].successor, name), 0);
    forget(0);
}

/* Forgets the one of a file, if there is one: it is somebody's now, or has been made anew. */
static void forget_of(dev_t device, ino_t successor)
{
    int i;

    for (i = 0; i < own.count; i++) {
        if (own.spares[i].successor == successor && own.spares[i].device == device) {
            forget(i);
            return;
        }
    }
}

static void expire(void *baton);

/* Asks to be called when the first one's time is over; event does so with the next connection that
 * comes then. Other MPMs can't: there the next upload removes them. */
static void set_timer(void)
{
    own.is_timed = own.is_timed
                   || (own.count
                       && ap_mpm_register_timed_callback(apr_time_from_sec(SECONDS + 1), expire,
                                                         NULL)
                              == APR_SUCCESS);
}

static void remove_old(void)
{
    while (own.count && own.spares[0].until < apr_time_now()) {
        remove_first();
    }
}

static void expire(void *baton)
{
    if (!own.mutex) { /* the process is about to end */
        return;
    }
    apr_thread_mutex_lock(own.mutex);
    own.is_timed = 0;
    remove_old();
    set_timer();
    apr_thread_mutex_unlock(own.mutex);
}

void dms_spares_expire(void)
{
    if (own.mutex) {
        apr_thread_mutex_lock(own.mutex);
        remove_old();
        apr_thread_mutex_unlock(own.mutex);
    }
}

static void remember(int directory, const dms_os_stat_t *st)
{
    spare_t spare = {.device = st->device, .successor = st->inode};

    spare.directory = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    spare.until = apr_time_now() + apr_time_from_sec(SECONDS);
    if (spare.directory < 0) {
        return; /* who lists the folder removes it */
    }
    apr_thread_mutex_lock(own.mutex);
    forget_of(spare.device, spare.successor);
    if (own.count == SPARES) {
        remove_first();
    }
    own.spares[own.count++] = spare;
    set_timer();
    apr_thread_mutex_unlock(own.mutex);
}

static apr_status_t close_all(void *baton)
{
    while (own.count) {
        remove_first();
    }
    own.mutex = NULL;
    return APR_SUCCESS;
}

void dms_spares_open(apr_pool_t *pool)
{
    if (apr_thread_mutex_create(&own.mutex, APR_THREAD_MUTEX_DEFAULT, pool) == APR_SUCCESS) {
        apr_pool_cleanup_register(pool, NULL, close_all, apr_pool_cleanup_null);
    }
}

/* --- one --- */

/* Whether a file is ours alone, by no other name. */
static int is_single(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_nlink == 1 && st->st_uid == geteuid();
}

static int is_spare(int descriptor, const dms_os_stat_t *of, off_t *size)
{
    struct stat st;
    dms_os_stat_t found;

    if (fstat(descriptor, &st) || !is_single(&st)
        || dms_os_stat(descriptor, "", 0, &found) != APR_SUCCESS) {
        return 0;
    }
    *size = found.size;
    return found.device == of->device && found.size <= of->size && !is_old(&found)
           && found.modified.seconds == of->changed.seconds
           && found.modified.nanoseconds == of->changed.nanoseconds;
}

apr_status_t dms_spare_take(int directory, const dms_os_stat_t *of, const char *reserved,
                            int *descriptor, off_t *size)
{
    char name[NAME_SIZE];

    if (!own.mutex || of->size < DMS_SPARE_SIZE
        || renameat(directory, name_of(of->inode, name), directory, reserved)) {
        return ENOENT;
    }
    apr_thread_mutex_lock(own.mutex);
    forget_of(of->device, of->inode);
    apr_thread_mutex_unlock(own.mutex);
    *descriptor = openat(directory, reserved, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*descriptor >= 0 && is_spare(*descriptor, of, size)) {
        return APR_SUCCESS;
    }
    if (*descriptor >= 0) {
        close(*descriptor);
        *descriptor = -1;
    }
    unlinkat(directory, reserved, 0);
    return ENOENT;
}

apr_status_t dms_spare_link(int directory, const char *name, int successor)
{
    char spare[NAME_SIZE];
    struct stat st;

    if (!own.mutex || fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) || !is_single(&st)
        || fstat(successor, &st)) {
        return ENOENT;
    }
    name_of(st.st_ino, spare);
    if (linkat(directory, name, directory, spare, 0) == 0) {
        return APR_SUCCESS;
    }
    if (errno != EEXIST) {
        return errno;
    }
    unlinkat(directory, spare, 0); /* of another file, which had this inode before */
    return linkat(directory, name, directory, spare, 0) ? errno : APR_SUCCESS;
}

void dms_spare_drop(int directory, int successor)
{
    char name[NAME_SIZE];
    struct stat st;

    if (fstat(successor, &st) == 0) {
        unlinkat(directory, name_of(st.st_ino, name), 0);
    }
}

void dms_spare_keep(int directory, int successor)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
    char name[NAME_SIZE];
    dms_os_stat_t st;

    if (dms_os_stat(successor, "", 0, &st) == APR_SUCCESS) {
        times[1].tv_sec = (time_t)st.changed.seconds;
        times[1].tv_nsec = (long)st.changed.nanoseconds;
        /* Times of whole seconds tell too little. */
        if (st.changed.nanoseconds
            && utimensat(directory, name_of(st.inode, name), times, AT_SYMLINK_NOFOLLOW) == 0) {
            remember(directory, &st);
            return;
        }
    }
    dms_spare_drop(directory, successor);
}
