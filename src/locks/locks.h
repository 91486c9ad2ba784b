/*
 * Locks: what they mean, apart from where they are kept (store/store.h) and how a client asks for
 * them (request/if_header.h, request/lock_headers.h).
 *
 * A lock is in force on its root and, if it is deep, on everything below (RFC 4918, section 6.1).
 * It stands in the way of whoever has not submitted its token, or is not the one who made it (6.4,
 * 7.5). Elements are made in the pool that is given; strings of a lock are referred to.
 */
#ifndef DMS_LOCKS_H
#define DMS_LOCKS_H

#include "multistatus/element.h"
#include "request/if_header.h"
#include "store/store.h"

/* The present second, the one that has begun counted whole: a lock that is to live n seconds
 * expires at this plus n, never too early. */
apr_int64_t dms_lock_now(void);

/* Makes a new token, "urn:uuid:" and a version 4 UUID from the system's random numbers. */
apr_status_t dms_lock_token(apr_pool_t *pool, const char **token);

/* Whether a client has submitted the token of a lock that is its own. */
int dms_lock_is_open(const dms_lock_t *lock, const dms_if_list_t *submitted, const char *principal);

/* Whether the locks in force on one resource let a client write it: there are none, or the client
 * has submitted the token of one that is its own. */
int dms_locks_are_open(const dms_lock_t *locks, const dms_if_list_t *submitted,
                       const char *principal);

/* Whether a new lock can stand beside another on the same resource (section 6.2). */
int dms_lock_is_compatible(const dms_lock_t *held, int is_shared);

/* The lock with a token, or NULL. */
const dms_lock_t *dms_lock_find(const dms_lock_t *locks, const char *token);

/* Whether a lock, found among those at or below a key, is in force on that key's resource itself.
 * */
int dms_lock_covers(const dms_lock_t *lock, const char *key);

/* The content of DAV:lockdiscovery (15.8): an activelock for each lock. */
dms_element_t *dms_locks_discovery(apr_pool_t *pool, const dms_lock_t *locks);

/* The content of DAV:supportedlock (15.10): exclusive and shared write locks. Static. */
dms_element_t *dms_locks_supported(void);

/* DAV:href elements of the roots of locks, for a precondition (section 16). */
dms_element_t *dms_locks_roots(apr_pool_t *pool, const dms_lock_t *locks);

#endif
