#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "request/digests.h"

static const char hello_sha1[] = "SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
static const char hello_md5[] = "MD5:5d41402abc4b2a76b9719d911017c592";

static dms_digests_t *told(const char *header, const char *value, int is_part)
{
    apr_table_t *headers = apr_table_make(unit_pool, 1);

    apr_table_setn(headers, header, value);
    return dms_digests_create(unit_pool, headers, is_part);
}

static const char *liar(dms_digests_t *digests, const char *body)
{
    for (; *body; body++) { /* byte by byte */
        dms_digests_add(digests, body, 1);
    }
    return dms_digests_finish(digests);
}

START_TEST(known_digests_of_a_body)
{
    static const struct {
        const char *header, *value;
    } cases[] = {
        {"OC-Checksum", "SHA1:AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D"},
        {"OC-Checksum", "sha1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d,MD5:5d41402abc4b2a76b9719d"
                        "911017c592"},
        {"Repr-Digest", "sha=:qvTGHdzF6KLavt4PO0gs2a6pQ00=:"},
        {"Content-Digest",
         "md5=:XUFAKrxLKna5cZ2REBfFkg==:, sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0Je"
         "cwQzYpOLmCQ=:;a=b"},
        {"Digest", "SHA-256=LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="},
        {"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="},
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *header = cases[i].header;

        ck_assert_ptr_null(liar(told(header, cases[i].value, 0), "hello"));
        ck_assert_str_eq(liar(told(header, cases[i].value, 0), "hellO"), header);
    }
}
END_TEST

START_TEST(what_is_not_known_is_none)
{
    ck_assert_ptr_null(told("OC-Checksum", "ADLER32:1", 0));
    ck_assert_ptr_null(told("Repr-Digest", "sha-512=:AAAA:", 0));
    ck_assert_ptr_null(told("OC-Checksum", hello_sha1, 1));
    ck_assert_ptr_null(told("X-Other", "1", 0));
    ck_assert_ptr_null(dms_digests_finish(NULL));
    ck_assert_ptr_null(dms_digests_list(NULL, unit_pool));
}
END_TEST

START_TEST(lists)
{
    dms_digests_t *digests = told("OC-Checksum", hello_md5, 0);
    const char *list;

    ck_assert_ptr_null(liar(digests, "hello"));
    list = dms_digests_list(digests, unit_pool);
    ck_assert_str_eq(list, apr_pstrcat(unit_pool, hello_sha1, " ", hello_md5, NULL));
    ck_assert_str_eq(dms_digests_wanted(list, "md5=1, sha=0", unit_pool),
                     "md5=:XUFAKrxLKna5cZ2REBfFkg==:");
    ck_assert_str_eq(dms_digests_wanted(list, "unixsum=3,sha=9", unit_pool),
                     "sha=:qvTGHdzF6KLavt4PO0gs2a6pQ00=:");
    ck_assert_ptr_null(dms_digests_wanted(list, "sha-256=10", unit_pool));
    ck_assert_ptr_null(dms_digests_wanted("MD5:5d SHA1", "md5=1, sha=1", unit_pool));
    ck_assert_ptr_null(dms_digests_wanted("", "", unit_pool));
}
END_TEST

Suite *digests_suite(void)
{
    Suite *suite = suite_create("digests");
    TCase *digests_case = unit_case(suite, "digests", 10);

    tcase_add_test(digests_case, known_digests_of_a_body);
    tcase_add_test(digests_case, what_is_not_known_is_none);
    tcase_add_test(digests_case, lists);
    return suite;
}
