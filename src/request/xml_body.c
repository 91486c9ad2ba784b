#include "request/xml_body.h"

#include <string.h>

#include <apr_strings.h>

struct dms_xml_body_t {
    apr_pool_t *pool;
    dms_parser_t *parser;
    int begun;
};

static const dms_parser_bounds_t bounds = {.depth = DMS_XML_BODY_DEPTH,
                                           .elements = DMS_XML_BODY_ELEMENTS,
                                           .attributes = DMS_XML_BODY_ATTRIBUTES,
                                           .ns_length = DMS_XML_BODY_NS_LENGTH};

static dms_xml_fault_e fault_of(const dms_xml_body_t *body)
{
    return dms_parser_fault(body->parser)->kind;
}

dms_xml_body_t *dms_xml_body_create(apr_pool_t *pool)
{
    dms_xml_body_t *body = apr_pcalloc(pool, sizeof(*body));

    body->pool = pool;
    body->parser = dms_parser_create(pool, &bounds, NULL, NULL);
    return body;
}

/* Whether a body could be XML by its first byte: markup, white space, or the first half of a byte
 * order mark or of a UTF-16 character. */
static int may_be_xml(char first)
{
    return strchr("< \t\r\n\xEF\xFE\xFF", first) != NULL; /* NUL, too */
}

dms_xml_fault_e dms_xml_body_feed(dms_xml_body_t *body, const char *bytes, apr_size_t length)
{
    if (length && !body->begun && !may_be_xml(*bytes)) {
        dms_parser_fail(body->parser, DMS_XML_NOT_XML, "the body is not XML");
    }
    body->begun |= length > 0;
    dms_parser_feed(body->parser, bytes, length);
    return fault_of(body);
}

dms_xml_fault_e dms_xml_body_finish(dms_xml_body_t *body, dms_element_t **root)
{
    if (body->begun) {
        dms_parser_finish(body->parser);
    }
    *root = fault_of(body) == DMS_XML_FINE ? dms_parser_root(body->parser) : NULL;
    return fault_of(body);
}

const char *dms_xml_body_message(const dms_xml_body_t *body)
{
    const dms_parser_fault_t *fault = dms_parser_fault(body->parser);

    return fault->message ? apr_psprintf(body->pool, "%s (line %lu)", fault->message,
                                         (unsigned long)fault->line)
                          : NULL;
}
