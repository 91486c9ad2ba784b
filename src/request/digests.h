/*
 * Checksums that a client sends along with a body: OC-Checksum (ownCloud: "SHA1:HEX MD5:HEX"),
 * Repr-Digest and Content-Digest (RFC 9530: "sha-256=:BASE64:"), Digest (RFC 3230) and Content-MD5
 * (RFC 1864); and how those that were found true are told to others.
 *
 * Known are SHA-256, SHA-1 and MD5, which APR has; the others are ignored, as RFC 9530 has it.
 */
#ifndef DMS_DIGESTS_H
#define DMS_DIGESTS_H

#include <apr_pools.h>
#include <apr_tables.h>

typedef struct dms_digests_t dms_digests_t;

/* Reads, in pool, what the headers of a request say of its body. is_part: it is a part of a file,
 * so that only what is said of the body itself counts. NULL: nothing that is known; so it is of a
 * body with a content coding, which a filter may have undone. */
dms_digests_t *dms_digests_create(apr_pool_t *pool, const apr_table_t *headers, int is_part);

/* Takes the next piece of the body. digests may be NULL. */
void dms_digests_add(dms_digests_t *digests, const char *bytes, apr_size_t length);

/* Ends the body. Returns the name of a header that does not tell the truth (static), or NULL. */
const char *dms_digests_finish(dms_digests_t *digests);

/* What has been found, in ownCloud's form, from pool. NULL where digests is. */
const char *dms_digests_list(const dms_digests_t *digests, apr_pool_t *pool);

/* The value of Repr-Digest for a Want-Repr-Digest, by such a list, from pool. NULL: the list has
 * nothing of what is wanted. */
const char *dms_digests_wanted(const char *list, const char *want_repr_digest, apr_pool_t *pool);

#endif
