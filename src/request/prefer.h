/*
 * Prefer (RFC 7240), as far as WebDAV has uses for it (RFC 8144).
 */
#ifndef DMS_PREFER_H
#define DMS_PREFER_H

#include <apr_tables.h>

#define DMS_PREFER_MINIMAL "return=minimal"
#define DMS_PREFER_REPRESENTATION "return=representation"
#define DMS_PREFER_NO_ROOT "depth-noroot"

typedef struct dms_prefer_t {
    int minimal;        /* what can be inferred from its absence is to be left out */
    int representation; /* what the request has made is to be shown */
    int no_root;        /* members only, where Depth is not 0 */
} dms_prefer_t;

/* Reads a header's value (NULL: it is absent), its quoted forms, too. What is unknown, or can't be
 * read, is no preference; of two values of one preference the first counts. */
dms_prefer_t dms_prefer_parse(apr_pool_t *pool, const char *prefer);

/* Tells in an answer's headers that a preference, one of the above, has been followed. */
void dms_prefer_applied(apr_table_t *headers, const char *preference);

/* Tells in them that the answer would be another one with another Prefer. */
void dms_prefer_matters(apr_table_t *headers);

#endif
