/*
 * What a 207 said, for the log: the notes of a request, which
 * LogFormat "%{dav-multistatus-failures}n" shows. The status 207 alone tells no failure from a
 * success.
 */
#ifndef DMS_NOTES_H
#define DMS_NOTES_H

#include <httpd.h>

/* Sets dav-multistatus-responses and dav-multistatus-failures. */
void dms_notes_set(request_rec *r, apr_uint64_t responses, apr_uint64_t failures);

#endif
