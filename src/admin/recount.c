/*
 * Counting anew what the files of folders have that have a DavMultistatusQuota.
 */
#include <errno.h>
#include <stdio.h>

#include "admin/tell.h"
#include "keys/keys.h"
#include "recovery/recount.h"
#include "repository/fs/fs.h"

static apr_status_t recount(dms_admin_t *admin, const char *key, apr_pool_t *pool)
{
    apr_int64_t before = -1, after = 0;
    apr_status_t rv = dms_store_size(admin->store, NULL, key, pool, &before);

    if (rv != APR_SUCCESS && rv != ENOENT) {
        return rv;
    }
    rv = dms_recount(admin->store, &dms_fs_provider, key, pool, &after);
    if (rv != APR_SUCCESS) {
        dms_tell(rv, "%s", key);
        admin->is_left = 1;
        return APR_SUCCESS;
    }
    printf(before < 0 ? "%s\t%" APR_INT64_T_FMT "\n"
                      : "%s\t%" APR_INT64_T_FMT "\t%" APR_INT64_T_FMT "\n",
           key, after, before);
    return APR_SUCCESS;
}

static apr_status_t run_recount(dms_admin_t *admin)
{
    const char *below = dms_argument_key(admin, 0), *key = "";
    apr_status_t rv = below ? APR_SUCCESS : APR_EINVAL;

    while (rv == APR_SUCCESS && key) {
        apr_pool_t *pool;

        rv = dms_store_next_size(admin->store, key, admin->pool, &key);
        if (rv == APR_SUCCESS && key && dms_key_is_at_or_below(key, below)) {
            apr_pool_create(&pool, admin->pool);
            rv = recount(admin, key, pool);
            apr_pool_destroy(pool);
        }
    }
    return rv;
}

const dms_admin_command_t dms_admin_recount = {
    .name = "recount",
    .arguments = "[PATH]",
    .help = "Counts anew how many bytes the files of each folder have that has a\n"
            "DavMultistatusQuota, at and below a path (/): for changes past the\n"
            "server. Prints the folder, the bytes, and what was noted before where\n"
            "that was known.\n",
    .options = "",
    .most = 1,
    .run = run_recount,
};
