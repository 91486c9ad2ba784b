#include "access/access.h"

#include <apr_fnmatch.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_request.h>

#include "server/config.h"

/* What the request_config of a request holds while a question is asked on its behalf. */
static const struct ap_logconf quiet = {NULL, APLOG_CRIT};

int dms_access_be_quiet(request_rec *r)
{
    if (r->main && ap_get_module_config(r->main->request_config, &dav_multistatus_module)) {
        r->log = &quiet;
    }
    return DECLINED;
}

request_rec *dms_access_ask(request_rec *r, const char *method, const char *uri)
{
    request_rec *answer;

    while (r->main) { /* a subrequest of a subrequest would count towards LimitInternalRecursion */
        r = r->main;
    }
    ap_set_module_config(r->request_config, &dav_multistatus_module, (void *)&quiet);
    answer = ap_sub_req_method_uri(method, uri, r, NULL);
    ap_set_module_config(r->request_config, &dav_multistatus_module, NULL);
    answer->log = r->log;
    return answer;
}

static int section_matches(const core_dir_config *section, const char *name)
{
    if (section->r) {
        return ap_regexec(section->r, name, 0, NULL, 0) == 0;
    }
    if (section->d_is_fnmatch) {
        return apr_fnmatch(section->d, name, 0) == APR_SUCCESS;
    }
    return !strcmp(section->d, name);
}

int dms_access_is_special(request_rec *collection, const char *name)
{
    const core_dir_config *core = ap_get_core_module_config(collection->per_dir_config);
    int i;

    if (core->sec_if && core->sec_if->nelts) {
        return 1;
    }
    for (i = 0; core->sec_file && i < core->sec_file->nelts; i++) {
        if (section_matches(ap_get_core_module_config(
                                APR_ARRAY_IDX(core->sec_file, i, ap_conf_vector_t *)),
                            name)) {
            return 1;
        }
    }
    return 0;
}
