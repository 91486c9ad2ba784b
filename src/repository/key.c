#include "repository/key.h"

#include <string.h>

#include <apr_strings.h>

/* Precedes the name of a provider. In a path it would be escaped. */
#define MARK "/|"

static int has_mark(const dms_provider_t *provider)
{
    return strcmp(provider->name, "fs") != 0;
}

const char *dms_key_of(apr_pool_t *pool, const dms_provider_t *provider, const char *own)
{
    if (!has_mark(provider)) {
        return own;
    }
    return apr_pstrcat(pool, MARK, provider->name, strcmp(own, "/") ? own : NULL, NULL);
}

const char *dms_key_own(const dms_provider_t *provider, const char *key)
{
    apr_size_t length = strlen(provider->name);

    if (!has_mark(provider)) {
        return strncmp(key, MARK, sizeof(MARK) - 1) ? key : NULL;
    }
    if (strncmp(key, MARK, sizeof(MARK) - 1)
        || strncmp(key + sizeof(MARK) - 1, provider->name, length)) {
        return NULL;
    }
    key += sizeof(MARK) - 1 + length;
    return !*key ? "/" : *key == '/' ? key : NULL;
}
