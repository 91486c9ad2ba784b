/*
 * What a 207 tells, counted while it passes: its responses (RFC 4918, section 14.24), and how many
 * of them are failures.
 *
 * A failure is a response whose own status is 400 or more. In the answer to a method that changes
 * something (PROPPATCH, MKCOL) it is also one with such a propstat; a listing's propstat with 404
 * only says that a property is not there.
 */
#ifndef DMS_TALLY_H
#define DMS_TALLY_H

#include <apr.h>

typedef struct dms_tally_t {
    int counts_propstats; /* whether a propstat can be a failure */
    apr_uint64_t responses;
    apr_uint64_t failures;
    /* the rest is its own */
    int is_multistatus;
    int in_response;
    int in_propstat;
    int in_status;
    int has_failed;
    int length; /* of text */
    char text[16];
} dms_tally_t;

/* An element begins or ends. depth: 1 for the root; local: its name in DAV:, NULL in any other
 * namespace. */
void dms_tally_start(dms_tally_t *tally, int depth, const char *local);
void dms_tally_end(dms_tally_t *tally, int depth);

/* Character data in the innermost element. */
void dms_tally_text(dms_tally_t *tally, const char *text, int length);

#endif
