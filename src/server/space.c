#include "server/space.h"

const dms_space_t *dms_space_of(const dms_provider_t *provider, dms_node_t *collection,
                                apr_pool_t *pool)
{
    dms_space_t *space = apr_palloc(pool, sizeof(*space));

    return provider->space
                   && provider->space(collection, &space->available, &space->used) == APR_SUCCESS
               ? space
               : NULL;
}

dms_error_t *dms_space_check_disk(request_rec *r, const dms_provider_t *provider,
                                  dms_node_t *collection, apr_off_t bytes)
{
    const dms_space_t *space = bytes > 0 ? dms_space_of(provider, collection, r->pool) : NULL;

    return space && space->available < (apr_uint64_t)bytes
               ? dms_error(r->pool, HTTP_INSUFFICIENT_STORAGE, "sufficient-disk-space",
                           "the disk has no room for %" APR_OFF_T_FMT " bytes", bytes)
               : NULL;
}
