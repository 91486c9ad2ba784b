/*
 * Request headers that mean the same to several methods.
 *
 * Each function takes the header's value as httpd has it, NULL where the header is absent.
 */
#ifndef DMS_HEADERS_H
#define DMS_HEADERS_H

#include <apr_tables.h>

/* Makes of a client's headers, in place and in pool, what the functions below can read: one that is
 * to come once, and came several times with the same value, came once; entity tags are those that
 * the resource has, not those that mod_deflate and mod_brotli have made of them ("T-gzip", "T-br")
 * on the way out. Not so in If-Range: there the tag is of the bytes that a client has a part of. */
void dms_headers_settle(apr_pool_t *pool, apr_table_t *headers);

/* Depth (RFC 4918, section 10.2). */
typedef enum dms_depth_e {
    DMS_DEPTH_INVALID = -1, /* present, but none of the three */
    DMS_DEPTH_0 = 0,
    DMS_DEPTH_1 = 1,
    DMS_DEPTH_INFINITY = 2
} dms_depth_e;

/* The depth that a Depth header asks for; absent, it is fallback. */
dms_depth_e dms_depth_parse(const char *depth, dms_depth_e fallback);

/* The same, for a method that can leave the resource itself out: "1,noroot" and "infinity,noroot",
 * an older spelling of Prefer: depth-noroot (RFC 8144, section 4), set *no_root. */
dms_depth_e dms_depth_parse_members(apr_pool_t *pool, const char *depth, dms_depth_e fallback,
                                    int *no_root);

/* Whether an Accept header prefers text/xml to application/xml (RFC 9110, section 12.5.1); where it
 * likes both alike, whether the request's own body is of that type. */
int dms_accept_prefers_text_xml(const char *accept, const char *content_type);

/* Whether an Accept header, or NULL, is a browser's that shows a page: it names text/html, and no
 * type of XML that it likes as much. */
int dms_accept_prefers_html(const char *accept);

/* What a Content-Type header says of a body that has to be XML. */
typedef enum dms_media_e {
    DMS_MEDIA_XML,    /* text/xml, application/xml, or a type that ends in +xml */
    DMS_MEDIA_UNTOLD, /* absent, or what curl -d says of any body */
    DMS_MEDIA_OTHER
} dms_media_e;

dms_media_e dms_media_parse(const char *content_type);

/* Whether a Content-Type names a type, whatever its parameters. */
int dms_is_media_type(const char *content_type, const char *type);

/* The part of a file that a request's body is. */
typedef struct dms_range_t {
    apr_off_t offset;
    apr_off_t length; /* -1: as long as the body is */
    int is_from_end;  /* offset is counted back from the file's end */
    int is_last;      /* it is known to end the file */
} dms_range_t;

/* Content-Range in a request: "bytes FIRST-LAST/TOTAL" (RFC 9110, section 14.4). Returns whether it
 * is one that can be written. */
int dms_range_parse(const char *content_range, dms_range_t *range);

/* SabreDAV's X-Update-Range: "bytes=FIRST-LAST", "bytes=FIRST-", "bytes=-COUNT" or "append", and
 * the type of the body that it comes with. */
#define DMS_PARTIAL_UPDATE "application/x-sabredav-partialupdate"
int dms_update_range_parse(const char *x_update_range, dms_range_t *range);

/* Seconds since 1970, as X-OC-Mtime has them; a fraction is dropped. Returns whether it is a
 * number. */
int dms_seconds_parse(const char *value, apr_int64_t *seconds);

#endif
