/*
 * Requests that mod_proxy sends to a WebDAV server of another path, host or scheme
 * (DavMultistatusReverse).
 *
 * What a client sends is mapped on its way to the backend, at mod_proxy's own fixups, where a
 * copy of the request's headers is made ready for the backend: logs and other modules see what the
 * client sent. XML bodies go through an input filter. What the backend answers goes through an
 * output filter, headers first.
 *
 * Both filters hold no more of a body than an href that has not ended (reverse/hrefs.h).
 */
#ifndef DMS_PROXIED_H
#define DMS_PROXIED_H

#include <httpd.h>

#include "config/config.h"
#include "reverse/mapping.h"

typedef struct dms_answer_t dms_answer_t;

/* Lives in the request's pool, as the context of the output filter. */
typedef struct dms_proxied_t {
    request_rec *r;
    dms_side_t public_side;
    dms_side_t backend_side;
    int is_webdav;        /* the method's answers can hold hrefs */
    int has_xml;          /* the request's body can */
    dms_answer_t *answer; /* of answers.c; NULL until it begins */
} dms_proxied_t;

/* Both sides as a request has them. */
dms_proxied_t *dms_proxied_create(request_rec *r, const dms_reverse_t *reverse);

/* Whether mod_proxy is to answer a request. */
int dms_proxied_is(const request_rec *r);

/* The dms_map_fns; baton is a dms_proxied_t. */
const char *dms_proxied_to_public(void *proxied, apr_pool_t *pool, const char *reference);
const char *dms_proxied_to_backend(void *proxied, apr_pool_t *pool, const char *reference);

/* The same for what a header names: a resource (no query, no fragment), without dot segments and
 * double slashes, as httpd takes it when it is asked for the rights to it. */
const char *dms_proxied_named_to_backend(void *proxied, apr_pool_t *pool, const char *reference);

/* The path, escaped, at which httpd is to be asked for such a resource; NULL where it is not in the
 * mapped place. In the request's pool. */
const char *dms_proxied_public_path(const dms_proxied_t *proxied, const char *reference);

/* Removes the digests of a body that does not stay what it was. */
void dms_proxied_drop_digests(apr_table_t *headers);

#endif
