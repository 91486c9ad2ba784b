/*
 * What the fs provider asks httpd for, where there is none: all is on behalf of a request, of which
 * this program has none, or of a process that stays.
 */
#include <httpd.h>

#include <ap_mpm.h>
#include <http_core.h>

int ap_allow_options(request_rec *r)
{
    return OPT_NONE; /* no link is followed */
}

const char *ap_context_document_root(request_rec *r)
{
    return "/";
}

apr_status_t ap_mpm_register_timed_callback(apr_time_t t, ap_mpm_callback_fn_t *cbfn, void *baton)
{
    return APR_ENOTIMPL;
}
