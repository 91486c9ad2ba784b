/*
 * PROPFIND (RFC 4918, section 9.1): what properties a resource and its members have.
 *
 * The collections that a listing is in form a stack of levels, one cursor each; at any moment the
 * answer costs the memory of one member and of the levels above it.
 */
#include "methods/method.h"

#include <errno.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_request.h>

#include "access/access.h"
#include "access/types.h"
#include "properties/plan.h"
#include "request/headers.h"
#include "server/body.h"
#include "server/reply.h"
#include "server/state.h"
#include "store/store.h"

APLOG_USE_MODULE(dav_multistatus);

/* How deep a listing goes; each level holds a descriptor. */
#define LEVELS_MAX 200

/* What httpd calls a folder, and mod_dav_fs shows. */
#define COLLECTION_TYPE "httpd/unix-directory"

typedef struct level_t level_t;
struct level_t {
    level_t *outer;
    int depth;
    apr_pool_t *pool;
    request_rec *r; /* whose configuration rules the collection */
    dms_cursor_t *cursor;
    const char *uri; /* escaped, with a slash at its end */
    const char *key; /* in the store */
    dms_types_t *types;
    apr_pool_t *page_pool;
    dms_page_t *page;      /* the dead properties of some or all members, or NULL */
    apr_hash_t *locks;     /* name of a member -> those on it, then those inherited; or NULL */
    dms_lock_t *inherited; /* the locks that are in force on every member */
};

typedef struct listing_t {
    request_rec *r;
    const dms_provider_t *provider;
    dms_plan_t *plan;
    dms_depth_e depth;
    dms_store_t *store;      /* NULL: no dead property is of interest */
    dms_store_t *lock_store; /* NULL: no lock is */
    apr_uint64_t left;       /* how many responses may follow */
    dms_reply_t *reply;
    level_t *level; /* the innermost */
} listing_t;

static dms_error_t *read_request(dms_request_t *request, listing_t *listing)
{
    request_rec *r = request->r;
    dms_element_t *root = NULL;
    const char *complaint;
    dms_error_t *error;

    listing->depth = dms_depth_parse(apr_table_get(r->headers_in, "Depth"), DMS_DEPTH_INFINITY);
    if (listing->depth == DMS_DEPTH_INVALID) {
        return dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "Depth is none of 0, 1 and infinity");
    }
    error = dms_body_read_xml(r, &root);
    if (error) {
        return error;
    }
    listing->plan = dms_plan_create(r->pool, root, &complaint);
    if (!listing->plan) {
        return dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "%s", complaint);
    }
    if (listing->depth == DMS_DEPTH_INFINITY && !dms_config_depth_infinity(request->config)) {
        return dms_error(r->pool, HTTP_FORBIDDEN, "propfind-finite-depth",
                         "DavMultistatusDepthInfinity is Off here");
    }
    return NULL;
}

/* A collection that was asked for without its slash is answered, not redirected, and
 * Content-Location tells its name (RFC 4918, section 5.2). */
static const char *own_uri(request_rec *r, dms_kind_e kind)
{
    const char *uri = dms_method_uri(r, kind);

    if (kind == DMS_KIND_COLLECTION && r->uri[strlen(r->uri) - 1] != '/') {
        apr_table_setn(r->headers_out, "Content-Location", uri);
    }
    return uri;
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

/* Adds the response of a resource. Returns 0 when the listing is over. */
static int add_resource(listing_t *listing, const char *uri, const dms_subject_t *subject)
{
    dms_response_t *response = dms_response_create(dms_reply_pool(listing->reply), uri);

    dms_plan_apply(listing->plan, subject, response);
    return dms_reply_add(listing->reply, response);
}

static int add_failure(listing_t *listing, const char *uri, int status, const char *description)
{
    dms_response_t *response = dms_response_create(dms_reply_pool(listing->reply), uri);

    dms_response_set_status(response, status);
    response->description = description;
    return dms_reply_add(listing->reply, response);
}

/* Ends an answer that has as many responses as it may, honestly: the last one says so. */
static int add_limit(listing_t *listing, const char *uri)
{
    static const dms_name_t name = DMS_NAME(DMS_NS_DAV, "number-of-matches-within-limits");
    static const dms_element_t condition = {.name = &name};
    dms_response_t *response = dms_response_create(dms_reply_pool(listing->reply), uri);

    dms_response_set_status(response, HTTP_INSUFFICIENT_STORAGE);
    response->error = &condition;
    dms_reply_add(listing->reply, response);
    return 0;
}

/* --- dead properties --- */

/* Reads what was too long to be read along with the rest. */
static void complete_dead(listing_t *listing, const char *key, dms_dead_property_t *dead,
                          apr_pool_t *pool)
{
    for (; dead; dead = dead->next) {
        if (!dead->xml) {
            dms_store_property(listing->store, key, dead->name, pool, &dead->xml);
        }
    }
}

static dms_dead_property_t *own_dead(listing_t *listing, const char *key)
{
    dms_dead_property_t *dead = NULL;

    if (listing->store) {
        dms_store_properties(listing->store, key, listing->r->pool, &dead);
        complete_dead(listing, key, dead, listing->r->pool);
    }
    return dead;
}

/* Reads the properties of the members that follow the name `after`. Without them, the listing goes
 * on. */
static void read_page(listing_t *listing, level_t *level, const char *after)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, level->pool);
    if (dms_store_page(listing->store, level->key, after, pool, &level->page) != APR_SUCCESS) {
        level->page = NULL;
    }
    if (level->page_pool) {
        apr_pool_destroy(level->page_pool); /* `after` may have been in it */
    }
    level->page_pool = pool;
}

/* Whether a member belongs to the part of the collection whose properties are at hand. There is
 * more than one part only where a great many members have properties; then there is a pass for
 * each. */
static int is_on_page(const dms_page_t *page, const char *name)
{
    return !page
           || ((!*page->after || strcmp(name, page->after) > 0)
               && (!page->last || strcmp(name, page->last) <= 0));
}

/* At the end of a pass: begins the next one, if there is one. */
static int next_pass(listing_t *listing, level_t *level)
{
    if (!level->page || !level->page->last) {
        return 0;
    }
    read_page(listing, level, level->page->last);
    listing->provider->rewind(level->cursor);
    return level->page != NULL;
}

static dms_dead_property_t *member_dead(listing_t *listing, const level_t *level, const char *name)
{
    apr_pool_t *pool = dms_reply_pool(listing->reply);
    dms_dead_property_t *dead;

    if (!level->page) {
        return NULL;
    }
    dead = apr_hash_get(level->page->members, name, APR_HASH_KEY_STRING);
    complete_dead(listing, apr_pstrcat(pool, level->key, "/", name, NULL), dead, pool);
    return dead;
}

/* --- locks --- */

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

static dms_lock_t *own_locks(listing_t *listing, const char *key)
{
    dms_lock_t *locks = NULL;

    if (listing->lock_store) {
        dms_store_locks(listing->lock_store, key, 0, listing->r->pool, &locks);
    }
    return locks;
}

static dms_lock_t *member_locks(const level_t *level, const char *name)
{
    dms_lock_t *locks = NULL;

    if (level->locks) {
        locks = apr_hash_get(level->locks, name, APR_HASH_KEY_STRING);
    }
    return locks ? locks : level->inherited;
}

/* Reads the locks on the members of a collection, with one query. locks: those on the collection. */
static void read_locks(listing_t *listing, level_t *level, const dms_lock_t *locks)
{
    apr_hash_index_t *index;

    level->inherited = copy_deep(locks, level->pool);
    if (dms_store_member_locks(listing->lock_store, level->key, level->pool, &level->locks)
        != APR_SUCCESS) {
        level->locks = NULL;
        return;
    }
    for (index = apr_hash_first(level->pool, level->locks); index; index = apr_hash_next(index)) {
        dms_lock_t *last = apr_hash_this_val(index);

        while (last->next) {
            last = last->next;
        }
        last->next = level->inherited;
    }
}

/* --- levels --- */

static dms_types_t *make_types(listing_t *listing, apr_pool_t *pool, request_rec *r,
                               const char *uri)
{
    return dms_plan_facts(listing->plan) & DMS_FACT_TYPE ? dms_types_create(pool, r, uri) : NULL;
}

static void push_level(listing_t *listing, apr_pool_t *pool, request_rec *r, dms_cursor_t *cursor,
                       const char *uri, const char *key, const dms_lock_t *locks)
{
    level_t *level = apr_pcalloc(pool, sizeof(*level));

    level->outer = listing->level;
    level->depth = level->outer ? level->outer->depth + 1 : 1;
    level->pool = pool;
    level->r = r;
    level->cursor = cursor;
    level->uri = apr_pstrdup(pool, uri);
    level->key = apr_pstrdup(pool, key);
    level->types = make_types(listing, pool, r, level->uri);
    if (listing->store) {
        read_page(listing, level, "");
    }
    if (listing->lock_store) {
        read_locks(listing, level, locks);
    }
    listing->level = level;
}

static void pop_level(listing_t *listing)
{
    level_t *level = listing->level;
    request_rec *r = level->r;

    listing->level = level->outer;
    apr_pool_destroy(level->pool);
    if (r != listing->r) {
        ap_destroy_sub_req(r);
    }
}

/* What came of the attempt to go into a member. */
typedef enum entry_e { ENTERED, LEFT_OUT, LISTED_ONLY, FAILED } entry_e;

static entry_e open_member(listing_t *listing, request_rec *r, const char *uri, const char *name,
                           apr_status_t *status)
{
    unsigned int facts = dms_plan_facts(listing->plan) & DMS_FACTS_OF_PROVIDER;
    dms_cursor_t *cursor;
    dms_node_t *node;
    apr_pool_t *pool;

    apr_pool_create(&pool, r->pool);
    *status = listing->provider->enter(listing->level->cursor, pool, &node);
    if (*status == APR_SUCCESS) {
        *status = listing->provider->open(node, r, DMS_LIST_VISIBLE, facts, pool, &cursor);
    }
    if (*status == APR_SUCCESS) {
        push_level(listing, pool, r, cursor, uri,
                   apr_pstrcat(pool, listing->level->key, "/", name, NULL),
                   member_locks(listing->level, name));
        return ENTERED;
    }
    apr_pool_destroy(pool);
    if (*status == ENOENT || *status == ENOTDIR) { /* gone meanwhile */
        return LEFT_OUT;
    }
    return *status == ELOOP ? LISTED_ONLY : FAILED;
}

/* Goes into a sub-collection, where httpd lets the request in and the module is on. */
static entry_e enter_member(listing_t *listing, const char *uri, const char *name,
                            apr_status_t *status)
{
    request_rec *r;
    entry_e entry = LISTED_ONLY;

    if (listing->level->depth == LEVELS_MAX) {
        *status = APR_ENAMETOOLONG;
        return FAILED;
    }
    r = dms_access_ask(listing->level->r, listing->r->method, uri);
    if (r->status == HTTP_FORBIDDEN || r->status == HTTP_UNAUTHORIZED) {
        entry = LEFT_OUT;
    }
    else if (r->status == HTTP_OK && dms_config_of(r)->provider == listing->provider) {
        entry = open_member(listing, r, uri, name, status);
    }
    if (entry != ENTERED) {
        ap_destroy_sub_req(r);
    }
    return entry;
}

static void tell_type(level_t *level, dms_subject_t *subject)
{
    if (!level->types) {
        return;
    }
    if (subject->facts->kind == DMS_KIND_COLLECTION) {
        subject->type = COLLECTION_TYPE;
    }
    else {
        dms_types_tell(level->types, subject->name, &subject->type, &subject->language);
    }
}

/* Whether a member is one of the store's own files. */
static int is_of_store(const level_t *level, const dms_member_t *member, apr_pool_t *pool)
{
    return dms_state_may_own(member->name)
           && dms_state_owns(pool, ap_make_full_path(pool, level->r->filename, member->name));
}

/* Adds a member's response, and goes into it where the depth wants that. Returns 0 when the listing
 * is over. */
static int add_member(listing_t *listing, const dms_member_t *member)
{
    level_t *level = listing->level;
    apr_pool_t *pool = dms_reply_pool(listing->reply);
    const char *name = apr_pescape_path(pool, member->name, 1), *uri;
    dms_subject_t subject = {.facts = &member->facts, .name = member->name};
    apr_status_t status = member->status;
    entry_e entry = status == APR_SUCCESS ? LISTED_ONLY : FAILED;

    if (!is_on_page(level->page, name) || is_of_store(level, member, pool)) {
        return 1;
    }
    uri = apr_pstrcat(pool, level->uri, name,
                      member->facts.kind == DMS_KIND_COLLECTION ? "/" : NULL, NULL);
    if (listing->depth == DMS_DEPTH_INFINITY && member->facts.kind == DMS_KIND_COLLECTION) {
        entry = enter_member(listing, uri, name, &status);
    }
    if (entry == LEFT_OUT) {
        return 1;
    }
    if (!listing->left--) {
        return add_limit(listing, own_uri(listing->r, DMS_KIND_COLLECTION));
    }
    if (entry == FAILED) {
        return add_failure(listing, uri, dms_status_from(status), NULL);
    }
    tell_type(level, &subject);
    subject.dead = member_dead(listing, level, name);
    subject.locks = member_locks(level, name);
    return add_resource(listing, uri, &subject);
}

/* Lists until the last level is done, or the client has gone. */
static void list_members(listing_t *listing)
{
    int goes_on = 1;

    while (listing->level && goes_on) {
        dms_member_t member;
        apr_status_t rv = listing->provider->next(listing->level->cursor, &member);

        if (rv == APR_SUCCESS) {
            goes_on = add_member(listing, &member);
        }
        else if (rv == APR_EOF || rv == ENOENT) { /* the end, or the folder is gone */
            if (!next_pass(listing, listing->level)) {
                pop_level(listing);
            }
        }
        else {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, listing->r, "%s can't be read to its end",
                          listing->level->uri);
            dms_reply_fail(listing->reply, rv);
            goes_on = 0;
        }
    }
    while (listing->level) {
        pop_level(listing);
    }
}

static int add_own(listing_t *listing, const dms_resource_t *resource, const char *uri)
{
    request_rec *r = listing->r;
    dms_subject_t subject = {.facts = &resource->facts, .name = own_name(r)};

    if (resource->facts.kind == DMS_KIND_COLLECTION) {
        subject.type = COLLECTION_TYPE;
    }
    else {
        subject.type = dms_types_of(r);
        subject.language = dms_types_language_of(r);
    }
    subject.dead = own_dead(listing, resource->key);
    subject.locks = own_locks(listing, resource->key);
    listing->left--;
    return add_resource(listing, uri, &subject);
}

/* Finds out what the answer needs of the store; nothing, mostly. */
static void open_store(listing_t *listing)
{
    dms_store_t *store = dms_state_store();

    if (!store) {
        return;
    }
    dms_state_recover(listing->r->pool, listing->r->server, listing->provider, 0);
    if (dms_plan_wants_dead(listing->plan) && dms_store_has_properties(store)) {
        listing->store = store;
    }
    if (dms_plan_facts(listing->plan) & DMS_FACT_LOCKS && dms_store_has_locks(store)) {
        listing->lock_store = store;
    }
}

dms_error_t *dms_method_propfind(dms_request_t *request, int *result)
{
    request_rec *r = request->r;
    listing_t listing = {.r = r, .provider = request->provider};
    dms_resource_t resource = {.node = NULL};
    apr_uint64_t limit = dms_config_max_responses(request->config);
    dms_error_t *error = read_request(request, &listing);
    dms_cursor_t *cursor;
    const char *uri;
    unsigned int facts;
    apr_status_t rv;

    if (error) {
        return error;
    }
    facts = dms_plan_facts(listing.plan) & DMS_FACTS_OF_PROVIDER;
    error = dms_method_lookup(request, facts, 1, &resource);
    if (error) {
        return error;
    }
    open_store(&listing);
    uri = own_uri(r, resource.facts.kind);
    if (resource.facts.kind == DMS_KIND_COLLECTION && listing.depth != DMS_DEPTH_0) {
        apr_pool_t *pool;

        apr_pool_create(&pool, r->pool);
        rv = listing.provider->open(resource.node, r, DMS_LIST_VISIBLE, facts, pool, &cursor);
        if (rv != APR_SUCCESS) {
            return dms_error_of(r->pool, rv, "the collection can't be listed");
        }
        push_level(&listing, pool, r, cursor, uri, resource.key, own_locks(&listing, resource.key));
    }
    listing.left = limit ? limit : APR_UINT64_MAX;
    listing.reply = dms_reply_create(r);
    dms_plan_declare(listing.plan, listing.reply->writer);
    if (add_own(&listing, &resource, uri)) {
        list_members(&listing);
    }
    *result = dms_reply_end(listing.reply);
    return NULL;
}
