#include "methods/conditions.h"

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <http_request.h>

#include "acts/acts.h"
#include "keys/keys.h"
#include "methods/barriers.h"
#include "methods/litter.h"
#include "server/hosts.h"
#include "server/names.h"

/* The state of a resource that an If header names. */
typedef struct state_t {
    const char *tag; /* as in the header; NULL: the request's own */
    const char *etag;
    dms_lock_t *locks;
} state_t;

typedef struct test_t {
    dms_request_t *request;
    state_t own, tagged; /* the own one, and the last other one */
    dms_error_t *error;  /* a state could not be read */
} test_t;

void dms_conditions_set_time(request_rec *r, const dms_facts_t *facts)
{
    r->mtime = apr_time_make(facts->modified.seconds, facts->modified.nanoseconds / 1000);
    if ((r->mtime <= 0 || r->mtime > r->request_time) && r->finfo.valid & APR_FINFO_CTIME) {
        r->mtime = r->finfo.ctime;
    }
}

/* The locks in force on a resource, for what a request says of them: on litter, also that on the
 * folder which it would be in. */
static dms_error_t *read_locks(dms_request_t *request, const dms_request_t *about, const char *key,
                               apr_pool_t *pool, dms_lock_t **locks)
{
    dms_error_t *error = dms_barriers_read(request, key, pool, locks);

    if (error || !about->apart) {
        return error;
    }
    while (*locks) {
        locks = &(*locks)->next;
    }
    return dms_barriers_read(request,
                             dms_key_of(pool, about->provider,
                                        apr_pescape_path(pool, about->r->filename, 1)),
                             pool, locks);
}

/* --- tagged resources --- */

/* Whether two URL paths name one resource: with a slash at the end, or without. */
static int is_same_path(const char *path, const char *own)
{
    apr_size_t length = strlen(own);

    length -= length && own[length - 1] == '/';
    return !strncmp(path, own, length) && (!path[length] || !strcmp(path + length, "/"));
}

/* Whether a tag names the request's own resource, by whatever host, as the client has written it or
 * as it has been found. */
static int is_own(request_rec *r, const char *tag)
{
    dms_destination_t uri;
    char *path;

    if (dms_destination_parse(r->pool, tag, &uri)) {
        return 0;
    }
    path = apr_pstrdup(r->pool, dms_destination_in_utf8(r->pool, uri.path));
    if (!ap_normalize_path(path, AP_NORMALIZE_DECODE_UNRESERVED | AP_NORMALIZE_MERGE_SLASHES)
        || ap_unescape_url(path) != OK) {
        return 0;
    }
    return is_same_path(path, r->uri) || is_same_path(path, dms_names_sent(r));
}

/* Asks for a resource that an If header names beside the request's own. Of the result r is NULL
 * where it is elsewhere, or the client may not see it. */
static dms_request_t *ask_for_tagged(dms_request_t *request, const char *tag)
{
    request_rec *r = request->r, *about;
    dms_request_t *tagged = apr_pcalloc(r->pool, sizeof(*tagged));
    dms_destination_t uri;

    if (dms_destination_parse(r->pool, tag, &uri) || !dms_host_is_ours(r, &uri)) {
        return tagged;
    }
    about = dms_act_ask(r, DMS_ACT_SEE, DMS_KIND_NONE, dms_destination_in_utf8(r->pool, uri.path));
    if (about->status != HTTP_OK || !dms_config_is_on(dms_config_of(about))) {
        ap_destroy_sub_req(about);
        return tagged;
    }
    tagged->r = about;
    tagged->config = dms_config_of(about);
    tagged->provider = tagged->config->provider;
    dms_litter_place(tagged); /* now, since it may ask; where it fails, so does the lookup */
    return tagged;
}

void dms_conditions_ask(dms_request_t *request)
{
    const dms_if_list_t *list;

    if (request->tagged) {
        return;
    }
    request->tagged = apr_hash_make(request->r->pool);
    for (list = request->submitted; list; list = list->next) {
        if (list->resource && !is_own(request->r, list->resource)
            && !apr_hash_get(request->tagged, list->resource, APR_HASH_KEY_STRING)) {
            apr_hash_set(request->tagged, list->resource, APR_HASH_KEY_STRING,
                         ask_for_tagged(request, list->resource));
        }
    }
}

/* Looks at the resource of a tag. It may be looked at often, so what the provider opens goes with a
 * pool of its own: a provider uses that of the request that it is given. */
static void read_tagged(test_t *test, const char *tag)
{
    dms_request_t *tagged = apr_hash_get(test->request->tagged, tag, APR_HASH_KEY_STRING);
    apr_pool_t *pool = test->request->r->pool, *own;
    request_rec *about = tagged->r;
    dms_resource_t resource = {.node = NULL};
    dms_error_t *error;

    memset(&test->tagged, 0, sizeof(test->tagged));
    test->tagged.tag = tag;
    if (!about) {
        return;
    }
    own = about->pool;
    apr_pool_create(&about->pool, own);
    if (!dms_method_lookup(tagged, DMS_FACT_ETAG, 0, &resource)) {
        if (resource.facts.kind != DMS_KIND_NONE) {
            test->tagged.etag = apr_pstrdup(pool, resource.facts.etag);
        }
        error = read_locks(test->request, tagged, resource.key, pool, &test->tagged.locks);
        test->error = test->error ? test->error : error;
    }
    apr_pool_destroy(about->pool);
    about->pool = own;
}

/* --- conditions --- */

static int is_true(void *baton, const char *tag, const dms_if_condition_t *condition)
{
    test_t *test = baton;
    const state_t *state = &test->own;

    if (tag && apr_hash_get(test->request->tagged, tag, APR_HASH_KEY_STRING)) {
        if (!test->tagged.tag || strcmp(test->tagged.tag, tag)) {
            read_tagged(test, tag);
        }
        state = &test->tagged;
    }
    if (condition->token) {
        return dms_lock_find(state->locks, condition->token) != NULL;
    }
    /* Compared strongly (section 10.4.4): our tags are strong, so a weak one never matches. */
    return state->etag && !strcmp(state->etag, condition->etag);
}

static dms_error_t *precondition_failed(dms_request_t *request, const char *which)
{
    return dms_error(request->r->pool, HTTP_PRECONDITION_FAILED, NULL, "%s does not hold", which);
}

dms_error_t *dms_conditions_check_if(dms_request_t *request, const dms_resource_t *resource)
{
    test_t test = {.request = request};
    dms_error_t *error;

    if (!request->submitted) {
        return NULL;
    }
    dms_conditions_ask(request);
    error = read_locks(request, request, resource->key, request->r->pool, &test.own.locks);
    if (error) {
        return error;
    }
    if (resource->facts.kind != DMS_KIND_NONE) {
        test.own.etag = resource->facts.etag;
    }
    if (!dms_if_holds(request->submitted, is_true, &test)) {
        error = precondition_failed(request, "If");
    }
    return test.error ? test.error : error;
}

dms_error_t *dms_conditions_check(dms_request_t *request, const dms_resource_t *resource)
{
    request_rec *r = request->r;
    int status;

    if (resource->facts.kind == DMS_KIND_NONE) { /* ap_meets_conditions() takes it to exist */
        status = apr_table_get(r->headers_in, "If-Match") ? HTTP_PRECONDITION_FAILED : OK;
    }
    else {
        apr_table_set(r->headers_out, "ETag", resource->facts.etag);
        dms_conditions_set_time(r, &resource->facts);
        status = ap_meets_conditions(r);
        apr_table_unset(r->headers_out, "ETag");
    }
    return status == OK ? dms_conditions_check_if(request, resource)
                        : precondition_failed(request, "a conditional header");
}
