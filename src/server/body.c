#include "server/body.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "request/headers.h"
#include "request/xml_body.h"

#define READ_SIZE (32 * 1024)

typedef struct reader_t {
    request_rec *r;
    dms_xml_body_t *xml;
    dms_media_e media;
    apr_size_t total;
    apr_size_t limit; /* 0: none */
} reader_t;

static dms_error_t *fault_error(const reader_t *reader, dms_xml_fault_e fault)
{
    const char *message = dms_xml_body_message(reader->xml);
    apr_pool_t *pool = reader->r->pool;

    switch (fault) {
    case DMS_XML_FINE:
        return NULL;
    case DMS_XML_DOCTYPE:
        return dms_error(pool, HTTP_FORBIDDEN, "no-external-entities", "%s", message);
    case DMS_XML_NOT_XML:
        if (reader->media != DMS_MEDIA_XML) {
            return dms_error(pool, HTTP_UNSUPPORTED_MEDIA_TYPE, NULL, "%s", message);
        }
        break;
    case DMS_XML_MALFORMED:
    case DMS_XML_TOO_MUCH:
        break;
    }
    return dms_error(pool, HTTP_BAD_REQUEST, NULL, "%s", message);
}

static dms_error_t *take_xml(void *baton, const char *bytes, apr_size_t length)
{
    reader_t *reader = baton;

    reader->total += length;
    if (reader->limit && reader->total > reader->limit) {
        return dms_error(reader->r->pool, HTTP_REQUEST_ENTITY_TOO_LARGE, NULL,
                         "the body is longer than LimitXMLRequestBody allows");
    }
    return fault_error(reader, dms_xml_body_feed(reader->xml, bytes, length));
}

static dms_error_t *take_bucket(request_rec *r, apr_bucket *bucket, dms_body_fn *take, void *baton)
{
    const char *bytes;
    apr_size_t length;
    apr_status_t rv = apr_bucket_read(bucket, &bytes, &length, APR_BLOCK_READ);

    if (rv != APR_SUCCESS) {
        return dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "the body could not be read");
    }
    return length ? take(baton, bytes, length) : NULL;
}

static dms_error_t *take_brigade(request_rec *r, apr_bucket_brigade *bb, dms_body_fn *take,
                                 void *baton, int *at_end)
{
    apr_status_t rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ,
                                     READ_SIZE);
    dms_error_t *error = NULL;
    apr_bucket *bucket;

    if (rv != APR_SUCCESS) {
        return dms_error(r->pool, ap_map_http_request_error(rv, HTTP_BAD_REQUEST), NULL,
                         "the body could not be read");
    }
    while (!APR_BRIGADE_EMPTY(bb) && !error && !*at_end) {
        bucket = APR_BRIGADE_FIRST(bb);
        if (APR_BUCKET_IS_EOS(bucket)) {
            *at_end = 1;
        }
        else if (!APR_BUCKET_IS_METADATA(bucket)) {
            error = take_bucket(r, bucket, take, baton);
        }
        apr_bucket_delete(bucket);
    }
    apr_brigade_cleanup(bb);
    return error;
}

dms_error_t *dms_body_read(request_rec *r, dms_body_fn *take, void *baton)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    dms_error_t *error = NULL;
    int at_end = 0;

    while (!at_end && !error) {
        error = take_brigade(r, bb, take, baton, &at_end);
    }
    apr_brigade_destroy(bb);
    return error;
}

static dms_error_t *refuse(void *r, const char *bytes, apr_size_t length)
{
    return dms_error(((request_rec *)r)->pool, HTTP_UNSUPPORTED_MEDIA_TYPE, NULL,
                     "a body has no meaning for %s here", ((request_rec *)r)->method);
}

dms_error_t *dms_body_none(request_rec *r)
{
    return dms_body_read(r, refuse, r);
}

static dms_error_t *read_xml(request_rec *r, dms_media_e media, dms_element_t **root)
{
    reader_t reader = {
        .r = r,
        .media = media,
        .limit = ap_get_limit_xml_body(r),
        .xml = dms_xml_body_create(r->pool),
    };
    dms_error_t *error = dms_body_read(r, take_xml, &reader);

    return error ? error : fault_error(&reader, dms_xml_body_finish(reader.xml, root));
}

dms_error_t *dms_body_read_xml(request_rec *r, dms_element_t **root)
{
    return read_xml(r, dms_media_parse(apr_table_get(r->headers_in, "Content-Type")), root);
}

dms_error_t *dms_body_read_any_xml(request_rec *r, dms_element_t **root)
{
    return read_xml(r, DMS_MEDIA_OTHER, root);
}

/* The number of bytes that a header of r tells; -1: none. */
static apr_off_t told_by(const request_rec *r, const char *header)
{
    const char *length = apr_table_get(r->headers_in, header);
    apr_off_t told;
    char *end;

    return length && apr_strtoff(&told, length, &end, 10) == APR_SUCCESS && end != length && !*end
                   && told >= 0
               ? told
               : -1;
}

apr_off_t dms_body_expected(request_rec *r)
{
    return told_by(r, apr_table_get(r->headers_in, "Content-Length")
                          ? "Content-Length"
                          : "X-Expected-Entity-Length"); /* Finder's, of a body in chunks */
}

dms_error_t *dms_body_check_length(request_rec *r)
{
    apr_off_t limit = ap_get_limit_req_body(r);

    return limit > 0 && told_by(r, "Content-Length") > limit
               ? dms_error(r->pool, HTTP_REQUEST_ENTITY_TOO_LARGE, NULL,
                           "the body is longer than LimitRequestBody allows: %" APR_OFF_T_FMT
                           " bytes",
                           limit)
               : NULL;
}
