/*
 * Both ends of a COPY or MOVE: what its headers name, what is there, and what may be done there.
 */
#include "methods/transfer.h"

#include <errno.h>

#include <apr_strings.h>
#include <http_protocol.h>
#include <http_request.h>

#include "acts/mounts.h"
#include "keys/keys.h"
#include "methods/barriers.h"
#include "methods/conditions.h"
#include "methods/failures.h"
#include "methods/litter.h"
#include "methods/steps.h"
#include "repository/tree.h"
#include "request/destination.h"
#include "request/headers.h"
#include "server/hosts.h"
#include "server/state.h"

static dms_error_t *bad_request(dms_transfer_t *transfer, const char *message)
{
    return dms_error(transfer->request->r->pool, HTTP_BAD_REQUEST, NULL, "%s", message);
}

static dms_error_t *read_headers(dms_transfer_t *transfer, dms_destination_t *destination)
{
    request_rec *r = transfer->request->r;
    const char *complaint = dms_destination_parse(r->pool,
                                                  apr_table_get(r->headers_in, "Destination"),
                                                  destination);
    dms_depth_e depth = dms_depth_parse(apr_table_get(r->headers_in, "Depth"), DMS_DEPTH_INFINITY);

    transfer->overwrite = dms_overwrite_parse(apr_table_get(r->headers_in, "Overwrite"));
    transfer->deep = depth == DMS_DEPTH_INFINITY;
    if (complaint) {
        return bad_request(transfer, complaint);
    }
    destination->path = dms_destination_in_utf8(r->pool, destination->path);
    if (transfer->overwrite < 0) {
        return bad_request(transfer, "Overwrite is neither T nor F");
    }
    if (depth == DMS_DEPTH_INVALID || depth == DMS_DEPTH_1) {
        return bad_request(transfer, "Depth can only be 0 or infinity");
    }
    return NULL;
}

/* Why httpd does not take a destination: a path that it can't read is a bad request, and one with
 * an escaped slash or NUL leads nowhere. */
static const char *why_not(const request_rec *target)
{
    if (target->status == HTTP_BAD_REQUEST) {
        return "Destination has a malformed escape in its path, or leads above the root";
    }
    return target->status == HTTP_NOT_FOUND ? "Destination is a path that leads nowhere here"
                                            : "this client may not write the Destination";
}

static dms_error_t *refuse_destination(request_rec *r, const request_rec *target)
{
    const char *origin = dms_act_stranger(target);
    int status = dms_act_refusal(r, target);

    return origin ? dms_error(r->pool, status, NULL,
                              "a page of %s may not write the Destination "
                              "(DavMultistatusAllowOrigin)",
                              origin)
                  : dms_error(r->pool, status, NULL, "%s", why_not(target));
}

/* Asks httpd about the destination: whether this client may write there, and where it is. */
static dms_error_t *open_destination(dms_transfer_t *transfer, const dms_destination_t *destination)
{
    request_rec *r = transfer->request->r, *target;
    dms_error_t *error;

    if (!dms_host_is_ours(r, destination)) {
        return dms_error(r->pool, HTTP_BAD_GATEWAY, NULL, "Destination is on another server");
    }
    target = dms_act_ask(r, DMS_ACT_CREATE, DMS_KIND_NONE, destination->path);
    if (target->status != HTTP_OK) {
        return refuse_destination(r, target);
    }
    transfer->target.r = target;
    transfer->target.config = dms_config_of(target);
    transfer->target.provider = transfer->target.config->provider;
    if (!dms_config_is_on(transfer->target.config)
        || transfer->target.provider != transfer->request->provider) {
        return dms_error(r->pool, HTTP_BAD_GATEWAY, NULL, "Destination is in no such repository");
    }
    error = dms_litter_check(&transfer->target, 0);
    if (!error && !transfer->request->apart) {
        transfer->litter = transfer->target;
        error = dms_litter_find(&transfer->litter);
        dms_litter_stay(&transfer->target);
    }
    if (!error) {
        error = dms_method_lookup(&transfer->target, DMS_CONDITION_FACTS, 0, &transfer->to);
    }
    if (!error) {
        error = dms_method_parent(&transfer->target, &transfer->to, &transfer->to_parent);
    }
    return dms_error_about(error, target);
}

/* Whether source and destination are one file by two names. On two file systems, as a snapshot and
 * what it was made of, two files can have one identity. */
static int is_same_file(dms_transfer_t *transfer)
{
    apr_pool_t *pool = transfer->request->r->pool;
    const dms_provider_t *provider = transfer->request->provider;
    const char *from = "", *to = "";

    if (transfer->to.facts.kind == DMS_KIND_NONE || !*transfer->from.name) {
        return 0;
    }
    provider->identity(transfer->from_parent, transfer->from.name, pool, &from);
    provider->identity(transfer->to_parent, transfer->to.name, pool, &to);
    return *from && !strcmp(from, to) && provider->is_same(transfer->from.node, transfer->to.node);
}

/* Whether source and destination are one resource, or one is in the other. */
static int overlap(dms_transfer_t *transfer)
{
    const dms_provider_t *provider = transfer->request->provider;

    return dms_key_is_at_or_below(transfer->from.key, transfer->to.key)
           || dms_key_is_at_or_below(transfer->to.key, transfer->from.key) || is_same_file(transfer)
           || (dms_is_collection(&transfer->from)
               && provider->is_within(transfer->to_parent, transfer->from.node))
           || (dms_is_collection(&transfer->to) && transfer->from_parent
               && provider->is_within(transfer->from_parent, transfer->to.node));
}

/* Whether a move's source is what was looked at first: not only its name is. A file may have been
 * written anew, unless an intention speaks of it. */
static dms_error_t *check_source(dms_transfer_t *transfer)
{
    dms_request_t *request = transfer->request;
    const char *identity = "";
    apr_status_t rv = request->provider->identity(transfer->from_parent, transfer->from.name,
                                                  request->r->pool, &identity);

    if (rv != APR_SUCCESS) {
        return dms_error_of(request->r->pool, rv, "the source can't be looked at");
    }
    if (!transfer->from_first) {
        transfer->from_first = transfer->from.node;
        transfer->from_outer = transfer->from_parent;
        transfer->from_identity = identity;
    }
    if (!request->provider->is_same(transfer->from_outer, transfer->from_parent)
        || (dms_is_collection(&transfer->from)
            && !request->provider->is_same(transfer->from_first, transfer->from.node))
        || (transfer->noted.id && strcmp(identity, transfer->from_identity))) {
        return dms_error(request->r->pool, HTTP_CONFLICT, NULL,
                         "the source has been moved, or made anew, meanwhile");
    }
    return NULL;
}

/* Whether what would go is what it was asked for (check_overwritten()), rather than something that
 * has been made since. */
static dms_error_t *check_replaced(dms_transfer_t *transfer)
{
    const dms_resource_t *first = &transfer->to_first, *now = &transfer->to;

    if (!first->key) {
        transfer->to_first = *now;
    }
    return now->facts.kind != DMS_KIND_NONE
                   && (dms_is_collection(&transfer->from) || dms_is_collection(now))
                   && (first->facts.kind == DMS_KIND_NONE
                       || !transfer->request->provider->is_same(first->node, now->node))
               ? dms_error(transfer->request->r->pool, HTTP_CONFLICT, NULL,
                           "the destination has been made meanwhile")
               : NULL;
}

/* Looks both ends up, and whether each is still where it was. */
static dms_error_t *look_up(dms_transfer_t *transfer)
{
    dms_request_t *request = transfer->request;
    dms_node_t *parent;
    dms_error_t *error = dms_method_lookup(request, DMS_CONDITION_FACTS, 1, &transfer->from);

    if (!error) {
        error = dms_conditions_check(request, &transfer->from);
    }
    if (!error && (transfer->is_move || *transfer->from.name)) {
        error = dms_method_parent(request, &transfer->from, &transfer->from_parent);
    }
    if (!error && transfer->is_move) {
        error = check_source(transfer);
    }
    if (!error) {
        error = dms_method_lookup(&transfer->target, DMS_CONDITION_FACTS, 0, &transfer->to);
    }
    if (!error) {
        error = dms_method_parent(&transfer->target, &transfer->to, &parent);
    }
    if (!error && !request->provider->is_same(parent, transfer->to_parent)) {
        error = dms_error(request->r->pool, HTTP_CONFLICT, NULL,
                          "the destination's collection has been moved meanwhile");
    }
    return error;
}

/* What the client has kept apart by the destination's name is, for it, what is replaced. */
static dms_error_t *check_litter(dms_transfer_t *transfer)
{
    dms_resource_t litter = {.node = NULL};
    dms_error_t *error = NULL;

    if (transfer->litter.apart) {
        error = dms_method_lookup(&transfer->litter, 0, 0, &litter);
    }
    transfer->replaces_litter = !error && litter.facts.kind == DMS_KIND_FILE;
    return transfer->replaces_litter
               ? dms_barriers_check(transfer->request, litter.key, DMS_WRITES_SELF)
               : error;
}

/* Everything that can be known before something is done; asked again when nobody else can change
 * anything any more. */
dms_error_t *dms_transfer_check(dms_transfer_t *transfer)
{
    dms_request_t *request = transfer->request;
    request_rec *r = request->r;
    dms_error_t *error = look_up(transfer);

    if (error) {
        return error;
    }
    if (overlap(transfer)) {
        return dms_error(r->pool, HTTP_FORBIDDEN, NULL,
                         "source and destination are the same, or one is in the other");
    }
    if (dms_state_is_below(r->pool, request->provider, &transfer->from)
        || dms_state_is_below(r->pool, request->provider, &transfer->to)) {
        return dms_error(r->pool, HTTP_FORBIDDEN, NULL,
                         "the module's own store (DavMultistatusStore) is in there");
    }
    error = check_litter(transfer);
    if (error) {
        return error;
    }
    if (dms_transfer_replaces(transfer) && !transfer->overwrite) {
        return dms_error(r->pool, HTTP_PRECONDITION_FAILED, NULL,
                         "something is there, and Overwrite is F");
    }
    error = check_replaced(transfer);
    if (!error && transfer->is_move) {
        error = dms_barriers_check(request, transfer->from.key,
                                   DMS_WRITES_SELF | DMS_WRITES_PARENT | DMS_WRITES_BELOW);
    }
    return error ? error
                 : dms_barriers_check(request, transfer->to.key,
                                      transfer->to.facts.kind == DMS_KIND_NONE
                                          ? DMS_WRITES_SELF | DMS_WRITES_PARENT
                                          : DMS_WRITES_SELF | DMS_WRITES_BELOW);
}

int dms_transfer_member_failed(void *baton, const char *path, int at_target, apr_status_t status)
{
    dms_transfer_t *transfer = baton;

    dms_shift_end(&transfer->shift);
    dms_failures_add_member(&transfer->failures,
                            at_target ? transfer->target.r : transfer->request->r,
                            at_target ? transfer->to_uri : transfer->from_uri, path, status);
    return 1; /* a client that leaves does not decide what is kept */
}

/* Whether httpd lets this user have a member copied, or moved, to where it would be then. */
apr_status_t dms_transfer_member_check(void *baton, const char *collection,
                                       const dms_member_t *member)
{
    dms_transfer_t *transfer = baton;
    apr_status_t rv = dms_members_check(transfer->from_members, collection, member);

    return rv == APR_SUCCESS ? dms_members_check(transfer->to_members, collection, member) : rv;
}

/* Whether httpd lets this user have a member of what is overwritten removed. */
static apr_status_t may_be_overwritten(void *baton, const char *collection,
                                       const dms_member_t *member)
{
    dms_transfer_t *transfer = baton;

    return dms_members_check(transfer->overwritten_members, collection, member);
}

void dms_transfer_open_members(dms_transfer_t *transfer)
{
    request_rec *r = transfer->request->r;

    transfer->from_members = dms_members_create(r->pool, r, transfer->from_uri,
                                                transfer->is_move ? DMS_ACT_REMOVE : DMS_ACT_READ);
    transfer->to_members = dms_members_create(r->pool, transfer->target.r, transfer->to_uri,
                                              DMS_ACT_CREATE);
}

/* Asks for an act that concerns one end as a whole. */
static dms_error_t *require(dms_transfer_t *transfer, dms_act_e act, dms_kind_e kind,
                            const char *uri, const char *message)
{
    request_rec *r = transfer->request->r;
    int status = dms_act_require(r, act, kind, uri);

    return status == HTTP_OK ? NULL : dms_error(r->pool, status, NULL, "%s", message);
}

/* To move a resource is to remove it from where it is, to copy it is to read it. */
static dms_error_t *check_source_right(dms_transfer_t *transfer)
{
    return transfer->is_move ? require(transfer, DMS_ACT_REMOVE, transfer->from.facts.kind,
                                       transfer->from_uri, "the source may not be removed")
                             : require(transfer, DMS_ACT_READ, transfer->from.facts.kind,
                                       transfer->from_uri, "the source may not be read");
}

int dms_transfer_replaces(const dms_transfer_t *transfer)
{
    return transfer->to.facts.kind != DMS_KIND_NONE || transfer->replaces_litter;
}

int dms_transfer_leaves_something(const dms_transfer_t *transfer)
{
    return transfer->to.facts.kind != DMS_KIND_NONE
           && (dms_is_collection(&transfer->from) || dms_is_collection(&transfer->to)
               || transfer->by_copy);
}

/* An overwritten collection goes whole, or not at all. */
static dms_error_t *check_overwritten(dms_transfer_t *transfer)
{
    request_rec *r = transfer->request->r;
    dms_tree_t tree = {.provider = transfer->request->provider,
                       .r = transfer->target.r,
                       .check = may_be_overwritten,
                       .is_to_go = 1,
                       .baton = transfer};
    const char *uri = dms_method_uri(transfer->target.r, transfer->to.facts.kind);
    dms_error_t *error = NULL;

    if (dms_transfer_leaves_something(transfer)) {
        error = require(transfer, DMS_ACT_REMOVE, transfer->to.facts.kind, uri,
                        "the destination may not be removed");
    }
    if (error || !dms_is_collection(&transfer->to)) {
        return error;
    }
    transfer->overwritten_members = dms_members_create(r->pool, transfer->target.r, uri,
                                                       DMS_ACT_REMOVE);
    if (dms_tree_scan(&tree, transfer->to.node, r->pool) != APR_SUCCESS) {
        return dms_error(r->pool, HTTP_FORBIDDEN, NULL,
                         "the destination holds something that may not, or can't, be removed");
    }
    return NULL;
}

/* What httpd has mapped by itself neither goes nor is replaced. */
static dms_error_t *check_mounts(dms_transfer_t *transfer)
{
    request_rec *r = transfer->request->r;

    return (transfer->is_move && dms_mounts_is_root(r))
                   || (dms_transfer_leaves_something(transfer)
                       && dms_mounts_is_root(transfer->target.r))
               ? dms_error(r->pool, HTTP_FORBIDDEN, NULL,
                           "source or destination is the root of an Alias")
               : NULL;
}

dms_error_t *dms_transfer_prepare(dms_transfer_t *transfer)
{
    request_rec *r = transfer->request->r;
    dms_destination_t destination;
    dms_error_t *error = read_headers(transfer, &destination);

    if (!error) {
        error = dms_method_lookup(transfer->request, DMS_CONDITION_FACTS, 1, &transfer->from);
    }
    if (!error && transfer->is_move) {
        error = dms_method_deep_only(transfer->request, &transfer->from);
        transfer->deep = 1;
    }
    if (!error) {
        error = open_destination(transfer, &destination);
    }
    if (!error) {
        transfer->reserved = dms_reserved_name(r->pool);
        transfer->from_uri = dms_method_uri(r, transfer->from.facts.kind);
        transfer->to_uri = dms_method_uri(transfer->target.r, transfer->from.facts.kind);
        dms_transfer_open_members(transfer);
        error = dms_transfer_check(transfer);
    }
    if (!error) {
        error = check_mounts(transfer);
    }
    if (!error) {
        error = check_source_right(transfer);
    }
    return error ? error : check_overwritten(transfer);
}
