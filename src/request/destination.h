/*
 * The Destination header (RFC 4918, section 10.3), and Overwrite (10.6).
 */
#ifndef DMS_DESTINATION_H
#define DMS_DESTINATION_H

#include <apr_pools.h>

typedef struct dms_destination_t {
    const char *path;   /* escaped, begins with a slash */
    const char *host;   /* without port, lower case; NULL: the value was a path alone */
    unsigned int port;  /* 0: none was given */
    const char *scheme; /* NULL as host */
} dms_destination_t;

/* Takes a Destination apart, into pool. Returns what is wrong with it (static), or NULL. */
const char *dms_destination_parse(apr_pool_t *pool, const char *value,
                                  dms_destination_t *destination);

/* A path whose bytes are not all UTF-8 is taken as ISO 8859-1, which is how a browser's fetch()
 * sends what a page has not escaped: given back in UTF-8, escaped, in pool. Any other path as it
 * is. */
const char *dms_destination_in_utf8(apr_pool_t *pool, const char *path);

/* Whether a destination names the host that a Host header does (NULL: none), whatever the port. */
int dms_destination_is_of(const dms_destination_t *destination, const char *host_header);

/* The same, and the port: one that is missing is the scheme's; behind a proxy that ends TLS,
 * either's. */
int dms_destination_is_at(const dms_destination_t *destination, const char *host_header);

/* Whether to overwrite: 1 T or absent, 0 F, -1 neither. */
int dms_overwrite_parse(const char *value);

#endif
