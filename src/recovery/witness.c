#include "recovery/witness.h"

#include <errno.h>

#include "keys/keys.h"

apr_status_t dms_witness_find(const dms_witness_t *witness, const char *key, dms_node_t **parent,
                              const char **name)
{
    const char *own = dms_key_own(witness->provider, key);

    return own ? witness->provider->parent_of_key(own, witness->pool, parent, name) : ENOENT;
}

apr_status_t dms_witness_identity(const dms_witness_t *witness, const char *key,
                                  const char **identity)
{
    dms_node_t *parent;
    const char *name;
    apr_status_t rv = dms_witness_find(witness, key, &parent, &name);

    *identity = "";
    if (rv == APR_SUCCESS) {
        rv = witness->provider->identity(parent, name, witness->pool, identity);
    }
    return rv == ENOENT || rv == ENOTDIR ? APR_SUCCESS : rv;
}

dms_presence_e dms_witness_presence(void *baton, const char *key)
{
    dms_witness_t witness = *(dms_witness_t *)baton;
    dms_presence_e presence = DMS_PRESENCE_UNKNOWN;
    const char *identity;

    if (!dms_key_own(witness.provider, key)) {
        return presence;
    }
    apr_pool_create(&witness.pool, witness.pool);
    if (dms_witness_identity(&witness, key, &identity) == APR_SUCCESS) {
        presence = *identity ? DMS_PRESENCE_THERE : DMS_PRESENCE_GONE;
    }
    apr_pool_destroy(witness.pool);
    return presence;
}
