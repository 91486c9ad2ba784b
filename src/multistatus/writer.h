/*
 * The writer: a 207 Multi-Status document (RFC 4918, section 13), one response at a time.
 *
 * A document is in one of these phases (DESIGN.md):
 *   open       nothing has been written: the answer can still be something else than a 207
 *   committed  the first response has been written: from now on a failure belongs to one resource
 *   broken     the sink failed, or dms_writer_break() was called: nothing more goes out, and never
 *              a closing tag that would claim that the answer is whole
 *   ended      the closing tag has been written
 *
 * A response is built in dms_writer_pool(), which is cleared as soon as it is written; so the
 * memory that a document needs does not grow with its length. Output goes to the sink in large
 * buckets, with the wish to flush after the 4th, 16th, 64th and 256th response: a short first byte
 * for those who wait, few system calls for those who read on.
 *
 * A writer serves one thread at a time.
 */
#ifndef DMS_WRITER_H
#define DMS_WRITER_H

#include "multistatus/buffer.h"
#include "multistatus/response.h"

typedef struct dms_writer_t dms_writer_t;

/* Creates a writer in pool. Buckets come from alloc and go to sink(baton). */
dms_writer_t *dms_writer_create(apr_pool_t *pool, apr_bucket_alloc_t *alloc, dms_sink_fn *sink,
                                void *baton);

/* Declares a namespace on the root element, so that each property need not. ns is kept by
 * reference. Only in the open phase, and only the first eight; otherwise nothing happens. */
void dms_writer_declare(dms_writer_t *writer, const char *ns);

/* The tags of elements that stand in many responses, made in pool once all is declared; NULL where
 * there can be none. */
const dms_tags_t *dms_writer_tags(const dms_writer_t *writer, apr_pool_t *pool,
                                  const dms_name_t *name);

/* The pool in which to build the next response. Cleared by dms_writer_response(). */
apr_pool_t *dms_writer_pool(dms_writer_t *writer);

/* Writes a response, and clears dms_writer_pool() whatever comes of it. Returns
 *   APR_SUCCESS  it has been written, at least to the buffer;
 *   APR_EINVAL   it breaks the grammar (section 14.24): neither a status nor a propstat, both,
 *                or several hrefs with propstats. Nothing has been written of it;
 *   any other    the output is broken: the sink's status, the same from now on at each call. */
apr_status_t dms_writer_response(dms_writer_t *writer, const dms_response_t *response);

/* Writes the closing tag, before it a description of the whole (section 14.25) unless it is NULL,
 * and passes all to the sink. A document without a response is legal. Returns as above. */
apr_status_t dms_writer_end(dms_writer_t *writer, const char *description);

/* Gives the document up: what has gathered is dropped, and nothing is written any more. */
void dms_writer_break(dms_writer_t *writer);

dms_phase_e dms_writer_phase(const dms_writer_t *writer);

/* How many responses have been written, and how many of them say a failure. */
apr_uint64_t dms_writer_responses(const dms_writer_t *writer);
apr_uint64_t dms_writer_failures(const dms_writer_t *writer);

/* Writes a whole document whose root is the DAV: element root, with the propstats of a response and
 * nothing else of it: mkcol-response (RFC 5689, section 5.2). */
void dms_writer_propstats(dms_buffer_t *out, const char *root, const dms_response_t *response);

#endif
