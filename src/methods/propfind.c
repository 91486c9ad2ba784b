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

#include "acts/acts.h"
#include "acts/sections.h"
#include "acts/types.h"
#include "keys/keys.h"
#include "properties/kept.h"
#include "properties/plan.h"
#include "request/headers.h"
#include "server/api.h"
#include "server/body.h"
#include "server/reply.h"
#include "server/state.h"

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
    dms_sections_t *sections;
    dms_types_t *types;
    dms_kept_t *kept; /* of the members, in the store */
};

typedef struct listing_t {
    request_rec *r;
    const dms_provider_t *provider;
    dms_plan_t *plan;
    dms_depth_e depth;
    dms_kept_sources_t sources;
    apr_uint64_t left; /* how many responses may follow */
    dms_reply_t *reply;
    level_t *level;  /* the innermost */
    dms_day_t *days; /* DMS_DAYS of them */
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
    listing->plan = dms_plan_create(r->pool, dms_api_live_properties(r, listing->provider), root,
                                    &complaint);
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

static int add_failure(listing_t *listing, const char *uri, int status)
{
    dms_response_t *response = dms_response_create(dms_reply_pool(listing->reply), uri);

    dms_response_set_status(response, status);
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

static dms_types_t *make_types(const listing_t *listing, const level_t *level)
{
    return dms_plan_facts(listing->plan) & DMS_FACT_TYPE
               ? dms_types_create(level->pool, level->r, level->uri)
               : NULL;
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
    level->sections = dms_sections_create(pool, r);
    level->types = make_types(listing, level);
    level->kept = dms_kept_create(pool, &listing->sources, level->key, locks);
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

/* status: where it FAILED, the HTTP status that says why. */
static entry_e open_member(listing_t *listing, request_rec *r, const char *uri, const char *name,
                           int *status)
{
    unsigned int facts = dms_plan_facts(listing->plan) & DMS_FACTS_OF_PROVIDER;
    dms_cursor_t *cursor;
    dms_node_t *node;
    apr_pool_t *pool;
    apr_status_t rv;

    apr_pool_create(&pool, r->pool);
    rv = listing->provider->enter(listing->level->cursor, pool, &node);
    if (rv == APR_SUCCESS) {
        rv = listing->provider->open(node, r, DMS_LIST_VISIBLE, facts, pool, &cursor);
    }
    if (rv == APR_SUCCESS) {
        push_level(listing, pool, r, cursor, uri, dms_key_below(pool, listing->level->key, name),
                   dms_kept_locks(listing->level->kept, name));
        return ENTERED;
    }
    apr_pool_destroy(pool);
    if (rv == ENOENT || rv == ENOTDIR) { /* gone meanwhile */
        return LEFT_OUT;
    }
    *status = dms_status_from(rv);
    return rv == ELOOP ? LISTED_ONLY : FAILED;
}

/* Goes into a sub-collection, under the configuration that r has found for it. */
static entry_e enter_member(listing_t *listing, request_rec *r, const char *uri, const char *name,
                            int *status)
{
    if (dms_config_of(r)->provider != listing->provider) {
        return LISTED_ONLY;
    }
    if (listing->level->depth == LEVELS_MAX) {
        *status = HTTP_INSUFFICIENT_STORAGE;
        return FAILED;
    }
    return open_member(listing, r, uri, name, status);
}

/* Asks httpd about a member that is_special, and goes into it where the depth wants that. status:
 * as above. */
static entry_e ask_and_enter(listing_t *listing, const dms_member_t *member, int is_special,
                             const char *uri, const char *name, int *status)
{
    int goes_in = listing->depth == DMS_DEPTH_INFINITY && member->facts.kind == DMS_KIND_COLLECTION;
    entry_e entry = LISTED_ONLY;
    request_rec *r;

    if (!goes_in && !is_special) {
        return LISTED_ONLY;
    }
    r = dms_act_ask(listing->r, DMS_ACT_SEE, member->facts.kind, uri);
    if (r->status == HTTP_FORBIDDEN || r->status == HTTP_UNAUTHORIZED) {
        *status = r->status;
        entry = dms_config_show_forbidden(dms_config_of(listing->r)) ? FAILED : LEFT_OUT;
    }
    else if (r->status != HTTP_OK) {
        *status = r->status;
        entry = FAILED;
    }
    else if (goes_in) {
        entry = enter_member(listing, r, uri, name, status);
    }
    if (entry != ENTERED) {
        ap_destroy_sub_req(r);
    }
    return entry;
}

static void tell_type(level_t *level, int is_special, dms_subject_t *subject)
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
        dms_types_tell(level->types, subject->name, is_special, &subject->type, &subject->language);
    }
}

/* Whether a member is the module's own: of a reserved name, or one of the store's files. */
static int is_own(const level_t *level, const dms_member_t *member, apr_pool_t *pool)
{
    return dms_is_hidden(member->name)
           || (dms_state_may_own(member->name)
               && dms_state_owns(pool, ap_make_full_path(pool, level->r->filename, member->name)));
}

/* Adds a member's response, and goes into it where the depth wants that. Returns 0 when the listing
 * is over. */
static int add_member(listing_t *listing, const dms_member_t *member)
{
    level_t *level = listing->level;
    apr_pool_t *pool = dms_reply_pool(listing->reply);
    const char *name = apr_pescape_path(pool, member->name, 1), *uri;
    dms_subject_t subject = {.r = listing->r,
                             .provider = listing->provider,
                             .facts = &member->facts,
                             .name = member->name,
                             .days = listing->days};
    int status = dms_status_from(member->status), is_special = 0;
    entry_e entry = FAILED;

    if (is_own(level, member, pool)) {
        apr_pool_clear(pool);
        return 1;
    }
    uri = apr_pstrcat(pool, level->uri, name,
                      member->facts.kind == DMS_KIND_COLLECTION ? "/" : NULL, NULL);
    if (member->status == APR_SUCCESS) {
        is_special = dms_sections_single_out(level->sections, member->name,
                                             member->facts.kind == DMS_KIND_COLLECTION);
        entry = ask_and_enter(listing, member, is_special, uri, name, &status);
    }
    if (entry == LEFT_OUT) {
        apr_pool_clear(pool);
        return 1;
    }
    if (!listing->left--) {
        return add_limit(listing, own_uri(listing->r, DMS_KIND_COLLECTION));
    }
    if (entry == FAILED) {
        return add_failure(listing, uri, status);
    }
    subject.uri = uri;
    tell_type(level, is_special, &subject);
    subject.dead = dms_kept_properties(level->kept, name, pool);
    subject.locks = dms_kept_locks(level->kept, name);
    return add_resource(listing, uri, &subject);
}

/* Whether this pass is to tell of a member. */
static int is_due(void *baton, const char *name)
{
    listing_t *listing = baton;
    apr_pool_t *pool = dms_reply_pool(listing->reply);
    int due = 1;

    if (dms_kept_has_passes(listing->level->kept)) {
        due = dms_kept_is_due(listing->level->kept, apr_pescape_path(pool, name, 1));
        apr_pool_clear(pool);
    }
    return due;
}

/* Lists until the last level is done, or the client has gone. */
static void list_members(listing_t *listing)
{
    int goes_on = 1;

    while (listing->level && goes_on) {
        dms_member_t member;
        apr_status_t rv = listing->provider->next(listing->level->cursor, is_due, listing, &member);

        if (rv == APR_SUCCESS) {
            goes_on = add_member(listing, &member);
        }
        else if (rv == APR_EOF || rv == ENOENT) { /* the end, or the folder is gone */
            if (dms_kept_next_pass(listing->level->kept)) {
                listing->provider->rewind(listing->level->cursor);
            }
            else {
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
    dms_subject_t subject = {.r = r,
                             .provider = listing->provider,
                             .uri = uri,
                             .facts = &resource->facts,
                             .name = own_name(r),
                             .days = listing->days};

    if (resource->facts.kind == DMS_KIND_COLLECTION) {
        subject.type = COLLECTION_TYPE;
    }
    else if (resource->facts.known & DMS_FACT_TYPE) {
        subject.type = resource->facts.type;
    }
    else {
        subject.type = dms_types_of(r);
        subject.language = dms_types_language_of(r);
    }
    subject.dead = dms_kept_properties_of(&listing->sources, resource->key, r->pool);
    subject.locks = dms_kept_locks_of(&listing->sources, resource->key, r->pool);
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
    dms_state_recover(listing->r->pool, listing->provider);
    if (dms_plan_wants_dead(listing->plan) && dms_store_has_properties(store)) {
        listing->sources.properties = store;
        listing->sources.names_only = dms_plan_wants_names(listing->plan);
    }
    if (dms_plan_facts(listing->plan) & DMS_FACT_LOCKS && dms_store_has_locks(store)) {
        listing->sources.locks = store;
    }
}

static dms_error_t *answer_propfind(dms_request_t *request, int *result)
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
        push_level(&listing, pool, r, cursor, uri, resource.key,
                   dms_kept_locks_of(&listing.sources, resource.key, r->pool));
    }
    listing.left = limit ? limit : APR_UINT64_MAX;
    listing.days = apr_pcalloc(r->pool, DMS_DAYS * sizeof(*listing.days));
    listing.reply = dms_reply_create(r);
    dms_plan_declare(listing.plan, listing.reply->writer, listing.level != NULL);
    if (add_own(&listing, &resource, uri)) {
        list_members(&listing);
    }
    *result = dms_reply_end(listing.reply, NULL);
    return NULL;
}

const dms_method_t dms_method_propfind = {
    .name = "PROPFIND",
    .answer = answer_propfind,
    .kinds = DMS_ON_FILE | DMS_ON_COLLECTION,
};
