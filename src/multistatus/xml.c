#include "multistatus/xml.h"

#include <stdio.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* A namespace that an element which is still open has declared. */
typedef struct scope_t scope_t;
struct scope_t {
    const char *ns;
    const char *prefix;
    const scope_t *outer;
};

typedef struct output_t {
    dms_buffer_t *buffer;
    const dms_prefixes_t *prefixes;
} output_t;

#define PUT(out, literal) dms_buffer_put((out), (literal), sizeof(literal) - 1)

/* Where a byte stands for itself: in text, in an attribute, and in an href, which has to be a URI
 * reference (RFC 3986, section 2) and XML. */
enum { IN_TEXT = 1, IN_ATTRIBUTE = 2, IN_HREF = 4 };

/* clang-format off */
static const unsigned char plain[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    3, 7, 1, 7, 7, 3, 0, 7, 7, 7, 7, 7, 7, 7, 7, 7, /*  !"#$%&'()*+,-./ */
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0, 7, 0, 7, /* 0123456789:;<=>? */
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, /* @ABCDEFGHIJKLMNO */
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 3, 7, 3, 7, /* PQRSTUVWXYZ[\]^_ */
    3, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, /* `abcdefghijklmno */
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 3, 3, 3, 7, 0, /* pqrstuvwxyz{|}~  */
};
/* clang-format on */

/* Skips what stands for itself. */
static const char *skip_plain(const char *text, int where)
{
    while (plain[(unsigned char)*text] & where) {
        text++;
    }
    return text;
}

/* The reference that stands for an ASCII character, or NULL where it stands for itself. */
static const char *reference(char c, int in_attribute)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return in_attribute ? "&quot;" : NULL;
    case '\t':
        return in_attribute ? "&#9;" : NULL;
    case '\n':
        return in_attribute ? "&#10;" : NULL;
    case '\r': /* a parser would make it a newline */
        return "&#13;";
    default:
        return NULL;
    }
}

static void put_escaped(dms_buffer_t *out, const char *text, int in_attribute)
{
    const char *run = text;

    for (;;) {
        const char *instead;
        apr_size_t length;

        text = skip_plain(text, in_attribute ? IN_ATTRIBUTE : IN_TEXT);
        if (!*text) {
            break;
        }
        length = dms_char_length(text);
        instead = length == 1 ? reference(*text, in_attribute) : NULL;
        if (!length) {
            instead = "\xEF\xBF\xBD"; /* U+FFFD */
            length = 1;
        }
        if (instead) {
            dms_buffer_put(out, run, (apr_size_t)(text - run));
            dms_buffer_puts(out, instead);
            run = text + length;
        }
        text += length;
    }
    dms_buffer_put(out, run, (apr_size_t)(text - run));
}

void dms_xml_text(dms_buffer_t *out, const char *text)
{
    put_escaped(out, text, 0);
}

void dms_prefixes_add(dms_prefixes_t *prefixes, const char *ns)
{
    int i;

    if (!*ns || !strcmp(ns, DMS_NS_DAV) || !strcmp(ns, DMS_NS_XML) || !strcmp(ns, DMS_NS_XMLNS)
        || prefixes->count == DMS_PREFIXES_MAX) {
        return;
    }
    for (i = 0; i < prefixes->count; i++) {
        if (!strcmp(prefixes->list[i].ns, ns)) {
            return;
        }
    }
    prefixes->list[i].ns = ns;
    snprintf(prefixes->list[i].prefix, sizeof(prefixes->list[i].prefix), "ns%d", i);
    prefixes->count++;
}

static void put_declaration(dms_buffer_t *out, const char *prefix, const char *ns)
{
    PUT(out, " xmlns:");
    dms_buffer_puts(out, prefix);
    PUT(out, "=\"");
    put_escaped(out, ns, 1);
    PUT(out, "\"");
}

void dms_xml_begin(dms_buffer_t *out, const dms_prefixes_t *prefixes, const char *root)
{
    int i;

    PUT(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:");
    dms_buffer_puts(out, root);
    PUT(out, " xmlns:D=\"DAV:\"");
    for (i = 0; prefixes && i < prefixes->count; i++) {
        put_declaration(out, prefixes->list[i].prefix, prefixes->list[i].ns);
    }
    PUT(out, ">");
}

void dms_xml_start(dms_buffer_t *out, const char *local)
{
    PUT(out, "<D:");
    dms_buffer_puts(out, local);
    PUT(out, ">");
}

void dms_xml_end(dms_buffer_t *out, const char *local)
{
    PUT(out, "</D:");
    dms_buffer_puts(out, local);
    PUT(out, ">");
}

/* The prefix that is bound to ns here, "" for no namespace, or NULL where it must be declared. */
static const char *bound_prefix(const output_t *out, const scope_t *scope, const char *ns)
{
    const scope_t *s, *inner;
    int i;

    if (!strcmp(ns, DMS_NS_DAV)) {
        return "D";
    }
    if (!*ns) {
        return "";
    }
    for (i = 0; out->prefixes && i < out->prefixes->count; i++) {
        if (!strcmp(out->prefixes->list[i].ns, ns)) {
            return out->prefixes->list[i].prefix;
        }
    }
    for (s = scope; s; s = s->outer) {
        if (strcmp(s->ns, ns)) {
            continue;
        }
        for (inner = scope; inner != s && strcmp(inner->prefix, s->prefix); inner = inner->outer) {
        }
        if (inner == s) {
            return s->prefix;
        }
    }
    return strcmp(ns, DMS_NS_XML) ? NULL : "xml";
}

/* The prefix to declare for an element's own namespace: the one that its author chose, unless it
 * has a meaning on the root already. */
static const char *own_prefix(const dms_element_t *element)
{
    const char *hint = element->prefix;

    if (!hint || !*hint || !strcmp(hint, "D") || !strncmp(hint, "ns", 2)
        || ((hint[0] | 0x20) == 'x' && (hint[1] | 0x20) == 'm' && (hint[2] | 0x20) == 'l')) {
        return "x";
    }
    return hint;
}

/* Attributes declare their namespaces one by one, with prefixes that no element uses. */
static void put_attributes(output_t *out, const dms_attribute_t *attribute)
{
    int count = 0;

    for (; attribute; attribute = attribute->next) {
        char prefix[16] = "";

        if (!*attribute->name->ns && !strcmp(attribute->name->local, "xmlns")) {
            continue; /* would be a declaration */
        }
        if (!strcmp(attribute->name->ns, DMS_NS_XML)) {
            strcpy(prefix, "xml");
        }
        else if (*attribute->name->ns) {
            snprintf(prefix, sizeof(prefix), "ns-a%d", count++);
            put_declaration(out->buffer, prefix, attribute->name->ns);
        }
        PUT(out->buffer, " ");
        if (*prefix) {
            dms_buffer_puts(out->buffer, prefix);
            PUT(out->buffer, ":");
        }
        dms_buffer_put(out->buffer, attribute->name->local, attribute->name->length);
        PUT(out->buffer, "=\"");
        put_escaped(out->buffer, attribute->value, 1);
        PUT(out->buffer, "\"");
    }
}

static void put_tag_name(dms_buffer_t *out, const char *prefix, const dms_name_t *name)
{
    if (*prefix) {
        dms_buffer_puts(out, prefix);
        PUT(out, ":");
    }
    dms_buffer_put(out, name->local, name->length);
}

const dms_tags_t *dms_xml_tags(apr_pool_t *pool, const dms_prefixes_t *prefixes,
                               const dms_name_t *name)
{
    const output_t out = {NULL, prefixes};
    const char *prefix = bound_prefix(&out, NULL, name->ns), *tag;
    dms_tags_t *tags;

    if (!prefix) {
        return NULL;
    }
    tag = *prefix ? apr_pstrcat(pool, prefix, ":", name->local, NULL) : name->local;
    tags = apr_palloc(pool, sizeof(*tags));
    tags->start = apr_pstrcat(pool, "<", tag, ">", NULL);
    tags->end = apr_pstrcat(pool, "</", tag, ">", NULL);
    tags->empty = apr_pstrcat(pool, "<", tag, "/>", NULL);
    tags->start_length = strlen(tags->start);
    tags->end_length = tags->empty_length = tags->start_length + 1;
    return tags;
}

static void put_elements(output_t *out, const scope_t *scope, const dms_element_t *element);

static void put_tagged(output_t *out, const scope_t *scope, const dms_element_t *element)
{
    const dms_tags_t *tags = element->tags;

    if (!element->text && !element->children) {
        dms_buffer_put(out->buffer, tags->empty, tags->empty_length);
        return;
    }
    dms_buffer_put(out->buffer, tags->start, tags->start_length);
    if (element->text) {
        dms_xml_text(out->buffer, element->text);
    }
    put_elements(out, scope, element->children);
    dms_buffer_put(out->buffer, tags->end, tags->end_length);
}

static void put_element(output_t *out, const scope_t *outer, const dms_element_t *element)
{
    const dms_name_t *name = element->name;
    const char *prefix = bound_prefix(out, outer, name->ns);
    const scope_t *scope = outer;
    scope_t own;

    PUT(out->buffer, "<");
    if (prefix) {
        put_tag_name(out->buffer, prefix, name);
    }
    else {
        own.ns = name->ns;
        own.prefix = prefix = own_prefix(element);
        own.outer = outer;
        scope = &own;
        put_tag_name(out->buffer, prefix, name);
        put_declaration(out->buffer, prefix, name->ns);
    }
    put_attributes(out, element->attributes);
    if (!element->text && !element->children) {
        PUT(out->buffer, "/>");
        return;
    }
    PUT(out->buffer, ">");
    if (element->text) {
        dms_xml_text(out->buffer, element->text);
    }
    put_elements(out, scope, element->children);
    PUT(out->buffer, "</");
    put_tag_name(out->buffer, prefix, name);
    PUT(out->buffer, ">");
}

static void put_elements(output_t *out, const scope_t *scope, const dms_element_t *element)
{
    for (; element; element = element->next) {
        if (element->markup) {
            dms_buffer_puts(out->buffer, element->markup);
        }
        else if (element->tags && !element->attributes) {
            put_tagged(out, scope, element);
        }
        else if (element->name) {
            put_element(out, scope, element);
        }
        else if (element->text) {
            dms_xml_text(out->buffer, element->text);
        }
    }
}

void dms_xml_elements(dms_buffer_t *out, const dms_prefixes_t *prefixes, const dms_element_t *first)
{
    output_t output = {out, prefixes};

    put_elements(&output, NULL, first);
}

static apr_status_t keep(void *kept, apr_bucket_brigade *bb, int flush)
{
    APR_BRIGADE_CONCAT((apr_bucket_brigade *)kept, bb);
    return APR_SUCCESS;
}

/* A buffer whose bytes become a string. */
static apr_bucket_brigade *begin_string(dms_buffer_t *out, apr_pool_t *pool)
{
    apr_bucket_alloc_t *alloc = apr_bucket_alloc_create(pool);
    apr_bucket_brigade *kept = apr_brigade_create(pool, alloc);

    dms_buffer_init(out, pool, alloc, keep, kept);
    return kept;
}

static const char *end_string(dms_buffer_t *out, apr_bucket_brigade *kept, apr_pool_t *pool)
{
    apr_size_t length;
    char *text;

    dms_buffer_put(out, "", 1); /* the terminating NUL */
    dms_buffer_pass(out, 0);
    apr_brigade_pflatten(kept, &text, &length, pool);
    apr_brigade_cleanup(kept);
    return text;
}

const char *dms_xml_fragment(apr_pool_t *pool, const dms_element_t *element)
{
    dms_element_t alone = *element;
    dms_buffer_t out;
    apr_bucket_brigade *kept = begin_string(&out, pool);

    alone.next = NULL;
    dms_xml_elements(&out, NULL, &alone);
    return end_string(&out, kept, pool);
}

/* Puts what can't stand for itself in an href. Returns how much of the URI that was. */
static apr_size_t put_special(dms_buffer_t *out, const char *uri)
{
    char escape[4] = {'%', '\0', '\0', '\0'};

    if (*uri == '&') {
        PUT(out, "&amp;");
        return 1;
    }
    if (*uri == '%' && apr_isxdigit(uri[1]) && apr_isxdigit(uri[2])) {
        escape[1] = (char)apr_toupper(uri[1]);
        escape[2] = (char)apr_toupper(uri[2]);
        dms_buffer_put(out, escape, 3);
        return 3;
    }
    if (*uri == '%') {
        PUT(out, "%");
        return 1;
    }
    snprintf(escape, sizeof(escape), "%%%02X", (unsigned char)*uri);
    dms_buffer_put(out, escape, 3);
    return 1;
}

void dms_xml_href(dms_buffer_t *out, const char *uri)
{
    const char *run;

    PUT(out, "<D:href>");
    for (;;) {
        run = uri;
        uri = skip_plain(uri, IN_HREF);
        dms_buffer_put(out, run, (apr_size_t)(uri - run));
        if (!*uri) {
            break;
        }
        uri += put_special(out, uri);
    }
    PUT(out, "</D:href>");
}

const char *dms_uri_upper(apr_pool_t *pool, const char *escaped)
{
    char *uri = apr_pstrdup(pool, escaped), *c;

    for (c = uri; (c = strchr(c, '%')) != NULL; c += 3) {
        c[1] = (char)apr_toupper(c[1]);
        c[2] = (char)apr_toupper(c[2]);
    }
    return uri;
}

void dms_xml_document(dms_buffer_t *out, const char *root, const dms_element_t *elements,
                      const char *description)
{
    static const dms_name_t human_readable = DMS_NAME("http://apache.org/dav/xmlns",
                                                      "human-readable");
    dms_element_t message = {.name = &human_readable, .prefix = "m", .text = description};

    dms_xml_begin(out, NULL, root);
    dms_xml_elements(out, NULL, elements);
    if (description) {
        dms_xml_elements(out, NULL, &message);
    }
    dms_xml_end(out, root);
    PUT(out, "\n");
}

const char *dms_xml_document_string(apr_pool_t *pool, const char *root,
                                    const dms_element_t *elements, const char *description)
{
    dms_buffer_t out;
    apr_bucket_brigade *kept = begin_string(&out, pool);

    dms_xml_document(&out, root, elements, description);
    return end_string(&out, kept, pool);
}
