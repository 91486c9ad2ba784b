/*
 * What of an XML document a reader of hrefs need not read: elements in which no href can be, nor
 * anything that is counted. Most of a 207 is that, its properties above all, and to leave it out
 * takes a fraction of the time that Expat takes for it.
 *
 * A *hole* is an element with all that is in it, from the "<" of its start tag to the ">" of its
 * end tag, and the character data behind it. Inside is no element that matters: none with the local
 * name href, whatever its prefix. So no name has to be looked up, and no namespace that is declared
 * in it can reach outside. It is found by markup alone; names in start and end tags have to agree.
 * The root, and whatever is in an href, is never a hole; nor is what does not end in the piece at
 * hand. What is left is as well-formed as the document, or as ill-formed, but for what is inside a
 * hole, which passes as it is.
 *
 * The document's encoding has to be one in which ASCII's bytes are ASCII's.
 */
#ifndef DMS_SKIM_H
#define DMS_SKIM_H

#include <apr_tables.h>

#include "reverse/tally.h"

#define DMS_SKIM_DEPTH 32

typedef struct dms_hole_t {
    apr_size_t start; /* from the piece's beginning */
    apr_size_t end;
} dms_hole_t;

/* An element that may become a hole. */
typedef struct dms_open_t {
    const char *start; /* of its start tag */
    const char *name;
    apr_size_t length; /* of the name */
} dms_open_t;

typedef struct dms_skim_t {
    apr_array_header_t *holes; /* dms_hole_t: those of the last piece, in order */
    const dms_tally_t *tally;  /* for whom responses and statuses matter, too; or NULL */
    int is_off;                /* no holes any more */
    /* the rest is its own */
    int has_root;
    int in_href;
    int depth;
    dms_open_t open[DMS_SKIM_DEPTH];
} dms_skim_t;

void dms_skim_init(dms_skim_t *skim, apr_pool_t *pool, const dms_tally_t *tally);

/* Skims a piece. Returns how much of it is done with: the rest is the beginning of markup, and has
 * to come again with what follows. */
apr_size_t dms_skim(dms_skim_t *skim, const char *bytes, apr_size_t length);

#endif
