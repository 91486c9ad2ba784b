/*
 * Space (RFC 4331): how much there is, and whether something has room in it.
 *
 * Two things bound it: the disk, as the provider tells, and DavMultistatusQuota, against what the
 * store knows the folder's files to have. Where it doesn't, they are counted by who needs to know
 * (recovery/recount.h).
 */
#ifndef DMS_SPACE_H
#define DMS_SPACE_H

#include <httpd.h>

#include "config/config.h"
#include "properties/live.h"
#include "repository/provider.h"
#include "server/error.h"
#include "store/store.h"

/* --- quotas --- */

/* A place in the folders that have quotas. */
typedef struct dms_quotas_t {
    request_rec *r; /* the request or subrequest that is for it, and that rules it */
    const dms_provider_t *provider;
    const char *key;
    const dms_quota_t *quota; /* the innermost that holds there; NULL: none */
    const char *leaving;      /* what is going to be moved here; or NULL */
} dms_quotas_t;

/* What they leave. */
typedef struct dms_left_t {
    apr_int64_t bytes;        /* how many there may be more; APR_INT64_MAX where none bounds it */
    apr_int64_t used;         /* what the folder of the innermost has; -1: there is none */
    const dms_quota_t *quota; /* the one that leaves the least, or NULL; and its folder's key: */
    const char *folder;
} dms_left_t;

/* How much there may be more at a place, by the quotas of all folders that it is in, but for those
 * that what moves here is in already. Returns what the store fails with, or the provider; in a
 * transaction, where nobody counts, ENOENT for what is not known any more. */
apr_status_t dms_quotas_left(const dms_quotas_t *place, dms_tx_t *tx, dms_left_t *left);

/* Whether the place itself is, or would be, a folder that has a quota. */
int dms_quotas_has_one(const dms_quotas_t *place);

/* 503, where others have what is counted forgotten again and again. */
dms_error_t *dms_quotas_uncounted(request_rec *r);

/* 507 with quota-not-exceeded, for a place where that is left: says which quota, and of what. In
 * place's own pool. */
dms_error_t *dms_quotas_exceeded(const dms_quotas_t *place, const dms_left_t *left);

/* --- space --- */

/* How much space a collection has, in pool; NULL where nobody knows. place: it, as above. */
const dms_space_t *dms_space_of(const dms_quotas_t *place, dms_node_t *collection,
                                apr_pool_t *pool);

/* Whether so many bytes have room on the disk that a collection is on, as far as that is known: 507
 * with sufficient-disk-space. */
dms_error_t *dms_space_check_disk(request_rec *r, const dms_provider_t *provider,
                                  dms_node_t *collection, apr_off_t bytes);

#endif
