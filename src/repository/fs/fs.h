/*
 * The fs provider: a folder of the file system, as httpd maps the URL space to it.
 *
 * Everything happens relative to descriptors: the root's, opened by its configured path, and from
 * there each collection's. A name that is swapped for a symbolic link between two steps leads
 * nowhere that Options FollowSymLinks or SymLinksIfOwnerMatch would not have led.
 */
#ifndef DMS_FS_H
#define DMS_FS_H

#include "repository/provider.h"

extern const dms_provider_t dms_fs_provider;

#endif
