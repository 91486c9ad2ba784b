#include "request/xml_body.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <expat.h>

/* Between namespace, local name and prefix in the names that Expat reports. No XML document can
 * hold it. */
#define SEPARATOR '\x01'

typedef struct level_t level_t;
struct level_t {
    dms_element_t *element;
    dms_element_t *last_child;
    level_t *outer;
};

/* A name as Expat has reported it. */
typedef struct known_name_t {
    dms_name_t name;
    const char *prefix;
} known_name_t;

typedef struct namespace_t {
    const char *uri;
    apr_hash_t *names; /* "local SEPARATOR prefix" -> known_name_t */
} namespace_t;

struct dms_xml_body_t {
    apr_pool_t *pool;
    XML_Parser parser;
    dms_xml_fault_e fault;
    const char *message;
    int begun;
    dms_element_t *root;
    level_t *level;         /* the innermost element that is open */
    level_t *free;          /* levels to use again */
    apr_hash_t *namespaces; /* URI -> namespace_t */
    int depth;
    int elements;
    char *text; /* character data that belongs to no element yet */
    apr_size_t text_length;
    apr_size_t text_room;
};

static void fail(dms_xml_body_t *body, dms_xml_fault_e fault, const char *message)
{
    if (body->fault == DMS_XML_FINE) {
        body->fault = fault;
        body->message = apr_psprintf(body->pool, "%s (line %lu)", message,
                                     (unsigned long)XML_GetCurrentLineNumber(body->parser));
        XML_StopParser(body->parser, XML_FALSE);
    }
}

/* The names of a namespace; uri stands for all of them, since it may be long. */
static namespace_t *intern_namespace(dms_xml_body_t *body, const char *uri, apr_size_t length)
{
    namespace_t *ns = apr_hash_get(body->namespaces, uri, (apr_ssize_t)length);

    if (!ns) {
        ns = apr_pcalloc(body->pool, sizeof(*ns));
        ns->uri = apr_pstrmemdup(body->pool, uri, length);
        if (!strcmp(ns->uri, DMS_NS_DAV)) {
            ns->uri = DMS_NS_DAV;
        }
        ns->names = apr_hash_make(body->pool);
        apr_hash_set(body->namespaces, ns->uri, (apr_ssize_t)length, ns);
    }
    return ns;
}

/* Takes "ns SEPARATOR local SEPARATOR prefix" apart, of which only local is always there. Expat has
 * seen to it that each is what it has to be. */
static const known_name_t *intern(dms_xml_body_t *body, const char *reported)
{
    const char *first = strchr(reported, SEPARATOR), *rest = first ? first + 1 : reported, *second;
    namespace_t *ns = intern_namespace(body, reported, first ? (apr_size_t)(first - reported) : 0);
    known_name_t *known = apr_hash_get(ns->names, rest, APR_HASH_KEY_STRING);

    if (known) {
        return known;
    }
    known = apr_pcalloc(body->pool, sizeof(*known));
    rest = apr_pstrdup(body->pool, rest);
    second = strchr(rest, SEPARATOR);
    known->prefix = second ? second + 1 : NULL;
    known->name.ns = ns->uri;
    known->name.length = second ? (apr_size_t)(second - rest) : strlen(rest);
    known->name.local = apr_pstrmemdup(body->pool, rest, known->name.length);
    apr_hash_set(ns->names, rest, APR_HASH_KEY_STRING, known);
    return known;
}

static void append_child(level_t *level, dms_element_t *child)
{
    if (level->last_child) {
        level->last_child->next = child;
    }
    else {
        level->element->children = child;
    }
    level->last_child = child;
}

/* Gives the character data that has gathered to the open element: before its first child as its
 * text, later as a nameless child. */
static void settle_text(dms_xml_body_t *body)
{
    char *text;

    if (!body->text_length || !body->level) {
        body->text_length = 0;
        return;
    }
    text = apr_pstrmemdup(body->pool, body->text, body->text_length);
    body->text_length = 0;
    if (body->level->last_child) {
        dms_element_t *run = apr_pcalloc(body->pool, sizeof(*run));
        run->text = text;
        append_child(body->level, run);
    }
    else {
        body->level->element->text = text;
    }
}

static const dms_attribute_t *read_attributes(dms_xml_body_t *body, const char **pairs)
{
    const dms_attribute_t *first = NULL, **link = &first;
    int count;

    for (count = 0; pairs[0]; pairs += 2, count++) {
        dms_attribute_t *attribute;
        const known_name_t *known;

        if (count == DMS_XML_BODY_ATTRIBUTES) {
            fail(body, DMS_XML_TOO_MUCH, "too many attributes");
            return NULL;
        }
        known = intern(body, pairs[0]);
        attribute = apr_pcalloc(body->pool, sizeof(*attribute));
        attribute->name = &known->name;
        attribute->value = apr_pstrdup(body->pool, pairs[1]);
        *link = attribute;
        link = &attribute->next;
    }
    return first;
}

static void push(dms_xml_body_t *body, dms_element_t *element)
{
    level_t *level = body->free;

    if (level) {
        body->free = level->outer;
    }
    else {
        level = apr_palloc(body->pool, sizeof(*level));
    }
    level->element = element;
    level->last_child = NULL;
    level->outer = body->level;
    body->level = level;
    body->depth++;
}

static void XMLCALL on_start(void *baton, const char *reported, const char **pairs)
{
    dms_xml_body_t *body = baton;
    const known_name_t *known;
    dms_element_t *element;

    if (body->fault != DMS_XML_FINE) {
        return;
    }
    if (body->depth == DMS_XML_BODY_DEPTH) {
        fail(body, DMS_XML_TOO_MUCH, "elements nested too deep");
        return;
    }
    if (++body->elements > DMS_XML_BODY_ELEMENTS) {
        fail(body, DMS_XML_TOO_MUCH, "too many elements");
        return;
    }
    known = intern(body, reported);
    settle_text(body);
    element = apr_pcalloc(body->pool, sizeof(*element));
    element->name = &known->name;
    element->prefix = known->prefix;
    element->attributes = read_attributes(body, pairs);
    if (body->level) {
        append_child(body->level, element);
    }
    else {
        body->root = element;
    }
    push(body, element);
}

static void XMLCALL on_end(void *baton, const char *reported)
{
    dms_xml_body_t *body = baton;
    level_t *level = body->level;

    if (body->fault != DMS_XML_FINE) {
        return;
    }
    settle_text(body);
    body->level = level->outer;
    level->outer = body->free;
    body->free = level;
    body->depth--;
}

static void XMLCALL on_text(void *baton, const char *text, int length)
{
    dms_xml_body_t *body = baton;
    apr_size_t needed = body->text_length + (apr_size_t)length;

    if (needed > body->text_room) {
        apr_size_t room = needed < 256 ? 256 : needed * 2;
        char *larger = apr_palloc(body->pool, room);

        if (body->text_length) {
            memcpy(larger, body->text, body->text_length);
        }
        body->text = larger;
        body->text_room = room;
    }
    memcpy(body->text + body->text_length, text, (apr_size_t)length);
    body->text_length = needed;
}

static void XMLCALL on_namespace(void *baton, const char *prefix, const char *uri)
{
    if (uri && strlen(uri) > DMS_XML_BODY_NS_LENGTH) {
        fail(baton, DMS_XML_TOO_MUCH, "a namespace name that is too long");
    }
}

static void XMLCALL on_doctype(void *baton, const char *name, const char *system,
                               const char *public, int has_internal_subset)
{
    fail(baton, DMS_XML_DOCTYPE, "a document type declaration");
}

static apr_status_t free_parser(void *parser)
{
    XML_ParserFree(parser);
    return APR_SUCCESS;
}

dms_xml_body_t *dms_xml_body_create(apr_pool_t *pool)
{
    dms_xml_body_t *body = apr_pcalloc(pool, sizeof(*body));

    body->pool = pool;
    body->namespaces = apr_hash_make(pool);
    body->parser = XML_ParserCreateNS(NULL, SEPARATOR);
    if (!body->parser) {
        body->fault = DMS_XML_TOO_MUCH;
        body->message = "no memory for a parser";
        return body;
    }
    apr_pool_cleanup_register(pool, body->parser, free_parser, apr_pool_cleanup_null);
    XML_SetReturnNSTriplet(body->parser, 1);
    XML_SetUserData(body->parser, body);
    XML_SetElementHandler(body->parser, on_start, on_end);
    XML_SetCharacterDataHandler(body->parser, on_text);
    XML_SetStartNamespaceDeclHandler(body->parser, on_namespace);
    XML_SetStartDoctypeDeclHandler(body->parser, on_doctype);
    return body;
}

/* Whether a body could be XML by its first byte: markup, white space, or the first half of a byte
 * order mark or of a UTF-16 character. */
static int may_be_xml(char first)
{
    return strchr("< \t\r\n\xEF\xFE\xFF", first) != NULL; /* NUL, too */
}

static void parse(dms_xml_body_t *body, const char *bytes, apr_size_t length, int is_final)
{
    while (body->fault == DMS_XML_FINE) {
        int part = length > 65536 ? 65536 : (int)length;
        int last = is_final && (apr_size_t)part == length;

        if (XML_Parse(body->parser, bytes, part, last) == XML_STATUS_ERROR) {
            fail(body, DMS_XML_MALFORMED, XML_ErrorString(XML_GetErrorCode(body->parser)));
        }
        bytes += part;
        length -= (apr_size_t)part;
        if (!length) {
            break;
        }
    }
}

dms_xml_fault_e dms_xml_body_feed(dms_xml_body_t *body, const char *bytes, apr_size_t length)
{
    if (length && body->fault == DMS_XML_FINE) {
        if (!body->begun && !may_be_xml(*bytes)) {
            fail(body, DMS_XML_NOT_XML, "the body is not XML");
        }
        body->begun = 1;
        parse(body, bytes, length, 0);
    }
    return body->fault;
}

dms_xml_fault_e dms_xml_body_finish(dms_xml_body_t *body, dms_element_t **root)
{
    if (body->begun) {
        parse(body, "", 0, 1);
    }
    *root = body->fault == DMS_XML_FINE ? body->root : NULL;
    return body->fault;
}

const char *dms_xml_body_message(const dms_xml_body_t *body)
{
    return body->message;
}
