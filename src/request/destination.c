#include "request/destination.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "multistatus/element.h"

const char *dms_destination_parse(apr_pool_t *pool, const char *value,
                                  dms_destination_t *destination)
{
    apr_uri_t uri;

    memset(destination, 0, sizeof(*destination));
    if (!value || !*value) {
        return "there is no Destination header";
    }
    if (apr_uri_parse(pool, value, &uri) != APR_SUCCESS || !uri.path || *uri.path != '/') {
        return "Destination is neither an absolute URI nor an absolute path";
    }
    if (uri.fragment || uri.query || uri.user) {
        return "Destination names no resource: it has a query, a fragment or a user";
    }
    if (uri.scheme && strcasecmp(uri.scheme, "http") && strcasecmp(uri.scheme, "https")) {
        return "Destination is neither an http nor an https URI";
    }
    if (uri.scheme && (!uri.hostname || !*uri.hostname)) {
        return "Destination is an absolute URI without a host";
    }
    destination->path = uri.path;
    if (uri.hostname) {
        char *host = apr_pstrdup(pool, uri.hostname), *c;

        for (c = host; *c; c++) {
            *c = (char)apr_tolower(*c);
        }
        destination->host = host;
        destination->port = uri.port_str && *uri.port_str ? uri.port : 0;
        destination->scheme = uri.scheme ? uri.scheme : "http";
    }
    return NULL;
}

static int is_utf8(const char *text)
{
    apr_size_t length;

    while (*text && (length = dms_char_length(text)) > 0) {
        text += length;
    }
    return !*text;
}

const char *dms_destination_in_utf8(apr_pool_t *pool, const char *path)
{
    char *escaped, *end;

    if (is_utf8(path)) {
        return path;
    }
    escaped = end = apr_palloc(pool, 6 * strlen(path) + 1);
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;

        if (c < 0x80) {
            *end++ = *path;
        }
        else {
            end += sprintf(end, "%%%02X%%%02X", 0xC0 | c >> 6, 0x80 | (c & 0x3F));
        }
    }
    *end = '\0';
    return escaped;
}

static int is_usual_port(unsigned int port)
{
    return port == 0 || port == 80 || port == 443;
}

/* What follows the destination's host in a Host header: a port, or nothing; NULL where the header
 * names another host. */
static const char *behind_host(const dms_destination_t *destination, const char *host_header)
{
    apr_size_t length = strlen(destination->host);

    if (!host_header) {
        return NULL;
    }
    if (*host_header == '[' && *destination->host != '[') { /* an IPv6 address */
        host_header++;
    }
    if (strncasecmp(host_header, destination->host, length)) {
        return NULL;
    }
    host_header += length;
    host_header += *host_header == ']';
    return !*host_header || *host_header == ':' ? host_header : NULL;
}

int dms_destination_is_of(const dms_destination_t *destination, const char *host_header)
{
    return behind_host(destination, host_header) != NULL;
}

int dms_destination_is_at(const dms_destination_t *destination, const char *host_header)
{
    const char *rest = behind_host(destination, host_header);
    unsigned int port = 0;
    char *end;

    if (!rest) {
        return 0;
    }
    if (*rest) {
        port = (unsigned int)strtoul(rest + 1, &end, 10);
        if (*end || strlen(rest) > sizeof(":65535") - 1) {
            return 0;
        }
    }
    return port == destination->port || (is_usual_port(port) && is_usual_port(destination->port));
}

int dms_overwrite_parse(const char *value)
{
    if (!value || !strcasecmp(value, "T")) {
        return 1;
    }
    return !strcasecmp(value, "F") ? 0 : -1;
}
