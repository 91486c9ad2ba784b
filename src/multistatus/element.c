#include "multistatus/element.h"

#include <string.h>

#include <apr_strings.h>

static int is_continuation(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

apr_size_t dms_char_length(const char *string)
{
    const unsigned char *s = (const unsigned char *)string;

    if (s[0] < 0x80) {
        return s[0] >= 0x20 || s[0] == '\t' || s[0] == '\n' || s[0] == '\r';
    }
    if (s[0] >= 0xC2 && s[0] <= 0xDF) {
        return is_continuation(s[1]) ? 2 : 0;
    }
    if ((s[0] & 0xF0) == 0xE0) {
        if (!is_continuation(s[1]) || !is_continuation(s[2]) || (s[0] == 0xE0 && s[1] < 0xA0)
            || (s[0] == 0xED && s[1] >= 0xA0)                    /* surrogates */
            || (s[0] == 0xEF && s[1] == 0xBF && s[2] >= 0xBE)) { /* U+FFFE and U+FFFF */
            return 0;
        }
        return 3;
    }
    if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        if (!is_continuation(s[1]) || !is_continuation(s[2]) || !is_continuation(s[3])
            || (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] >= 0x90)) {
            return 0;
        }
        return 4;
    }
    return 0;
}

typedef struct range_t {
    apr_uint32_t first, last;
} range_t;

/* What a name may begin with, and what it may go on with besides (XML 1.0, fifth edition, section
 * 2.3), without the colon. */
static const range_t name_start[] = {{'A', 'Z'},       {'_', '_'},       {'a', 'z'},
                                     {0xC0, 0xD6},     {0xD8, 0xF6},     {0xF8, 0x2FF},
                                     {0x370, 0x37D},   {0x37F, 0x1FFF},  {0x200C, 0x200D},
                                     {0x2070, 0x218F}, {0x2C00, 0x2FEF}, {0x3001, 0xD7FF},
                                     {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF}};
static const range_t name_more[] = {{'-', '.'},
                                    {'0', '9'},
                                    {0xB7, 0xB7},
                                    {0x300, 0x36F},
                                    {0x203F, 0x2040}};

#define IS_IN(c, ranges) is_in((c), (ranges), sizeof(ranges) / sizeof((ranges)[0]))

static int is_in(apr_uint32_t c, const range_t *ranges, apr_size_t count)
{
    apr_size_t i;

    for (i = 0; i < count; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return 1;
        }
    }
    return 0;
}

/* The code point of a character of length bytes. */
static apr_uint32_t decode(const char *s, apr_size_t length)
{
    static const unsigned char mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    apr_uint32_t c = (unsigned char)*s & mask[length];

    while (--length) {
        c = c << 6 | ((unsigned char)*++s & 0x3F);
    }
    return c;
}

static int is_ncname(const char *s)
{
    const char *start = s;

    while (*s) {
        apr_size_t length = dms_char_length(s);
        apr_uint32_t c = length ? decode(s, length) : 0;

        if (!IS_IN(c, name_start) && !(s > start && IS_IN(c, name_more))) {
            return 0;
        }
        s += length;
    }
    return s > start;
}

static int is_text(const char *s)
{
    while (*s) {
        apr_size_t length = dms_char_length(s);
        if (!length) {
            return 0;
        }
        s += length;
    }
    return 1;
}

const dms_name_t *dms_name_create(apr_pool_t *pool, const char *ns, const char *local)
{
    dms_name_t *name;

    if (!is_ncname(local) || !is_text(ns) || !strcmp(ns, DMS_NS_XMLNS)) {
        return NULL;
    }
    name = apr_palloc(pool, sizeof(*name));
    name->ns = !strcmp(ns, DMS_NS_DAV) ? DMS_NS_DAV : apr_pstrdup(pool, ns);
    name->length = strlen(local);
    name->local = apr_pstrmemdup(pool, local, name->length);
    return name;
}

int dms_name_equal(const dms_name_t *a, const dms_name_t *b)
{
    return a == b
           || (a->length == b->length && !memcmp(a->local, b->local, a->length)
               && (a->ns == b->ns || !strcmp(a->ns, b->ns)));
}

int dms_name_is_dav(const dms_name_t *name, const char *local)
{
    return !strcmp(name->local, local) && !strcmp(name->ns, DMS_NS_DAV);
}

const dms_attribute_t *dms_element_language(const dms_element_t *element,
                                            const dms_attribute_t *outer)
{
    const dms_attribute_t *attribute;

    for (attribute = element->attributes; attribute; attribute = attribute->next) {
        if (!strcmp(attribute->name->local, "lang") && !strcmp(attribute->name->ns, DMS_NS_XML)) {
            return attribute;
        }
    }
    return outer;
}
