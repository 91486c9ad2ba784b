#include "reverse/skim.h"

#include <string.h>

/* Markup that is longer is not waited for. */
#define MARKUP_LENGTH 65536

void dms_skim_init(dms_skim_t *skim, apr_pool_t *pool, const dms_tally_t *tally)
{
    memset(skim, 0, sizeof(*skim));
    skim->holes = apr_array_make(pool, 64, sizeof(dms_hole_t));
    skim->tally = tally;
}

/* --- markup --- */

/* Behind the first of these (two or three characters, the last of which is ">"); NULL where there
 * is none. */
static const char *behind(const char *at, const char *end, const char *what)
{
    apr_size_t before = strlen(what) - 1;
    const char *start = at;

    while ((at = memchr(at, '>', (apr_size_t)(end - at)))) {
        if ((apr_size_t)(at - start) >= before && !memcmp(at - before, what, before)) {
            return at + 1;
        }
        at++;
    }
    return NULL;
}

/* A ">" between quotation marks does not end a tag. */
static const char *behind_tag(const char *at, const char *end)
{
    while (at < end && *at != '>') {
        if (*at == '"' || *at == '\'') {
            at = memchr(at + 1, *at, (apr_size_t)(end - at - 1));
            if (!at) {
                return NULL;
            }
        }
        at++;
    }
    return at < end ? at + 1 : NULL;
}

/* Behind what begins with "<!" or "<?"; NULL where it does not end yet. */
static const char *behind_other(dms_skim_t *skim, const char *open, const char *end)
{
    static const char cdata[] = "<![CDATA[";

    if (open[1] == '?') {
        return behind(open + 2, end, "?>");
    }
    if (end - open < (apr_ssize_t)sizeof(cdata) - 1) {
        return NULL;
    }
    if (!memcmp(open, "<!--", 4)) {
        return behind(open + 4, end, "-->");
    }
    if (!memcmp(open, cdata, sizeof(cdata) - 1)) {
        return behind(open + sizeof(cdata) - 1, end, "]]>");
    }
    skim->is_off = 1; /* a document type declaration */
    return end;
}

/* --- elements --- */

/* Whether a name without its prefix is this one, of so many characters. */
static inline int is_local(const char *name, apr_size_t length, const char *local,
                           apr_size_t wanted)
{
    return length >= wanted && name[length - 1] == local[wanted - 1]
           && !memcmp(name + length - wanted, local, wanted)
           && (length == wanted || name[length - wanted - 1] == ':');
}

static inline int is_href(const char *name, apr_size_t length)
{
    return is_local(name, length, "href", 4);
}

/* Whether an element has to be read; in a listing, a propstat's status has not. */
static int matters(const dms_skim_t *skim, const char *name, apr_size_t length)
{
    if (is_href(name, length)) {
        return 1;
    }
    return skim->tally
           && (is_local(name, length, "response", 8)
               || ((skim->tally->counts_propstats || !skim->depth)
                   && is_local(name, length, "status", 6)));
}

static void add_hole(dms_skim_t *skim, apr_size_t start, apr_size_t end)
{
    apr_array_header_t *holes = skim->holes;
    dms_hole_t hole = {start, end};

    while (holes->nelts && APR_ARRAY_IDX(holes, holes->nelts - 1, dms_hole_t).start >= start) {
        holes->nelts--; /* it is inside */
    }
    APR_ARRAY_PUSH(holes, dms_hole_t) = hole;
}

static apr_size_t name_length(const char *name, const char *end)
{
    const char *at = name;

    while (at < end && (unsigned char)*at > ' ' && *at != '/' && *at != '>') {
        at++;
    }
    return (apr_size_t)(at - name);
}

/* Both take the tag that begins at "<", and return what is behind it; NULL where it does not end
 * yet. */
static const char *take_end(dms_skim_t *skim, const char *bytes, const char *open, const char *end)
{
    const char *name = open + 2, *close;

    if (skim->depth) {
        const dms_open_t *last = &skim->open[skim->depth - 1];

        if (last->length < (apr_size_t)(end - name) && name[last->length] == '>'
            && !memcmp(last->name, name, last->length)) {
            skim->depth--;
            close = name + last->length + 1;
            add_hole(skim, (apr_size_t)(last->start - bytes), (apr_size_t)(close - bytes));
            return close;
        }
    }
    close = behind_tag(name, end);
    if (close) {
        skim->depth = 0;
        skim->in_href &= !is_href(name, name_length(name, close));
    }
    return close;
}

static const char *take_start(dms_skim_t *skim, const char *bytes, const char *open,
                              const char *end)
{
    const char *name = open + 1;
    apr_size_t length = name_length(name, end);
    const char *close = behind_tag(name + length, end);
    int is_empty = close && close[-2] == '/';

    if (!close) {
        return NULL;
    }
    if (!skim->has_root || skim->in_href || matters(skim, name, length)) {
        skim->depth = 0;
        skim->has_root = 1;
        skim->in_href |= !is_empty && is_href(name, length);
    }
    else if (is_empty) {
        add_hole(skim, (apr_size_t)(open - bytes), (apr_size_t)(close - bytes));
    }
    else if (skim->depth == DMS_SKIM_DEPTH) {
        skim->depth = 0;
    }
    else {
        dms_open_t opened = {open, name, length};

        skim->open[skim->depth++] = opened;
    }
    return close;
}

/* Character data behind a hole goes with it. */
static void widen_hole(dms_skim_t *skim, apr_size_t from, apr_size_t to)
{
    if (skim->holes->nelts) {
        dms_hole_t *last = &APR_ARRAY_IDX(skim->holes, skim->holes->nelts - 1, dms_hole_t);

        if (last->end == from) {
            last->end = to;
        }
    }
}

apr_size_t dms_skim(dms_skim_t *skim, const char *bytes, apr_size_t length)
{
    const char *at = bytes, *end = bytes + length, *open, *close;

    skim->depth = 0;
    apr_array_clear(skim->holes);
    for (; !skim->is_off && at < end; at = close) {
        open = memchr(at, '<', (apr_size_t)(end - at));
        if (!open) {
            break;
        }
        widen_hole(skim, (apr_size_t)(at - bytes), (apr_size_t)(open - bytes));
        close = end - open < 2                     ? NULL
                : open[1] == '/'                   ? take_end(skim, bytes, open, end)
                : open[1] == '!' || open[1] == '?' ? behind_other(skim, open, end)
                                                   : take_start(skim, bytes, open, end);
        if (!close) {
            skim->is_off = end - open > MARKUP_LENGTH;
            return skim->is_off ? length : (apr_size_t)(open - bytes);
        }
    }
    return length;
}
