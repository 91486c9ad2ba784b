#include "repository/renames.h"

#include <errno.h>

apr_status_t dms_rename_new(const dms_provider_t *provider, dms_node_t *from, const char *from_name,
                            dms_node_t *to, const char *to_name)
{
    apr_status_t rv = provider->rename(from, from_name, to, to_name, DMS_RENAME_NEW);

    return rv == ENOTSUP ? provider->rename(from, from_name, to, to_name, DMS_RENAME_BY_LINK) : rv;
}

int dms_rename_is_torn(const dms_provider_t *provider, dms_node_t *to, const char *to_name)
{
    dms_facts_t facts;

    return provider->facts(to, to_name, &facts) != ENOENT;
}

/* What may pass has passed at the second try, perhaps. */
static int take_back(const dms_provider_t *provider, dms_node_t *from, const char *from_name,
                     dms_node_t *to, const char *to_name)
{
    apr_status_t rv = dms_rename_new(provider, from, from_name, to, to_name);

    if (rv != APR_SUCCESS) {
        rv = dms_rename_new(provider, from, from_name, to, to_name);
    }
    return rv == APR_SUCCESS;
}

apr_status_t dms_exchange_by_steps(const dms_provider_t *provider, dms_node_t *from,
                                   const char *from_name, dms_node_t *to, const char *to_name,
                                   const char *aside, int *is_torn)
{
    apr_status_t rv = dms_rename_new(provider, to, to_name, to, aside);

    if (rv != APR_SUCCESS) {
        *is_torn = dms_rename_is_torn(provider, to, aside);
        return rv;
    }
    rv = dms_rename_new(provider, from, from_name, to, to_name);
    if (rv == APR_SUCCESS) {
        rv = dms_rename_new(provider, to, aside, from, from_name);
        *is_torn = rv != APR_SUCCESS && !take_back(provider, to, to_name, from, from_name);
    }
    if (rv != APR_SUCCESS && !*is_torn) {
        *is_torn = !take_back(provider, to, aside, to, to_name);
    }
    return rv;
}
