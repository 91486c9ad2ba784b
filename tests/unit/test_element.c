#include "multistatus/element.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "unit.h"

START_TEST(name_is_copied)
{
    char ns[] = "urn:a", local[] = "b-1.c_d";
    const dms_name_t *name = dms_name_create(unit_pool, ns, local);

    ck_assert_ptr_nonnull(name);
    memset(ns, '!', sizeof(ns) - 1);
    memset(local, '!', sizeof(local) - 1);
    ck_assert_str_eq(name->ns, "urn:a");
    ck_assert_str_eq(name->local, "b-1.c_d");
    ck_assert_uint_eq(name->length, 7);
}
END_TEST

START_TEST(name_takes_what_xml_can_carry)
{
    static const struct {
        const char *ns;
        const char *local;
    } good[] = {
        {"", "a"},
        {"DAV:", "getetag"},
        {"DAV:", "_"},
        {"urn:x", "A9"},
        {"urn:x", "a-"},
        {"urn:x", "a."},
        {"urn:x", "xml"},
        {"urn:x", "xmlns"},
        {"urn:x", "\xC3\xA9t\xC3\xA9"},
        {"urn:x", "\xE5\x90\x8D\xE5\x89\x8D"},
        {"urn:x", "a\xC2\xB7"},      /* U+00B7 is a name character, but can't begin one */
        {"a b\tc\nd\re&<>\"'", "a"}, /* all that an attribute can carry */
        {"\xC3\xA9\xEF\xBF\xBD\xF0\x9F\x98\x80", "a"},
        {"D", "D"},
        {DMS_NS_XML, "lang"},
    };
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const dms_name_t *name = dms_name_create(unit_pool, good[i].ns, good[i].local);

        ck_assert_msg(name != NULL, "{%s}%s", good[i].ns, good[i].local);
        ck_assert_str_eq(name->ns, good[i].ns);
        ck_assert_str_eq(name->local, good[i].local);
        ck_assert_uint_eq(name->length, strlen(good[i].local));
    }
}
END_TEST

START_TEST(name_refuses_a_local_that_is_no_ncname)
{
    static const char *const bad[] =
        {"",          "1",        "1a",    "-a",    ".a",       "a:b",          ":",
         "a b",       " a",       "a ",    "a\n",   "a\tb",     "a&b",          "a<b",
         "a>",        "a\"",      "a'",    "a/b",   "a=b",      "a+b",          "a\x01",
         "a\x7F",     "\x80",     "a\xFF", "a\xC3", "\xC0\x80", "\xED\xA0\x80", "a\xEF\xBF\xBF",
         "a\xF0\x9F", "a\xC3\x28"};
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(dms_name_create(unit_pool, "urn:x", bad[i]) == NULL, "number %d: %s", (int)i,
                      bad[i]);
    }
}
END_TEST

START_TEST(name_refuses_a_namespace_that_an_attribute_cannot_carry)
{
    static const char *const bad[] = {
        "\x01",         "urn:\x1F",     "urn:\x0B", "\x80",
        "urn:\xFF",     "urn:\xC3",     "\xC0\xAF", "urn:\xED\xA0\x80",
        "\xEF\xBF\xBE", "\xEF\xBF\xBF", "\xF8",     "\xF4\x90\x80\x80",
    };
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(dms_name_create(unit_pool, bad[i], "a") == NULL, "number %d", (int)i);
    }
    /* Namespaces in XML, section 3: no prefix may be bound to it. */
    ck_assert_ptr_null(dms_name_create(unit_pool, "http://www.w3.org/2000/xmlns/", "a"));
}
END_TEST

/* NameStartChar and NameChar of XML 1.0, fifth edition, section 2.3, without the colon. */
static int is_name_start(apr_uint32_t c)
{
    return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= 0xC0 && c <= 0xD6)
           || (c >= 0xD8 && c <= 0xF6) || (c >= 0xF8 && c <= 0x2FF) || (c >= 0x370 && c <= 0x37D)
           || (c >= 0x37F && c <= 0x1FFF) || (c >= 0x200C && c <= 0x200D)
           || (c >= 0x2070 && c <= 0x218F) || (c >= 0x2C00 && c <= 0x2FEF)
           || (c >= 0x3001 && c <= 0xD7FF) || (c >= 0xF900 && c <= 0xFDCF)
           || (c >= 0xFDF0 && c <= 0xFFFD) || (c >= 0x10000 && c <= 0xEFFFF);
}

static int is_name_char(apr_uint32_t c)
{
    return is_name_start(c) || c == '-' || c == '.' || (c >= '0' && c <= '9') || c == 0xB7
           || (c >= 0x300 && c <= 0x36F) || (c >= 0x203F && c <= 0x2040);
}

START_TEST(name_takes_every_name_character)
{
    apr_uint32_t c;

    for (c = 1; c <= 0x10FFFF; c += c < 0x11000 ? 1 : 251) {
        apr_pool_t *pool;

        apr_pool_create(&pool, unit_pool);
        if (is_name_start(c)) {
            ck_assert_msg(dms_name_create(pool, "", unit_encode(c)) != NULL, "U+%04X", c);
        }
        if (is_name_char(c)) {
            ck_assert_msg(dms_name_create(pool, "", apr_pstrcat(pool, "a", unit_encode(c), NULL))
                              != NULL,
                          "a U+%04X", c);
        }
        apr_pool_destroy(pool);
    }
}
END_TEST

START_TEST(name_refuses_every_ascii_character_that_is_none)
{
    apr_uint32_t c;

    for (c = 1; c < 0x80; c++) {
        ck_assert_msg(is_name_start(c) || !dms_name_create(unit_pool, "", unit_encode(c)), "U+%04X",
                      c);
        ck_assert_msg(is_name_char(c)
                          || !dms_name_create(unit_pool, "",
                                              apr_pstrcat(unit_pool, "a", unit_encode(c), NULL)),
                      "a U+%04X", c);
    }
}
END_TEST

/* A name with one of these would make the whole 207 malformed. */
START_TEST(name_refuses_every_other_character_that_is_none)
{
    apr_uint32_t c;

    for (c = 0x80; c <= 0x10FFFF; c += c < 0x11000 ? 1 : 251) {
        apr_pool_t *pool;

        apr_pool_create(&pool, unit_pool);
        if (!is_name_start(c)) {
            ck_assert_msg(!dms_name_create(pool, "", unit_encode(c)), "U+%04X", c);
        }
        if (!is_name_char(c)) {
            ck_assert_msg(!dms_name_create(pool, "", apr_pstrcat(pool, "a", unit_encode(c), NULL)),
                          "a U+%04X", c);
        }
        apr_pool_destroy(pool);
    }
}
END_TEST

START_TEST(names_are_equal_by_both_parts)
{
    static const dms_name_t literal = DMS_NAME("DAV:", "getetag");
    const dms_name_t *made = dms_name_create(unit_pool, "DAV:", "getetag");

    ck_assert(dms_name_equal(&literal, &literal));
    ck_assert(dms_name_equal(&literal, made));
    ck_assert(dms_name_equal(made, &literal));
    ck_assert(!dms_name_equal(made, unit_name("DAV", "getetag")));
    ck_assert(!dms_name_equal(made, unit_name("dav:", "getetag")));
    ck_assert(!dms_name_equal(made, unit_name("", "getetag")));
    ck_assert(!dms_name_equal(made, unit_name("DAV:", "getetags")));
    ck_assert(!dms_name_equal(made, unit_name("DAV:", "geteta")));
    ck_assert(!dms_name_equal(made, unit_name("DAV:", "GETETAG")));
    ck_assert(!dms_name_equal(unit_name("a", "bc"), unit_name("ab", "c")));
    ck_assert(dms_name_equal(unit_name("", "c"), unit_name("", "c")));
}
END_TEST

START_TEST(name_is_dav_by_both_parts)
{
    static const dms_name_t literal = DMS_NAME(DMS_NS_DAV, "prop");

    ck_assert(dms_name_is_dav(&literal, "prop"));
    ck_assert(!dms_name_is_dav(&literal, "pro"));
    ck_assert(!dms_name_is_dav(&literal, "props"));
    ck_assert(dms_name_is_dav(dms_name_create(unit_pool, "DAV:", "prop"), "prop"));
    ck_assert(!dms_name_is_dav(dms_name_create(unit_pool, "", "prop"), "prop"));
    ck_assert(!dms_name_is_dav(dms_name_create(unit_pool, "DAV", "prop"), "prop"));
    ck_assert(!dms_name_is_dav(dms_name_create(unit_pool, "DAV::", "prop"), "prop"));
}
END_TEST

START_TEST(literal_name_knows_its_length)
{
    static const dms_name_t name = DMS_NAME("urn:x", "\xC3\xA9t");

    ck_assert_str_eq(name.ns, "urn:x");
    ck_assert_str_eq(name.local, "\xC3\xA9t");
    ck_assert_uint_eq(name.length, 3);
}
END_TEST

START_TEST(character_length_of_every_code_point)
{
    apr_uint32_t c;

    for (c = 1; c <= 0x10FFFF; c++) {
        const char *s = unit_encode(c);
        apr_size_t length;
        int carried = unit_decode(s, &length) == c;

        ck_assert_msg(dms_char_length(s) == (carried ? strlen(s) : 0), "U+%04X", c);
    }
}
END_TEST

/* Every first byte with bytes from both sides of each border behind it. The string ends exactly
 * where its memory ends, so reading on would show under AddressSanitizer. */
START_TEST(character_length_of_broken_sequences)
{
    static const unsigned char borders[] = {0x00, 0x01, 0x20, 0x7F, 0x80, 0x8F, 0x90,
                                            0x9F, 0xA0, 0xBD, 0xBE, 0xBF, 0xC0, 0xE0,
                                            0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF};
    const size_t count = sizeof(borders);
    size_t first, i;

    for (first = 0; first < 256; first++) {
        for (i = 0; i < count * count * count; i++) {
            char tail[4] = {(char)borders[i / count / count], (char)borders[i / count % count],
                            (char)borders[i % count], '\0'};
            size_t tail_length = first ? strlen(tail) : 0;
            char *s = malloc(tail_length + 2);
            apr_size_t length;

            s[0] = (char)first;
            memcpy(s + 1, tail, tail_length);
            s[tail_length + 1] = '\0';
            if (!unit_decode(s, &length)) {
                length = 0;
            }
            ck_assert_msg(dms_char_length(s) == length, "%02X %02X %02X %02X", (unsigned)first,
                          tail[0] & 0xFFu, tail[1] & 0xFFu, tail[2] & 0xFFu);
            free(s);
        }
    }
}
END_TEST

START_TEST(nul_is_no_character)
{
    ck_assert_uint_eq(dms_char_length(""), 0);
}
END_TEST

Suite *element_suite(void)
{
    Suite *suite = suite_create("element");
    TCase *tests = unit_case(suite, "names", 60);

    tcase_add_test(tests, name_is_copied);
    tcase_add_test(tests, name_takes_what_xml_can_carry);
    tcase_add_test(tests, name_refuses_a_local_that_is_no_ncname);
    tcase_add_test(tests, name_refuses_a_namespace_that_an_attribute_cannot_carry);
    tcase_add_test(tests, name_takes_every_name_character);
    tcase_add_test(tests, name_refuses_every_ascii_character_that_is_none);
    tcase_add_test(tests, name_refuses_every_other_character_that_is_none);
    tcase_add_test(tests, names_are_equal_by_both_parts);
    tcase_add_test(tests, name_is_dav_by_both_parts);
    tcase_add_test(tests, literal_name_knows_its_length);

    tests = unit_case(suite, "characters", 120);
    tcase_add_test(tests, character_length_of_every_code_point);
    tcase_add_test(tests, character_length_of_broken_sequences);
    tcase_add_test(tests, nul_is_no_character);
    return suite;
}
