#include "server/hosts.h"

#include <apr_strings.h>
#include <http_main.h>

/* The host that the proxy nearest to the client was asked for; NULL where no trusted one says so.
 * mod_remoteip tells another address for the client than the connection's where it trusts that. */
static const char *forwarded_host(request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "X-Forwarded-Host");

    return value && r->useragent_addr != r->connection->client_addr
               ? apr_pstrmemdup(r->pool, value, strcspn(value, ", \t"))
               : NULL;
}

/* Whether one of a server's ServerAliases, literal or patterns (NULL: it has none), is host. */
static int has_alias(const apr_array_header_t *aliases, const char *host)
{
    int i;

    for (i = 0; aliases && i < aliases->nelts; i++) {
        const char *alias = APR_ARRAY_IDX(aliases, i, const char *);

        if (alias && !ap_strcasecmp_match(host, alias)) {
            return 1;
        }
    }
    return 0;
}

static int is_named(const server_rec *server, const char *host)
{
    return !strcasecmp(host, server->server_hostname) || has_alias(server->names, host);
}

/* Whether requests on one port may be for either of two virtual hosts. */
static int shares_port(const server_rec *server, const server_rec *other)
{
    const server_addr_rec *a, *b;

    for (a = server->addrs; a; a = a->next) {
        for (b = other->addrs; b; b = b->next) {
            if (!a->host_port || !b->host_port || a->host_port == b->host_port) {
                return 1;
            }
        }
    }
    return 0;
}

/* Whether a server is named so by a pattern, and httpd has no other one to give the name to: one
 * that has it literally, or by a pattern that comes first. (httpd lists the last one first.) */
static int is_named_by_pattern(const server_rec *server, const char *host)
{
    const server_rec *other;
    int is_first = 0;

    if (!has_alias(server->wild_names, host)) {
        return 0;
    }
    for (other = ap_server_conf->next; other; other = other->next) {
        is_first |= other == server;
        if (other != server
            && (is_named(other, host)
                || (is_first && has_alias(other->wild_names, host)
                    && shares_port(server, other)))) {
            return 0;
        }
    }
    return 1;
}

int dms_host_is_ours(request_rec *r, const dms_destination_t *url)
{
    return !url->host || dms_destination_is_of(url, apr_table_get(r->headers_in, "Host"))
           || is_named(r->server, url->host) || is_named_by_pattern(r->server, url->host)
           || dms_destination_is_of(url, forwarded_host(r));
}
