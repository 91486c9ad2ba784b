#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "repository/fs/os.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/fs.h> /* FICLONE and the flags of renameat2 */
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h> /* makedev() */
#endif

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1u
#define RENAME_EXCHANGE 2u
#endif

/* Up to here one read and one write are quicker than anything else. */
#define BY_HAND 65536

static apr_status_t plain_stat(int directory, const char *name, int follow, dms_os_stat_t *st)
{
    struct stat s;

    if (*name ? fstatat(directory, name, &s, follow ? 0 : AT_SYMLINK_NOFOLLOW)
              : fstat(directory, &s)) {
        return errno;
    }
    st->mode = s.st_mode;
    st->owner = s.st_uid;
    st->size = s.st_size;
    st->device = s.st_dev;
    st->inode = s.st_ino;
    st->modified.seconds = s.st_mtim.tv_sec;
    st->modified.nanoseconds = (apr_uint32_t)s.st_mtim.tv_nsec;
    st->changed.seconds = s.st_ctim.tv_sec;
    st->changed.nanoseconds = (apr_uint32_t)s.st_ctim.tv_nsec;
    st->has_created = 0;
    return APR_SUCCESS;
}

#ifdef STATX_BTIME

apr_status_t dms_os_stat(int directory, const char *name, int follow, dms_os_stat_t *st)
{
    struct statx sx;
    int flags = (*name ? 0 : AT_EMPTY_PATH) | (follow ? 0 : AT_SYMLINK_NOFOLLOW);

    if (statx(directory, name, flags, STATX_BASIC_STATS | STATX_BTIME, &sx)) {
        /* EPERM: a seccomp filter older than the call */
        return errno == ENOSYS || errno == EPERM ? plain_stat(directory, name, follow, st) : errno;
    }
    st->mode = sx.stx_mode;
    st->owner = sx.stx_uid;
    st->size = (off_t)sx.stx_size;
    st->device = makedev(sx.stx_dev_major, sx.stx_dev_minor); /* as plain_stat() has it */
    st->inode = sx.stx_ino;
    st->modified.seconds = sx.stx_mtime.tv_sec;
    st->modified.nanoseconds = sx.stx_mtime.tv_nsec;
    st->changed.seconds = sx.stx_ctime.tv_sec;
    st->changed.nanoseconds = sx.stx_ctime.tv_nsec;
    st->created.seconds = sx.stx_btime.tv_sec;
    st->created.nanoseconds = sx.stx_btime.tv_nsec;
    st->has_created = (sx.stx_mask & STATX_BTIME) != 0;
    return APR_SUCCESS;
}

#else

apr_status_t dms_os_stat(int directory, const char *name, int follow, dms_os_stat_t *st)
{
    return plain_stat(directory, name, follow, st);
}

#endif

/* Opens one component of a path, and follows it only where it is a link that is allowed. */
static apr_status_t open_component(int at, const char *name, int flags, dms_links_e links,
                                   int *descriptor)
{
    dms_os_stat_t link, target;
    apr_status_t rv;
    int fd;

    rv = dms_os_stat(at, name, 0, &link);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (S_ISLNK(link.mode)) {
        if (links == DMS_LINKS_NEVER) {
            return ELOOP;
        }
        fd = openat(at, name, flags);
    }
    else {
        fd = openat(at, name, flags | O_NOFOLLOW);
    }
    if (fd < 0) {
        return errno;
    }
    rv = dms_os_stat(fd, "", 0, &target);
    if (rv == APR_SUCCESS
        && (S_ISLNK(target.mode) /* O_PATH has opened a link that was put there just now */
            || (S_ISLNK(link.mode) && target.owner != link.owner))) {
        rv = ELOOP;
    }
    if (rv != APR_SUCCESS) {
        close(fd);
        return rv;
    }
    *descriptor = fd;
    return APR_SUCCESS;
}

static apr_status_t walk_below(int root, const char *path, int flags, dms_links_e links,
                               int *descriptor)
{
    int at = root;

    for (;;) {
        char component[NAME_MAX + 1];
        apr_size_t length = strcspn(path, "/");
        apr_status_t rv = ENAMETOOLONG;
        int next = -1, is_last = !path[length];

        if (length < sizeof(component)) {
            memcpy(component, path, length);
            component[length] = '\0';
            rv = open_component(at, component, is_last ? flags : DMS_OS_PATH | O_CLOEXEC, links,
                                &next);
        }
        if (at != root) {
            close(at);
        }
        if (rv != APR_SUCCESS || is_last) {
            *descriptor = next;
            return rv;
        }
        at = next;
        path += length + 1;
    }
}

apr_status_t dms_os_open_below(int root, const char *path, int flags, dms_links_e links,
                               int *descriptor)
{
    flags |= O_CLOEXEC | (flags & DMS_OS_PATH ? 0 : O_NONBLOCK); /* never wait for a FIFO */
    if (links == DMS_LINKS_ALWAYS) {
        *descriptor = openat(root, path, flags);
        return *descriptor < 0 ? errno : APR_SUCCESS;
    }
#if defined(SYS_openat2) && defined(RESOLVE_NO_SYMLINKS)
    if (links == DMS_LINKS_NEVER) {
        struct open_how how = {.flags = (apr_uint64_t)flags,
                               .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
        long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

        *descriptor = (int)fd;
        if (fd >= 0) {
            return APR_SUCCESS;
        }
        if (errno != ENOSYS && errno != EPERM) { /* EPERM: a seccomp filter older than the call */
            return errno;
        }
    }
#endif
    return walk_below(root, path, flags, links, descriptor);
}

#ifdef O_TMPFILE

/* The way to a file that has no name yet. */
typedef char link_t[32];

static const char *link_to(int descriptor, link_t link)
{
    snprintf(link, sizeof(link_t), "/proc/self/fd/%d", descriptor);
    return link;
}

#endif

apr_status_t dms_os_unnamed(int directory, int *descriptor)
{
#ifdef O_TMPFILE
    link_t link;
    int fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);

    if (fd < 0) {
        /* EISDIR and ENOENT: a kernel that does not know the flag */
        return errno == EOPNOTSUPP || errno == ENOSYS || errno == EISDIR || errno == ENOENT
                       || errno == EINVAL
                   ? ENOTSUP
                   : errno;
    }
    if (access(link_to(fd, link), F_OK)) { /* no /proc: told now, not after the whole body */
        close(fd);
        return ENOTSUP;
    }
    *descriptor = fd;
    return APR_SUCCESS;
#else
    return ENOTSUP;
#endif
}

apr_status_t dms_os_name(int descriptor, int directory, const char *name)
{
#ifdef O_TMPFILE
    link_t link;

    /* AT_EMPTY_PATH would do without /proc, but takes a privilege. */
    return linkat(AT_FDCWD, link_to(descriptor, link), directory, name, AT_SYMLINK_FOLLOW)
               ? errno
               : APR_SUCCESS;
#else
    return ENOTSUP;
#endif
}

static apr_status_t rename_with_flags(int from, const char *from_name, int to, const char *to_name,
                                      unsigned int flags)
{
#ifdef SYS_renameat2
    return syscall(SYS_renameat2, from, from_name, to, to_name, flags) ? errno : APR_SUCCESS;
#else
    return ENOSYS;
#endif
}

static int is_unsupported(apr_status_t rv)
{
    return rv == ENOSYS || rv == EINVAL || rv == EOPNOTSUPP;
}

/* Asks first whether something has the new name: a folder that takes it meanwhile is only replaced
 * where it is empty. */
static apr_status_t rename_if_free(int from, const char *from_name, int to, const char *to_name)
{
    dms_os_stat_t st;
    apr_status_t rv = dms_os_stat(to, to_name, 0, &st);

    if (rv != ENOENT) {
        return rv == APR_SUCCESS ? EEXIST : rv;
    }
    return renameat(from, from_name, to, to_name) ? errno : APR_SUCCESS;
}

apr_status_t dms_os_rename_new(int from, const char *from_name, int to, const char *to_name)
{
    apr_status_t rv = rename_with_flags(from, from_name, to, to_name, RENAME_NOREPLACE);
    dms_os_stat_t st;

    if (!is_unsupported(rv)) {
        return rv;
    }
    rv = dms_os_stat(from, from_name, 0, &st);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return S_ISDIR(st.mode) ? rename_if_free(from, from_name, to, to_name) : ENOTSUP;
}

/* Whether two names are of one file: a kill came before the first one went. */
static int is_linked(int from, const char *from_name, int to, const char *to_name)
{
    dms_os_stat_t a, b;

    return dms_os_stat(from, from_name, 0, &a) == APR_SUCCESS
           && dms_os_stat(to, to_name, 0, &b) == APR_SUCCESS && a.inode == b.inode
           && a.device == b.device;
}

apr_status_t dms_os_rename_by_link(int from, const char *from_name, int to, const char *to_name)
{
    apr_status_t rv;

    if (linkat(from, from_name, to, to_name, 0)) {
        rv = errno;
        /* EPERM: the file system has no links, or those of others' files are not allowed */
        if (rv == EPERM || rv == EMLINK || is_unsupported(rv)) {
            return rename_if_free(from, from_name, to, to_name);
        }
        if (rv != EEXIST || !is_linked(from, from_name, to, to_name)) {
            return rv;
        }
    }
    if (unlinkat(from, from_name, 0) == 0) {
        return APR_SUCCESS;
    }
    rv = errno;
    unlinkat(to, to_name, 0); /* as it was */
    return rv;
}

apr_status_t dms_os_exchange(int from, const char *from_name, int to, const char *to_name)
{
    apr_status_t rv = rename_with_flags(from, from_name, to, to_name, RENAME_EXCHANGE);

    return is_unsupported(rv) ? ENOTSUP : rv;
}

static apr_status_t write_all(int to, const char *bytes, size_t length)
{
    while (length) {
        ssize_t n = write(to, bytes, length);

        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n > 0) {
            bytes += n;
            length -= (size_t)n;
        }
    }
    return APR_SUCCESS;
}

/* Copies so many bytes, or what there is of them, from where both files stand. */
static apr_status_t copy_by_hand(int from, int to, off_t length, int *at_target)
{
    char bytes[65536];

    while (length > 0) {
        size_t wanted = length < (off_t)sizeof(bytes) ? (size_t)length : sizeof(bytes);
        ssize_t n = read(from, bytes, wanted);
        apr_status_t rv;

        if (n == 0) {
            return APR_SUCCESS;
        }
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        rv = write_all(to, bytes, (size_t)n);
        if (rv != APR_SUCCESS) {
            *at_target = 1;
            return rv;
        }
        length -= n;
    }
    return APR_SUCCESS;
}

static apr_status_t copy_length(int from, int to, off_t length, int *at_target)
{
#ifdef SYS_copy_file_range
    while (length > BY_HAND) {
        size_t wanted = length < 1 << 30 ? (size_t)length : (size_t)1 << 30;
        ssize_t n = syscall(SYS_copy_file_range, from, NULL, to, NULL, wanted, 0u);

        if (n > 0) {
            length -= n;
        }
        else if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
            *at_target = 1;
            return errno;
        }
        else if (n == 0 || errno != EINTR) {
            break; /* another device, or a file system that can't; what was copied counts */
        }
    }
#endif
    return copy_by_hand(from, to, length, at_target);
}

/* Finds the next piece of a file, from *at on, that is no hole. 0: there is none. Where the file
 * system can't tell of holes, it has none. */
static int find_data(int file, off_t *at, off_t *end, off_t size)
{
#ifdef SEEK_DATA
    off_t data = lseek(file, *at, SEEK_DATA);
    off_t hole = data < 0 ? data : lseek(file, data, SEEK_HOLE);

    if (data < 0 && errno == ENXIO) {
        return 0;
    }
    *at = data < 0 ? *at : data;
    *end = hole > *at && hole < size ? hole : size;
#else
    *end = size;
#endif
    return *at < size;
}

static apr_status_t stand_at(int from, int to, off_t at, int *at_target)
{
    if (lseek(from, at, SEEK_SET) < 0) {
        return errno;
    }
    *at_target = lseek(to, at, SEEK_SET) < 0;
    return *at_target ? errno : APR_SUCCESS;
}

/* Copies what is no hole; where the file ends in one, that takes no writing either. */
static apr_status_t copy_data(int from, int to, off_t size, int *at_target)
{
    off_t at = 0, end, done = 0;
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && find_data(from, &at, &end, size)) {
        rv = stand_at(from, to, at, at_target);
        if (rv == APR_SUCCESS) {
            rv = copy_length(from, to, end - at, at_target);
        }
        at = done = end;
    }
    if (rv != APR_SUCCESS || done == size) {
        return rv;
    }
    end = lseek(from, 0, SEEK_END); /* it may have been truncated meanwhile */
    if (end > done && ftruncate(to, end < size ? end : size)) {
        *at_target = 1;
        return errno;
    }
    return APR_SUCCESS;
}

apr_status_t dms_os_copy(int from, int to, off_t size, int *at_target)
{
    *at_target = 0;
    if (size <= BY_HAND) {
        return copy_by_hand(from, to, BY_HAND, at_target);
    }
#ifdef FICLONE
    if (ioctl(to, FICLONE, from) == 0) {
        return APR_SUCCESS;
    }
#endif
    return copy_data(from, to, size, at_target);
}

apr_status_t dms_os_sync_all(int descriptor)
{
#ifdef SYS_syncfs
    return syscall(SYS_syncfs, descriptor) ? errno : APR_SUCCESS;
#else
    sync();
    return APR_SUCCESS;
#endif
}
