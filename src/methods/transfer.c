#include "methods/transfer.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "server/body.h"

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
        *result = dms_failures_end(&transfer->failures, transfer->to.facts.kind == DMS_KIND_NONE
                                                            ? HTTP_CREATED
                                                            : HTTP_NO_CONTENT);
    }
    return error;
}

int dms_transfer_is_offered(const dms_provider_t *provider, dms_kind_e kind)
{
    return provider->parent && provider->remove && provider->rename;
}
