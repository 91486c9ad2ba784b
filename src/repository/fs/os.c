#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "repository/fs/os.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

#ifdef STATX_BTIME

apr_status_t dms_os_stat(int directory, const char *name, int follow, dms_os_stat_t *st)
{
    struct statx sx;
    int flags = (*name ? 0 : AT_EMPTY_PATH) | (follow ? 0 : AT_SYMLINK_NOFOLLOW);

    if (statx(directory, name, flags, STATX_BASIC_STATS | STATX_BTIME, &sx)) {
        return errno;
    }
    st->mode = sx.stx_mode;
    st->owner = sx.stx_uid;
    st->size = (off_t)sx.stx_size;
    st->device = ((dev_t)sx.stx_dev_major << 32) | sx.stx_dev_minor;
    st->inode = sx.stx_ino;
    st->modified.seconds = sx.stx_mtime.tv_sec;
    st->modified.nanoseconds = sx.stx_mtime.tv_nsec;
    st->created.seconds = sx.stx_btime.tv_sec;
    st->created.nanoseconds = sx.stx_btime.tv_nsec;
    st->has_created = (sx.stx_mask & STATX_BTIME) != 0;
    return APR_SUCCESS;
}

#else

apr_status_t dms_os_stat(int directory, const char *name, int follow, dms_os_stat_t *st)
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
    st->has_created = 0;
    return APR_SUCCESS;
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
