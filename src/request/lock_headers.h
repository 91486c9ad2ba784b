/*
 * What LOCK and UNLOCK read: Timeout and Lock-Token (RFC 4918, sections 10.7 and 10.5), and the
 * lockinfo of a LOCK body (14.11). The If header is in if_header.h.
 *
 * A header's value is taken as httpd has it, NULL where the header is absent.
 */
#ifndef DMS_LOCK_HEADERS_H
#define DMS_LOCK_HEADERS_H

#include <apr.h>
#include <apr_pools.h>

#include "multistatus/element.h"

/* No timeout but "Infinite" is longer, in seconds (10.7). */
#define DMS_TIMEOUT_LARGEST APR_INT64_C(4294967295)

/* How long a lock is to live, in seconds; 0: for ever, which only happens where most is 0.
 *
 * Timeout is a list of "Second-n" and "Infinite", in any case; the first that is understood counts,
 * and n may have any number of digits. Where none is: fallback, which is 0 for "Infinite".
 * "Infinite" gives most; most 0: there is no maximum. The result is at least 1, and no more than
 * most and DMS_TIMEOUT_LARGEST. */
apr_int64_t dms_timeout_parse(const char *value, apr_int64_t fallback, apr_int64_t most);

/* The token that a Lock-Token header names, in pool: an absolute URI, in < >, or without them, as
 * some clients send it. NULL where there is none or it is malformed (400, for UNLOCK). */
const char *dms_lock_token_parse(apr_pool_t *pool, const char *value);

typedef struct dms_lockinfo_t {
    int is_shared;
    const dms_element_t *owner; /* whole, or NULL; belongs to the body, where its siblings follow:
                                 * a list of it alone is a copy without next */
} dms_lockinfo_t;

/* Reads a body's root (request/xml_body.h) as a lockinfo. Returns NULL, or what is wrong with it
 * (static words, for a 400): it has to have one lockscope with either exclusive or shared, one
 * locktype with write, and at most one owner, in any order. Elements that are unknown are ignored,
 * and so is character data (section 17). root NULL, an empty body, is wrong, too: where it may be a
 * refresh (9.10.2), the caller asks first. */
const char *dms_lockinfo_read(const dms_element_t *root, dms_lockinfo_t *info);

#endif
