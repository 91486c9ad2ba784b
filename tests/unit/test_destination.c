#include "request/destination.h"

#include <string.h>

#include "unit.h"

/* RFC 4918, sections 8.3 and 10.3: an absolute URI or an absolute path. */
static const struct {
    const char *value;
    const char *path;
    const char *host;
    unsigned int port;
    const char *scheme;
} good[] = {
    {"/a", "/a", NULL, 0, NULL},
    {"/", "/", NULL, 0, NULL},
    {"/a%20b/%C3%A9/", "/a%20b/%C3%A9/", NULL, 0, NULL},
    {"/a:b@c/d;e", "/a:b@c/d;e", NULL, 0, NULL},
    {"http://example.com/a%2Fb", "/a%2Fb", "example.com", 0, "http"},
    {"https://example.com/", "/", "example.com", 0, "https"},
    {"http://EXAMPLE.Com:8080/a", "/a", "example.com", 8080, "http"},
    {"http://example.com:80/a", "/a", "example.com", 80, "http"},
    {"http://example.com:/a", "/a", "example.com", 0, "http"},
    {"http://127.0.0.1:1/a//b", "/a//b", "127.0.0.1", 1, "http"},
};

START_TEST(destinations)
{
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        dms_destination_t d;

        ck_assert_msg(dms_destination_parse(unit_pool, good[i].value, &d) == NULL, "%s",
                      good[i].value);
        ck_assert_str_eq(d.path, good[i].path);
        ck_assert_pstr_eq(d.host, good[i].host);
        ck_assert_uint_eq(d.port, good[i].port);
        ck_assert_int_eq(d.scheme == NULL, good[i].scheme == NULL);
        ck_assert(!d.scheme || !strcasecmp(d.scheme, good[i].scheme));
    }
}
END_TEST

START_TEST(no_destinations)
{
    static const char *const bad[] = {
        NULL,
        "",
        "a",
        "a/b",
        "../a",
        "?a",
        "#a",
        "mailto:a@example.com",
        "ftp://example.com/a",
        "file:///etc/passwd",
        "http:a",
        "http://user@example.com/a",
        "http://user:password@example.com/a",
        "http://example.com/a?b",
        "http://example.com/a#b",
        "/a?b",
        "/a#b",
        "http://example.com:port/a",
    };
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        dms_destination_t d;
        const char *wrong = dms_destination_parse(unit_pool, bad[i], &d);

        ck_assert_msg(wrong != NULL, "%s", bad[i]);
        ck_assert_ptr_ne(strchr(wrong, ' '), NULL);
    }
}
END_TEST

/* RFC 9110, section 4.2.1: an http URI has a host. It isn't a path of ours either. */
START_TEST(destination_without_a_host)
{
    dms_destination_t d;

    ck_assert_ptr_nonnull(dms_destination_parse(unit_pool, "http:/a", &d));
    ck_assert_ptr_nonnull(dms_destination_parse(unit_pool, "https:/a", &d));
    ck_assert_ptr_nonnull(dms_destination_parse(unit_pool, "http:///a", &d));
}
END_TEST

static int is_at(const char *value, const char *host_header)
{
    dms_destination_t d;

    ck_assert_msg(dms_destination_parse(unit_pool, value, &d) == NULL, "%s", value);
    return !!dms_destination_is_at(&d, host_header);
}

START_TEST(destination_here)
{
    ck_assert(is_at("http://example.com/a", "example.com"));
    ck_assert(is_at("http://Example.COM/a", "eXample.com"));
    ck_assert(is_at("http://example.com:8080/a", "example.com:8080"));
    ck_assert(is_at("http://example.com:80/a", "example.com"));
    ck_assert(is_at("http://example.com/a", "example.com:80"));
    ck_assert(is_at("https://example.com/a", "example.com"));
    ck_assert(is_at("https://example.com/a", "example.com:443"));
    ck_assert(is_at("https://example.com:443/a", "example.com"));
    ck_assert(is_at("https://example.com/a", "example.com:80")); /* TLS ends before us */
    ck_assert(is_at("http://[::1]/a", "[::1]"));
    ck_assert(is_at("http://[::1]:8080/a", "[::1]:8080"));
    ck_assert(is_at("http://[2001:DB8::1]/a", "[2001:db8::1]:80"));
}
END_TEST

START_TEST(destination_elsewhere)
{
    ck_assert(!is_at("http://example.com/a", NULL));
    ck_assert(!is_at("http://example.com/a", ""));
    ck_assert(!is_at("http://example.com/a", "example.org"));
    ck_assert(!is_at("http://example.com/a", "example.com.evil.org"));
    ck_assert(!is_at("http://example.com.evil.org/a", "example.com"));
    ck_assert(!is_at("http://example.co/a", "example.com"));
    ck_assert(!is_at("http://www.example.com/a", "example.com"));
    ck_assert(!is_at("http://example.com:8080/a", "example.com"));
    ck_assert(!is_at("http://example.com/a", "example.com:8080"));
    ck_assert(!is_at("http://example.com:8080/a", "example.com:8081"));
    ck_assert(!is_at("http://[::1]/a", "[::2]"));
    ck_assert(!is_at("http://[::1]:8080/a", "[::1]"));
    ck_assert(!is_at("http://127.0.0.1/a", "127.0.0.11"));
}
END_TEST

/* RFC 4918, section 10.6. */
START_TEST(overwrite)
{
    static const char *const bad[] = {"", "0", "1", "true", "false", "TF", "T ", " F", "yes"};
    size_t i;

    ck_assert_int_eq(dms_overwrite_parse(NULL), 1);
    ck_assert_int_eq(dms_overwrite_parse("T"), 1);
    ck_assert_int_eq(dms_overwrite_parse("F"), 0);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(dms_overwrite_parse(bad[i]) == -1, "%s", bad[i]);
    }
}
END_TEST

START_TEST(what_is_not_escaped)
{
    static const char *const same[] = {"/a%FF", "/gr\xC3\xBCn \xE6\x97\xA5", "/", ""};
    size_t i;

    for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        ck_assert_str_eq(dms_destination_in_utf8(unit_pool, same[i]), same[i]);
    }
    ck_assert_str_eq(dms_destination_in_utf8(unit_pool, "/%C3%BC/\xFC\x80\xFFz"),
                     "/%C3%BC/%C3%BC%C2%80%C3%BFz");
    ck_assert_str_eq(dms_destination_in_utf8(unit_pool, "\xC3"), "%C3%83");
}
END_TEST

Suite *destination_suite(void)
{
    Suite *suite = suite_create("destination");
    TCase *tests = unit_case(suite, "destination", 20);

    tcase_add_test(tests, destinations);
    tcase_add_test(tests, no_destinations);
    tcase_add_test(tests, destination_without_a_host);
    tcase_add_test(tests, destination_here);
    tcase_add_test(tests, destination_elsewhere);
    tcase_add_test(tests, overwrite);
    tcase_add_test(tests, what_is_not_escaped);
    return suite;
}
