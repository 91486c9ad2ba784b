/*
 * Renames that a file system may not have in one step, done on any provider: each by steps between
 * which a kill loses nothing, and leaves what recovery/recovery.h completes, for those who have
 * noted an intention before.
 */
#ifndef DMS_RENAMES_H
#define DMS_RENAMES_H

#include "repository/provider.h"

/* Makes from_name in from be to_name in to: EEXIST where something is there. A kill may leave both
 * names for one file. */
apr_status_t dms_rename_new(const dms_provider_t *provider, dms_node_t *from, const char *from_name,
                            dms_node_t *to, const char *to_name);

/* Whether dms_rename_new() to a name that was free, which has failed, has left something there. */
int dms_rename_is_torn(const dms_provider_t *provider, dms_node_t *to, const char *to_name);

/* Lets two names change places, by way of a third in `to`, aside (dms_reserved_aside()): what is at
 * to_name goes there, then the other one to to_name. On any error all is as it was, unless *is_torn
 * becomes 1: something is still aside. */
apr_status_t dms_exchange_by_steps(const dms_provider_t *provider, dms_node_t *from,
                                   const char *from_name, dms_node_t *to, const char *to_name,
                                   const char *aside, int *is_torn);

#endif
