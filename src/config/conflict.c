#include "config/conflict.h"

#include <apr_dso.h>
#include <apr_fnmatch.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>

#include "config/config.h"

APLOG_USE_MODULE(dav_multistatus);

/* mod_dav.h's dav_get_provider_name(), which reads nothing of r but its per_dir_config. */
typedef const char *mod_dav_provider_fn(request_rec *r);

/* mod_dav may not be loaded, so its function is looked for in its shared object. */
static mod_dav_provider_fn *find_mod_dav(void)
{
    const module *mod_dav = ap_find_linked_module("mod_dav.c");
    apr_dso_handle_sym_t symbol = NULL;

    if (mod_dav && mod_dav->dynamic_load_handle) {
        apr_dso_sym(&symbol, mod_dav->dynamic_load_handle, "dav_get_provider_name");
    }
    return (mod_dav_provider_fn *)symbol;
}

int dms_conflict_with_mod_dav(request_rec *r)
{
    mod_dav_provider_fn *provider_of = find_mod_dav();

    return provider_of && provider_of(r);
}

/* Whether httpd applies the section outer to a request for the path of the section inner: because
 * the path is below it in whole segments, or matches its pattern. Of two patterns all that can be
 * told is that they are the same. */
static int covers(const core_dir_config *outer, const core_dir_config *inner)
{
    apr_size_t length = strlen(outer->d);
    int is_path = !inner->r && !inner->d_is_fnmatch;

    if (outer->r) {
        return is_path ? !ap_regexec(outer->r, inner->d, 0, NULL, 0) : !strcmp(outer->d, inner->d);
    }
    if (outer->d_is_fnmatch) {
        return is_path ? !apr_fnmatch(outer->d, inner->d, APR_FNM_PATHNAME)
                       : !strcmp(outer->d, inner->d);
    }
    return !strncmp(outer->d, inner->d, length)
           && (!inner->d[length] || inner->d[length] == '/'
               || (length && outer->d[length - 1] == '/'));
}

typedef struct check_t {
    mod_dav_provider_fn *provider_of;
    apr_pool_t *pool;
    server_rec *server;
    int has_found;
} check_t;

static int has_both(const check_t *check, ap_conf_vector_t *merged)
{
    const dms_config_t *config = ap_get_module_config(merged, &dav_multistatus_module);
    request_rec r = {.per_dir_config = merged};

    return config && dms_config_is_on(config) && check->provider_of(&r);
}

/* Whether one of the sections that may hold, too, turns either off again. Which hold together only
 * a request tells: a server that may work is not kept from starting. */
static int is_lifted(const check_t *check, ap_conf_vector_t *merged,
                     const apr_array_header_t *others)
{
    int i, is = 0;

    for (i = 0; i < others->nelts && !is; i++) {
        is = !has_both(check,
                       ap_merge_per_dir_configs(check->pool, merged,
                                                APR_ARRAY_IDX(others, i, ap_conf_vector_t *)));
    }
    return is;
}

/* What the outcome of merging sections is: where both are on, whatever others hold, it is told. */
static int check_merged(check_t *check, ap_conf_vector_t *merged, const apr_array_header_t *others,
                        const char *kind, const char *name)
{
    if (!has_both(check, merged) || is_lifted(check, merged, others)) {
        return 0;
    }
    ap_log_error(APLOG_MARK, APLOG_CRIT, 0, check->server,
                 "both Dav and DavMultistatus are on in <%s \"%s\">: one of them has to be Off",
                 kind, name);
    check->has_found = 1;
    return 1;
}

/* The <Files> or <If> sections that hold in a place, each upon what holds there. */
static void check_within(check_t *check, ap_conf_vector_t *place,
                         const apr_array_header_t *sections, const apr_array_header_t *others,
                         const char *kind)
{
    int i;

    for (i = 0; sections && i < sections->nelts; i++) {
        ap_conf_vector_t *section = APR_ARRAY_IDX(sections, i, ap_conf_vector_t *);
        const core_dir_config *core = ap_get_core_module_config(section);

        check_merged(check, ap_merge_per_dir_configs(check->pool, place, section), others, kind,
                     core->d);
    }
}

/* later: the sections that httpd merges upon those of this kind; NULL: none. */
static void check_place(check_t *check, ap_conf_vector_t *place, const apr_array_header_t *later,
                        const char *kind, const char *name)
{
    const core_dir_config *core = ap_get_core_module_config(place);
    const apr_array_header_t *sources[] = {core->sec_file, core->sec_if, later};
    apr_array_header_t *others = apr_array_make(check->pool, 8, sizeof(ap_conf_vector_t *));
    int i;

    for (i = 0; i < 3; i++) {
        if (sources[i]) {
            apr_array_cat(others, sources[i]);
        }
    }
    if (!check_merged(check, place, others, kind, name)) {
        check_within(check, place, core->sec_file, others, "Files");
        check_within(check, place, core->sec_if, others, "If");
    }
}

/* Merges, as httpd does for a request, the sections of one kind that hold for each section. */
static void check_sections(check_t *check, const apr_array_header_t *sections,
                           const apr_array_header_t *later, const char *kind)
{
    int i, j;

    for (i = 0; i < sections->nelts; i++) {
        ap_conf_vector_t *section = APR_ARRAY_IDX(sections, i, ap_conf_vector_t *);
        const core_dir_config *inner = ap_get_core_module_config(section);
        ap_conf_vector_t *merged = check->server->lookup_defaults;

        for (j = 0; j < sections->nelts; j++) {
            ap_conf_vector_t *other = APR_ARRAY_IDX(sections, j, ap_conf_vector_t *);
            if (covers(ap_get_core_module_config(other), inner)) {
                merged = ap_merge_per_dir_configs(check->pool, merged, other);
            }
        }
        check_place(check, merged, later, kind, inner->d);
    }
}

int dms_conflict_check(apr_pool_t *ptemp, server_rec *server)
{
    check_t check = {.provider_of = find_mod_dav(), .pool = ptemp};

    for (; check.provider_of && server; server = server->next) {
        core_server_config *core = ap_get_core_module_config(server->module_config);

        check.server = server;
        check_place(&check, server->lookup_defaults, NULL, "VirtualHost",
                    server->server_hostname ? server->server_hostname : "");
        if (!check.has_found) { /* else each section would tell the same */
            check_sections(&check, core->sec_url, NULL, "Location");
            check_sections(&check, core->sec_dir, core->sec_url, "Directory");
        }
    }
    return check.has_found;
}

void dms_conflict_tell_reverse(server_rec *server)
{
    const char *place = dms_config_reverse_place();

    if (place && !ap_find_linked_module("mod_proxy_http.c")
        && !ap_find_linked_module("mod_proxy_http2.c")) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                     "DavMultistatusReverse in %s does nothing: mod_proxy_http is not loaded",
                     place);
    }
}
