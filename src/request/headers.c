#include "request/headers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* --- what clients repeat, and what filters have added --- */

/* The value, where it is the same one several times: "0, 0", as httpd joins two headers. */
static const char *once(apr_pool_t *pool, const char *value)
{
    const char *comma = strstr(value, ", "), *rest = comma;
    apr_size_t length = comma ? (apr_size_t)(comma - value) : 0;

    while (rest && *rest) {
        if (strncmp(rest, ", ", 2) || strncmp(rest + 2, value, length)) {
            return value;
        }
        rest += 2 + length;
    }
    return comma ? apr_pstrmemdup(pool, value, length) : value;
}

/* Entity tags without what content codings have added to them. */
static const char *plain_tags(apr_pool_t *pool, const char *value)
{
    static const char *const added[] = {"-gzip\"", "-br\"", "-zstd\""};
    char *plain = apr_pstrdup(pool, value), *at;
    apr_size_t i;

    for (i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
        for (at = plain; (at = strstr(at, added[i])) != NULL; at++) {
            memmove(at, at + strlen(added[i]) - 1, strlen(at + strlen(added[i]) - 1) + 1);
        }
    }
    return plain;
}

typedef const char *settle_fn(apr_pool_t *pool, const char *value);

static void settle(apr_pool_t *pool, apr_table_t *headers, const char *name, settle_fn *settled)
{
    const char *value = apr_table_get(headers, name);

    if (value) {
        apr_table_setn(headers, name, settled(pool, value));
    }
}

void dms_headers_settle(apr_pool_t *pool, apr_table_t *headers)
{
    static const char *const single[] = {"Depth", "Destination", "Lock-Token", "Overwrite",
                                         "X-OC-Mtime"};
    static const char *const tagged[] = {"If", "If-Match", "If-None-Match"};
    apr_size_t i;

    for (i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        settle(pool, headers, single[i], once);
    }
    for (i = 0; i < sizeof(tagged) / sizeof(tagged[0]); i++) {
        settle(pool, headers, tagged[i], plain_tags);
    }
}

/* --- one by one --- */

dms_depth_e dms_depth_parse(const char *depth, dms_depth_e fallback)
{
    if (!depth) {
        return fallback;
    }
    if (!strcmp(depth, "0")) {
        return DMS_DEPTH_0;
    }
    if (!strcmp(depth, "1")) {
        return DMS_DEPTH_1;
    }
    return !strcasecmp(depth, "infinity") ? DMS_DEPTH_INFINITY : DMS_DEPTH_INVALID;
}

static const char *skip_space(const char *s)
{
    while (*s == ' ' || *s == '\t') {
        s++;
    }
    return s;
}

dms_depth_e dms_depth_parse_members(apr_pool_t *pool, const char *depth, dms_depth_e fallback,
                                    int *no_root)
{
    const char *comma = depth ? strchr(depth, ',') : NULL;
    dms_depth_e parsed;

    if (!comma || strcasecmp(skip_space(comma + 1), "noroot")) {
        return dms_depth_parse(depth, fallback);
    }
    parsed = dms_depth_parse(apr_pstrmemdup(pool, depth, (apr_size_t)(comma - depth)), fallback);
    *no_root = 1;
    return parsed == DMS_DEPTH_0 ? DMS_DEPTH_INVALID : parsed;
}

/* The weight among the parameters of one media range, which end at the next comma. */
static double weight(const char *parameters)
{
    while (*parameters == ';') {
        parameters = skip_space(parameters + 1);
        if ((parameters[0] | 0x20) == 'q' && parameters[1] == '=') {
            return strtod(parameters + 2, NULL);
        }
        parameters += strcspn(parameters, ";,");
    }
    return 1.0;
}

/* How well an Accept header's range fits a type. */
enum { NONE, ANY, MAJOR, EXACT };

/* The weight that an Accept header gives a type: that of the most specific range which covers it;
 * and how specific that is. */
static double accept_weight(const char *accept, const char *type, int *best)
{
    apr_size_t major = (apr_size_t)(strchr(type, '/') - type) + 1;
    double q = 0.0;

    *best = NONE;

    while (*accept) {
        apr_size_t length;
        int rank = NONE;

        accept += strspn(accept, ", \t");
        length = strcspn(accept, ";, \t");
        if (length == strlen(type) && !strncasecmp(accept, type, length)) {
            rank = EXACT;
        }
        else if (length == major + 1 && accept[major] == '*' && !strncasecmp(accept, type, major)) {
            rank = MAJOR;
        }
        else if (length == 3 && !strncmp(accept, "*/*", 3)) {
            rank = ANY;
        }
        accept = skip_space(accept + length);
        if (rank > *best) {
            *best = rank;
            q = weight(accept);
        }
        accept += strcspn(accept, ",");
    }
    return q;
}

int dms_is_media_type(const char *content_type, const char *type)
{
    const char *value = content_type ? skip_space(content_type) : "";
    apr_size_t length = strcspn(value, "; \t");

    return length == strlen(type) && !strncasecmp(value, type, length);
}

int dms_accept_prefers_text_xml(const char *accept, const char *content_type)
{
    int fit;
    double text = accept ? accept_weight(accept, "text/xml", &fit) : 1.0;
    double application = accept ? accept_weight(accept, "application/xml", &fit) : 1.0;

    return text > application
           || (text == application && content_type && dms_is_media_type(content_type, "text/xml"));
}

int dms_accept_prefers_html(const char *accept)
{
    static const char *const others[] = {"application/xml", "text/xml"};
    int fit, other_fit;
    double html = accept ? accept_weight(accept, "text/html", &fit) : 0.0, other;
    size_t i;

    if (html <= 0.0 || fit != EXACT) {
        return 0;
    }
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        other = accept_weight(accept, others[i], &other_fit);
        if (other > html || (other == html && other_fit == EXACT)) {
            return 0;
        }
    }
    return 1;
}

dms_media_e dms_media_parse(const char *content_type)
{
    apr_size_t length;

    if (!content_type) {
        return DMS_MEDIA_UNTOLD;
    }
    content_type = skip_space(content_type);
    length = strcspn(content_type, "; \t");
    if (dms_is_media_type(content_type, "text/xml")
        || dms_is_media_type(content_type, "application/xml")
        || (length > 4 && !strncasecmp(content_type + length - 4, "+xml", 4))) {
        return DMS_MEDIA_XML;
    }
    if (length == 0 || dms_is_media_type(content_type, "application/x-www-form-urlencoded")) {
        return DMS_MEDIA_UNTOLD;
    }
    return DMS_MEDIA_OTHER;
}

static int read_offset(const char **s, apr_off_t *offset)
{
    char *end;

    if (!apr_isdigit(**s) || apr_strtoff(offset, *s, &end, 10) != APR_SUCCESS) {
        return 0;
    }
    *s = end;
    return 1;
}

/* Reads the last byte of a range whose offset has been read, which comes to its length. */
static int read_last(const char **s, dms_range_t *range, apr_off_t *last)
{
    if (!read_offset(s, last) || *last < range->offset || *last == APR_INT64_MAX) {
        return 0;
    }
    range->is_from_end = range->is_last = 0;
    range->length = *last - range->offset + 1;
    return 1;
}

int dms_range_parse(const char *content_range, dms_range_t *range)
{
    const char *s = content_range ? skip_space(content_range) : "";
    apr_off_t last, total;

    if (strncasecmp(s, "bytes", 5)) {
        return 0;
    }
    s = skip_space(s + 5);
    s = *s == '=' ? s + 1 : s; /* as some clients write it */
    if (!read_offset(&s, &range->offset) || *s++ != '-' || !read_last(&s, range, &last)
        || *s++ != '/') {
        return 0;
    }
    if (*s == '*') {
        return !s[1];
    }
    if (!read_offset(&s, &total) || *s || last >= total) {
        return 0;
    }
    range->is_last = last == total - 1;
    return 1;
}

int dms_update_range_parse(const char *x_update_range, dms_range_t *range)
{
    static const char append[] = "append", bytes[] = "bytes=";
    const char *s = x_update_range ? skip_space(x_update_range) : "";
    apr_off_t last;

    memset(range, 0, sizeof(*range));
    range->length = -1;
    range->is_from_end = 1;
    if (!strcasecmp(s, append)) {
        return 1;
    }
    if (strncasecmp(s, bytes, sizeof(bytes) - 1)) {
        return 0;
    }
    s += sizeof(bytes) - 1;
    if (*s == '-') {
        s++;
        return read_offset(&s, &range->offset) && !*s;
    }
    range->is_from_end = 0;
    if (!read_offset(&s, &range->offset) || *s++ != '-') {
        return 0;
    }
    return !*s || (read_last(&s, range, &last) && !*s);
}

/* The end of the year 9999, the last one that a date can be written of. */
#define SECONDS_MAX APR_INT64_C(253402300799)

int dms_seconds_parse(const char *value, apr_int64_t *seconds)
{
    char *end;

    if (!value || !(apr_isdigit(*value) || (*value == '-' && apr_isdigit(value[1])))) {
        return 0;
    }
    errno = 0;
    *seconds = apr_strtoi64(value, &end, 10);
    if (errno) {
        return 0;
    }
    if (*end == '.') {
        end++;
        end += strspn(end, "0123456789");
    }
    return !*end && *seconds >= -SECONDS_MAX && *seconds <= SECONDS_MAX;
}
