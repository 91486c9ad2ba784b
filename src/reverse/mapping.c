#include "reverse/mapping.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "request/destination.h"

#define SPACE " \t\r\n"

/* The length of "http://host:port" that a reference begins with; 0 where it is no such URL. */
static apr_size_t root_length(const char *reference)
{
    apr_size_t scheme = *reference == '/'                        ? 0
                        : !strncasecmp(reference, "https://", 8) ? 8
                        : !strncasecmp(reference, "http://", 7)  ? 7
                                                                 : 0;

    return scheme ? scheme + strcspn(reference + scheme, "/?#") : 0;
}

static const char *parse_path(apr_pool_t *pool, const char *path)
{
    apr_size_t length = strlen(path);

    while (length && path[length - 1] == '/') {
        length--;
    }
    return apr_pstrmemdup(pool, path, length);
}

static int ends_with_slash(const char *s)
{
    return *s && s[strlen(s) - 1] == '/';
}

const char *dms_mapping_parse(apr_pool_t *pool, const char *public_path, const char *backend_url,
                              dms_side_t *public_side, dms_side_t *backend_side)
{
    apr_size_t root = root_length(backend_url);
    const char *backend_path = backend_url[root] ? backend_url + root : "/";

    memset(public_side, 0, sizeof(*public_side));
    memset(backend_side, 0, sizeof(*backend_side));
    if (*public_path != '/') {
        return "what the clients see has to be a path that begins with a slash";
    }
    if (!root || root == strcspn(backend_url, "/") + 2) {
        return "the backend has to be an http or https URL";
    }
    if (strpbrk(public_path, "?#") || strpbrk(backend_url, "?#@")) {
        return "neither may have a query, a fragment or a user";
    }
    if (ends_with_slash(public_path) != ends_with_slash(backend_path)) {
        return "either both end with a slash, or neither does";
    }
    public_side->path = parse_path(pool, public_path);
    backend_side->path = parse_path(pool, backend_path);
    backend_side->root = apr_pstrmemdup(pool, backend_url, root);
    backend_side->authority = strstr(backend_side->root, "://") + 3;
    return NULL;
}

/* --- what belongs to a side --- */

static int hex_value(char c)
{
    return apr_isdigit(c) ? c - '0' : apr_tolower(c) - 'a' + 10;
}

static int is_escape(const char *s)
{
    return s[0] == '%' && apr_isxdigit(s[1]) && apr_isxdigit(s[2]);
}

/* Reads the character at *s, escaped or not, and moves behind it. An escaped slash is none: it
 * gives a value beyond a byte's. */
static int next_character(const char **s)
{
    int c = (unsigned char)**s;

    if (!is_escape(*s)) {
        (*s)++;
        return c;
    }
    c = hex_value((*s)[1]) * 16 + hex_value((*s)[2]);
    *s += 3;
    return c == '/' || !c ? c + 256 : c;
}

static int ends_path(char c)
{
    return !c || c == '?' || c == '#';
}

static int is_dot_segment(const char *segment)
{
    int dots = 0;

    while (!ends_path(*segment) && *segment != '/') {
        if (next_character(&segment) != '.') {
            return 0;
        }
        dots++;
    }
    return dots == 1 || dots == 2;
}

/* Whether a path has a segment "." or "..". */
static int has_dot_segment(const char *path)
{
    for (; !ends_path(*path); path++) {
        if (*path == '/' && is_dot_segment(path + 1)) {
            return 1;
        }
    }
    return 0;
}

/* What of a path lies below the base; NULL where it is not below. */
static const char *below(const char *path, const char *base)
{
    while (*base) {
        if (ends_path(*path) || next_character(&path) != next_character(&base)) {
            return NULL;
        }
    }
    return *path == '/' || ends_path(*path) ? path : NULL;
}

static int is_authority_of(apr_pool_t *pool, const dms_side_t *side, const char *root)
{
    dms_destination_t named;

    return !dms_destination_parse(pool, apr_pstrcat(pool, root, "/", NULL), &named)
           && ((side->authority && dms_destination_is_at(&named, side->authority))
               || (side->alias && dms_destination_is_at(&named, side->alias)));
}

/* --- the other side --- */

/* Bytes that no URI may hold are escaped; what is escaped already stays. */
static const char *escape_rest(apr_pool_t *pool, const char *rest)
{
    static const char hex[] = "0123456789ABCDEF";
    char *escaped = apr_palloc(pool, 3 * strlen(rest) + 1), *out = escaped;

    for (; *rest; rest++) {
        if (apr_isalnum(*rest) || (*rest > ' ' && *rest < 0x7f && !strchr("<>\"\\^`{|}", *rest))) {
            *out++ = *rest;
        }
        else {
            *out++ = '%';
            *out++ = hex[(unsigned char)*rest >> 4];
            *out++ = hex[(unsigned char)*rest & 15];
        }
    }
    *out = '\0';
    return escaped;
}

static const char *trim(apr_pool_t *pool, const char *s)
{
    apr_size_t length;

    s += strspn(s, SPACE);
    for (length = strlen(s); length && strchr(SPACE, s[length - 1]);) {
        length--;
    }
    return s[length] ? apr_pstrmemdup(pool, s, length) : s;
}

const char *dms_map(apr_pool_t *pool, const dms_side_t *from, const dms_side_t *to,
                    const char *reference)
{
    const char *start = trim(pool, reference), *rest;
    apr_size_t root = root_length(start);

    if (!root && (*start != '/' || start[1] == '/')) {
        return NULL;
    }
    if (root && !is_authority_of(pool, from, apr_pstrmemdup(pool, start, root))) {
        return NULL;
    }
    rest = below(start + root, from->path);
    if (!rest || has_dot_segment(start + root)) {
        return NULL;
    }
    while (!*to->path && rest[0] == '/' && rest[1] == '/') {
        rest++;
    }
    rest = escape_rest(pool, rest);
    return apr_pstrcat(pool, root ? to->root : "", to->path, *to->path || *rest == '/' ? "" : "/",
                       rest, NULL);
}

/* --- If --- */

/* The end of a list, behind its parenthesis; NULL where there is none. */
static const char *list_end(const char *s)
{
    char quote = 0;

    for (; *s; s++) {
        if (quote == '"' && *s == '\\' && s[1]) {
            s++;
        }
        else if (quote) {
            quote = *s == quote ? 0 : quote;
        }
        else if (*s == ')') {
            return s + 1;
        }
        else if (*s == '"' || *s == '<') {
            quote = *s == '<' ? '>' : '"';
        }
    }
    return NULL;
}

const char *dms_map_if(apr_pool_t *pool, dms_map_fn *map, void *baton, const char *value)
{
    const char *mapped = "", *done = value, *at = value, *end, *tag;

    while (*(at += strcspn(at, "<("))) {
        end = *at == '(' ? list_end(at + 1) : strchr(at, '>');
        if (!end) {
            return NULL;
        }
        if (*at == '<') {
            tag = map(baton, pool, apr_pstrmemdup(pool, at + 1, (apr_size_t)(end - at - 1)));
            if (tag) {
                mapped = apr_pstrcat(pool, mapped,
                                     apr_pstrmemdup(pool, done, (apr_size_t)(at + 1 - done)), tag,
                                     NULL);
                done = end;
            }
        }
        at = end;
    }
    return done == value ? value : apr_pstrcat(pool, mapped, done, NULL);
}
