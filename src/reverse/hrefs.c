#include "reverse/hrefs.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "multistatus/position.h"
#include "reverse/meter.h"
#include "reverse/skim.h"
#include "reverse/window.h"

/* Between namespace and local name in the names that Expat reports. */
#define SEPARATOR "\x01"
#define DAV_PREFIX "DAV:" SEPARATOR

#define PIECE_LENGTH 32768

/* A part of the document, by offsets in bytes from its beginning. */
typedef struct span_t {
    apr_int64_t start;
    apr_int64_t end;
} span_t;

typedef enum encoding_e { BYTES, UTF16_BE, UTF16_LE } encoding_e;

struct dms_hrefs_t {
    apr_pool_t *pool;
    apr_pool_t *scratch; /* cleared after each href */
    dms_meter_t meter;
    XML_Parser parser;
    dms_skim_t skim;
    dms_buffer_t *out;
    dms_map_fn *map;
    void *baton;
    dms_tally_t *tally;

    int depth;
    int is_off; /* nothing is read any more, all passes */
    const char *problem;
    unsigned char head[2]; /* the document's first bytes */

    dms_window_t window;
    apr_int64_t settled; /* offset in the document: up to here Expat has told what there is */

    int href_depth;             /* of the href that we are in, 0: none */
    int is_plain;               /* whether its text can be replaced */
    apr_int64_t text_start;     /* behind its start tag */
    char *text;                 /* decoded */
    int text_length;            /* of it */
    apr_array_header_t *asides; /* span_t: comments in it */
};

/* --- what leaves --- */

static encoding_e encoding_of(const unsigned char *head)
{
    if ((head[0] == 0xfe && head[1] == 0xff) || (!head[0] && head[1] == '<')) {
        return UTF16_BE;
    }
    return (head[0] == 0xff && head[1] == 0xfe) || (head[0] == '<' && !head[1]) ? UTF16_LE : BYTES;
}

static void put_ascii(dms_hrefs_t *hrefs, const char *text, apr_size_t length)
{
    encoding_e encoding = encoding_of(hrefs->head);

    if (encoding == BYTES) {
        dms_buffer_put(hrefs->out, text, length);
        return;
    }
    for (; length; text++, length--) {
        char unit[2] = {0, 0};

        unit[encoding == UTF16_BE] = *text;
        dms_buffer_put(hrefs->out, unit, 2);
    }
}

static void put_text(dms_hrefs_t *hrefs, const char *text)
{
    apr_size_t plain;

    for (;;) {
        const char *reference;

        plain = strcspn(text, "&<>");
        put_ascii(hrefs, text, plain);
        text += plain;
        if (!*text) {
            return;
        }
        reference = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : "&gt;";
        put_ascii(hrefs, reference, strlen(reference));
        text++;
    }
}

/* --- what Expat tells --- */

/* Where in the document Expat is. */
static apr_int64_t event_offset(dms_hrefs_t *hrefs)
{
    apr_int64_t parsed = dms_position_offset(hrefs->parser, hrefs->window.parsed);

    return parsed < 0 ? 0 : dms_window_offset(&hrefs->window, parsed);
}

/* Where in the document the markup stands that is being told of. */
static span_t event_span(dms_hrefs_t *hrefs)
{
    span_t span = {event_offset(hrefs), 0};

    span.end = span.start + dms_position_length(hrefs->parser);
    return span;
}

/* Ends the reading: all leaves as it is. */
static void stop(dms_hrefs_t *hrefs, const char *problem, apr_int64_t at)
{
    dms_window_pass(&hrefs->window, at);
    hrefs->is_off = 1;
    hrefs->problem = apr_psprintf(hrefs->pool, "%s (%s)", problem,
                                  dms_window_place(&hrefs->window, at));
    dms_window_pass(&hrefs->window, hrefs->window.fed);
}

static const char *local_name(const char *name)
{
    return strncmp(name, DAV_PREFIX, sizeof(DAV_PREFIX) - 1) ? NULL : name + sizeof(DAV_PREFIX) - 1;
}

static void XMLCALL on_start(void *baton, const char *name, const char **attributes)
{
    dms_hrefs_t *hrefs = baton;
    const char *local = local_name(name);

    hrefs->depth++;
    if (hrefs->tally) {
        dms_tally_start(hrefs->tally, hrefs->depth, local);
    }
    if (local && !strcmp(local, "href")) {
        hrefs->href_depth = hrefs->depth;
        hrefs->is_plain = 1;
        hrefs->text_start = event_span(hrefs).end;
        hrefs->text_length = 0;
        apr_array_clear(hrefs->asides);
    }
    else {
        hrefs->is_plain = 0;
    }
}

static void replace(dms_hrefs_t *hrefs, const char *text, apr_int64_t end)
{
    int i;

    dms_window_pass(&hrefs->window, hrefs->text_start);
    put_text(hrefs, text);
    for (i = 0; i < hrefs->asides->nelts; i++) {
        span_t aside = APR_ARRAY_IDX(hrefs->asides, i, span_t);

        dms_window_skip(&hrefs->window, aside.start);
        dms_window_pass(&hrefs->window, aside.end);
    }
    dms_window_skip(&hrefs->window, end);
}

static void XMLCALL on_end(void *baton, const char *name)
{
    dms_hrefs_t *hrefs = baton;

    if (hrefs->tally) {
        dms_tally_end(hrefs->tally, hrefs->depth);
    }
    if (hrefs->href_depth == hrefs->depth) {
        if (hrefs->is_plain && hrefs->text_length) {
            const char *text;

            hrefs->text[hrefs->text_length] = '\0';
            text = hrefs->map(hrefs->baton, hrefs->scratch, hrefs->text);
            if (text && strcmp(text, hrefs->text) != 0) {
                replace(hrefs, text, event_span(hrefs).start);
            }
            apr_pool_clear(hrefs->scratch);
        }
        hrefs->href_depth = 0;
        hrefs->is_plain = 0;
    }
    hrefs->depth--;
}

static void XMLCALL on_text(void *baton, const char *text, int length)
{
    dms_hrefs_t *hrefs = baton;

    if (hrefs->tally) {
        dms_tally_text(hrefs->tally, text, length);
    }
    if (!hrefs->is_plain) {
        return;
    }
    if (hrefs->text_length + length > DMS_HREFS_LENGTH) {
        hrefs->is_plain = 0;
        return;
    }
    memcpy(hrefs->text + hrefs->text_length, text, (apr_size_t)length);
    hrefs->text_length += length;
}

static void on_aside(dms_hrefs_t *hrefs)
{
    if (hrefs->is_plain) {
        APR_ARRAY_PUSH(hrefs->asides, span_t) = event_span(hrefs);
    }
}

static void XMLCALL on_comment(void *baton, const char *text)
{
    on_aside(baton);
}

static void XMLCALL on_instruction(void *baton, const char *target, const char *text)
{
    on_aside(baton);
}

static void XMLCALL on_doctype(void *baton, const char *name, const char *system,
                               const char *public, int has_internal_subset)
{
    dms_hrefs_t *hrefs = baton;

    stop(hrefs, "a document type declaration", event_span(hrefs).start);
    XML_StopParser(hrefs->parser, XML_FALSE);
}

/* --- reading --- */

static apr_status_t free_parser(void *baton)
{
    dms_hrefs_t *hrefs = baton;
    dms_meter_t *before = dms_meter_enter(&hrefs->meter);

    XML_ParserFree(hrefs->parser);
    dms_meter_leave(before);
    return APR_SUCCESS;
}

static void create_parser(dms_hrefs_t *hrefs)
{
    dms_meter_t *before = dms_meter_enter(&hrefs->meter);

    hrefs->parser = XML_ParserCreate_MM(NULL, &dms_meter_suite, SEPARATOR);
    dms_meter_leave(before);
    if (!hrefs->parser) {
        hrefs->is_off = 1;
        hrefs->problem = "no memory for a parser";
        return;
    }
    apr_pool_cleanup_register(hrefs->pool, hrefs, free_parser, apr_pool_cleanup_null);
    XML_SetUserData(hrefs->parser, hrefs);
    XML_SetElementHandler(hrefs->parser, on_start, on_end);
    XML_SetCharacterDataHandler(hrefs->parser, on_text);
    XML_SetCommentHandler(hrefs->parser, on_comment);
    XML_SetProcessingInstructionHandler(hrefs->parser, on_instruction);
    XML_SetStartDoctypeDeclHandler(hrefs->parser, on_doctype);
}

dms_hrefs_t *dms_hrefs_create(apr_pool_t *pool, dms_buffer_t *out, dms_map_fn *map, void *baton,
                              dms_tally_t *tally)
{
    dms_hrefs_t *hrefs = apr_pcalloc(pool, sizeof(*hrefs));

    hrefs->pool = pool;
    apr_pool_create(&hrefs->scratch, pool);
    hrefs->out = out;
    hrefs->map = map;
    hrefs->baton = baton;
    hrefs->tally = tally;
    hrefs->meter.most = DMS_HREFS_MEMORY;
    hrefs->text = apr_palloc(pool, DMS_HREFS_LENGTH + 1);
    hrefs->asides = apr_array_make(pool, 1, sizeof(span_t));
    dms_window_init(&hrefs->window, pool, out);
    dms_skim_init(&hrefs->skim, pool, tally);
    create_parser(hrefs);
    return hrefs;
}

static void parse(dms_hrefs_t *hrefs, const char *bytes, apr_size_t length, int is_final)
{
    dms_meter_t *before = dms_meter_enter(&hrefs->meter);
    enum XML_Status status;
    apr_int64_t at;

    status = XML_Parse(hrefs->parser, bytes, (int)length, is_final);
    at = event_offset(hrefs);
    dms_meter_leave(before);
    if (at > hrefs->settled) {
        hrefs->settled = at;
    }
    if (status == XML_STATUS_ERROR && !hrefs->is_off) {
        enum XML_Error error = XML_GetErrorCode(hrefs->parser);

        stop(hrefs,
             error == XML_ERROR_NO_MEMORY ? "more names, levels or markup than there is room for"
                                          : XML_ErrorString(error),
             hrefs->settled);
    }
}

/* How far the document may leave: an href and markup that have not ended stay. */
static apr_int64_t passable(dms_hrefs_t *hrefs)
{
    if (hrefs->is_off) {
        return hrefs->window.fed;
    }
    if (hrefs->is_plain && hrefs->settled - hrefs->text_start > DMS_HREFS_LENGTH) {
        hrefs->is_plain = 0;
    }
    return hrefs->is_plain ? hrefs->text_start : hrefs->settled;
}

/* Gives Expat what has come, as far as it has not got it, without what it need not read. */
static void read_window(dms_hrefs_t *hrefs)
{
    dms_window_t *window = &hrefs->window;
    const char *bytes = dms_window_at(window, window->read);
    apr_size_t length;

    if (encoding_of(hrefs->head) != BYTES) {
        hrefs->skim.is_off = 1;
    }
    length = dms_skim(&hrefs->skim, bytes, (apr_size_t)(window->fed - window->read));
    bytes = dms_window_read(window, &length, hrefs->skim.holes);
    parse(hrefs, bytes, length, 0);
}

static void feed_piece(dms_hrefs_t *hrefs, const char *bytes, apr_size_t length)
{
    apr_size_t i;

    for (i = 0; i < length && hrefs->window.fed + (apr_int64_t)i < 2; i++) {
        hrefs->head[hrefs->window.fed + (apr_int64_t)i] = (unsigned char)bytes[i];
    }
    dms_window_fill(&hrefs->window, bytes, length);
    if (!hrefs->is_off && hrefs->window.fed > 1) {
        read_window(hrefs);
    }
    dms_window_pass(&hrefs->window, passable(hrefs));
}

void dms_hrefs_feed(dms_hrefs_t *hrefs, const char *bytes, apr_size_t length)
{
    while (length) {
        apr_size_t part = length < PIECE_LENGTH ? length : PIECE_LENGTH;

        feed_piece(hrefs, bytes, part);
        bytes += part;
        length -= part;
    }
}

void dms_hrefs_finish(dms_hrefs_t *hrefs, int is_whole)
{
    if (!hrefs->is_off && !is_whole) {
        stop(hrefs, "the document breaks off", hrefs->window.fed);
    }
    else if (!hrefs->is_off && hrefs->window.fed) {
        hrefs->skim.is_off = 1;
        read_window(hrefs);
        parse(hrefs, "", 0, 1);
    }
    hrefs->is_off = 1;
    dms_window_pass(&hrefs->window, hrefs->window.fed);
}

const char *dms_hrefs_problem(const dms_hrefs_t *hrefs)
{
    return hrefs->problem;
}
