#include "request/if_header.h"

#include <string.h>

#include <apr_strings.h>

#define ALPHA "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

typedef struct reader_t {
    apr_pool_t *pool;
    const char *at; /* what is not read yet */
    int conditions; /* so far */
    const char *complaint;
} reader_t;

static void *refuse(reader_t *reader, const char *complaint)
{
    reader->complaint = complaint;
    return NULL;
}

static int skip(reader_t *reader, char expected)
{
    if (*reader->at != expected) {
        return 0;
    }
    reader->at++;
    return 1;
}

static void skip_space(reader_t *reader)
{
    reader->at += strspn(reader->at, " \t");
}

static int is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* The length of what could be the rest of a URI. */
static apr_size_t uri_rest_length(const char *s)
{
    const char *end = s;

    while (!is_control(*end) && !strchr(" <>\"#", *end)) {
        end++;
    }
    return (apr_size_t)(end - s);
}

apr_size_t dms_absolute_uri_length(const char *s)
{
    apr_size_t scheme = strspn(s, ALPHA DIGIT "+-.");

    if (!scheme || !strchr(ALPHA, *s) || s[scheme] != ':') {
        return 0;
    }
    return scheme + 1 + uri_rest_length(s + scheme + 1);
}

/* A Simple-ref (section 8.3). Two slashes would begin a host's name. */
static apr_size_t reference_length(const char *s)
{
    if (*s == '/') {
        return s[1] == '/' ? 0 : uri_rest_length(s);
    }
    return dms_absolute_uri_length(s);
}

static const char *read_tag(reader_t *reader)
{
    const char *tag = ++reader->at;
    apr_size_t length = reference_length(tag);

    reader->at += length;
    if (!length || !skip(reader, '>')) {
        return refuse(reader, "a resource tag is not <absolute URI> or </absolute/path>");
    }
    return apr_pstrmemdup(reader->pool, tag, length);
}

static const char *read_token(reader_t *reader)
{
    const char *token = ++reader->at;
    apr_size_t length = dms_absolute_uri_length(token);

    reader->at += length;
    if (!length || !skip(reader, '>')) {
        return refuse(reader, "a state token is not <absolute URI>");
    }
    return apr_pstrmemdup(reader->pool, token, length);
}

/* The length of a quoted string (RFC 2616, section 2.2), 0 where there is none. */
static apr_size_t quoted_length(const char *s)
{
    const char *end = s;

    if (*end++ != '"') {
        return 0;
    }
    for (; *end != '"'; end++) {
        if (*end == '\\') {
            end++;
        }
        if (is_control(*end) && *end != '\t') {
            return 0;
        }
    }
    return (apr_size_t)(end + 1 - s);
}

static const char *read_etag(reader_t *reader)
{
    const char *etag = ++reader->at;
    apr_size_t weak = strncmp(etag, "W/", 2) ? 0 : 2;
    apr_size_t quoted = quoted_length(etag + weak);

    reader->at += weak + quoted;
    if (!quoted || !skip(reader, ']')) {
        return refuse(reader, "an entity tag is not [\"...\"] or [W/\"...\"]");
    }
    return apr_pstrmemdup(reader->pool, etag, weak + quoted);
}

static dms_if_condition_t *read_condition(reader_t *reader)
{
    dms_if_condition_t *condition;

    if (++reader->conditions > DMS_IF_CONDITIONS) {
        return refuse(reader, "too many conditions");
    }
    condition = apr_pcalloc(reader->pool, sizeof(*condition));
    if (!strncasecmp(reader->at, "Not", 3)) {
        condition->is_not = 1;
        reader->at += 3;
        skip_space(reader);
    }
    if (*reader->at == '<') {
        condition->token = read_token(reader);
    }
    else if (*reader->at == '[') {
        condition->etag = read_etag(reader);
    }
    else {
        return refuse(reader, "neither a <state token> nor an [entity tag] where one has to be");
    }
    return condition;
}

static dms_if_list_t *read_list(reader_t *reader, const char *resource)
{
    dms_if_list_t *list = apr_pcalloc(reader->pool, sizeof(*list));
    dms_if_condition_t *last = NULL;

    if (!skip(reader, '(')) {
        return refuse(reader, "no list, which begins with (, where one has to be");
    }
    list->resource = resource;
    skip_space(reader);
    do {
        dms_if_condition_t *condition = read_condition(reader);

        if (reader->complaint) {
            return NULL;
        }
        if (last) {
            last->next = condition;
        }
        else {
            list->conditions = condition;
        }
        last = condition;
        skip_space(reader);
    } while (!skip(reader, ')'));
    return list;
}

/* Reads all of them; those before a complaint, too. */
static const dms_if_list_t *read_lists(reader_t *reader)
{
    const dms_if_list_t *first = NULL, **link = &first;
    const char *resource = NULL;
    int is_tagged = *reader->at == '<';

    do {
        dms_if_list_t *list = NULL;

        if (*reader->at == '<') {
            resource = is_tagged ? read_tag(reader) : refuse(reader, "a tag after untagged lists");
            skip_space(reader);
        }
        if (!reader->complaint) {
            list = read_list(reader, resource);
        }
        if (reader->complaint) {
            break;
        }
        *link = list;
        link = &list->next;
        skip_space(reader);
    } while (*reader->at);
    return first;
}

const dms_if_list_t *dms_if_parse(apr_pool_t *pool, const char *value, const char **complaint)
{
    reader_t reader = {pool, value, 0, NULL};
    const dms_if_list_t *first = NULL;

    if (value) {
        skip_space(&reader);
        first = read_lists(&reader);
    }
    *complaint = reader.complaint;
    return reader.complaint ? NULL : first;
}

int dms_if_submits(const dms_if_list_t *first, const char *token)
{
    const dms_if_list_t *list;
    const dms_if_condition_t *condition;

    for (list = first; list; list = list->next) {
        for (condition = list->conditions; condition; condition = condition->next) {
            if (condition->token && !strcmp(condition->token, token)) {
                return 1;
            }
        }
    }
    return 0;
}

static int list_holds(const dms_if_list_t *list, dms_if_test_fn *is_true, void *baton)
{
    const dms_if_condition_t *condition;

    for (condition = list->conditions; condition; condition = condition->next) {
        int has_state = is_true(baton, list->resource, condition) != 0;

        if (has_state == condition->is_not) {
            return 0;
        }
    }
    return 1;
}

int dms_if_holds(const dms_if_list_t *first, dms_if_test_fn *is_true, void *baton)
{
    const dms_if_list_t *list;

    for (list = first; list; list = list->next) {
        if (list_holds(list, is_true, baton)) {
            return 1;
        }
    }
    return !first;
}
