/*
 * Locks of mod_dav_fs; a part of import-dav.
 */
#ifndef DMS_IMPORT_LOCKS_H
#define DMS_IMPORT_LOCKS_H

#include "admin/admin.h"

/* Takes the locks in a DavLockDB on what is at or below a key, which clients reach at url, and
 * prints how many. What is left is told, and so is a failure that is returned. */
apr_status_t dms_import_locks(dms_admin_t *admin, const char *file, const char *key,
                              const char *url);

#endif
