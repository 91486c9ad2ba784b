#include "server/notes.h"

#include <apr_strings.h>

static void set(request_rec *r, const char *name, apr_uint64_t count)
{
    apr_table_setn(r->notes, name, apr_psprintf(r->pool, "%" APR_UINT64_T_FMT, count));
}

void dms_notes_set(request_rec *r, apr_uint64_t responses, apr_uint64_t failures)
{
    set(r, "dav-multistatus-responses", responses);
    set(r, "dav-multistatus-failures", failures);
}
