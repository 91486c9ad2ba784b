/*
 * The repository: what a WebDAV method works on, behind a vtable (mod_dav_multistatus.h), and the
 * names in it that are the module's own.
 */
#ifndef DMS_PROVIDER_H
#define DMS_PROVIDER_H

#include <httpd.h>

#include "mod_dav_multistatus.h"

/* Names that the module keeps for what is not yet, or no more, in its place. */
#define DMS_RESERVED_PREFIX ".dav-multistatus-"

/* Makes such a name that is not in use, in pool. */
const char *dms_reserved_name(apr_pool_t *pool);

/* Whether a name is one. */
int dms_is_reserved(const char *name);

/* Whether a reserved name is that of a process of this host which lives no more. */
int dms_reserved_is_orphan(const char *name);

/* Whether a name is neither listed nor served nor writable: a reserved one, or ".DAV", where
 * mod_dav_fs keeps properties. */
int dms_is_hidden(const char *name);

/* Whether a path has a segment that is hidden. */
int dms_path_is_hidden(const char *path);

#endif
