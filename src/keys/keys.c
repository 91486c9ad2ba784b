#include "keys/keys.h"

#include <string.h>

#include <apr_strings.h>

/* Precedes the name of a provider. In a path it would be escaped. */
#define MARK "/|"

static int has_mark(const char *key)
{
    return !strncmp(key, MARK, sizeof(MARK) - 1);
}

/* "/", or a mark alone. */
static int is_root(const char *key)
{
    return !key[1] || (has_mark(key) && !strchr(key + 1, '/'));
}

/* What a key is before a slash and a name are appended: the root is the one that ends with one. */
static const char *stem_of(const char *key)
{
    return key[1] ? key : "";
}

const char *dms_key_parent(apr_pool_t *pool, const char *key)
{
    const char *slash = strrchr(key, '/');

    return slash == key ? "/" : apr_pstrmemdup(pool, key, (apr_size_t)(slash - key));
}

const char *dms_key_name(const char *key)
{
    return strrchr(key, '/') + 1;
}

const char *dms_key_below(apr_pool_t *pool, const char *key, const char *path)
{
    apr_size_t length = strlen(path);

    if (length && path[length - 1] == '/') {
        path = apr_pstrmemdup(pool, path, length - 1);
    }
    return apr_pstrcat(pool, stem_of(key), "/", path, NULL);
}

const char *dms_key_sibling(apr_pool_t *pool, const char *key, const char *name)
{
    apr_size_t length = (apr_size_t)(dms_key_name(key) - key);

    return apr_pstrcat(pool, apr_pstrmemdup(pool, key, length), name, NULL);
}

int dms_key_is_at_or_below(const char *key, const char *other)
{
    apr_size_t length = strlen(other);

    if (length == 1) {
        return !has_mark(key);
    }
    return !strncmp(key, other, length) && (!key[length] || key[length] == '/');
}

int dms_key_go_up(char *key)
{
    char *slash = strrchr(key, '/');

    if (is_root(key)) {
        return 0;
    }
    slash[slash == key] = '\0';
    return 1;
}

void dms_key_place(apr_pool_t *pool, const char *key, dms_place_t *place)
{
    place->key = key;
    place->parent = dms_key_parent(pool, key);
    place->name = dms_key_name(key);
    place->low = apr_pstrcat(pool, stem_of(key), "/", NULL);
    place->high = apr_pstrcat(pool, stem_of(key), "0", NULL); /* '0' follows '/' */
}

/* --- whose --- */

const char *dms_key_of(apr_pool_t *pool, const dms_provider_t *provider, const char *own)
{
    if (!strcmp(provider->name, "fs")) {
        return own;
    }
    return apr_pstrcat(pool, MARK, provider->name, stem_of(own), NULL);
}

const char *dms_key_own(const dms_provider_t *provider, const char *key)
{
    apr_size_t length = strlen(provider->name);

    if (!strcmp(provider->name, "fs")) {
        return has_mark(key) ? NULL : key;
    }
    if (!has_mark(key) || strncmp(key + sizeof(MARK) - 1, provider->name, length)) {
        return NULL;
    }
    key += sizeof(MARK) - 1 + length;
    return !*key ? "/" : *key == '/' ? key : NULL;
}
