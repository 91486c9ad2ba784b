/*
 * Keys: what the store knows a resource by.
 *
 * A key is a path, percent-encoded, so that it is ASCII: "/" alone, or "/srv/files/a%20b", never
 * with a slash at its end. A key's parent is what precedes its last slash, its name what follows.
 *
 * All providers share one store, so the keys of each but fs begin with a mark that no key of fs can
 * begin with: "/|" and the provider's name ("/|mem", "/|mem/a"). The mark alone is that provider's
 * root. As a row of the store it is the member "|mem" of "/"; but nothing of one provider's is
 * above or below another's.
 *
 * Nobody else takes a key apart. Strings are made in the pool given, or are a part of the argument.
 * Needs no httpd.
 */
#ifndef DMS_KEYS_H
#define DMS_KEYS_H

#include <apr_pools.h>

#include "mod_dav_multistatus.h"

/* --- apart and together --- */

/* What precedes the last slash; of "/", itself. */
const char *dms_key_parent(apr_pool_t *pool, const char *key);

/* What follows it, a part of key; "" for "/". */
const char *dms_key_name(const char *key);

/* The key of what is below a key: path is escaped, and may end in a slash. */
const char *dms_key_below(apr_pool_t *pool, const char *key, const char *path);

/* The key of another name, escaped, in a key's collection. */
const char *dms_key_sibling(apr_pool_t *pool, const char *key, const char *name);

/* --- above and below --- */

/* Whether a key is another, or below it. */
int dms_key_is_at_or_below(const char *key, const char *other);

/* Makes of a key, in place, that of the collection that its resource is in. Returns 0, and leaves
 * it, where that is a provider's root. */
int dms_key_go_up(char *key);

/* Where, in the order of bytes, the rows of a resource and of those below it are. */
typedef struct dms_place_t {
    const char *key;
    const char *parent; /* the collection whose member it is; "/" is the member "" of itself */
    const char *name;
    /* What is below it: low < key < high. Beside "/", the roots of other providers, too. */
    const char *low;
    const char *high;
} dms_place_t;

void dms_key_place(apr_pool_t *pool, const char *key, dms_place_t *place);

/* --- whose --- */

/* The key of what a provider knows by a key of its own. */
const char *dms_key_of(apr_pool_t *pool, const dms_provider_t *provider, const char *own);

/* The reverse; NULL where the key is another provider's. */
const char *dms_key_own(const dms_provider_t *provider, const char *key);

#endif
