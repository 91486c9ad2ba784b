/*
 * The body of a request: fed whole and fed in pieces (fuzz_pieces()), it has to give the same tree,
 * or the same fault.
 *
 * The tree is then read as a lockinfo, which has to bear any.
 */
#include "request/xml_body.h"

#include "fuzz.h"

#include "request/lock_headers.h"

static void take(void *parser, const char *piece, size_t length)
{
    dms_xml_body_feed(parser, piece, length);
}

static dms_xml_fault_e feed(apr_pool_t *pool, const fuzz_pieces_t *pieces, int at_once,
                            dms_element_t **root)
{
    dms_xml_body_t *parser = dms_xml_body_create(pool);
    dms_xml_fault_e fault;

    if (at_once) {
        fuzz_feed_piece(pieces->data, pieces->size, take, parser);
    }
    else {
        fuzz_feed(pieces, take, parser);
    }
    fault = dms_xml_body_finish(parser, root);
    fuzz_check(fault == DMS_XML_FINE || (!*root && dms_xml_body_message(parser)));
    return fault;
}

static int same_string(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static int same_name(const dms_name_t *a, const dms_name_t *b)
{
    return a && b ? dms_name_equal(a, b) && a->length == strlen(a->local) : a == b;
}

static void check_same_attributes(const dms_attribute_t *a, const dms_attribute_t *b)
{
    for (; a && b; a = a->next, b = b->next) {
        fuzz_check(a->name && same_name(a->name, b->name));
        fuzz_check(a->value && same_string(a->value, b->value));
    }
    fuzz_check(!a && !b);
}

/* As deep as the body allows. */
static void check_same(const dms_element_t *a, const dms_element_t *b, int depth)
{
    fuzz_check(depth <= DMS_XML_BODY_DEPTH + 1);
    for (; a && b; a = a->next, b = b->next) {
        fuzz_check(same_name(a->name, b->name));
        fuzz_check(same_string(a->prefix, b->prefix) && same_string(a->text, b->text));
        fuzz_check(a->name || (a->text && !a->children && !a->attributes));
        check_same_attributes(a->attributes, b->attributes);
        check_same(a->children, b->children, depth + 1);
    }
    fuzz_check(!a && !b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    fuzz_pieces_t input = fuzz_pieces(data, size);
    dms_element_t *whole = NULL, *pieces = NULL;
    dms_lockinfo_t info;

    dms_xml_fault_e fault = feed(pool, &input, 1, &whole);
    fuzz_check(fault == feed(pool, &input, 0, &pieces));
    if (fault == DMS_XML_FINE) {
        check_same(whole, pieces, 1);
        if (!dms_lockinfo_read(whole, &info)) {
            fuzz_check(info.is_shared == 0 || info.is_shared == 1);
            fuzz_check(!info.owner || dms_name_is_dav(info.owner->name, "owner"));
        }
    }
    apr_pool_destroy(pool);
    return 0;
}
