/*
 * What a request does to other resources than its own, before it goes to the backend.
 *
 * The backend knows this proxy, not its clients: so who may do what is this httpd's to say, for
 * each URL that a request names (acts/acts.h), and not only for the one that it is sent to. A
 * Destination has to be one that the client may write, and replace; a COPY reads, a MOVE removes,
 * and a LOCK may create. What lies below is the backend's to know, but for the <Location>s that
 * this httpd has there: each of those is asked for, and one refusal refuses the whole.
 *
 * What a request names has to be in the same mapped place; nothing else reaches the backend.
 */
#ifndef DMS_PROXY_RIGHTS_H
#define DMS_PROXY_RIGHTS_H

#include "proxy/proxied.h"

/* HTTP_OK, or the status with which to refuse the request: what httpd refuses the act with; 502
 * where the Destination is not in the mapped place (RFC 4918, section 9.8.5); 412 where a resource
 * of a tagged If is not, or the client may not see it: then its condition is false (10.4.4); 400
 * where the header can't be read. */
int dms_proxied_rights(const dms_proxied_t *proxied);

#endif
