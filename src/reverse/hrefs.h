/*
 * An XML document that passes through, with the text of its DAV:href elements replaced and every
 * other byte as it was: prefixes, order, comments, CDATA sections, white space, encoding.
 *
 * Expat reads along, but for what can't matter (reverse/skim.h), and tells where in the document an
 * href's text stands. What is read leaves at once; only an href that has not ended, or markup that
 * has not, is kept until the rest has come. So memory does not grow with the document, in whatever
 * pieces it comes. A document that is not well-formed, or asks for too much, passes from there on
 * as it is: dms_hrefs_problem() says why.
 *
 * The new text is written in the document's own encoding, with what XML needs escaped. Comments and
 * processing instructions inside an href are kept, behind its text. An href that has elements in
 * it, or is longer than DMS_HREFS_LENGTH, is left alone.
 *
 * A document type declaration ends the reading: entities are never expanded.
 */
#ifndef DMS_HREFS_H
#define DMS_HREFS_H

#include <apr_pools.h>

#include "multistatus/buffer.h"
#include "reverse/mapping.h"
#include "reverse/tally.h"

#define DMS_HREFS_LENGTH 65536   /* bytes between an href's tags */
#define DMS_HREFS_MEMORY 1048576 /* bytes that Expat may take, for all names, depth and markup */

typedef struct dms_hrefs_t dms_hrefs_t;

/* Creates one in pool, whose output goes into out; the parser is freed with the pool. map gets an
 * href's text (UTF-8, as it was between the tags but for references and CDATA) and a pool that is
 * cleared after it; what it returns is ASCII. tally: where responses are counted, or NULL. */
dms_hrefs_t *dms_hrefs_create(apr_pool_t *pool, dms_buffer_t *out, dms_map_fn *map, void *baton,
                              dms_tally_t *tally);

/* Takes the next bytes of the document, which nothing refers to afterwards. What can leave is in
 * the buffer; it is the caller's to pass that on. */
void dms_hrefs_feed(dms_hrefs_t *hrefs, const char *bytes, apr_size_t length);

/* Ends the document: all that was kept leaves. is_whole: it has come to its end; otherwise it is
 * known to break off. */
void dms_hrefs_finish(dms_hrefs_t *hrefs, int is_whole);

/* What kept the document from being read to its end, and where (line and column, in bytes, from 1;
 * byte of the document, from 0), in the pool; NULL where nothing did. */
const char *dms_hrefs_problem(const dms_hrefs_t *hrefs);

#endif
