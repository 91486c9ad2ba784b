#include "server/space.h"

#include <errno.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_core.h>

#include "keys/keys.h"
#include "recovery/recount.h"
#include "server/state.h"

/* --- quotas --- */

/* How much of a URL path an Alias has led to another tree, which no <Location> reaches beyond. */
static apr_size_t alias_length(request_rec *r)
{
    const char *prefix = ap_context_prefix(r);
    apr_size_t length = prefix ? strlen(prefix) : 0;

    return length && prefix[length - 1] == '/' ? length - 1 : length;
}

/* The path that a section goes by: not escaped, without a slash at its end. */
static char *path_for(const dms_quota_t *quota, const request_rec *r)
{
    char *path = quota->is_url
                     ? apr_pstrdup(r->pool, r->uri)
                     : apr_pstrcat(r->pool, r->filename ? r->filename : "", r->path_info, NULL);
    apr_size_t length = strlen(path);

    while (length && path[length - 1] == '/') {
        path[--length] = '\0';
    }
    return path;
}

/* The key of the folder that has a quota: as far up from the place's as its section's path goes, or
 * as its names are those of the path. (Where they aren't, an Alias begins: what that leads to is a
 * folder of its own.) */
static const char *folder_of(const dms_quotas_t *place, const dms_quota_t *quota)
{
    apr_pool_t *pool = place->r->pool;
    char *path = path_for(quota, place->r), *key = apr_pstrdup(pool, place->key), *slash;
    apr_size_t base = dms_config_quota_base(quota, path, pool);
    apr_size_t mounted = quota->is_url ? alias_length(place->r) : 0;

    base = base > mounted ? base : mounted;
    while (strlen(path) > base && (slash = strrchr(path, '/')) != NULL) {
        const char *name = apr_punescape_url(pool, dms_key_name(key), NULL, NULL, 0);

        if (!name || strcmp(name, slash + 1) != 0 || !dms_key_go_up(key)) {
            break;
        }
        while (slash > path && slash[-1] == '/') {
            slash--;
        }
        *slash = '\0';
    }
    return key;
}

/* Counts, unless another thread has done so while this one waited for it. */
static apr_status_t count(const dms_quotas_t *place, const char *folder, apr_int64_t *bytes)
{
    apr_pool_t *pool = place->r->pool;
    dms_store_t *store = dms_state_store();
    apr_status_t rv;

    dms_store_begin_counting(store);
    rv = dms_store_size(store, NULL, folder, pool, bytes);
    if (rv == ENOENT) {
        rv = dms_recount(store, place->provider, folder, pool, bytes);
    }
    dms_store_end_counting(store);
    return rv;
}

/* Whether what a quota's section has for a folder is none: a file, or a name that is to be made.
 * Where it is, its bytes need no counting. */
static int is_no_folder(const dms_quotas_t *place, const char *folder, apr_int64_t *bytes)
{
    const dms_provider_t *provider = place->provider;
    const char *own = dms_key_own(provider, folder), *name;
    dms_node_t *parent;
    dms_facts_t facts = {.kind = DMS_KIND_NONE};
    apr_status_t rv;

    if (strcmp(folder, place->key) || !own || !provider->parent_of_key) {
        return 0;
    }
    rv = provider->parent_of_key(own, place->r->pool, &parent, &name);
    if (rv == APR_SUCCESS) {
        rv = provider->facts(parent, name, &facts);
    }
    *bytes = rv == APR_SUCCESS && facts.known & DMS_FACT_SIZE ? facts.size : 0;
    return rv == APR_SUCCESS ? facts.kind == DMS_KIND_FILE : rv == ENOENT || rv == ENOTDIR;
}

/* How much a folder's files have. ENOENT: nobody knows, and it is not the time to count. What was
 * counted while others wrote is counted again. */
static apr_status_t find_size(const dms_quotas_t *place, dms_tx_t *tx, const char *folder,
                              apr_int64_t *bytes)
{
    apr_pool_t *pool = place->r->pool;
    dms_store_t *store = dms_state_store();
    int is_exact = 1;
    apr_status_t rv = store ? dms_store_size_as_counted(store, tx, folder, pool, bytes, &is_exact)
                            : APR_EGENERAL;

    if (rv == ENOENT && is_no_folder(place, folder, bytes)) {
        rv = APR_SUCCESS;
    }
    else if (rv == ENOENT && !tx) {
        rv = count(place, folder, bytes);
    }
    else if (rv == APR_SUCCESS && !tx && !is_exact) {
        dms_recount_again(store, place->provider, folder, pool, bytes);
    }
    return rv;
}

/* Takes another quota, whose folder has so many bytes, into account. */
static void bound(dms_left_t *left, const dms_quota_t *quota, const char *folder, apr_int64_t bytes)
{
    if (!left->quota || quota->size - bytes < left->bytes) {
        left->bytes = quota->size - bytes;
        left->quota = quota;
        left->folder = folder;
    }
}

apr_status_t dms_quotas_left(const dms_quotas_t *place, dms_tx_t *tx, dms_left_t *left)
{
    const dms_quota_t *quota = place->quota;
    apr_size_t innermost =
        0; /* the length of its key: a <Location> is merged after a <Directory> */
    apr_status_t rv = APR_SUCCESS;

    *left = (dms_left_t){APR_INT64_MAX, -1, NULL, NULL};
    for (; quota && rv == APR_SUCCESS; quota = quota->outer) {
        const char *folder = quota->key ? quota->key : folder_of(place, quota);
        apr_int64_t bytes = 0;

        if (place->leaving && dms_key_is_at_or_below(place->leaving, folder)) {
            continue;
        }
        rv = find_size(place, tx, folder, &bytes);
        if (rv == APR_SUCCESS) {
            bound(left, quota, folder, bytes);
            left->used = strlen(folder) > innermost ? bytes : left->used;
            innermost = strlen(folder) > innermost ? strlen(folder) : innermost;
        }
    }
    return rv;
}

int dms_quotas_has_one(const dms_quotas_t *place)
{
    const dms_quota_t *quota = dms_config_quota(dms_config_of(place->r));

    while (quota && strcmp(folder_of(place, quota), place->key) != 0) {
        quota = quota->outer;
    }
    return quota != NULL;
}

dms_error_t *dms_quotas_uncounted(request_rec *r)
{
    return dms_error(r->pool, HTTP_SERVICE_UNAVAILABLE, NULL,
                     "how many bytes the folder has is being counted (DavMultistatusQuota)");
}

/* The path, not escaped, of a folder that a place is in: the client's own, so it is no secret. */
static const char *uri_of(const dms_quotas_t *place, const char *folder)
{
    char *uri = apr_pstrdup(place->r->pool, place->r->uri);
    char *key = apr_pstrdup(place->r->pool, place->key), *slash;
    apr_size_t length = strlen(uri);

    while (length > 1 && uri[length - 1] == '/') {
        uri[--length] = '\0';
    }
    while (strcmp(key, folder) != 0 && dms_key_go_up(key) && (slash = strrchr(uri, '/')) != NULL) {
        slash[slash == uri] = '\0';
    }
    return uri;
}

dms_error_t *dms_quotas_exceeded(const dms_quotas_t *place, const dms_left_t *left)
{
    static const char condition[] = "quota-not-exceeded";
    apr_pool_t *pool = place->r->pool;
    const dms_quota_t *quota = left->quota;

    return quota->key ? dms_error(pool, HTTP_INSUFFICIENT_STORAGE, condition,
                                  "a user may have %" APR_INT64_T_FMT
                                  " bytes of such files (DavMultistatusLitter)",
                                  quota->size)
                      : dms_error(pool, HTTP_INSUFFICIENT_STORAGE, condition,
                                  "%s may have %" APR_INT64_T_FMT " bytes (DavMultistatusQuota)",
                                  uri_of(place, left->folder), quota->size);
}

/* --- space --- */

const dms_space_t *dms_space_of(const dms_quotas_t *place, dms_node_t *collection, apr_pool_t *pool)
{
    const dms_provider_t *provider = place->provider;
    dms_space_t *space = apr_palloc(pool, sizeof(*space));
    dms_left_t left;
    int knows_disk = provider->space
                     && provider->space(collection, &space->available, &space->used) == APR_SUCCESS;

    if (dms_quotas_left(place, NULL, &left) != APR_SUCCESS) {
        return NULL;
    }
    if (left.used >= 0) {
        left.bytes = left.bytes < 0 ? 0 : left.bytes;
        if (!knows_disk || space->available > (apr_uint64_t)left.bytes) {
            space->available = (apr_uint64_t)left.bytes;
        }
        space->used = (apr_uint64_t)left.used;
    }
    return knows_disk || left.used >= 0 ? space : NULL;
}

dms_error_t *dms_space_check_disk(request_rec *r, const dms_provider_t *provider,
                                  dms_node_t *collection, apr_off_t bytes)
{
    apr_uint64_t available, used;

    return bytes > 0 && provider->space
                   && provider->space(collection, &available, &used) == APR_SUCCESS
                   && available < (apr_uint64_t)bytes
               ? dms_error(r->pool, HTTP_INSUFFICIENT_STORAGE, "sufficient-disk-space",
                           "the disk has no room for %" APR_OFF_T_FMT " bytes", bytes)
               : NULL;
}
