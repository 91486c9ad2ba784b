/*
 * The buffer between XML and the output: bytes gather in heap buckets of 32 KiB, and a few full
 * ones at a time go to a sink. The sink is what ties multistatus/ to the world: httpd's output
 * filters in the server, memory in a unit test.
 *
 * The first error of the sink sticks: from then on bytes are dropped, and `status`
 * tells.
 */
#ifndef DMS_BUFFER_H
#define DMS_BUFFER_H

#include <string.h>

#include <apr_buckets.h>

/* How many full buckets go to the sink at once: each time wakes the client, which costs more than
 * the copying. */
#define DMS_BUFFER_BUCKETS 8

/* Takes the buckets of bb, which it must leave empty. flush: what is in bb, and was before, should
 * reach the client now. Any status but APR_SUCCESS ends the output. */
typedef apr_status_t dms_sink_fn(void *baton, apr_bucket_brigade *bb, int flush);

typedef struct dms_buffer_t {
    char *position; /* where the next byte goes */
    char *end;
    char *start;            /* of the bucket's memory, or NULL when there is none yet */
    apr_bucket_brigade *bb; /* the full ones */
    int buckets;            /* in bb */
    dms_sink_fn *sink;
    void *baton;
    apr_status_t status;
} dms_buffer_t;

/* Initialises a buffer. Its brigade is from pool, the memory of its buckets from alloc. */
void dms_buffer_init(dms_buffer_t *buffer, apr_pool_t *pool, apr_bucket_alloc_t *alloc,
                     dms_sink_fn *sink, void *baton);

/* Hands what has gathered to the sink, with or without the wish to flush. */
void dms_buffer_pass(dms_buffer_t *buffer, int flush);

/* Drops what has gathered and all that follows; the status becomes APR_INCOMPLETE unless the sink
 * has failed before. */
void dms_buffer_cancel(dms_buffer_t *buffer);

/* The slow half of dms_buffer_put(): the bytes don't fit into what is left of the bucket. */
void dms_buffer_spill(dms_buffer_t *buffer, const char *bytes, apr_size_t length);

/* Appends bytes. */
static inline void dms_buffer_put(dms_buffer_t *buffer, const char *bytes, apr_size_t length)
{
    if (length && length <= (apr_size_t)(buffer->end - buffer->position)) {
        memcpy(buffer->position, bytes, length);
        buffer->position += length;
    }
    else {
        dms_buffer_spill(buffer, bytes, length);
    }
}

/* Appends a string. */
static inline void dms_buffer_puts(dms_buffer_t *buffer, const char *string)
{
    dms_buffer_put(buffer, string, strlen(string));
}

#endif
