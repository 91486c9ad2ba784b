#include "properties/kept.h"

#include <string.h>

#include <apr_strings.h>

#include "keys/keys.h"

struct dms_kept_t {
    const dms_kept_sources_t *sources;
    apr_pool_t *pool;
    const char *key;
    apr_pool_t *page_pool;
    dms_page_t *page;      /* or NULL */
    apr_hash_t *locks;     /* name -> the locks on it, then those inherited; or NULL */
    dms_lock_t *inherited; /* the locks that are in force on every member */
};

/* --- dead properties --- */

/* Reads what was too long to be read along with the rest. */
static void complete(const dms_kept_sources_t *sources, const char *key, dms_dead_property_t *dead,
                     apr_pool_t *pool)
{
    for (; dead && !sources->names_only; dead = dead->next) {
        if (!dead->xml) {
            dms_store_property(sources->properties, key, dead->name, pool, &dead->xml);
        }
    }
}

dms_dead_property_t *dms_kept_properties_of(const dms_kept_sources_t *sources, const char *key,
                                            apr_pool_t *pool)
{
    dms_dead_property_t *dead = NULL;

    if (sources->properties) {
        dms_store_properties(sources->properties, key, pool, &dead);
        complete(sources, key, dead, pool);
    }
    return dead;
}

/* Reads the part that follows the name `after`, which may be in the part before. */
static void read_page(dms_kept_t *kept, const char *after)
{
    apr_pool_t *before = kept->page_pool;

    apr_pool_create(&kept->page_pool, kept->pool);
    if (dms_store_page(kept->sources->properties, kept->key, after, kept->page_pool, &kept->page)
        != APR_SUCCESS) {
        kept->page = NULL;
    }
    if (before) {
        apr_pool_destroy(before);
    }
}

int dms_kept_has_passes(const dms_kept_t *kept)
{
    return kept->page && (*kept->page->after || kept->page->last);
}

int dms_kept_is_due(const dms_kept_t *kept, const char *name)
{
    const dms_page_t *page = kept->page;

    return !page
           || ((!*page->after || strcmp(name, page->after) > 0)
               && (!page->last || strcmp(name, page->last) <= 0));
}

int dms_kept_next_pass(dms_kept_t *kept)
{
    if (!kept->page || !kept->page->last) {
        return 0;
    }
    read_page(kept, kept->page->last);
    return kept->page != NULL;
}

/* A copy of a list whose long values are read for one answer only, not to stay with the page. */
static dms_dead_property_t *copy_list(const dms_dead_property_t *dead, apr_pool_t *pool)
{
    dms_dead_property_t *first = NULL, **link = &first;

    for (; dead; dead = dead->next) {
        *link = apr_pmemdup(pool, dead, sizeof(*dead));
        link = &(*link)->next;
    }
    return first;
}

dms_dead_property_t *dms_kept_properties(const dms_kept_t *kept, const char *name, apr_pool_t *pool)
{
    dms_dead_property_t *dead, *each;

    if (!kept->page) {
        return NULL;
    }
    dead = apr_hash_get(kept->page->members, name, APR_HASH_KEY_STRING);
    for (each = dead; each && each->xml; each = each->next) {
    }
    if (each) {
        dead = copy_list(dead, pool);
        complete(kept->sources, dms_key_below(pool, kept->key, name), dead, pool);
    }
    return dead;
}

/* --- locks --- */

const dms_lock_t *dms_kept_locks_of(const dms_kept_sources_t *sources, const char *key,
                                    apr_pool_t *pool)
{
    dms_lock_t *locks = NULL;

    if (sources->locks) {
        dms_store_locks(sources->locks, key, 0, pool, &locks);
    }
    return locks;
}

const dms_lock_t *dms_kept_locks(const dms_kept_t *kept, const char *name)
{
    const dms_lock_t *locks = NULL;

    if (kept->locks) {
        locks = apr_hash_get(kept->locks, name, APR_HASH_KEY_STRING);
    }
    return locks ? locks : kept->inherited;
}

/* Copies those of a resource's locks that are in force on what is below it, too. */
static dms_lock_t *copy_deep(const dms_lock_t *locks, apr_pool_t *pool)
{
    dms_lock_t *first = NULL, **link = &first;

    for (; locks; locks = locks->next) {
        if (locks->is_deep) {
            *link = apr_pmemdup(pool, locks, sizeof(*locks));
            (*link)->next = NULL;
            link = &(*link)->next;
        }
    }
    return first;
}

static void read_locks(dms_kept_t *kept, const dms_lock_t *locks)
{
    apr_hash_index_t *index;

    kept->inherited = copy_deep(locks, kept->pool);
    if (dms_store_member_locks(kept->sources->locks, kept->key, kept->pool, &kept->locks)
        != APR_SUCCESS) {
        kept->locks = NULL;
        return;
    }
    for (index = apr_hash_first(kept->pool, kept->locks); index; index = apr_hash_next(index)) {
        dms_lock_t *last = apr_hash_this_val(index);

        while (last->next) {
            last = last->next;
        }
        last->next = kept->inherited;
    }
}

dms_kept_t *dms_kept_create(apr_pool_t *pool, const dms_kept_sources_t *sources, const char *key,
                            const dms_lock_t *locks)
{
    dms_kept_t *kept = apr_pcalloc(pool, sizeof(*kept));

    kept->sources = sources;
    kept->pool = pool;
    kept->key = apr_pstrdup(pool, key);
    if (sources->properties) {
        read_page(kept, "");
    }
    if (sources->locks) {
        read_locks(kept, locks);
    }
    return kept;
}
