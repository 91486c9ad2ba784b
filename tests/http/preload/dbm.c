/*
 * For LD_PRELOAD: has mod_dav_fs use the kind of DBM that DMS_DBM names, in place of the one that
 * this machine's APR was built with.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

typedef int open_fn(void **dbm, const char *type, const char *name, int mode, int permissions,
                    void *pool);

static open_fn *real(void)
{
    return (open_fn *)dlsym(RTLD_NEXT, "apr_dbm_open_ex");
}

int apr_dbm_open(void **dbm, const char *name, int mode, int permissions, void *pool)
{
    return real()(dbm, getenv("DMS_DBM"), name, mode, permissions, pool);
}

int apr_dbm_open_ex(void **dbm, const char *type, const char *name, int mode, int permissions,
                    void *pool)
{
    return real()(dbm, getenv("DMS_DBM"), name, mode, permissions, pool);
}
