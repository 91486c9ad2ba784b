#include "request/xml_body.h"

#include <stdlib.h>
#include <time.h>

#include <apr_strings.h>

#include "unit.h"

#define MIB (1024 * 1024)

/* The outcome of a body: a fault, or its tree. */
typedef struct outcome_t {
    dms_xml_fault_e fault;
    dms_element_t *root;
    const char *message;
} outcome_t;

/* Feeds the bytes in pieces of this size (0: all at once). Each piece lies in memory of its own,
 * so that reading past its end, or later, shows under AddressSanitizer. */
static outcome_t feed(const char *bytes, apr_size_t length, apr_size_t first, apr_size_t size)
{
    dms_xml_body_t *body = dms_xml_body_create(unit_pool);
    outcome_t outcome = {DMS_XML_FINE, NULL, NULL};
    dms_xml_fault_e fault;
    apr_size_t part = first;

    while (length) {
        char *piece;

        part = part && part < length ? part : length;
        piece = malloc(part);
        memcpy(piece, bytes, part);
        fault = dms_xml_body_feed(body, piece, part);
        free(piece);
        ck_assert(outcome.fault == DMS_XML_FINE || fault == outcome.fault);
        outcome.fault = fault;
        bytes += part;
        length -= part;
        part = size;
    }
    outcome.root = (dms_element_t *)&outcome;
    fault = dms_xml_body_finish(body, &outcome.root);
    ck_assert(outcome.fault == DMS_XML_FINE || fault == outcome.fault);
    outcome.fault = fault;
    ck_assert(outcome.fault == DMS_XML_FINE || !outcome.root);
    outcome.message = dms_xml_body_message(body);
    ck_assert(outcome.fault == DMS_XML_FINE || (outcome.message && *outcome.message));
    return outcome;
}

static outcome_t feed_at_once(const char *xml)
{
    return feed(xml, strlen(xml), 0, 0);
}

/* The fault of a body, which has to be the same in whatever pieces it comes. */
static dms_xml_fault_e fault_of(const char *bytes, apr_size_t length)
{
    dms_xml_fault_e fault = feed(bytes, length, 0, 0).fault;
    apr_size_t cut;

    ck_assert_int_eq(feed(bytes, length, 1, 1).fault, fault);
    ck_assert_int_eq(feed(bytes, length, 2, 2).fault, fault);
    ck_assert_int_eq(feed(bytes, length, 3, 3).fault, fault);
    for (cut = 1; cut < length; cut++) {
        ck_assert_int_eq(feed(bytes, length, cut, 0).fault, fault);
    }
    return fault;
}

static void assert_tree(outcome_t outcome, const char *expected)
{
    ck_assert_msg(outcome.fault == DMS_XML_FINE, "%s", outcome.message);
    ck_assert_ptr_nonnull(outcome.root);
    ck_assert_ptr_null(outcome.root->next);
    ck_assert_str_eq(unit_canonical_elements(outcome.root), expected);
}

/* --- what is well-formed --- */

static const char *const good[] = {
    "<a/>",
    "<a></a>",
    "<a>text</a>",
    "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n<propfind xmlns=\"DAV:\"><allprop/></propfind>\n",
    "<?xml version='1.0'?><D:propfind xmlns:D='DAV:'><D:prop xmlns:R='urn:r'><R:bigbox/><R:author/>"
    "<D:getetag/></D:prop></D:propfind>",
    "\xEF\xBB\xBF<a>\xC3\xA9</a>",
    "\n\t <a/>",
    "<!-- a --><a/><!-- b -->",
    "<?pi x?><a><?pi y?></a><?pi z?>",
    "<a>one<b/>two<c>three</c>four<!-- no -->five<?pi no?>six</a>",
    "<a> <b> </b> </a>",
    "<a><![CDATA[<b>&amp;]]]]><![CDATA[>]]></a>",
    "<a>&lt;&gt;&amp;&quot;&apos;&#233;&#x1F600;&#13;&#x9;</a>",
    "<a b='1' c=\"&lt;&#10;&quot;\" d='\n\t '/>",
    "<a xml:lang='en'><b xml:lang=''/><c xml:space='preserve'> </c></a>",
    "<a xmlns='urn:a' xmlns:b='urn:b' b:x='1' x='2'><b:c xmlns:b='urn:c' b:x='3'/><b:c/></a>",
    "<a xmlns='urn:a'><b xmlns=''><c xmlns='urn:c'/></b></a>",
    "<xml:a/>",
    "<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='x'/>",
    "<\xC3\xA9t\xC3\xA9 xmlns='urn:\xC3\xA9'>\xE2\x82\xAC\xF0\x9F\x98\x80</\xC3\xA9t\xC3\xA9>",
    "<?xml version='1.0' encoding='iso-8859-1'?><a b='\xE9'>\xE9</a>",
    "<?xml version='1.0' encoding='us-ascii'?><a>&#233;</a>",
    "<a>\r\n\r\n</a>",
    "<a>line\r\nline\rline\n</a>",
    "<a><b/>x<b/>y<b/></a>",
    "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:Z=\"http://ns.example.com/standards/z39.50/\"><D:set>"
    "<D:prop><Z:Authors><Z:Author>Jim Whitehead</Z:Author><Z:Author>Roy Fielding</Z:Author>"
    "</Z:Authors></D:prop></D:set><D:remove><D:prop><Z:Copyright-Owner/></D:prop></D:remove>"
    "</D:propertyupdate>",
};
#define GOOD ((int)(sizeof(good) / sizeof(good[0])))

static void check_tree_is_what_was_sent(int number)
{
    const char *xml = good[number];
    const char *expected = unit_canonical(xml, strlen(xml), UNIT_EXACT);
    apr_size_t length = strlen(xml), size, cut;

    ck_assert_msg(expected != NULL, "%s", unit_problem());
    assert_tree(feed_at_once(xml), expected);
    for (size = 1; size < 8; size++) {
        assert_tree(feed(xml, length, size, size), expected);
    }
    for (cut = 1; cut < length; cut++) {
        assert_tree(feed(xml, length, cut, 0), expected);
    }
}

START_TEST(tree_is_what_was_sent)
{
    int number;

    for (number = 0; number < GOOD; number++) {
        check_tree_is_what_was_sent(number);
    }
}
END_TEST

/* A truncated body is malformed, wherever it ends before its root does. */
static void check_truncated_body_is_malformed(int number)
{
    const char *xml = good[number], *end = strrchr(xml, '>');
    apr_size_t length;

    while (end > xml && (end[-1] == '?' || end[-1] == '-')) { /* of what follows the root */
        for (end--; end > xml && *end != '>'; end--) {
        }
    }
    for (length = 1; length <= (apr_size_t)(end - xml); length++) {
        ck_assert_msg(feed(xml, length, 0, 0).fault == DMS_XML_MALFORMED, "%.*s", (int)length, xml);
        ck_assert_int_eq(feed(xml, length, 1, 1).fault, DMS_XML_MALFORMED);
    }
}

START_TEST(truncated_body_is_malformed)
{
    int number;

    for (number = 0; number < GOOD; number++) {
        check_truncated_body_is_malformed(number);
    }
}
END_TEST

static void check_tree_can_be_echoed(int number)
{
    outcome_t outcome = feed_at_once(good[number]);

    ck_assert_int_eq(outcome.fault, DMS_XML_FINE);
    unit_assert_round_trip(NULL, outcome.root);
}

START_TEST(tree_can_be_echoed)
{
    int number;

    for (number = 0; number < GOOD; number++) {
        check_tree_can_be_echoed(number);
    }
}
END_TEST

START_TEST(no_byte_at_all_is_no_fault)
{
    outcome_t outcome = feed("", 0, 0, 0);

    ck_assert_int_eq(outcome.fault, DMS_XML_FINE);
    ck_assert_ptr_null(outcome.root);
}
END_TEST

START_TEST(empty_pieces_change_nothing)
{
    dms_xml_body_t *body = dms_xml_body_create(unit_pool);
    dms_element_t *root;

    ck_assert_int_eq(dms_xml_body_feed(body, "", 0), DMS_XML_FINE);
    ck_assert_int_eq(dms_xml_body_feed(body, "<a", 2), DMS_XML_FINE);
    ck_assert_int_eq(dms_xml_body_feed(body, "", 0), DMS_XML_FINE);
    ck_assert_int_eq(dms_xml_body_feed(body, "/>", 2), DMS_XML_FINE);
    ck_assert_int_eq(dms_xml_body_feed(body, "", 0), DMS_XML_FINE);
    ck_assert_int_eq(dms_xml_body_finish(body, &root), DMS_XML_FINE);
    ck_assert_ptr_nonnull(root);

    body = dms_xml_body_create(unit_pool);
    ck_assert_int_eq(dms_xml_body_feed(body, "", 0), DMS_XML_FINE);
    ck_assert_int_eq(dms_xml_body_finish(body, &root), DMS_XML_FINE);
    ck_assert_ptr_null(root);
}
END_TEST

/* --- the tree in detail --- */

START_TEST(prefixes_are_kept)
{
    dms_element_t *root =
        feed_at_once("<D:a xmlns:D='DAV:' xmlns='urn:x'><b/><R:c xmlns:R='urn:x'/></D:a>").root;

    ck_assert_ptr_nonnull(root);
    ck_assert_str_eq(root->prefix, "D");
    ck_assert(dms_name_is_dav(root->name, "a"));
    ck_assert_ptr_null(root->children->prefix);
    ck_assert_str_eq(root->children->next->prefix, "R");
    ck_assert_str_eq(root->children->name->ns, root->children->next->name->ns);
    ck_assert_ptr_null(root->attributes); /* declarations are none */
}
END_TEST

START_TEST(attributes_keep_their_order)
{
    dms_element_t *root = feed_at_once("<a z='1' xmlns:p='urn:p' p:y='2' xml:lang='en' x=''/>")
                              .root;
    const dms_attribute_t *attribute = root->attributes;

    ck_assert_str_eq(attribute->name->local, "z");
    ck_assert_str_eq(attribute->name->ns, "");
    ck_assert_str_eq(attribute->value, "1");
    attribute = attribute->next;
    ck_assert_str_eq(attribute->name->local, "y");
    ck_assert_str_eq(attribute->name->ns, "urn:p");
    attribute = attribute->next;
    ck_assert_str_eq(attribute->name->local, "lang");
    ck_assert_str_eq(attribute->name->ns, DMS_NS_XML);
    attribute = attribute->next;
    ck_assert_str_eq(attribute->name->local, "x");
    ck_assert_str_eq(attribute->value, "");
    ck_assert_ptr_null(attribute->next);
}
END_TEST

START_TEST(text_is_where_the_header_says)
{
    dms_element_t *root = feed_at_once("<a>o<!-- -->n<![CDATA[e]]>&#33;<b/>two<b/></a>").root;

    ck_assert_str_eq(root->text, "one!");
    ck_assert_str_eq(root->children->name->local, "b");
    ck_assert_ptr_null(root->children->text);
    ck_assert_ptr_null(root->children->next->name);
    ck_assert_str_eq(root->children->next->text, "two");
    ck_assert_str_eq(root->children->next->next->name->local, "b");
    ck_assert_ptr_null(root->children->next->next->next);
    ck_assert_ptr_null(feed_at_once("<a><b/></a>").root->text);
}
END_TEST

START_TEST(long_text_in_small_pieces)
{
    const apr_size_t length = 300000;
    char *xml = apr_palloc(unit_pool, length + 8);
    outcome_t outcome;

    memcpy(xml, "<a>", 3);
    memset(xml + 3, 't', length);
    memcpy(xml + 3 + length, "</a>", 5);
    outcome = feed(xml, length + 7, 1000, 7);
    ck_assert_int_eq(outcome.fault, DMS_XML_FINE);
    ck_assert_uint_eq(strlen(outcome.root->text), length);
}
END_TEST

/* One piece that is larger than what goes to Expat at once. */
START_TEST(large_piece)
{
    apr_size_t length;

    for (length = 65536 * 2 - 12; length < 65536 * 2 + 12; length++) {
        char *xml = malloc(length + 1);
        outcome_t outcome;

        memset(xml, ' ', length);
        memcpy(xml, "<a>", 3);
        memcpy(xml + length - 4, "</a>", 5);
        outcome = feed_at_once(xml);
        ck_assert_int_eq(outcome.fault, DMS_XML_FINE);
        ck_assert_uint_eq(strlen(outcome.root->text), length - 7);
        xml[length - 1] = ' ';
        ck_assert_int_eq(feed_at_once(xml).fault, DMS_XML_MALFORMED);
        free(xml);
    }
}
END_TEST

/* --- UTF-16 --- */

static void check_utf_16_is_xml(int number)
{
    static const char xml[] = "<?xml version='1.0' encoding='utf-16'?><a xmlns='urn:\xC3\xA9'>"
                              "\xE2\x82\xAC\xF0\x9F\x98\x80<b c='\xC3\xA9'/></a>";
    static const char canonical[] = "<{urn:\xC3\xA9}a>\xE2\x82\xAC\xF0\x9F\x98\x80"
                                    "<{urn:\xC3\xA9}b {}c=\"\xC3\xA9\"></></>";
    char wide[1024];
    apr_size_t length = unit_utf16(wide, xml, number & 1, number & 2), cut;

    assert_tree(feed(wide, length, 0, 0), canonical);
    assert_tree(feed(wide, length, 1, 1), canonical);
    for (cut = 1; cut < length; cut++) {
        assert_tree(feed(wide, length, cut, 0), canonical);
        ck_assert_int_eq(feed(wide, cut, 0, 0).fault, DMS_XML_MALFORMED);
    }
}

START_TEST(utf_16_is_xml)
{
    int number;

    for (number = 0; number < 4; number++) {
        check_utf_16_is_xml(number);
    }
}
END_TEST

static void check_doctype_in_utf_16(int number)
{
    char wide[1024];
    apr_size_t length = unit_utf16(wide, "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", number & 1, 1);

    ck_assert_int_eq(fault_of(wide, length), DMS_XML_DOCTYPE);
}

START_TEST(doctype_in_utf_16)
{
    int number;

    for (number = 0; number < 2; number++) {
        check_doctype_in_utf_16(number);
    }
}
END_TEST

/* --- what is not --- */

static const char *const malformed[] = {
    "<",
    "<a",
    "<a>",
    "<a></b>",
    "<a><b></a></b>",
    "<a/><b/>",
    "<a/>text",
    "<a/><",
    " text",
    " ",
    "\n\n",
    "\xEF\xBB\xBF",
    "\xEF\xBB",
    "\xFF\xFE",
    "\xEF\xBB\xBFtext",
    "<1/>",
    "< a/>",
    "<a b/>",
    "<a b=c/>",
    "<a b='1' b='2'/>",
    "<a xmlns:p='urn:p' xmlns:q='urn:p' p:b='1' q:b='2'/>",
    "<a b='<'/>",
    "<a>&</a>",
    "<a>&b;</a>",
    "<a>&amp</a>",
    "<a>]]></a>",
    "<a>&#0;</a>",
    "<a>&#1;</a>",
    "<a>&#xD800;</a>",
    "<a>&#xFFFF;</a>",
    "<a>&#x110000;</a>",
    "<a>\x01</a>",
    "<a>\x7F\x1B</a>",
    "<a>\xFF</a>",
    "<a>\xC3</a>",
    "<a>\xC0\x80</a>",
    "<a>\xED\xA0\x80</a>",
    "<a>\xEF\xBF\xBF</a>",
    "<a><!-- -- --></a>",
    "<a><!-- </a>",
    "<a><![CDATA[ </a>",
    "<p:a/>",
    "<a p:b='1'/>",
    "<a xmlns:p=''/>",
    "<a xmlns:xmlns='urn:x'/>",
    "<a xmlns:xml='urn:x'/>",
    "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
    "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
    "<xmlns:a/>",
    "<a:b:c xmlns:a='urn:a'/>",
    "<:a/>",
    "<a:/>",
    "<?xml version='1.0' encoding='utf-8' standalone='maybe'?><a/>",
    " <?xml version='1.0'?><a/>",
    "<?xml version='1.0'?><?xml version='1.0'?><a/>",
    "<?xml encoding='utf-8'?><a/>",
    "<?xml version='1.0' encoding='no-such-thing'?><a/>",
    "<?xml version='1.0' encoding='utf-16'?><a/>",
    "<!doctype a><a/>",
    "<!ENTITY a 'b'><a/>",
    "<!ELEMENT a ANY><a/>",
    "<a><!DOCTYPE b><b/></a>",
    "<a/><!DOCTYPE a>",
    "<!DOCTYPE",
    "<!DOCTYPE a",
    "<a xmlns='urn:\x01'/>",
};
#define MALFORMED ((int)(sizeof(malformed) / sizeof(malformed[0])))

static void check_malformed_body(int number)
{
    ck_assert_msg(feed_at_once(malformed[number]).fault == DMS_XML_MALFORMED, "%s",
                  malformed[number]);
    ck_assert_int_eq(fault_of(malformed[number], strlen(malformed[number])), DMS_XML_MALFORMED);
}

START_TEST(malformed_body)
{
    int number;

    for (number = 0; number < MALFORMED; number++) {
        check_malformed_body(number);
    }
}
END_TEST

START_TEST(nul_bytes_are_malformed)
{
    ck_assert_int_eq(fault_of("<a>\0</a>", 8), DMS_XML_MALFORMED);
    ck_assert_int_eq(fault_of("<a/>\0", 5), DMS_XML_MALFORMED);
    ck_assert_int_eq(fault_of("\0", 1), DMS_XML_MALFORMED);
    ck_assert_int_eq(fault_of("\0\0\0\0", 4), DMS_XML_MALFORMED);
}
END_TEST

START_TEST(body_that_is_no_xml)
{
    static const char *const bodies[] = {"text", "{\"a\": 1}", "a=b&c=d", "%PDF-1.4", "0",
                                         "\x80", "\xC3\xA9",   "&lt;a/>", ">",        "a<b/>"};
    size_t i;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        ck_assert_int_eq(fault_of(bodies[i], strlen(bodies[i])), DMS_XML_NOT_XML);
    }
}
END_TEST

/* RFC 4918, section 20.6. */
static const char *const doctypes[] = {
    "<!DOCTYPE a><a/>",
    "<!DOCTYPE a []><a/>",
    "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
    "<!DOCTYPE a PUBLIC 'x' 'http://127.0.0.1/'><a/>",
    "<?xml version='1.0'?>\n<!-- c --><?pi?>\n<!DOCTYPE a><a/>",
    "\xEF\xBB\xBF<!DOCTYPE a><a/>",
    "\n<!DOCTYPE a><a/>",
    "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    "<!DOCTYPE a [<!ENTITY % b SYSTEM 'file:///etc/passwd'>%b;]><a/>",
    "<!DOCTYPE a [<!ENTITY b 'bbbb'><!ENTITY c '&b;&b;&b;&b;'>]><a>&c;</a>",
    "<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>",
    "<!DOCTYPE a [<!ATTLIST a xmlns CDATA #FIXED 'DAV:'>]><a/>",
    "<!DOCTYPE a [garbage",
    "<!DOCTYPE a><b",
};

static void check_doctype_ends_the_parsing(int number)
{
    ck_assert_int_eq(fault_of(doctypes[number], strlen(doctypes[number])), DMS_XML_DOCTYPE);
}

START_TEST(doctype_ends_the_parsing)
{
    int number;

    for (number = 0; number < (int)(sizeof(doctypes) / sizeof(doctypes[0])); number++) {
        check_doctype_ends_the_parsing(number);
    }
}
END_TEST

START_TEST(doctype_is_found_without_the_rest)
{
    dms_xml_body_t *body = dms_xml_body_create(unit_pool);
    static const char start[] = "<!DOCTYPE a [";

    ck_assert_int_eq(dms_xml_body_feed(body, start, sizeof(start) - 1), DMS_XML_DOCTYPE);
}
END_TEST

START_TEST(laughs_cost_nothing)
{
    dms_xml_body_t *body = dms_xml_body_create(unit_pool);
    dms_element_t *root;
    apr_size_t before = unit_memory();
    int i;

    dms_xml_body_feed(body, "<!DOCTYPE a [<!ENTITY l0 'ha'>", 30);
    for (i = 1; i < 10; i++) {
        const char *entity = apr_psprintf(unit_pool, "<!ENTITY l%d '&l%d;&l%d;&l%d;&l%d;&l%d;'>", i,
                                          i - 1, i - 1, i - 1, i - 1, i - 1);
        ck_assert_int_eq(dms_xml_body_feed(body, entity, strlen(entity)), DMS_XML_DOCTYPE);
    }
    ck_assert_int_eq(dms_xml_body_feed(body, "]><a>&l9;</a>", 13), DMS_XML_DOCTYPE);
    ck_assert_int_eq(dms_xml_body_finish(body, &root), DMS_XML_DOCTYPE);
    ck_assert_ptr_null(root);
    ck_assert_uint_le(unit_memory(), before + MIB);
}
END_TEST

START_TEST(fault_stays_what_it_was)
{
    static const char *const bodies[] = {"<a></b>", "text", "<!DOCTYPE a>"};
    static const dms_xml_fault_e faults[] = {DMS_XML_MALFORMED, DMS_XML_NOT_XML, DMS_XML_DOCTYPE};
    int i;

    for (i = 0; i < 3; i++) {
        dms_xml_body_t *body = dms_xml_body_create(unit_pool);
        dms_element_t *root;
        const char *message;

        ck_assert_int_eq(dms_xml_body_feed(body, bodies[i], strlen(bodies[i])), faults[i]);
        message = apr_pstrdup(unit_pool, dms_xml_body_message(body));
        ck_assert_int_eq(dms_xml_body_feed(body, "<a/>", 4), faults[i]);
        ck_assert_int_eq(dms_xml_body_feed(body, "<!DOCTYPE a>", 12), faults[i]);
        ck_assert_int_eq(dms_xml_body_feed(body, "text", 4), faults[i]);
        ck_assert_int_eq(dms_xml_body_finish(body, &root), faults[i]);
        ck_assert_ptr_null(root);
        ck_assert_str_eq(dms_xml_body_message(body), message);
    }
}
END_TEST

START_TEST(message_tells_the_line)
{
    ck_assert_ptr_nonnull(strstr(feed_at_once("<a>\n<b>\n</a>").message, "line 3"));
    ck_assert_ptr_nonnull(strstr(feed_at_once("<a>\n\n\n\n<b c></b></a>").message, "line 5"));
    ck_assert_ptr_nonnull(strstr(feed_at_once("\n\n<!DOCTYPE a>").message, "line 3"));
    ck_assert_ptr_nonnull(strstr(feed_at_once("text").message, "line 1"));
}
END_TEST

/* --- bounds --- */

static const char *nested(int depth)
{
    return apr_pstrcat(unit_pool, unit_repeat("<a>", depth), unit_repeat("</a>", depth), NULL);
}

START_TEST(depth_is_bounded)
{
    ck_assert_int_eq(feed_at_once(nested(DMS_XML_BODY_DEPTH)).fault, DMS_XML_FINE);
    ck_assert_int_eq(feed_at_once(nested(DMS_XML_BODY_DEPTH + 1)).fault, DMS_XML_TOO_MUCH);
    ck_assert_int_eq(feed_at_once(nested(1000)).fault, DMS_XML_TOO_MUCH);
    ck_assert_int_eq(feed_at_once(unit_repeat("<a>", 1000000)).fault, DMS_XML_TOO_MUCH);
}
END_TEST

/* Depth is what is open at once, not what ever was. */
START_TEST(depth_goes_down_again)
{
    const char *one = apr_pstrcat(unit_pool, unit_repeat("<a>", DMS_XML_BODY_DEPTH - 1),
                                  unit_repeat("</a>", DMS_XML_BODY_DEPTH - 1), NULL);
    const char *xml = apr_pstrcat(unit_pool, "<r>", unit_repeat(one, 100), unit_repeat("<e/>", 300),
                                  "</r>", NULL);

    assert_tree(feed_at_once(xml), unit_canonical(xml, strlen(xml), UNIT_EXACT));
}
END_TEST

static const char *siblings(int count)
{
    return apr_pstrcat(unit_pool, "<r>", unit_repeat("<e/>", count - 1), "</r>", NULL);
}

START_TEST(elements_are_bounded)
{
    ck_assert_int_eq(feed_at_once(siblings(DMS_XML_BODY_ELEMENTS)).fault, DMS_XML_FINE);
    ck_assert_int_eq(feed_at_once(siblings(DMS_XML_BODY_ELEMENTS + 1)).fault, DMS_XML_TOO_MUCH);
}
END_TEST

static const char *with_attributes(int count)
{
    char *xml = apr_palloc(unit_pool, (apr_size_t)count * 12 + 32), *to = xml;
    int i;

    to += sprintf(to, "<r xmlns:p='urn:p'");
    for (i = 0; i < count; i++) {
        to += sprintf(to, " a%d=''", i);
    }
    sprintf(to, "/>");
    return xml;
}

START_TEST(attributes_are_bounded)
{
    ck_assert_int_eq(feed_at_once(with_attributes(DMS_XML_BODY_ATTRIBUTES)).fault, DMS_XML_FINE);
    ck_assert_int_eq(feed_at_once(with_attributes(DMS_XML_BODY_ATTRIBUTES + 1)).fault,
                     DMS_XML_TOO_MUCH);
    ck_assert_int_eq(feed_at_once(with_attributes(100000)).fault, DMS_XML_TOO_MUCH);
}
END_TEST

static const char *with_ns(int length, const char *prefix)
{
    return apr_pstrcat(unit_pool, "<", prefix, *prefix ? ":" : "", "r xmlns", *prefix ? ":" : "",
                       prefix, "='", unit_repeat("n", length), "'/>", NULL);
}

START_TEST(namespace_names_are_bounded)
{
    ck_assert_int_eq(feed_at_once(with_ns(DMS_XML_BODY_NS_LENGTH, "")).fault, DMS_XML_FINE);
    ck_assert_int_eq(feed_at_once(with_ns(DMS_XML_BODY_NS_LENGTH, "p")).fault, DMS_XML_FINE);
    ck_assert_int_eq(feed_at_once(with_ns(DMS_XML_BODY_NS_LENGTH + 1, "")).fault, DMS_XML_TOO_MUCH);
    ck_assert_int_eq(feed_at_once(with_ns(DMS_XML_BODY_NS_LENGTH + 1, "p")).fault,
                     DMS_XML_TOO_MUCH);
}
END_TEST

/* --- what a body of a megabyte can cost (httpd's default LimitXMLRequestBody) --- */

static void assert_cheap(const char *xml)
{
    apr_size_t before = unit_memory(), cost;
    clock_t start = clock(), took; /* what it costs, not how long others make it wait */
    dms_xml_body_t *body = dms_xml_body_create(unit_pool);
    dms_element_t *root;

    ck_assert_uint_le(strlen(xml), 1000000);
    dms_xml_body_feed(body, xml, strlen(xml));
    dms_xml_body_finish(body, &root);
    cost = unit_memory() - before;
    took = clock() - start;
    ck_assert_msg(cost < 64 * MIB, "%lu MiB for %lu bytes", (unsigned long)(cost / MIB),
                  (unsigned long)strlen(xml));
    ck_assert_msg(took < 10 * CLOCKS_PER_SEC, "%lu ms for %lu bytes",
                  (unsigned long)(took / (CLOCKS_PER_SEC / 1000)), (unsigned long)strlen(xml));
}

START_TEST(long_namespace_with_many_element_names_is_cheap)
{
    char *xml = apr_palloc(unit_pool, 1000000), *to = xml;
    int i;

    to += sprintf(to, "<r xmlns='%s'>", unit_repeat("n", DMS_XML_BODY_NS_LENGTH));
    for (i = 0; i < DMS_XML_BODY_ELEMENTS - 1; i++) {
        to += sprintf(to, "<a%d/>", i);
    }
    sprintf(to, "</r>");
    assert_cheap(xml);
}
END_TEST

START_TEST(long_namespace_with_many_attribute_names_is_cheap)
{
    char *xml = apr_palloc(unit_pool, 1000000), *to = xml;
    int i = 0;

    to += sprintf(to, "<r xmlns:p='%s'>", unit_repeat("n", DMS_XML_BODY_NS_LENGTH));
    while (to - xml < 990000) {
        int last = i + DMS_XML_BODY_ATTRIBUTES;

        to += sprintf(to, "<e");
        while (i < last && to - xml < 990000) {
            to += sprintf(to, " p:a%d=''", i++);
        }
        to += sprintf(to, "/>");
    }
    sprintf(to, "</r>");
    assert_cheap(xml);
}
END_TEST

START_TEST(many_attributes_are_cheap)
{
    char *xml = apr_palloc(unit_pool, 1000000), *to = xml;

    to += sprintf(to, "<r>");
    while (to - xml < 990000) {
        int i;

        to += sprintf(to, "<e");
        for (i = 0; i < 36 && to - xml < 990000; i++) {
            to += sprintf(to, " %c=''", i < 26 ? 'a' + i : 'A' + i - 26);
        }
        to += sprintf(to, "/>");
    }
    sprintf(to, "</r>");
    assert_cheap(xml);
}
END_TEST

START_TEST(many_namespaces_are_cheap)
{
    char *xml = apr_palloc(unit_pool, 1000000), *to = xml;
    int i = 0;

    to += sprintf(to, "<r");
    while (to - xml < 980000) {
        to += sprintf(to, " xmlns:n%d='u'", i++);
    }
    sprintf(to, "></r>");
    assert_cheap(xml);
}
END_TEST

START_TEST(much_mixed_text_is_cheap)
{
    assert_cheap(apr_pstrcat(unit_pool, "<r>", unit_repeat("t<e/>", 49990),
                             unit_repeat("&lt;", 150000), "</r>", NULL));
    assert_cheap(apr_pstrcat(unit_pool, "<r>", unit_repeat("t<!---->", 120000), "</r>", NULL));
    assert_cheap(apr_pstrcat(unit_pool, "<r a='", unit_repeat("&#9;", 240000), "'/>", NULL));
}
END_TEST

START_TEST(parser_is_freed_with_the_pool)
{
    apr_size_t before = 0;
    int round;

    for (round = 0; round < 2000; round++) {
        apr_pool_t *pool;
        dms_xml_body_t *body;
        dms_element_t *root;

        if (round == 200) {
            before = unit_memory();
        }
        apr_pool_create(&pool, unit_pool);
        body = dms_xml_body_create(pool);
        dms_xml_body_feed(body, "<a><b xmlns='urn:b' c='d'>t</b>", 31);
        if (round % 3 == 1) {
            dms_xml_body_feed(body, "</a>", 4);
        }
        if (round % 3) {
            dms_xml_body_finish(body, &root);
        }
        apr_pool_destroy(pool);
    }
    ck_assert_uint_le(unit_memory(), before + 64 * 1024);
}
END_TEST

/* Documents that were well-formed until a few bytes changed: a fault or a tree, never a crash, and
 * the same in one piece and byte by byte. */
START_TEST(mutilated_bodies_are_survived)
{
    int round;

    unit_random_seed((apr_uint64_t)_i + 77);
    for (round = 0; round < 1500; round++) {
        apr_pool_t *outer = unit_pool;
        outcome_t whole, bytes;
        apr_size_t length;
        char *xml;
        unsigned int i;

        apr_pool_create(&unit_pool, outer);
        xml = apr_pstrdup(unit_pool, good[unit_random(GOOD)]);
        length = strlen(xml);
        for (i = 1 + unit_random(3); i > 0; i--) {
            static const char nasty[] = "<>&;\"'=:/!?[]- \x01\xC3\xFFx";
            xml[unit_random((unsigned int)length)] = nasty[unit_random(sizeof(nasty))];
        }
        whole = feed(xml, length, 0, 0);
        bytes = feed(xml, length, 1, 1);
        ck_assert_msg(whole.fault == bytes.fault, "%d and %d: %s", whole.fault, bytes.fault, xml);
        if (whole.fault == DMS_XML_FINE) {
            const char *expected = unit_canonical(xml, length, UNIT_EXACT);
            ck_assert_ptr_nonnull(expected);
            ck_assert_str_eq(unit_canonical_elements(whole.root), expected);
            ck_assert_str_eq(unit_canonical_elements(bytes.root), expected);
            unit_assert_round_trip(NULL, whole.root);
        }
        apr_pool_destroy(unit_pool);
        unit_pool = outer;
    }
}
END_TEST

Suite *xml_body_suite(void)
{
    Suite *suite = suite_create("xml_body");
    TCase *tests = unit_case(suite, "trees", 60);

    tcase_add_test(tests, tree_is_what_was_sent);
    tcase_add_test(tests, truncated_body_is_malformed);
    tcase_add_test(tests, tree_can_be_echoed);
    tcase_add_test(tests, no_byte_at_all_is_no_fault);
    tcase_add_test(tests, empty_pieces_change_nothing);
    tcase_add_test(tests, prefixes_are_kept);
    tcase_add_test(tests, attributes_keep_their_order);
    tcase_add_test(tests, text_is_where_the_header_says);
    tcase_add_test(tests, long_text_in_small_pieces);
    tcase_add_test(tests, large_piece);
    tcase_add_test(tests, utf_16_is_xml);

    tests = unit_case(suite, "faults", 60);
    tcase_add_test(tests, malformed_body);
    tcase_add_test(tests, nul_bytes_are_malformed);
    tcase_add_test(tests, body_that_is_no_xml);
    tcase_add_test(tests, doctype_ends_the_parsing);
    tcase_add_test(tests, doctype_in_utf_16);
    tcase_add_test(tests, doctype_is_found_without_the_rest);
    tcase_add_test(tests, laughs_cost_nothing);
    tcase_add_test(tests, fault_stays_what_it_was);
    tcase_add_test(tests, message_tells_the_line);
    tcase_add_loop_test(tests, mutilated_bodies_are_survived, 0, 4);

    tests = unit_case(suite, "bounds", 120);
    tcase_add_test(tests, depth_is_bounded);
    tcase_add_test(tests, depth_goes_down_again);
    tcase_add_test(tests, elements_are_bounded);
    tcase_add_test(tests, attributes_are_bounded);
    tcase_add_test(tests, namespace_names_are_bounded);
    tcase_add_test(tests, long_namespace_with_many_element_names_is_cheap);
    tcase_add_test(tests, long_namespace_with_many_attribute_names_is_cheap);
    tcase_add_test(tests, many_attributes_are_cheap);
    tcase_add_test(tests, many_namespaces_are_cheap);
    tcase_add_test(tests, much_mixed_text_is_cheap);
    tcase_add_test(tests, parser_is_freed_with_the_pool);
    return suite;
}
