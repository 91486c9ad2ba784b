/*
 * The window on a document that passes: the bytes that have come and not left yet, and where
 * in the document Expat is, which does not read all of it.
 *
 * Offsets are in bytes from the document's beginning: passed <= read <= fed. What has come is
 * *fed*; of that Expat has got what is before *read*, without the holes that the skimmer has found
 * (reverse/skim.h); what is before *passed* has left, and is gone. The memory grows with what is
 * kept back, and not with the document.
 *
 * Expat counts only what it has got. Each hole makes its own offsets fall further behind the
 * document's; dms_window_offset() tells the one from the other.
 *
 * A window serves one thread. Its memory is in the pool that it was made in.
 */
#ifndef DMS_WINDOW_H
#define DMS_WINDOW_H

#include <apr_pools.h>
#include <apr_tables.h>

#include "multistatus/buffer.h"
#include "reverse/skim.h"

typedef struct dms_window_t {
    apr_int64_t passed;
    apr_int64_t read;
    apr_int64_t fed;
    apr_int64_t parsed; /* as Expat counts: how much it has got */
    /* the rest is its own */
    apr_pool_t *pool;
    dms_buffer_t *out;
    char *bytes; /* from start to fed */
    apr_size_t room;
    apr_int64_t start;
    char *abridged;             /* as large: what of it Expat reads */
    apr_int64_t lines;          /* before passed */
    apr_int64_t line_start;     /* of the one that passed is in */
    apr_array_header_t *shifts; /* how far Expat is behind, from where on */
    int shift;                  /* the one that was good for the last offset */
} dms_window_t;

/* Initialises a window on a document whose bytes leave into out. */
void dms_window_init(dms_window_t *window, apr_pool_t *pool, dms_buffer_t *out);

/* Appends what has come, which nothing refers to afterwards. */
void dms_window_fill(dms_window_t *window, const char *bytes, apr_size_t length);

/* The bytes from an offset on, which is not before passed, up to fed. Good until the next fill. */
const char *dms_window_at(const dms_window_t *window, apr_int64_t offset);

/* Lets the document leave up to an offset; does nothing where it has already. */
void dms_window_pass(dms_window_t *window, apr_int64_t end);

/* Leaves out what is before an offset, which is not before passed. */
void dms_window_skip(dms_window_t *window, apr_int64_t end);

/* Takes the next so many bytes as read, and forgets what only concerned events before those of the
 * last dms_window_offset(). Returns what Expat is to get of them, good until the next fill or read,
 * and its length: all but the holes (dms_hole_t, from the first of these bytes). */
const char *dms_window_read(dms_window_t *window, apr_size_t *length,
                            const apr_array_header_t *holes);

/* The document's offset of an offset of Expat's, which is not before the one asked for last. */
apr_int64_t dms_window_offset(dms_window_t *window, apr_int64_t parsed);

/* An offset for people, "line 1, column 1, byte 0" (columns in bytes), in the window's pool; it is
 * in the line that passed is in. */
const char *dms_window_place(const dms_window_t *window, apr_int64_t offset);

#endif
