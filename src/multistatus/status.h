/*
 * HTTP statuses as a 207 spells them. The reason phrases are here, not httpd's, because
 * multistatus/ runs without httpd.
 */
#ifndef DMS_STATUS_H
#define DMS_STATUS_H

/* The reason phrase of a status (static), or "" where it has none that is known. */
const char *dms_status_reason(int status);

/* Whether a 207 can record a status: no 1xx (RFC 4918, section 13), and nothing that HTTP lacks. */
int dms_status_is_recordable(int status);

/* The status in a status line (RFC 4918, section 14.28), or 0 where it is none or one that a 207
 * can't record. Any version and reason phrase will do, also no reason phrase. */
int dms_status_parse(const char *line);

#endif
