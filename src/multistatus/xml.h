/*
 * XML out: elements, text and references as markup into a buffer.
 *
 * Whatever the strings hold, what comes out is well-formed: characters that XML can't carry, and
 * bytes that are no UTF-8, become U+FFFD in text and %XX in references.
 *
 * Prefixes: each document declares its usual namespaces on the root (a dms_prefixes_t); DAV: is
 * always "D" (clients look for it literally). Any other namespace is declared on the element that
 * needs it, so no two declarations can meet.
 */
#ifndef DMS_XML_H
#define DMS_XML_H

#include "multistatus/buffer.h"
#include "multistatus/element.h"

#define DMS_PREFIXES_MAX 8

/* The namespaces that the root element declares, beside DAV:. */
typedef struct dms_prefixes_t {
    int count;
    struct {
        const char *ns;
        char prefix[16];
    } list[DMS_PREFIXES_MAX];
} dms_prefixes_t;

/* Declares ns (kept by reference) in a document that has not begun. Does nothing where it is
 * declared already or no room is left: then elements declare it themselves. */
void dms_prefixes_add(dms_prefixes_t *prefixes, const char *ns);

/* Writes the XML declaration and the start tag of the DAV: element root, with all declarations. */
void dms_xml_begin(dms_buffer_t *out, const dms_prefixes_t *prefixes, const char *root);

/* Writes the start or end tag of a DAV: element without attributes. */
void dms_xml_start(dms_buffer_t *out, const char *local);
void dms_xml_end(dms_buffer_t *out, const char *local);

/* Writes character data. */
void dms_xml_text(dms_buffer_t *out, const char *text);

/* Makes the tags of an element in pool, for elements of that name to be written more quickly into
 * documents with these prefixes. NULL where the namespace has no prefix in them. */
const dms_tags_t *dms_xml_tags(apr_pool_t *pool, const dms_prefixes_t *prefixes,
                               const dms_name_t *name);

/* Writes a list of elements with all that is in them. */
void dms_xml_elements(dms_buffer_t *out, const dms_prefixes_t *prefixes,
                      const dms_element_t *first);

/* An element as XML, to be kept and written into another document later: it declares every prefix
 * that it uses but D. Returns a string in pool. */
const char *dms_xml_fragment(apr_pool_t *pool, const dms_element_t *element);

/* An escaped path with upper-case digits (RFC 3986, section 2.1), which neither APR nor each client
 * writes. From pool. */
const char *dms_uri_upper(apr_pool_t *pool, const char *escaped);

/* Writes <D:href> with an escaped URI reference in it. Bytes that no URI may hold are escaped. */
void dms_xml_href(dms_buffer_t *out, const char *uri);

/* Writes a whole document whose root is the DAV: element root: the elements in it, and a
 * description for people unless it is NULL. For DAV:error (RFC 4918, section 16), and DAV:prop
 * (9.10.1). The description is an element as mod_dav has it, which Subversion's clients show:
 * DAV:error holds no text, and DAV:responsedescription belongs to a 207 (14.5, 14.25). */
void dms_xml_document(dms_buffer_t *out, const char *root, const dms_element_t *elements,
                      const char *description);

/* The same as a string in pool. */
const char *dms_xml_document_string(apr_pool_t *pool, const char *root,
                                    const dms_element_t *elements, const char *description);

#endif
