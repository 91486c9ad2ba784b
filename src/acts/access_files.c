#include "acts/access_files.h"

#include <apr_hash.h>
#include <http_config.h>
#include <http_core.h>

#include "acts/acts.h"
#include "config/config.h"

/* name -> name. Written while the configuration is read, by one thread; constant afterwards. */
static apr_hash_t *names;

void dms_access_files_collect(apr_pool_t *pconf, const server_rec *server)
{
    names = apr_hash_make(pconf);
    for (; server; server = server->next) {
        const core_server_config *core = ap_get_core_module_config(server->module_config);
        const char *list = core->access_name, *name;

        while (list && *list && *(name = ap_getword_conf(pconf, &list))) {
            apr_hash_set(names, name, APR_HASH_KEY_STRING, name);
        }
    }
}

int dms_access_files_have(const char *name)
{
    return names && apr_hash_get(names, name, APR_HASH_KEY_STRING) != NULL;
}

/* The methods of the acts by which something is written (acts.c), and their likes. */
static int writes(const request_rec *r)
{
    switch (r->method_number) {
    case M_PUT:
    case M_PATCH:
    case M_MKCOL:
    case M_DELETE:
    case M_MOVE:
    case M_PROPPATCH:
        return 1;
    default:
        return 0;
    }
}

int dms_access_files_refuse(const request_rec *r)
{
    const dms_config_t *config = dms_config_of(r);
    const char *place;

    if (!writes(r) || !config->provider || config->provider->is_virtual
        || dms_config_access_files(config)) {
        return 0;
    }
    place = dms_act_place_of(r, r->pool);
    return place
           && dms_access_files_have(ap_strrchr_c(place, '/') ? ap_strrchr_c(place, '/') + 1
                                                             : place);
}
