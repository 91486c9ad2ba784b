#include "locks/locks.h"

#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "unit.h"

#define ONE "urn:uuid:00000000-0000-4000-8000-000000000001"
#define TWO "urn:uuid:00000000-0000-4000-8000-000000000002"

static dms_lock_t *make_lock(const char *token, const char *principal)
{
    dms_lock_t *lock = apr_pcalloc(unit_pool, sizeof(*lock));

    lock->token = token;
    lock->principal = principal;
    lock->key = "/srv/a";
    lock->uri = "/dav/a";
    return lock;
}

static dms_lock_t *chain(dms_lock_t *first, dms_lock_t *second)
{
    first->next = second;
    return first;
}

static const dms_if_list_t *parse(const char *header)
{
    const char *complaint;
    const dms_if_list_t *first = dms_if_parse(unit_pool, header, &complaint);

    ck_assert_msg(!complaint, "%s: %s", header, complaint);
    return first;
}

/* --- tokens --- */

static int is_lower_hex(const char *s, size_t length)
{
    return strspn(s, "0123456789abcdef") >= length;
}

START_TEST(tokens_are_version_4)
{
    static const struct {
        size_t at, length;
    } groups[] = {{9, 8}, {18, 4}, {23, 4}, {28, 4}, {33, 12}};
    int seen_variant[4] = {0};
    int i;
    size_t k;

    for (i = 0; i < 200; i++) {
        const char *token;
        const char *place;

        ck_assert_int_eq(dms_lock_token(unit_pool, &token), APR_SUCCESS);
        ck_assert_uint_eq(strlen(token), 45);
        ck_assert_int_eq(strncmp(token, "urn:uuid:", 9), 0);
        for (k = 0; k < sizeof(groups) / sizeof(groups[0]); k++) {
            ck_assert_msg(is_lower_hex(token + groups[k].at, groups[k].length), "%s", token);
            ck_assert(k == 4 || token[groups[k].at + groups[k].length] == '-');
        }
        ck_assert_int_eq(token[23], '4');
        place = strchr("89ab", token[28]);
        ck_assert_ptr_nonnull(place);
        seen_variant[place - strchr("89ab", '8')]++;
    }
    for (i = 0; i < 4; i++) {
        ck_assert_int_gt(seen_variant[i], 0);
    }
}
END_TEST

START_TEST(tokens_differ)
{
    apr_hash_t *seen = apr_hash_make(unit_pool);
    int digits[45][16] = {{0}};
    int i, k, d;

    for (i = 0; i < 10000; i++) {
        const char *token;

        ck_assert_int_eq(dms_lock_token(unit_pool, &token), APR_SUCCESS);
        ck_assert_ptr_null(apr_hash_get(seen, token, APR_HASH_KEY_STRING));
        apr_hash_set(seen, token, APR_HASH_KEY_STRING, "");
        for (k = 9; k < 45; k++) {
            const char *digit = strchr("0123456789abcdef", token[k]);
            if (digit) {
                digits[k][digit - strchr("0123456789abcdef", '0')]++;
            }
        }
    }
    /* 625 of each are to be expected: six times their deviation of 24 is 145. */
    for (k = 9; k < 45; k++) {
        if (k == 17 || k == 22 || k == 23 || k == 27 || k == 28 || k == 32) {
            continue;
        }
        for (d = 0; d < 16; d++) {
            ck_assert_msg(digits[k][d] > 480 && digits[k][d] < 770, "digit %x is %d times at %d", d,
                          digits[k][d], k);
        }
    }
}
END_TEST

/* --- who may --- */

START_TEST(nothing_is_open_to_all)
{
    ck_assert_int_eq(dms_locks_are_open(NULL, NULL, ""), 1);
    ck_assert_int_eq(dms_locks_are_open(NULL, NULL, "anna"), 1);
    ck_assert_int_eq(dms_locks_are_open(NULL, parse("(<" ONE ">)"), "anna"), 1);
}
END_TEST

START_TEST(a_lock_is_open_to_who_submits_it_and_made_it)
{
    static const struct {
        const char *header, *made_by, *asks;
        int open;
    } cases[] = {
        {NULL, "", "", 0},
        {NULL, "anna", "anna", 0},
        {"(<" ONE ">)", "", "", 1},
        {"(<" ONE ">)", "anna", "anna", 1},
        {"(<" ONE ">)", "anna", "ben", 0},
        {"(<" ONE ">)", "anna", "", 0},
        {"(<" ONE ">)", "", "anna", 0},
        {"(<" ONE ">)", "anna", "Anna", 0},
        {"(<" ONE ">)", "anna", "annabel", 0},
        {"(<" TWO ">)", "anna", "anna", 0},
        {"([\"etag\"])", "anna", "anna", 0},
        {"(Not <DAV:no-lock>)", "anna", "anna", 0},
        {"(Not <" ONE ">)", "anna", "anna", 1},
        {"</elsewhere> (<" ONE ">)", "anna", "anna", 1},
        {"(<" TWO ">) (<" ONE "> [\"etag\"])", "anna", "anna", 1},
        {"(<URN:UUID:00000000-0000-4000-8000-000000000001>)", "anna", "anna", 0},
        {"(<" ONE "0>)", "anna", "anna", 0},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const dms_if_list_t *submitted = cases[i].header ? parse(cases[i].header) : NULL;
        const dms_lock_t *lock = make_lock(ONE, cases[i].made_by);

        ck_assert_msg(!!dms_lock_is_open(lock, submitted, cases[i].asks) == cases[i].open,
                      "%s, %s's, asked by %s", cases[i].header, cases[i].made_by, cases[i].asks);
        ck_assert_msg(!!dms_locks_are_open(lock, submitted, cases[i].asks) == cases[i].open,
                      "%s, %s's, asked by %s", cases[i].header, cases[i].made_by, cases[i].asks);
    }
}
END_TEST

START_TEST(of_several_locks_one_is_enough)
{
    dms_lock_t *locks = chain(make_lock(ONE, "anna"), make_lock(TWO, "ben"));

    ck_assert_int_eq(dms_locks_are_open(locks, parse("(<" ONE ">)"), "anna"), 1);
    ck_assert_int_eq(dms_locks_are_open(locks, parse("(<" TWO ">)"), "ben"), 1);
    ck_assert_int_eq(dms_locks_are_open(locks, parse("(<" ONE "> <" TWO ">)"), "ben"), 1);
    ck_assert_int_eq(dms_locks_are_open(locks, parse("(<" ONE ">)"), "ben"), 0);
    ck_assert_int_eq(dms_locks_are_open(locks, parse("(<" TWO ">)"), "anna"), 0);
    ck_assert_int_eq(dms_locks_are_open(locks, parse("(<" ONE "> <" TWO ">)"), "carl"), 0);
    ck_assert_int_eq(dms_locks_are_open(locks, NULL, "anna"), 0);
}
END_TEST

START_TEST(only_shared_beside_shared)
{
    dms_lock_t held = {.is_shared = 0};

    ck_assert(!dms_lock_is_compatible(&held, 0));
    ck_assert(!dms_lock_is_compatible(&held, 1));
    held.is_shared = 1;
    ck_assert(!dms_lock_is_compatible(&held, 0));
    ck_assert(dms_lock_is_compatible(&held, 1));
}
END_TEST

START_TEST(find_by_token)
{
    dms_lock_t *one = make_lock(ONE, ""), *two = make_lock(TWO, "");

    chain(one, two);
    ck_assert_ptr_eq(dms_lock_find(one, ONE), one);
    ck_assert_ptr_eq(dms_lock_find(one, TWO), two);
    ck_assert_ptr_null(dms_lock_find(two, ONE));
    ck_assert_ptr_null(dms_lock_find(one, "DAV:no-lock"));
    ck_assert_ptr_null(dms_lock_find(one, ""));
    ck_assert_ptr_null(dms_lock_find(one, ONE "0"));
    ck_assert_ptr_null(dms_lock_find(NULL, ONE));
}
END_TEST

START_TEST(what_a_lock_covers)
{
    static const struct {
        const char *root, *key;
        int deep, shallow; /* whether such a lock covers it */
    } cases[] = {
        {"/srv/a", "/srv/a", 1, 1},
        {"/srv/a", "/srv/a/b", 1, 0},
        {"/srv/a", "/srv/a/b/c", 1, 0},
        {"/srv/a", "/srv/ab", 0, 0},
        {"/srv/a", "/srv/a.b", 0, 0},
        {"/srv/a", "/srv/a0", 0, 0},
        {"/srv/a", "/srv/a%20b", 0, 0},
        {"/srv/a/b", "/srv/a", 0, 0},
        {"/srv/a", "/srv", 0, 0},
        {"/srv/a/b/c", "/srv/a", 0, 0},
        {"/", "/", 1, 1},
        {"/", "/srv", 1, 0},
        {"/", "/srv/a", 1, 0},
        {"/srv", "/", 0, 0},
        {"/srv/a", "/srv/b", 0, 0},
        {"/srv/a%2F", "/srv/a/b", 0, 0},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        dms_lock_t lock = {.key = cases[i].root, .is_deep = 1};

        ck_assert_msg(!!dms_lock_covers(&lock, cases[i].key) == cases[i].deep, "%s deep, %s",
                      cases[i].root, cases[i].key);
        lock.is_deep = 0;
        ck_assert_msg(!!dms_lock_covers(&lock, cases[i].key) == cases[i].shallow, "%s, %s",
                      cases[i].root, cases[i].key);
    }
}
END_TEST

/* --- time --- */

START_TEST(a_lock_does_not_end_early)
{
    int i;

    for (i = 0; i < 1000; i++) {
        apr_time_t before = apr_time_now();
        apr_int64_t now = dms_lock_now();
        apr_time_t after = apr_time_now();

        ck_assert_int_ge(apr_time_from_sec(now), before);
        ck_assert_int_lt(apr_time_from_sec(now), after + APR_USEC_PER_SEC);
    }
}
END_TEST

/* --- as XML --- */

#define HEAD "<D:prop xmlns:D=\"DAV:\">"

static const char *written(const dms_element_t *first)
{
    return unit_write(NULL, first);
}

/* The text of the first DAV:timeout. */
static const char *timeout_of(const char *xml)
{
    const char *begin = strstr(xml, "<D:timeout>");

    ck_assert_msg(begin != NULL, "%s", xml);
    begin += strlen("<D:timeout>");
    return apr_pstrmemdup(unit_pool, begin, strcspn(begin, "<"));
}

START_TEST(discovery_of_nothing_is_empty)
{
    ck_assert_ptr_null(dms_locks_discovery(unit_pool, NULL));
}
END_TEST

START_TEST(discovery_of_one)
{
    dms_lock_t *lock = make_lock(ONE, "anna");

    lock->uri = "/dav/a%20b&c/";
    lock->is_deep = 1;
    unit_assert_same_xml(written(dms_locks_discovery(unit_pool, lock)),
                         HEAD
                         "<D:activelock><D:lockscope><D:exclusive/></D:lockscope>"
                         "<D:locktype><D:write/></D:locktype><D:depth>infinity</D:depth>"
                         "<D:timeout>Infinite</D:timeout><D:locktoken><D:href>" ONE
                         "</D:href></D:locktoken><D:lockroot><D:href>/dav/a%20b&amp;c/</D:href>"
                         "</D:lockroot></D:activelock></D:prop>",
                         UNIT_LOOSE_SPACE);
}
END_TEST

START_TEST(discovery_never_shows_the_principal)
{
    const char *xml = written(dms_locks_discovery(unit_pool, make_lock(ONE, "anna-s-name")));

    ck_assert_ptr_null(strstr(xml, "anna-s-name"));
}
END_TEST

START_TEST(discovery_of_two_keeps_order_and_owners)
{
    dms_lock_t *one = make_lock(ONE, ""), *two = make_lock(TWO, "");

    one->is_shared = two->is_shared = 1;
    two->is_deep = 1;
    two->uri = "/dav/";
    one->owner =
        "<D:owner xmlns:D=\"DAV:\" xmlns:x=\"urn:x\" x:a=\"1\">me <x:b/> &amp; you</D:owner>";
    unit_assert_same_xml(written(dms_locks_discovery(unit_pool, chain(one, two))),
                         HEAD "<D:activelock><D:lockscope><D:shared/></D:lockscope><D:locktype>"
                              "<D:write/></D:locktype><D:depth>0</D:depth>"
                              "<D:owner xmlns:x=\"urn:x\" x:a=\"1\">me <x:b/> &amp; you</D:owner>"
                              "<D:timeout>Infinite</D:timeout><D:locktoken><D:href>" ONE
                              "</D:href></D:locktoken><D:lockroot><D:href>/dav/a</D:href>"
                              "</D:lockroot></D:activelock>"
                              "<D:activelock><D:lockscope><D:shared/></D:lockscope><D:locktype>"
                              "<D:write/></D:locktype><D:depth>infinity</D:depth>"
                              "<D:timeout>Infinite</D:timeout><D:locktoken><D:href>" TWO
                              "</D:href></D:locktoken><D:lockroot><D:href>/dav/</D:href>"
                              "</D:lockroot></D:activelock></D:prop>",
                         UNIT_LOOSE_SPACE);
}
END_TEST

START_TEST(the_timeout_is_what_remains)
{
    static const apr_int64_t seconds[] = {1, 10, 600, 86400, 4294967295};
    dms_lock_t *lock = make_lock(ONE, "");
    size_t i;

    for (i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        const char *text;
        apr_int64_t shown;

        lock->expires = dms_lock_now() + seconds[i];
        text = timeout_of(written(dms_locks_discovery(unit_pool, lock)));
        ck_assert_int_eq(strncmp(text, "Second-", 7), 0);
        shown = apr_atoi64(text + 7);
        ck_assert_int_le(shown, seconds[i]);
        ck_assert_int_ge(shown, seconds[i] - 1);
    }
    lock->expires = dms_lock_now() - 100;
    ck_assert_str_eq(timeout_of(written(dms_locks_discovery(unit_pool, lock))), "Second-0");
}
END_TEST

START_TEST(supported_locks)
{
    const char *expected = HEAD
        "<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>"
        "</D:lockentry><D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/>"
        "</D:locktype></D:lockentry></D:prop>";

    unit_assert_same_xml(written(dms_locks_supported()), expected, UNIT_LOOSE_SPACE);
    unit_assert_same_xml(written(dms_locks_supported()), expected, UNIT_LOOSE_SPACE);
}
END_TEST

START_TEST(roots)
{
    dms_lock_t *one = make_lock(ONE, ""), *two = make_lock(TWO, "");

    ck_assert_ptr_null(dms_locks_roots(unit_pool, NULL));
    one->uri = "/dav/<&>";
    two->uri = "/dav/%C3%A4";
    unit_assert_same_xml(written(dms_locks_roots(unit_pool, chain(one, two))),
                         HEAD
                         "<D:href>/dav/&lt;&amp;></D:href><D:href>/dav/%C3%A4</D:href></D:prop>",
                         UNIT_LOOSE_SPACE);
}
END_TEST

Suite *locks_suite(void)
{
    Suite *suite = suite_create("locks");
    TCase *tests = unit_case(suite, "tokens", 30);

    tcase_add_test(tests, tokens_are_version_4);
    tcase_add_test(tests, tokens_differ);
    tests = unit_case(suite, "who may", 10);
    tcase_add_test(tests, nothing_is_open_to_all);
    tcase_add_test(tests, a_lock_is_open_to_who_submits_it_and_made_it);
    tcase_add_test(tests, of_several_locks_one_is_enough);
    tcase_add_test(tests, only_shared_beside_shared);
    tcase_add_test(tests, find_by_token);
    tcase_add_test(tests, what_a_lock_covers);
    tests = unit_case(suite, "time", 10);
    tcase_add_test(tests, a_lock_does_not_end_early);
    tests = unit_case(suite, "xml", 10);
    tcase_add_test(tests, discovery_of_nothing_is_empty);
    tcase_add_test(tests, discovery_of_one);
    tcase_add_test(tests, discovery_never_shows_the_principal);
    tcase_add_test(tests, discovery_of_two_keeps_order_and_owners);
    tcase_add_test(tests, the_timeout_is_what_remains);
    tcase_add_test(tests, supported_locks);
    tcase_add_test(tests, roots);
    return suite;
}
