#include "config/conflict.h"

#include <apr_dso.h>
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

static int has_both(mod_dav_provider_fn *provider_of, ap_conf_vector_t *section)
{
    const dms_config_t *config = ap_get_module_config(section, &dav_multistatus_module);
    request_rec r = {.per_dir_config = section};

    return config && dms_config_is_on(config) && provider_of(&r);
}

/* Whether what is set for outer holds for inner, too: a path, not a pattern, that is a prefix of it
 * in whole segments. */
static int covers(const core_dir_config *outer, const core_dir_config *inner)
{
    apr_size_t length = strlen(outer->d);

    if (outer->r || outer->d_is_fnmatch) {
        return !strcmp(outer->d, inner->d);
    }
    return !strncmp(outer->d, inner->d, length)
           && (!inner->d[length] || inner->d[length] == '/'
               || (length && outer->d[length - 1] == '/'));
}

/* Merges, as httpd does for a request, the sections of one kind that hold for each section. */
static int check_sections(mod_dav_provider_fn *provider_of, apr_pool_t *ptemp, server_rec *server,
                          const apr_array_header_t *sections, const char *kind)
{
    int i, j, found = 0;

    for (i = 0; i < sections->nelts; i++) {
        ap_conf_vector_t *section = APR_ARRAY_IDX(sections, i, ap_conf_vector_t *);
        const core_dir_config *inner = ap_get_core_module_config(section);
        ap_conf_vector_t *merged = server->lookup_defaults;

        for (j = 0; j < sections->nelts; j++) {
            ap_conf_vector_t *other = APR_ARRAY_IDX(sections, j, ap_conf_vector_t *);
            if (covers(ap_get_core_module_config(other), inner)) {
                merged = ap_merge_per_dir_configs(ptemp, merged, other);
            }
        }
        if (has_both(provider_of, merged)) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, 0, server,
                         "both Dav and DavMultistatus are on in <%s \"%s\">: one of them has to "
                         "be Off",
                         kind, inner->d);
            found = 1;
        }
    }
    return found;
}

int dms_conflict_check(apr_pool_t *ptemp, server_rec *server)
{
    mod_dav_provider_fn *provider_of = find_mod_dav();
    int found = 0;

    for (; provider_of && server; server = server->next) {
        core_server_config *core = ap_get_core_module_config(server->module_config);

        found |= check_sections(provider_of, ptemp, server, core->sec_url, "Location");
        found |= check_sections(provider_of, ptemp, server, core->sec_dir, "Directory");
    }
    return found;
}
