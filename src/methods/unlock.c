/*
 * UNLOCK (RFC 4918, section 9.11).
 */
#include "methods/method.h"

#include <http_log.h>

#include "acts/acts.h"
#include "changes/changes.h"
#include "locks/locks.h"
#include "methods/barriers.h"
#include "methods/conditions.h"
#include "methods/steps.h"
#include "request/lock_headers.h"
#include "server/body.h"
#include "server/state.h"

APLOG_USE_MODULE(dav_multistatus);

typedef struct unlocking_t {
    dms_request_t *request;
    const char *token;
    dms_lock_t lock; /* once it is found */
    int is_anothers;
    int may_break; /* others' locks: httpd has been asked */
} unlocking_t;

/* Finds the lock, wherever in its scope the request's resource is. */
static dms_error_t *find(unlocking_t *unlocking, dms_tx_t *tx)
{
    dms_request_t *request = unlocking->request;
    request_rec *r = request->r;
    dms_resource_t resource = {.node = NULL};
    dms_lock_t *held = NULL;
    const dms_lock_t *lock;
    apr_status_t rv;
    dms_error_t *error = dms_method_lookup(request, DMS_CONDITION_FACTS, 0, &resource);

    if (!error) {
        error = dms_conditions_check(request, &resource);
    }
    if (error) {
        return error;
    }
    rv = dms_tx_locks(tx, resource.key, r->pool, &held);
    if (rv != APR_SUCCESS) {
        return dms_error_of_store(r, rv);
    }
    lock = dms_lock_find(held, unlocking->token);
    if (!lock) {
        return dms_error(r->pool, HTTP_CONFLICT, "lock-token-matches-request-uri",
                         "no lock with this token is in force here");
    }
    unlocking->lock = *lock;
    unlocking->is_anothers = strcmp(lock->principal, dms_principal(r)) != 0;
    return unlocking->is_anothers && !unlocking->may_break
               ? dms_error(r->pool, HTTP_FORBIDDEN, NULL, "the lock is another user's")
               : NULL;
}

static dms_error_t *unlock(unlocking_t *unlocking)
{
    dms_request_t *request = unlocking->request;
    dms_tx_t *tx;
    dms_error_t *error = dms_step_begin(request, &tx);

    if (error) {
        return error;
    }
    error = find(unlocking, tx);
    if (error) {
        dms_step_abort(request, tx);
        return error;
    }
    error = dms_step_stored(request, tx,
                            dms_changed(tx, DMS_CHANGE(DMS_UNLOCKED, .key = unlocking->lock.key,
                                                       .lock = &unlocking->lock)));
    return error ? error : dms_step_commit(request, tx);
}

static void log_broken(const unlocking_t *unlocking)
{
    request_rec *r = unlocking->request->r;
    const dms_lock_t *lock = &unlocking->lock;

    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                  "'%s' has broken the lock %s of '%s' on %s (DavMultistatusUnlockAny)", r->user,
                  lock->token, lock->principal, lock->uri);
}

/* httpd is asked when it is known that it matters, and when nobody waits. */
static dms_error_t *try_unlock(unlocking_t *unlocking)
{
    dms_error_t *error = unlock(unlocking);

    if (error && unlocking->is_anothers && dms_act_may_break_locks(unlocking->request->r)) {
        unlocking->may_break = 1;
        error = unlock(unlocking);
    }
    if (!error && unlocking->is_anothers) {
        log_broken(unlocking);
    }
    return error;
}

static dms_error_t *answer_unlock(dms_request_t *request, int *result)
{
    request_rec *r = request->r;
    unlocking_t unlocking = {.request = request,
                             .token = dms_lock_token_parse(r->pool, apr_table_get(r->headers_in,
                                                                                  "Lock-Token"))};
    dms_error_t *error = dms_body_none(r);

    if (error) {
        return error;
    }
    if (!unlocking.token) {
        return dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "Lock-Token is missing or malformed");
    }
    r->status = HTTP_NO_CONTENT;
    return try_unlock(&unlocking);
}

static int is_offered(const dms_provider_t *provider, dms_kind_e kind)
{
    return provider->parent != NULL;
}

const dms_method_t dms_method_unlock = {
    .name = "UNLOCK",
    .answer = answer_unlock,
    .kinds = DMS_ON_FILE | DMS_ON_COLLECTION,
    .is_offered = is_offered,
};
