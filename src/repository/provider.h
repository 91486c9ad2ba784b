/*
 * The repository: what a WebDAV method works on, behind a vtable (mod_dav_multistatus.h), and the
 * names in it that are the module's own.
 */
#ifndef DMS_PROVIDER_H
#define DMS_PROVIDER_H

#include "mod_dav_multistatus.h"

/* Names that the module keeps for what is not yet, or no more, in its place. */
#define DMS_RESERVED_PREFIX ".dav-multistatus-"

/* Makes such a name, in pool: it has never been in use, and bears this process's mark
 * (processes/processes.h). */
const char *dms_reserved_name(apr_pool_t *pool);

/* Makes, of a name that dms_reserved_name() has made, the one under which somebody's own stands for
 * a moment (repository/renames.h): it is never an orphan. */
const char *dms_reserved_aside(const char *reserved, apr_pool_t *pool);

/* Whether a name is one. */
int dms_is_reserved(const char *name);

/* Whether the process that has made a reserved name is gone. Of a name whose mark tells nothing (a
 * process of another store, or of a version before there were marks) the file's age has to: changed
 * is when its inode was, in seconds since 1970, and who lives writes within a day, or else finds
 * the name gone and fails. */
int dms_reserved_is_orphan(const char *name, apr_int64_t changed);

/* Whether a name is neither listed nor served nor writable: a reserved one, or ".DAV", where
 * mod_dav_fs keeps properties. */
int dms_is_hidden(const char *name);

/* Whether a path has a segment that is hidden. */
int dms_path_is_hidden(const char *path);

#endif
