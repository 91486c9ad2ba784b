#include "reverse/hrefs.h"

#include <stdlib.h>

#include <apr_strings.h>

#include "reverse/meter.h"
#include "unit.h"

/* One document that has passed. */
typedef struct passed_t {
    unit_sink_t *sink;
    const char *problem;
    dms_tally_t tally;
} passed_t;

/* What begins with "/old" begins with "/new!" afterwards; any other stays. */
static const char *map(void *baton, apr_pool_t *pool, const char *text)
{
    return strncmp(text, "/old", 4) ? NULL : apr_pstrcat(pool, "/new!", text + 4, NULL);
}

/* Passes bytes in a first piece of this size, then in pieces of that (0: all), each in memory of
 * its own. */
static passed_t pass(const char *bytes, apr_size_t length, apr_size_t first, apr_size_t size)
{
    passed_t passed = {.sink = unit_sink_create()};
    dms_buffer_t out;
    dms_hrefs_t *hrefs;
    apr_size_t part = first;

    dms_buffer_init(&out, unit_pool, unit_alloc, unit_sink, passed.sink);
    hrefs = dms_hrefs_create(unit_pool, &out, map, NULL, &passed.tally);
    while (length) {
        char *piece;

        part = part && part < length ? part : length;
        piece = malloc(part);
        memcpy(piece, bytes, part);
        dms_hrefs_feed(hrefs, piece, part);
        free(piece);
        bytes += part;
        length -= part;
        part = size;
    }
    dms_hrefs_finish(hrefs, 1);
    dms_buffer_pass(&out, 0);
    ck_assert_int_eq(out.status, APR_SUCCESS);
    passed.problem = dms_hrefs_problem(hrefs);
    return passed;
}

static void check_bytes(const passed_t *passed, const char *expected, apr_size_t length)
{
    ck_assert_msg(passed->sink->length == length
                      && (!length || !memcmp(passed->sink->bytes, expected, length)),
                  "got: %.*s", (int)passed->sink->length, passed->sink->bytes);
}

/* Passes a document in one piece, in single bytes, and cut at each place. */
static const char *check_length(const char *xml, apr_size_t length, const char *expected,
                                apr_size_t expected_length)
{
    passed_t whole = pass(xml, length, 0, 0), other;
    apr_size_t cut;

    check_bytes(&whole, expected, expected_length);
    for (cut = 1; cut <= length; cut++) {
        other = pass(xml, length, cut, cut % 2 ? 0 : 1);
        check_bytes(&other, expected, expected_length);
        ck_assert_pstr_eq(other.problem, whole.problem);
        ck_assert(other.tally.responses == whole.tally.responses);
        ck_assert(other.tally.failures == whole.tally.failures);
    }
    return whole.problem;
}

static const char *check(const char *xml, const char *expected)
{
    return check_length(xml, strlen(xml), expected, strlen(expected));
}

#define H(text) "<a xmlns='DAV:'><href>" text "</href></a>"

static const struct {
    const char *xml;
    const char *expected; /* NULL: as it is */
} documents[] = {
    {H("/old/x"), H("/new!/x")},
    {H("/old"), H("/new!")},
    {H("/other"), NULL},
    {H(""), NULL},
    {"<a xmlns='DAV:'><href/><href /><href a='/old'/></a>", NULL},
    /* any prefix, any order, any place */
    {"<?xml version='1.0' encoding=\"utf-8\" ?>\r\n<!-- /old -->\r\n"
     "<x:a b='/old'  xmlns:x=\"DAV:\" >\r\n\t<x:href\n>/old/1</x:href\n>/old<y xmlns='DAV:'>"
     "<href>/old/2</href></y><href>/old/3</href></x:a><?pi /old?>\n",
     "<?xml version='1.0' encoding=\"utf-8\" ?>\r\n<!-- /old -->\r\n"
     "<x:a b='/old'  xmlns:x=\"DAV:\" >\r\n\t<x:href\n>/new!/1</x:href\n>/old<y xmlns='DAV:'>"
     "<href>/new!/2</href></y><href>/old/3</href></x:a><?pi /old?>\n"},
    {"<href xmlns='DAV:'>/old</href>", "<href xmlns='DAV:'>/new!</href>"},
    {"<a xmlns='DAV:'><href xmlns=''>/old</href><x:href xmlns:x='DAV'>/old</x:href>"
     "<x:href xmlns:x='DAV:x'>/old</x:href><hrefs>/old</hrefs></a>",
     NULL},
    {"<href>/old</href>", NULL},
    {"<a xmlns='DAV:'><href>/old</href><href>/x</href><href>/old/</href></a>",
     "<a xmlns='DAV:'><href>/new!</href><href>/x</href><href>/new!/</href></a>"},
    /* however the text is written */
    {H("&#47;o&#x6C;d/&amp;&lt;&gt;&quot;"), H("/new!/&amp;&lt;&gt;\"")},
    {H("<![CDATA[/old/<&>]]>"), H("/new!/&lt;&amp;&gt;")},
    {H("/o<![CDATA[ld]]><![CDATA[]]>/x"), H("/new!/x")},
    {H("/old]]&gt;"), H("/new!]]&gt;")},
    {H("/old/\r\n"), H("/new!/\n")},
    {H(" /old "), NULL}, /* the map's to judge */
    /* comments stay, elements keep out */
    {H("/o<!-- a -->ld/<?pi b?>x"), H("/new!/x<!-- a --><?pi b?>")},
    {H("<!---->/old"), H("/new!<!---->")},
    {H("<!-- a -->/other<?pi?>"), NULL},
    {H("/old<b/>"), NULL},
    {H("<b/>/old"), NULL},
    {H("<b>/old</b>"), NULL},
    {H("/old<b>/old</b>/old"), NULL},
    {H("/old<href>/old</href>/old"), H("/old<href>/new!</href>/old")},
    /* encodings */
    {"\xEF\xBB\xBF<a xmlns='DAV:'>\xC3\xA9<href>/old/x</href>\xF0\x9F\x98\x80</a>",
     "\xEF\xBB\xBF<a xmlns='DAV:'>\xC3\xA9<href>/new!/x</href>\xF0\x9F\x98\x80</a>"},
    {"<?xml version='1.0' encoding='iso-8859-1'?><a xmlns='DAV:'>\xE9<href>/old</href>\xE9</a>",
     "<?xml version='1.0' encoding='iso-8859-1'?><a xmlns='DAV:'>\xE9<href>/new!</href>\xE9</a>"},
    {"", NULL},
};

START_TEST(well_formed)
{
    const char *xml = documents[_i].xml, *expected = documents[_i].expected;

    ck_assert_pstr_eq(check(xml, expected ? expected : xml), NULL);
}
END_TEST

/* ASCII as UTF-16, with a byte order mark or none. */
static const char *widen(const char *ascii, int is_big, int has_mark, apr_size_t *length)
{
    apr_size_t count = strlen(ascii), i;
    char *wide = apr_pcalloc(unit_pool, 2 * count + 2), *out = wide;

    if (has_mark) {
        *out++ = is_big ? '\xfe' : '\xff';
        *out++ = is_big ? '\xff' : '\xfe';
    }
    for (i = 0; i < count; i++, out += 2) {
        out[is_big] = ascii[i];
    }
    *length = (apr_size_t)(out - wide);
    return wide;
}

START_TEST(utf_16)
{
    static const char before[] = "<?xml version='1.0' encoding='UTF-16'?>" H("/old/<!--x-->&amp;");
    static const char after[] = "<?xml version='1.0' encoding='UTF-16'?>" H("/new!/&amp;<!--x-->");
    apr_size_t length, expected_length;
    int kind;

    for (kind = 0; kind < 4; kind++) {
        const char *xml = widen(before, kind & 1, kind & 2, &length);
        const char *expected = widen(after, kind & 1, kind & 2, &expected_length);

        ck_assert_pstr_eq(check_length(xml, length, expected, expected_length), NULL);
    }
}
END_TEST

/* --- what is not well-formed passes as it is from there on --- */

static const struct {
    const char *xml;
    const char *expected; /* NULL: as it is */
    const char *problem;
} broken[] = {
    {"<a xmlns='DAV:'><href>/old</href>\n<b><href>/old</href></a><href>/old</href></b>",
     "<a xmlns='DAV:'><href>/new!</href>\n<b><href>/new!</href></a><href>/old</href></b>",
     "mismatched tag (line 2, column 23, byte 56)"},
    {"<a xmlns='DAV:'><href>/old</href><href>/old", "<a xmlns='DAV:'><href>/new!</href><href>/old",
     "no element found (line 1, column 44, byte 43)"},
    {"<a xmlns='DAV:'><href>/old</hr", NULL, "unclosed token (line 1, column 27, byte 26)"},
    {"not XML", NULL, "syntax error (line 1, column 1, byte 0)"},
    {"<a xmlns='DAV:'><href>/old&x;</href></a>", NULL,
     "undefined entity (line 1, column 27, byte 26)"},
    {"<a xmlns='DAV:'><href>/old\x01</href></a>", NULL,
     "not well-formed (invalid token) (line 1, column 27, byte 26)"},
    {"<a xmlns='DAV:'>\xff<href>/old</href></a>", NULL,
     "not well-formed (invalid token) (line 1, column 17, byte 16)"},
    {"<a><x:href>/old</x:href></a>", NULL, "unbound prefix (line 1, column 4, byte 3)"},
    {"<?xml version='1.0' encoding='cp1047'?><href xmlns='DAV:'>/old</href>", NULL,
     "unknown encoding (line 1, column 31, byte 30)"},
    {"<!DOCTYPE a [<!ENTITY x '/old'><!ENTITY y '&x;&x;'>]>"
     "<a xmlns='DAV:'><href>&y;</href><href>/old</href></a>",
     NULL, "a document type declaration (line 1, column 13, byte 12)"},
    {"<a xmlns='DAV:'/><href xmlns='DAV:'>/old</href>", NULL,
     "junk after document element (line 1, column 18, byte 17)"},
    {"\n", NULL, "no element found (line 2, column 1, byte 1)"},
};

START_TEST(not_well_formed)
{
    const char *xml = broken[_i].xml;
    const char *problem = check(xml, broken[_i].expected ? broken[_i].expected : xml);

    ck_assert_pstr_eq(problem, broken[_i].problem);
}
END_TEST

START_TEST(breaking_off)
{
    static const char xml[] = "<a xmlns='DAV:'>\n<href>/old</href><href>/ol";
    unit_sink_t *sink = unit_sink_create();
    dms_buffer_t out;
    dms_hrefs_t *hrefs;

    dms_buffer_init(&out, unit_pool, unit_alloc, unit_sink, sink);
    hrefs = dms_hrefs_create(unit_pool, &out, map, NULL, NULL);
    dms_hrefs_feed(hrefs, xml, strlen(xml));
    dms_hrefs_finish(hrefs, 0);
    dms_buffer_pass(&out, 0);
    ck_assert_str_eq(sink->bytes, "<a xmlns='DAV:'>\n<href>/new!</href><href>/ol");
    ck_assert_str_eq(dms_hrefs_problem(hrefs),
                     "the document breaks off (line 2, column 27, byte 43)");
}
END_TEST

/* --- what leaves when, and what it costs --- */

/* Up to where the document has left, after each part of it. */
START_TEST(leaves_at_once)
{
    static const struct {
        const char *part;
        const char *left;
    } steps[] = {
        {"<a xmlns='DAV:'>", "<a xmlns='DAV:'>"},
        {"text", "text"},
        {"<b", ""},
        {">", "<b>"},
        {"<href>", "<href>"},
        {"/old", ""},
        {"/x", ""},
        {"</href", ""},
        {">", "/new!/x</href>"},
        {"<href>/other<c/>", "<href>/other<c/>"},
        {"/old", "/old"},
        {"</href></b></a>", "</href></b></a>"},
    };
    unit_sink_t *sink = unit_sink_create();
    dms_buffer_t out;
    dms_hrefs_t *hrefs;
    size_t i, seen = 0;

    dms_buffer_init(&out, unit_pool, unit_alloc, unit_sink, sink);
    hrefs = dms_hrefs_create(unit_pool, &out, map, NULL, NULL);
    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        dms_hrefs_feed(hrefs, steps[i].part, strlen(steps[i].part));
        dms_buffer_pass(&out, 0);
        ck_assert_msg(!strcmp(sink->bytes + seen, steps[i].left), "%d: %s", (int)i,
                      sink->bytes + seen);
        seen = sink->length;
    }
}
END_TEST

static const char *repeat(const char *what, apr_size_t length)
{
    apr_size_t unit = strlen(what), i;
    char *s = apr_palloc(unit_pool, length + 1);

    for (i = 0; i < length; i++) {
        s[i] = what[i % unit];
    }
    s[length] = '\0';
    return s;
}

START_TEST(long_hrefs)
{
    static const char before[] = "<a xmlns='DAV:'><href>/old/",
                      after[] = "</href><href>/old</href></a>";
    const apr_size_t fixed = strlen("/old/");
    const char *filler, *xml, *expected;
    passed_t passed;
    int size;

    /* the longest */
    filler = repeat("x", DMS_HREFS_LENGTH - fixed);
    xml = apr_pstrcat(unit_pool, before, filler, after, NULL);
    expected = apr_pstrcat(unit_pool, "<a xmlns='DAV:'><href>/new!/", filler,
                           "</href><href>/new!</href></a>", NULL);
    for (size = 0; size < 100000; size += 33331) {
        passed = pass(xml, strlen(xml), (apr_size_t)size, (apr_size_t)size);
        check_bytes(&passed, expected, strlen(expected));
    }
    /* one byte longer */
    filler = repeat("x", DMS_HREFS_LENGTH - fixed + 1);
    xml = apr_pstrcat(unit_pool, before, filler, after, NULL);
    expected = apr_pstrcat(unit_pool, before, filler, "</href><href>/new!</href></a>", NULL);
    for (size = 0; size < 100000; size += 33331) {
        passed = pass(xml, strlen(xml), (apr_size_t)size, (apr_size_t)size);
        check_bytes(&passed, expected, strlen(expected));
        ck_assert_pstr_eq(passed.problem, NULL);
    }
}
END_TEST

/* Whatever streams without end passes, and takes no more memory for it. */
static apr_size_t stream(const char *start, const char *what, apr_size_t length,
                         const char **problem)
{
    unit_sink_t *sink = unit_sink_create();
    apr_size_t before, after, fed = 0;
    const char *block = repeat(what, strlen(what) * 1000);
    dms_buffer_t out;
    dms_hrefs_t *hrefs;

    sink->forget = 1;
    dms_buffer_init(&out, unit_pool, unit_alloc, unit_sink, sink);
    hrefs = dms_hrefs_create(unit_pool, &out, map, NULL, NULL);
    dms_hrefs_feed(hrefs, start, strlen(start));
    before = unit_memory();
    while (fed < length) {
        dms_hrefs_feed(hrefs, block, strlen(block));
        dms_buffer_pass(&out, 0);
        fed += strlen(block);
    }
    after = unit_memory();
    dms_hrefs_finish(hrefs, 1);
    dms_buffer_pass(&out, 0);
    ck_assert_uint_ge(sink->length, length);
    *problem = dms_hrefs_problem(hrefs);
    return after > before ? after - before : 0;
}

#define MIB (1024 * 1024)

START_TEST(memory)
{
    static const char start[] = "<D:multistatus xmlns:D='DAV:'>";
    const char *problem;

    ck_assert_uint_lt(stream(start, "<D:response><D:href>/old/x</D:href></D:response>", 50 * MIB,
                             &problem),
                      MIB / 2);
    /* an href, text, a comment, a tag, levels, without end */
    ck_assert_uint_lt(stream("<D:href xmlns:D='DAV:'>", "/old/x", 20 * MIB, &problem), MIB);
    ck_assert_uint_lt(stream(start, "text", 20 * MIB, &problem), MIB);
    ck_assert_uint_lt(stream("<a><!--", "comment", 20 * MIB, &problem), 6 * MIB);
    ck_assert_ptr_nonnull(strstr(problem, "than there is room for"));
    ck_assert_uint_lt(stream("<a b='", "attribute", 20 * MIB, &problem), 6 * MIB);
    ck_assert_ptr_nonnull(strstr(problem, "than there is room for"));
    ck_assert_uint_lt(stream("<a>", "<b>", 20 * MIB, &problem), 2 * MIB);
    ck_assert_ptr_nonnull(strstr(problem, "than there is room for"));
}
END_TEST

/* Names are what Expat never forgets. */
START_TEST(names_without_end)
{
    unit_sink_t *sink = unit_sink_create();
    dms_buffer_t out;
    dms_hrefs_t *hrefs;
    int i;

    sink->forget = 1;
    dms_buffer_init(&out, unit_pool, unit_alloc, unit_sink, sink);
    hrefs = dms_hrefs_create(unit_pool, &out, map, NULL, NULL);
    dms_hrefs_feed(hrefs, "<a>", 3);
    for (i = 0; i < 200000; i++) {
        char element[48];

        dms_hrefs_feed(hrefs, element, (apr_size_t)sprintf(element, "<href n%d=''/>", i));
        dms_buffer_pass(&out, 0);
    }
    ck_assert_ptr_nonnull(strstr(dms_hrefs_problem(hrefs), "than there is room for"));
}
END_TEST

START_TEST(metering)
{
    dms_meter_t meter = {0, 1000}, *before = dms_meter_enter(&meter);
    char *block = dms_meter_suite.malloc_fcn(600);

    ck_assert_ptr_null(before);
    ck_assert_ptr_nonnull(block);
    ck_assert_ptr_null(dms_meter_suite.malloc_fcn(401));
    ck_assert_ptr_null(dms_meter_suite.malloc_fcn((size_t)-1));
    memset(block, 7, 600);
    block = dms_meter_suite.realloc_fcn(block, 1000);
    ck_assert_ptr_nonnull(block);
    ck_assert_int_eq(block[599], 7);
    ck_assert_ptr_null(dms_meter_suite.realloc_fcn(block, 1001));
    block = dms_meter_suite.realloc_fcn(block, 10);
    ck_assert_uint_eq(meter.used, 10);
    dms_meter_suite.free_fcn(block);
    dms_meter_suite.free_fcn(NULL);
    ck_assert_uint_eq(meter.used, 0);
    dms_meter_leave(before);
    ck_assert_ptr_null(dms_meter_suite.malloc_fcn(1));
}
END_TEST

/* --- what is counted --- */

#define M(inside) "<D:multistatus xmlns:D='DAV:'>" inside "</D:multistatus>"
#define R(inside) "<D:response><D:href>/</D:href>" inside "</D:response>"
#define P(status) "<D:propstat><D:prop/><D:status>HTTP/1.1 " status "</D:status></D:propstat>"
#define S(status) "<D:status>" status "</D:status>"

static const struct {
    const char *xml;
    unsigned int responses;
    unsigned int failures; /* of a listing */
    unsigned int changes;  /* that failed, of any other method */
} tallies[] = {
    {M(""), 0, 0, 0},
    {M(R(P("200 OK") P("404 Not Found")) R(P("200 OK"))), 2, 0, 1},
    {M(R(P("424 Failed Dependency") P("403 Forbidden"))), 1, 0, 1},
    {M(R(S("HTTP/1.1 423 Locked")) R(S("HTTP/1.1 204 No Content"))), 2, 1, 1},
    {M(R(S("\n HTTP/2.0 507 Insufficient\n"))), 1, 1, 1},
    {M(R("<D:href>/b</D:href>" S("HTTP/1.1 404 x"))), 1, 1, 1},
    {M(R(S("HTTP/1.1 200 OK")) R(S("<![CDATA[HTTP/1.1 40]]>4"))), 2, 1, 1},
    /* what is no status, no response, no multistatus */
    {M(R(S("404")) R(S("")) R(S("HTTP/1.1 xxx")) R("<status>HTTP/1.1 404 x</status>")), 4, 0, 0},
    {M(S("HTTP/1.1 404 x") P("404 x") "<response/><D:responses/>"), 0, 0, 0},
    {M("<x>" R(S("HTTP/1.1 404 x")) "</x>"), 0, 0, 0},
    {M(R("<x>" S("HTTP/1.1 404 x") "</x><D:prop>" S("HTTP/1.1 404 x") "</D:prop>")), 1, 0, 0},
    {M(R("<D:propstat><D:prop>" S("HTTP/1.1 404 x") "</D:prop></D:propstat>")), 1, 0, 0},
    {"<D:error xmlns:D='DAV:'>" R(S("HTTP/1.1 404 x")) "</D:error>", 0, 0, 0},
    {"<multistatus>"
     "<response><status>HTTP/1.1 404 x</status></response>"
     "</multistatus>",
     0, 0, 0},
    {"<multistatus xmlns='DAV:'><response><status>HTTP/1.1 404 x</status></response>"
     "<response/></multistatus>",
     2, 1, 1},
    /* one that does not end is not counted */
    {"<D:multistatus xmlns:D='DAV:'>" R(S("HTTP/1.1 404 x")) "<D:response>", 1, 1, 1},
};

START_TEST(tally)
{
    const char *xml = tallies[_i].xml;
    int counts_propstats;

    for (counts_propstats = 0; counts_propstats < 2; counts_propstats++) {
        unit_sink_t *sink = unit_sink_create();
        dms_tally_t counted = {.counts_propstats = counts_propstats};
        dms_buffer_t out;
        dms_hrefs_t *hrefs;
        size_t i;

        dms_buffer_init(&out, unit_pool, unit_alloc, unit_sink, sink);
        hrefs = dms_hrefs_create(unit_pool, &out, map, NULL, &counted);
        for (i = 0; i < strlen(xml); i++) {
            dms_hrefs_feed(hrefs, xml + i, 1);
        }
        dms_hrefs_finish(hrefs, 1);
        ck_assert_uint_eq(counted.responses, tallies[_i].responses);
        ck_assert_uint_eq(counted.failures,
                          counts_propstats ? tallies[_i].changes : tallies[_i].failures);
    }
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table[0])))

Suite *hrefs_suite(void)
{
    Suite *suite = suite_create("hrefs");
    TCase *tests = unit_case(suite, "hrefs", 60);

    tcase_add_loop_test(tests, well_formed, 0, COUNT(documents));
    tcase_add_test(tests, utf_16);
    tcase_add_loop_test(tests, not_well_formed, 0, COUNT(broken));
    tcase_add_test(tests, breaking_off);
    tcase_add_test(tests, leaves_at_once);
    tcase_add_test(tests, long_hrefs);
    tcase_add_test(tests, memory);
    tcase_add_test(tests, names_without_end);
    tcase_add_test(tests, metering);
    tcase_add_loop_test(tests, tally, 0, COUNT(tallies));
    return suite;
}
