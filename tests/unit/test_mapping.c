#include "reverse/mapping.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

static dms_side_t public_side, backend_side;

/* Sets both sides up as a request does; host: its Host header. */
static void set_up(const char *public_path, const char *backend_url, const char *root)
{
    ck_assert_pstr_eq(dms_mapping_parse(unit_pool, public_path, backend_url, &public_side,
                                        &backend_side),
                      NULL);
    public_side.root = root;
    public_side.authority = strstr(root, "://") + 3;
}

static void set_up_usual(void)
{
    set_up("/files/", "http://127.0.0.1:8081/remote/dav/", "https://dav.example");
}

static const char *to_public(const char *reference)
{
    return dms_map(unit_pool, &backend_side, &public_side, reference);
}

static const char *tag_to_backend(void *baton, apr_pool_t *pool, const char *reference)
{
    return dms_map(pool, &public_side, &backend_side, reference);
}

static const char *to_backend(const char *reference)
{
    return dms_map(unit_pool, &public_side, &backend_side, reference);
}

/* --- the directive --- */

START_TEST(directive)
{
    static const struct {
        const char *public_path;
        const char *backend_url;
        const char *path[2]; /* NULL: it is wrong */
    } directives[] = {
        {"/files/", "http://h/remote/dav/", {"/files", "/remote/dav"}},
        {"/files", "http://h/remote/dav", {"/files", "/remote/dav"}},
        {"/", "https://h:8443/", {"", ""}},
        {"/", "http://h", {"", ""}},
        {"/files/", "HTTP://[::1]:81/", {"/files", ""}},
        {"/%7ea/", "http://h/~b/", {"/%7ea", "/~b"}},
        {"/files", "http://h/remote/dav/", {NULL}},
        {"/files/", "http://h/remote/dav", {NULL}},
        {"files/", "http://h/dav/", {NULL}},
        {"", "http://h/dav/", {NULL}},
        {"http://h/files/", "http://h/dav/", {NULL}},
        {"/files/", "/remote/dav/", {NULL}},
        {"/files/", "ftp://h/", {NULL}},
        {"/files/", "http:///", {NULL}},
        {"/files/", "http://", {NULL}},
        {"/files/", "https:///x/", {NULL}},
        {"/files/", "balancer://h/", {NULL}},
        {"/files/?a", "http://h/", {NULL}},
        {"/files/", "http://h/?/", {NULL}},
        {"/files/", "http://h/#/", {NULL}},
        {"/files/", "http://me@h/", {NULL}},
    };
    size_t i;

    for (i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
        const char *complaint = dms_mapping_parse(unit_pool, directives[i].public_path,
                                                  directives[i].backend_url, &public_side,
                                                  &backend_side);

        ck_assert_msg(!complaint == (directives[i].path[0] != NULL), "%s %s",
                      directives[i].public_path, directives[i].backend_url);
        if (!complaint) {
            ck_assert_str_eq(public_side.path, directives[i].path[0]);
            ck_assert_str_eq(backend_side.path, directives[i].path[1]);
        }
    }
    set_up_usual();
    ck_assert_str_eq(backend_side.root, "http://127.0.0.1:8081");
    ck_assert_str_eq(backend_side.authority, "127.0.0.1:8081");
}
END_TEST

/* --- references --- */

static const struct {
    const char *backend;
    const char *public;
} pairs[] = {
    {"/remote/dav/", "/files/"},
    {"/remote/dav", "/files"},
    {"/remote/dav/a%20b/", "/files/a%20b/"},
    {"/remote/dav/x?a=/remote/dav/#y", "/files/x?a=/remote/dav/#y"},
    {"/remote/dav?q", "/files?q"},
    {"/remote/dav#f", "/files#f"},
    {"http://127.0.0.1:8081/remote/dav/x", "https://dav.example/files/x"},
    {"http://127.0.0.1:8081/remote/dav", "https://dav.example/files"},
    {"/remote/dav//x", "/files//x"},
    {"/remote/dav/x//", "/files/x//"},
    {"/remote/dav/...", "/files/..."},
    {"/remote/dav/.x/x./..x", "/files/.x/x./..x"},
};

START_TEST(both_ways)
{
    size_t i;

    set_up_usual();
    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        ck_assert_pstr_eq(to_public(pairs[i].backend), pairs[i].public);
        ck_assert_pstr_eq(to_backend(pairs[i].public), pairs[i].backend);
    }
}
END_TEST

static const struct {
    const char *backend;
    const char *public; /* NULL: it belongs elsewhere */
} answers[] = {
    {" \r\n\t/remote/dav/x\n ", "/files/x"},
    {"/%72emote/d%61v/x", "/files/x"},
    {"/remote/dav/%7e%7E~%c3%A9", "/files/%7e%7E~%c3%A9"},
    {"/remote/dav/a b<c>\"\x01\x7f|^`{}\\", "/files/a%20b%3Cc%3E%22%01%7F%7C%5E%60%7B%7D%5C"},
    {"/remote/dav/\xc3\xa9\xe2\x82\xac", "/files/%C3%A9%E2%82%AC"},
    {"/remote/dav/100%", "/files/100%"},
    {"/remote/dav/&amp;'", "/files/&amp;'"},
    {"HTTP://127.0.0.1:8081/remote/dav/x", "https://dav.example/files/x"},
    {"https://127.0.0.1:8081/remote/dav/x", "https://dav.example/files/x"},
    {"http://127.0.0.1:8081/remote/dav/x ", "https://dav.example/files/x"},
    {"http://127.0.0.1:8082/remote/dav/x", NULL},
    {"http://127.0.0.1/remote/dav/x", NULL},
    {"http://127.0.0.2:8081/remote/dav/x", NULL},
    {"http://dav.example/remote/dav/x", NULL},
    {"http://me@127.0.0.1:8081/remote/dav/x", NULL},
    {"http://127.0.0.1:8081", NULL},
    {"http://127.0.0.1:8081?/remote/dav/x", NULL},
    {"http:///remote/dav/x", NULL},
    {"ftp://127.0.0.1:8081/remote/dav/x", NULL},
    {"//127.0.0.1:8081/remote/dav/x", NULL},
    {"//remote/dav/x", NULL},
    {"/remote/davx", NULL},
    {"/remote/da", NULL},
    {"/remote", NULL},
    {"/remote?/dav/", NULL},
    {"/remote%2Fdav/x", NULL},
    {"/remote%2fdav/x", NULL},
    {"/remote/dav%2Fx", NULL},
    {"/remote/dav%3Fx", NULL},
    {"/remote/dav%", NULL},
    {"/remote/dav%00", NULL},
    {"/Remote/dav/x", NULL},
    {"/remote//dav/x", NULL},
    {"remote/dav/x", NULL},
    {"x", NULL},
    {"", NULL},
    {" ", NULL},
    {"/", NULL},
    {"mailto:me@example.org", NULL},
    {"urn:uuid:1", NULL},
    {"/remote/dav/..", NULL},
    {"/remote/dav/.", NULL},
    {"/remote/dav/../x", NULL},
    {"/remote/dav/x/../../y", NULL},
    {"/remote/dav/./x", NULL},
    {"/remote/dav/%2e%2E/x", NULL},
    {"/remote/dav/.%2e?x", NULL},
    {"/remote/../remote/dav/x", NULL},
    {"/remote/dav/x?/../y", "/files/x?/../y"},
};

START_TEST(to_the_public)
{
    size_t i;

    set_up_usual();
    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        ck_assert_pstr_eq(to_public(answers[i].backend), answers[i].public);
    }
}
END_TEST

START_TEST(to_the_backend)
{
    set_up_usual();
    /* the scheme may have been ended in front of us */
    ck_assert_pstr_eq(to_backend("http://dav.example/files/x"),
                      "http://127.0.0.1:8081/remote/dav/x");
    ck_assert_pstr_eq(to_backend("https://DAV.example:443/files/x"),
                      "http://127.0.0.1:8081/remote/dav/x");
    ck_assert_pstr_eq(to_backend("https://dav.example:8443/files/x"), NULL);
    ck_assert_pstr_eq(to_backend("https://other.example/files/x"), NULL);
    ck_assert_pstr_eq(to_backend("http://127.0.0.1:8081/files/x"), NULL);
    ck_assert_pstr_eq(to_backend("/remote/dav/x"), NULL);
    ck_assert_pstr_eq(to_backend("/files/../x"), NULL);
    ck_assert_pstr_eq(to_backend("/filesx"), NULL);
}
END_TEST

START_TEST(roots)
{
    set_up("/", "http://h/dav/", "http://p:8080");
    ck_assert_pstr_eq(to_public("/dav/"), "/");
    ck_assert_pstr_eq(to_public("/dav"), "/");
    ck_assert_pstr_eq(to_public("/dav?x"), "/?x");
    ck_assert_pstr_eq(to_public("/dav//evil.example/x//y"), "/evil.example/x//y");
    ck_assert_pstr_eq(to_public("http://h/dav"), "http://p:8080/");
    ck_assert_pstr_eq(to_public("http://h:80/dav/x"), "http://p:8080/x");
    ck_assert_pstr_eq(to_backend("/"), "/dav/");
    ck_assert_pstr_eq(to_backend("http://p:8080"), "http://h/dav");
    ck_assert_pstr_eq(to_backend("/x"), "/dav/x");
    set_up("/", "https://h/", "http://p");
    ck_assert_pstr_eq(to_public("/x"), "/x");
    ck_assert_pstr_eq(to_public("https://h/x"), "http://p/x");
    /* one inside the other is not mapped twice */
    set_up("/dav/", "http://h/dav/dav/", "http://h");
    ck_assert_pstr_eq(to_public("/dav/dav/dav/x"), "/dav/dav/x");
    ck_assert_pstr_eq(to_backend("/dav/dav/x"), "/dav/dav/dav/x");
}
END_TEST

START_TEST(aliases)
{
    set_up_usual();
    backend_side.alias = "dav.example";
    ck_assert_pstr_eq(to_public("http://dav.example/remote/dav/x"), "https://dav.example/files/x");
    ck_assert_pstr_eq(to_public("http://127.0.0.1:8081/remote/dav/x"),
                      "https://dav.example/files/x");
    public_side.alias = "[::1]:8443";
    ck_assert_pstr_eq(to_backend("https://[::1]:8443/files/x"),
                      "http://127.0.0.1:8081/remote/dav/x");
    ck_assert_pstr_eq(to_backend("https://[::1]/files/x"), NULL);
    public_side.authority = public_side.alias = NULL;
    ck_assert_pstr_eq(to_backend("https://dav.example/files/x"), NULL);
    ck_assert_pstr_eq(to_backend("/files/x"), "/remote/dav/x");
}
END_TEST

/* --- If --- */

static const struct {
    const char *value;
    const char *expected; /* NULL: as it is; "": malformed */
} conditions[] = {
    {"(<urn:uuid:1>)", NULL},
    {"</files/x> (<urn:uuid:1>)", "</remote/dav/x> (<urn:uuid:1>)"},
    {"<https://dav.example/files/x> (<urn:uuid:1> [\"a\"]) (Not <DAV:no-lock>) </files> "
     "([W/\"b\"])",
     "<http://127.0.0.1:8081/remote/dav/x> (<urn:uuid:1> [\"a\"]) (Not <DAV:no-lock>) "
     "</remote/dav> ([W/\"b\"])"},
    {"<https://other.example/files/x> (<urn:uuid:1>) </files/y>(<urn:uuid:2>)",
     "<https://other.example/files/x> (<urn:uuid:1>) </remote/dav/y>(<urn:uuid:2>)"},
    /* what only looks like a tag */
    {"</files/x> ([\") </files/y>\"])", "</remote/dav/x> ([\") </files/y>\"])"},
    {"</files/x> ([\"\\\") </files/y>\"])", "</remote/dav/x> ([\"\\\") </files/y>\"])"},
    {"</files/x> (</files/y>)", "</remote/dav/x> (</files/y>)"},
    {"</files/x> (<\")</files/y>(>)", "</remote/dav/x> (<\")</files/y>(>)"},
    {"</files/x> (<1234>)", "</remote/dav/x> (<1234>)"}, /* a token of Go's */
    {"</files/x> (<urn:uuid:1>", ""},
    {"</files/x> ([\"a])", ""},
    {"</files/x", ""},
    {"</files/x> (<urn:uuid:1>) <", ""},
    {"<", ""},
    {"(", ""},
    {"", NULL},
    {"nothing", NULL},
};

START_TEST(if_header)
{
    size_t i;

    set_up_usual();
    for (i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        const char *got = dms_map_if(unit_pool, tag_to_backend, NULL, conditions[i].value);

        ck_assert_str_eq(got ? got : "",
                         conditions[i].expected ? conditions[i].expected : conditions[i].value);
    }
}
END_TEST

Suite *mapping_suite(void)
{
    Suite *suite = suite_create("mapping");
    TCase *tests = unit_case(suite, "mapping", 10);

    tcase_add_test(tests, directive);
    tcase_add_test(tests, both_ways);
    tcase_add_test(tests, to_the_public);
    tcase_add_test(tests, to_the_backend);
    tcase_add_test(tests, roots);
    tcase_add_test(tests, aliases);
    tcase_add_test(tests, if_header);
    return suite;
}
