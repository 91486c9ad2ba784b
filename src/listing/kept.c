#include "listing/kept.h"

#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>

#include "keys/keys.h"

/* What a lock takes, about, with the hash that it is in. */
#define LOCK_BYTES 400

/* The bytes of a DAV:owner that is repeated for each member of what is locked. */
#define INHERITED_OWNER_MAX 256

struct dms_kept_t {
    const dms_kept_sources_t *sources;
    apr_pool_t *pool;
    const char *key;
    dms_lock_t *inherited; /* the locks that are in force on every member */
    unsigned int unread;   /* of these, and of what is held */
    const char *after;     /* this pass is of the members whose names are greater (NULL: there has
                            * been none), ... */
    const char *last;      /* ... but not greater than this; NULL: there is no end */
    apr_pool_t *held;      /* of what follows; NULL: nothing is held */
    dms_page_t *page;      /* or NULL */
    apr_hash_t *locks;
};

/* --- a single resource --- */

dms_dead_property_t *dms_kept_properties_of(const dms_kept_sources_t *sources, const char *key,
                                            apr_pool_t *pool, unsigned int *unread)
{
    dms_dead_property_t *dead = NULL;

    if (sources->properties
        && dms_store_properties(sources->properties, key, &sources->choice, pool, &dead)
               != APR_SUCCESS) {
        *unread |= DMS_UNREAD_PROPERTIES;
    }
    return dead;
}

const dms_lock_t *dms_kept_locks_of(const dms_kept_sources_t *sources, const char *key,
                                    apr_pool_t *pool, unsigned int *unread)
{
    dms_lock_t *locks = NULL;

    if (sources->locks && dms_store_locks(sources->locks, key, 1, pool, &locks) != APR_SUCCESS) {
        *unread |= DMS_UNREAD_LOCKS;
    }
    return locks;
}

/* --- holding --- */

static void hold(dms_kept_t *kept)
{
    const dms_kept_sources_t *sources = kept->sources;

    if (kept->held || !(sources->properties || sources->locks)) {
        return;
    }
    apr_pool_create(&kept->held, kept->pool);
    if (sources->properties
        && dms_store_page(sources->properties, kept->key, kept->after, &sources->choice, kept->held,
                          &kept->page)
               != APR_SUCCESS) {
        kept->page = NULL;
        kept->unread |= DMS_UNREAD_PROPERTIES;
    }
    if (sources->locks
        && dms_store_member_locks(sources->locks, kept->key, kept->held, &kept->locks)
               != APR_SUCCESS) {
        kept->locks = apr_hash_make(kept->held);
        kept->unread |= DMS_UNREAD_LOCKS;
    }
}

void dms_kept_forget(dms_kept_t *kept)
{
    if (kept->held) {
        apr_pool_destroy(kept->held);
        kept->held = NULL;
        kept->page = NULL;
        kept->locks = NULL;
    }
}

apr_size_t dms_kept_size(const dms_kept_t *kept)
{
    return (kept->page ? kept->page->bytes : 0)
           + (kept->locks ? apr_hash_count(kept->locks) * LOCK_BYTES : 0);
}

/* --- passes --- */

static void begin_pass(dms_kept_t *kept, const char *after)
{
    dms_kept_forget(kept);
    kept->after = after;
    hold(kept);
    kept->last = kept->page ? apr_pstrdup(kept->pool, kept->page->last) : NULL;
}

int dms_kept_has_passes(dms_kept_t *kept)
{
    if (!kept->after) {
        begin_pass(kept, "");
    }
    return *kept->after || kept->last;
}

/* Whether a character is encoded as itself; not all that are. */
static int is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
           || c == '_' || c == '.' || !c;
}

/* As strcmp(), but that name is to be encoded first; which is seldom needed to know. */
static int compare(const char *name, const char *encoded, apr_pool_t *scratch)
{
    apr_size_t i = 0;
    int order;

    while (name[i] && name[i] == encoded[i] && is_plain(name[i])) {
        i++;
    }
    if (is_plain(name[i])) {
        return (int)(unsigned char)name[i] - (int)(unsigned char)encoded[i];
    }
    order = strcmp(apr_pescape_path(scratch, name, 1), encoded);
    apr_pool_clear(scratch);
    return order;
}

int dms_kept_is_due(const dms_kept_t *kept, const char *name, apr_pool_t *scratch)
{
    return compare(name, kept->after, scratch) > 0
           && (!kept->last || compare(name, kept->last, scratch) <= 0);
}

int dms_kept_next_pass(dms_kept_t *kept)
{
    if (!kept->last) {
        return 0;
    }
    begin_pass(kept, kept->last); /* where that fails, the rest is unread */
    return 1;
}

/* --- dead properties --- */

dms_dead_property_t *dms_kept_properties(dms_kept_t *kept, const char *name, apr_pool_t *pool,
                                         unsigned int *unread)
{
    const dms_page_t *page;
    dms_dead_property_t *dead = DMS_STORE_APART;

    hold(kept);
    *unread |= kept->unread & DMS_UNREAD_PROPERTIES;
    page = kept->page;
    if (!page) {
        return NULL;
    }
    if (!page->last || strcmp(name, page->last) <= 0) { /* it may be shorter than it was */
        dead = apr_hash_get(page->members, name, APR_HASH_KEY_STRING);
    }
    return dead == DMS_STORE_APART
               ? dms_kept_properties_of(kept->sources, dms_key_below(pool, kept->key, name), pool,
                                        unread)
               : dead;
}

/* --- locks --- */

/* A list of locks that ends in those that are inherited. */
static const dms_lock_t *with_inherited(const dms_kept_t *kept, dms_lock_t *own)
{
    dms_lock_t *last = own;

    while (last && last->next && last->next != kept->inherited) {
        last = last->next;
    }
    if (last) {
        last->next = kept->inherited;
    }
    return own ? own : kept->inherited;
}

const dms_lock_t *dms_kept_locks(dms_kept_t *kept, const char *name, apr_pool_t *pool,
                                 unsigned int *unread)
{
    dms_lock_t *own = DMS_STORE_APART;

    if (!kept->sources->locks) {
        return NULL;
    }
    hold(kept);
    *unread |= kept->unread & DMS_UNREAD_LOCKS;
    if (kept->locks) {
        own = apr_hash_get(kept->locks, name, APR_HASH_KEY_STRING);
    }
    if (own == DMS_STORE_APART
        && dms_store_own_locks(kept->sources->locks, dms_key_below(pool, kept->key, name), pool,
                               &own)
               != APR_SUCCESS) {
        own = NULL;
        *unread |= DMS_UNREAD_LOCKS;
    }
    return with_inherited(kept, own);
}

/* A lock that each member is shown with. Where its owner is long, it is told of at the root only,
 * as it may be (RFC 4918, section 15.8). */
static dms_lock_t *copy_lock(const dms_lock_t *lock, apr_pool_t *pool)
{
    dms_lock_t *copy = apr_pmemdup(pool, lock, sizeof(*lock));

    copy->token = apr_pstrdup(pool, lock->token);
    copy->key = apr_pstrdup(pool, lock->key);
    copy->uri = apr_pstrdup(pool, lock->uri);
    copy->owner = lock->owner && strlen(lock->owner) <= INHERITED_OWNER_MAX
                      ? apr_pstrdup(pool, lock->owner)
                      : NULL;
    copy->principal = apr_pstrdup(pool, lock->principal);
    return copy;
}

/* Those of a collection's locks that are in force on what is below it, too: its own are copied, and
 * those that it has from further out are shared. */
static dms_lock_t *take_deep(const dms_lock_t *locks, dms_lock_t *from_outside, apr_pool_t *pool)
{
    dms_lock_t *first, **link = &first;

    for (; locks && locks != from_outside; locks = locks->next) {
        if (locks->is_deep) {
            *link = copy_lock(locks, pool);
            link = &(*link)->next;
        }
    }
    *link = from_outside;
    return first;
}

dms_kept_t *dms_kept_create(apr_pool_t *pool, const dms_kept_sources_t *sources, const char *key,
                            const dms_lock_t *locks, unsigned int unread, const dms_kept_t *outer)
{
    dms_kept_t *kept = apr_pcalloc(pool, sizeof(*kept));

    kept->sources = sources;
    kept->pool = pool;
    kept->key = apr_pstrdup(pool, key);
    kept->unread = (unread | (outer ? outer->unread : 0)) & DMS_UNREAD_LOCKS;
    kept->inherited = take_deep(locks, outer ? outer->inherited : NULL, pool);
    return kept;
}
