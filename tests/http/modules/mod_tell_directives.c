/*
 * For the tests: tells of mod_dav_multistatus's directives, a line each. Below /table: the name of
 * each in its table, how it takes arguments, and where it may stand. Anywhere else below /values:
 * what the place's configuration comes to, with the defaults.
 */
#include <httpd.h>

#include <http_config.h>
#include <http_protocol.h>

/* Its own copy of what reads the module's configuration, which the module does not export. */
#include "config/config.c" /* NOLINT(bugprone-suspicious-include) */
#include "config/rules.c"  /* NOLINT(bugprone-suspicious-include) */

/* That copy's directives call it, which httpd never sees. */
const char *dms_mapping_parse(apr_pool_t *pool, const char *public_path, const char *backend_url,
                              dms_side_t *public_side, dms_side_t *backend_side)
{
    return NULL;
}

static void tell_table(request_rec *r, const module *told)
{
    const command_rec *command;

    for (command = told->cmds; command->name; command++) {
        ap_rprintf(r, "%s %d %d\n", command->name, (int)command->args_how, command->req_override);
    }
}

static void tell_number(request_rec *r, const char *name, apr_int64_t value)
{
    ap_rprintf(r, "%s %" APR_INT64_T_FMT "\n", name, value);
}

static void tell_values(request_rec *r, const dms_config_t *config)
{
    const dms_quota_t *quota = dms_config_quota(config);

    tell_number(r, "on", dms_config_is_on(config));
    tell_number(r, "access files", dms_config_access_files(config));
    tell_number(r, "origins", config->origins ? config->origins->nelts : 0);
    tell_number(r, "authz", dms_config_authz(config));
    tell_number(r, "depth infinity", dms_config_depth_infinity(config));
    tell_number(r, "litter", dms_config_litter(config));
    tell_number(r, "lock timeout", dms_config_lock_timeout(config));
    tell_number(r, "longest lock timeout", dms_config_lock_timeout_max(config));
    tell_number(r, "locks", dms_config_max_locks(config));
    tell_number(r, "properties", dms_config_max_properties(config));
    tell_number(r, "bytes of properties", dms_config_max_property_bytes(config));
    tell_number(r, "responses", (apr_int64_t)dms_config_max_responses(config));
    tell_number(r, "names", dms_config_normalizes_names(config));
    tell_number(r, "quota", quota ? quota->size : 0);
    tell_number(r, "reverse", dms_config_reverse(config) != NULL);
    tell_number(r, "set modified", dms_config_set_modified(config));
    tell_number(r, "show forbidden", dms_config_show_forbidden(config));
    tell_number(r, "sync", dms_config_sync(config));
    tell_number(r, "unlock any", config->breakers != NULL);
    tell_number(r, "patience of the store", apr_time_sec(DMS_STORE_PATIENCE));
}

static int tell(request_rec *r)
{
    if (!strcmp(r->uri, "/table")) {
        tell_table(r, ap_find_linked_module("mod_dav_multistatus.c"));
        return OK;
    }
    if (!strncmp(r->uri, "/values/", 8)) {
        tell_values(r, dms_config_of(r));
        return OK;
    }
    return DECLINED;
}

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_handler(tell, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

module AP_MODULE_DECLARE_DATA tell_directives_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE,
};
