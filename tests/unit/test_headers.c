#include "request/headers.h"

#include <stddef.h>

#include "unit.h"

/* RFC 4918, section 10.2. */
START_TEST(depth_is_one_of_three)
{
    ck_assert_int_eq(dms_depth_parse("0", DMS_DEPTH_1), DMS_DEPTH_0);
    ck_assert_int_eq(dms_depth_parse("1", DMS_DEPTH_0), DMS_DEPTH_1);
    ck_assert_int_eq(dms_depth_parse("infinity", DMS_DEPTH_0), DMS_DEPTH_INFINITY);
    ck_assert_int_eq(dms_depth_parse("Infinity", DMS_DEPTH_0), DMS_DEPTH_INFINITY);
    ck_assert_int_eq(dms_depth_parse("INFINITY", DMS_DEPTH_0), DMS_DEPTH_INFINITY);
}
END_TEST

START_TEST(absent_depth_is_the_fallback)
{
    ck_assert_int_eq(dms_depth_parse(NULL, DMS_DEPTH_0), DMS_DEPTH_0);
    ck_assert_int_eq(dms_depth_parse(NULL, DMS_DEPTH_1), DMS_DEPTH_1);
    ck_assert_int_eq(dms_depth_parse(NULL, DMS_DEPTH_INFINITY), DMS_DEPTH_INFINITY);
}
END_TEST

START_TEST(other_depths_are_invalid)
{
    static const char *const bad[] = {"",         "2",        "-1",   "00",      "01",
                                      "1.0",      "0 1",      "0, 1", "infinit", "infinitY2",
                                      "inf",      "Infinite", "one",  "0x0",     "infinity, 0",
                                      "\xD9\xA1", "1\x01",    "*"};
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(dms_depth_parse(bad[i], DMS_DEPTH_1) == DMS_DEPTH_INVALID, "%s", bad[i]);
    }
}
END_TEST

typedef struct members_t {
    const char *depth;
    dms_depth_e parsed;
    int no_root;
} members_t;

static const members_t members[] = {
    {NULL, DMS_DEPTH_INFINITY, 0},
    {"0", DMS_DEPTH_0, 0},
    {"1", DMS_DEPTH_1, 0},
    {"1,noroot", DMS_DEPTH_1, 1},
    {"1, NoRoot", DMS_DEPTH_1, 1},
    {"infinity,noroot", DMS_DEPTH_INFINITY, 1},
    {"0,noroot", DMS_DEPTH_INVALID, 1},
    {",noroot", DMS_DEPTH_INVALID, 1},
    {"2,noroot", DMS_DEPTH_INVALID, 1},
    {"1,root", DMS_DEPTH_INVALID, 0},
    {"1,noroot,noroot", DMS_DEPTH_INVALID, 0},
    {"1,", DMS_DEPTH_INVALID, 0},
};

START_TEST(depth_of_members)
{
    size_t i;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        int no_root = 0;

        ck_assert_int_eq(dms_depth_parse_members(unit_pool, members[i].depth, DMS_DEPTH_INFINITY,
                                                 &no_root),
                         members[i].parsed);
        ck_assert_int_eq(no_root, members[i].no_root);
    }
}
END_TEST

typedef struct accept_t {
    const char *accept;
    int text_xml;
} accept_t;

/* RFC 9110, section 12.5.1: the most specific range that covers a type tells its weight. */
static const accept_t accepts[] = {
    {NULL, 0},
    {"", 0},
    {"*/*", 0},
    {"text/xml", 1},
    {"TEXT/XML", 1},
    {"application/xml", 0},
    {"text/xml, application/xml", 0},
    {"application/xml, text/xml", 0},
    {"text/xml, application/xml;q=0.9", 1},
    {"text/xml,application/xml;q=0.9", 1},
    {"application/xml;q=0.9,text/xml", 1},
    {"application/xml ; q=0.9 , text/xml ; q=0.95", 1},
    {"application/xml;Q=0.9, text/xml;Q=0.8", 0},
    {"text/xml;q=0.9, application/xml", 0},
    {"text/xml;q=0.001, application/xml;q=0", 1},
    {"text/xml;q=0", 0},
    {"text/*", 1},
    {"text/*, application/*;q=0.5", 1},
    {"text/*, application/xml", 0},
    {"text/*;q=0.1, text/xml;q=0.8, application/xml;q=0.5", 1},
    {"text/xml;q=0.1, text/*;q=0.8, application/xml;q=0.5", 0},
    {"text/xml, */*", 0},
    {"text/xml, */*;q=0.1", 1},
    {"*/*;q=0.1, text/xml", 1},
    {"*/*, text/xml;q=0.5", 0},
    {"application/xml;q=0.5, */*", 1},
    {"text/html, text/plain", 0},
    {"text/xml-external-parsed-entity", 0},
    {"text/xm", 0},
    {"application/*;q=0.2, text/*;q=0.3", 1},
    {"text/html;q=1, text/xml;charset=utf-8;q=0.9, application/xml;charset=utf-8;q=0.8", 1},
    {"application/xml;charset=utf-8;q=0.9, text/xml;charset=utf-8;q=0.8", 0},
    {", , text/xml,", 1},
    {"text/xml;", 1},
    {"text/xml;;q=0.1, application/xml;q=0.5", 0},
    {"\ttext/xml\t;\tq=0.1\t,\tapplication/xml;q=0.5", 0},
    /* what real clients send */
    {"text/xml, application/xml, */*;q=0.8", 0},
    {"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", 0},
    /* not to be trusted, but to be survived */
    {";", 0},
    {",", 0},
    {"/", 0},
    {"*", 0},
    {"text/", 0},
    {"q=1", 0},
    {"text/xml;q", 1},
};

static void check_accept_prefers_text_xml(int number)
{
    ck_assert_msg(!!dms_accept_prefers_text_xml(accepts[number].accept, NULL)
                      == accepts[number].text_xml,
                  "%s", accepts[number].accept ? accepts[number].accept : "(none)");
}

START_TEST(accept_prefers_text_xml)
{
    int number;

    for (number = 0; number < (int)(sizeof(accepts) / sizeof(accepts[0])); number++) {
        check_accept_prefers_text_xml(number);
    }
}
END_TEST

START_TEST(own_type_where_accept_says_nothing)
{
    ck_assert(dms_accept_prefers_text_xml(NULL, "text/xml; charset=utf-8"));
    ck_assert(dms_accept_prefers_text_xml("*/*", " TEXT/XML"));
    ck_assert(dms_accept_prefers_text_xml("text/xml", "application/xml"));
    ck_assert(!dms_accept_prefers_text_xml("application/xml", "text/xml"));
    ck_assert(!dms_accept_prefers_text_xml(NULL, "application/xml"));
    ck_assert(!dms_accept_prefers_text_xml(NULL, "text/xmlish"));
}
END_TEST

static void check_settled(const char *name, const char *value, const char *expected)
{
    apr_table_t *headers = apr_table_make(unit_pool, 1);

    apr_table_setn(headers, name, value);
    dms_headers_settle(unit_pool, headers);
    ck_assert_str_eq(apr_table_get(headers, name), expected);
}

START_TEST(settled)
{
    check_settled("Depth", "0", "0");
    check_settled("Depth", "0, 0", "0");
    check_settled("Depth", "infinity, infinity, infinity", "infinity");
    check_settled("Depth", "0, 1", "0, 1");
    check_settled("Depth", "1, 10", "1, 10");
    check_settled("Depth", "10, 1", "10, 1");
    check_settled("Depth", "0, 0, ", "0, 0, ");
    check_settled("Depth", ", ", "");
    check_settled("Overwrite", "F, F", "F");
    check_settled("Destination", "/a,b, /a,b", "/a,b");
    check_settled("If-Match", "\"a-gzip\", W/\"b-br\", \"c\"", "\"a\", W/\"b\", \"c\"");
    check_settled("If-None-Match", "\"-gzip\"", "\"\"");
    check_settled("If", "(<urn:a-gzip> [\"a-zstd\"])", "(<urn:a-gzip> [\"a\"])");
    check_settled("Timeout", "Second-1, Second-1", "Second-1, Second-1");
}
END_TEST

/* Nothing of a header may hang or crash the parser, which says something for each. */
START_TEST(random_accepts_are_survived)
{
    static const char *const parts[] = {"text/xml", "application/xml",
                                        "*/*",      "text/*",
                                        ";",        ",",
                                        "q=",       "0.5",
                                        "q",        "=",
                                        " ",        "\t",
                                        "\"",       "1",
                                        "/",        "*",
                                        "\xFF"};
    int round;

    for (round = 0; round < 200000; round++) {
        char accept[512] = "";
        unsigned int i, length = unit_random(16);

        for (i = 0; i < length; i++) {
            strcat(accept, parts[unit_random(sizeof(parts) / sizeof(parts[0]))]);
        }
        dms_accept_prefers_text_xml(accept, accept);
        dms_media_parse(accept);
        dms_depth_parse(accept, DMS_DEPTH_0);
    }
}
END_TEST

typedef struct media_t {
    const char *type;
    dms_media_e media;
} media_t;

static const media_t medias[] = {
    {NULL, DMS_MEDIA_UNTOLD},
    {"", DMS_MEDIA_UNTOLD},
    {"application/x-www-form-urlencoded", DMS_MEDIA_UNTOLD},
    {"Application/X-WWW-Form-Urlencoded; charset=utf-8", DMS_MEDIA_UNTOLD},
    {"text/xml", DMS_MEDIA_XML},
    {"application/xml", DMS_MEDIA_XML},
    {"TEXT/XML", DMS_MEDIA_XML},
    {"Application/Xml", DMS_MEDIA_XML},
    {"text/xml;charset=utf-8", DMS_MEDIA_XML},
    {"text/xml; charset=\"utf-8\"", DMS_MEDIA_XML},
    {"application/xml ; charset=utf-8", DMS_MEDIA_XML},
    {"text/xml\t;charset=utf-8", DMS_MEDIA_XML},
    {"application/webdav+xml", DMS_MEDIA_XML},
    {"application/davmount+XML; charset=utf-8", DMS_MEDIA_XML},
    {"image/svg+xml", DMS_MEDIA_XML},
    {"text/plain", DMS_MEDIA_OTHER},
    {"text/html; charset=utf-8", DMS_MEDIA_OTHER},
    {"application/json", DMS_MEDIA_OTHER},
    {"application/octet-stream", DMS_MEDIA_OTHER},
    {"text/xmls", DMS_MEDIA_OTHER},
    {"text/xm", DMS_MEDIA_OTHER},
    {"xml", DMS_MEDIA_OTHER},
    {"+xml", DMS_MEDIA_OTHER},
    {"application/xml2", DMS_MEDIA_OTHER},
    {"application/xml-dtd", DMS_MEDIA_OTHER},
    {"text/plain; a=b+xml", DMS_MEDIA_OTHER},
    {"application/x-www-form-urlencoded2", DMS_MEDIA_OTHER},
    {"multipart/form-data; boundary=text/xml", DMS_MEDIA_OTHER},
};

static void check_media_types(int number)
{
    ck_assert_msg(dms_media_parse(medias[number].type) == medias[number].media, "%s",
                  medias[number].type ? medias[number].type : "(none)");
}

START_TEST(media_types)
{
    int number;

    for (number = 0; number < (int)(sizeof(medias) / sizeof(medias[0])); number++) {
        check_media_types(number);
    }
}
END_TEST

typedef struct range_case_t {
    const char *value;
    int fine;
    apr_off_t offset;
    apr_off_t length;
} range_case_t;

START_TEST(ranges)
{
    static const range_case_t cases[] = {
        {"bytes 0-0/1", 1, 0, 1},
        {"bytes 0-499/1234", 1, 0, 500},
        {"bytes 500-999/1000", 1, 500, 500},
        {"Bytes 500-999/*", 1, 500, 500},
        {"bytes 5000000000-5000000009/6000000000", 1, 5000000000, 10},
        {"bytes 9223372036854775806-9223372036854775806/*", 1, 9223372036854775806, 1},
        {"", 0, 0, 0},
        {"bytes", 0, 0, 0},
        {"bytes ", 0, 0, 0},
        {"bytes */100", 0, 0, 0},
        {"bytes 0-", 0, 0, 0},
        {"bytes -5/10", 0, 0, 0},
        {"bytes 0-5", 0, 0, 0},
        {"bytes 0-5/", 0, 0, 0},
        {"bytes 5-4/10", 0, 0, 0},
        {"bytes 0-10/10", 0, 0, 0},
        {"bytes 0-9/5", 0, 0, 0},
        {"bytes 0-9/10x", 0, 0, 0},
        {"bytes 0-9/*x", 0, 0, 0},
        {"bytes 0x0-9/10", 0, 0, 0},
        {"bytes -1-5/10", 0, 0, 0},
        {"bytes 0--5/10", 0, 0, 0},
        {"bytes +0-5/10", 0, 0, 0},
        {"bytes 0 - 5/10", 0, 0, 0},
        {"bytes 0-4,6-9/10", 0, 0, 0},
        {"items 0-5/10", 0, 0, 0},
        {"0-5/10", 0, 0, 0},
        {"bytes 99999999999999999999-99999999999999999999/*", 0, 0, 0},
        {"bytes 0-99999999999999999999/*", 0, 0, 0},
        {"bytes 0-9/99999999999999999999", 0, 0, 0},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const range_case_t *c = &cases[i];
        dms_range_t range = {-1, -1, 0, 0};

        ck_assert_msg(!!dms_range_parse(c->value, &range) == c->fine, "%s", c->value);
        ck_assert_msg(!c->fine || (range.offset == c->offset && range.length == c->length), "%s",
                      c->value);
    }
}
END_TEST

typedef struct update_range_case_t {
    const char *value;
    int fine;
    dms_range_t range;
} update_range_case_t;

START_TEST(update_ranges)
{
    static const update_range_case_t cases[] = {
        {"bytes=0-0", 1, {0, 1, 0, 0}},
        {" Bytes=5-9", 1, {5, 5, 0, 0}},
        {"bytes=5-", 1, {5, -1, 0, 0}},
        {"bytes=-7", 1, {7, -1, 1, 0}},
        {"append", 1, {0, -1, 1, 0}},
        {"Append", 1, {0, -1, 1, 0}},
        {"bytes=9223372036854775807-", 1, {APR_INT64_MAX, -1, 0, 0}},
        {NULL, 0, {0, 0, 0, 0}},
        {"", 0, {0, 0, 0, 0}},
        {"bytes=", 0, {0, 0, 0, 0}},
        {"bytes=-", 0, {0, 0, 0, 0}},
        {"bytes=--1", 0, {0, 0, 0, 0}},
        {"bytes=5-4", 0, {0, 0, 0, 0}},
        {"bytes=5-6x", 0, {0, 0, 0, 0}},
        {"bytes=5-6/10", 0, {0, 0, 0, 0}},
        {"bytes=0-9223372036854775807", 0, {0, 0, 0, 0}},
        {"bytes 0-1", 0, {0, 0, 0, 0}},
        {"appended", 0, {0, 0, 0, 0}},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const update_range_case_t *c = &cases[i];
        dms_range_t range;

        ck_assert_msg(!!dms_update_range_parse(c->value, &range) == c->fine, "%s", c->value);
        ck_assert_msg(!c->fine
                          || (range.offset == c->range.offset && range.length == c->range.length
                              && range.is_from_end == c->range.is_from_end),
                      "%s", c->value);
    }
}
END_TEST

START_TEST(absent_range_is_none)
{
    dms_range_t range;

    ck_assert(!dms_range_parse(NULL, &range));
}
END_TEST

/* Its last byte is the highest offset, so its length has no place in an apr_off_t. */
START_TEST(range_that_is_longer_than_any_file)
{
    dms_range_t range = {-1, -1, 0, 0};

    ck_assert(!dms_range_parse("bytes 0-9223372036854775807/*", &range));
}
END_TEST

START_TEST(seconds)
{
    static const struct {
        const char *value;
        int fine;
        apr_int64_t seconds;
    } cases[] = {
        {"0", 1, 0},
        {"1", 1, 1},
        {"1405659600", 1, 1405659600},
        {"1405659600.987654321", 1, 1405659600},
        {"-1", 1, -1},
        {"-86400.5", 1, -86400},
        {"99999999999", 1, 99999999999},
        {"010", 1, 10},
        {NULL, 0, 0},
        {"", 0, 0},
        {" ", 0, 0},
        {"-", 0, 0},
        {"--1", 0, 0},
        {".5", 0, 0},
        {"1.2.3", 0, 0},
        {"1,5", 0, 0},
        {"1e5", 0, 0},
        {"0x10", 0, 0},
        {"1 2", 0, 0},
        {"now", 0, 0},
        {"1s", 0, 0},
        {"Mon, 12 Jan 1998 09:25:56 GMT", 0, 0},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        apr_int64_t got = -7;

        ck_assert_msg(!!dms_seconds_parse(cases[i].value, &got) == cases[i].fine, "%s",
                      cases[i].value);
        ck_assert_msg(!cases[i].fine || got == cases[i].seconds, "%s", cases[i].value);
    }
}
END_TEST

/* Not the largest number that there is instead. */
START_TEST(seconds_beyond_all_time)
{
    apr_int64_t got;

    ck_assert(!dms_seconds_parse("99999999999999999999", &got));
    ck_assert(!dms_seconds_parse("-99999999999999999999", &got));
}
END_TEST

Suite *headers_suite(void)
{
    Suite *suite = suite_create("headers");
    TCase *tests = unit_case(suite, "headers", 60);

    tcase_add_test(tests, depth_is_one_of_three);
    tcase_add_test(tests, absent_depth_is_the_fallback);
    tcase_add_test(tests, other_depths_are_invalid);
    tcase_add_test(tests, depth_of_members);
    tcase_add_test(tests, accept_prefers_text_xml);
    tcase_add_test(tests, own_type_where_accept_says_nothing);
    tcase_add_test(tests, settled);
    tcase_add_test(tests, media_types);
    tcase_add_test(tests, ranges);
    tcase_add_test(tests, update_ranges);
    tcase_add_test(tests, absent_range_is_none);
    tcase_add_test(tests, range_that_is_longer_than_any_file);
    tcase_add_test(tests, seconds);
    tcase_add_test(tests, seconds_beyond_all_time);
    tcase_add_test(tests, random_accepts_are_survived);
    return suite;
}
