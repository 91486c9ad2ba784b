#include "multistatus/xml.h"

#include <stdlib.h>

#include <apr_strings.h>

#include "unit.h"

#define BUCKET (32 * 1024)

static unit_sink_t *sink;
static dms_buffer_t out;

static void setup(void)
{
    sink = unit_sink_create();
    dms_buffer_init(&out, unit_pool, unit_alloc, unit_sink, sink);
}

static const char *written(void)
{
    dms_buffer_pass(&out, 0);
    ck_assert_int_eq(out.status, APR_SUCCESS);
    return sink->bytes ? sink->bytes : "";
}

static const char *canonical_written(int space)
{
    const char *xml = written();

    return unit_canonical(xml, strlen(xml), space);
}

static const char *text_of(const char *text)
{
    setup();
    dms_xml_text(&out, text);
    return written();
}

/* The content of the document, which is one href, as a parser reads it. */
static const char *href_of(const char *uri)
{
    const char *canonical, *start;

    setup();
    dms_xml_begin(&out, NULL, "location");
    dms_xml_href(&out, uri);
    dms_xml_end(&out, "location");
    canonical = canonical_written(UNIT_EXACT);
    ck_assert_msg(canonical != NULL, "%s in: %s", unit_problem(), sink->bytes);
    start = strstr(canonical, "<{DAV:}href>");
    ck_assert_ptr_nonnull(start);
    start += strlen("<{DAV:}href>");
    return apr_pstrmemdup(unit_pool, start, (apr_size_t)(strstr(start, "</>") - start));
}

/* --- markup --- */

START_TEST(begin_declares_dav_as_D)
{
    dms_prefixes_t prefixes = {0};

    dms_prefixes_add(&prefixes, "urn:a");
    dms_xml_begin(&out, &prefixes, "multistatus");
    dms_xml_start(&out, "response");
    dms_xml_end(&out, "response");
    dms_xml_end(&out, "multistatus");
    unit_assert_same_xml(written(), "<multistatus xmlns='DAV:'><response/></multistatus>",
                         UNIT_EXACT);
    ck_assert_ptr_nonnull(strstr(sink->bytes, " xmlns:D=\"DAV:\""));
    ck_assert_ptr_nonnull(strstr(sink->bytes, "<D:multistatus "));
    ck_assert_ptr_nonnull(strstr(sink->bytes, "<D:response>"));
    ck_assert_ptr_nonnull(strstr(sink->bytes, "=\"urn:a\""));
    ck_assert(!strncmp(sink->bytes, "<?xml version=\"1.0\" encoding=\"utf-8\"", 36));
}
END_TEST

/* --- text --- */

START_TEST(markup_in_text_is_escaped)
{
    ck_assert_str_eq(text_of("a<b>&c"), "a&lt;b&gt;&amp;c");
    ck_assert_ptr_null(strstr(text_of("]]>"), "]]>"));
    ck_assert_str_eq(text_of("&amp;"), "&amp;amp;");
    ck_assert_str_eq(text_of(""), "");
    ck_assert_str_eq(text_of("\"'\t\n"), "\"'\t\n");
}
END_TEST

START_TEST(every_byte_in_text_is_well_formed)
{
    int byte, place;

    for (byte = 1; byte < 256; byte++) {
        for (place = 0; place < 4; place++) {
            char text[5] = "aaaa";

            text[place] = (char)byte;
            unit_assert_round_trip(NULL, unit_element("", "e", text, NULL));
        }
    }
}
END_TEST

START_TEST(every_pair_of_bytes_in_text_is_well_formed)
{
    int first, second;

    for (first = 1; first < 256; first++) {
        char *text = apr_palloc(unit_pool, 256 * 4), *to = text;

        for (second = 1; second < 256; second++) {
            *to++ = (char)first;
            *to++ = (char)second;
            *to++ = ' ';
        }
        *to = '\0';
        unit_assert_round_trip(NULL, unit_element("", "e", text, NULL));
    }
}
END_TEST

START_TEST(characters_that_xml_cannot_carry_become_U_FFFD)
{
    ck_assert_str_eq(text_of("a\x01z"), "a\xEF\xBF\xBDz");
    ck_assert_str_eq(text_of("\x1B\x0C"), "\xEF\xBF\xBD\xEF\xBF\xBD");
    ck_assert_str_eq(text_of("\xFF"), "\xEF\xBF\xBD");
    ck_assert_str_eq(text_of("a\xC3"), "a\xEF\xBF\xBD");
    ck_assert_str_eq(text_of("\xC3<"), "\xEF\xBF\xBD&lt;");
    ck_assert_str_eq(text_of("\xEF\xBF\xBD"), "\xEF\xBF\xBD");
    ck_assert_str_eq(text_of("\x7F\xC2\x80"), "\x7F\xC2\x80");
}
END_TEST

START_TEST(every_character_in_text_comes_back)
{
    apr_uint32_t c;
    char *text = malloc(4 * 4096 + 1);

    for (c = 1; c <= 0x10FFFF;) {
        char *to = text;
        apr_pool_t *outer = unit_pool;

        do {
            const char *s = unit_encode(c);
            memcpy(to, s, strlen(s));
            to += strlen(s);
        } while (++c % 4096 && c <= 0x10FFFF);
        *to = '\0';
        apr_pool_create(&unit_pool, outer);
        unit_assert_round_trip(NULL, unit_element("", "e", text, NULL));
        apr_pool_destroy(unit_pool);
        unit_pool = outer;
    }
    free(text);
}
END_TEST

START_TEST(line_ends_come_back)
{
    static const char text[] = "a\rb\r\nc\n\rd\n\n\r\r";
    dms_element_t *element = unit_element("", "e", text, NULL);

    unit_attribute(element, "", "a", text);
    unit_assert_round_trip(NULL, element);
    unit_assert_round_trip(NULL, unit_element("", "e", "\r", NULL));
}
END_TEST

/* --- attributes --- */

START_TEST(every_byte_in_an_attribute_is_well_formed)
{
    int byte, place;

    for (byte = 1; byte < 256; byte++) {
        for (place = 0; place < 4; place++) {
            dms_element_t *element = unit_element("urn:x", "e", NULL, NULL);
            char value[5] = "aaaa";

            value[place] = (char)byte;
            unit_attribute(element, "", "a", value);
            unit_attribute(element, "urn:y", "a", value);
            unit_assert_round_trip(NULL, element);
        }
    }
}
END_TEST

START_TEST(space_in_an_attribute_comes_back)
{
    dms_element_t *element = unit_element("", "e", NULL, NULL);

    unit_attribute(element, "", "a", "  a  \t\n\r\n b\t ");
    unit_attribute(element, "", "b", "");
    unit_attribute(element, "", "c", "\"'<&>]]>");
    unit_assert_round_trip(NULL, element);
}
END_TEST

START_TEST(attributes_of_all_namespaces)
{
    dms_element_t *element = unit_element("urn:x", "e", "text", NULL);

    unit_attribute(element, "", "a", "none");
    unit_attribute(element, "urn:x", "a", "the element's own");
    unit_attribute(element, "urn:y", "a", "another");
    unit_attribute(element, "urn:y", "b", "another once more");
    unit_attribute(element, "DAV:", "a", "DAV:");
    unit_attribute(element, DMS_NS_XML, "lang", "en");
    unit_attribute(element, DMS_NS_XML, "space", "preserve");
    unit_attribute(element, "urn:\xC3\xA9 <&>\"'\t", "a", "odd");
    unit_assert_round_trip(NULL, element);
}
END_TEST

START_TEST(many_attributes)
{
    dms_element_t *element = unit_element("urn:x", "e", NULL, NULL);
    int i;

    for (i = 0; i < 300; i++) {
        unit_attribute(element, apr_psprintf(unit_pool, "urn:%d", i % 150),
                       apr_psprintf(unit_pool, "a%d", i), apr_psprintf(unit_pool, "%d", i));
    }
    unit_assert_round_trip(NULL, element);
}
END_TEST

/* A prefix that an attribute got is not visible to elements below, and no attribute is taken
 * for a namespace's declaration. */
START_TEST(attributes_change_no_namespaces_below)
{
    dms_element_t *inner = unit_element("urn:y", "inner", NULL, NULL),
                  *plain = unit_element("", "plain", NULL, NULL), *element;

    inner->prefix = "ns-a0";
    unit_attribute(inner, "urn:z", "a", "1");
    unit_attribute(inner, "urn:y", "a", "2");
    element = unit_element("urn:x", "outer", NULL, inner, plain, NULL);
    unit_attribute(element, "urn:y", "a", "1");
    unit_assert_round_trip(NULL, element);
}
END_TEST

START_TEST(xml_lang_keeps_its_prefix)
{
    dms_element_t *element = unit_element("DAV:", "displayname", "nom", NULL);

    unit_attribute(element, DMS_NS_XML, "lang", "fr");
    ck_assert_ptr_nonnull(strstr(unit_write(NULL, element), " xml:lang=\"fr\""));
}
END_TEST

/* --- references --- */

START_TEST(every_byte_in_a_reference_is_well_formed)
{
    static const char as_is[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~!$&'()*+,;=:@/?%";
    int byte;

    for (byte = 1; byte < 256; byte++) {
        char uri[4] = {'/', (char)byte, 'z', '\0'};
        const char *got = href_of(uri);

        if (strchr(as_is, byte)) {
            ck_assert_str_eq(got, byte == '=' ? "/\\=z" : uri);
        }
        else if (!strchr("#[]", byte)) {
            ck_assert_str_eq(got, apr_psprintf(unit_pool, "/%%%02Xz", byte));
        }
    }
}
END_TEST

START_TEST(escaped_references_stay)
{
    ck_assert_str_eq(href_of("/a%20b%C3%A9/"), "/a%20b%C3%A9/");
    ck_assert_str_eq(href_of("http://[::1]:8080/a?b&c#d"), "http://[::1]:8080/a?b&c#d");
    ck_assert_str_eq(href_of(""), "");
    ck_assert_str_eq(href_of("\xC3\xA9\n"), "%C3%A9%0A");
    ck_assert_str_eq(href_of("&&"), "&&");
    ck_assert_str_eq(href_of("a b "), "a%20b%20");
}
END_TEST

/* --- namespaces --- */

START_TEST(elements_of_all_namespaces)
{
    unit_assert_round_trip(NULL,
                           unit_list(unit_element("", "none", NULL, NULL),
                                     unit_element("DAV:", "dav", NULL, NULL),
                                     unit_element("urn:x", "x", NULL, NULL),
                                     unit_element(DMS_NS_XML, "xml", NULL, NULL),
                                     unit_element(DMS_NS_APACHE, "executable", "T", NULL),
                                     unit_element("D", "D", NULL, NULL),
                                     unit_element("DAV", "DAV", NULL, NULL),
                                     unit_element("dav:", "dav", NULL, NULL),
                                     unit_element(" spaces  and\ttab\nand\rlines ", "s", NULL,
                                                  NULL),
                                     unit_element("<&>\"'", "m", NULL, NULL),
                                     unit_element("\xC3\xA9\xF0\x9F\x98\x80", "u", NULL, NULL),
                                     unit_element("relative/../reference", "r", NULL, NULL), NULL));
}
END_TEST

START_TEST(no_namespace_inside_another)
{
    unit_assert_round_trip(NULL,
                           unit_element("urn:x", "a", NULL,
                                        unit_element("", "b", NULL,
                                                     unit_element("urn:x", "c", NULL,
                                                                  unit_element("", "d", "t", NULL),
                                                                  NULL),
                                                     unit_element("DAV:", "e", NULL, NULL), NULL),
                                        unit_element("", "f", NULL, NULL), NULL));
}
END_TEST

START_TEST(dav_is_always_D)
{
    dms_element_t *element = unit_element("urn:x", "a", NULL,
                                          unit_element("DAV:", "b", NULL,
                                                       unit_element("urn:y", "c", NULL, NULL),
                                                       NULL),
                                          NULL);
    const char *xml;

    element->prefix = "D";
    element->children->prefix = "d";
    element->children->children->prefix = "D";
    unit_assert_round_trip(NULL, element);
    xml = unit_write(NULL, element);
    ck_assert_ptr_nonnull(strstr(xml, "<D:b>"));
    ck_assert_int_eq(unit_count(xml, "xmlns:D="), 1);
}
END_TEST

static const char *const prefixes_to_try[] = {NULL,  "",         "D",     "d",      "x",   "R",
                                              "xml", "xmlns",    "XML",   "xmlfoo", "Xm",  "ns",
                                              "ns0", "ns1",      "ns-a0", "ns7",    "ns8", "_",
                                              "a.b", "\xC3\xA9", "m",     "ns9",    "DAV", "nsx",
                                              "xx",  "ns:",      "D0",    "n",      "XmL", "ns-a1"};
#define PREFIXES (sizeof(prefixes_to_try) / sizeof(prefixes_to_try[0]))

/* All pairs of wishes of a parent and its child, in a document that declares prefixes as well. */
START_TEST(wished_prefixes_never_collide)
{
    dms_prefixes_t prefixes = {0};
    size_t i, j;

    dms_prefixes_add(&prefixes, "urn:p");
    dms_prefixes_add(&prefixes, "urn:q");
    for (i = 0; i < PREFIXES; i++) {
        for (j = 0; j < PREFIXES; j++) {
            dms_element_t *again = unit_element("urn:1", "again", "t", NULL);
            dms_element_t *child = unit_element("urn:2", "child", NULL, again,
                                                unit_element("urn:q", "q", NULL, NULL), NULL);
            dms_element_t *parent = unit_element("urn:1", "parent", NULL, child,
                                                 unit_element("urn:p", "p", NULL, NULL),
                                                 unit_element("DAV:", "d", NULL, NULL), NULL);

            parent->prefix = prefixes_to_try[i];
            child->prefix = prefixes_to_try[j];
            unit_attribute(child, "urn:1", "a", "1");
            unit_attribute(child, "urn:p", "a", "p");
            unit_assert_round_trip(&prefixes, parent);
            unit_assert_round_trip(NULL, parent);
        }
    }
}
END_TEST

START_TEST(free_prefix_is_kept)
{
    dms_element_t *element = unit_element("http://www.w3.org/1999/xhtml", "em", "too", NULL);

    element->prefix = "h";
    ck_assert_ptr_nonnull(strstr(unit_write(NULL, element), "<h:em "));
    unit_assert_round_trip(NULL, element);
}
END_TEST

/* Whatever prefixes attributes get, a wish for the same one on their own element is harmless. */
START_TEST(wished_prefix_does_not_meet_those_of_attributes)
{
    dms_element_t *element = unit_element("urn:e", "e", NULL, NULL);
    const char *found;

    unit_attribute(element, "urn:y", "yy", "1");
    found = strstr(unit_write(NULL, element), ":yy=");
    ck_assert_ptr_nonnull(found);
    while (found[-1] != ' ') {
        found--;
    }
    element->prefix = apr_pstrmemdup(unit_pool, found, strcspn(found, ":"));
    unit_assert_round_trip(NULL, element);
}
END_TEST

/* Namespaces in XML, section 3: prefixes that begin with "xml" in any case are reserved. */
START_TEST(reserved_prefixes_are_not_taken)
{
    static const char *const reserved[] = {"xml", "xmlns", "XML", "xMlFoo", "XmLns"};
    size_t i;

    for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        dms_element_t *element = unit_element("urn:e", "e", NULL, NULL);

        element->prefix = reserved[i];
        ck_assert_ptr_null(
            strstr(unit_write(NULL, element), apr_pstrcat(unit_pool, ":", reserved[i], "=", NULL)));
        unit_assert_round_trip(NULL, element);
    }
}
END_TEST

/* Parent, child and so on change between few namespaces, so that outer ones come back behind
 * others that took their prefix. */
START_TEST(nested_namespaces_that_come_and_go)
{
    static const char *const namespaces[] = {"urn:1", "urn:2", "urn:3", "", "DAV:"};
    static const char *const wishes[] = {NULL, "x", "a"};
    int round;

    for (round = 0; round < 2000; round++) {
        dms_element_t *element = NULL;
        int depth;

        for (depth = 0; depth < 8; depth++) {
            element = unit_element(namespaces[unit_random(5)], "e", NULL, element, NULL);
            element->prefix = wishes[unit_random(3)];
        }
        unit_assert_round_trip(NULL, element);
    }
}
END_TEST

START_TEST(sibling_does_not_inherit)
{
    dms_element_t *first = unit_element("urn:1", "a", NULL, NULL),
                  *second = unit_element("urn:1", "b", NULL, NULL),
                  *third = unit_element("urn:2", "c", NULL, NULL);

    first->prefix = second->prefix = third->prefix = "p";
    unit_assert_round_trip(NULL, unit_list(first, second, third, NULL));
}
END_TEST

START_TEST(declared_namespaces_are_declared_once)
{
    dms_prefixes_t prefixes = {0};
    const char *xml;

    dms_prefixes_add(&prefixes, DMS_NS_APACHE);
    dms_prefixes_add(&prefixes, "urn:a");
    dms_prefixes_add(&prefixes, DMS_NS_APACHE);
    dms_prefixes_add(&prefixes, "DAV:");
    dms_prefixes_add(&prefixes, DMS_NS_XML);
    dms_prefixes_add(&prefixes, "");
    xml = unit_write(&prefixes, unit_list(unit_element(DMS_NS_APACHE, "executable", "T", NULL),
                                          unit_element("urn:a", "b", NULL, NULL),
                                          unit_element("", "none", NULL, NULL), NULL));
    ck_assert_int_eq(unit_count(xml, "xmlns"), 3); /* with D */
    unit_assert_same_xml(xml,
                         "<prop xmlns='DAV:'><executable xmlns='" DMS_NS_APACHE
                         "'>T</executable><b xmlns='urn:a'/><none xmlns=''/></prop>",
                         UNIT_EXACT);
}
END_TEST

START_TEST(declared_namespaces_can_be_odd)
{
    dms_prefixes_t prefixes = {0};

    dms_prefixes_add(&prefixes, "<&>\"' \t\n\r\xC3\xA9");
    unit_assert_round_trip(&prefixes, unit_element("<&>\"' \t\n\r\xC3\xA9", "e", NULL, NULL));
}
END_TEST

START_TEST(more_namespaces_than_there_is_room_for)
{
    dms_prefixes_t prefixes = {0};
    dms_element_t *all = unit_element("DAV:", "all", NULL, NULL), **link = &all->children;
    const char *xml;
    int i;

    for (i = 0; i < 3 * DMS_PREFIXES_MAX; i++) {
        const char *ns = apr_psprintf(unit_pool, "urn:%d", i);

        dms_prefixes_add(&prefixes, ns);
        *link = unit_element(ns, "e", NULL, unit_element(ns, "f", NULL, NULL), NULL);
        link = &(*link)->next;
    }
    ck_assert_int_eq(prefixes.count, DMS_PREFIXES_MAX);
    unit_assert_round_trip(&prefixes, all);
    xml = unit_write(&prefixes, all);
    ck_assert_int_eq(unit_count(xml, "xmlns"), 1 + 3 * DMS_PREFIXES_MAX);
}
END_TEST

/* --- content --- */

START_TEST(mixed_content_keeps_its_order)
{
    dms_element_t *notes = unit_element("urn:x", "notes", " Jane has been working way ",
                                        unit_element("urn:h", "em", "too", NULL),
                                        unit_text(" long on "),
                                        unit_element("urn:h", "em", NULL, NULL),
                                        unit_text("<RFC2518>"), unit_text("."), unit_text(NULL),
                                        NULL);

    unit_assert_same_xml(unit_write(NULL, notes),
                         "<prop xmlns='DAV:'><notes xmlns='urn:x' xmlns:h='urn:h'> Jane has been "
                         "working way <h:em>too</h:em> long on <h:em/>&lt;RFC2518>.</notes></prop>",
                         UNIT_EXACT);
}
END_TEST

START_TEST(text_among_the_first_elements)
{
    unit_assert_round_trip(NULL, unit_list(unit_text("a"), unit_element("", "b", NULL, NULL),
                                           unit_text("c"), NULL));
    unit_assert_round_trip(NULL, NULL);
}
END_TEST

START_TEST(white_space_is_kept)
{
    unit_assert_round_trip(NULL, unit_element("", "a", " ", unit_element("", "b", "\n\t", NULL),
                                              unit_text("\n  "), NULL));
}
END_TEST

START_TEST(deep_elements)
{
    dms_element_t *element = NULL;
    int depth;

    for (depth = 0; depth < 2000; depth++) {
        element = unit_element(apr_psprintf(unit_pool, "urn:%d", depth % 7), "e", "t", element,
                               NULL);
    }
    unit_assert_round_trip(NULL, element);
}
END_TEST

START_TEST(long_names_and_texts)
{
    char *name = apr_palloc(unit_pool, 100001), *text = apr_palloc(unit_pool, 1000001);

    memset(name, 'n', 100000);
    name[100000] = '\0';
    memset(text, '&', 1000000);
    text[1000000] = '\0';
    unit_assert_round_trip(NULL, unit_element(name, name, text, NULL));
}
END_TEST

/* All that an element can bring, at every distance from the end of the first bucket. */
START_TEST(markup_across_each_border)
{
    char *padding = apr_palloc(unit_pool, BUCKET + 1);
    dms_element_t *tricky = unit_element("urn:<&>", "e", "a&\xC3\xA9\x01\r]]>",
                                         unit_element("DAV:", "f", NULL, NULL),
                                         unit_text("\xF0\x9F\x98\x80&&"), NULL);
    apr_size_t length;

    unit_attribute(tricky, "urn:y", "a", "\"&\xE2\x82\xAC\n");
    for (length = BUCKET - 700; length <= BUCKET; length++) {
        apr_pool_t *outer = unit_pool;

        memset(padding, 'p', length);
        padding[length] = '\0';
        apr_pool_create(&unit_pool, outer);
        unit_assert_round_trip(NULL, unit_list(unit_element("", "p", padding, NULL), tricky, NULL));
        apr_pool_destroy(unit_pool);
        unit_pool = outer;
        tricky->next = NULL;
    }
}
END_TEST

START_TEST(reference_across_each_border)
{
    char *padding = apr_palloc(unit_pool, BUCKET + 1);
    apr_size_t length;

    for (length = BUCKET - 500; length <= BUCKET; length++) {
        apr_pool_t *outer = unit_pool;
        const char *got;

        memset(padding, '/', length);
        padding[length] = '\0';
        apr_pool_create(&unit_pool, outer);
        got = href_of(apr_pstrcat(unit_pool, padding, "&\xC3 &%41", NULL));
        ck_assert_str_eq(got + length, "&%C3%20&%41");
        apr_pool_destroy(unit_pool);
        unit_pool = outer;
    }
}
END_TEST

/* --- at random --- */

static const char *random_ns(void)
{
    static const char *const namespaces[] = {"",         "DAV:",        "urn:a",
                                             "urn:b",    "urn:c",       "urn:d",
                                             DMS_NS_XML, DMS_NS_APACHE, "http://a/?b=1&c=<>\"'",
                                             " \t\n\r ", "\xC3\xA9",    "D",
                                             "x"};

    return namespaces[unit_random(sizeof(namespaces) / sizeof(namespaces[0]))];
}

static const char *random_local(void)
{
    static const char *const locals[] = {"a", "b",   "c",    "prop",    "D",
                                         "x", "xml", "_-.9", "\xC3\xA9"};

    return locals[unit_random(sizeof(locals) / sizeof(locals[0]))];
}

static const char *random_text(void)
{
    static const char *const characters[] = {"&",
                                             "<",
                                             ">",
                                             "\"",
                                             "'",
                                             "]]>",
                                             "\r",
                                             "\n",
                                             "\t",
                                             "\xC3\xA9",
                                             "\xE2\x82\xAC",
                                             "\xF0\x9F\x98\x80",
                                             "\x01",
                                             "\x7F",
                                             "\xFF",
                                             "\xED\xA0\x80",
                                             "\xC3",
                                             "&amp;",
                                             "<![CDATA[",
                                             "-->"};
    char *text = apr_pcalloc(unit_pool, 256), *to = text;
    unsigned int i, length = unit_random(24);

    for (i = 0; i < length; i++) {
        if (unit_random(3)) {
            *to++ = (char)(unit_random(4) ? ' ' + unit_random(95) : 1 + unit_random(255));
        }
        else {
            const char *s = characters[unit_random(sizeof(characters) / sizeof(characters[0]))];
            memcpy(to, s, strlen(s));
            to += strlen(s);
        }
    }
    return text;
}

static void add_random_attributes(dms_element_t *element)
{
    unsigned int i;

    for (i = unit_random(6); i > 2; i--) {
        const char *ns = random_ns(), *local = random_local();
        const dms_attribute_t *other = element->attributes;

        while (other && (strcmp(other->name->ns, ns) || strcmp(other->name->local, local))) {
            other = other->next;
        }
        if (!other) {
            unit_attribute(element, ns, local, random_text());
        }
    }
}

static dms_element_t *random_element(int depth)
{
    dms_element_t *element = unit_element(random_ns(), random_local(), NULL, NULL), **link;
    unsigned int i;

    element->prefix = prefixes_to_try[unit_random(PREFIXES)];
    if (unit_random(2)) {
        element->text = random_text();
    }
    add_random_attributes(element);
    link = &element->children;
    for (i = depth ? unit_random(5) : 0; i > 0; i--) {
        *link = unit_random(4) ? random_element(depth - 1) : unit_text(random_text());
        link = &(*link)->next;
    }
    return element;
}

START_TEST(random_trees_come_back)
{
    dms_prefixes_t prefixes = {0};
    int round;

    unit_random_seed((apr_uint64_t)_i + 1);
    for (round = 0; round < 400; round++) {
        apr_pool_t *outer = unit_pool;

        apr_pool_create(&unit_pool, outer);
        if (round % 50 == 0) {
            memset(&prefixes, 0, sizeof(prefixes));
        }
        else if (round % 10 == 0) {
            dms_prefixes_add(&prefixes, random_ns());
        }
        unit_assert_round_trip(&prefixes, unit_list(random_element(5), random_element(3), NULL));
        apr_pool_destroy(unit_pool);
        unit_pool = outer;
    }
}
END_TEST

/* --- fragments --- */

/* An element that says only what dms_xml_fragment() made of another. */
static dms_element_t *kept(const dms_element_t *element)
{
    dms_element_t *again = apr_pcalloc(unit_pool, sizeof(*again));

    again->name = element->name;
    again->markup = dms_xml_fragment(unit_pool, element);
    return again;
}

START_TEST(fragment_means_the_same_anywhere)
{
    dms_prefixes_t prefixes = {0};
    int round;

    for (round = 0; round < 1000; round++) {
        apr_pool_t *outer = unit_pool;
        dms_element_t *first, *second;
        const char *expected;

        apr_pool_create(&unit_pool, outer);
        if (round % 20 == 0) {
            dms_prefixes_add(&prefixes, random_ns());
        }
        first = random_element(3);
        second = random_element(3);
        expected = apr_pstrcat(unit_pool, "<{DAV:}prop><{urn:b}x>", unit_canonical_elements(first),
                               "</>", unit_canonical_elements(second), "</>", NULL);
        /* not the second as well, though it is linked */
        first->next = second;
        first = unit_element("urn:b", "x", NULL, kept(first), NULL);
        first->next = kept(second);
        ck_assert_str_eq(unit_canonical(unit_write(&prefixes, first),
                                        strlen(unit_write(&prefixes, first)), UNIT_EXACT),
                         expected);
        apr_pool_destroy(unit_pool);
        unit_pool = outer;
    }
}
END_TEST

START_TEST(fragment_declares_what_it_uses)
{
    dms_element_t *element = unit_element("urn:x", "a", "t", unit_element("DAV:", "b", NULL, NULL),
                                          NULL);

    element->prefix = "R";
    unit_attribute(element, DMS_NS_XML, "lang", "en");
    ck_assert_str_eq(dms_xml_fragment(unit_pool, element),
                     "<R:a xmlns:R=\"urn:x\" xml:lang=\"en\">t<D:b/></R:a>");
    ck_assert_str_eq(dms_xml_fragment(unit_pool, unit_element("", "a", NULL, NULL)), "<a/>");
}
END_TEST

/* A megabyte is the least that a value may have. */
START_TEST(large_fragment)
{
    const apr_size_t length = 3 * 1024 * 1024;
    char *text = apr_palloc(unit_pool, length + 1);
    const char *markup;

    memset(text, 't', length);
    text[length] = '\0';
    markup = dms_xml_fragment(unit_pool, unit_element("", "a", text, NULL));
    ck_assert_uint_eq(strlen(markup), length + strlen("<a></a>"));
    unit_assert_round_trip(NULL, unit_element("", "a", text, NULL));
}
END_TEST

/* --- DAV:error --- */

/* RFC 4918, section 16. */
START_TEST(error_document)
{
    dms_xml_document(&out, "error",
                     unit_element("DAV:", "lock-token-submitted", NULL,
                                  unit_element("DAV:", "href", "/workspace/webdav/", NULL), NULL),
                     NULL);
    unit_assert_same_xml(written(),
                         "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n"
                         "<D:error xmlns:D=\"DAV:\">\n"
                         "  <D:lock-token-submitted>\n"
                         "    <D:href>/workspace/webdav/</D:href>\n"
                         "  </D:lock-token-submitted>\n"
                         "</D:error>\n",
                         UNIT_LOOSE_SPACE);
}
END_TEST

/* RFC 4918, section 14.5: no text and no mixed content inside DAV:error. */
START_TEST(error_document_with_a_description)
{
    const char *canonical;

    dms_xml_document(&out, "error",
                     unit_list(unit_element("DAV:", "propfind-finite-depth", NULL, NULL),
                               unit_element("urn:x", "own", NULL, NULL), NULL),
                     "No <&> \x01 for you");
    canonical = canonical_written(UNIT_LOOSE_SPACE);
    ck_assert_msg(canonical != NULL, "%s", unit_problem());
    ck_assert_int_eq(strncmp(canonical,
                             "<{DAV:}error><{DAV:}propfind-finite-depth></><{urn:x}own></><{", 61),
                     0);
    ck_assert_ptr_nonnull(strstr(canonical, ">No \\<&\\> \xEF\xBF\xBD for you</></>"));
}
END_TEST

START_TEST(error_document_without_elements)
{
    const char *canonical;

    dms_xml_document(&out, "error", NULL, "Sorry");
    canonical = canonical_written(UNIT_LOOSE_SPACE);
    ck_assert_msg(canonical != NULL, "%s", unit_problem());
    ck_assert_ptr_nonnull(strstr(canonical, ">Sorry</></>"));
}
END_TEST

Suite *xml_suite(void)
{
    Suite *suite = suite_create("xml");
    TCase *tests = unit_case(suite, "text", 120);

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, begin_declares_dav_as_D);
    tcase_add_test(tests, markup_in_text_is_escaped);
    tcase_add_test(tests, every_byte_in_text_is_well_formed);
    tcase_add_test(tests, every_pair_of_bytes_in_text_is_well_formed);
    tcase_add_test(tests, characters_that_xml_cannot_carry_become_U_FFFD);
    tcase_add_test(tests, every_character_in_text_comes_back);
    tcase_add_test(tests, line_ends_come_back);

    tests = unit_case(suite, "attributes", 60);
    tcase_add_test(tests, every_byte_in_an_attribute_is_well_formed);
    tcase_add_test(tests, space_in_an_attribute_comes_back);
    tcase_add_test(tests, attributes_of_all_namespaces);
    tcase_add_test(tests, many_attributes);
    tcase_add_test(tests, attributes_change_no_namespaces_below);
    tcase_add_test(tests, xml_lang_keeps_its_prefix);

    tests = unit_case(suite, "references", 60);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, every_byte_in_a_reference_is_well_formed);
    tcase_add_test(tests, escaped_references_stay);
    tcase_add_test(tests, reference_across_each_border);

    tests = unit_case(suite, "namespaces", 120);
    tcase_add_test(tests, elements_of_all_namespaces);
    tcase_add_test(tests, no_namespace_inside_another);
    tcase_add_test(tests, dav_is_always_D);
    tcase_add_test(tests, wished_prefixes_never_collide);
    tcase_add_test(tests, wished_prefix_does_not_meet_those_of_attributes);
    tcase_add_test(tests, reserved_prefixes_are_not_taken);
    tcase_add_test(tests, free_prefix_is_kept);
    tcase_add_test(tests, nested_namespaces_that_come_and_go);
    tcase_add_test(tests, sibling_does_not_inherit);
    tcase_add_test(tests, declared_namespaces_are_declared_once);
    tcase_add_test(tests, declared_namespaces_can_be_odd);
    tcase_add_test(tests, more_namespaces_than_there_is_room_for);

    tests = unit_case(suite, "content", 120);
    tcase_add_test(tests, mixed_content_keeps_its_order);
    tcase_add_test(tests, text_among_the_first_elements);
    tcase_add_test(tests, white_space_is_kept);
    tcase_add_test(tests, deep_elements);
    tcase_add_test(tests, long_names_and_texts);
    tcase_add_test(tests, markup_across_each_border);
    tcase_add_loop_test(tests, random_trees_come_back, 0, 8);

    tests = unit_case(suite, "fragments", 60);
    tcase_add_test(tests, fragment_means_the_same_anywhere);
    tcase_add_test(tests, fragment_declares_what_it_uses);
    tcase_add_test(tests, large_fragment);

    tests = unit_case(suite, "error document", 20);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, error_document);
    tcase_add_test(tests, error_document_with_a_description);
    tcase_add_test(tests, error_document_without_elements);
    return suite;
}
