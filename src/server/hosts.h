/*
 * By which names a server is known to its clients.
 *
 * Behind a proxy the name that a client uses need not be the one that reaches httpd in Host: so
 * any of them counts. Which name a client uses of itself decides nothing but whether a Destination,
 * or a resource of a tagged If, is meant to be here.
 */
#ifndef DMS_HOSTS_H
#define DMS_HOSTS_H

#include <httpd.h>

#include "request/destination.h"

/* Whether a URL is of this server, whatever its scheme and port, since TLS and ports may end
 * anywhere: its host is the request's Host, the server's ServerName, one of its ServerAliases, or
 * what a proxy says in X-Forwarded-Host that mod_remoteip trusts. A path alone is. A ServerAlias
 * with a wildcard does not count for a name that is another virtual host's. */
int dms_host_is_ours(request_rec *r, const dms_destination_t *url);

#endif
