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

#include <apr_pools.h>

/* An array, not a literal, so that the name of nearly every element is told by its address. */
extern const char dms_ns_dav[];
#define DMS_NS_DAV dms_ns_dav /* "DAV:" */
#define DMS_NS_APACHE "http://apache.org/dav/props/"
#define DMS_NS_XMLNS "http://www.w3.org/2000/xmlns/" /* no element can be in it */
#define DMS_NS_XML "http://www.w3.org/XML/1998/namespace"

/* An expanded name. */
typedef struct dms_name_t {
    const char *ns;    /* the namespace's URI; "" for none */
    const char *local; /* an NCName */
    apr_size_t length; /* of local, in bytes */
} dms_name_t;

/* Initialises a dms_name_t from two string literals. */
#define DMS_NAME(ns, local)                                                                        \
    {                                                                                              \
        (ns), (local), sizeof(local) - 1                                                           \
    }

typedef struct dms_attribute_t dms_attribute_t;
struct dms_attribute_t {
    const dms_name_t *name;
    const char *value;
    const dms_attribute_t *next;
};

/* A name's tags as they stand in one document, made beforehand (multistatus/xml.h). */
typedef struct dms_tags_t {
    const char *start, *end, *empty;
    apr_size_t start_length, end_length, empty_length;
} dms_tags_t;

typedef struct dms_element_t dms_element_t;
struct dms_element_t {
    const dms_name_t *name;            /* NULL: a run of character data between elements */
    const dms_tags_t *tags;            /* of the name, where they were made beforehand, or NULL */
    const char *prefix;                /* the prefix to write where it is free, or NULL */
    const dms_attribute_t *attributes; /* without namespace declarations */
    const char *text;                  /* character data that precedes the children, or NULL */
    dms_element_t *children;           /* the first child */
    const char *markup;                /* or the whole element, as dms_xml_fragment() made it */
    dms_element_t *next;               /* the next sibling, or the next in a list */
};

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
