#include "proxy/rights.h"

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "acts/acts.h"
#include "request/headers.h"

APLOG_USE_MODULE(dav_multistatus);

/* --- one question --- */

/* What mod_proxy is to send a request to: "proxy:http://host/path", by a ProxyPass or a handler. */
static const char *target_of(const request_rec *r)
{
    return r->filename && !strncmp(r->filename, "proxy:", 6) ? r->filename
           : r->handler                                      ? r->handler
                                                             : "";
}

/* Of such a URL all but the path. */
static apr_size_t server_length(const char *target)
{
    const char *host = strstr(target, "://");

    return host ? (apr_size_t)(host - target) + 3 + strcspn(host + 3, "/") : strlen(target);
}

static int is_same_server(const request_rec *r, const request_rec *other)
{
    apr_size_t length = server_length(target_of(r));

    return length == server_length(target_of(other))
           && !strncasecmp(target_of(r), target_of(other), length);
}

/* Whether an answer is for what goes to the same backend by the same mapping. */
static int is_in_place(const dms_proxied_t *proxied, const request_rec *answer)
{
    const dms_reverse_t *ours = dms_config_reverse(dms_config_of(proxied->r));
    const dms_reverse_t *other = dms_config_reverse(dms_config_of(answer));

    return dms_proxied_is(answer) && other && is_same_server(proxied->r, answer)
           && !strcmp(other->public_side.path, ours->public_side.path)
           && !strcmp(other->backend_side.path, ours->backend_side.path)
           && !strcmp(other->backend_side.root, ours->backend_side.root);
}

/* path: of a public URL, escaped. */
static int require(const dms_proxied_t *proxied, dms_act_e act, const char *path)
{
    request_rec *answer = dms_act_ask(proxied->r, act, DMS_KIND_NONE, path);
    int status = HTTP_OK;

    if (answer->status != HTTP_OK) {
        status = dms_act_refusal(proxied->r, answer);
    }
    else if (!is_in_place(proxied, answer)) {
        status = HTTP_BAD_GATEWAY;
    }
    ap_destroy_sub_req(answer);
    return status;
}

static int is_seen(const dms_proxied_t *proxied, const char *path)
{
    request_rec *answer = dms_act_ask(proxied->r, DMS_ACT_SEE, DMS_KIND_NONE, path);
    int is = answer->status == HTTP_OK && is_in_place(proxied, answer);

    ap_destroy_sub_req(answer);
    return is;
}

/* --- what lies below --- */

/* Asks for each <Location> of a path, not a pattern, that is below another. */
static int require_below(const dms_proxied_t *proxied, dms_act_e act, const char *path)
{
    request_rec *r = proxied->r;
    const core_server_config *server = ap_get_core_module_config(r->server->module_config);
    apr_size_t length;
    char *above = apr_pstrcat(r->pool, path, "/", NULL);
    int i, status = HTTP_OK;

    ap_unescape_url(above);
    ap_no2slash(above);
    length = strlen(above);
    for (i = 0; i < server->sec_url->nelts && status == HTTP_OK; i++) {
        const core_dir_config *section = ap_get_core_module_config(
            APR_ARRAY_IDX(server->sec_url, i, ap_conf_vector_t *));

        if (!section->r && !section->d_is_fnmatch && !strncmp(section->d, above, length)) {
            status = require(proxied, act, apr_pescape_path(r->pool, section->d, 1));
        }
    }
    return status;
}

static int require_tree(const dms_proxied_t *proxied, dms_act_e act, const char *path)
{
    int status = require(proxied, act, path);

    return status == HTTP_OK ? require_below(proxied, act, path) : status;
}

/* --- what a request names --- */

/* Whether any server takes it so: some know `F` alone, and take `f` for what is none. */
static int is_overwrite_off(const request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "Overwrite");

    return value && !strcmp(value, "F");
}

static int check_destination(const dms_proxied_t *proxied)
{
    request_rec *r = proxied->r;
    const char *value = apr_table_get(r->headers_in, "Destination"), *path;
    int status;

    if (!value) {
        return HTTP_OK; /* where it has to be there, the backend says so */
    }
    path = dms_proxied_public_path(proxied, value);
    if (!path) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "Destination is not in %s",
                      *proxied->public_side.path ? proxied->public_side.path : "/");
        return HTTP_BAD_GATEWAY;
    }
    status = require_tree(proxied, DMS_ACT_CREATE, path);
    if (status == HTTP_OK && !is_overwrite_off(r)) {
        status = require_tree(proxied, DMS_ACT_REMOVE, path);
    }
    return status;
}

/* A resource that If names, and what comes of it. */
typedef struct tags_t {
    const dms_proxied_t *proxied;
    int status;
} tags_t;

static const char *check_tag(void *baton, apr_pool_t *pool, const char *resource)
{
    tags_t *tags = baton;
    const dms_proxied_t *proxied = tags->proxied;
    const char *path = dms_proxied_public_path(proxied, resource);

    if (tags->status == HTTP_OK && (!path || !is_seen(proxied, path))) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, proxied->r,
                      "If names what is not in %s, or hidden: %s",
                      *proxied->public_side.path ? proxied->public_side.path : "/", resource);
        tags->status = HTTP_PRECONDITION_FAILED;
    }
    return NULL;
}

/* Read as it is mapped, with the leniency that tokens need: Go's are no URIs. */
static int check_tags(const dms_proxied_t *proxied)
{
    request_rec *r = proxied->r;
    const char *value = apr_table_get(r->headers_in, "If");
    tags_t tags = {proxied, HTTP_OK};

    return value && !dms_map_if(r->pool, check_tag, &tags, value) ? HTTP_BAD_REQUEST : tags.status;
}

/* --- what a method does to its own resource --- */

static int check_own(const dms_proxied_t *proxied)
{
    request_rec *r = proxied->r;
    const char *path = apr_pescape_path(r->pool, r->uri, 1);
    int is_shallow = dms_depth_parse(apr_table_get(r->headers_in, "Depth"), DMS_DEPTH_INFINITY)
                     == DMS_DEPTH_0;
    int status;

    switch (r->method_number) {
    case M_COPY:
        return is_shallow ? require(proxied, DMS_ACT_READ, path)
                          : require_tree(proxied, DMS_ACT_READ, path);
    case M_MOVE:
    case M_DELETE:
        return require_tree(proxied, DMS_ACT_REMOVE, path);
    case M_LOCK:
        if (!ap_request_has_body(r)) { /* a refresh (9.10.2) */
            return HTTP_OK;
        }
        status = require(proxied, DMS_ACT_CREATE, path);
        return status == HTTP_OK && !is_shallow ? require_below(proxied, DMS_ACT_LOCK, path)
                                                : status;
    case M_MKCOL: /* with properties (RFC 5689) */
        return ap_request_has_body(r) ? require(proxied, DMS_ACT_PROPERTIES, path) : HTTP_OK;
    default:
        return HTTP_OK;
    }
}

int dms_proxied_rights(const dms_proxied_t *proxied)
{
    int status = check_own(proxied);

    if (status == HTTP_OK) {
        status = check_destination(proxied);
    }
    return status == HTTP_OK ? check_tags(proxied) : status;
}
