/*
 * Changing a folder.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "repository/fs/belongings.h"
#include "repository/fs/node.h"
#include "repository/fs/own.h"
#include "repository/fs/spares.h"

struct dms_stream_t {
    apr_pool_t *pool;
    int descriptor;
    int directory;
    const char *name;
    const char *reserved;   /* the name that the file has for now; NULL: none */
    dms_os_stat_t replaced; /* the file whose belongings it has; inode 0: it has nobody's */
    dms_os_stat_t base;     /* the file whose end it extends, by a copy; inode 0: it is no such */
    dms_write_t how;
};

static apr_status_t drop_stream(void *baton)
{
    dms_stream_t *stream = baton;

    if (stream->descriptor >= 0) {
        close(stream->descriptor);
    }
    if (stream->reserved) {
        unlinkat(stream->directory, stream->reserved, 0);
    }
    return APR_SUCCESS;
}

static apr_status_t make_temporary(dms_stream_t *stream)
{
    apr_status_t rv = dms_os_unnamed(stream->directory, &stream->descriptor);
    struct stat st;

    if (rv == EPERM && fstat(stream->directory, &st) == 0 && st.st_nlink == 0) {
        return ENOENT; /* ext4 says so of a folder that is gone */
    }
    if (rv != ENOTSUP) {
        return rv;
    }
    stream->reserved = dms_reserved_name(stream->pool);
    stream->descriptor = openat(stream->directory, stream->reserved,
                                O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (stream->descriptor < 0) {
        stream->reserved = NULL;
        return errno;
    }
    return APR_SUCCESS;
}

/* Takes a spare of the present file, and adds what it lacks. */
static apr_status_t use_spare(dms_stream_t *stream, int present, const dms_os_stat_t *st)
{
    const char *reserved = dms_reserved_name(stream->pool);
    off_t size = 0;
    int at_target;
    apr_status_t rv = dms_spare_take(stream->directory, st, reserved, &stream->descriptor, &size);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    stream->reserved = reserved;
    return dms_os_copy_rest(present, stream->descriptor, size, st->size, &at_target);
}

/* Begins with what the present file has: its blocks, a spare of it, or a copy. */
static apr_status_t copy_present(dms_stream_t *stream, int present, const dms_os_stat_t *st)
{
    int extends = stream->how.offset >= st->size, at_target;
    apr_status_t rv = extends ? use_spare(stream, present, st) : ENOENT;

    if (rv != ENOENT) {
        stream->base = *st;
        return rv;
    }
    rv = make_temporary(stream);
    if (rv == APR_SUCCESS && dms_os_clone(present, stream->descriptor) != APR_SUCCESS) {
        rv = dms_os_copy_rest(present, stream->descriptor, 0, st->size, &at_target);
        if (extends) {
            stream->base = *st;
        }
    }
    return rv;
}

/* A part is written into a copy of the present file, so that it, too, appears in one step. */
static apr_status_t begin_part(dms_stream_t *stream)
{
    int fd = openat(stream->directory, stream->name,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    dms_os_stat_t st;
    apr_status_t rv = fd < 0 ? errno : dms_os_stat(fd, "", 0, &st);

    if (rv == APR_SUCCESS && !S_ISREG(st.mode)) {
        rv = EACCES; /* it has come meanwhile: a FIFO, say */
    }
    else if (rv == APR_SUCCESS) {
        rv = copy_present(stream, fd, &st);
    }
    else if (rv == ENOENT) { /* a part of what is going to be a new file */
        rv = make_temporary(stream);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (rv == APR_SUCCESS && lseek(stream->descriptor, stream->how.offset, SEEK_SET) < 0) {
        rv = errno == EINVAL ? EFBIG : errno; /* no file can be so long here */
    }
    return rv;
}

apr_status_t dms_fs_write(dms_node_t *parent, const char *name, const dms_write_t *how,
                          apr_pool_t *pool, dms_stream_t **result)
{
    dms_stream_t *stream = apr_pcalloc(pool, sizeof(*stream));

    stream->pool = pool;
    stream->descriptor = -1;
    stream->directory = parent->descriptor;
    stream->name = name;
    stream->how = *how;
    if (strlen(name) > NAME_MAX) {
        return ENAMETOOLONG; /* found out now, not after the whole body */
    }
    dms_spares_expire();
    apr_pool_cleanup_register(pool, stream, drop_stream, apr_pool_cleanup_null);
    *result = stream;
    return how->offset >= 0 ? begin_part(stream) : make_temporary(stream);
}

apr_status_t dms_fs_append(dms_stream_t *stream, const char *bytes, apr_size_t length)
{
    while (length) {
        ssize_t n = write(stream->descriptor, bytes, length);

        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n > 0) {
            bytes += n;
            length -= (apr_size_t)n;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t set_times(int descriptor, const dms_moment_t *modified)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};

    times[1].tv_sec = (time_t)modified->seconds;
    times[1].tv_nsec = (long)modified->nanoseconds;
    return futimens(descriptor, times) ? errno : APR_SUCCESS;
}

/* Has a file system that tells of a full disk only when a file is closed (NFS) tell of it now: the
 * file itself stays open, until it has its name. */
static apr_status_t flush(int descriptor)
{
    int other = dup(descriptor);

    return other < 0 || close(other) ? errno : APR_SUCCESS;
}

static int has_changed(const dms_os_stat_t *before, const dms_os_stat_t *now)
{
    return before->inode != now->inode
           || dms_in_nanoseconds(&before->changed) != dms_in_nanoseconds(&now->changed);
}

/* Gives the new file what belongs to the one that it is going to replace, unless it has that. */
static apr_status_t take_over(dms_stream_t *stream, int *has_taken)
{
    dms_os_stat_t st;
    apr_status_t rv = dms_os_stat(stream->directory, stream->name, 0, &st);

    *has_taken = rv == APR_SUCCESS && S_ISREG(st.mode) && has_changed(&stream->replaced, &st);
    if (!*has_taken) {
        return rv == ENOENT ? APR_SUCCESS : rv;
    }
    stream->replaced = st;
    return dms_belongings_give(stream->directory, stream->name, &st, stream->descriptor,
                               stream->directory);
}

apr_status_t dms_fs_finish(dms_stream_t *stream, const dms_moment_t *modified)
{
    int has_taken;
    apr_status_t rv = take_over(stream, &has_taken);

    if (rv == APR_SUCCESS && modified) {
        rv = set_times(stream->descriptor, modified);
    }
    if (rv == APR_SUCCESS) {
        rv = stream->how.sync ? (fsync(stream->descriptor) ? errno : APR_SUCCESS)
                              : flush(stream->descriptor);
    }
    return rv;
}

static apr_status_t put_new(dms_stream_t *stream)
{
    apr_status_t rv;

    if (!stream->reserved) {
        return dms_os_name(stream->descriptor, stream->directory, stream->name);
    }
    rv = dms_os_rename_new(stream->directory, stream->reserved, stream->directory, stream->name);
    if (rv == ENOTSUP) { /* what a kill leaves under the reserved name is swept (list.c) */
        rv = dms_os_rename_by_link(stream->directory, stream->reserved, stream->directory,
                                   stream->name);
    }
    if (rv == APR_SUCCESS) {
        stream->reserved = NULL;
    }
    return rv;
}

/* Whether the file that is replaced lacks nothing but a part that extended it, and one that may
 * follow would have to be written into another copy. */
static int is_worth_keeping(const dms_stream_t *stream)
{
    return stream->how.more && stream->base.inode && stream->base.size >= DMS_SPARE_SIZE
           && !has_changed(&stream->base, &stream->replaced);
}

static apr_status_t replace(dms_stream_t *stream)
{
    int directory = stream->directory;
    int has_spare = is_worth_keeping(stream)
                    && dms_spare_link(directory, stream->name, stream->descriptor) == APR_SUCCESS;
    apr_status_t rv = renameat(directory, stream->reserved, directory, stream->name) ? errno
                                                                                     : APR_SUCCESS;

    if (has_spare && rv != APR_SUCCESS) {
        dms_spare_drop(directory, stream->descriptor);
    }
    else if (has_spare) {
        dms_spare_keep(directory, stream->descriptor);
    }
    if (rv == APR_SUCCESS) {
        dms_spare_lose(directory, &stream->replaced);
    }
    return rv;
}

static apr_status_t put_over(dms_stream_t *stream)
{
    apr_status_t rv;

    if (!stream->reserved) {
        const char *reserved = dms_reserved_name(stream->pool);

        rv = dms_os_name(stream->descriptor, stream->directory, reserved);

        if (rv != APR_SUCCESS) {
            return rv;
        }
        stream->reserved = reserved;
    }
    rv = replace(stream);
    if (rv == APR_SUCCESS) {
        stream->reserved = NULL;
    }
    return rv;
}

static apr_status_t sync_directory(int directory)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    apr_status_t rv = APR_SUCCESS;

    if (fd < 0) {
        return errno == EACCES ? APR_SUCCESS : errno; /* write-only for us: nothing to do */
    }
    if (fsync(fd)) {
        rv = errno == EINVAL ? APR_SUCCESS : errno; /* some file systems know no such thing */
    }
    close(fd);
    return rv;
}

apr_status_t dms_fs_publish(dms_stream_t *stream, dms_facts_t *facts)
{
    int has_taken, is_new = 0;
    /* Since then somebody may have been shut out. */
    apr_status_t rv = take_over(stream, &has_taken);
    dms_os_stat_t st;

    if (rv == APR_SUCCESS && has_taken && stream->how.sync && fsync(stream->descriptor)) {
        rv = errno;
    }
    if (rv == APR_SUCCESS) {
        is_new = !stream->replaced.inode || stream->how.exclusive;
        rv = is_new ? put_new(stream) : EEXIST;
    }
    if (rv == EEXIST && !stream->how.exclusive) {
        is_new = 0;
        rv = put_over(stream);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = stream->how.sync ? sync_directory(stream->directory) : APR_SUCCESS;
    if (rv == APR_SUCCESS) {
        rv = dms_os_stat(stream->descriptor, "", 0, &st);
    }
    if (rv == APR_SUCCESS) {
        dms_node_facts(&st, DMS_FACT_ETAG, facts);
        dms_created_kept(stream->descriptor, "", 0, &facts->created);
    }
    else if (is_new) { /* as it was */
        unlinkat(stream->directory, stream->name, 0);
    }
    return rv;
}

apr_status_t dms_fs_child(dms_node_t *parent, const char *name, apr_pool_t *pool,
                          dms_node_t **child)
{
    dms_node_t *node = apr_pcalloc(pool, sizeof(*node));

    node->descriptor = openat(parent->descriptor, name,
                              DMS_OS_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (node->descriptor < 0) {
        return errno;
    }
    dms_node_close_with(pool, node->descriptor);
    *child = node;
    return dms_os_stat(node->descriptor, "", 0, &node->st);
}

apr_status_t dms_fs_make_collection(dms_node_t *parent, const char *name, int is_copy,
                                    apr_pool_t *pool, dms_node_t **made)
{
    if (mkdirat(parent->descriptor, name, is_copy ? 0700 : 0777)) {
        return errno;
    }
    return made ? dms_fs_child(parent, name, pool, made) : APR_SUCCESS;
}

apr_status_t dms_fs_give(dms_node_t *from, dms_node_t *parent, const char *name, int is_move)
{
    int fd = openat(parent->descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    dms_os_stat_t st;
    apr_status_t rv;

    if (fd < 0) {
        return errno;
    }
    rv = dms_os_stat(from->descriptor, "", 0, &st);
    if (rv == APR_SUCCESS) {
        rv = dms_belongings_give(from->descriptor, "", &st, fd, is_move ? parent->descriptor : -1);
    }
    if (rv == APR_SUCCESS && is_move) {
        rv = set_times(fd, &st.modified);
    }
    close(fd);
    return rv;
}

/* What is about to go from a name leaves no spare there. */
static void lose_spare(const dms_node_t *parent, const char *name)
{
    dms_os_stat_t st;

    if (dms_os_stat(parent->descriptor, name, 0, &st) == APR_SUCCESS) {
        dms_spare_lose(parent->descriptor, &st);
    }
}

apr_status_t dms_fs_remove(dms_node_t *parent, const char *name, dms_kind_e kind)
{
    if (kind == DMS_KIND_FILE && !dms_is_reserved(name)) {
        lose_spare(parent, name);
    }
    return unlinkat(parent->descriptor, name, kind == DMS_KIND_COLLECTION ? AT_REMOVEDIR : 0)
               ? errno
               : APR_SUCCESS;
}

apr_status_t dms_fs_may_remove(dms_node_t *parent, const char *name)
{
    return dms_os_may_unlink(parent->descriptor, &parent->st, name);
}

apr_status_t dms_fs_seal(dms_node_t *parent, const char *name, int is_sealed)
{
    /* 0200: so that it can still be renamed */
    return dms_os_set_mode(parent->descriptor, name, is_sealed ? 0200 : 0700);
}

static apr_status_t copy_link(int from, const char *name, int to, const char *to_name,
                              int *at_target)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(from, name, target, sizeof(target));

    if (length < 0 || length == (ssize_t)sizeof(target)) {
        return length < 0 ? errno : ENAMETOOLONG;
    }
    target[length] = '\0';
    *at_target = 1;
    return symlinkat(target, to, to_name) ? errno : APR_SUCCESS;
}

/* Opens the file that a copy goes into. One that is only to be put in place later has no name until
 * it is whole, so that a crash leaves nothing of it. */
static apr_status_t open_copy(int to, const char *to_name, int *fd, int *is_named)
{
    *is_named = !dms_is_reserved(to_name) || dms_os_unnamed(to, fd) != APR_SUCCESS;
    if (*is_named) {
        *fd = openat(to, to_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    }
    return *fd < 0 ? errno : APR_SUCCESS;
}

/* Makes to_name a file with the content of another, and what belongs to it; of a move, its times,
 * too. */
static apr_status_t copy_content(int from, const dms_os_stat_t *st, int is_move, int to,
                                 const char *to_name, int *at_target)
{
    int fd, is_named;
    apr_status_t rv = open_copy(to, to_name, &fd, &is_named);

    if (rv != APR_SUCCESS) {
        *at_target = 1;
        return rv;
    }
    rv = dms_os_copy(from, fd, st->size, at_target);
    if (rv == APR_SUCCESS) {
        *at_target = 1; /* all that can fail from here on */
        rv = dms_belongings_give(from, "", st, fd, is_move ? to : -1);
    }
    if (rv == APR_SUCCESS && is_move) {
        rv = set_times(fd, &st->modified);
    }
    if (rv == APR_SUCCESS && !is_named) {
        rv = dms_os_name(fd, to, to_name);
    }
    if (close(fd) && rv == APR_SUCCESS) {
        rv = errno;
    }
    if (rv != APR_SUCCESS && is_named) {
        unlinkat(to, to_name, 0);
    }
    return rv;
}

apr_status_t dms_fs_copy(dms_node_t *parent, const char *name, request_rec *r, int links,
                         dms_node_t *to_parent, const char *to_name, int *at_target)
{
    dms_os_stat_t st;
    dms_own_t own;
    apr_status_t rv;
    int fd;

    *at_target = 0;
    rv = dms_os_stat(parent->descriptor, name, 0, &st);
    if (rv == APR_SUCCESS && links && S_ISLNK(st.mode)) {
        return copy_link(parent->descriptor, name, to_parent->descriptor, to_name, at_target);
    }
    if (rv == APR_SUCCESS) {
        rv = dms_os_open_below(parent->descriptor, name, O_RDONLY,
                               links ? DMS_LINKS_NEVER : dms_node_links(r), &fd);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = dms_os_stat(fd, "", 0, &st);
    dms_own_look(&own);
    if (rv == APR_SUCCESS) {
        rv = S_ISREG(st.mode) && !dms_own_has(&own, st.device, st.inode)
                 ? copy_content(fd, &st, links, to_parent->descriptor, to_name, at_target)
                 : EACCES;
    }
    close(fd);
    return rv;
}

apr_status_t dms_fs_rename(dms_node_t *from, const char *from_name, dms_node_t *to,
                           const char *to_name, dms_rename_e how)
{
    apr_status_t rv = APR_EINVAL;

    if (from->descriptor != to->descriptor) {
        dms_created_moves(from->descriptor, from_name, to->descriptor);
    }
    lose_spare(from, from_name);
    lose_spare(to, to_name);
    switch (how) {
    case DMS_RENAME_NEW:
        return dms_os_rename_new(from->descriptor, from_name, to->descriptor, to_name);
    case DMS_RENAME_BY_LINK:
        return dms_os_rename_by_link(from->descriptor, from_name, to->descriptor, to_name);
    case DMS_RENAME_REPLACE:
        return renameat(from->descriptor, from_name, to->descriptor, to_name) ? errno : APR_SUCCESS;
    case DMS_RENAME_EXCHANGE:
        rv = dms_os_exchange(from->descriptor, from_name, to->descriptor, to_name);
        break;
    }
    if (rv != EXDEV && rv != ENOTSUP) {
        return rv;
    }
    /* overlayfs says EXDEV of a folder that it would have to copy up */
    return from->st.device == to->st.device ? ENOTSUP : EXDEV;
}

/* Waits until a member's own data are on the disk: a file that can't be opened, with all others. */
static apr_status_t sync_member(dms_node_t *parent, const char *name)
{
    int fd = openat(parent->descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    apr_status_t rv = APR_SUCCESS;

    if (fd < 0) {
        return errno == EACCES ? dms_fs_sync(parent, 1) : errno;
    }
    if (fsync(fd)) {
        rv = errno == EINVAL ? APR_SUCCESS : errno;
    }
    close(fd);
    return rv;
}

apr_status_t dms_fs_set_modified(dms_node_t *parent, const char *name, const dms_moment_t *modified,
                                 int sync)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};

    times[1].tv_sec = (time_t)modified->seconds;
    times[1].tv_nsec = (long)modified->nanoseconds;
    if (utimensat(parent->descriptor, name, times, AT_SYMLINK_NOFOLLOW)) {
        return errno;
    }
    return sync ? sync_member(parent, name) : APR_SUCCESS;
}

apr_status_t dms_fs_sync(dms_node_t *collection, int all)
{
    apr_status_t rv;
    int fd;

    if (!all) {
        return sync_directory(collection->descriptor);
    }
    fd = openat(collection->descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    rv = dms_os_sync_all(fd);
    close(fd);
    return rv;
}
