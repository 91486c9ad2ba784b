#include "methods/transfer.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>

#include "changes/changes.h"
#include "methods/room.h"
#include "methods/steps.h"
#include "server/body.h"

APLOG_USE_MODULE(dav_multistatus);

/* Gives a file the time that the client says. */
static void set_time(dms_transfer_t *transfer, const dms_moment_t *modified)
{
    if (modified && !dms_is_collection(&transfer->from) && transfer->request->provider->set_modified
        && transfer->request->provider->set_modified(transfer->to_parent, transfer->to.name,
                                                     modified,
                                                     dms_config_sync(transfer->request->config))
               == APR_SUCCESS) {
        dms_method_took_mtime(transfer->request->r);
    }
}

/* Removes the client's litter of the destination's name: it would come back where what has come
 * there goes. */
static dms_error_t *remove_litter(dms_transfer_t *transfer)
{
    dms_request_t *request = transfer->request, *litter = &transfer->litter;
    dms_resource_t resource = {.node = NULL};
    dms_node_t *shard;
    dms_room_t room;
    dms_tx_t *tx;
    dms_error_t *error = dms_step_begin(request, &tx);
    apr_status_t rv;

    if (error) {
        return error;
    }
    error = dms_method_lookup(litter, 0, 1, &resource);
    if (!error) {
        error = dms_method_parent(litter, &resource, &shard);
    }
    if (error) {
        dms_step_abort(request, tx);
        return error;
    }
    dms_room_look(&room, litter, &resource, shard);
    rv = litter->provider->remove(shard, resource.name, DMS_KIND_FILE);
    if (rv == APR_SUCCESS) {
        rv = dms_changed(tx, DMS_CHANGE(DMS_REMOVED, .key = resource.key));
    }
    if (rv == APR_SUCCESS) {
        rv = dms_room_tell(&room, tx);
    }
    error = dms_step_stored(request, tx, rv);
    return error ? error : dms_step_commit(request, tx);
}

/* What was asked for has been done: where that stays behind, the log tells. */
static void end_litter(dms_transfer_t *transfer)
{
    dms_error_t *error = transfer->replaces_litter ? remove_litter(transfer) : NULL;

    if (error) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, transfer->request->r,
                      "%s, litter that %s has replaced, stays: %s", transfer->litter.apart,
                      transfer->to_uri, error->message);
    }
}

dms_error_t *dms_transfer_run(dms_transfer_t *transfer, int *result)
{
    request_rec *r = transfer->request->r;
    const dms_moment_t *modified = NULL;
    dms_moment_t time;
    dms_error_t *error = dms_body_none(r);

    transfer->shift.request = transfer->request;
    transfer->failures.r = r;
    if (!error) {
        error = dms_method_mtime(transfer->request, &time, &modified);
    }
    if (!error) {
        error = dms_transfer_prepare(transfer);
    }
    if (error) {
        return error;
    }
    transfer->from_etag = apr_pstrdup(r->pool, transfer->from.facts.etag);
    error = transfer->act(transfer);
    if (!error && transfer->synced != APR_SUCCESS) {
        error = dms_error_about(dms_error_of(r->pool, transfer->synced, "it can't be synced"),
                                transfer->target.r);
    }
    if (error) {
        dms_transfer_give_up(transfer);
    }
    if (error && transfer->failures.reply) { /* the 207 has begun: say it there */
        dms_failures_add(&transfer->failures, transfer->to_uri, error->status);
        error = NULL;
    }
    if (!error) {
        set_time(transfer, modified);
        end_litter(transfer);
        *result = dms_failures_end(&transfer->failures, dms_transfer_replaces(transfer)
                                                            ? HTTP_NO_CONTENT
                                                            : HTTP_CREATED);
    }
    return error;
}

int dms_transfer_is_offered(const dms_provider_t *provider, dms_kind_e kind)
{
    return provider->parent && provider->remove && provider->rename;
}
