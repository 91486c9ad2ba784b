/*
 * References, from one URL space into another: what a reverse proxy's clients see (the *public*
 * side) and what the server behind it sees (the *backend*).
 *
 * A *reference* is what an href or a Destination holds (RFC 4918, section 8.3): an absolute path or
 * an absolute http or https URL, escaped; a query or a fragment may follow. It belongs to a side
 * where its path is the side's or below it, by whole segments, and, where it names an authority,
 * that is one of the side's. A mapped reference keeps its form: a path stays a path, a URL becomes
 * the URL on the other side.
 *
 * Paths are compared by what they mean: "%7e", "%7E" and "~" are the same; "%2F" is no slash. A
 * path with a "." or ".." segment belongs nowhere, since what it means is the other's to say. What
 * becomes a path from the other's root begins with one slash: two would name another host.
 * Authorities are compared as Destination and Host are (request/destination.h): a port that is
 * missing, 80 and 443 are all the same, since TLS may end anywhere.
 */
#ifndef DMS_MAPPING_H
#define DMS_MAPPING_H

#include <apr_pools.h>

typedef struct dms_side_t {
    const char *root;      /* scheme and authority of its URLs: "https://host:8443" */
    const char *authority; /* what its URLs may name, as a Host header has it; NULL: nothing */
    const char *alias;     /* another one, or NULL */
    const char *path;      /* escaped, without a slash at its end: "" for all */
} dms_side_t;

/* Reads what the directive has: public is a path, backend an http or https URL. Fills both paths,
 * and the backend's root and authority, in pool. Returns what is wrong (static), or NULL. */
const char *dms_mapping_parse(apr_pool_t *pool, const char *public_path, const char *backend_url,
                              dms_side_t *public_side, dms_side_t *backend_side);

/* The reference on the other side, in pool, with what a URI can't hold escaped; NULL where it does
 * not belong to "from". White space around it does not count. */
const char *dms_map(apr_pool_t *pool, const dms_side_t *from, const dms_side_t *to,
                    const char *reference);

/* What is to stand in place of a reference, in pool; NULL: what was there. */
typedef const char *dms_map_fn(void *baton, apr_pool_t *pool, const char *reference);

/* An If header (RFC 4918, section 10.4) with the resources of its tagged lists mapped, in pool;
 * value itself where there is nothing to map; NULL where a list or a resource has no end. */
const char *dms_map_if(apr_pool_t *pool, dms_map_fn *map, void *baton, const char *value);

#endif
