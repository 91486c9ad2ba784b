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
    ino_t folder; /* the directory's */
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
    own.count--;
    memmove(&own.spares[i], &own.spares[i + 1], (size_t)(own.count - i) * sizeof(own.spares[0]));
}

/* Takes the first one out, where it is one too many, or its time is over. */
static int take_old(spare_t *spare, int most)
{
    int is_old = own.mutex && own.count
                 && (own.count > most || own.spares[0].until < apr_time_now());

    if (is_old) {
        *spare = own.spares[0];
        forget(0);
    }
    return is_old;
}

static void remove_spare(const spare_t *spare)
{
    char name[NAME_SIZE];

    unlinkat(spare->directory, name_of(spare->successor, name), 0);
    close(spare->directory);
}

/* Leaves so many, at most, whose time is not over. Nobody waits while they go: that of a large file
 * takes a while. */
static void remove_old(int most)
{
    spare_t spare;
    int is_old = 1;

    while (own.mutex && is_old) {
        apr_thread_mutex_lock(own.mutex);
        is_old = take_old(&spare, most);
        apr_thread_mutex_unlock(own.mutex);
        if (is_old) {
            remove_spare(&spare);
        }
    }
}

/* Forgets one with the same name, if there is one: it is somebody's now, or has been made anew. */
static void forget_same(const spare_t *spare)
{
    int i;

    for (i = 0; i < own.count; i++) {
        if (own.spares[i].successor == spare->successor && own.spares[i].folder == spare->folder
            && own.spares[i].device == spare->device) {
            close(own.spares[i].directory);
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

static void expire(void *baton)
{
    remove_old(SPARES);
    if (own.mutex) { /* otherwise the process is about to end */
        apr_thread_mutex_lock(own.mutex);
        own.is_timed = 0;
        set_timer();
        apr_thread_mutex_unlock(own.mutex);
    }
}

void dms_spares_expire(void)
{
    remove_old(SPARES - 1); /* there may soon be one more */
}

static int identify(spare_t *spare, int directory, const dms_os_stat_t *successor)
{
    struct stat folder;

    spare->device = successor->device;
    spare->successor = successor->inode;
    if (fstat(directory, &folder)) {
        return 0;
    }
    spare->folder = folder.st_ino;
    return 1;
}

static void forget_taken(int directory, const dms_os_stat_t *successor)
{
    spare_t spare;

    if (identify(&spare, directory, successor)) {
        apr_thread_mutex_lock(own.mutex);
        forget_same(&spare);
        apr_thread_mutex_unlock(own.mutex);
    }
}

/* Returns whether there is room for it. */
static int add(const spare_t *spare)
{
    int has_room;

    apr_thread_mutex_lock(own.mutex);
    forget_same(spare);
    has_room = own.count < SPARES;
    if (has_room) {
        own.spares[own.count++] = *spare;
        set_timer();
    }
    apr_thread_mutex_unlock(own.mutex);
    return has_room;
}

/* Returns whether it is going to be removed. */
static int remember(int directory, const dms_os_stat_t *st)
{
    spare_t spare;

    if (!identify(&spare, directory, st)) {
        return 0;
    }
    spare.directory = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    spare.until = apr_time_now() + apr_time_from_sec(SECONDS);
    if (spare.directory >= 0 && add(&spare)) {
        return 1;
    }
    if (spare.directory >= 0) {
        close(spare.directory);
    }
    return 0;
}

static apr_status_t close_all(void *baton)
{
    while (own.count) {
        remove_spare(&own.spares[0]);
        forget(0);
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
    forget_taken(directory, of);
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
            && utimensat(directory, name_of(st.inode, name), times, AT_SYMLINK_NOFOLLOW) == 0
            && remember(directory, &st)) {
            return;
        }
    }
    dms_spare_drop(directory, successor);
}

void dms_spare_lose(int directory, const dms_os_stat_t *st)
{
    char name[NAME_SIZE];

    if (own.mutex && S_ISREG(st->mode) && st->size >= DMS_SPARE_SIZE) {
        unlinkat(directory, name_of(st->inode, name), 0);
    }
}
