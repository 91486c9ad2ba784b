/*
 * Counting anew how much the files of a folder have, where the store does not know (store/store.h,
 * dms_store_size()): at first use, after a kill, a power loss, or changes past the server. Needs no
 * httpd, so that a tool can do it as well as a request.
 */
#ifndef DMS_RECOUNT_H
#define DMS_RECOUNT_H

#include "repository/provider.h"
#include "store/store.h"

/* Counts what is below a key, which is a folder, and keeps it in the store. Takes the time to walk
 * the tree, outside transactions: others write meanwhile, and then it is walked again, three times
 * at the most; after that what changes during the walk may be counted or not, and the store knows
 * it as not exact. Returns what the provider or the store fails with. pool: for what it takes. */
apr_status_t dms_recount(dms_store_t *store, const dms_provider_t *provider, const char *key,
                         apr_pool_t *pool, apr_int64_t *bytes);

/* Walks once more what is not exact, in the hope that nobody writes meanwhile: sets *bytes then.
 * Otherwise, and where it was tried not long ago, does nothing. */
void dms_recount_again(dms_store_t *store, const dms_provider_t *provider, const char *key,
                       apr_pool_t *pool, apr_int64_t *bytes);

#endif
