/*
 * The XML body of a request, parsed as it arrives (multistatus/parser.h), into a tree of elements.
 *
 * It is fed with pieces cut at any byte. What a hostile body could make dear is bounded: depth,
 * number of elements, attributes and the length of namespace names; the caller bounds its size. A
 * document type declaration ends the parsing at once (RFC 4918, section 20.6).
 *
 * The tree is allocated from the pool given to dms_xml_body_create().
 */
#ifndef DMS_XML_BODY_H
#define DMS_XML_BODY_H

#include <apr_pools.h>

#include "multistatus/parser.h"

#define DMS_XML_BODY_DEPTH 100
#define DMS_XML_BODY_ELEMENTS 50000
#define DMS_XML_BODY_ATTRIBUTES 256
#define DMS_XML_BODY_NS_LENGTH 4096

typedef struct dms_xml_body_t dms_xml_body_t;

/* Creates a body in pool; the parser is freed with the pool. */
dms_xml_body_t *dms_xml_body_create(apr_pool_t *pool);

/* Parses the next piece. Once a fault is found, the same one comes back at each call. */
dms_xml_fault_e dms_xml_body_feed(dms_xml_body_t *body, const char *bytes, apr_size_t length);

/* Ends the body. *root: the root element, or NULL where there was no byte at all, which is no
 * fault. */
dms_xml_fault_e dms_xml_body_finish(dms_xml_body_t *body, dms_element_t **root);

/* What is wrong, and on which line, for people; lives in the body's pool. */
const char *dms_xml_body_message(const dms_xml_body_t *body);

#endif
