#include "multistatus/element.h"

#include <string.h>

#include <apr_strings.h>

const char dms_ns_dav[] = "DAV:";

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

/* Non-ASCII characters pass: Expat has judged those of a request, and a reader that knows a later
 * edition of XML takes nearly all of them. */
static int is_ncname(const char *s)
{
    const char *start = s;

    while (*s) {
        unsigned char c = (unsigned char)*s;
        int letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c >= 0x80;
        int other = (c >= '0' && c <= '9') || c == '-' || c == '.';
        apr_size_t length = dms_char_length(s);

        if (!length || !(letter || (other && s > start))) {
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

    if (!is_ncname(local) || !is_text(ns) || !strcmp(ns, "http://www.w3.org/2000/xmlns/")) {
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
