#include "reverse/tally.h"

#include <string.h>

#include <apr_lib.h>

#define MULTISTATUS 1
#define RESPONSE 2
#define INNER 3 /* what a response holds */
#define DEEPEST 4

void dms_tally_start(dms_tally_t *tally, int depth, const char *local)
{
    if (depth > DEEPEST || !local) {
        return;
    }
    if (depth == MULTISTATUS) {
        tally->is_multistatus = !strcmp(local, "multistatus");
    }
    else if (depth == RESPONSE) {
        tally->in_response = tally->is_multistatus && !strcmp(local, "response");
    }
    else if (depth == INNER && tally->in_response && !strcmp(local, "propstat")) {
        tally->in_propstat = tally->counts_propstats;
    }
    else if (tally->in_response && (depth == INNER || tally->in_propstat)
             && !strcmp(local, "status")) {
        tally->in_status = depth;
        tally->length = 0;
    }
}

/* "HTTP/1.1 404 Not Found", of which the text has the beginning. */
static int is_failure(const dms_tally_t *tally)
{
    return tally->length >= 12 && !strncmp(tally->text, "HTTP/", 5) && apr_isdigit(tally->text[9])
           && tally->text[9] >= '4';
}

void dms_tally_end(dms_tally_t *tally, int depth)
{
    if (tally->in_status == depth) {
        tally->in_status = 0;
        tally->has_failed |= is_failure(tally);
    }
    else if (depth == INNER) {
        tally->in_propstat = 0;
    }
    else if (depth == RESPONSE && tally->in_response) {
        tally->in_response = 0;
        tally->responses++;
        tally->failures += tally->has_failed != 0;
        tally->has_failed = 0;
    }
}

void dms_tally_text(dms_tally_t *tally, const char *text, int length)
{
    if (!tally->in_status) {
        return;
    }
    for (; length && tally->length < (int)sizeof(tally->text); text++, length--) {
        if (tally->length || !apr_isspace(*text)) {
            tally->text[tally->length++] = *text;
        }
    }
}
