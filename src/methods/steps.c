#include "methods/steps.h"

#include <apr_strings.h>
#include <httpd.h>

#include <ap_mpm.h>

#include "changes/changes.h"
#include "methods/barriers.h"
#include "methods/conditions.h"
#include "server/state.h"

dms_error_t *dms_step_begin(dms_request_t *request, dms_tx_t **tx)
{
    request_rec *r = request->r;
    dms_store_t *store = dms_state_store();
    apr_status_t rv = APR_EGENERAL;

    if (store) {
        if (!request->has_recovered) {
            dms_state_recover(r->pool, request->provider);
            request->has_recovered = 1;
        }
        dms_conditions_ask(request);
        rv = dms_tx_begin(store, r->pool, tx);
        request->tx = *tx;
        if (rv == APR_SUCCESS) {
            dms_tx_act_for(*tx, dms_principal(r));
        }
    }
    return rv == APR_SUCCESS ? NULL : dms_error_of_store(request->r, rv);
}

/* Forgets the properties of a name that nothing has. *has: there were some. */
static dms_error_t *forget_gone(dms_request_t *request, const char *key, dms_tx_t *tx, int *has)
{
    dms_resource_t now = {.node = NULL};
    dms_error_t *error;
    apr_status_t rv = dms_tx_has_properties(tx, key, has);

    if (rv == APR_SUCCESS && *has) {
        error = dms_method_lookup(request, 0, 0, &now);
        if (error) {
            dms_step_abort(request, tx);
            return error;
        }
        *has = now.facts.kind == DMS_KIND_NONE;
        rv = *has ? dms_changed(tx, DMS_CHANGE(DMS_CREATED, .key = key)) : APR_SUCCESS;
    }
    return dms_step_stored(request, tx, rv);
}

dms_error_t *dms_step_begin_new(dms_request_t *request, const char *key, dms_tx_t **tx)
{
    dms_error_t *error = dms_step_begin(request, tx);
    int has = 0;

    if (!error) {
        error = forget_gone(request, key, *tx, &has);
    }
    if (!error && has) {
        error = dms_step_commit(request, *tx);
        if (!error) {
            error = dms_step_begin(request, tx);
        }
    }
    return error;
}

dms_error_t *dms_step_stored(dms_request_t *request, dms_tx_t *tx, apr_status_t rv)
{
    if (rv == APR_SUCCESS) {
        return NULL;
    }
    if (tx) {
        dms_step_abort(request, tx);
    }
    return dms_error_of_store(request->r, rv);
}

/* A process that was there before a graceful restart may count nothing where the new ones do. */
static apr_status_t commit(dms_tx_t *tx)
{
    int state;

    if (!dms_config_has_quotas() && ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS
        && state == AP_MPMQ_STOPPING) {
        dms_tx_unsize_all(tx);
    }
    return dms_tx_commit(tx);
}

dms_error_t *dms_step_commit(dms_request_t *request, dms_tx_t *tx)
{
    apr_status_t rv = commit(tx);

    request->tx = NULL;
    return rv == APR_SUCCESS ? NULL : dms_error_of_store(request->r, rv);
}

void dms_step_abort(dms_request_t *request, dms_tx_t *tx)
{
    if (request->tx) {
        request->tx = NULL;
        dms_tx_abort(tx);
    }
}

dms_error_t *dms_step_settle(dms_request_t *request, const dms_intention_t *intention)
{
    dms_tx_t *tx = NULL;
    dms_error_t *error = dms_step_begin(request, &tx);

    if (!error) {
        error = dms_step_stored(request, tx, dms_tx_settle(tx, intention));
    }
    if (!error) {
        error = dms_step_commit(request, tx);
    }
    if (error) {
        dms_store_abandon(dms_state_store(), intention->id);
    }
    return error;
}

/* How long others wait for one who removes a tree. */
#define SHIFT apr_time_from_msec(20)

void dms_shift_end(dms_shift_t *shift)
{
    if (shift->tx) {
        if (shift->freed) {
            dms_changed(shift->tx,
                        DMS_CHANGE(DMS_RESIZED, .key = shift->key, .bytes = -shift->freed));
            shift->freed = 0;
        }
        commit(shift->tx); /* has changed nothing else; where it fails, it is counted anew */
        apr_pool_destroy(shift->pool);
        shift->tx = shift->request->tx = NULL;
    }
}

void dms_shift_gone(dms_shift_t *shift, const char *collection, const dms_member_t *member)
{
    if (member->facts.kind == DMS_KIND_FILE && member->facts.known & DMS_FACT_SIZE
        && !dms_is_hidden(member->name) && !dms_path_is_hidden(collection)) {
        shift->freed += member->facts.size;
    }
}

apr_status_t dms_shift_member(dms_shift_t *shift, int *is_new)
{
    apr_status_t rv;

    *is_new = 0;
    if (shift->tx && apr_time_now() < shift->until) {
        return APR_SUCCESS;
    }
    dms_shift_end(shift);
    *is_new = 1;
    apr_pool_create(&shift->pool, shift->request->r->pool);
    rv = dms_tx_begin(dms_state_store(), shift->pool, &shift->tx);
    shift->until = apr_time_now() + SHIFT;
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(shift->pool);
        shift->tx = NULL;
    }
    shift->request->tx = shift->tx;
    return dms_cause_of_store(rv);
}
