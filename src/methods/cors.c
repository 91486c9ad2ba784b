#include "methods/cors.h"

#include <httpd.h>

#include <apr_strings.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include "config/config.h"
#include "methods/table.h"

/* What of an answer a page may read beside what it always may. */
#define EXPOSED                                                                                    \
    "Accept-Encoding, Accept-Patch, Accept-Ranges, Allow, Content-Length, Content-Location, "      \
    "Content-Range, DAV, ETag, Last-Modified, Location, Lock-Token, MS-Author-Via, OC-Checksum, "  \
    "Preference-Applied, Repr-Digest, Retry-After, WWW-Authenticate, X-OC-MTime"

/* What of a request a page may set beside what it always may. */
#define ACCEPTED                                                                                   \
    "Authorization, Cache-Control, Content-Digest, Content-Encoding, Content-MD5, Content-Range, " \
    "Content-Type, Depth, Destination, Digest, If, If-Match, If-Modified-Since, If-None-Match, "   \
    "If-Range, If-Unmodified-Since, Lock-Token, OC-Checksum, Overwrite, Pragma, Prefer, Range, "   \
    "Repr-Digest, Timeout, Want-Repr-Digest, X-Expected-Entity-Length, X-OC-Mtime, "               \
    "X-Requested-With, X-Update-Range"

/* For how long a browser need not ask again, in seconds: what Chromium takes at the most. */
#define MAX_AGE "7200"

#define PREFIX "Access-Control-"

/* Takes out what others say: two answers to one question are none to a browser. */
static void forget_others(apr_table_t *headers)
{
    const apr_array_header_t *all = apr_table_elts(headers);
    int i;

    for (i = all->nelts - 1; i >= 0; i--) {
        const char *name = i < all->nelts ? APR_ARRAY_IDX(all, i, apr_table_entry_t).key : NULL;

        if (name && !strncasecmp(name, PREFIX, sizeof(PREFIX) - 1)) {
            apr_table_unset(headers, name);
        }
    }
}

/* The list is the last word: what is said by it, and nothing beside it. In err_headers_out, so that
 * a challenge and an error have it, too. "" is of a page that may do nothing. */
static void allow_reading(request_rec *r, const char *allowed)
{
    forget_others(r->headers_out);
    forget_others(r->err_headers_out);
    if (*allowed) {
        apr_table_setn(r->err_headers_out, PREFIX "Allow-Origin", allowed);
        apr_table_setn(r->err_headers_out, PREFIX "Expose-Headers", EXPOSED);
    }
    if (*allowed && strcmp(allowed, "*") != 0) { /* by name: it may use the user's password */
        apr_table_setn(r->err_headers_out, PREFIX "Allow-Credentials", "true");
    }
}

static int answer_preflight(request_rec *r)
{
    apr_table_setn(r->err_headers_out, PREFIX "Allow-Methods", dms_table_names(r->pool));
    apr_table_setn(r->err_headers_out, PREFIX "Allow-Headers", ACCEPTED);
    apr_table_setn(r->err_headers_out, PREFIX "Max-Age", MAX_AGE);
    r->status = HTTP_NO_CONTENT;
    return DONE;
}

static int is_preflight(const request_rec *r)
{
    return r->method_number == M_OPTIONS && apr_table_get(r->headers_in, "Origin")
           && apr_table_get(r->headers_in, "Access-Control-Request-Method");
}

/* What a request's page is allowed by, or ""; an error's page, another request, inherits it. */
static const char note[] = "dav-multistatus-origin";

/* As a header parser it comes after the configuration is known, and before any access check. The
 * URL which the browser has asked for decides, not one from which an error's page comes. */
static int look_at_origin(request_rec *r)
{
    const dms_config_t *config = dms_config_of(r);
    const char *origin = apr_table_get(r->headers_in, "Origin"), *allowed;

    if (r->prev) {
        allowed = apr_table_get(r->prev->notes, note);
    }
    else if (!dms_config_is_on(config) || !config->origins || !config->origins->nelts) {
        return DECLINED;
    }
    else {
        apr_table_mergen(r->err_headers_out, "Vary", "Origin"); /* also for who has none */
        allowed = origin ? dms_config_origin(config, origin) : NULL;
        allowed = allowed ? allowed : "";
    }
    if (!allowed) {
        return DECLINED;
    }
    apr_table_setn(r->notes, note, allowed);
    allow_reading(r, allowed);
    return !r->prev && *allowed && is_preflight(r) ? answer_preflight(r) : DECLINED;
}

/* Says it again, after all that answers. */
static apr_status_t say_again(ap_filter_t *f, apr_bucket_brigade *bb)
{
    allow_reading(f->r, f->ctx);
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, bb);
}

/* Set once, while modules are loaded. */
static ap_filter_rec_t *repeater;

static void insert_filter(request_rec *r)
{
    const char *allowed = apr_table_get(r->notes, note);

    if (allowed) {
        ap_add_output_filter_handle(repeater, (void *)allowed, r, r->connection);
    }
}

void dms_cors_register_hooks(void)
{
    ap_hook_header_parser(look_at_origin, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_filter(insert_filter, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_error_filter(insert_filter, NULL, NULL, APR_HOOK_MIDDLE);
    /* before what makes the head */
    repeater = ap_register_output_filter("DAV_MULTISTATUS_CORS", say_again, NULL,
                                         AP_FTYPE_PROTOCOL - 1);
}
