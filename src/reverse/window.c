#include "reverse/window.h"

#include <string.h>

#include <apr_strings.h>

/* From this byte of Expat's on, the document is so many bytes ahead. */
typedef struct shift_t {
    apr_int64_t from;
    apr_int64_t ahead;
} shift_t;

void dms_window_init(dms_window_t *window, apr_pool_t *pool, dms_buffer_t *out)
{
    memset(window, 0, sizeof(*window));
    window->pool = pool;
    window->out = out;
    window->shifts = apr_array_make(pool, 64, sizeof(shift_t));
    memset(apr_array_push(window->shifts), 0, sizeof(shift_t)); /* good for all before the next */
}

const char *dms_window_at(const dms_window_t *window, apr_int64_t offset)
{
    return window->bytes + (offset - window->start);
}

void dms_window_fill(dms_window_t *window, const char *bytes, apr_size_t length)
{
    apr_size_t left = (apr_size_t)(window->fed - window->passed);

    if (left + length > window->room) {
        char *larger = apr_palloc(window->pool, 2 * (left + length));

        if (left) {
            memcpy(larger, dms_window_at(window, window->passed), left);
        }
        window->bytes = larger;
        window->abridged = apr_palloc(window->pool, 2 * (left + length));
        window->room = 2 * (left + length);
    }
    else if (left) {
        memmove(window->bytes, dms_window_at(window, window->passed), left);
    }
    memcpy(window->bytes + left, bytes, length);
    window->start = window->passed;
    window->fed += (apr_int64_t)length;
}

/* --- what leaves --- */

void dms_window_skip(dms_window_t *window, apr_int64_t end)
{
    const char *at = dms_window_at(window, window->passed), *stop = dms_window_at(window, end);

    while (at < stop && (at = memchr(at, '\n', (apr_size_t)(stop - at)))) {
        at++;
        window->lines++;
        window->line_start = window->start + (at - window->bytes);
    }
    window->passed = end;
}

void dms_window_pass(dms_window_t *window, apr_int64_t end)
{
    if (window->passed < end) {
        dms_buffer_put(window->out, dms_window_at(window, window->passed),
                       (apr_size_t)(end - window->passed));
        dms_window_skip(window, end);
    }
}

const char *dms_window_place(const dms_window_t *window, apr_int64_t offset)
{
    return apr_psprintf(window->pool,
                        "line %" APR_INT64_T_FMT ", column %" APR_INT64_T_FMT
                        ", byte %" APR_INT64_T_FMT,
                        window->lines + 1, offset - window->line_start + 1, offset);
}

/* --- what is read --- */

apr_int64_t dms_window_offset(dms_window_t *window, apr_int64_t parsed)
{
    const shift_t *shifts = (const shift_t *)window->shifts->elts;

    while (window->shift + 1 < window->shifts->nelts && shifts[window->shift + 1].from <= parsed) {
        window->shift++;
    }
    return parsed + shifts[window->shift].ahead;
}

/* Only the shift at hand, and those after it, are needed any more. */
static void forget_shifts(dms_window_t *window)
{
    shift_t *shifts = (shift_t *)window->shifts->elts;

    memmove(shifts, shifts + window->shift,
            (apr_size_t)(window->shifts->nelts - window->shift) * sizeof(*shifts));
    window->shifts->nelts -= window->shift;
    window->shift = 0;
}

/* Copies these bytes without the holes in them; returns the length of what is left. */
static apr_size_t abridge(dms_window_t *window, const char *bytes, apr_size_t length,
                          const apr_array_header_t *holes)
{
    apr_int64_t ahead = APR_ARRAY_IDX(window->shifts, window->shifts->nelts - 1, shift_t).ahead;
    apr_size_t from = 0, to = 0;
    int i;

    for (i = 0; i < holes->nelts; i++) {
        dms_hole_t hole = APR_ARRAY_IDX(holes, i, dms_hole_t);
        shift_t shift;

        memcpy(window->abridged + to, bytes + from, hole.start - from);
        to += hole.start - from;
        from = hole.end;
        ahead += (apr_int64_t)(hole.end - hole.start);
        shift.from = window->parsed + (apr_int64_t)to;
        shift.ahead = ahead;
        APR_ARRAY_PUSH(window->shifts, shift_t) = shift;
    }
    memcpy(window->abridged + to, bytes + from, length - from);
    return to + length - from;
}

const char *dms_window_read(dms_window_t *window, apr_size_t *length,
                            const apr_array_header_t *holes)
{
    const char *bytes = dms_window_at(window, window->read);

    forget_shifts(window);
    window->read += (apr_int64_t)*length;
    if (holes->nelts) {
        *length = abridge(window, bytes, *length, holes);
        bytes = window->abridged;
    }
    window->parsed += (apr_int64_t)*length;
    return bytes;
}
