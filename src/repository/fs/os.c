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
#include <sys/xattr.h>
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
    st->group = s.st_gid;
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

/* EPERM: a seccomp filter older than the call. */
static int has_no_statx(int error)
{
    return error == ENOSYS || error == EPERM;
}

apr_status_t dms_os_stat(int directory, const char *name, int follow, dms_os_stat_t *st)
{
    struct statx sx;
    int flags = (*name ? 0 : AT_EMPTY_PATH) | (follow ? 0 : AT_SYMLINK_NOFOLLOW);

    if (statx(directory, name, flags, STATX_BASIC_STATS | STATX_BTIME, &sx)) {
        return has_no_statx(errno) ? plain_stat(directory, name, follow, st) : errno;
    }
    st->mode = sx.stx_mode;
    st->owner = sx.stx_uid;
    st->group = sx.stx_gid;
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

/* What a file system, or the root of one that is mounted there, forbids whoever asks. */
static apr_status_t check_attributes(int directory, const char *name)
{
#if defined(STATX_BTIME) && defined(STATX_ATTR_IMMUTABLE)
    struct statx sx;

    if (statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &sx)) {
        return has_no_statx(errno) ? APR_SUCCESS : errno; /* unlink() will tell */
    }
    if (sx.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) {
        return EPERM;
    }
#ifdef STATX_ATTR_MOUNT_ROOT
    if (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT) {
        return EBUSY;
    }
#endif
#endif
    return APR_SUCCESS;
}

apr_status_t dms_os_may_unlink(int directory, const dms_os_stat_t *st, const char *name)
{
    dms_os_stat_t member;
    apr_status_t rv = APR_SUCCESS;

    if (faccessat(directory, ".", W_OK | X_OK, 0)) {
        return errno;
    }
    if (st->mode & S_ISVTX && geteuid() && geteuid() != st->owner) {
        rv = dms_os_stat(directory, name, 0, &member);
        if (rv == APR_SUCCESS && geteuid() != member.owner) {
            rv = EPERM;
        }
    }
    return rv == APR_SUCCESS ? check_attributes(directory, name) : rv;
}

apr_status_t dms_os_set_mode(int parent, const char *name, mode_t mode)
{
    char path[sizeof("/proc/self/fd/-2147483648")];
    int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, O_RDONLY | flags), failed;
    apr_status_t rv;

    if (fd >= 0) {
        failed = fchmod(fd, mode);
    }
    else { /* one that can't be read */
        fd = openat(parent, name, DMS_OS_PATH | flags);
        if (fd < 0) {
            return errno;
        }
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        failed = chmod(path, mode);
    }
    rv = failed ? errno : APR_SUCCESS;
    close(fd);
    return rv;
}

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
apr_status_t dms_os_copy_rest(int from, int to, off_t begin, off_t size, int *at_target)
{
    off_t at = begin, end, done = begin;
    apr_status_t rv = APR_SUCCESS;

    *at_target = 0;
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

apr_status_t dms_os_clone(int from, int to)
{
#ifdef FICLONE
    return ioctl(to, FICLONE, from) ? ENOTSUP : APR_SUCCESS;
#else
    return ENOTSUP;
#endif
}

apr_status_t dms_os_copy(int from, int to, off_t size, int *at_target)
{
    *at_target = 0;
    if (size <= BY_HAND) {
        return copy_by_hand(from, to, BY_HAND, at_target);
    }
    return dms_os_clone(from, to) == APR_SUCCESS ? APR_SUCCESS
                                                 : dms_os_copy_rest(from, to, 0, size, at_target);
}

#ifdef __linux__

/* One call, by a descriptor or by a path; the two differ in nothing else. */
typedef struct attribute_call_t {
    enum { ATTRIBUTE_GET, ATTRIBUTE_SET, ATTRIBUTE_REMOVE, ATTRIBUTE_LIST } what;
    const char *attribute;
    void *value;
    const void *new_value;
    size_t size;
} attribute_call_t;

static ssize_t call_by_descriptor(const attribute_call_t *call, int fd)
{
    switch (call->what) {
    case ATTRIBUTE_GET:
        return fgetxattr(fd, call->attribute, call->value, call->size);
    case ATTRIBUTE_SET:
        return fsetxattr(fd, call->attribute, call->new_value, call->size, 0);
    case ATTRIBUTE_REMOVE:
        return fremovexattr(fd, call->attribute);
    case ATTRIBUTE_LIST:
        break;
    }
    return flistxattr(fd, call->value, call->size);
}

static ssize_t call_by_path(const attribute_call_t *call, const char *path, int follow)
{
    switch (call->what) {
    case ATTRIBUTE_GET:
        return follow ? getxattr(path, call->attribute, call->value, call->size)
                      : lgetxattr(path, call->attribute, call->value, call->size);
    case ATTRIBUTE_SET:
        return follow ? setxattr(path, call->attribute, call->new_value, call->size, 0)
                      : lsetxattr(path, call->attribute, call->new_value, call->size, 0);
    case ATTRIBUTE_REMOVE:
        return follow ? removexattr(path, call->attribute) : lremovexattr(path, call->attribute);
    case ATTRIBUTE_LIST:
        break;
    }
    return follow ? listxattr(path, call->value, call->size)
                  : llistxattr(path, call->value, call->size);
}

/* Without /proc: by a descriptor, for which the file has to be readable. */
static ssize_t call_by_opening(const attribute_call_t *call, int directory, const char *name,
                               int follow)
{
    int fd = openat(directory, *name ? name : ".",
                    O_RDONLY | O_NONBLOCK | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    ssize_t n;
    int error;

    if (fd < 0) {
        return -1;
    }
    n = call_by_descriptor(call, fd);
    error = errno;
    close(fd);
    errno = error;
    return n;
}

static apr_status_t call_attribute(attribute_call_t *call, int directory, const char *name,
                                   int follow)
{
    char path[sizeof("/proc/self/fd/-2147483648/") + NAME_MAX];
    ssize_t n = -1;

    errno = EBADF;
    if (!*name) {
        n = call_by_descriptor(call, directory);
    }
    if (n < 0 && errno == EBADF) { /* opened as a starting point only */
        snprintf(path, sizeof(path), "/proc/self/fd/%d%s%s", directory, *name ? "/" : "", name);
        n = call_by_path(call, path, follow || !*name);
        if (n < 0 && (errno == ENOENT || errno == ENOTDIR)) {
            n = call_by_opening(call, directory, name, follow);
        }
    }
    call->size = n < 0 ? 0 : (size_t)n;
    return n < 0 ? errno : APR_SUCCESS;
}

apr_status_t dms_os_attribute(int directory, const char *name, int follow, const char *attribute,
                              void *value, size_t *size)
{
    attribute_call_t call = {ATTRIBUTE_GET, attribute, value, NULL, *size};
    apr_status_t rv = call_attribute(&call, directory, name, follow);

    *size = call.size;
    return rv;
}

apr_status_t dms_os_set_attribute(int directory, const char *name, const char *attribute,
                                  const void *value, size_t size)
{
    attribute_call_t call = {value ? ATTRIBUTE_SET : ATTRIBUTE_REMOVE, attribute, NULL, value,
                             size};

    return call_attribute(&call, directory, name, 0);
}

apr_status_t dms_os_attributes(int directory, const char *name, char *names, size_t *size)
{
    attribute_call_t call = {ATTRIBUTE_LIST, NULL, names, NULL, *size};
    apr_status_t rv = call_attribute(&call, directory, name, 0);

    *size = call.size;
    return rv;
}

#else

apr_status_t dms_os_attribute(int directory, const char *name, int follow, const char *attribute,
                              void *value, size_t *size)
{
    *size = 0;
    return ENOTSUP;
}

apr_status_t dms_os_set_attribute(int directory, const char *name, const char *attribute,
                                  const void *value, size_t size)
{
    return ENOTSUP;
}

apr_status_t dms_os_attributes(int directory, const char *name, char *names, size_t *size)
{
    *size = 0;
    return ENOTSUP;
}

#endif

apr_status_t dms_os_sync_all(int descriptor)
{
#ifdef SYS_syncfs
    return syscall(SYS_syncfs, descriptor) ? errno : APR_SUCCESS;
#else
    sync();
    return APR_SUCCESS;
#endif
}
