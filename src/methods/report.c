#include "methods/report.h"

int dms_report_failure(dms_report_t *report, const char *uri, int status)
{
    dms_response_t *response;

    if (!report->reply) {
        report->reply = dms_reply_create(report->r);
    }
    response = dms_response_create(dms_reply_pool(report->reply), uri);
    dms_response_set_status(response, status);
    return dms_reply_add(report->reply, response);
}

int dms_report_end(dms_report_t *report, int status)
{
    if (report->reply) {
        return dms_reply_end(report->reply, NULL);
    }
    report->r->status = status;
    return OK;
}
