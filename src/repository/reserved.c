#include "repository/provider.h"

#include <apr_strings.h>
#include <apr_uuid.h>

const char *dms_reserved_name(apr_pool_t *pool)
{
    char random[APR_UUID_FORMATTED_LENGTH + 1];
    apr_uuid_t uuid;

    apr_uuid_get(&uuid);
    apr_uuid_format(random, &uuid);
    return apr_pstrcat(pool, DMS_RESERVED_PREFIX, random, NULL);
}

int dms_is_reserved(const char *name)
{
    return *name == '.' && !strncmp(name, DMS_RESERVED_PREFIX, sizeof(DMS_RESERVED_PREFIX) - 1);
}

/* Whether the segment that a string begins with is hidden. */
static int segment_is_hidden(const char *segment)
{
    return dms_is_reserved(segment)
           || (!strncmp(segment, ".DAV", 4) && (!segment[4] || segment[4] == '/'));
}

int dms_is_hidden(const char *name)
{
    return *name == '.' && segment_is_hidden(name);
}

int dms_path_is_hidden(const char *path)
{
    while ((path = strchr(path, '/')) != NULL) {
        path++;
        if (dms_is_hidden(path)) {
            return 1;
        }
    }
    return 0;
}
