#include "methods/failures.h"

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_log.h>

#include "acts/acts.h"
#include "config/config.h"
#include "server/error.h"

APLOG_USE_MODULE(dav_multistatus);

static apr_pool_t *pool_of(dms_failures_t *failures)
{
    if (!failures->reply) {
        failures->reply = dms_reply_create(failures->r);
    }
    return dms_reply_pool(failures->reply);
}

static int add(dms_failures_t *failures, const char *uri, int status)
{
    dms_response_t *response = dms_response_create(pool_of(failures), uri);

    dms_response_set_status(response, status);
    return dms_reply_add(failures->reply, response);
}

int dms_failures_add(dms_failures_t *failures, const char *uri, int status)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, failures->r, "%s %s: %d for %s", failures->r->method,
                  failures->r->uri, status, uri);
    return add(failures, uri, status);
}

static const char *member_on_disk(request_rec *root, const char *path, apr_pool_t *pool)
{
    return ap_make_full_path(pool, dms_path_on_disk(root, pool),
                             apr_punescape_url(pool, path, NULL, NULL, 0));
}

/* Whether a collection is told of for the first time. Those that have been left are forgotten. */
static int is_news(dms_failures_t *failures, request_rec *root, const char *uri)
{
    apr_pool_t *pool = failures->r->pool;
    apr_size_t length = strlen(uri), *last = NULL;
    int i = root != failures->r;

    if (!failures->told[i].lengths) {
        failures->told[i].lengths = apr_array_make(pool, 8, sizeof(apr_size_t));
    }
    while ((last = apr_array_pop(failures->told[i].lengths))
           && strncmp(failures->told[i].innermost, uri, *last)) {
    }
    if (last) {
        failures->told[i].lengths->nelts++; /* put it back */
    }
    if (last && *last == length) {
        return 0;
    }
    if (length >= failures->told[i].size) {
        failures->told[i].size = 2 * (length + 1);
        failures->told[i].innermost = apr_palloc(pool, failures->told[i].size);
    }
    memcpy(failures->told[i].innermost, uri, length + 1);
    APR_ARRAY_PUSH(failures->told[i].lengths, apr_size_t) = length;
    return 1;
}

void dms_failures_add_member(dms_failures_t *failures, request_rec *root, const char *uri,
                             const char *path, apr_status_t cause)
{
    apr_pool_t *pool = pool_of(failures);
    const char *member = apr_pstrcat(pool, uri, path, NULL), *seen;
    int status = dms_error_log_member(failures->r, cause, member, member_on_disk(root, path, pool),
                                      &failures->has_told_of_disk);

    seen = dms_act_seen_part(failures->r, uri, path, pool);
    if (strcmp(seen, path)) {
        member = apr_pstrcat(pool, uri, seen, NULL);
        status = HTTP_FORBIDDEN;
    }
    if (member[strlen(member) - 1] != '/' || is_news(failures, root, member)) {
        add(failures, member, status);
    }
    else {
        apr_pool_clear(pool);
    }
}

int dms_failures_end(dms_failures_t *failures, int status)
{
    if (failures->reply) {
        return dms_reply_end(failures->reply, NULL);
    }
    failures->r->status = status;
    return OK;
}
