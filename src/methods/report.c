#include "methods/report.h"

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_log.h>

#include "config/config.h"
#include "server/error.h"

APLOG_USE_MODULE(dav_multistatus);

static apr_pool_t *pool_of(dms_report_t *report)
{
    if (!report->reply) {
        report->reply = dms_reply_create(report->r);
    }
    return dms_reply_pool(report->reply);
}

static int add(dms_report_t *report, const char *uri, int status)
{
    dms_response_t *response = dms_response_create(pool_of(report), uri);

    dms_response_set_status(response, status);
    return dms_reply_add(report->reply, response);
}

int dms_report_failure(dms_report_t *report, const char *uri, int status)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, report->r, "%s %s: %d for %s", report->r->method,
                  report->r->uri, status, uri);
    return add(report, uri, status);
}

static const char *member_on_disk(request_rec *root, const char *path, apr_pool_t *pool)
{
    return ap_make_full_path(pool, dms_path_on_disk(root, pool),
                             apr_punescape_url(pool, path, NULL, NULL, 0));
}

void dms_report_member(dms_report_t *report, request_rec *root, const char *uri, const char *path,
                       apr_status_t cause)
{
    int is_refusal = dms_is_refusal_by_disk(cause), status = dms_status_from(cause);
    apr_pool_t *pool = pool_of(report);

    ap_log_rerror(APLOG_MARK, is_refusal && !report->has_told_of_disk ? APLOG_WARNING : APLOG_INFO,
                  cause, report->r, "%s %s: %d for %s%s: %s", report->r->method, report->r->uri,
                  status, uri, path, member_on_disk(root, path, pool));
    report->has_told_of_disk |= is_refusal;
    add(report, apr_pstrcat(pool, uri, path, NULL), status);
}

int dms_report_end(dms_report_t *report, int status)
{
    if (report->reply) {
        return dms_reply_end(report->reply, NULL);
    }
    report->r->status = status;
    return OK;
}
