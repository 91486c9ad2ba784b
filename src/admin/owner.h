/*
 * Who the program is: the owner of the store, so that what it leaves there can be written by the
 * server.
 */
#ifndef DMS_OWNER_H
#define DMS_OWNER_H

#include "admin/admin.h"

/* Whether root would open a file by a path that the store's owner may lead elsewhere: then that one
 * is to open it. */
int dms_owner_may_turn(const char *store, const char *path, apr_pool_t *pool);

/* Whether a store is there; where not, that has been told. */
apr_status_t dms_owner_find(const char *store);

/* Becomes the owner of a store, where it is root's to do, for ever. APR_SUCCESS: the process is the
 * owner, and what it makes is nobody else's to read. Anything else has been told. A store by whose
 * path others than root and its owner may lead elsewhere is none for root: they could name any
 * file, and so any owner. */
apr_status_t dms_become_owner(const char *store, apr_pool_t *pool);

#endif
