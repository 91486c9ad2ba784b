/*
 * A 207: read whole and read in pieces (fuzz_pieces()), it has to give the same responses, and a
 * fault of the same kind. (Which message and place Expat has for what is malformed may depend on
 * the pieces.)
 *
 * Each response is written by the writer, which has to take it; what was written is read and
 * written again, which has to change nothing.
 */
#include "multistatus/reader.h"

#include "fuzz.h"

#include "multistatus/writer.h"

typedef struct reading_t {
    apr_pool_t *pool;
    dms_reader_t *reader;
    dms_writer_t *writer;
    apr_bucket_brigade *written;
    apr_status_t status;
    char *bytes; /* what was written */
    apr_size_t length;
} reading_t;

static apr_status_t keep(void *kept, apr_bucket_brigade *bb, int flush)
{
    APR_BRIGADE_CONCAT((apr_bucket_brigade *)kept, bb);
    return APR_SUCCESS;
}

static apr_status_t echo(void *baton, dms_response_t *response)
{
    fuzz_check(dms_writer_response(((reading_t *)baton)->writer, response) == APR_SUCCESS);
    return APR_SUCCESS;
}

static void take(void *baton, const char *piece, size_t length)
{
    dms_reader_feed(((reading_t *)baton)->reader, piece, length);
}

static void begin(reading_t *reading, apr_pool_t *pool, const dms_reader_limits_t *limits)
{
    apr_bucket_alloc_t *alloc = apr_bucket_alloc_create(pool);

    reading->pool = pool;
    reading->written = apr_brigade_create(pool, alloc);
    reading->writer = dms_writer_create(pool, alloc, keep, reading->written);
    reading->reader = dms_reader_create(pool, limits, echo, reading);
}

static void end(reading_t *reading)
{
    dms_multistatus_t whole;

    reading->status = dms_reader_end(reading->reader, &whole);
    fuzz_check(dms_writer_responses(reading->writer) == whole.responses);
    fuzz_check((reading->status != APR_SUCCESS) == (dms_reader_fault(reading->reader) != NULL));
    fuzz_check(dms_writer_end(reading->writer, whole.description) == APR_SUCCESS);
    apr_brigade_pflatten(reading->written, &reading->bytes, &reading->length, reading->pool);
}

static void read_input(reading_t *reading, apr_pool_t *pool, const dms_reader_limits_t *limits,
                       const fuzz_pieces_t *input, int at_once)
{
    begin(reading, pool, limits);
    if (at_once) {
        fuzz_feed_piece(input->data, input->size, take, reading);
    }
    else {
        fuzz_feed(input, take, reading);
    }
    end(reading);
}

static void check_same(const reading_t *a, const reading_t *b)
{
    fuzz_check(a->length == b->length && !memcmp(a->bytes, b->bytes, a->length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const dms_reader_limits_t tight = {.depth = 6,
                                              .elements = 12,
                                              .attributes = 2,
                                              .propstats = 2,
                                              .properties = 3,
                                              .ns = 32,
                                              .markup = 64,
                                              .text = 48,
                                              .response = 512,
                                              .names = 8192};
    apr_pool_t *pool = fuzz_pool();
    fuzz_pieces_t input = fuzz_pieces(data, size);
    reading_t whole, pieces, again;

    read_input(&whole, pool, NULL, &input, 1);
    read_input(&pieces, pool, NULL, &input, 0);
    check_same(&whole, &pieces);
    fuzz_check(whole.status == pieces.status);

    begin(&again, pool, NULL);
    dms_reader_feed(again.reader, whole.bytes, whole.length);
    end(&again);
    fuzz_check(again.status == APR_SUCCESS);
    check_same(&whole, &again);

    /* Which of several faults is found first may depend on the pieces. */
    read_input(&whole, pool, &tight, &input, 1);
    read_input(&pieces, pool, &tight, &input, 0);
    fuzz_check((whole.status == APR_SUCCESS) == (pieces.status == APR_SUCCESS));
    apr_pool_destroy(pool);
    return 0;
}
