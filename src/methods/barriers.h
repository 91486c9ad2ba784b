/*
 * Locks that stand in a method's way (RFC 4918, section 7): those in force on what it writes, whose
 * tokens the request has not submitted, or which are another user's.
 *
 * In a transaction (request->tx) locks are read through it, so that what was read stays true.
 */
#ifndef DMS_BARRIERS_H
#define DMS_BARRIERS_H

#include "locks/locks.h"
#include "methods/method.h"

/* Who asks: the authenticated user, or "". */
const char *dms_principal(request_rec *r);

/* The locks in force on a resource, without owners. Where they can't be known, an error: nothing
 * may be written. */
dms_error_t *dms_barriers_read(dms_request_t *request, const char *key, apr_pool_t *pool,
                               dms_lock_t **locks);

/* What a lock may protect against a method. */
#define DMS_WRITES_SELF 1u   /* content or properties */
#define DMS_WRITES_PARENT 2u /* its name in the collection that it is in */
#define DMS_WRITES_BELOW 4u  /* whatever is below it */

/* 423 with lock-token-submitted, and the roots of the locks (of those below the first hundred),
 * where one stands in the way of a change to the resource that key names. */
dms_error_t *dms_barriers_check(dms_request_t *request, const char *key, unsigned int writes);

/* Whether there is any lock below a resource. */
dms_error_t *dms_barriers_any_below(dms_request_t *request, const char *key, int *any);

/* Whether no lock keeps one resource from being written, for a walk that comes to many: the answer
 * alone, and nothing is kept. */
dms_error_t *dms_barriers_is_open(dms_request_t *request, const char *key, int *is_open);

#endif
