/*
 * MKCOL (RFC 4918, section 9.3), and extended MKCOL, with properties from birth (RFC 5689).
 */
#include "methods/propupdate.h"

#include <errno.h>

#include <http_log.h>

#include "changes/changes.h"
#include "methods/barriers.h"
#include "methods/conditions.h"
#include "methods/litter.h"
#include "methods/steps.h"
#include "request/prefer.h"
#include "server/body.h"
#include "server/reply.h"
#include "server/state.h"

APLOG_USE_MODULE(dav_multistatus);

typedef struct making_t {
    dms_request_t *request;
    dms_propupdate_t *patch; /* its properties */
    int is_refused;          /* one of them can't be: the collection can't, either */
    dms_intention_t kept;    /* to forget them, where nothing is made; has an id once noted */
    dms_resource_t resource;
    dms_node_t *parent;
    const dms_moment_t *modified; /* X-OC-Mtime, or NULL */
} making_t;

/* Reads the properties, if there is a body; any other body is refused (section 3). */
static dms_error_t *read_properties(making_t *making)
{
    request_rec *r = making->request->r;
    dms_element_t *root = NULL;
    dms_error_t *error = dms_body_read_any_xml(r, &root);

    if (error || !root) {
        return error;
    }
    return dms_name_is_dav(root->name, "mkcol")
               ? dms_propupdate_read(making->patch, root)
               : dms_error(r->pool, HTTP_UNSUPPORTED_MEDIA_TYPE, NULL, "the body is no DAV:mkcol");
}

/* Who gives it properties needs the right to. */
static dms_error_t *check_right(making_t *making)
{
    request_rec *r = making->request->r;
    int status = dms_propupdate_is_empty(making->patch)
                     ? HTTP_OK
                     : dms_act_require(r, DMS_ACT_PROPERTIES, DMS_KIND_COLLECTION,
                                       dms_method_uri(r, DMS_KIND_COLLECTION));

    return status == HTTP_OK ? NULL
                             : dms_error(r->pool, status, NULL, "properties may not be set there");
}

static dms_error_t *already_there(dms_request_t *request, const dms_resource_t *resource)
{
    dms_method_set_allowed(request, resource);
    return dms_error(request->r->pool, HTTP_METHOD_NOT_ALLOWED, NULL, "something is there already");
}

static dms_error_t *check(dms_request_t *request, dms_resource_t *resource, dms_node_t **parent)
{
    dms_error_t *error = dms_method_lookup(request, DMS_CONDITION_FACTS, 0, resource);

    if (error) {
        return error;
    }
    if (resource->facts.kind != DMS_KIND_NONE) {
        return already_there(request, resource);
    }
    error = dms_method_parent(request, resource, parent);
    if (!error) {
        error = dms_conditions_check(request, resource);
    }
    return error ? error
                 : dms_barriers_check(request, resource->key, DMS_WRITES_SELF | DMS_WRITES_PARENT);
}

/* Takes it back, where its properties could not be kept, or it could not be synced. */
static void unmake(void *baton, int is_doubtful)
{
    const making_t *making = baton;

    making->request->provider->remove(making->parent, making->resource.name, DMS_KIND_COLLECTION);
}

/* Gives it the time that a property says, or else, where that can be done, that of X-OC-Mtime. */
static apr_status_t set_modified(making_t *making)
{
    const dms_provider_t *provider = making->request->provider;
    const dms_moment_t *named = dms_propupdate_modified(making->patch);
    const dms_moment_t *modified = named ? named : making->modified;
    apr_status_t rv = ENOTSUP;

    if (modified && provider->set_modified) {
        rv = provider->set_modified(making->parent, making->resource.name, modified,
                                    dms_config_sync(making->request->config));
    }
    if (named || rv != APR_SUCCESS) {
        making->modified = NULL; /* has not been taken */
    }
    return named ? rv : APR_SUCCESS;
}

static dms_error_t *make_on_disk(making_t *making, dms_tx_t *tx)
{
    dms_request_t *request = making->request;
    apr_status_t rv = request->provider->make_collection(making->parent, making->resource.name, 0,
                                                         request->r->pool, NULL);

    if (rv == EEXIST) {
        return already_there(request, &making->resource);
    }
    if (rv == APR_SUCCESS) {
        if (request->provider->remove) {
            dms_tx_on_undo(tx, unmake, making);
        }
        rv = set_modified(making);
    }
    if (rv == APR_SUCCESS) {
        rv = dms_method_sync(request, making->parent);
    }
    return rv == APR_SUCCESS ? NULL
                             : dms_error_of(request->r->pool, rv, "the collection can't be made");
}

/* Writes the rows, while nobody else can make or change anything. */
static dms_error_t *write_rows(making_t *making, dms_tx_t *tx)
{
    apr_status_t rv = dms_changed(tx, DMS_CHANGE(DMS_CREATED, .key = making->resource.key));

    return rv == APR_SUCCESS ? dms_propupdate_store(making->patch, tx, making->resource.key)
                             : dms_error_of_store(making->request->r, rv);
}

/* Keeps the properties in a step before that of the collection, which after a kill has all of them
 * then, or is not there, and the intention sees to it that they are forgotten. */
static dms_error_t *keep_properties(making_t *making, dms_tx_t *tx)
{
    dms_request_t *request = making->request;
    dms_error_t *error = check(request, &making->resource, &making->parent);
    apr_status_t rv;

    making->is_refused = !error && !dms_propupdate_judge(making->patch);
    if (!error && !making->is_refused) {
        error = write_rows(making, tx);
    }
    if (error || making->is_refused) {
        dms_step_abort(request, tx);
        return error;
    }
    making->kept.intent = DMS_INTENT_DELETE;
    making->kept.from = making->resource.key;
    rv = dms_tx_intend(tx, &making->kept);
    error = dms_step_stored(request, tx, rv);
    return error ? error : dms_step_commit(request, tx);
}

/* Makes the collection, with its rows: somebody may have had the name meanwhile. */
static dms_error_t *make(making_t *making, dms_tx_t *tx)
{
    dms_request_t *request = making->request;
    dms_error_t *error = check(request, &making->resource, &making->parent);
    apr_status_t rv = APR_SUCCESS;

    if (!error) {
        error = write_rows(making, tx);
    }
    if (!error && making->kept.id) {
        rv = dms_tx_settle(tx, &making->kept);
        error = rv == APR_SUCCESS ? NULL : dms_error_of_store(request->r, rv);
    }
    return error ? error : make_on_disk(making, tx);
}

/* Does all that takes the store. */
static dms_error_t *carry_out(making_t *making)
{
    dms_request_t *request = making->request;
    dms_tx_t *tx;
    dms_error_t *error = dms_step_begin_new(request, making->resource.key, &tx);

    if (!error && !dms_propupdate_is_empty(making->patch)) {
        error = keep_properties(making, tx);
        if (!error && !making->is_refused) {
            error = dms_step_begin(request, &tx);
        }
    }
    if (error || making->is_refused) {
        return error;
    }
    error = make(making, tx);
    if (error) {
        dms_step_abort(request, tx);
        return error;
    }
    return dms_step_commit(request, tx);
}

/* Tells of each property (RFC 5689, section 5.2), with the status of the first that failed. */
static void tell_properties(making_t *making)
{
    request_rec *r = making->request->r;
    dms_response_t *response = dms_response_create(r->pool, r->uri);
    int status = dms_propupdate_tell(making->patch, response, NULL);

    if (status != HTTP_OK) {
        r->status = status;
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "MKCOL %s: %d, a property can't be set", r->uri,
                      status);
    }
    dms_reply_propstats(r, "mkcol-response", response);
}

static void answer(making_t *making)
{
    request_rec *r = making->request->r;
    dms_prefer_t prefer = dms_prefer_parse(r->pool, apr_table_get(r->headers_in, "Prefer"));

    if (making->is_refused) {
        tell_properties(making);
        return;
    }
    r->status = HTTP_CREATED;
    if (making->modified) {
        dms_method_took_mtime(r);
    }
    if (prefer.representation && !dms_propupdate_is_empty(making->patch)) {
        dms_prefer_applied(r->headers_out, DMS_PREFER_REPRESENTATION);
        tell_properties(making);
    }
    else if (prefer.minimal) {
        dms_prefer_applied(r->headers_out, DMS_PREFER_MINIMAL);
    }
}

/* What can be known before anybody has to wait. */
static dms_error_t *prepare(making_t *making, dms_moment_t *time)
{
    dms_error_t *error = read_properties(making);

    if (!error) {
        error = dms_method_mtime(making->request, time, &making->modified);
    }
    if (!error) {
        error = dms_method_lookup(making->request, DMS_CONDITION_FACTS, 0, &making->resource);
    }
    if (!error && making->resource.facts.kind != DMS_KIND_NONE) {
        error = already_there(making->request, &making->resource);
    }
    if (!error) {
        error = dms_litter_check(making->request, 1);
    }
    return error ? error : check_right(making);
}

static dms_error_t *answer_mkcol(dms_request_t *request, int *result)
{
    making_t making = {.request = request, .patch = dms_propupdate_create(request, 1)};
    dms_moment_t time;
    dms_error_t *error = prepare(&making, &time);

    if (!error) {
        error = carry_out(&making);
    }
    if (!error) {
        answer(&making);
    }
    else if (making.kept.id) { /* also where a commit that has failed may still come true */
        dms_store_abandon(dms_state_store(), making.kept.id);
    }
    return error;
}

static int is_offered(const dms_provider_t *provider, dms_kind_e kind)
{
    return provider->parent && provider->make_collection;
}

const dms_method_t dms_method_mkcol = {
    .name = "MKCOL",
    .answer = answer_mkcol,
    .kinds = DMS_ON_NONE,
    .is_offered = is_offered,
    .compliance = "extended-mkcol",
};
