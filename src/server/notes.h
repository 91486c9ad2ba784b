/*
 * What the log can tell of a 207 (LogFormat's %{dav-multistatus-responses}n), as notes of its
 * request.
 */
#ifndef DMS_NOTES_H
#define DMS_NOTES_H

#include <httpd.h>

/* Sets dav-multistatus-responses and dav-multistatus-failures: how many responses a 207 had, and
 * how many of them were failures. */
void dms_notes_set(request_rec *r, apr_uint64_t responses, apr_uint64_t failures);

#endif
