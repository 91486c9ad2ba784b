/*
 * The If header: spelled again from what was read, it has to be read as the same.
 */
#include "request/if_header.h"

#include "fuzz.h"

#include <apr_strings.h>

typedef struct text_t {
    char *bytes;
    size_t length;
} text_t;

static void add(text_t *text, const char *s)
{
    size_t length = strlen(s);

    memcpy(text->bytes + text->length, s, length + 1);
    text->length += length;
}

static void spell(const dms_if_list_t *first, text_t *text)
{
    const char *tag = NULL;
    const dms_if_condition_t *c;

    for (; first; first = first->next) {
        fuzz_check(first->conditions != NULL);
        if (first->resource != tag) {
            tag = first->resource;
            add(text, "<");
            add(text, tag);
            add(text, ">");
        }
        add(text, "(");
        for (c = first->conditions; c; c = c->next) {
            fuzz_check(!c->token != !c->etag);
            fuzz_check(c->is_not == 0 || c->is_not == 1);
            add(text, c->is_not ? "Not" : "");
            add(text, c->token ? "<" : "[");
            add(text, c->token ? c->token : c->etag);
            add(text, c->token ? ">" : "]");
        }
        add(text, ")");
    }
}

static int same_string(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static void check_same(const dms_if_list_t *a, const dms_if_list_t *b)
{
    for (; a && b; a = a->next, b = b->next) {
        const dms_if_condition_t *c = a->conditions, *d = b->conditions;

        fuzz_check(same_string(a->resource, b->resource));
        for (; c && d; c = c->next, d = d->next) {
            fuzz_check(c->is_not == d->is_not);
            fuzz_check(same_string(c->token, d->token) && same_string(c->etag, d->etag));
        }
        fuzz_check(!c && !d);
    }
    fuzz_check(!a && !b);
}

static void check_tokens(const dms_if_list_t *first)
{
    const dms_if_condition_t *c = first->conditions;
    int conditions = 0;

    for (; c && conditions < 20; c = c->next, conditions++) {
        if (c->token) {
            fuzz_check(dms_absolute_uri_length(c->token) == strlen(c->token));
            fuzz_check(dms_if_submits(first, c->token));
        }
    }
}

static int is_anything(void *baton, const char *resource, const dms_if_condition_t *condition)
{
    ++*(int *)baton;
    return (condition->token ? condition->token : condition->etag)[1] & 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *value = fuzz_string(data, size);
    const char *complaint = NULL;
    const dms_if_list_t *first = dms_if_parse(pool, value, &complaint), *again;
    int asked = 0;

    free(value);
    fuzz_check(!first != !complaint);
    if (first) {
        text_t text = {malloc(size + 1), 0}; /* no longer than the input: it has no space */

        fuzz_check(text.bytes != NULL);
        spell(first, &text);
        fuzz_check(text.length <= size);
        again = dms_if_parse(pool, text.bytes, &complaint);
        free(text.bytes);
        fuzz_check(again && !complaint);
        check_same(first, again);
        check_tokens(first);
        dms_if_holds(first, is_anything, &asked);
        fuzz_check(asked > 0 && asked <= DMS_IF_CONDITIONS);
    }
    apr_pool_destroy(pool);
    return 0;
}
