#include "multistatus/buffer.h"

#include <stdlib.h>

#include "unit.h"

#define KIB 1024

static unit_sink_t *sink;
static dms_buffer_t buffer;

static void setup(void)
{
    sink = unit_sink_create();
    dms_buffer_init(&buffer, unit_pool, unit_alloc, unit_sink, sink);
}

/* The byte that belongs at a place: no two places nearby have the same surroundings. */
static char pattern(apr_size_t i)
{
    return (char)(i % 251 + i / 251 % 7);
}

static char *make_pattern(apr_size_t length)
{
    char *bytes = apr_palloc(unit_pool, length + 1);
    apr_size_t i;

    for (i = 0; i < length; i++) {
        bytes[i] = pattern(i);
    }
    return bytes;
}

START_TEST(nothing_goes_before_a_bucket_is_full)
{
    dms_buffer_puts(&buffer, "some bytes");
    ck_assert_int_eq(sink->calls, 0);
    ck_assert_int_eq(buffer.status, APR_SUCCESS);
    dms_buffer_pass(&buffer, 0);
    ck_assert_int_eq(sink->calls, 1);
    ck_assert_int_eq(sink->flushes, 0);
    ck_assert_str_eq(sink->bytes, "some bytes");
}
END_TEST

START_TEST(flush_reaches_the_sink)
{
    dms_buffer_puts(&buffer, "a");
    dms_buffer_pass(&buffer, 1);
    dms_buffer_puts(&buffer, "b");
    dms_buffer_pass(&buffer, 0);
    dms_buffer_pass(&buffer, 1); /* nothing new, but what was before has to go */
    ck_assert_int_eq(sink->calls, 3);
    ck_assert_int_eq(sink->flush[0], 1);
    ck_assert_int_eq(sink->flush[1], 0);
    ck_assert_int_eq(sink->flush[2], 1);
    ck_assert_str_eq(sink->bytes, "ab");
}
END_TEST

START_TEST(zero_bytes_are_no_bytes)
{
    dms_buffer_put(&buffer, "x", 0); /* before there is a bucket */
    dms_buffer_puts(&buffer, "");
    dms_buffer_puts(&buffer, "a");
    dms_buffer_put(&buffer, "x", 0);
    dms_buffer_pass(&buffer, 0);
    dms_buffer_put(&buffer, "x", 0); /* after one has gone */
    dms_buffer_pass(&buffer, 0);
    dms_buffer_cancel(&buffer);
    dms_buffer_put(&buffer, "x", 0);
    ck_assert_str_eq(sink->bytes, "a");
    ck_assert_int_eq(sink->buckets, 1);
}
END_TEST

START_TEST(bytes_arrive_whatever_the_pieces)
{
    static const apr_size_t sizes[] = {1, 2, 3, 7, 64, 1000, 4096, 32 * KIB, 100 * KIB};
    const apr_size_t total = 200 * KIB;
    char *bytes = make_pattern(total);
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        apr_size_t done, part;

        setup();
        for (done = 0; done < total; done += part) {
            part = total - done < sizes[i] ? total - done : sizes[i];
            dms_buffer_put(&buffer, bytes + done, part);
        }
        dms_buffer_pass(&buffer, 0);
        ck_assert_int_eq(buffer.status, APR_SUCCESS);
        ck_assert_uint_eq(sink->length, total);
        ck_assert(!memcmp(sink->bytes, bytes, total));
    }
}
END_TEST

START_TEST(bytes_arrive_whatever_the_random_pieces)
{
    const apr_size_t total = 2000 * KIB;
    char *bytes = make_pattern(total);
    apr_size_t done, part;

    for (done = 0; done < total; done += part) {
        part = unit_random(10) ? unit_random(200) : unit_random(70 * KIB);
        part = total - done < part ? total - done : part;
        dms_buffer_put(&buffer, bytes + done, part);
        if (!unit_random(500)) {
            dms_buffer_pass(&buffer, (int)unit_random(2));
        }
    }
    dms_buffer_pass(&buffer, 0);
    ck_assert_uint_eq(sink->length, total);
    ck_assert(!memcmp(sink->bytes, bytes, total));
}
END_TEST

/* A piece of 100 bytes around each place of the first border. */
START_TEST(bytes_arrive_across_each_border)
{
    char *bytes = make_pattern(33 * KIB);
    apr_size_t before;

    for (before = 32 * KIB - 512; before < 32 * KIB + 16; before++) {
        setup();
        dms_buffer_put(&buffer, bytes, before);
        dms_buffer_put(&buffer, bytes + before, 100);
        dms_buffer_pass(&buffer, 0);
        ck_assert_uint_eq(sink->length, before + 100);
        ck_assert(!memcmp(sink->bytes, bytes, before + 100));
    }
}
END_TEST

START_TEST(buckets_are_large_and_from_the_heap)
{
    apr_size_t i;

    for (i = 0; i < 1000 * KIB; i += 10) {
        dms_buffer_puts(&buffer, "0123456789");
        ck_assert_int_eq(sink->flushes, 0);
    }
    ck_assert_int_gt(sink->buckets, 1000 / 32 - 1 - DMS_BUFFER_BUCKETS);
    ck_assert_int_le(sink->buckets, 1000 / 31 + 1);
    ck_assert_int_eq(sink->buckets, sink->calls * DMS_BUFFER_BUCKETS);
    ck_assert_int_eq(sink->odd_buckets, 0);
    ck_assert_uint_ge(sink->smallest, 31 * KIB);
    ck_assert_uint_le(sink->largest, 32 * KIB);
}
END_TEST

START_TEST(error_of_the_sink_sticks)
{
    int leave;

    for (leave = 0; leave <= 1; leave++) {
        const apr_size_t size = 3 * DMS_BUFFER_BUCKETS * 32 * KIB;
        char *bytes = make_pattern(size);

        setup();
        sink->fail_at = 2;
        sink->failure = APR_ECONNABORTED;
        sink->leave = leave;
        dms_buffer_put(&buffer, bytes, size);
        ck_assert_int_eq(sink->calls, 2);
        ck_assert_int_eq(buffer.status, APR_ECONNABORTED);
        ck_assert(APR_BRIGADE_EMPTY(buffer.bb));
        dms_buffer_put(&buffer, bytes, size);
        dms_buffer_puts(&buffer, "more");
        dms_buffer_pass(&buffer, 1);
        dms_buffer_pass(&buffer, 0);
        ck_assert_int_eq(sink->calls, 2);
        ck_assert_int_eq(buffer.status, APR_ECONNABORTED);
        dms_buffer_cancel(&buffer);
        ck_assert_int_eq(buffer.status, APR_ECONNABORTED);
        ck_assert_uint_lt(sink->length, DMS_BUFFER_BUCKETS * 32 * KIB + 1);
    }
}
END_TEST

START_TEST(error_of_a_flush_sticks)
{
    sink->fail_at = 1;
    sink->failure = APR_EGENERAL;
    dms_buffer_puts(&buffer, "a");
    dms_buffer_pass(&buffer, 1);
    ck_assert_int_eq(buffer.status, APR_EGENERAL);
    dms_buffer_puts(&buffer, "b");
    dms_buffer_pass(&buffer, 1);
    ck_assert_int_eq(sink->calls, 1);
    ck_assert_ptr_null(sink->bytes);
    dms_buffer_cancel(&buffer);
}
END_TEST

START_TEST(cancelled_buffer_drops_all)
{
    char *bytes = make_pattern(100 * KIB);

    dms_buffer_puts(&buffer, "sent");
    dms_buffer_pass(&buffer, 0);
    dms_buffer_puts(&buffer, "dropped");
    dms_buffer_cancel(&buffer);
    ck_assert_int_eq(buffer.status, APR_INCOMPLETE);
    dms_buffer_puts(&buffer, "dropped");
    dms_buffer_put(&buffer, bytes, 100 * KIB);
    dms_buffer_pass(&buffer, 1);
    dms_buffer_cancel(&buffer);
    ck_assert_int_eq(buffer.status, APR_INCOMPLETE);
    ck_assert_int_eq(sink->calls, 1);
    ck_assert_str_eq(sink->bytes, "sent");
}
END_TEST

START_TEST(fresh_buffer_can_be_cancelled)
{
    dms_buffer_cancel(&buffer);
    ck_assert_int_eq(buffer.status, APR_INCOMPLETE);
    dms_buffer_puts(&buffer, "dropped");
    dms_buffer_pass(&buffer, 1);
    ck_assert_int_eq(sink->calls, 0);
}
END_TEST

/* Sent, failed or cancelled: what the buffer took from the allocator goes back to it. */
START_TEST(memory_comes_back)
{
    char *bytes = make_pattern(100 * KIB);
    apr_size_t before = 0;
    int round;

    for (round = 0; round < 600; round++) {
        apr_pool_t *pool;

        if (round == 100) {
            before = unit_memory();
        }
        apr_pool_create(&pool, unit_pool);
        memset(sink->at, 0, sizeof(sink->at));
        sink->forget = 1;
        sink->calls = 0;
        sink->fail_at = round % 3 == 1 ? 2 : 0;
        sink->failure = APR_EGENERAL;
        dms_buffer_init(&buffer, pool, unit_alloc, unit_sink, sink);
        dms_buffer_put(&buffer, bytes, 100 * KIB);
        if (round % 3 == 0) {
            dms_buffer_pass(&buffer, 0);
        }
        else {
            dms_buffer_cancel(&buffer);
        }
        apr_pool_destroy(pool);
    }
    ck_assert_uint_le(unit_memory(), before + 128 * KIB);
}
END_TEST

Suite *buffer_suite(void)
{
    Suite *suite = suite_create("buffer");
    TCase *tests = unit_case(suite, "bytes", 60);

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, nothing_goes_before_a_bucket_is_full);
    tcase_add_test(tests, flush_reaches_the_sink);
    tcase_add_test(tests, zero_bytes_are_no_bytes);
    tcase_add_test(tests, bytes_arrive_whatever_the_pieces);
    tcase_add_test(tests, bytes_arrive_whatever_the_random_pieces);
    tcase_add_test(tests, bytes_arrive_across_each_border);
    tcase_add_test(tests, buckets_are_large_and_from_the_heap);

    tests = unit_case(suite, "errors", 60);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, error_of_the_sink_sticks);
    tcase_add_test(tests, error_of_a_flush_sticks);
    tcase_add_test(tests, cancelled_buffer_drops_all);
    tcase_add_test(tests, fresh_buffer_can_be_cancelled);
    tcase_add_test(tests, memory_comes_back);
    return suite;
}
