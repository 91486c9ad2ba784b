/*
 * What the store keeps of the members of one collection: their dead properties, and the locks in
 * force on them; read with one query each, to be merged into the collection's listing.
 *
 * Where a great many members have properties, they don't fit into a bounded memory. They then
 * come a part at a time, ordered by the members' names, and the collection is listed once for
 * each part; each pass tells of the members whose names are in the part's range.
 *
 * Names are percent-encoded, as in keys (store/store.h). What can't be read is left out, and the
 * store has logged why: a listing goes on without it.
 */
#ifndef DMS_KEPT_H
#define DMS_KEPT_H

#include "store/store.h"

/* What an answer needs of the store; NULL where it needs nothing. */
typedef struct dms_kept_sources_t {
    dms_store_t *properties;
    int names_only; /* long values are not read */
    dms_store_t *locks;
} dms_kept_sources_t;

typedef struct dms_kept_t dms_kept_t;

/* Reads what is kept of the members of the collection `key`, into pool, on which the locks given
 * are in force. */
dms_kept_t *dms_kept_create(apr_pool_t *pool, const dms_kept_sources_t *sources, const char *key,
                            const dms_lock_t *locks);

/* Whether there is more than one pass, and whether a member is one of this one. */
int dms_kept_has_passes(const dms_kept_t *kept);
int dms_kept_is_due(const dms_kept_t *kept, const char *name);

/* At the end of a pass: whether there is another one, which then has begun. */
int dms_kept_next_pass(dms_kept_t *kept);

/* A member's dead properties, complete, from pool where need be; or NULL. */
dms_dead_property_t *dms_kept_properties(const dms_kept_t *kept, const char *name,
                                         apr_pool_t *pool);

/* The locks in force on a member, or NULL. */
const dms_lock_t *dms_kept_locks(const dms_kept_t *kept, const char *name);

/* The same for a single resource, from pool. */
dms_dead_property_t *dms_kept_properties_of(const dms_kept_sources_t *sources, const char *key,
                                            apr_pool_t *pool);
const dms_lock_t *dms_kept_locks_of(const dms_kept_sources_t *sources, const char *key,
                                    apr_pool_t *pool);

#endif
