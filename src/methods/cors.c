#include "methods/cors.h"

#include <httpd.h>

#include <apr_strings.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>

#include "config/config.h"
#include "methods/table.h"

/* What of an answer a page may read beside what it always may. */
#define EXPOSED                                                                                    \
    "Accept-Patch, Accept-Ranges, Allow, Content-Length, Content-Location, Content-Range, DAV, "   \
    "ETag, Last-Modified, Location, Lock-Token, MS-Author-Via, OC-Checksum, Preference-Applied, "  \
    "Repr-Digest, Retry-After, "                                                                   \
    "WWW-Authenticate, X-OC-MTime"

/* What of a request a page may set beside what it always may. */
#define ACCEPTED                                                                                   \
    "Authorization, Cache-Control, Content-Digest, Content-MD5, Content-Range, Content-Type, "     \
    "Depth, Destination, Digest, If, If-Match, If-Modified-Since, If-None-Match, If-Range, "                      \
    "If-Unmodified-Since, Lock-Token, OC-Checksum, Overwrite, Pragma, Prefer, Range, "             \
    "Repr-Digest, Timeout, Want-Repr-Digest, X-Expected-Entity-Length, X-OC-Mtime, X-Requested-With, "      \
    "X-Update-Range"

/* For how long a browser need not ask again, in seconds: what Chromium takes at the most. */
#define MAX_AGE "7200"

/* What Access-Control-Allow-Origin is to say; NULL: the origin is not allowed. */
static const char *allowed_origin(const apr_array_header_t *origins, const char *origin)
{
    int i;

    for (i = 0; i < origins->nelts; i++) {
        const char *allowed = APR_ARRAY_IDX(origins, i, const char *);

        if (!strcmp(allowed, "*") || !strcmp(allowed, origin)) {
            return allowed;
        }
    }
    return NULL;
}

/* In err_headers_out, so that a challenge and an error have them, too. */
static void allow_reading(request_rec *r, const char *allowed)
{
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Origin", allowed);
    apr_table_setn(r->err_headers_out, "Access-Control-Expose-Headers", EXPOSED);
    if (strcmp(allowed, "*")) { /* whoever is allowed by name may come with the user's password */
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Credentials", "true");
    }
}

static int answer_preflight(request_rec *r)
{
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Methods", dms_table_names(r->pool));
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Headers", ACCEPTED);
    apr_table_setn(r->err_headers_out, "Access-Control-Max-Age", MAX_AGE);
    r->status = HTTP_NO_CONTENT;
    return DONE;
}

static int is_preflight(const request_rec *r)
{
    return r->method_number == M_OPTIONS && apr_table_get(r->headers_in, "Origin")
           && apr_table_get(r->headers_in, "Access-Control-Request-Method");
}

/* As a header parser it comes after the configuration is known, and before any access check. It is
 * the URL which the browser has asked for that decides, not one from which an error's page comes. */
static int look_at_origin(request_rec *r)
{
    const dms_config_t *config = dms_config_of(r);
    const char *origin = apr_table_get(r->headers_in, "Origin"), *allowed;

    if (r->prev || !dms_config_is_on(config) || !config->origins || !config->origins->nelts) {
        return DECLINED;
    }
    apr_table_mergen(r->err_headers_out, "Vary", "Origin"); /* also for who has none */
    allowed = origin ? allowed_origin(config->origins, origin) : NULL;
    if (!allowed) {
        return DECLINED;
    }
    allow_reading(r, allowed);
    return is_preflight(r) ? answer_preflight(r) : DECLINED;
}

void dms_cors_register_hooks(void)
{
    ap_hook_header_parser(look_at_origin, NULL, NULL, APR_HOOK_MIDDLE);
}
