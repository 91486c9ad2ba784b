/*
 * What a client sends, on its way to the backend.
 */
#ifndef DMS_REQUESTS_H
#define DMS_REQUESTS_H

#include "proxy/proxied.h"

/* The input filter, and its addition to a request whose body can hold hrefs. */
void dms_requests_register(void);
void dms_requests_add(dms_proxied_t *proxied);

/* Maps headers_in, which is a copy for the backend. */
void dms_requests_map_headers(const dms_proxied_t *proxied, apr_table_t *headers_in);

#endif
