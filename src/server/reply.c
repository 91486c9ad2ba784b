#include "server/reply.h"

#include <http_log.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "config/config.h"
#include "multistatus/xml.h"
#include "request/headers.h"
#include "server/notes.h"
#include "server/totals.h"

APLOG_USE_MODULE(dav_multistatus);

const char *dms_reply_content_type(const request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");
    const char *own = apr_table_get(r->headers_in, "Content-Type");

    return dms_accept_prefers_text_xml(accept, own) ? "text/xml; charset=utf-8"
                                                    : "application/xml; charset=utf-8";
}

apr_status_t dms_reply_sink(void *request, apr_bucket_brigade *bb, int flush)
{
    request_rec *r = request;
    apr_status_t rv;

    if (flush) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(bb->bucket_alloc));
    }
    /* r->output_filters is read at each pass: a filter may have removed itself. */
    rv = ap_pass_brigade(r->output_filters, bb);
    apr_brigade_cleanup(bb);
    if (rv == APR_SUCCESS && r->connection->aborted) {
        rv = APR_ECONNABORTED;
    }
    return rv;
}

void dms_reply_document(request_rec *r, const char *root, const dms_element_t *elements)
{
    dms_buffer_t out;

    ap_set_content_type(r, dms_reply_content_type(r));
    dms_buffer_init(&out, r->pool, r->connection->bucket_alloc, dms_reply_sink, r);
    dms_xml_document(&out, root, elements, NULL);
    dms_buffer_pass(&out, 0);
}

void dms_reply_propstats(request_rec *r, const char *root, const dms_response_t *response)
{
    dms_buffer_t out;

    ap_set_content_type(r, dms_reply_content_type(r));
    dms_buffer_init(&out, r->pool, r->connection->bucket_alloc, dms_reply_sink, r);
    dms_writer_propstats(&out, root, response);
    dms_buffer_pass(&out, 0);
}

static apr_status_t commit_and_pass(void *baton, apr_bucket_brigade *bb, int flush)
{
    dms_reply_t *reply = baton;
    request_rec *r = reply->r;
    apr_off_t length = 0;

    if (!reply->begun) {
        reply->begun = apr_time_now();
        r->status = HTTP_MULTI_STATUS;
        ap_set_content_type(r, dms_reply_content_type(r));
    }
    apr_brigade_length(bb, 0, &length);
    reply->bytes += (apr_uint64_t)length;
    return dms_reply_sink(r, bb, flush);
}

dms_reply_t *dms_reply_create(request_rec *r)
{
    dms_reply_t *reply = apr_pcalloc(r->pool, sizeof(*reply));

    reply->r = r;
    reply->writer = dms_writer_create(r->pool, r->connection->bucket_alloc, commit_and_pass, reply);
    return reply;
}

apr_pool_t *dms_reply_pool(dms_reply_t *reply)
{
    return dms_writer_pool(reply->writer);
}

int dms_reply_add(dms_reply_t *reply, const dms_response_t *response)
{
    if (reply->status == APR_SUCCESS) {
        reply->status = dms_writer_response(reply->writer, response);
    }
    else { /* nobody reads on, but whoever acts on many may have more to tell */
        apr_pool_clear(dms_reply_pool(reply));
    }
    return reply->status == APR_SUCCESS;
}

void dms_reply_fail(dms_reply_t *reply, apr_status_t status)
{
    reply->status = status;
    reply->is_own_failure = 1;
}

/* Ends what can't be completed: an error bucket keeps the HTTP filters from ending the body as if
 * it were whole, and the connection is not used again. */
static void abandon(request_rec *r)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);

    if (!r->connection->aborted) {
        APR_BRIGADE_INSERT_TAIL(bb, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool,
                                                           bb->bucket_alloc));
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
        ap_pass_brigade(r->output_filters, bb);
    }
    r->connection->keepalive = AP_CONN_CLOSE;
    r->connection->aborted = 1;
}

/* The answer leaves now: otherwise httpd would keep a short one until it has looked whether the
 * client has sent another request, and then hand the connection back to its listener, which costs
 * both sides more than the request did. The flush goes past the request's filters, as httpd's own
 * does: for them nothing comes after the end, which httpd looks for at the end of a brigade. */
static apr_status_t send_end(request_rec *r)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_status_t rv;

    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    rv = dms_reply_sink(r, bb, 0);
    if (rv == APR_SUCCESS) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(bb->bucket_alloc));
        rv = ap_pass_brigade(r->connection->output_filters, bb);
        apr_brigade_cleanup(bb);
    }
    return rv == APR_SUCCESS && r->connection->aborted ? APR_ECONNABORTED : rv;
}

static void count(const dms_reply_t *reply)
{
    const request_rec *r = reply->r;
    dms_totals_t one = {
        .answers = 1,
        .responses = dms_writer_responses(reply->writer),
        .failures = dms_writer_failures(reply->writer),
        .bytes = reply->bytes,
        .broken = reply->status != APR_SUCCESS,
        .duration = (apr_uint64_t)(apr_time_now() - r->request_time),
    };

    one.first_byte = reply->begun ? (apr_uint64_t)(reply->begun - r->request_time) : one.duration;
    dms_notes_set(reply->r, one.responses, one.failures);
    dms_totals_add(&one);
}

int dms_reply_end(dms_reply_t *reply, const char *description)
{
    request_rec *r = reply->r;
    int result = OK;

    if (reply->status == APR_SUCCESS) {
        reply->status = dms_writer_end(reply->writer, description);
    }
    if (reply->status == APR_SUCCESS) {
        reply->status = send_end(r);
    }
    if (reply->status != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, reply->status, r,
                      "%s %s: %s after %" APR_UINT64_T_FMT " responses", r->method, r->uri,
                      reply->is_own_failure ? "given up" : "client left",
                      dms_writer_responses(reply->writer));
        dms_writer_break(reply->writer);
        if (reply->begun) {
            abandon(r);
        }
        else {
            result = HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    count(reply);
    return result;
}
