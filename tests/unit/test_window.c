#include "reverse/window.h"

#include <stdlib.h>

#include <apr_strings.h>

#include "unit.h"

static unit_sink_t *sink;
static dms_buffer_t out;

static void begin(dms_window_t *window)
{
    sink = unit_sink_create();
    dms_buffer_init(&out, unit_pool, unit_alloc, unit_sink, sink);
    dms_window_init(window, unit_pool, &out);
}

/* From memory that is gone afterwards. */
static void fill(dms_window_t *window, const char *bytes)
{
    char *gone = strdup(bytes);

    dms_window_fill(window, gone, strlen(gone));
    free(gone);
}

static void check_left(const char *expected)
{
    dms_buffer_pass(&out, 0);
    ck_assert_pstr_eq(sink->bytes, expected);
}

static apr_array_header_t *no_holes(void)
{
    return apr_array_make(unit_pool, 8, sizeof(dms_hole_t));
}

static void add_hole(apr_array_header_t *holes, apr_size_t start, apr_size_t end)
{
    dms_hole_t hole = {start, end};

    APR_ARRAY_PUSH(holes, dms_hole_t) = hole;
}

START_TEST(what_leaves)
{
    dms_window_t window;

    begin(&window);
    ck_assert_str_eq(dms_window_place(&window, 0), "line 1, column 1, byte 0");
    fill(&window, "one\ntwo");
    dms_window_pass(&window, 5);
    dms_window_pass(&window, 2); /* has left */
    check_left("one\nt");
    fill(&window, "\nthree\nfour");
    ck_assert_int_eq(window.passed, 5);
    ck_assert_int_eq(window.fed, 18);
    ck_assert_int_eq(strncmp(dms_window_at(&window, 8), "three\nfour", 10), 0);
    dms_window_skip(&window, 9);
    dms_window_pass(&window, 13);
    check_left("one\nthree");
    ck_assert_str_eq(dms_window_place(&window, 12), "line 3, column 5, byte 12");
    dms_window_skip(&window, 14);
    ck_assert_str_eq(dms_window_place(&window, 14), "line 4, column 1, byte 14");
    dms_window_pass(&window, window.fed);
    check_left("one\nthreefour");
}
END_TEST

START_TEST(what_is_read)
{
    apr_array_header_t *holes = no_holes();
    dms_window_t window;
    apr_size_t length = 7;

    begin(&window);
    fill(&window, "ab(cd)efgh");
    add_hole(holes, 2, 6);
    ck_assert_int_eq(strncmp(dms_window_read(&window, &length, holes), "abe", 3), 0);
    ck_assert_uint_eq(length, 3);
    ck_assert_int_eq(window.read, 7);
    ck_assert_int_eq(window.parsed, 3);
    ck_assert_int_eq(dms_window_offset(&window, 0), 0);
    ck_assert_int_eq(dms_window_offset(&window, 1), 1);
    ck_assert_int_eq(dms_window_offset(&window, 2), 6);
    dms_window_pass(&window, 6);
    fill(&window, "()()i");
    apr_array_clear(holes);
    add_hole(holes, 3, 5);
    add_hole(holes, 5, 7);
    length = 8;
    ck_assert_int_eq(strncmp(dms_window_read(&window, &length, holes), "fghi", 4), 0);
    ck_assert_uint_eq(length, 4);
    ck_assert_int_eq(dms_window_offset(&window, 5), 9);
    ck_assert_int_eq(dms_window_offset(&window, 6), 14);
    ck_assert_int_eq(dms_window_offset(&window, 7), 15);
    apr_array_clear(holes);
    length = 0;
    dms_window_read(&window, &length, holes);
    ck_assert_uint_eq(length, 0);
    ck_assert_int_eq(dms_window_offset(&window, 7), 15); /* still */
}
END_TEST

/* The same document, whatever its pieces and holes are: digits are read, letters are holes. */
#define DOCUMENT 3000

static void find_holes(apr_array_header_t *holes, const char *bytes, apr_size_t length)
{
    apr_size_t i;

    apr_array_clear(holes);
    for (i = 0; i < length; i++) {
        if (bytes[i] == 'x' && i && bytes[i - 1] == 'x') {
            APR_ARRAY_IDX(holes, holes->nelts - 1, dms_hole_t).end++;
        }
        else if (bytes[i] == 'x') {
            add_hole(holes, i, i + 1);
        }
    }
}

/* Each byte that Expat got is where the window says, if asked for one event in some. */
static void check_events(dms_window_t *window, const char *document, const char *bytes,
                         apr_size_t length)
{
    apr_int64_t first = window->parsed - (apr_int64_t)length;
    apr_size_t i;

    for (i = 0; i < length; i += 1 + unit_random(3)) {
        apr_int64_t offset = dms_window_offset(window, first + (apr_int64_t)i);

        ck_assert_int_ne(document[offset], 'x');
        ck_assert_int_eq(document[offset], bytes[i]);
        ck_assert_int_eq(strncmp(dms_window_at(window, offset), document + offset, 1), 0);
        if (!unit_random(4)) {
            dms_window_pass(window, offset);
        }
    }
}

START_TEST(any_pieces)
{
    char document[DOCUMENT + 1] = "";
    apr_array_header_t *holes = no_holes();
    dms_window_t window;
    apr_size_t at, length, i;

    unit_random_seed((apr_uint64_t)_i);
    for (i = 0; i < DOCUMENT; i++) {
        document[i] = unit_random(3) ? 'x' : (char)('0' + i % 10);
    }
    begin(&window);
    for (at = 0; at < DOCUMENT; at += length) {
        apr_size_t unread;
        const char *bytes;

        length = 1 + unit_random(100);
        length = length < DOCUMENT - at ? length : DOCUMENT - at;
        fill(&window, apr_pstrmemdup(unit_pool, document + at, length));
        unread = (apr_size_t)(window.fed - window.read);
        unread -= unit_random((unsigned int)unread + 1);
        find_holes(holes, document + window.read, unread);
        bytes = dms_window_read(&window, &unread, holes);
        check_events(&window, document, bytes, unread);
    }
    dms_window_pass(&window, window.fed);
    check_left(document);
}
END_TEST

/* Its memory is that of what stays in it, however much passes, and offsets go on. */
START_TEST(without_end)
{
    const apr_int64_t far = ((apr_int64_t)1 << 32) + 1000;
    const char *bytes = unit_repeat("x", 1 << 20);
    apr_array_header_t *holes = no_holes();
    dms_window_t window;
    apr_size_t before = 0, length;

    add_hole(holes, 1, 1 << 20);
    begin(&window);
    sink->forget = 1;
    while (window.fed < far) {
        dms_window_fill(&window, bytes, 1 << 20);
        length = 1 << 20;
        dms_window_read(&window, &length, holes);
        ck_assert_uint_eq(length, 1);
        ck_assert_int_eq(dms_window_offset(&window, window.parsed), window.fed);
        dms_window_skip(&window, window.fed - 1);
        before = before ? before : unit_memory();
    }
    ck_assert_uint_lt(unit_memory(), before + (1 << 20));
}
END_TEST

Suite *window_suite(void)
{
    Suite *suite = suite_create("window");
    TCase *tcase = unit_case(suite, "window", 60);

    tcase_add_test(tcase, what_leaves);
    tcase_add_test(tcase, what_is_read);
    tcase_add_loop_test(tcase, any_pieces, 0, 50);
    tcase_add_test(tcase, without_end);
    return suite;
}
