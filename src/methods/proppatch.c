/*
 * PROPPATCH (RFC 4918, section 9.2): sets and removes properties, in document order, all or none
 * (patch.h).
 */
#include "methods/propupdate.h"

#include "methods/barriers.h"
#include "methods/conditions.h"
#include "methods/steps.h"
#include "request/prefer.h"
#include "server/body.h"
#include "server/reply.h"

typedef struct patching_t {
    dms_request_t *request;
    dms_propupdate_t *patch;
    dms_resource_t resource;
    dms_node_t *parent;
} patching_t;

static dms_error_t *read_changes(patching_t *patching)
{
    request_rec *r = patching->request->r;
    dms_element_t *root = NULL;
    dms_error_t *error = dms_body_read_xml(r, &root);

    if (error) {
        return error;
    }
    if (!root || !dms_name_is_dav(root->name, "propertyupdate")) {
        return dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "the body is no DAV:propertyupdate");
    }
    error = dms_propupdate_read(patching->patch, root);
    return error || !dms_propupdate_is_empty(patching->patch)
               ? error
               : dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "no property is named");
}

/* Gives the resource the time that it had. */
static void restore_modified(void *baton, int is_doubtful)
{
    const patching_t *patching = baton;

    patching->request->provider->set_modified(patching->parent, patching->resource.name,
                                              &patching->resource.facts.modified,
                                              dms_config_sync(patching->request->config));
}

/* Sets the time, unless the transaction comes to nothing. */
static dms_error_t *set_modified(patching_t *patching, dms_tx_t *tx)
{
    dms_request_t *request = patching->request;
    dms_error_t *error = dms_method_parent(request, &patching->resource, &patching->parent);
    apr_status_t rv;

    if (error) {
        return error;
    }
    dms_tx_on_undo(tx, restore_modified, patching); /* it may be set, and fail to be synced */
    rv = request->provider->set_modified(patching->parent, patching->resource.name,
                                         dms_propupdate_modified(patching->patch),
                                         dms_config_sync(request->config));
    return rv == APR_SUCCESS ? NULL : dms_error_of(request->r->pool, rv, "the time can't be set");
}

/* Carries all changes out. */
static dms_error_t *carry_out(patching_t *patching, dms_tx_t *tx)
{
    dms_request_t *request = patching->request;
    dms_error_t *error = dms_propupdate_store(patching->patch, tx, patching->resource.key);

    if (!error && dms_propupdate_modified(patching->patch)) {
        error = set_modified(patching, tx);
    }
    if (error) {
        dms_step_abort(request, tx);
        return error;
    }
    return dms_step_commit(request, tx);
}

/* A 207, also where all went well: anything else reads as an error in Windows. Who prefers to hear
 * of failures alone then gets a 200 without a body (RFC 8144, section 2.2). */
static int answer(patching_t *patching, int is_done)
{
    request_rec *r = patching->request->r;
    dms_prefer_t prefer = dms_prefer_parse(r->pool, apr_table_get(r->headers_in, "Prefer"));
    dms_reply_t *reply;
    dms_response_t *response;

    if (prefer.minimal && is_done) {
        dms_prefer_applied(r->headers_out, DMS_PREFER_MINIMAL);
        return OK;
    }
    reply = dms_reply_create(r);
    response = dms_response_create(dms_reply_pool(reply),
                                   dms_method_uri(r, patching->resource.facts.kind));
    dms_propupdate_tell(patching->patch, response, reply->writer);
    dms_reply_add(reply, response);
    return dms_reply_end(reply, NULL);
}

static dms_error_t *answer_proppatch(dms_request_t *request, int *result)
{
    patching_t patching = {.request = request, .patch = dms_propupdate_create(request, 0)};
    dms_error_t *error = read_changes(&patching);
    int can_be_done;
    dms_tx_t *tx;

    if (!error) {
        error = dms_method_lookup(request, DMS_CONDITION_FACTS, 1, &patching.resource);
    }
    if (!error) {
        error = dms_step_begin(request, &tx);
    }
    if (error) {
        return error;
    }
    error = dms_method_lookup(request, DMS_CONDITION_FACTS, 1, &patching.resource);
    if (!error) {
        error = dms_conditions_check(request, &patching.resource);
    }
    if (!error) {
        error = dms_barriers_check(request, patching.resource.key, DMS_WRITES_SELF);
    }
    can_be_done = dms_propupdate_judge(patching.patch);
    if (error || !can_be_done) {
        dms_step_abort(request, tx);
    }
    else {
        error = carry_out(&patching, tx);
    }
    if (!error) {
        *result = answer(&patching, can_be_done);
    }
    return error;
}

static int is_offered(const dms_provider_t *provider, dms_kind_e kind)
{
    return provider->parent != NULL;
}

const dms_method_t dms_method_proppatch = {
    .name = "PROPPATCH",
    .answer = answer_proppatch,
    .kinds = DMS_ON_FILE | DMS_ON_COLLECTION,
    .is_offered = is_offered,
};
