/*
 * PROPFIND (RFC 4918, section 9.1): what properties a resource and its members have.
 */
#include "methods/method.h"

#include "listing/listing.h"
#include "methods/conditions.h"
#include "properties/plan.h"
#include "request/prefer.h"
#include "server/api.h"
#include "server/body.h"
#include "server/reply.h"

/* What is made of the resources that a listing tells of. */
typedef struct propfind_t {
    dms_plan_t *plan;
    dms_reply_t *reply;
    dms_day_t *days; /* DMS_DAYS of them */
    int no_root;
} propfind_t;

static dms_error_t *read_request(dms_request_t *request, dms_listing_t *listing, dms_plan_t **plan,
                                 dms_prefer_t *prefer)
{
    request_rec *r = request->r;
    const char *depth = apr_table_get(r->headers_in, "Depth");
    dms_element_t *root = NULL;
    const char *complaint;
    dms_error_t *error;

    *prefer = dms_prefer_parse(r->pool, apr_table_get(r->headers_in, "Prefer"));
    listing->depth = dms_depth_parse_members(r->pool, depth, DMS_DEPTH_INFINITY, &prefer->no_root);
    if (listing->depth == DMS_DEPTH_INVALID) {
        return dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "Depth is none of 0, 1 and infinity");
    }
    error = dms_body_read_xml(r, &root);
    if (error) {
        return error;
    }
    *plan = dms_plan_create(r->pool, dms_api_live_properties(r, listing->provider), root,
                            &complaint);
    if (!*plan) {
        return dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "%s", complaint);
    }
    if (listing->depth == DMS_DEPTH_INFINITY && !dms_config_depth_infinity(request->config)) {
        return dms_error(r->pool, HTTP_FORBIDDEN, "propfind-finite-depth",
                         "DavMultistatusDepthInfinity is Off here");
    }
    if (apr_table_get(r->subprocess_env, "dav-multistatus-lean")) {
        dms_plan_tell_once(*plan);
    }
    listing->facts = dms_plan_facts(*plan);
    dms_plan_choose(*plan, &listing->dead);
    return NULL;
}

/* Follows preferences (RFC 8144), as far as they could change the answer, and tells that. */
static void follow(request_rec *r, dms_prefer_t *prefer, dms_listing_t *listing, dms_plan_t *plan)
{
    prefer->no_root &= listing->depth != DMS_DEPTH_0;
    if (dms_plan_names(plan) || listing->depth != DMS_DEPTH_0) {
        dms_prefer_matters(r->headers_out);
    }
    if (prefer->minimal) {
        dms_plan_omit_missing(plan);
        dms_prefer_applied(r->headers_out, DMS_PREFER_MINIMAL);
    }
    if (prefer->no_root) {
        listing->limit += listing->limit > 0; /* what is not told of does not count */
        dms_prefer_applied(r->headers_out, DMS_PREFER_NO_ROOT);
    }
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

/* Adds the response of a resource. */
static dms_onward_e add_response(void *baton, dms_listed_t *listed)
{
    const propfind_t *propfind = baton;
    dms_response_t *response;

    if (propfind->no_root && !listed->depth) {
        return DMS_ONWARD;
    }
    response = dms_response_create(dms_reply_pool(propfind->reply), listed->subject.uri);
    if (listed->status == HTTP_OK) {
        listed->subject.days = propfind->days;
        dms_plan_apply(propfind->plan, &listed->subject, response);
    }
    else {
        dms_response_set_status(response, listed->status);
    }
    return dms_reply_add(propfind->reply, response) ? DMS_ONWARD : DMS_ONWARD_END;
}

/* Ends an answer that has as many responses as it may, honestly: the last one says so. */
static void add_limit(dms_reply_t *reply, const char *uri)
{
    static const dms_name_t name = DMS_NAME(DMS_NS_DAV, "number-of-matches-within-limits");
    static const dms_element_t condition = {.name = &name};
    dms_response_t *response = dms_response_create(dms_reply_pool(reply), uri);

    dms_response_set_status(response, HTTP_INSUFFICIENT_STORAGE);
    response->error = &condition;
    dms_reply_add(reply, response);
}

static int answer(request_rec *r, dms_walk_t *walk, dms_plan_t *plan, int no_root, const char *uri)
{
    propfind_t propfind = {.plan = plan,
                           .no_root = no_root,
                           .reply = dms_reply_create(r),
                           .days = apr_pcalloc(r->pool, DMS_DAYS * sizeof(dms_day_t))};
    dms_reply_t *reply = propfind.reply;
    apr_status_t rv;

    dms_plan_declare(plan, reply->writer, dms_listing_has_members(walk));
    rv = dms_listing_run(walk, dms_reply_pool(reply), add_response, &propfind);
    if (rv == APR_INCOMPLETE) {
        add_limit(reply, uri);
    }
    else if (rv != APR_SUCCESS) {
        dms_reply_fail(reply, rv);
    }
    return dms_reply_end(reply, NULL);
}

static dms_error_t *look_up(dms_request_t *request, unsigned int facts, dms_resource_t *resource)
{
    dms_error_t *error;

    facts |= request->submitted ? DMS_FACT_ETAG : 0;
    error = dms_method_lookup(request, facts, 1, resource);
    return error ? error : dms_conditions_check_if(request, resource);
}

static dms_error_t *answer_propfind(dms_request_t *request, int *result)
{
    request_rec *r = request->r;
    dms_listing_t listing = {.r = r,
                             .provider = request->provider,
                             .limit = dms_config_max_responses(request->config)};
    dms_resource_t resource = {.node = NULL};
    dms_plan_t *plan = NULL;
    dms_prefer_t prefer;
    dms_error_t *error = read_request(request, &listing, &plan, &prefer);
    const char *uri;
    dms_walk_t *walk;
    apr_status_t rv;

    if (error) {
        return error;
    }
    error = look_up(request, listing.facts & DMS_FACTS_OF_PROVIDER, &resource);
    if (error) {
        return error;
    }
    follow(r, &prefer, &listing, plan);
    uri = own_uri(r, resource.facts.kind);
    rv = dms_listing_open(&listing, &resource, uri, &walk);
    if (rv != APR_SUCCESS) {
        return dms_error_of(r->pool, rv, "the collection can't be listed");
    }
    *result = answer(r, walk, plan, prefer.no_root, uri);
    return NULL;
}

const dms_method_t dms_method_propfind = {
    .name = "PROPFIND",
    .answer = answer_propfind,
    .kinds = DMS_ON_FILE | DMS_ON_COLLECTION,
};
