/*
 * What all 207s together have come to since the server was started: for mod_status, which shows it
 * under server-status. Kept in memory that all processes share, and that outlives a graceful
 * restart.
 */
#ifndef DMS_TOTALS_H
#define DMS_TOTALS_H

#include <httpd.h>

/* One 207, or the sum of them. */
typedef struct dms_totals_t {
    apr_uint64_t answers;
    apr_uint64_t responses;
    apr_uint64_t failures;
    apr_uint64_t bytes;  /* of the documents, before any filter */
    apr_uint64_t broken; /* not complete: mostly, the client left */
    apr_uint64_t
        first_byte; /* from the request's begin until the first bytes left, in microseconds */
    apr_uint64_t duration; /* until the last did */
} dms_totals_t;

/* Makes the shared memory, while httpd starts; does so once in the life of the server's parent
 * process. Without it (its failure is logged) nothing is counted. */
void dms_totals_prepare(server_rec *server);

/* Counts a 207. */
void dms_totals_add(const dms_totals_t *one);

/* Has mod_status show them. In register_hooks. */
void dms_totals_register(void);

#endif
