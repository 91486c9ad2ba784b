/*
 * What the store keeps of the members of one collection: their dead properties, and the locks in
 * force on them; read with few queries, to be merged into the collection's listing.
 *
 * Where a great many members have properties, they don't fit into a bounded memory. They then
 * come a page at a time, ordered by the members' names, and the collection is listed once for
 * each page; each pass tells of the members whose names are in the page's range. What has been read
 * can be forgotten at any time, and is read anew when somebody asks: so only the innermost of the
 * collections that a listing is in need hold theirs. What would not fit into a page, or has come
 * since, is read for the one member that it belongs to.
 *
 * Names are percent-encoded, as in keys (store/store.h), unless it is said otherwise. Where
 * something can't be read, a listing goes on without it: *unread tells what it is (DMS_UNREAD_*,
 * which is added), and the store has logged why.
 */
#ifndef DMS_KEPT_H
#define DMS_KEPT_H

#include "properties/live.h"
#include "store/store.h"

/* What a listing needs of the store; NULL where it needs nothing. */
typedef struct dms_kept_sources_t {
    dms_store_t *properties;
    dms_choice_t choice; /* of them */
    dms_store_t *locks;
} dms_kept_sources_t;

typedef struct dms_kept_t dms_kept_t;

/* What is kept of the members of the collection `key`, on which the locks given are in force: those
 * that are deep are in force on the members, too. unread: of these locks. outer: of the collection
 * that it is in, which outlives it, or NULL. Lives in pool. Nothing is read yet. */
dms_kept_t *dms_kept_create(apr_pool_t *pool, const dms_kept_sources_t *sources, const char *key,
                            const dms_lock_t *locks, unsigned int unread, const dms_kept_t *outer);

/* Whether there is more than one pass, which also begins the first; and then whether a member is
 * one of this one. Its name is not encoded. */
int dms_kept_has_passes(dms_kept_t *kept);
int dms_kept_is_due(const dms_kept_t *kept, const char *name, apr_pool_t *scratch);

/* At the end of a pass: whether there is another one, which then has begun. */
int dms_kept_next_pass(dms_kept_t *kept);

/* A member's dead properties, from pool where need be, or until something is forgotten; or NULL. */
dms_dead_property_t *dms_kept_properties(dms_kept_t *kept, const char *name, apr_pool_t *pool,
                                         unsigned int *unread);

/* The locks in force on a member, or NULL. As above. */
const dms_lock_t *dms_kept_locks(dms_kept_t *kept, const char *name, apr_pool_t *pool,
                                 unsigned int *unread);

/* How many bytes are held, about; and lets go of them. */
apr_size_t dms_kept_size(const dms_kept_t *kept);
void dms_kept_forget(dms_kept_t *kept);

/* The same for a single resource, from pool. */
dms_dead_property_t *dms_kept_properties_of(const dms_kept_sources_t *sources, const char *key,
                                            apr_pool_t *pool, unsigned int *unread);
const dms_lock_t *dms_kept_locks_of(const dms_kept_sources_t *sources, const char *key,
                                    apr_pool_t *pool, unsigned int *unread);

#endif
