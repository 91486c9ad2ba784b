/*
 * What a method tells of the members that it could not act on.
 */
#ifndef DMS_REPORT_H
#define DMS_REPORT_H

#include <httpd.h>

#include "server/reply.h"

/* A 207 that begins with the first failure of a member, if there is one. */
typedef struct dms_report_t {
    request_rec *r;
    dms_reply_t *reply; /* NULL: there has been no failure */
} dms_report_t;

/* Tells of a failed member at an escaped URI, with an HTTP status. Returns whether the client is
 * still there. */
int dms_report_failure(dms_report_t *report, const char *uri, int status);

/* Answers with what has been reported, or, where there is nothing, with a plain status: 201 or 204.
 * Returns what the handler has to return. */
int dms_report_end(dms_report_t *report, int status);

#endif
