#include "server/virtual.h"

#include <apr_strings.h>
#include <http_request.h>

#include "config/config.h"

static const char scheme[] = "dav-multistatus:";

int dms_virtual_translate(request_rec *r)
{
    const dms_config_t *config = dms_config_of(r);

    if (!dms_config_is_on(config) || !config->provider->is_virtual || r->proxyreq) {
        return DECLINED;
    }
    r->filename = apr_pstrcat(r->pool, scheme, r->uri, NULL);
    return OK;
}

int dms_virtual_walk(request_rec *r)
{
    if (!r->filename || strncmp(r->filename, scheme, sizeof(scheme) - 1)) {
        return DECLINED;
    }
    return ap_file_walk(r);
}
