#include "request/prefer.h"

#include <stddef.h>

#include <apr_strings.h>

#include "unit.h"

typedef struct case_t {
    const char *prefer;
    dms_prefer_t expected; /* minimal, representation, no_root */
} case_t;

/* RFC 7240, section 2. */
static const case_t cases[] = {
    {NULL, {0, 0, 0}},
    {"", {0, 0, 0}},
    {"return=minimal", {1, 0, 0}},
    {"return=representation", {0, 1, 0}},
    {"depth-noroot", {0, 0, 1}},
    {"\"return=minimal\"", {1, 0, 0}},
    {"return=\"minimal\"", {1, 0, 0}},
    {" RETURN\t=  Minimal ", {1, 0, 0}},
    {"depth-noroot, return=minimal", {1, 0, 1}},
    {"return=minimal,depth-noroot;x=y;z", {1, 0, 1}},
    {"return=minimal, return=representation", {1, 0, 0}},
    {"return=representation, return=minimal", {0, 1, 0}},
    {"wait=\"a, depth-noroot,\"; b=\"\\\", depth-noroot\", return=minimal", {1, 0, 0}},
    {"x=\"\\\"\", return=minimal", {1, 0, 0}},
    {"x=\"\\\", return=minimal\"", {0, 0, 0}},
    {"x; depth-noroot", {0, 0, 0}},
    {"return", {0, 0, 0}},
    {"return=", {0, 0, 0}},
    {"return=minimally", {0, 0, 0}},
    {"minimal", {0, 0, 0}},
    {",, ;=\"", {0, 0, 0}},
    {"\"", {0, 0, 0}},
    {"\"\\", {0, 0, 0}},
};

START_TEST(preferences)
{
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        dms_prefer_t got = dms_prefer_parse(unit_pool, cases[i].prefer);

        ck_assert_msg(got.minimal == cases[i].expected.minimal
                          && got.representation == cases[i].expected.representation
                          && got.no_root == cases[i].expected.no_root,
                      "%s", cases[i].prefer);
    }
}
END_TEST

/* From a header of 8 KiB nothing large is made. */
START_TEST(many_quotes_are_survived)
{
    char *prefer = apr_palloc(unit_pool, 8192);
    size_t i;

    for (i = 0; i < 8191; i++) {
        prefer[i] = "\",=;\\"[i * i % 5];
    }
    prefer[i] = '\0';
    ck_assert(!dms_prefer_parse(unit_pool, prefer).minimal);
}
END_TEST

START_TEST(what_is_told)
{
    apr_table_t *headers = apr_table_make(unit_pool, 2);

    dms_prefer_applied(headers, DMS_PREFER_MINIMAL);
    dms_prefer_applied(headers, DMS_PREFER_NO_ROOT);
    dms_prefer_matters(headers);
    ck_assert_str_eq(apr_table_get(headers, "Preference-Applied"), "return=minimal, depth-noroot");
    ck_assert_str_eq(apr_table_get(headers, "Vary"), "Prefer");
}
END_TEST

Suite *prefer_suite(void)
{
    Suite *suite = suite_create("prefer");
    TCase *tests = unit_case(suite, "prefer", 60);

    tcase_add_test(tests, preferences);
    tcase_add_test(tests, many_quotes_are_survived);
    tcase_add_test(tests, what_is_told);
    return suite;
}
