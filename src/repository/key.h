/*
 * What the store knows a resource by: its key. All providers share one store, so the keys of each
 * but fs begin with its name, written as no key of fs can begin.
 */
#ifndef DMS_KEY_H
#define DMS_KEY_H

#include <apr_pools.h>

#include "mod_dav_multistatus.h"

/* The key of what a provider knows by a key of its own. In pool, or the same string. */
const char *dms_key_of(apr_pool_t *pool, const dms_provider_t *provider, const char *own);

/* The reverse: a part of key, or NULL where the key is another provider's. */
const char *dms_key_own(const dms_provider_t *provider, const char *key);

#endif
