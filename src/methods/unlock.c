/*
 * UNLOCK (RFC 4918, section 9.11).
 */
#include "methods/method.h"

#include <http_protocol.h>

#include "changes/changes.h"
#include "locks/locks.h"
#include "methods/barriers.h"
#include "methods/conditions.h"
#include "methods/steps.h"
#include "request/lock_headers.h"
#include "server/body.h"
#include "server/state.h"

/* Removes the lock, wherever in its scope the request's resource is. */
static dms_error_t *unlock(dms_request_t *request, dms_tx_t *tx, const char *token)
{
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
    rv = dms_tx_locks(tx, resource.key, 0, r->pool, &held);
    lock = dms_lock_find(held, token);
    if (rv == APR_SUCCESS && !lock) {
        return dms_error(r->pool, HTTP_CONFLICT, "lock-token-matches-request-uri",
                         "no lock with this token is in force here");
    }
    if (rv == APR_SUCCESS && strcmp(lock->principal, dms_principal(r))) {
        return dms_error(r->pool, HTTP_FORBIDDEN, NULL, "the lock is another user's");
    }
    if (rv == APR_SUCCESS) {
        rv = dms_changed(tx, DMS_CHANGE(DMS_UNLOCKED, .key = lock->key, .lock = lock));
    }
    return rv == APR_SUCCESS ? NULL : dms_error_of_store(r, rv);
}

static dms_error_t *answer_unlock(dms_request_t *request, int *result)
{
    request_rec *r = request->r;
    const char *token = dms_lock_token_parse(r->pool, apr_table_get(r->headers_in, "Lock-Token"));
    dms_error_t *error = dms_body_none(r);
    dms_tx_t *tx;

    if (error) {
        return error;
    }
    if (!token) {
        return dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "Lock-Token is missing or malformed");
    }
    error = dms_step_begin(request, &tx);
    if (error) {
        return error;
    }
    error = unlock(request, tx, token);
    if (error) {
        dms_step_abort(request, tx);
        return error;
    }
    r->status = HTTP_NO_CONTENT;
    return dms_step_commit(request, tx);
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
