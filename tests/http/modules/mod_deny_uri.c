/*
 * For the tests: denies by URI in a hook, as mod_authz_svn does, so that no section of the
 * configuration shows it. What has "hook-denied" in its path is forbidden to all; what has
 * "hook-read-only" may only be read. It logs nothing.
 */
#include <string.h>

#include <httpd.h>

#include <http_config.h>
#include <http_request.h>

static int deny_by_uri(request_rec *r)
{
    if (strstr(r->uri, "hook-denied")) {
        return HTTP_FORBIDDEN;
    }
    if (strstr(r->uri, "hook-read-only") && r->method_number != M_GET
        && r->method_number != M_PROPFIND) {
        return HTTP_FORBIDDEN;
    }
    return DECLINED;
}

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_access_checker_ex(deny_by_uri, NULL, NULL, APR_HOOK_FIRST);
}

AP_DECLARE_MODULE(deny_uri) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE,
};
