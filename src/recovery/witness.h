/*
 * What is on the disk, by key, without a request. Statuses are the provider's.
 */
#ifndef DMS_WITNESS_H
#define DMS_WITNESS_H

#include "recovery/recovery.h"

/* The collection that a key's resource is in, and its name there. ENOENT for another provider's. */
apr_status_t dms_witness_find(const dms_witness_t *witness, const char *key, dms_node_t **parent,
                              const char **name);

/* The identity of what is at a key, "" where nothing is. APR_SUCCESS: that is known. */
apr_status_t dms_witness_identity(const dms_witness_t *witness, const char *key,
                                  const char **identity);

#endif
