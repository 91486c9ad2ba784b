#include "listing/listing.h"

#include <errno.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_request.h>

#include "acts/acts.h"
#include "acts/mounts.h"
#include "acts/rights.h"
#include "acts/sections.h"
#include "acts/types.h"
#include "config/config.h"
#include "keys/keys.h"
#include "listing/kept.h"
#include "server/error.h"
#include "server/space.h"
#include "server/state.h"

APLOG_USE_MODULE(dav_multistatus);

/* How deep a listing goes; each level holds a descriptor. */
#define LEVELS_MAX 200

/* How many bytes the levels may remember between them, twice what one of them may. */
#define REMEMBERED (3 * 1024 * 1024)

/* What httpd calls a folder, and mod_dav_fs shows. */
#define COLLECTION_TYPE "httpd/unix-directory"

typedef struct level_t level_t;
struct level_t {
    level_t *outer;
    int depth;
    apr_pool_t *pool; /* of the outermost its own, of the others that of r */
    request_rec *r;   /* whose configuration rules the collection */
    dms_node_t *node;
    dms_cursor_t *cursor;
    const char *uri;          /* escaped, with a slash at its end */
    const char *key;          /* in the store */
    const dms_space_t *space; /* of the folders in it; NULL: nobody knows, or has asked */
    int has_asked_for_space;
    /* Of those in it that are ruled as it is: what their rights are, once it is known. */
    struct {
        unsigned int rights;
        int is_known;
    } files, folders;
    dms_sections_t *sections;
    dms_types_t *types;
    dms_kept_t *kept; /* of the members, in the store */
};

struct dms_walk_t {
    const dms_listing_t *listing;
    const dms_resource_t *resource;
    const char *uri;
    dms_kept_sources_t sources;
    const char *user;    /* who asks, where it matters; NULL: nobody */
    unsigned int unread; /* of all resources: there is no store */
    apr_uint64_t left;   /* how many resources may be told of yet */
    apr_pool_t *pool;    /* of a member */
    dms_listing_fn *tell;
    void *baton;
    level_t *level; /* the innermost */
    apr_status_t status;
    int has_told_of_disk; /* the log, above its level `info` */
    /* Of the member: */
    const dms_space_t *space; /* where it has quotas of its own */
    int is_apart;             /* it is ruled unlike its collection, ... */
    int is_mounted;           /* ... and its URL is mapped by itself */
};

/* --- levels --- */

/* Has the outer levels forget, where all remember too much between them: the listing comes back to
 * the innermost ones first. Two levels that remember as much as they may do not disturb each other,
 * so that who forgets has not done so for the sake of one small folder. */
static void make_room(level_t *innermost)
{
    apr_size_t bytes = 0;
    level_t *level;

    for (level = innermost; level; level = level->outer) {
        bytes += dms_kept_size(level->kept) + dms_types_size(level->types);
        if (bytes > REMEMBERED && level != innermost) {
            dms_kept_forget(level->kept);
            dms_types_forget(level->types);
        }
    }
}

static void push_level(dms_walk_t *walk, apr_pool_t *pool, request_rec *r, dms_node_t *node,
                       dms_cursor_t *cursor, const char *uri, const char *key,
                       const dms_lock_t *locks, unsigned int unread)
{
    level_t *outer = walk->level, *level = apr_pcalloc(pool, sizeof(*level));

    level->outer = outer;
    level->depth = outer ? outer->depth + 1 : 1;
    level->pool = pool;
    level->r = r;
    level->node = node;
    level->cursor = cursor;
    level->uri = apr_pstrdup(pool, uri);
    level->key = apr_pstrdup(pool, key);
    level->sections = dms_sections_create(pool, r);
    if (walk->listing->facts & DMS_FACT_TYPE) {
        level->types = dms_types_create(pool, r, level->uri);
    }
    level->kept = dms_kept_create(pool, &walk->sources, level->key, locks, unread,
                                  outer ? outer->kept : NULL);
    walk->level = level;
    make_room(outer);
}

static void pop_level(dms_walk_t *walk)
{
    level_t *level = walk->level;

    walk->level = level->outer;
    if (level->outer) {
        ap_destroy_sub_req(level->r);
    }
    else {
        apr_pool_destroy(level->pool);
    }
}

static apr_status_t open_collection(const dms_walk_t *walk, dms_node_t *node, request_rec *r,
                                    apr_pool_t *pool, dms_cursor_t **cursor)
{
    return walk->listing->provider->open(node, r, DMS_LIST_VISIBLE,
                                         walk->listing->facts & DMS_FACTS_OF_PROVIDER, pool,
                                         cursor);
}

/* --- space --- */

/* How much space a collection has, which r rules; NULL where nobody knows, or has asked. */
static const dms_space_t *space_of(const dms_walk_t *walk, request_rec *r, dms_node_t *node,
                                   const char *key, apr_pool_t *pool)
{
    dms_quotas_t place = {.r = r,
                          .provider = walk->listing->provider,
                          .key = key,
                          .quota = dms_config_quota(dms_config_of(r))};

    return walk->listing->facts & DMS_FACT_SPACE ? dms_space_of(&place, node, pool) : NULL;
}

/* The same of those in a collection: its own, so that many of them cost nothing. */
static const dms_space_t *space_of_members(const dms_walk_t *walk, level_t *level)
{
    if (!level->has_asked_for_space) {
        level->has_asked_for_space = 1;
        level->space = space_of(walk, level->r, level->node, level->key, level->pool);
    }
    return level->space;
}

/* Of a member that has quotas of its own, which r, the answer about it, rules. */
static void note_space(dms_walk_t *walk, const dms_member_t *member, request_rec *r,
                       const char *name)
{
    level_t *level = walk->level;

    if (member->facts.kind == DMS_KIND_COLLECTION && walk->listing->facts & DMS_FACT_SPACE
        && !dms_config_has_same_quota(dms_config_of(r), dms_config_of(level->r))) {
        walk->space = space_of(walk, r, level->node, dms_key_below(walk->pool, level->key, name),
                               walk->pool);
    }
}

/* --- rights --- */

static unsigned int rights_of(const dms_walk_t *walk, dms_kind_e kind, const char *uri)
{
    return dms_rights_of(walk->listing->r, walk->listing->provider, kind, uri);
}

/* Those of the resource that was asked for. */
static unsigned int rights_of_root(const dms_walk_t *walk)
{
    const dms_resource_t *resource = walk->resource;

    if (!(walk->listing->facts & DMS_FACT_RIGHTS)) {
        return 0;
    }
    return rights_of(walk, resource->facts.kind, walk->uri)
           | (!*resource->name || dms_mounts_is_root(walk->listing->r) ? DMS_RIGHT_STAYS : 0);
}

/* Those of a member: asked for once for all that are ruled as their collection is. */
static unsigned int rights_of_member(const dms_walk_t *walk, level_t *level,
                                     const dms_subject_t *subject)
{
    int is_collection = subject->facts->kind == DMS_KIND_COLLECTION;
    unsigned int rights;

    if (!(walk->listing->facts & DMS_FACT_RIGHTS)) {
        return 0;
    }
    if (!walk->is_apart && (is_collection ? level->folders.is_known : level->files.is_known)) {
        return is_collection ? level->folders.rights : level->files.rights;
    }
    rights = rights_of(walk, subject->facts->kind, subject->uri);
    if (walk->is_apart) {
        return rights | (walk->is_mounted ? DMS_RIGHT_STAYS : 0);
    }
    if (is_collection) {
        level->folders.rights = rights;
        level->folders.is_known = 1;
    }
    else {
        level->files.rights = rights;
        level->files.is_known = 1;
    }
    return rights;
}

/* Notes of a collection whether it is ruled as the one that it is in: r is the answer about it. */
static void note_rule(dms_walk_t *walk, const dms_member_t *member, request_rec *r)
{
    const level_t *level = walk->level;

    if (member->facts.kind == DMS_KIND_COLLECTION && walk->listing->facts & DMS_FACT_RIGHTS) {
        walk->is_mounted = !dms_mounts_is_member(level->r, member->name,
                                                 dms_act_place_of(r, walk->pool), walk->pool);
        walk->is_apart = walk->is_mounted || r->per_dir_config != level->r->per_dir_config
                         || dms_sections_single_out(level->sections, member->name, 0);
    }
}

/* --- going into members --- */

/* What came of the attempt to go into a member. */
typedef enum entry_e { ENTERED, LEFT_OUT, LISTED_ONLY, FAILED } entry_e;

/* Returns the HTTP status of a member that can't be listed, or gone into. */
static int failed(dms_walk_t *walk, const level_t *level, const char *name, const char *uri,
                  apr_status_t cause)
{
    return dms_error_log_member(walk->listing->r, cause, uri,
                                ap_make_full_path(walk->pool,
                                                  dms_path_on_disk(level->r, walk->pool), name),
                                &walk->has_told_of_disk);
}

/* status: where it FAILED, the HTTP status that says why. */
static entry_e open_member(dms_walk_t *walk, request_rec *r, const char *uri, const char *name,
                           int *status)
{
    const level_t *level = walk->level;
    const dms_lock_t *locks;
    unsigned int unread = 0;
    dms_cursor_t *cursor;
    dms_node_t *node;
    apr_status_t rv = walk->listing->provider->enter(level->cursor, r->pool, &node);

    if (rv == APR_SUCCESS) {
        rv = open_collection(walk, node, r, r->pool, &cursor);
    }
    if (rv == APR_SUCCESS) {
        locks = dms_kept_locks(level->kept, name, walk->pool, &unread);
        push_level(walk, r->pool, r, node, cursor, uri, dms_key_below(r->pool, level->key, name),
                   locks, unread);
        return ENTERED;
    }
    if (rv == ENOENT || rv == ENOTDIR) { /* gone meanwhile */
        return LEFT_OUT;
    }
    if (rv == ELOOP) {
        return LISTED_ONLY;
    }
    *status = failed(walk, level, apr_punescape_url(walk->pool, name, NULL, NULL, 0), uri, rv);
    return FAILED;
}

/* Goes into a sub-collection, under the configuration that r has found for it. */
static entry_e enter_member(dms_walk_t *walk, const dms_member_t *member, request_rec *r,
                            const char *uri, const char *name, int *status)
{
    if (dms_config_of(r)->provider != walk->listing->provider
        || !dms_mounts_is_member(walk->level->r, member->name, dms_act_place_of(r, walk->pool),
                                 walk->pool)) {
        return LISTED_ONLY;
    }
    if (walk->level->depth == LEVELS_MAX) {
        *status = HTTP_INSUFFICIENT_STORAGE;
        return FAILED;
    }
    return open_member(walk, r, uri, name, status);
}

/* Asks httpd about a member that is_special, and goes into it where the depth wants that. status:
 * as above. */
static entry_e ask_and_enter(dms_walk_t *walk, const dms_member_t *member, int is_special,
                             const char *uri, const char *name, int *status)
{
    request_rec *asking = walk->listing->r, *r;
    int goes_in = walk->listing->depth == DMS_DEPTH_INFINITY
                  && member->facts.kind == DMS_KIND_COLLECTION;
    entry_e entry = LISTED_ONLY;

    if (!goes_in && !is_special) {
        return LISTED_ONLY;
    }
    r = dms_act_ask(asking, DMS_ACT_SEE, member->facts.kind, uri);
    if (r->status != HTTP_OK) {
        *status = r->status;
        entry = dms_act_hides(asking, r->status) ? LEFT_OUT : FAILED;
    }
    else {
        note_space(walk, member, r, name);
        note_rule(walk, member, r);
    }
    if (r->status == HTTP_OK && goes_in) {
        entry = enter_member(walk, member, r, uri, name, status);
    }
    if (entry != ENTERED) {
        ap_destroy_sub_req(r);
    }
    return entry;
}

/* --- telling --- */

/* Returns whether the listing goes on. */
static int tell(dms_walk_t *walk, dms_listed_t *listed)
{
    dms_onward_e onward;

    listed->subject.r = walk->listing->r;
    listed->subject.provider = walk->listing->provider;
    listed->subject.user = walk->user;
    onward = walk->tell(walk->baton, listed);
    if (onward == DMS_ONWARD_PAST && walk->level && walk->level->depth > listed->depth) {
        pop_level(walk);
    }
    return onward != DMS_ONWARD_END;
}

static void tell_type(dms_walk_t *walk, level_t *level, int is_special, dms_subject_t *subject)
{
    if (subject->facts->known & DMS_FACT_TYPE) {
        subject->type = subject->facts->type;
        return;
    }
    if (!level->types) {
        return;
    }
    if (subject->facts->kind == DMS_KIND_COLLECTION) {
        subject->type = COLLECTION_TYPE;
    }
    else {
        dms_types_tell(level->types, subject->name, is_special, walk->pool, &subject->type,
                       &subject->language);
    }
}

/* Whether a lock's root is elsewhere by URL, and hidden: made through another Alias, say. */
static int hides_root(const dms_walk_t *walk, const dms_lock_t *lock, const char *uri)
{
    return strncmp(uri, lock->uri, strlen(lock->uri)) != 0
           && dms_act_is_hidden(walk->listing->r, lock->uri);
}

/* The locks on a resource, with its own URL in the place of each root that may not be named. */
static const dms_lock_t *name_roots(const dms_walk_t *walk, const dms_lock_t *locks,
                                    const char *uri, apr_pool_t *pool)
{
    const dms_lock_t *lock = locks;
    dms_lock_t *first = NULL, **link = &first;

    while (lock && !hides_root(walk, lock, uri)) {
        lock = lock->next;
    }
    if (!lock) {
        return locks;
    }
    for (lock = locks; lock; lock = lock->next) {
        *link = apr_pmemdup(pool, lock, sizeof(*lock));
        if (hides_root(walk, lock, uri)) {
            (*link)->uri = uri;
        }
        link = &(*link)->next;
    }
    return first;
}

/* Adds what is known of a member beyond its facts, and tells of it. */
static int tell_known(dms_walk_t *walk, level_t *level, int is_special, const char *name,
                      dms_listed_t *listed)
{
    dms_subject_t *subject = &listed->subject;

    tell_type(walk, level, is_special, subject);
    if (subject->facts->kind == DMS_KIND_COLLECTION) {
        subject->space = walk->space ? walk->space : space_of_members(walk, level);
    }
    subject->rights = rights_of_member(walk, level, subject);
    subject->unread = walk->unread;
    if (walk->sources.properties) {
        subject->dead = dms_kept_properties(level->kept, name, walk->pool, &subject->unread);
    }
    if (walk->sources.locks) {
        subject->locks = name_roots(walk,
                                    dms_kept_locks(level->kept, name, walk->pool, &subject->unread),
                                    subject->uri, walk->pool);
    }
    return tell(walk, listed);
}

/* Tells of a member, and goes into it where the depth wants that. Returns whether the listing goes
 * on. */
static int tell_member(dms_walk_t *walk, const dms_member_t *member)
{
    level_t *level = walk->level;
    apr_pool_t *pool = walk->pool;
    const char *name = apr_pescape_path(pool, member->name, 1);
    int is_collection = member->facts.kind == DMS_KIND_COLLECTION, is_special = 0;
    dms_listed_t listed = {.subject = {.facts = &member->facts, .name = member->name},
                           .depth = level->depth};
    entry_e entry;

    if (dms_is_hidden(member->name)) {
        apr_pool_clear(pool);
        return 1;
    }
    walk->space = NULL;
    walk->is_mounted = 0;
    listed.subject.uri = apr_pstrcat(pool, level->uri, name, is_collection ? "/" : NULL, NULL);
    /* one that can't be looked at may be a collection */
    is_special = dms_sections_single_out(level->sections, member->name,
                                         is_collection || member->status != APR_SUCCESS);
    walk->is_apart = is_special;
    entry = ask_and_enter(walk, member, is_special, listed.subject.uri, name, &listed.status);
    if (entry == LISTED_ONLY && member->status != APR_SUCCESS) {
        listed.status = failed(walk, level, member->name, listed.subject.uri, member->status);
        entry = FAILED;
    }
    if (entry == LEFT_OUT) {
        apr_pool_clear(pool);
        return 1;
    }
    if (!walk->left--) {
        walk->status = APR_INCOMPLETE;
        return 0;
    }
    if (entry == FAILED) {
        return tell(walk, &listed);
    }
    listed.status = HTTP_OK;
    listed.is_opened = entry == ENTERED;
    return tell_known(walk, level, is_special, name, &listed);
}

/* The last segment of r->uri, as a name to display. */
static const char *own_name(request_rec *r)
{
    apr_size_t end = strlen(r->uri), begin;

    while (end > 1 && r->uri[end - 1] == '/') {
        end--;
    }
    for (begin = end; begin > 0 && r->uri[begin - 1] != '/'; begin--) {
    }
    return begin < end ? apr_pstrmemdup(r->pool, r->uri + begin, end - begin) : "/";
}

/* Tells of the resource that was asked for. */
static int tell_root(dms_walk_t *walk)
{
    request_rec *r = walk->listing->r;
    const dms_facts_t *facts = &walk->resource->facts;
    const char *key = walk->resource->key;
    dms_listed_t listed = {.subject = {.uri = walk->uri, .facts = facts, .name = own_name(r)},
                           .status = HTTP_OK,
                           .is_opened = walk->level != NULL};

    if (facts->kind == DMS_KIND_COLLECTION) {
        listed.subject.type = COLLECTION_TYPE;
        listed.subject.space = space_of(walk, r, walk->resource->node, key, r->pool);
    }
    else if (facts->known & DMS_FACT_TYPE) {
        listed.subject.type = facts->type;
    }
    else {
        listed.subject.type = dms_types_of(r);
        listed.subject.language = dms_types_language_of(r);
    }
    listed.subject.rights = rights_of_root(walk);
    listed.subject.unread = walk->unread;
    listed.subject.dead = dms_kept_properties_of(&walk->sources, key, r->pool,
                                                 &listed.subject.unread);
    listed.subject.locks = name_roots(walk,
                                      dms_kept_locks_of(&walk->sources, key, r->pool,
                                                        &listed.subject.unread),
                                      walk->uri, r->pool);
    walk->left--;
    return tell(walk, &listed);
}

/* --- the walk --- */

/* Whether this pass is to tell of a member. */
static int is_due(void *baton, const char *name)
{
    dms_walk_t *walk = baton;

    return dms_kept_is_due(walk->level->kept, name, walk->pool);
}

/* At the end of a collection. */
static void end_pass(dms_walk_t *walk)
{
    if (dms_kept_next_pass(walk->level->kept)) {
        walk->listing->provider->rewind(walk->level->cursor);
    }
    else {
        pop_level(walk);
    }
}

/* Goes on until the last level is done, or there is no use in it. */
static void list_members(dms_walk_t *walk)
{
    const dms_provider_t *provider = walk->listing->provider;
    int goes_on = 1;

    while (walk->level && goes_on) {
        dms_due_fn *due = dms_kept_has_passes(walk->level->kept) ? is_due : NULL;
        dms_member_t member;
        apr_status_t rv = provider->next(walk->level->cursor, due, walk, &member);

        if (rv == APR_SUCCESS) {
            goes_on = tell_member(walk, &member);
        }
        else if (rv == APR_EOF || rv == ENOENT) { /* the end, or the folder is gone */
            end_pass(walk);
        }
        else {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, walk->listing->r,
                          "%s can't be read to its end", walk->level->uri);
            walk->status = rv;
            goes_on = 0;
        }
    }
}

/* Finds out what is needed of the store; nothing, mostly. */
static void open_store(dms_walk_t *walk)
{
    const dms_listing_t *listing = walk->listing;
    dms_store_t *store = dms_state_store();

    if (!store) {
        walk->unread = DMS_UNREAD_PROPERTIES | DMS_UNREAD_LOCKS;
        return;
    }
    dms_state_recover(listing->r->pool, listing->provider);
    if (listing->dead.what != DMS_CHOICE_NONE && dms_store_has_properties(store)) {
        walk->sources.properties = store;
        walk->sources.choice = listing->dead;
    }
    if (listing->facts & DMS_FACT_LOCKS && dms_store_has_locks(store)) {
        walk->sources.locks = store;
    }
}

static apr_status_t open_root(dms_walk_t *walk)
{
    request_rec *r = walk->listing->r;
    const char *key = walk->resource->key;
    const dms_lock_t *locks;
    unsigned int unread = 0;
    dms_cursor_t *cursor;
    apr_pool_t *pool;
    apr_status_t rv;

    apr_pool_create(&pool, r->pool);
    rv = open_collection(walk, walk->resource->node, r, pool, &cursor);
    if (rv == APR_SUCCESS) {
        locks = dms_kept_locks_of(&walk->sources, key, r->pool, &unread);
        push_level(walk, pool, r, walk->resource->node, cursor, walk->uri, key, locks, unread);
    }
    return rv;
}

apr_status_t dms_listing_open(const dms_listing_t *listing, const dms_resource_t *resource,
                              const char *uri, dms_walk_t **walk)
{
    *walk = apr_pcalloc(listing->r->pool, sizeof(**walk));
    (*walk)->listing = listing;
    (*walk)->resource = resource;
    (*walk)->uri = uri;
    (*walk)->left = listing->limit ? listing->limit : APR_UINT64_MAX;
    open_store(*walk);
    if (resource->facts.kind != DMS_KIND_COLLECTION || listing->depth == DMS_DEPTH_0) {
        return APR_SUCCESS;
    }
    return open_root(*walk);
}

int dms_listing_has_members(const dms_walk_t *walk)
{
    return walk->level != NULL;
}

apr_status_t dms_listing_run(dms_walk_t *walk, apr_pool_t *pool, dms_listing_fn *tell_fn,
                             void *baton)
{
    walk->pool = pool;
    walk->tell = tell_fn;
    walk->baton = baton;
    if (walk->listing->facts & DMS_FACT_USER) {
        walk->user = dms_rights_user(walk->listing->r, walk->resource->facts.kind, walk->uri);
    }
    if (tell_root(walk)) {
        list_members(walk);
    }
    while (walk->level) {
        pop_level(walk);
    }
    return walk->status;
}
