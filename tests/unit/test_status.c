#include "multistatus/status.h"

#include <string.h>

#include "unit.h"

/* The statuses that RFC 4918 speaks of (sections 9.1.1 to 9.9.4, 11), by the names of RFC 9110. */
START_TEST(statuses_of_webdav_have_their_reasons)
{
    static const struct {
        int status;
        const char *reason;
    } known[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {412, "Precondition Failed"},
        {415, "Unsupported Media Type"},
        {423, "Locked"},
        {424, "Failed Dependency"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {507, "Insufficient Storage"},
    };
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        ck_assert_str_eq(dms_status_reason(known[i].status), known[i].reason);
    }
}
END_TEST

START_TEST(unknown_statuses_have_an_empty_reason)
{
    static const int unknown[] = {-200, -1, 0, 1, 99, 299, 399, 499, 599, 600, 999, 20000};
    size_t i;

    for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        ck_assert_str_eq(dms_status_reason(unknown[i]), "");
    }
}
END_TEST

START_TEST(reasons_are_static_printable_and_unlike)
{
    int status, other;

    for (status = -10; status <= 1100; status++) {
        const char *reason = dms_status_reason(status);

        ck_assert_ptr_nonnull(reason);
        ck_assert_ptr_eq(reason, dms_status_reason(status));
        ck_assert_uint_eq(strspn(reason, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz -'"),
                          strlen(reason));
        for (other = 200; *reason && other < 600; other++) {
            ck_assert_int_eq(!strcmp(reason, dms_status_reason(other)), other == status);
        }
    }
}
END_TEST

START_TEST(status_lines)
{
    static const struct {
        const char *line;
        int status;
    } lines[] = {
        {"HTTP/1.1 200 OK", 200},
        {"HTTP/1.1 200", 200},
        {"HTTP/1.1 207 ", 207},
        {"HTTP/1.0 404 not\there", 404},
        {"HTTP/2 599 x", 599},
        {"HTTP/2.0 424 Failed Dependency", 424},
        {"HTTP/1.1  423\tLocked", 423},
        {"HTTP/1.1 409 (status)", 409},
        {"HTTP/1.1 199 x", 0},
        {"HTTP/1.1 600 x", 0},
        {"HTTP/1.1 000 x", 0},
        {"HTTP/1.1 2000 x", 0},
        {"HTTP/1.1 20 x", 0},
        {"HTTP/1.1 200x", 0},
        {"HTTP/1.1 OK", 0},
        {"HTTP/1.1 ", 0},
        {"HTTP/1.1", 0},
        {"HTTP/1.1200 OK", 0},
        {"HTTP/ 200 OK", 0},
        {"HTTP 200 OK", 0},
        {" HTTP/1.1 200 OK", 0},
        {"200 OK", 0},
        {"200", 0},
        {"", 0},
    };
    size_t i;

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_msg(dms_status_parse(lines[i].line) == lines[i].status, "%s", lines[i].line);
    }
}
END_TEST

Suite *status_suite(void)
{
    Suite *suite = suite_create("status");
    TCase *tests = unit_case(suite, "reasons", 20);

    tcase_add_test(tests, statuses_of_webdav_have_their_reasons);
    tcase_add_test(tests, unknown_statuses_have_an_empty_reason);
    tcase_add_test(tests, reasons_are_static_printable_and_unlike);
    tcase_add_test(tests, status_lines);
    return suite;
}
