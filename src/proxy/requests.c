#include "proxy/requests.h"

#include <apr_strings.h>
#include <http_log.h>
#include <util_filter.h>

#include "reverse/hrefs.h"

APLOG_USE_MODULE(dav_multistatus);

#define FILTER "DAV_MULTISTATUS_REVERSE_BODY"

typedef struct body_t {
    dms_proxied_t *proxied;
    dms_hrefs_t *hrefs;
    dms_buffer_t out;
    apr_bucket_brigade *fresh; /* from the client */
    apr_bucket_brigade *ready; /* for the backend */
    int has_ended;
} body_t;

/* --- headers --- */

static void map_destination(const dms_proxied_t *proxied, apr_table_t *headers_in)
{
    apr_pool_t *pool = proxied->r->pool;
    const char *value = apr_table_get(headers_in, "Destination"), *mapped = NULL;

    if (value) {
        mapped = dms_proxied_named_to_backend((void *)proxied, pool, value);
    }
    if (mapped && *mapped == '/') { /* servers of RFC 2518 want a whole URL */
        mapped = apr_pstrcat(pool, proxied->backend_side.root, mapped, NULL);
    }
    if (mapped) {
        apr_table_setn(headers_in, "Destination", mapped);
    }
    else { /* nobody has been asked for it: proxy/rights.h */
        apr_table_unset(headers_in, "Destination");
    }
}

void dms_requests_map_headers(const dms_proxied_t *proxied, apr_table_t *headers_in)
{
    const char *conditions = apr_table_get(headers_in, "If");

    map_destination(proxied, headers_in);
    if (conditions) { /* proxy/rights.h has refused one that can't be read */
        conditions = dms_map_if(proxied->r->pool, dms_proxied_named_to_backend, (void *)proxied,
                                conditions);
        apr_table_setn(headers_in, "If", conditions ? conditions : "");
    }
    if (proxied->is_webdav) {
        apr_table_setn(headers_in, "Accept-Encoding", "identity");
    }
    if (proxied->has_xml) {
        dms_proxied_drop_digests(headers_in);
    }
}

/* --- bodies --- */

static apr_status_t take(void *baton, apr_bucket_brigade *bb, int flush)
{
    body_t *body = baton;

    APR_BRIGADE_CONCAT(body->ready, bb);
    return APR_SUCCESS;
}

static void finish(body_t *body)
{
    const request_rec *r = body->proxied->r;
    const char *problem;

    if (body->has_ended) {
        return;
    }
    body->has_ended = 1;
    dms_hrefs_finish(body->hrefs, 1);
    problem = dms_hrefs_problem(body->hrefs);
    if (problem) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "the body of %s %s: %s; the backend gets it from there on as it came",
                      r->method, r->uri, problem);
    }
}

static apr_status_t map_bucket(body_t *body, apr_bucket *bucket)
{
    const char *bytes;
    apr_size_t length;
    apr_status_t rv;

    if (APR_BUCKET_IS_METADATA(bucket)) {
        if (APR_BUCKET_IS_EOS(bucket)) {
            finish(body);
        }
        dms_buffer_pass(&body->out, 0);
        APR_BUCKET_REMOVE(bucket);
        APR_BRIGADE_INSERT_TAIL(body->ready, bucket);
        return APR_SUCCESS;
    }
    rv = apr_bucket_read(bucket, &bytes, &length, APR_BLOCK_READ);
    if (rv == APR_SUCCESS) {
        dms_hrefs_feed(body->hrefs, bytes, length);
        apr_bucket_delete(bucket);
    }
    return rv;
}

/* Reads until something is ready. */
static apr_status_t read_more(ap_filter_t *f, apr_read_type_e block, apr_off_t length)
{
    body_t *body = f->ctx;
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && APR_BRIGADE_EMPTY(body->ready)) {
        rv = ap_get_brigade(f->next, body->fresh, AP_MODE_READBYTES, block, length);
        if (rv == APR_SUCCESS && APR_BRIGADE_EMPTY(body->fresh)) {
            return block == APR_NONBLOCK_READ ? APR_EAGAIN : APR_EOF;
        }
        while (rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(body->fresh)) {
            rv = map_bucket(body, APR_BRIGADE_FIRST(body->fresh));
        }
        dms_buffer_pass(&body->out, 0);
    }
    apr_brigade_cleanup(body->fresh);
    return rv;
}

static apr_status_t filter_body(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                                apr_read_type_e block, apr_off_t length)
{
    body_t *body = f->ctx;
    apr_bucket *end;
    apr_status_t rv;

    if (mode != AP_MODE_READBYTES) { /* nobody reads a body so */
        return ap_get_brigade(f->next, bb, mode, block, length);
    }
    rv = read_more(f, block, length);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_brigade_partition(body->ready, length, &end);
    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE) {
        return rv;
    }
    while (APR_BRIGADE_FIRST(body->ready) != end) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(body->ready);

        APR_BUCKET_REMOVE(bucket);
        APR_BRIGADE_INSERT_TAIL(bb, bucket);
    }
    return APR_SUCCESS;
}

void dms_requests_add(dms_proxied_t *proxied)
{
    request_rec *r = proxied->r;
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    body_t *body = apr_pcalloc(r->pool, sizeof(*body));

    body->proxied = proxied;
    dms_buffer_init(&body->out, r->pool, alloc, take, body);
    body->hrefs = dms_hrefs_create(r->pool, &body->out, dms_proxied_to_backend, proxied, NULL);
    body->fresh = apr_brigade_create(r->pool, alloc);
    body->ready = apr_brigade_create(r->pool, alloc);
    ap_add_input_filter(FILTER, body, r, r->connection);
}

void dms_requests_register(void)
{
    /* As long as it is there, mod_proxy_http does not trust the client's Content-Length: it sends
     * that of what it has read. */
    ap_register_input_filter(FILTER, filter_body, NULL, AP_FTYPE_CONTENT_SET);
}
