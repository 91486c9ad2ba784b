#include "methods/method.h"

#include <errno.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <http_request.h>

#include "keys/keys.h"
#include "methods/litter.h"
#include "multistatus/xml.h"
#include "request/headers.h"
#include "server/names.h"
#include "server/state.h"

/* What a path may have (RFC 3986, section 3.3). */
#define PATH_CHARACTERS                                                                            \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/%"

void dms_method_set_allowed(dms_request_t *request, const dms_resource_t *resource)
{
    dms_table_set_allowed(request->r, request->provider, resource->facts.kind);
}

apr_status_t dms_method_sync_removal(dms_request_t *request, dms_node_t *collection, int is_whole)
{
    return request->provider->sync && dms_config_sync(request->config)
               ? request->provider->sync(collection, !is_whole)
               : APR_SUCCESS;
}

apr_status_t dms_method_sync(dms_request_t *request, dms_node_t *collection)
{
    return dms_method_sync_removal(request, collection, 1);
}

/* As the provider would of the place of its litter, where the request's resource is that. */
static apr_status_t look_up(dms_request_t *request, unsigned int facts, dms_resource_t *resource)
{
    request_rec *r = request->r;
    char *filename = r->filename;
    apr_status_t rv;

    if (!request->apart) {
        return request->provider->lookup(r, request->config->base, facts, resource);
    }
    r->filename = apr_pstrdup(r->pool, request->apart);
    rv = request->provider->lookup(r, request->config->base, facts, resource);
    r->filename = filename;
    return rv == ENOENT ? APR_SUCCESS : rv; /* the user has none yet */
}

dms_error_t *dms_method_lookup(dms_request_t *request, unsigned int facts, int must_exist,
                               dms_resource_t *resource)
{
    request_rec *r = request->r;
    dms_error_t *error = dms_litter_place(request);
    apr_status_t rv;

    if (error) {
        return error;
    }
    rv = look_up(request, facts, resource);
    if (rv != APR_SUCCESS) {
        return dms_error_of(r->pool, rv, "the resource can't be looked up");
    }
    resource->key = dms_key_of(r->pool, request->provider, resource->key);
    if (resource->facts.kind == DMS_KIND_OTHER) {
        return dms_error(r->pool, must_exist ? HTTP_NOT_FOUND : HTTP_FORBIDDEN, NULL,
                         "what is there is neither a file nor a collection");
    }
    if (must_exist && resource->facts.kind == DMS_KIND_NONE) {
        return dms_error(r->pool, HTTP_NOT_FOUND, NULL, "there is no such resource");
    }
    if (resource->facts.kind == DMS_KIND_NONE && dms_names_has_twin(r)) {
        return dms_error(r->pool, HTTP_CONFLICT, NULL,
                         "the name has been taken meanwhile, in another Unicode form");
    }
    return NULL;
}

dms_error_t *dms_method_parent(dms_request_t *request, dms_resource_t *resource,
                               dms_node_t **parent)
{
    request_rec *r = request->r;
    apr_status_t rv = request->provider->parent(resource, r, parent);

    if (rv == ENOENT || rv == ENOTDIR) {
        return dms_error(r->pool, HTTP_CONFLICT, NULL, "the collection it would be in is missing");
    }
    if (rv == EPERM) {
        return dms_error(r->pool, HTTP_FORBIDDEN, NULL, "this is the repository's root");
    }
    return rv == APR_SUCCESS ? NULL : dms_error_of(r->pool, rv, "the collection can't be opened");
}

dms_error_t *dms_method_deep_only(dms_request_t *request, const dms_resource_t *resource)
{
    const char *depth = apr_table_get(request->r->headers_in, "Depth");

    if (resource->facts.kind == DMS_KIND_COLLECTION
        && dms_depth_parse(depth, DMS_DEPTH_INFINITY) != DMS_DEPTH_INFINITY) {
        return dms_error(request->r->pool, HTTP_BAD_REQUEST, NULL,
                         "on a collection, Depth can only be infinity");
    }
    return NULL;
}

dms_error_t *dms_method_mtime(const dms_request_t *request, dms_moment_t *time,
                              const dms_moment_t **modified)
{
    const char *value = apr_table_get(request->r->headers_in, "X-OC-Mtime");

    time->nanoseconds = 0;
    *modified = value ? time : NULL;
    return !value || dms_seconds_parse(value, &time->seconds)
               ? NULL
               : dms_error(request->r->pool, HTTP_BAD_REQUEST, NULL, "X-OC-Mtime is no time");
}

void dms_method_took_mtime(request_rec *r)
{
    apr_table_setn(r->headers_out, "X-OC-MTime", "accepted");
}

/* The path of the request line, where it is a URI's that leads to the request's own resource: a
 * client that looks for what it has asked for among the hrefs may compare them as text. */
static const char *asked_for(request_rec *r)
{
    const char *plain;
    char *path;
    apr_uri_t uri;

    if (apr_uri_parse(r->pool, r->unparsed_uri, &uri) != APR_SUCCESS || !uri.path) {
        return NULL;
    }
    path = apr_pstrdup(r->pool, uri.path);
    if (!ap_normalize_path(path, AP_NORMALIZE_DECODE_UNRESERVED) || !*path) {
        return NULL;
    }
    plain = apr_punescape_url(r->pool, path, NULL, NULL, 0);
    return plain && !strcmp(plain, r->uri) && !path[strspn(path, PATH_CHARACTERS)] ? path : NULL;
}

const char *dms_method_uri(request_rec *r, dms_kind_e kind)
{
    const char *path = asked_for(r);
    const char *uri = dms_uri_upper(r->pool, path ? path : apr_pescape_path(r->pool, r->uri, 1));

    return kind == DMS_KIND_COLLECTION && uri[strlen(uri) - 1] != '/'
               ? apr_pstrcat(r->pool, uri, "/", NULL)
               : uri;
}
