#include "multistatus/position.h"

#include "unit.h"

/* What is known of the last start tag. */
typedef struct seen_t {
    XML_Parser expat;
    apr_int64_t fed;
    apr_int64_t offset;
    apr_int64_t length;
} seen_t;

static void XMLCALL on_start(void *baton, const char *name, const char **attributes)
{
    seen_t *seen = baton;

    seen->offset = dms_position_offset(seen->expat, seen->fed);
    seen->length = dms_position_length(seen->expat);
}

static void XMLCALL on_end(void *baton, const char *name)
{
}

static void begin(seen_t *seen)
{
    memset(seen, 0, sizeof(*seen));
    seen->expat = XML_ParserCreate(NULL);
    XML_SetUserData(seen->expat, seen);
    XML_SetElementHandler(seen->expat, on_start, on_end);
}

static void feed(seen_t *seen, const char *bytes, size_t length)
{
    seen->fed += (apr_int64_t)length;
    ck_assert_int_eq(XML_Parse(seen->expat, bytes, (int)length, 0), XML_STATUS_OK);
}

START_TEST(tags)
{
    static const char xml[] = "<a>\n<!-- \xC3\xA9 -->\xC3\xA9<bc d=''>\n</bc>";
    seen_t seen;
    size_t cut;

    for (cut = 1; cut < sizeof(xml) - 1; cut++) {
        begin(&seen);
        ck_assert_int_le(dms_position_offset(seen.expat, 0), 0);
        feed(&seen, xml, cut);
        feed(&seen, xml + cut, sizeof(xml) - 1 - cut);
        ck_assert_int_eq(seen.offset, 17);
        ck_assert_int_eq(seen.length, 9);
        ck_assert_int_eq(dms_position_offset(seen.expat, seen.fed), sizeof(xml) - 1);
        ck_assert_uint_eq(dms_position_line(seen.expat), 3);
        ck_assert_uint_eq(dms_position_column(seen.expat), 6);
        XML_ParserFree(seen.expat);
    }
}
END_TEST

/* Takes long, and can only fail where Expat's own offsets have 32 bits. */
START_TEST(beyond_4_gib)
{
    const apr_int64_t far = ((apr_int64_t)1 << 32) + 5;
    const char *spaces = unit_repeat(" ", 1 << 20);
    seen_t seen;

    if (sizeof(XML_Index) >= sizeof(far)) {
        return;
    }
    begin(&seen);
    feed(&seen, "<a>", 3);
    while (seen.fed < far) {
        feed(&seen, spaces, 1 << 20);
    }
    feed(&seen, "<b>", 3);
    ck_assert_int_eq(seen.offset, seen.fed - 3);
    ck_assert_int_eq(seen.length, 3);
    XML_ParserFree(seen.expat);
}
END_TEST

Suite *position_suite(void)
{
    Suite *suite = suite_create("position");
    TCase *tags_case = unit_case(suite, "tags", 10), *far_case = unit_case(suite, "far", 200);

    tcase_add_test(tags_case, tags);
    tcase_add_test(far_case, beyond_4_gib);
    return suite;
}
