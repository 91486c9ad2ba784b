#include "proxy/answers.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>

#include "request/headers.h"
#include "reverse/hrefs.h"
#include "server/notes.h"

APLOG_USE_MODULE(dav_multistatus);

#define FILTER "DAV_MULTISTATUS_REVERSE"

struct dms_answer_t {
    dms_proxied_t *proxied;
    dms_hrefs_t *hrefs;
    dms_buffer_t out;
    dms_tally_t tally;
    apr_bucket_brigade *ready; /* for the client */
    int has_begun;             /* the first bytes have been passed on */
    int has_ended;
};

/* --- headers --- */

static void map_headers(dms_proxied_t *proxied)
{
    static const char *const names[] = {"Location", "Content-Location", "Destination", "URI"};
    request_rec *r = proxied->r;
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = apr_table_get(r->headers_out, names[i]);
        const char *mapped = value ? dms_proxied_to_public(proxied, r->pool, value) : NULL;

        if (mapped) {
            apr_table_setn(r->headers_out, names[i], mapped);
        }
    }
}

/* Whether an entity tag in the answer is that of its body: the other methods tell that of the
 * resource that they have changed (RFC 9110, section 8.8). */
static int tags_body(const request_rec *r)
{
    return r->method_number == M_PROPFIND || r->method_number == M_REPORT
           || !strcmp(r->method, "SEARCH");
}

/* What says something of a body that may not stay what it was. */
static void adapt_headers(request_rec *r)
{
    const char *etag = apr_table_get(r->headers_out, "ETag");

    apr_table_unset(r->headers_out, "Content-Length");
    dms_proxied_drop_digests(r->headers_out);
    if (etag && *etag == '"' && tags_body(r)) {
        apr_table_setn(r->headers_out, "ETag", apr_pstrcat(r->pool, "W/", etag, NULL));
    }
}

/* Whether the answer's body can hold hrefs. */
static int has_hrefs(const dms_proxied_t *proxied)
{
    request_rec *r = proxied->r;
    const char *encoding = apr_table_get(r->headers_out, "Content-Encoding");
    dms_media_e media = dms_media_parse(r->content_type);

    if (!proxied->is_webdav || apr_table_get(r->headers_out, "Content-Range")
        || (media != DMS_MEDIA_XML
            && (media == DMS_MEDIA_OTHER || r->status != HTTP_MULTI_STATUS))) {
        return 0;
    }
    if (encoding && strcasecmp(encoding, "identity") != 0) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      "the backend's answer to %s %s has the Content-Encoding %s: it passes as it "
                      "is",
                      r->method, r->uri, encoding);
        return 0;
    }
    return 1;
}

/* --- body --- */

static apr_status_t take(void *baton, apr_bucket_brigade *bb, int flush)
{
    dms_answer_t *answer = baton;

    APR_BRIGADE_CONCAT(answer->ready, bb);
    return APR_SUCCESS;
}

static dms_answer_t *begin(dms_proxied_t *proxied)
{
    request_rec *r = proxied->r;
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    dms_answer_t *answer = apr_pcalloc(r->pool, sizeof(*answer));

    adapt_headers(r);
    answer->proxied = proxied;
    answer->tally.counts_propstats = !tags_body(r);
    answer->ready = apr_brigade_create(r->pool, alloc);
    dms_buffer_init(&answer->out, r->pool, alloc, take, answer);
    answer->hrefs = dms_hrefs_create(r->pool, &answer->out, dms_proxied_to_public, proxied,
                                     r->status == HTTP_MULTI_STATUS ? &answer->tally : NULL);
    return answer;
}

static void set_notes(const dms_answer_t *answer)
{
    request_rec *r = answer->proxied->r;

    if (r->status == HTTP_MULTI_STATUS) {
        dms_notes_set(r, answer->tally.responses, answer->tally.failures);
    }
}

static void end(dms_answer_t *answer, int is_whole)
{
    request_rec *r = answer->proxied->r;
    const char *problem;

    if (answer->has_ended) {
        return;
    }
    answer->has_ended = 1;
    dms_hrefs_finish(answer->hrefs, is_whole);
    problem = dms_hrefs_problem(answer->hrefs);
    if (problem) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      "the backend's answer to %s %s: %s; from there on it passed as it came",
                      r->method, r->uri, problem);
    }
    set_notes(answer);
}

static apr_status_t pass_on(ap_filter_t *f, dms_answer_t *answer)
{
    apr_status_t rv = APR_SUCCESS;

    if (!APR_BRIGADE_EMPTY(answer->ready)) {
        rv = ap_pass_brigade(f->next, answer->ready);
        apr_brigade_cleanup(answer->ready);
    }
    if (rv == APR_SUCCESS && f->c->aborted) {
        rv = APR_ECONNABORTED;
    }
    return rv;
}

static void take_metadata(dms_answer_t *answer, apr_bucket *bucket)
{
    if (APR_BUCKET_IS_EOS(bucket) || AP_BUCKET_IS_ERROR(bucket)) {
        end(answer, APR_BUCKET_IS_EOS(bucket));
    }
    dms_buffer_pass(&answer->out, 0);
    APR_BUCKET_REMOVE(bucket);
    APR_BRIGADE_INSERT_TAIL(answer->ready, bucket);
}

static apr_status_t take_data(ap_filter_t *f, dms_answer_t *answer, apr_bucket *bucket)
{
    const char *bytes;
    apr_size_t length;
    apr_status_t rv = apr_bucket_read(bucket, &bytes, &length, APR_BLOCK_READ);

    if (rv == APR_SUCCESS) {
        dms_hrefs_feed(answer->hrefs, bytes, length);
        apr_bucket_delete(bucket);
        rv = pass_on(f, answer); /* what no longer fits into the buffer */
    }
    return rv;
}

/* The first bytes leave at once; what follows gathers in the buffer while the backend keeps
 * sending, since each pass wakes the client. Where the backend pauses, mod_proxy flushes. */
static apr_status_t filter_body(ap_filter_t *f, dms_answer_t *answer, apr_bucket_brigade *bb)
{
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(bb)) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(bb);

        if (APR_BUCKET_IS_METADATA(bucket)) {
            take_metadata(answer, bucket);
        }
        else {
            rv = take_data(f, answer, bucket);
        }
    }
    if (rv == APR_SUCCESS) {
        if (!answer->has_begun) {
            dms_buffer_pass(&answer->out, 0);
            answer->has_begun = 1;
        }
        rv = pass_on(f, answer);
    }
    if (rv != APR_SUCCESS && !answer->has_ended) { /* the client has left */
        answer->has_ended = 1;
        set_notes(answer);
    }
    apr_brigade_cleanup(bb);
    return rv;
}

static apr_status_t filter_answer(ap_filter_t *f, apr_bucket_brigade *bb)
{
    dms_proxied_t *proxied = f->ctx;

    if (!proxied->answer) {
        map_headers(proxied);
        if (!has_hrefs(proxied)) {
            ap_remove_output_filter(f);
            return ap_pass_brigade(f->next, bb);
        }
        proxied->answer = begin(proxied);
    }
    return filter_body(f, proxied->answer, bb);
}

ap_filter_rec_t *dms_answers_register(void)
{
    return ap_register_output_filter(FILTER, filter_answer, NULL, AP_FTYPE_RESOURCE);
}
