/*
 * What belongs to a file or folder beside its content, and goes along when something takes its
 * place (PUT), is made of it (COPY), or is what it becomes elsewhere (MOVE between file systems).
 *
 * Kept are the permissions with the POSIX ACLs, a folder's setgid and sticky bits, the group where
 * the server may give it, and the attributes of the namespace "user". Not kept are the owner, who
 * is the server's User, and a file's setuid and setgid bits: new content is not to run with
 * somebody's rights. What can't be kept leaves nobody more than before.
 *
 * When a resource was created is kept in an attribute of its own, since a file that a PUT puts in
 * place is a new one to the disk. So that a listing need not ask each member, the folder has an
 * attribute that says since when there are such members: whoever is older is not asked.
 *
 * Returned is APR_SUCCESS or errno.
 */
#ifndef DMS_BELONGINGS_H
#define DMS_BELONGINGS_H

#include "repository/fs/os.h"

/* Gives a file that is open for writing, or a folder, what belongs to `name` in from ("": from
 * itself). st: of that one. folder: which `to` is or will be a member of, where it keeps when it
 * was created; -1: it is a new one. */
apr_status_t dms_belongings_give(int from, const char *name, const dms_os_stat_t *st, int to,
                                 int folder);

/* When name in directory ("": directory itself) was created, where that is kept. Returns whether it
 * is. */
int dms_created_kept(int directory, const char *name, int follow, dms_moment_t *created);

/* Before something is moved into a folder: there may be a member of which that is kept. */
void dms_created_moves(int from, const char *name, int to);

/* Since when there may be members of which that is kept: those that the disk has had for longer
 * have none. Returns 0 where there are none at all. */
int dms_created_since(int folder, dms_moment_t *since);

/* Whether the first of two moments is the earlier one. */
int dms_moment_is_before(const dms_moment_t *a, const dms_moment_t *b);

#endif
