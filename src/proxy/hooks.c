#include "proxy/hooks.h"

#include <http_protocol.h>
#include <http_request.h>
#include <mod_proxy.h>

#include "config/config.h"
#include "proxy/answers.h"
#include "proxy/requests.h"
#include "proxy/rights.h"
#include "server/error.h"

/* Set once, while modules are loaded. */
static ap_filter_rec_t *answers;

/* What mapping rules a request that mod_proxy is to answer; NULL: none. */
static const dms_reverse_t *mapping_of(const request_rec *r)
{
    return dms_proxied_is(r) ? dms_config_reverse(dms_config_of(r)) : NULL;
}

static const char *words_for(int status)
{
    switch (status) {
    case HTTP_BAD_REQUEST:
        return "If can't be understood";
    case HTTP_PRECONDITION_FAILED:
        return "If names what is not there";
    case HTTP_BAD_GATEWAY:
        return "the request names what another server has";
    default:
        return "this client may not do that to all that the request is about";
    }
}

/* A fixup, since a handler that refuses would do so through the filters below. */
static int check_rights(request_rec *r)
{
    const dms_reverse_t *reverse = r->main ? NULL : mapping_of(r);
    int status = reverse ? dms_proxied_rights(dms_proxied_create(r, reverse)) : HTTP_OK;

    return status == HTTP_OK
               ? DECLINED
               : dms_error_send(r, dms_error(r->pool, status, NULL, "%s", words_for(status)));
}

/* The last hook before mod_proxy's handler, when all is decided. */
static void insert_filters(request_rec *r)
{
    const dms_reverse_t *reverse = mapping_of(r);
    dms_proxied_t *proxied;
    ap_filter_rec_t *inflate;

    if (!reverse) {
        return;
    }
    proxied = dms_proxied_create(r, reverse);
    ap_add_output_filter_handle(answers, proxied, r, r->connection);
    /* For a backend that compresses unasked; it comes before ours by its type, and leaves what is
     * not compressed alone. */
    inflate = proxied->is_webdav ? ap_get_output_filter_handle("INFLATE") : NULL;
    if (inflate) {
        ap_add_output_filter_handle(inflate, NULL, r, r->connection);
    }
    if (proxied->has_xml && ap_request_has_body(r)) {
        dms_requests_add(proxied);
    }
}

static int map_headers(request_rec *r)
{
    const ap_filter_t *filter = r->output_filters;

    while (filter && filter->frec != answers) {
        filter = filter->next;
    }
    if (!filter) {
        return DECLINED;
    }
    dms_requests_map_headers(filter->ctx, r->headers_in);
    return OK;
}

void dms_proxied_register_hooks(void)
{
    answers = dms_answers_register();
    dms_requests_register();
    ap_hook_fixups(check_rights, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_insert_filter(insert_filters, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(proxy, fixups, map_headers, NULL, NULL, APR_HOOK_MIDDLE);
}
