/*
 * HTTP statuses as a 207 spells them. The reason phrases are here, not httpd's, because
 * multistatus/ runs without httpd.
 */
#ifndef DMS_STATUS_H
#define DMS_STATUS_H

/* The reason phrase of a status (static), or "" where it has none that is known. */
const char *dms_status_reason(int status);

#endif
