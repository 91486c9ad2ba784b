#include "acts/access_files.h"

#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_tables.h>
#include <http_config.h>
#include <http_core.h>

#include "acts/acts.h"
#include "config/config.h"

/* const char *. Written while the configuration is read, by one thread; constant afterwards. */
static apr_array_header_t *names;

void dms_access_files_collect(apr_pool_t *pconf, const server_rec *server)
{
    names = apr_array_make(pconf, 4, sizeof(const char *));
    for (; server; server = server->next) {
        const core_server_config *core = ap_get_core_module_config(server->module_config);
        const char *list = core->access_name, *name;

        while (list && *list && *(name = ap_getword_conf(pconf, &list))) {
            name = apr_filepath_name_get(name); /* httpd opens a path in a folder, too */
            if (!dms_access_files_have(name)) {
                APR_ARRAY_PUSH(names, const char *) = name;
            }
        }
    }
}

/* The length of a name without what some file systems drop at its end (CIFS, FAT). */
static apr_size_t length_of(const char *name)
{
    apr_size_t length = strlen(name);

    while (length && strchr(". ", name[length - 1])) {
        length--;
    }
    return length;
}

int dms_access_files_have(const char *name)
{
    apr_size_t length = length_of(name);
    int i, is = 0;

    for (i = 0; names && i < names->nelts && !is; i++) {
        const char *each = APR_ARRAY_IDX(names, i, const char *);

        is = length_of(each) == length && !strncasecmp(each, name, length);
    }
    return is;
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
    return place && dms_access_files_have(apr_filepath_name_get(place));
}
