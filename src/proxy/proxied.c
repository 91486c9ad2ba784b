#include "proxy/proxied.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_proxy.h>

#include "request/destination.h"
#include "server/hosts.h"

int dms_proxied_is(const request_rec *r)
{
    return r->proxyreq == PROXYREQ_REVERSE || (r->handler && !strncmp(r->handler, "proxy:", 6));
}

const char *dms_proxied_to_public(void *baton, apr_pool_t *pool, const char *reference)
{
    const dms_proxied_t *proxied = baton;

    return dms_map(pool, &proxied->backend_side, &proxied->public_side, reference);
}

const char *dms_proxied_to_backend(void *baton, apr_pool_t *pool, const char *reference)
{
    const dms_proxied_t *proxied = baton;

    return dms_map(pool, &proxied->public_side, &proxied->backend_side, reference);
}

/* A reference with its path as httpd would take it in a request; NULL where it names no resource.
 * *path: that path. */
static const char *resolve(const dms_proxied_t *proxied, apr_pool_t *pool, const char *reference,
                           const char **path)
{
    dms_destination_t named;
    apr_size_t root;
    char *resolved;

    if (dms_destination_parse(pool, reference, &named)) {
        return NULL;
    }
    if (named.host && dms_host_is_ours(proxied->r, &named)) {
        reference = apr_pstrcat(pool, proxied->public_side.root, named.path, NULL);
    }
    root = strlen(reference) - strlen(named.path);
    resolved = apr_pstrdup(pool, reference);
    if (!ap_normalize_path(resolved + root, AP_NORMALIZE_NOT_ABOVE_ROOT
                                                | AP_NORMALIZE_DECODE_UNRESERVED
                                                | AP_NORMALIZE_MERGE_SLASHES)) {
        return NULL;
    }
    *path = resolved + root;
    return resolved;
}

const char *dms_proxied_named_to_backend(void *proxied, apr_pool_t *pool, const char *reference)
{
    const char *path, *resolved = resolve(proxied, pool, reference, &path);

    return resolved ? dms_proxied_to_backend(proxied, pool, resolved) : NULL;
}

const char *dms_proxied_public_path(const dms_proxied_t *proxied, const char *reference)
{
    apr_pool_t *pool = proxied->r->pool;
    const char *path, *resolved = resolve(proxied, pool, reference, &path);

    return resolved && dms_map(pool, &proxied->public_side, &proxied->backend_side, resolved)
               ? path
               : NULL;
}

void dms_proxied_drop_digests(apr_table_t *headers)
{
    apr_table_unset(headers, "Content-MD5");
    apr_table_unset(headers, "Digest");
    apr_table_unset(headers, "Content-Digest");
    apr_table_unset(headers, "Repr-Digest");
}

/* Any method that is not one of plain HTTP's: extensions of WebDAV are many. */
static int is_webdav(const request_rec *r)
{
    return r->method_number != M_GET && r->method_number != M_POST && r->method_number != M_TRACE
           && r->method_number != M_CONNECT;
}

/* By whatever name: libraries label XML as they label any string. What is none passes as it is. */
static int has_xml(const request_rec *r)
{
    return is_webdav(r) && r->method_number != M_PUT && r->method_number != M_PATCH;
}

static int keeps_host(const request_rec *r)
{
    module *mod_proxy = ap_find_linked_module("mod_proxy.c");
    const proxy_dir_conf *conf = mod_proxy ? ap_get_module_config(r->per_dir_config, mod_proxy)
                                           : NULL;

    return conf && conf->preserve_host;
}

dms_proxied_t *dms_proxied_create(request_rec *r, const dms_reverse_t *reverse)
{
    dms_proxied_t *proxied = apr_pcalloc(r->pool, sizeof(*proxied));
    const char *host = apr_table_get(r->headers_in, "Host");

    proxied->r = r;
    proxied->is_webdav = is_webdav(r);
    proxied->has_xml = has_xml(r);
    proxied->public_side = reverse->public_side;
    proxied->public_side.root = ap_construct_url(r->pool, "", r);
    proxied->public_side.authority = strstr(proxied->public_side.root, "://") + 3;
    proxied->public_side.alias = host;
    proxied->backend_side = reverse->backend_side;
    if (host && keeps_host(r)) {
        const char *root = proxied->backend_side.root;
        apr_size_t scheme = (apr_size_t)(strstr(root, "://") + 3 - root);

        proxied->backend_side.alias = host;
        proxied->backend_side.root = apr_pstrcat(r->pool, apr_pstrmemdup(r->pool, root, scheme),
                                                 host, NULL);
    }
    return proxied;
}
