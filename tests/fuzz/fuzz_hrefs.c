/*
 * A document that passes, whole and in pieces (whose lengths follow the input's last NUL byte; in
 * an input without one they are single bytes). Where it is well-formed, what comes out has to tell
 * Expat the same, but for the texts of hrefs, which have to be the mapped ones.
 */
#include "reverse/hrefs.h"

#include "fuzz.h"

#include <apr_strings.h>
#include <expat.h>

#include "reverse/mapping.h"

#define HREF "DAV:|href"

static const dms_side_t from = {"http://b", "b", NULL, "/old"};
static const dms_side_t to = {"http://p", "p", NULL, "/new"};

static const char *map(void *baton, apr_pool_t *pool, const char *text)
{
    return dms_map(pool, &from, &to, text);
}

/* --- what passes --- */

typedef struct bytes_t {
    char *bytes;
    size_t length;
} bytes_t;

static apr_status_t collect(void *baton, apr_bucket_brigade *bb, int flush)
{
    bytes_t *all = baton;
    char *part;
    apr_size_t length;

    fuzz_check(apr_brigade_pflatten(bb, &part, &length, bb->p) == APR_SUCCESS);
    if (length) {
        all->bytes = realloc(all->bytes, all->length + length);
        fuzz_check(all->bytes != NULL);
        memcpy(all->bytes + all->length, part, length);
        all->length += length;
    }
    apr_brigade_cleanup(bb);
    return APR_SUCCESS;
}

static const char *pass(apr_pool_t *pool, const uint8_t *xml, size_t size, const uint8_t *lengths,
                        size_t count, bytes_t *passed)
{
    dms_tally_t tally = {.counts_propstats = (int)(size & 1)};
    dms_buffer_t out;
    dms_hrefs_t *hrefs;
    size_t at = 0, i = 0;

    memset(passed, 0, sizeof(*passed));
    dms_buffer_init(&out, pool, apr_bucket_alloc_create(pool), collect, passed);
    hrefs = dms_hrefs_create(pool, &out, map, NULL, size & 2 ? &tally : NULL);
    while (at < size) {
        size_t length = lengths ? (count ? lengths[i++ % count] : 1) : size;
        char *piece;

        length = length > size - at ? size - at : length;
        length += !length;
        piece = fuzz_string(xml + at, length);
        dms_hrefs_feed(hrefs, piece, length);
        free(piece);
        at += length;
    }
    dms_hrefs_finish(hrefs, 1);
    dms_buffer_pass(&out, 0);
    return dms_hrefs_problem(hrefs);
}

/* --- what it tells --- */

typedef struct reader_t {
    apr_pool_t *pool;
    XML_Parser parser;
    char *told; /* all events, in one string */
    size_t length;
    char *text; /* since the last tag */
    size_t text_length;
    int depth;
    int href_depth;
    int is_plain;
    int has_doctype;
} reader_t;

static void append(char **string, size_t *length, const char *bytes, size_t count)
{
    *string = realloc(*string, *length + count + 1);
    fuzz_check(*string != NULL);
    memcpy(*string + *length, bytes, count);
    *length += count;
    (*string)[*length] = '\0';
}

static void tell(reader_t *reader, const char *string)
{
    append(&reader->told, &reader->length, string, strlen(string));
}

static void settle_text(reader_t *reader, int is_href)
{
    const char *mapped;

    append(&reader->text, &reader->text_length, "", 0);
    mapped = is_href ? map(NULL, reader->pool, reader->text) : NULL;
    tell(reader, mapped ? mapped : reader->text);
    reader->text_length = 0;
}

static void XMLCALL on_start(void *baton, const char *name, const char **attributes)
{
    reader_t *reader = baton;

    settle_text(reader, 0);
    tell(reader, "<");
    tell(reader, name);
    for (; *attributes; attributes++) {
        tell(reader, " ");
        tell(reader, *attributes);
    }
    reader->depth++;
    reader->is_plain = !strcmp(name, HREF);
    reader->href_depth = reader->is_plain ? reader->depth : reader->href_depth;
}

static void XMLCALL on_end(void *baton, const char *name)
{
    reader_t *reader = baton;

    settle_text(reader, reader->is_plain && reader->href_depth == reader->depth);
    tell(reader, ">");
    reader->depth--;
    reader->is_plain = 0;
}

static void XMLCALL on_text(void *baton, const char *text, int length)
{
    reader_t *reader = baton;

    append(&reader->text, &reader->text_length, text, (size_t)length);
}

static void XMLCALL on_doctype(void *baton, const char *name, const char *system,
                               const char *public, int has_internal_subset)
{
    ((reader_t *)baton)->has_doctype = 1;
}

/* All that a document tells, to be freed; NULL where it is not well-formed, or has a doctype. */
static char *told(apr_pool_t *pool, const char *xml, size_t size)
{
    reader_t reader = {.pool = pool, .parser = XML_ParserCreateNS(NULL, '|')};
    int is_fine;

    XML_SetUserData(reader.parser, &reader);
    XML_SetElementHandler(reader.parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader.parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader.parser, on_doctype);
    is_fine = XML_Parse(reader.parser, xml, (int)size, 1) == XML_STATUS_OK && !reader.has_doctype;
    XML_ParserFree(reader.parser);
    free(reader.text);
    if (!is_fine) {
        free(reader.told);
        return NULL;
    }
    return reader.told;
}

static void check(apr_pool_t *pool, const char *expected, const char *problem,
                  const bytes_t *passed)
{
    char *got;

    if (expected && (!problem || !strstr(problem, "room"))) {
        fuzz_check(!problem);
        got = told(pool, passed->bytes, passed->length);
        fuzz_check(got && !strcmp(got, expected));
        free(got);
    }
    free(passed->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    const uint8_t *end = data + size, *nul = NULL, *at;
    size_t length;
    bytes_t passed;
    char *expected;
    const char *problem;

    for (at = data; at < end; at++) {
        nul = *at ? nul : at;
    }
    length = nul ? (size_t)(nul - data) : size;
    expected = told(pool, (const char *)data, length);
    problem = pass(pool, data, length, NULL, 0, &passed);
    check(pool, expected, problem, &passed);
    problem = pass(pool, data, length, nul ? nul + 1 : data, nul ? size - length - 1 : 0, &passed);
    check(pool, expected, problem, &passed);
    free(expected);
    apr_pool_destroy(pool);
    return 0;
}
