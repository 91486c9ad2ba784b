/*
 * Space (RFC 4331): how much there is, and whether something has room in it.
 */
#ifndef DMS_SPACE_H
#define DMS_SPACE_H

#include <httpd.h>

#include "properties/live.h"
#include "repository/provider.h"
#include "server/error.h"

/* How much space a collection of a provider has, in pool; NULL where nobody knows. */
const dms_space_t *dms_space_of(const dms_provider_t *provider, dms_node_t *collection,
                                apr_pool_t *pool);

/* Whether so many bytes have room on the disk that a collection is on, as far as that is known: 507
 * with sufficient-disk-space. */
dms_error_t *dms_space_check_disk(request_rec *r, const dms_provider_t *provider,
                                  dms_node_t *collection, apr_off_t bytes);

#endif
