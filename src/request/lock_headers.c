#include "request/lock_headers.h"

#include <string.h>

#include <apr_strings.h>

#include "request/if_header.h"

static apr_int64_t clamp(apr_int64_t seconds, apr_int64_t most)
{
    apr_int64_t largest = most > 0 && most < DMS_TIMEOUT_LARGEST ? most : DMS_TIMEOUT_LARGEST;

    if (seconds < 1) {
        return 1;
    }
    return seconds > largest ? largest : seconds;
}

static apr_int64_t infinite(apr_int64_t most)
{
    return most > 0 ? clamp(most, most) : 0;
}

/* A number of any length; what is larger than the largest timeout is DMS_TIMEOUT_LARGEST. */
static apr_int64_t read_seconds(const char *digits, apr_size_t length)
{
    apr_int64_t seconds = 0;

    for (; length; digits++, length--) {
        seconds = seconds * 10 + (*digits - '0');
        if (seconds > DMS_TIMEOUT_LARGEST) {
            return DMS_TIMEOUT_LARGEST;
        }
    }
    return seconds;
}

apr_int64_t dms_timeout_parse(const char *value, apr_int64_t fallback, apr_int64_t most)
{
    const char *s = value ? value : "";

    while (*(s += strspn(s, ", \t"))) {
        apr_size_t length = strcspn(s, ","), digits;

        while (strchr(" \t", s[length - 1])) {
            length--;
        }
        if (length == 8 && !strncasecmp(s, "Infinite", length)) {
            return infinite(most);
        }
        if (length > 7 && !strncasecmp(s, "Second-", 7)) {
            digits = strspn(s + 7, "0123456789");
            if (digits == length - 7) {
                return clamp(read_seconds(s + 7, digits), most);
            }
        }
        s += length;
    }
    return fallback > 0 ? clamp(fallback, most) : infinite(most);
}

const char *dms_lock_token_parse(apr_pool_t *pool, const char *value)
{
    const char *s = value ? value + strspn(value, " \t") : "";
    int is_coded = *s == '<';
    apr_size_t length = dms_absolute_uri_length(s + is_coded);
    const char *rest = s + is_coded + length;

    if (!length || (is_coded && *rest++ != '>') || rest[strspn(rest, " \t")]) {
        return NULL;
    }
    return apr_pstrmemdup(pool, s + is_coded, length);
}

static int is_dav(const dms_element_t *element, const char *local)
{
    return element->name && dms_name_is_dav(element->name, local);
}

/* How many children of that name there are; *found is the last. */
static int count(const dms_element_t *parent, const char *local, const dms_element_t **found)
{
    const dms_element_t *child;
    int children = 0;

    *found = NULL;
    for (child = parent->children; child; child = child->next) {
        if (is_dav(child, local)) {
            *found = child;
            children++;
        }
    }
    return children;
}

const char *dms_lockinfo_read(const dms_element_t *root, dms_lockinfo_t *info)
{
    const dms_element_t *scope, *type, *found;
    int exclusive, shared;

    memset(info, 0, sizeof(*info));
    if (!root || !is_dav(root, "lockinfo")) {
        return "the body is no DAV:lockinfo";
    }
    if (count(root, "lockscope", &scope) != 1) {
        return "DAV:lockinfo has to have one DAV:lockscope";
    }
    exclusive = count(scope, "exclusive", &found);
    shared = count(scope, "shared", &found);
    if (exclusive + shared != 1) {
        return "DAV:lockscope has to be either DAV:exclusive or DAV:shared";
    }
    if (count(root, "locktype", &type) != 1) {
        return "DAV:lockinfo has to have one DAV:locktype";
    }
    if (count(type, "write", &found) != 1) {
        return "DAV:locktype has to be DAV:write";
    }
    if (count(root, "owner", &found) > 1) {
        return "DAV:lockinfo has more than one DAV:owner";
    }
    info->is_shared = shared;
    info->owner = found;
    return NULL;
}
