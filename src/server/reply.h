/*
 * A 207 on its way to the client: the writer of multistatus/, tied to httpd's output filters.
 *
 * The status line goes out with the first buckets, not before: until then the request can still be
 * answered with something else.
 */
#ifndef DMS_REPLY_H
#define DMS_REPLY_H

#include <httpd.h>

#include "multistatus/writer.h"

struct dms_reply_t {
    request_rec *r;
    dms_writer_t *writer;
    apr_status_t status; /* other than APR_SUCCESS: broken, by this cause */
    int is_own_failure;  /* which is not the client's or the output filters' */
    apr_uint64_t bytes;  /* that have gone to the output filters */
    apr_time_t begun;    /* when the first of them went; 0: none has */
};

/* Begins a 207 for r, in r->pool. */
dms_reply_t *dms_reply_create(request_rec *r);

/* The pool for the next response. Cleared by dms_reply_add(). */
apr_pool_t *dms_reply_pool(dms_reply_t *reply);

/* Adds a response. Returns 0 when there is no use in going on: the client has left. */
int dms_reply_add(dms_reply_t *reply, const dms_response_t *response);

/* Gives the 207 up by the cause status: the work can't be completed, and no response can say so. */
void dms_reply_fail(dms_reply_t *reply, apr_status_t status);

/* Ends the 207, with a description of the whole unless it is NULL, or, where it is broken, sees
 * to it that nobody takes it for whole. Counts it, for the request's notes and the server's
 * totals. Returns what the handler has to return: OK, or 500 where it has been given up before any
 * of it was passed. */
int dms_reply_end(dms_reply_t *reply, const char *description);

/* The type of an XML answer: application/xml, or text/xml where the client prefers it. */
const char *dms_reply_content_type(const request_rec *r);

/* Sends a small XML document with r->status as it stands (multistatus/xml.h, dms_xml_document()).
 * */
void dms_reply_document(request_rec *r, const char *root, const dms_element_t *elements);

/* Sends the propstats of a response so (multistatus/writer.h, dms_writer_propstats()). */
void dms_reply_propstats(request_rec *r, const char *root, const dms_response_t *response);

/* The sink that passes buckets to the output filters of a request_rec, as they stand. */
apr_status_t dms_reply_sink(void *r, apr_bucket_brigade *bb, int flush);

#endif
