#include "request/lock_headers.h"

#include <string.h>

#include <apr_strings.h>

#include "request/xml_body.h"
#include "unit.h"

/* --- Timeout --- */

static const struct {
    const char *value;
    apr_int64_t expected; /* of a fallback of 600 and at most 86400 */
} timeouts[] = {
    {NULL, 600},
    {"", 600},
    {" \t,, ", 600},
    {"Second-1", 1},
    {"Second-0", 1},
    {"Second-000000000000000000000000000000180", 180},
    {"Second-3600", 3600},
    {"second-3600", 3600},
    {"SECOND-3600", 3600},
    {"Second-86400", 86400},
    {"Second-86401", 86400},
    {"Second-4100000000", 86400},
    {"Second-4294967295", 86400},
    {"Second-18446744073709551616", 86400},
    {"Second-18446744073709551617", 86400},
    {"Second-99999999999999999999999999999999999999999999999999", 86400},
    {"Infinite", 86400},
    {"infinite", 86400},
    {"INFINITE", 86400},
    /* lists */
    {"Infinite, Second-4100000000", 86400},
    {"Second-120, Infinite", 120},
    {"Second-120,Second-240", 120},
    {" \tSecond-120\t , Second-240", 120},
    {",, ,Second-120", 120},
    {"Extend-5, Second-120", 120},
    {"Second-x , Second-, Second-120", 120},
    {"Minute-2, Infinite", 86400},
    /* none is understood */
    {"0", 600},
    {"120", 600},
    {"Second", 600},
    {"Second-", 600},
    {"Second-,120", 600},
    {"Second 120", 600},
    {"Second - 120", 600},
    {"Second- 120", 600},
    {"Second-120s", 600},
    {"Second-120 s", 600},
    {"Second-1 20", 600},
    {"Second--120", 600},
    {"Second-+120", 600},
    {"Second-0x10", 600},
    {"Second-1.5", 600},
    {"Seconds-120", 600},
    {"Second-120;q=1", 600},
    {"Infinit", 600},
    {"Infinite1", 600},
    {"Infinity", 600},
    {"\"Infinite\"", 600},
};

START_TEST(timeout)
{
    size_t i;

    for (i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
        apr_int64_t got = dms_timeout_parse(timeouts[i].value, 600, 86400);

        ck_assert_msg(got == timeouts[i].expected, "%s: %" APR_INT64_T_FMT, timeouts[i].value, got);
    }
}
END_TEST

START_TEST(timeout_bounds)
{
    /* no maximum */
    ck_assert_int_eq(dms_timeout_parse("Infinite", 600, 0), 0);
    ck_assert_int_eq(dms_timeout_parse(NULL, 600, 0), 600);
    ck_assert_int_eq(dms_timeout_parse("Second-0", 600, 0), 1);
    ck_assert_int_eq(dms_timeout_parse("Second-4100000000", 600, 0), 4100000000);
    ck_assert_int_eq(dms_timeout_parse("Second-4294967295", 600, 0), DMS_TIMEOUT_LARGEST);
    ck_assert_int_eq(dms_timeout_parse("Second-4294967296", 600, 0), DMS_TIMEOUT_LARGEST);
    ck_assert_int_eq(dms_timeout_parse("Second-18446744073709551617", 600, 0), DMS_TIMEOUT_LARGEST);
    /* a fallback beyond the bounds, and one that is for ever */
    ck_assert_int_eq(dms_timeout_parse(NULL, 600, 300), 300);
    ck_assert_int_eq(dms_timeout_parse("x", 600, 300), 300);
    ck_assert_int_eq(dms_timeout_parse(NULL, 0, 300), 300);
    ck_assert_int_eq(dms_timeout_parse(NULL, 0, 0), 0);
    /* a maximum that the protocol can't tell */
    ck_assert_int_eq(dms_timeout_parse("Infinite", 600, APR_INT64_MAX), DMS_TIMEOUT_LARGEST);
    ck_assert_int_eq(dms_timeout_parse("Second-2", 600, 1), 1);
}
END_TEST

/* --- Lock-Token --- */

static const struct {
    const char *value;
    const char *expected;
} tokens[] = {
    {"<urn:uuid:a515cfa4-5da4-22e1-f5b5-00a0451e6bf7>",
     "urn:uuid:a515cfa4-5da4-22e1-f5b5-00a0451e6bf7"},
    {"urn:uuid:a515cfa4-5da4-22e1-f5b5-00a0451e6bf7",
     "urn:uuid:a515cfa4-5da4-22e1-f5b5-00a0451e6bf7"},
    {" \t<opaquelocktoken:1> \t", "opaquelocktoken:1"},
    {" opaquelocktoken:1\t", "opaquelocktoken:1"},
    {"<DAV:no-lock>", "DAV:no-lock"},
    {"<a:>", "a:"},
    {NULL, NULL},
    {"", NULL},
    {" ", NULL},
    {"<>", NULL},
    {"<", NULL},
    {">", NULL},
    {"<urn:uuid:1", NULL},
    {"urn:uuid:1>", NULL},
    {"< urn:uuid:1>", NULL},
    {"<urn:uuid:1 >", NULL},
    {"<urn:uuid: 1>", NULL},
    {"urn:uuid: 1", NULL},
    {"<<urn:uuid:1>>", NULL},
    {"<urn:uuid:1>>", NULL},
    {"<urn:uuid:1> x", NULL},
    {"<urn:uuid:1>, <urn:uuid:2>", NULL},
    {"<urn:uuid:1>,", NULL},
    {"(<urn:uuid:1>)", NULL},
    {"\"urn:uuid:1\"", NULL},
    {"<a515cfa4-5da4-22e1-f5b5-00a0451e6bf7>", NULL},
    {"a515cfa4-5da4-22e1-f5b5-00a0451e6bf7", NULL},
    {"</a>", NULL},
    {"<1:a>", NULL},
    {"<a:\x01>", NULL},
    {"<a:\n>", NULL},
};

START_TEST(lock_token)
{
    size_t i;

    for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        ck_assert_pstr_eq(dms_lock_token_parse(unit_pool, tokens[i].value), tokens[i].expected);
    }
}
END_TEST

/* --- lockinfo --- */

static const char *read_lockinfo(const char *xml, dms_lockinfo_t *info)
{
    dms_xml_body_t *body = dms_xml_body_create(unit_pool);
    dms_element_t *root;

    dms_xml_body_feed(body, xml, strlen(xml));
    ck_assert_msg(dms_xml_body_finish(body, &root) == DMS_XML_FINE, "%s", xml);
    return dms_lockinfo_read(root, info);
}

#define INFO(inside) "<D:lockinfo xmlns:D='DAV:' xmlns:x='x:'>" inside "</D:lockinfo>"
#define SCOPE "<D:lockscope><D:exclusive/></D:lockscope>"
#define TYPE "<D:locktype><D:write/></D:locktype>"

static const struct {
    const char *xml;
    int is_shared;
    int has_owner;
} lockinfos[] = {
    {INFO(SCOPE TYPE), 0, 0},
    {INFO(TYPE SCOPE), 0, 0},
    {INFO("<D:lockscope><D:shared/></D:lockscope>" TYPE), 1, 0},
    {INFO("<D:owner/>" SCOPE TYPE), 0, 1},
    {INFO(SCOPE "<D:owner>me</D:owner>" TYPE), 0, 1},
    {INFO(SCOPE TYPE "<D:owner><x:y/>text</D:owner>"), 0, 1},
    {"<lockinfo xmlns='DAV:'><lockscope><exclusive/></lockscope>"
     "<locktype><write/></locktype></lockinfo>",
     0, 0},
    /* white space, text, and elements that are unknown */
    {INFO("\n " SCOPE " text " TYPE "\n"), 0, 0},
    {INFO("<D:timeout/><x:owner/><x:lockscope/>" SCOPE TYPE "<lockscope/><lockinfo/>"), 0, 0},
    {INFO("<D:lockscope> <x:shared/><D:other/> <D:exclusive a='b'>t</D:exclusive></D:lockscope>"
          "<D:locktype> <x:write/> <D:write/> <D:other/></D:locktype>"),
     0, 0},
};

START_TEST(lockinfo)
{
    size_t i;

    for (i = 0; i < sizeof(lockinfos) / sizeof(lockinfos[0]); i++) {
        dms_lockinfo_t info;

        memset(&info, 0xff, sizeof(info));
        ck_assert_pstr_eq(read_lockinfo(lockinfos[i].xml, &info), NULL);
        ck_assert_int_eq(info.is_shared, lockinfos[i].is_shared);
        ck_assert_int_eq(info.owner != NULL, lockinfos[i].has_owner);
    }
}
END_TEST

START_TEST(owner_is_whole)
{
    dms_lockinfo_t info;
    dms_element_t owner;

    ck_assert_ptr_null(read_lockinfo(/* RFC 4918, section 9.10.7 */
                                     "<?xml version=\"1.0\" encoding=\"utf-8\" ?>"
                                     "<D:lockinfo xmlns:D='DAV:'>"
                                     "<D:lockscope><D:exclusive/></D:lockscope>"
                                     "<D:locktype><D:write/></D:locktype>"
                                     "<D:owner>"
                                     "<D:href>http://example.org/~ejw/contact.html</D:href>"
                                     "</D:owner>"
                                     "</D:lockinfo>",
                                     &info));
    ck_assert_ptr_nonnull(info.owner);
    owner = *info.owner;
    owner.next = NULL;
    ck_assert_str_eq(unit_canonical_elements(&owner),
                     unit_canonical_elements(
                         unit_element("DAV:", "owner", NULL,
                                      unit_element("DAV:", "href",
                                                   "http://example.org/~ejw/contact.html", NULL),
                                      NULL)));
}
END_TEST

START_TEST(no_lockinfo)
{
    static const char *const wrong[] = {
        "<D:lockinfo xmlns:D='DAV:'/>",
        "<lockinfo>"
        "<lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>",
        "<D:lockinfos xmlns:D='DAV:'>" SCOPE TYPE "</D:lockinfos>",
        "<x:lockinfo xmlns:x='x:' xmlns:D='DAV:'>" SCOPE TYPE "</x:lockinfo>",
        "<D:propfind xmlns:D='DAV:'>" SCOPE TYPE "</D:propfind>",
        "<D:propfind xmlns:D='DAV:'>" INFO(SCOPE TYPE) "</D:propfind>",
        INFO("text"),
        INFO(SCOPE),
        INFO(TYPE),
        INFO(SCOPE SCOPE TYPE),
        INFO(SCOPE TYPE TYPE),
        INFO(SCOPE TYPE "<D:owner/><D:owner/>"),
        INFO("<D:lockscope/>" TYPE),
        INFO("<D:lockscope>exclusive</D:lockscope>" TYPE),
        INFO("<D:lockscope><x:exclusive/></D:lockscope>" TYPE),
        INFO("<D:lockscope><D:private/></D:lockscope>" TYPE),
        INFO("<D:lockscope><x:y><D:exclusive/></x:y></D:lockscope>" TYPE),
        INFO("<D:lockscope><D:exclusive/><D:shared/></D:lockscope>" TYPE),
        INFO("<D:lockscope><D:exclusive/><D:exclusive/></D:lockscope>" TYPE),
        INFO("<D:lockscope><D:Exclusive/></D:lockscope>" TYPE),
        INFO("<D:exclusive/>" TYPE),
        INFO(SCOPE "<D:locktype/>"),
        INFO(SCOPE "<D:locktype>write</D:locktype>"),
        INFO(SCOPE "<D:locktype><D:read/></D:locktype>"),
        INFO(SCOPE "<D:locktype><x:write/></D:locktype>"),
        INFO(SCOPE "<D:locktype><D:write/><D:write/></D:locktype>"),
        INFO(SCOPE "<D:write/>"),
        INFO("<D:lockscope><D:locktype><D:write/></D:locktype><D:exclusive/></D:lockscope>"),
    };
    dms_lockinfo_t info;
    size_t i;

    ck_assert_ptr_nonnull(dms_lockinfo_read(NULL, &info));
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(read_lockinfo(wrong[i], &info) != NULL, "%s", wrong[i]);
    }
}
END_TEST

Suite *lock_headers_suite(void)
{
    Suite *suite = suite_create("lock headers");
    TCase *tests = unit_case(suite, "headers", 10);

    tcase_add_test(tests, timeout);
    tcase_add_test(tests, timeout_bounds);
    tcase_add_test(tests, lock_token);
    tests = unit_case(suite, "lockinfo", 10);
    tcase_add_test(tests, lockinfo);
    tcase_add_test(tests, owner_is_whole);
    tcase_add_test(tests, no_lockinfo);
    return suite;
}
