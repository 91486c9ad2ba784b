#include "server/hosts.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_vhost.h>

/* The host that the proxy nearest to the client was asked for; NULL where no trusted one says so.
 * mod_remoteip tells another address for the client than the connection's where it trusts that. */
static const char *forwarded_host(request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "X-Forwarded-Host");

    return value && r->useragent_addr != r->connection->client_addr
               ? apr_pstrmemdup(r->pool, value, strcspn(value, ", \t"))
               : NULL;
}

int dms_host_is_ours(request_rec *r, const dms_destination_t *url)
{
    return !url->host || dms_destination_is_of(url, apr_table_get(r->headers_in, "Host"))
           || ap_matches_request_vhost(r, url->host, r->server->port)
           || dms_destination_is_of(url, forwarded_host(r));
}
