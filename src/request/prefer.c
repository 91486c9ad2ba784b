#include "request/prefer.h"

#include <string.h>

#include <apr_strings.h>

static const char *skip_space(const char *s)
{
    return s + strspn(s, " \t");
}

/* To the quote that ends a string, which is not escaped. */
static apr_size_t quoted_length(const char *s)
{
    apr_size_t length = 0;

    while (s[length] && s[length] != '"') {
        length += s[length] == '\\' && s[length + 1] ? 2 : 1;
    }
    return length;
}

/* Takes a token, or the inside of a quoted string. */
static const char *take_word(apr_pool_t *pool, const char **s)
{
    int is_quoted = **s == '"';
    const char *start = *s + is_quoted;
    apr_size_t length = is_quoted ? quoted_length(start) : strcspn(start, " \t,;=\"");

    *s = start + length;
    *s += is_quoted && **s;
    return apr_pstrmemdup(pool, start, length);
}

/* Takes a preference without its parameters: "name" or "name=value". */
static const char *take_preference(apr_pool_t *pool, const char **s)
{
    const char *name = take_word(pool, s), *value;

    *s = skip_space(*s);
    if (**s != '=') {
        return name;
    }
    *s = skip_space(*s + 1);
    value = take_word(pool, s);
    return apr_pstrcat(pool, name, "=", value, NULL);
}

/* Skips to behind the next comma. */
static const char *skip_parameters(const char *s)
{
    int is_quoted = 0;

    for (; *s && (is_quoted || *s != ','); s++) {
        if (is_quoted && *s == '\\' && s[1]) {
            s++;
        }
        else if (*s == '"') {
            is_quoted = !is_quoted;
        }
    }
    return *s ? s + 1 : s;
}

dms_prefer_t dms_prefer_parse(apr_pool_t *pool, const char *prefer)
{
    dms_prefer_t found = {0, 0, 0};
    const char *s = prefer ? prefer : "", *preference;

    while (*s) {
        s = skip_space(s);
        preference = take_preference(pool, &s);
        if (!strcasecmp(preference, DMS_PREFER_MINIMAL)) {
            found.minimal = !found.representation;
        }
        else if (!strcasecmp(preference, DMS_PREFER_REPRESENTATION)) {
            found.representation = !found.minimal;
        }
        else if (!strcasecmp(preference, DMS_PREFER_NO_ROOT)) {
            found.no_root = 1;
        }
        s = skip_parameters(s);
    }
    return found;
}

void dms_prefer_applied(apr_table_t *headers, const char *preference)
{
    apr_table_mergen(headers, "Preference-Applied", preference);
}

void dms_prefer_matters(apr_table_t *headers)
{
    apr_table_mergen(headers, "Vary", "Prefer");
}
