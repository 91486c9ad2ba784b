/*
 * The system calls that POSIX lacks, each with a fallback that has it do without.
 *
 * All work relative to a directory's descriptor, so that no name is resolved twice. They return
 * APR_SUCCESS or errno.
 */
#ifndef DMS_OS_H
#define DMS_OS_H

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <apr_errno.h>

#include "repository/provider.h"

/* A file's size and a place in it, here and in APR: see LARGE_FILES in the Makefile. */
typedef char dms_os_offset_has_64_bits[sizeof(off_t) == 8 && sizeof(apr_off_t) == 8 ? 1 : -1];

/* What stat() and its kin tell. */
typedef struct dms_os_stat_t {
    mode_t mode;
    uid_t owner;
    gid_t group;
    off_t size;
    dev_t device;
    ino_t inode;
    dms_moment_t modified;
    dms_moment_t changed; /* of the inode */
    dms_moment_t created;
    int has_created; /* the file system knows the birth time */
} dms_os_stat_t;

/* Stats name in directory, or directory itself where name is "". follow: where name is a symbolic
 * link, what it points to. */
apr_status_t dms_os_stat(int directory, const char *name, int follow, dms_os_stat_t *st);

/* Which symbolic links a path may go through: httpd's Options FollowSymLinks and
 * SymLinksIfOwnerMatch, and neither. */
typedef enum dms_links_e { DMS_LINKS_NEVER, DMS_LINKS_OF_OWNER, DMS_LINKS_ALWAYS } dms_links_e;

/* Whether name in a directory with st could be unlinked, or removed when it is empty:
 * APR_SUCCESS, or EACCES, EPERM, EROFS, EBUSY. */
apr_status_t dms_os_may_unlink(int directory, const dms_os_stat_t *st, const char *name);

/* Sets the mode of a directory, through no link. */
apr_status_t dms_os_set_mode(int parent, const char *name, mode_t mode);

/* Opens path below root with the flags of open(); DMS_OS_PATH opens nothing but a starting point.
 * A link that is not allowed is ELOOP, wherever in path it stands and whenever it was put there.
 * path is relative, without "..", and "." for root itself. */
#ifdef O_PATH
#define DMS_OS_PATH O_PATH
#else
#define DMS_OS_PATH O_RDONLY
#endif
apr_status_t dms_os_open_below(int root, const char *path, int flags, dms_links_e links,
                               int *descriptor);

/* Makes a file without a name in a directory, open for reading and writing, that can be given one.
 * ENOTSUP where the file system or the system can't (no O_TMPFILE, or no /proc). */
apr_status_t dms_os_unnamed(int directory, int *descriptor);

/* Gives a file that was made so its name. EEXIST where something has it. */
apr_status_t dms_os_name(int descriptor, int directory, const char *name);

/* Renames only where nothing has the new name: EEXIST otherwise. ENOTSUP where the file system or
 * the system can't in one step: not of a folder. */
apr_status_t dms_os_rename_new(int from, const char *from_name, int to, const char *to_name);

/* The same for what is no folder, in two steps: between them it has both names, and where it has
 * had them before only the second is left to do. */
apr_status_t dms_os_rename_by_link(int from, const char *from_name, int to, const char *to_name);

/* Lets two names change places, in one step. ENOTSUP where the file system or the system can't. */
apr_status_t dms_os_exchange(int from, const char *from_name, int to, const char *to_name);

/* Copies the whole content of a file into an empty one, sharing blocks where the file system can.
 * Holes stay holes. *at_target: whether an error arose in writing. */
apr_status_t dms_os_copy(int from, int to, off_t size, int *at_target);

/* The same, and nothing but sharing blocks. ENOTSUP where the file system can't. */
apr_status_t dms_os_clone(int from, int to);

/* The same, of what follows a place at which the other file ends. */
apr_status_t dms_os_copy_rest(int from, int to, off_t begin, off_t size, int *at_target);

/* --- extended attributes, in Linux's names and formats ---
 *
 * Of name in directory, or, where name is "", of what directory is a descriptor of, also one that
 * was opened with DMS_OS_PATH. ENODATA: it has no such one. ENOTSUP: the file system, or the
 * system, knows none. */

#ifndef ENODATA
#define ENODATA ENOENT
#endif

/* Reads one. follow: as for dms_os_stat(). *size: the room for it, then its length; ERANGE: too
 * little room. */
apr_status_t dms_os_attribute(int directory, const char *name, int follow, const char *attribute,
                              void *value, size_t *size);

/* Sets one, or, value being NULL, removes it. No link is followed. */
apr_status_t dms_os_set_attribute(int directory, const char *name, const char *attribute,
                                  const void *value, size_t size);

/* The names of those that it has, each with a NUL at its end. */
apr_status_t dms_os_attributes(int directory, const char *name, char *names, size_t *size);

/* Writes all that was written to a descriptor's file system to the disk. */
apr_status_t dms_os_sync_all(int descriptor);

#endif
