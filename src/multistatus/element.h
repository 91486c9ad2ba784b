/*
 * Elements: what property values, preconditions and request bodies are made of.
 *
 * An element has an expanded name (namespace and local name) and content: character data, child
 * elements, or both mixed. A property *is* an element: its name is the property's name and its
 * content the value (RFC 4918, section 4.3). The same type serves what the writer sends and what
 * the parser (parser.h) has read, so a value can be echoed as it came.
 *
 * Names are trusted by the writer. A name written in the code is made with DMS_NAME; any other
 * comes from dms_name_create(), which refuses what XML could not carry.
 *
 * Strings are UTF-8 and are referred to, never copied: they must live as long as the element.
 */
#ifndef DMS_ELEMENT_H
#define DMS_ELEMENT_H

#include "mod_dav_multistatus.h"

/* A name's tags as they stand in one document, made beforehand (multistatus/xml.h). */
typedef struct dms_tags_t {
    const char *start, *end, *empty;
    apr_size_t start_length, end_length, empty_length;
} dms_tags_t;

/* Makes a name from any strings; they are copied into pool. Returns NULL where local is no NCName,
 * or ns holds what an attribute can't (bytes that are not UTF-8, control characters). */
const dms_name_t *dms_name_create(apr_pool_t *pool, const char *ns, const char *local);

/* Whether two names are the same expanded name. */
int dms_name_equal(const dms_name_t *a, const dms_name_t *b);

/* Whether a name is local in the DAV: namespace. */
int dms_name_is_dav(const dms_name_t *name, const char *local);

/* The xml:lang of an element, or else the one in force around it, which may be NULL (RFC 4918,
 * section 4.3). */
const dms_attribute_t *dms_element_language(const dms_element_t *element,
                                            const dms_attribute_t *outer);

/* The length in bytes of the character at s, if it is UTF-8 and one that XML 1.0 can carry
 * (section 2.2 there), else 0. A NUL byte ends a string and is no character. */
apr_size_t dms_char_length(const char *s);

#endif
