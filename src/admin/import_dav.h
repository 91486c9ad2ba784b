/*
 * What mod_dav_fs has kept, taken over; the parts of one command.
 */
#ifndef DMS_IMPORT_DAV_H
#define DMS_IMPORT_DAV_H

#include "admin/admin.h"
#include "multistatus/element.h"

/* Parses XML that stands alone. NULL: it is none that can be kept. */
const dms_element_t *dms_parse_element(const char *xml, apr_pool_t *pool);

/* Takes the locks in a DavLockDB on what is at or below a key, which clients reach at url. */
apr_status_t dms_import_locks(dms_admin_t *admin, const char *file, const char *key,
                              const char *url);

#endif
