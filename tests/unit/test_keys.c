#include "keys/keys.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

static const dms_provider_t fs = {.name = "fs"}, mem = {.name = "mem"}, memory = {.name = "memory"};

START_TEST(a_key_is_taken_apart)
{
    static const struct {
        const char *key, *parent, *name, *low, *high;
    } keys[] = {
        {"/", "/", "", "/", "0"},
        {"/a", "/", "a", "/a/", "/a0"},
        {"/a/b%20c", "/a", "b%20c", "/a/b%20c/", "/a/b%20c0"},
        {"/|mem", "/", "|mem", "/|mem/", "/|mem0"},
        {"/|mem/a", "/|mem", "a", "/|mem/a/", "/|mem/a0"},
    };
    size_t i;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        dms_place_t place;

        dms_key_place(unit_pool, keys[i].key, &place);
        ck_assert_str_eq(place.key, keys[i].key);
        ck_assert_str_eq(place.parent, keys[i].parent);
        ck_assert_str_eq(place.name, keys[i].name);
        ck_assert_str_eq(place.low, keys[i].low);
        ck_assert_str_eq(place.high, keys[i].high);
        ck_assert_str_eq(dms_key_parent(unit_pool, keys[i].key), keys[i].parent);
        ck_assert_str_eq(dms_key_name(keys[i].key), keys[i].name);
    }
}
END_TEST

START_TEST(a_key_is_made_of_another)
{
    ck_assert_str_eq(dms_key_below(unit_pool, "/", "a"), "/a");
    ck_assert_str_eq(dms_key_below(unit_pool, "/", "a/b/"), "/a/b");
    ck_assert_str_eq(dms_key_below(unit_pool, "/a", "b/c"), "/a/b/c");
    ck_assert_str_eq(dms_key_below(unit_pool, "/|mem", "a/"), "/|mem/a");
    ck_assert_str_eq(dms_key_sibling(unit_pool, "/a", "b"), "/b");
    ck_assert_str_eq(dms_key_sibling(unit_pool, "/a/b", "ccc"), "/a/ccc");
    ck_assert_str_eq(dms_key_sibling(unit_pool, "/|mem/a", "b"), "/|mem/b");
}
END_TEST

/* "/a" and "/ab": names that begin with what others are. The ranges say the same, but that beside
 * "/" there are the other providers' roots. */
START_TEST(below_is_not_beginning_with)
{
    static const char *const keys[] = {"/",       "/a",    "/a!",      "/a-b",  "/a/b",
                                       "/a/bc",   "/a0",   "/ab",      "/ab/c", "/b",
                                       "/~a",     "/|mem", "/|m",      "/|m/a", "/|mem0",
                                       "/|mem/a", "/A",    "/|memory", "/a/~",  "/a/0"};
    static const struct {
        const char *key, *other;
    } below[] = {{"/a/b", "/a"},   {"/a/bc", "/a"},      {"/a/~", "/a"},  {"/a/0", "/a"},
                 {"/ab/c", "/ab"}, {"/|mem/a", "/|mem"}, {"/|m/a", "/|m"}};
    size_t i, k, m;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        for (k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
            int expected = i == k || (!k && keys[i][1] != '|');
            dms_place_t place;

            for (m = 0; m < sizeof(below) / sizeof(below[0]); m++) {
                expected |= !strcmp(keys[i], below[m].key) && !strcmp(keys[k], below[m].other);
            }
            ck_assert_msg(dms_key_is_at_or_below(keys[i], keys[k]) == expected, "%s and %s",
                          keys[i], keys[k]);
            dms_key_place(unit_pool, keys[k], &place);
            ck_assert_int_eq(i == k
                                 || (strcmp(keys[i], place.low) > 0
                                     && strcmp(keys[i], place.high) < 0),
                             expected || (!k && keys[i][1] == '|'));
        }
    }
}
END_TEST

START_TEST(going_up_ends_at_a_root)
{
    static const char *const ways[][4] = {{"/a/b/c", "/a/b", "/a", "/"},
                                          {"/|mem/a/b", "/|mem/a", "/|mem", NULL},
                                          {"/a", "/", NULL},
                                          {"/", NULL}};
    size_t i, k;

    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        char *key = apr_pstrdup(unit_pool, ways[i][0]);

        for (k = 1; k < 4 && ways[i][k]; k++) {
            ck_assert_int_eq(dms_key_go_up(key), 1);
            ck_assert_str_eq(key, ways[i][k]);
        }
        ck_assert_int_eq(dms_key_go_up(key), 0);
        ck_assert_str_eq(key, ways[i][k - 1]);
    }
}
END_TEST

START_TEST(each_provider_has_its_own)
{
    ck_assert_str_eq(dms_key_of(unit_pool, &fs, "/a"), "/a");
    ck_assert_str_eq(dms_key_of(unit_pool, &mem, "/a/b"), "/|mem/a/b");
    ck_assert_str_eq(dms_key_of(unit_pool, &mem, "/"), "/|mem");
    ck_assert_str_eq(dms_key_own(&fs, "/a"), "/a");
    ck_assert_str_eq(dms_key_own(&mem, "/|mem/a/b"), "/a/b");
    ck_assert_str_eq(dms_key_own(&mem, "/|mem"), "/");
    ck_assert_ptr_null(dms_key_own(&fs, "/|mem/a"));
    ck_assert_ptr_null(dms_key_own(&mem, "/a"));
    ck_assert_ptr_null(dms_key_own(&mem, "/|memory/a"));
    ck_assert_ptr_null(dms_key_own(&memory, "/|mem"));
}
END_TEST

Suite *keys_suite(void)
{
    Suite *suite = suite_create("keys");
    TCase *tests = unit_case(suite, "keys", 20);

    tcase_add_test(tests, a_key_is_taken_apart);
    tcase_add_test(tests, a_key_is_made_of_another);
    tcase_add_test(tests, below_is_not_beginning_with);
    tcase_add_test(tests, going_up_ends_at_a_root);
    tcase_add_test(tests, each_provider_has_its_own);
    return suite;
}
