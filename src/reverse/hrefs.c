#include "reverse/hrefs.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "multistatus/position.h"
#include "reverse/meter.h"
#include "reverse/skim.h"

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

/* From this byte of Expat's on, the document is so many bytes ahead. */
typedef struct shift_t {
    apr_int64_t from;
    apr_int64_t ahead;
} shift_t;

struct dms_hrefs_t {
    apr_pool_t *pool;
    apr_pool_t *scratch; /* cleared after each href */
    dms_meter_t meter;
    XML_Parser parser;
    dms_skim_t skim;
    dms_buffer_t *out;
    dms_hrefs_map_fn *map;
    void *baton;
    dms_tally_t *tally;

    int depth;
    int is_off; /* nothing is read any more, all passes */
    const char *problem;
    unsigned char head[2]; /* the document's first bytes */

    /* Offsets in the document: passed <= settled <= skimmed <= fed. */
    apr_int64_t passed;  /* up to here it has left */
    apr_int64_t settled; /* up to here Expat has told what there is */
    apr_int64_t skimmed; /* up to here Expat has got it, but for the holes */
    apr_int64_t fed;
    char *window; /* the bytes from window_start to fed */
    apr_size_t window_room;
    apr_int64_t window_start;
    char *abridged;         /* as large: what of it Expat reads */
    apr_int64_t lines;      /* that have left */
    apr_int64_t line_start; /* of the one after them */

    /* Expat's offsets, and what they are in the document. */
    apr_int64_t parsed;
    apr_array_header_t *shifts; /* shift_t; the first is good for what comes before, too */
    int shift;                  /* the one at hand */

    int href_depth;             /* of the href that we are in, 0: none */
    int is_plain;               /* whether its text can be replaced */
    apr_int64_t text_start;     /* behind its start tag */
    char *text;                 /* decoded */
    int text_length;            /* of it */
    apr_array_header_t *asides; /* span_t: comments in it */
};

/* --- what leaves --- */

static const char *byte_at(const dms_hrefs_t *hrefs, apr_int64_t offset)
{
    return hrefs->window + (offset - hrefs->window_start);
}

/* Leaves bytes out, of which only the lines are counted. */
static void skip(dms_hrefs_t *hrefs, apr_int64_t end)
{
    const char *at = byte_at(hrefs, hrefs->passed), *stop = byte_at(hrefs, end);

    while (at < stop && (at = memchr(at, '\n', (apr_size_t)(stop - at)))) {
        at++;
        hrefs->lines++;
        hrefs->line_start = hrefs->window_start + (at - hrefs->window);
    }
    hrefs->passed = end;
}

/* Lets the document leave up to an offset that has come already. */
static void pass(dms_hrefs_t *hrefs, apr_int64_t end)
{
    if (hrefs->passed < end) {
        dms_buffer_put(hrefs->out, byte_at(hrefs, hrefs->passed),
                       (apr_size_t)(end - hrefs->passed));
        skip(hrefs, end);
    }
}

/* Appends what has come to what has not left yet. */
static void fill_window(dms_hrefs_t *hrefs, const char *bytes, apr_size_t length)
{
    apr_size_t left = (apr_size_t)(hrefs->fed - hrefs->passed);

    if (left + length > hrefs->window_room) {
        char *larger = apr_palloc(hrefs->pool, 2 * (left + length));

        if (left) {
            memcpy(larger, byte_at(hrefs, hrefs->passed), left);
        }
        hrefs->window = larger;
        hrefs->abridged = apr_palloc(hrefs->pool, 2 * (left + length));
        hrefs->window_room = 2 * (left + length);
    }
    else if (left) {
        memmove(hrefs->window, byte_at(hrefs, hrefs->passed), left);
    }
    memcpy(hrefs->window + left, bytes, length);
    hrefs->window_start = hrefs->passed;
    hrefs->fed += (apr_int64_t)length;
}

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

static apr_int64_t document_offset(dms_hrefs_t *hrefs, apr_int64_t parsed)
{
    const shift_t *shifts = (const shift_t *)hrefs->shifts->elts;

    while (hrefs->shift + 1 < hrefs->shifts->nelts && shifts[hrefs->shift + 1].from <= parsed) {
        hrefs->shift++;
    }
    return parsed + shifts[hrefs->shift].ahead;
}

/* Where in the document the markup stands that is being told of. */
static span_t event_span(dms_hrefs_t *hrefs)
{
    apr_int64_t parsed = dms_position_offset(hrefs->parser, hrefs->parsed);
    span_t span = {document_offset(hrefs, parsed), 0};

    span.end = span.start + dms_position_length(hrefs->parser);
    return span;
}

/* Ends the reading: all leaves as it is. */
static void stop(dms_hrefs_t *hrefs, const char *problem, apr_int64_t at)
{
    pass(hrefs, at);
    hrefs->is_off = 1;
    hrefs->problem = apr_psprintf(hrefs->pool,
                                  "%s (line %" APR_INT64_T_FMT ", column %" APR_INT64_T_FMT
                                  ", byte %" APR_INT64_T_FMT ")",
                                  problem, hrefs->lines + 1, at - hrefs->line_start + 1, at);
    pass(hrefs, hrefs->fed);
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

    pass(hrefs, hrefs->text_start);
    put_text(hrefs, text);
    for (i = 0; i < hrefs->asides->nelts; i++) {
        span_t aside = APR_ARRAY_IDX(hrefs->asides, i, span_t);

        skip(hrefs, aside.start);
        pass(hrefs, aside.end);
    }
    skip(hrefs, end);
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

dms_hrefs_t *dms_hrefs_create(apr_pool_t *pool, dms_buffer_t *out, dms_hrefs_map_fn *map,
                              void *baton, dms_tally_t *tally)
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
    hrefs->shifts = apr_array_make(pool, 64, sizeof(shift_t));
    memset(apr_array_push(hrefs->shifts), 0, sizeof(shift_t));
    dms_skim_init(&hrefs->skim, pool, tally);
    create_parser(hrefs);
    return hrefs;
}

static void parse(dms_hrefs_t *hrefs, const char *bytes, apr_size_t length, int is_final)
{
    dms_meter_t *before = dms_meter_enter(&hrefs->meter);
    enum XML_Status status;
    apr_int64_t at;

    hrefs->parsed += (apr_int64_t)length;
    status = XML_Parse(hrefs->parser, bytes, (int)length, is_final);
    at = dms_position_offset(hrefs->parser, hrefs->parsed);
    dms_meter_leave(before);
    at = at < 0 ? 0 : document_offset(hrefs, at);
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

/* Only the shift at hand is needed any more. */
static void forget_shifts(dms_hrefs_t *hrefs)
{
    shift_t *shifts = (shift_t *)hrefs->shifts->elts;

    memmove(shifts, shifts + hrefs->shift,
            (apr_size_t)(hrefs->shifts->nelts - hrefs->shift) * sizeof(*shifts));
    hrefs->shifts->nelts -= hrefs->shift;
    hrefs->shift = 0;
}

/* Copies these bytes without the holes in them; returns the length of what is left. */
static apr_size_t abridge(dms_hrefs_t *hrefs, const char *bytes, apr_size_t length)
{
    const dms_hole_t *holes = (const dms_hole_t *)hrefs->skim.holes->elts;
    apr_int64_t ahead = APR_ARRAY_IDX(hrefs->shifts, hrefs->shifts->nelts - 1, shift_t).ahead;
    apr_size_t from = 0, to = 0;
    int i;

    for (i = 0; i < hrefs->skim.holes->nelts; i++) {
        shift_t shift;

        memcpy(hrefs->abridged + to, bytes + from, holes[i].start - from);
        to += holes[i].start - from;
        from = holes[i].end;
        ahead += (apr_int64_t)(holes[i].end - holes[i].start);
        shift.from = hrefs->parsed + (apr_int64_t)to;
        shift.ahead = ahead;
        APR_ARRAY_PUSH(hrefs->shifts, shift_t) = shift;
    }
    memcpy(hrefs->abridged + to, bytes + from, length - from);
    return to + length - from;
}

/* How far the document may leave: an href and markup that have not ended stay. */
static apr_int64_t passable(dms_hrefs_t *hrefs)
{
    if (hrefs->is_off) {
        return hrefs->fed;
    }
    if (hrefs->is_plain && hrefs->settled - hrefs->text_start > DMS_HREFS_LENGTH) {
        hrefs->is_plain = 0;
    }
    return hrefs->is_plain ? hrefs->text_start : hrefs->settled;
}

/* Gives Expat what has come, as far as it has not got it, without what it need not read. */
static void read_window(dms_hrefs_t *hrefs)
{
    const char *bytes = byte_at(hrefs, hrefs->skimmed);
    apr_size_t length;

    if (encoding_of(hrefs->head) != BYTES) {
        hrefs->skim.is_off = 1;
    }
    length = dms_skim(&hrefs->skim, bytes, (apr_size_t)(hrefs->fed - hrefs->skimmed));
    hrefs->skimmed += (apr_int64_t)length;
    if (hrefs->skim.holes->nelts) {
        length = abridge(hrefs, bytes, length);
        bytes = hrefs->abridged;
    }
    parse(hrefs, bytes, length, 0);
    forget_shifts(hrefs);
}

static void feed_piece(dms_hrefs_t *hrefs, const char *bytes, apr_size_t length)
{
    apr_size_t i;

    for (i = 0; i < length && hrefs->fed + (apr_int64_t)i < 2; i++) {
        hrefs->head[hrefs->fed + (apr_int64_t)i] = (unsigned char)bytes[i];
    }
    fill_window(hrefs, bytes, length);
    if (!hrefs->is_off && hrefs->fed > 1) {
        read_window(hrefs);
    }
    pass(hrefs, passable(hrefs));
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
        stop(hrefs, "the document breaks off", hrefs->fed);
    }
    else if (!hrefs->is_off && hrefs->fed) {
        hrefs->skim.is_off = 1;
        read_window(hrefs);
        parse(hrefs, "", 0, 1);
    }
    hrefs->is_off = 1;
    pass(hrefs, hrefs->fed);
}

const char *dms_hrefs_problem(const dms_hrefs_t *hrefs)
{
    return hrefs->problem;
}
