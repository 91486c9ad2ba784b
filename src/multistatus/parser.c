#include "multistatus/parser.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "multistatus/position.h"

/* Between namespace, local name and prefix in the names that Expat reports. No XML document can
 * hold it. */
#define SEPARATOR '\x01'

/* What a name costs beside its bytes, here and in Expat, which forgets none either. */
#define NAME_COST 256

#define PIECE_MAX 65536

#define LONG_MARKUP "a tag, comment or instruction that is too long"

typedef struct level_t level_t;
struct level_t {
    dms_element_t *element;
    dms_element_t *last_child;
    const dms_attribute_t *language; /* the xml:lang in force */
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

struct dms_parser_t {
    apr_pool_t *pool;
    apr_pool_t *tree; /* the same, unless it is streamed and the root has begun */
    const dms_parser_bounds_t *bounds;
    const dms_parser_hooks_t *hooks; /* NULL: not streamed */
    void *baton;
    XML_Parser expat;
    dms_parser_fault_t fault;
    dms_element_t *root;
    level_t *level;         /* the innermost element that is open */
    level_t *free;          /* levels to use again */
    apr_hash_t *namespaces; /* URI -> namespace_t */
    apr_size_t names;       /* what the names cost */
    int is_finished;
    int depth;
    int elements;      /* in this tree */
    apr_int64_t begin; /* where the streamed tree begins */
    char head[2];      /* the first bytes */
    int head_length;
    apr_int64_t fed; /* bytes in all */
    char *text;      /* character data that belongs to no element yet */
    apr_size_t text_length;
    apr_size_t text_room;
};

static apr_int64_t offset_of(const dms_parser_t *parser)
{
    return dms_position_offset(parser->expat, parser->fed);
}

void dms_parser_fail(dms_parser_t *parser, dms_xml_fault_e kind, const char *message)
{
    dms_parser_fault_t *fault = &parser->fault;

    if (fault->kind != DMS_XML_FINE) {
        return;
    }
    fault->kind = kind;
    fault->message = message;
    if (parser->expat) {
        apr_int64_t offset = offset_of(parser);

        fault->line = dms_position_line(parser->expat);
        fault->column = dms_position_column(parser->expat);
        fault->offset = offset < 0 ? 0 : (apr_uint64_t)offset; /* before the first byte: -1 */
        XML_StopParser(parser->expat, XML_FALSE);
    }
}

static int has_failed(const dms_parser_t *parser)
{
    return parser->fault.kind != DMS_XML_FINE;
}

static void count_name(dms_parser_t *parser, apr_size_t length)
{
    parser->names += length + NAME_COST;
    if (parser->bounds->names && parser->names > parser->bounds->names) {
        dms_parser_fail(parser, DMS_XML_TOO_MUCH, "too many different names");
    }
}

/* The names of a namespace; uri stands for all of them, since it may be long. */
static namespace_t *intern_namespace(dms_parser_t *parser, const char *uri, apr_size_t length)
{
    namespace_t *ns = apr_hash_get(parser->namespaces, uri, (apr_ssize_t)length);

    if (!ns) {
        ns = apr_pcalloc(parser->pool, sizeof(*ns));
        ns->uri = apr_pstrmemdup(parser->pool, uri, length);
        if (!strcmp(ns->uri, DMS_NS_DAV)) {
            ns->uri = DMS_NS_DAV;
        }
        ns->names = apr_hash_make(parser->pool);
        apr_hash_set(parser->namespaces, ns->uri, (apr_ssize_t)length, ns);
        count_name(parser, length);
    }
    return ns;
}

/* Finds or adds "local SEPARATOR prefix", of which only local is always there. */
static const known_name_t *intern_in(dms_parser_t *parser, namespace_t *ns, const char *reported)
{
    known_name_t *known = apr_hash_get(ns->names, reported, APR_HASH_KEY_STRING);
    const char *separator;

    if (known) {
        return known;
    }
    known = apr_pcalloc(parser->pool, sizeof(*known));
    reported = apr_pstrdup(parser->pool, reported);
    separator = strchr(reported, SEPARATOR);
    known->prefix = separator ? separator + 1 : NULL;
    known->name.ns = ns->uri;
    known->name.length = separator ? (apr_size_t)(separator - reported) : strlen(reported);
    known->name.local = apr_pstrmemdup(parser->pool, reported, known->name.length);
    apr_hash_set(ns->names, reported, APR_HASH_KEY_STRING, known);
    count_name(parser, 2 * known->name.length);
    return known;
}

/* Takes "ns SEPARATOR local SEPARATOR prefix" apart, of which only local is always there. Expat has
 * seen to it that each is what it has to be. */
static const known_name_t *intern(dms_parser_t *parser, const char *reported)
{
    const char *first = strchr(reported, SEPARATOR), *rest = first ? first + 1 : reported;
    apr_size_t length = first ? (apr_size_t)(first - reported) : 0;

    return intern_in(parser, intern_namespace(parser, reported, length), rest);
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
static void settle_text(dms_parser_t *parser)
{
    char *text;

    if (!parser->text_length) {
        return;
    }
    text = apr_pstrmemdup(parser->tree, parser->text, parser->text_length);
    parser->text_length = 0;
    if (parser->level->last_child) {
        dms_element_t *run = apr_pcalloc(parser->tree, sizeof(*run));
        run->text = text;
        append_child(parser->level, run);
    }
    else {
        parser->level->element->text = text;
    }
}

static const dms_attribute_t *read_attributes(dms_parser_t *parser, const char **pairs)
{
    const dms_attribute_t *first = NULL, **link = &first;
    int count;

    for (count = 0; pairs[0]; pairs += 2, count++) {
        dms_attribute_t *attribute;
        const known_name_t *known;

        if (count == parser->bounds->attributes) {
            dms_parser_fail(parser, DMS_XML_TOO_MUCH, "too many attributes");
            return NULL;
        }
        known = intern(parser, pairs[0]);
        attribute = apr_pcalloc(parser->tree, sizeof(*attribute));
        attribute->name = &known->name;
        attribute->value = apr_pstrdup(parser->tree, pairs[1]);
        *link = attribute;
        link = &attribute->next;
    }
    return first;
}

/* Whether the streamed tree is still of a size that is allowed, with what Expat reports. */
static int is_tree_within_bounds(dms_parser_t *parser)
{
    apr_int64_t end = offset_of(parser) + dms_position_length(parser->expat);

    if (parser->bounds->tree && parser->depth > 1
        && end - parser->begin > (apr_int64_t)parser->bounds->tree) {
        dms_parser_fail(parser, DMS_XML_TOO_MUCH, "a child of the root that is too long");
        return 0;
    }
    return 1;
}

/* The same for a tag, comment or instruction. */
static int is_markup_within_bounds(dms_parser_t *parser)
{
    apr_int64_t size = dms_position_length(parser->expat);

    if (parser->bounds->markup && size > (apr_int64_t)parser->bounds->markup) {
        dms_parser_fail(parser, DMS_XML_TOO_MUCH, LONG_MARKUP);
        return 0;
    }
    return is_tree_within_bounds(parser);
}

static void push(dms_parser_t *parser, dms_element_t *element)
{
    level_t *level = parser->free;

    if (level) {
        parser->free = level->outer;
    }
    else {
        level = apr_palloc(parser->pool, sizeof(*level));
    }
    level->element = element;
    level->last_child = NULL;
    level->language = dms_element_language(element, dms_parser_language(parser));
    level->outer = parser->level;
    parser->level = level;
    parser->depth++;
}

static void pop(dms_parser_t *parser)
{
    level_t *level = parser->level;

    parser->level = level->outer;
    level->outer = parser->free;
    parser->free = level;
    parser->depth--;
}

/* Puts an element into its place in the tree; one that is streamed begins its own. */
static void place(dms_parser_t *parser, dms_element_t *element)
{
    if (!parser->level) {
        parser->root = element;
        if (parser->hooks) {
            apr_pool_create(&parser->tree, parser->pool);
            apr_pool_tag(parser->tree, "dms_parser_tree");
        }
    }
    else if (parser->hooks && parser->depth == 1) {
        parser->begin = offset_of(parser);
        parser->elements = 1;
    }
    else {
        append_child(parser->level, element);
    }
}

static void XMLCALL on_start(void *baton, const char *reported, const char **pairs)
{
    dms_parser_t *parser = baton;
    const known_name_t *known;
    dms_element_t *element;

    if (has_failed(parser) || !is_markup_within_bounds(parser)) {
        return;
    }
    if (parser->depth == parser->bounds->depth) {
        dms_parser_fail(parser, DMS_XML_TOO_MUCH, "elements nested too deep");
        return;
    }
    if (++parser->elements > parser->bounds->elements) {
        dms_parser_fail(parser, DMS_XML_TOO_MUCH, "too many elements");
        return;
    }
    known = intern(parser, reported);
    settle_text(parser);
    element = apr_pcalloc(parser->tree, sizeof(*element));
    element->name = &known->name;
    element->prefix = known->prefix;
    element->attributes = read_attributes(parser, pairs);
    place(parser, element);
    push(parser, element);
    if (parser->hooks && !has_failed(parser)) {
        parser->hooks->start(parser->baton, element, parser->depth);
    }
}

/* Forgets the tree that has ended. */
static void clear(dms_parser_t *parser)
{
    apr_pool_clear(parser->tree);
    parser->text = NULL;
    parser->text_room = 0;
}

static void XMLCALL on_end(void *baton, const char *reported)
{
    dms_parser_t *parser = baton;

    if (has_failed(parser) || !is_markup_within_bounds(parser)) {
        return;
    }
    settle_text(parser);
    if (parser->hooks) {
        parser->hooks->end(parser->baton, parser->level->element, parser->depth);
    }
    pop(parser);
    if (parser->hooks && parser->depth == 1) {
        clear(parser);
    }
}

static void XMLCALL on_text(void *baton, const char *text, int length)
{
    dms_parser_t *parser = baton;
    apr_size_t needed = parser->text_length + (apr_size_t)length;

    if (has_failed(parser) || (parser->hooks && parser->depth == 1)
        || !is_tree_within_bounds(parser)) {
        return;
    }
    if (parser->bounds->text && needed > parser->bounds->text) {
        dms_parser_fail(parser, DMS_XML_TOO_MUCH, "a text that is too long");
        return;
    }
    if (needed > parser->text_room) {
        apr_size_t room = needed < 256 ? 256 : needed * 2;
        char *larger = apr_palloc(parser->tree, room);

        if (parser->text_length) {
            memcpy(larger, parser->text, parser->text_length);
        }
        parser->text = larger;
        parser->text_room = room;
    }
    memcpy(parser->text + parser->text_length, text, (apr_size_t)length);
    parser->text_length = needed;
}

static void XMLCALL on_comment(void *baton, const char *text)
{
    dms_parser_t *parser = baton;

    if (!has_failed(parser)) {
        is_markup_within_bounds(parser);
    }
}

static void XMLCALL on_instruction(void *baton, const char *target, const char *text)
{
    on_comment(baton, text);
}

static void XMLCALL on_namespace(void *baton, const char *prefix, const char *uri)
{
    dms_parser_t *parser = baton;

    if (has_failed(parser)) {
        return;
    }
    if (uri && strlen(uri) > parser->bounds->ns_length) {
        dms_parser_fail(parser, DMS_XML_TOO_MUCH, "a namespace name that is too long");
    }
    else if (prefix) { /* only to count it */
        intern_in(parser, intern_namespace(parser, DMS_NS_XMLNS, strlen(DMS_NS_XMLNS)), prefix);
    }
}

static void XMLCALL on_doctype(void *baton, const char *name, const char *system,
                               const char *public, int has_internal_subset)
{
    dms_parser_fail(baton, DMS_XML_DOCTYPE, "a document type declaration");
}

static apr_status_t free_expat(void *expat)
{
    XML_ParserFree(expat);
    return APR_SUCCESS;
}

dms_parser_t *dms_parser_create(apr_pool_t *pool, const dms_parser_bounds_t *bounds,
                                const dms_parser_hooks_t *hooks, void *baton)
{
    dms_parser_t *parser = apr_pcalloc(pool, sizeof(*parser));

    parser->pool = parser->tree = pool;
    parser->bounds = bounds;
    parser->hooks = hooks;
    parser->baton = baton;
    parser->namespaces = apr_hash_make(pool);
    parser->expat = XML_ParserCreateNS(NULL, SEPARATOR);
    if (!parser->expat) {
        dms_parser_fail(parser, DMS_XML_TOO_MUCH, "no memory for a parser");
        return parser;
    }
    apr_pool_cleanup_register(pool, parser->expat, free_expat, apr_pool_cleanup_null);
    XML_SetReturnNSTriplet(parser->expat, 1);
    XML_SetUserData(parser->expat, parser);
    XML_SetElementHandler(parser->expat, on_start, on_end);
    XML_SetCharacterDataHandler(parser->expat, on_text);
    XML_SetCommentHandler(parser->expat, on_comment);
    XML_SetProcessingInstructionHandler(parser->expat, on_instruction);
    XML_SetStartNamespaceDeclHandler(parser->expat, on_namespace);
    XML_SetStartDoctypeDeclHandler(parser->expat, on_doctype);
    return parser;
}

/* Whether Expat says that the document is not all there. */
static int is_cut(enum XML_Error error)
{
    return error == XML_ERROR_NO_ELEMENTS || error == XML_ERROR_UNCLOSED_TOKEN
           || error == XML_ERROR_PARTIAL_CHAR || error == XML_ERROR_UNCLOSED_CDATA_SECTION;
}

/* What Expat has not reported yet is part of one tag, comment or instruction, which it keeps. Newer
 * versions wait until there is twice as much before they look again; so this bound is not sharp,
 * and what is found too long once it is whole is. */
static void check_pending(dms_parser_t *parser)
{
    if (parser->bounds->markup
        && parser->fed - offset_of(parser) > 2 * (apr_int64_t)parser->bounds->markup) {
        dms_parser_fail(parser, DMS_XML_TOO_MUCH, LONG_MARKUP);
    }
}

static void parse(dms_parser_t *parser, const char *bytes, int length, int is_final)
{
    parser->fed += length;
    if (XML_Parse(parser->expat, bytes, length, is_final) == XML_STATUS_ERROR) {
        enum XML_Error error = XML_GetErrorCode(parser->expat);

        parser->fault.is_cut = is_final && !has_failed(parser) && is_cut(error);
        dms_parser_fail(parser, DMS_XML_MALFORMED, XML_ErrorString(error));
    }
    else if (!is_final) {
        check_pending(parser);
    }
}

/* Expat guesses the encoding from the first two bytes, and wrongly where it sees only one. Returns
 * how many bytes have been taken. */
static apr_size_t begin(dms_parser_t *parser, const char *bytes, apr_size_t length)
{
    apr_size_t taken = 0;

    while (taken < length && parser->head_length < (int)sizeof(parser->head)) {
        parser->head[parser->head_length++] = bytes[taken++];
    }
    if (taken && parser->head_length == (int)sizeof(parser->head)) {
        parse(parser, parser->head, parser->head_length, 0);
    }
    return taken;
}

void dms_parser_feed(dms_parser_t *parser, const char *bytes, apr_size_t length)
{
    if (!has_failed(parser)) {
        apr_size_t taken = begin(parser, bytes, length);

        bytes += taken;
        length -= taken;
    }
    while (length && !has_failed(parser)) {
        int part = length > PIECE_MAX ? PIECE_MAX : (int)length;

        parse(parser, bytes, part, 0);
        bytes += part;
        length -= (apr_size_t)part;
    }
}

void dms_parser_finish(dms_parser_t *parser)
{
    if (!has_failed(parser) && !parser->is_finished) {
        int is_short = parser->head_length < (int)sizeof(parser->head);

        parser->is_finished = 1;
        parse(parser, parser->head, is_short ? parser->head_length : 0, 1);
    }
}

const dms_parser_fault_t *dms_parser_fault(const dms_parser_t *parser)
{
    return &parser->fault;
}

dms_element_t *dms_parser_root(const dms_parser_t *parser)
{
    return parser->root;
}

apr_pool_t *dms_parser_pool(const dms_parser_t *parser)
{
    return parser->tree;
}

const dms_attribute_t *dms_parser_language(const dms_parser_t *parser)
{
    return parser->level ? parser->level->language : NULL;
}
