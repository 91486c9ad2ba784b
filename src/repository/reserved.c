#include "repository/provider.h"

#include <stdio.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "processes/processes.h"

#define DAY 86400

const char *dms_reserved_name(apr_pool_t *pool)
{
    char mark[DMS_PROCESS_MARK_SIZE];
    apr_uint64_t random = 0;

    apr_generate_random_bytes((unsigned char *)&random, sizeof(random));
    return apr_psprintf(pool, DMS_RESERVED_PREFIX "%s-%" APR_UINT64_T_HEX_FMT,
                        dms_process_mark(mark), random);
}

const char *dms_reserved_aside(const char *reserved, apr_pool_t *pool)
{
    return apr_pstrcat(pool, DMS_RESERVED_PREFIX "aside-",
                       reserved + sizeof(DMS_RESERVED_PREFIX) - 1, NULL);
}

/* Three numbers. What stands aside is none: it is a client's. */
static int is_temporary(const char *name)
{
    char digit[2];

    return sscanf(name, DMS_RESERVED_PREFIX "%*[0-9a-f]-%*[0-9a-f]-%1[0-9a-f]", digit) == 1;
}

int dms_reserved_is_orphan(const char *name, apr_int64_t changed)
{
    dms_life_e life;

    if (!is_temporary(name)) {
        return 0;
    }
    life = dms_process_life_of_mark(name + sizeof(DMS_RESERVED_PREFIX) - 1);
    return life == DMS_LIFE_IS_OVER
           || (life == DMS_LIFE_UNKNOWN && changed < apr_time_sec(apr_time_now()) - DAY);
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
