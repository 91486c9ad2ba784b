/*
 * XML in: Expat, bounded, and the elements that come of it.
 *
 * A parser is fed with pieces cut at any byte. What hostile XML could make dear is bounded. A
 * document type declaration ends the parsing at once (RFC 4918, section 20.6), so no entity can be
 * declared, let alone expanded.
 *
 * Without hooks the document becomes one tree, in the parser's pool. With hooks it is streamed:
 * each child of the root is a tree of its own, in dms_parser_pool(), which is cleared after it.
 * What stays for the length of a document are the names that occur in it; they are bounded, too.
 *
 * A parser serves one thread at a time.
 */
#ifndef DMS_PARSER_H
#define DMS_PARSER_H

#include <apr_pools.h>

#include "multistatus/element.h"

/* The kinds of fault. */
typedef enum dms_xml_fault_e {
    DMS_XML_FINE,
    DMS_XML_NOT_XML,   /* it doesn't begin as XML could */
    DMS_XML_MALFORMED, /* or ends too early, or a hook objects */
    DMS_XML_DOCTYPE,   /* has a document type declaration */
    DMS_XML_TOO_MUCH   /* beyond one of the bounds */
} dms_xml_fault_e;

/* What is wrong, and where: at the tag, text or comment that shows it. */
typedef struct dms_parser_fault_t {
    dms_xml_fault_e kind;
    const char *message; /* for people; static */
    int is_cut;          /* the bytes ended before the document did */
    apr_uint64_t line;   /* from 1 */
    apr_uint64_t column; /* from 1, in characters */
    apr_uint64_t offset; /* from 0, in bytes of what was fed */
} dms_parser_fault_t;

/* The last four can be 0, for no bound. */
typedef struct dms_parser_bounds_t {
    int depth;            /* of elements, the root being 1 */
    int elements;         /* in a tree */
    int attributes;       /* of an element, without namespace declarations */
    apr_size_t ns_length; /* of a namespace's name, in bytes of UTF-8 */
    apr_size_t markup;    /* of a tag, comment or processing instruction, in bytes as fed */
    apr_size_t text;      /* between two tags, in bytes of UTF-8 */
    apr_size_t tree;      /* of a streamed tree, in bytes as fed */
    apr_size_t names;     /* for the different names in a document, in bytes of memory, about */
} dms_parser_bounds_t;

typedef struct dms_parser_t dms_parser_t;

/* Called at each start tag (the element has no content yet) and at each end tag (it has all), with
 * the depth of the element, 1 for the root. A hook may call dms_parser_fail(). The element of depth
 * 2, with all in it, is gone after its end; it never joins the root. */
typedef void dms_parser_hook_fn(void *baton, dms_element_t *element, int depth);

typedef struct dms_parser_hooks_t {
    dms_parser_hook_fn *start;
    dms_parser_hook_fn *end;
} dms_parser_hooks_t;

/* Creates a parser in pool, with which Expat's is freed. bounds and hooks are kept by reference;
 * hooks is NULL where the document is to be one tree. */
dms_parser_t *dms_parser_create(apr_pool_t *pool, const dms_parser_bounds_t *bounds,
                                const dms_parser_hooks_t *hooks, void *baton);

/* Parses the next piece. Once there is a fault nothing more is parsed, here and in
 * dms_parser_finish(). Not to be called from a hook. */
void dms_parser_feed(dms_parser_t *parser, const char *bytes, apr_size_t length);

/* Says that no more comes; more would be a fault. Can be called again. */
void dms_parser_finish(dms_parser_t *parser);

/* Declares a fault here, unless there is one already, and ends the parsing. message is static. */
void dms_parser_fail(dms_parser_t *parser, dms_xml_fault_e kind, const char *message);

/* The fault; its kind is DMS_XML_FINE as long as there is none. */
const dms_parser_fault_t *dms_parser_fault(const dms_parser_t *parser);

/* The root element, or NULL where it has not begun. */
dms_element_t *dms_parser_root(const dms_parser_t *parser);

/* The pool of the tree that is being read; the parser's own for the root. */
apr_pool_t *dms_parser_pool(const dms_parser_t *parser);

/* The xml:lang in force in the innermost open element, or NULL. In an end hook that is the element
 * which ends. */
const dms_attribute_t *dms_parser_language(const dms_parser_t *parser);

#endif
