/*
 * Who the program is: the owner of the store, so that what it leaves there can be written by the
 * server.
 */
#ifndef DMS_OWNER_H
#define DMS_OWNER_H

#include "admin/admin.h"

/* Becomes the owner of a store, where it is root's to do, for ever. APR_SUCCESS: the process is the
 * owner, and what it makes is nobody else's to read. Anything else has been told. */
apr_status_t dms_become_owner(const char *store, apr_pool_t *pool);

#endif
