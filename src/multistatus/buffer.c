#include "multistatus/buffer.h"

/* With the bookkeeping of bucket and allocator still under 32 KiB, so that a block serves again and
 * again from the allocator's free list. */
#define BUCKET_SIZE (32 * 1024 - 256)

void dms_buffer_init(dms_buffer_t *buffer, apr_pool_t *pool, apr_bucket_alloc_t *alloc,
                     dms_sink_fn *sink, void *baton)
{
    memset(buffer, 0, sizeof(*buffer));
    buffer->bb = apr_brigade_create(pool, alloc);
    buffer->sink = sink;
    buffer->baton = baton;
}

/* Ends the bucket that is being filled. */
static void end_bucket(dms_buffer_t *buffer)
{
    if (buffer->position > buffer->start) {
        apr_size_t length = (apr_size_t)(buffer->position - buffer->start);
        apr_bucket *bucket = apr_bucket_heap_create(buffer->start, length, apr_bucket_free,
                                                    buffer->bb->bucket_alloc);
        APR_BRIGADE_INSERT_TAIL(buffer->bb, bucket);
        buffer->start = buffer->position = buffer->end = NULL;
        buffer->buckets++;
    }
}

void dms_buffer_pass(dms_buffer_t *buffer, int flush)
{
    end_bucket(buffer);
    buffer->buckets = 0;
    if (buffer->status == APR_SUCCESS) {
        buffer->status = buffer->sink(buffer->baton, buffer->bb, flush);
    }
    apr_brigade_cleanup(buffer->bb);
}

void dms_buffer_cancel(dms_buffer_t *buffer)
{
    if (buffer->status == APR_SUCCESS) {
        buffer->status = APR_INCOMPLETE;
    }
    if (buffer->start) {
        apr_bucket_free(buffer->start);
        buffer->start = buffer->position = buffer->end = NULL;
    }
    apr_brigade_cleanup(buffer->bb);
}

void dms_buffer_spill(dms_buffer_t *buffer, const char *bytes, apr_size_t length)
{
    while (length && buffer->status == APR_SUCCESS) {
        apr_size_t room = (apr_size_t)(buffer->end - buffer->position);
        apr_size_t part = length < room ? length : room;

        if (part) {
            memcpy(buffer->position, bytes, part);
            buffer->position += part;
            bytes += part;
            length -= part;
        }
        if (length) {
            end_bucket(buffer);
            if (buffer->buckets == DMS_BUFFER_BUCKETS) {
                dms_buffer_pass(buffer, 0);
            }
            buffer->start = apr_bucket_alloc(BUCKET_SIZE, buffer->bb->bucket_alloc);
            buffer->position = buffer->start;
            buffer->end = buffer->start + BUCKET_SIZE;
        }
    }
}
