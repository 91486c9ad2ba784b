#include "server/head.h"

#include <util_filter.h>

/* Set once, while modules are loaded. */
static ap_filter_rec_t *keeper;

static int has_content(apr_bucket_brigade *bb)
{
    const apr_bucket *bucket = APR_BRIGADE_FIRST(bb);

    while (bucket != APR_BRIGADE_SENTINEL(bb) && !bucket->length) {
        bucket = APR_BUCKET_NEXT(bucket);
    }
    return bucket != APR_BRIGADE_SENTINEL(bb);
}

/* What makes the answer's head, in HTTP/1.1 and HTTP/2, takes a length of 0 for one that nobody
 * knows where the request is a HEAD. As a GET the answer has the same bytes: none. */
static apr_status_t keep_length(ap_filter_t *f, apr_bucket_brigade *bb)
{
    request_rec *r = f->r;
    int header_only = r->header_only;
    apr_status_t rv;

    ap_remove_output_filter(f);
    r->header_only = header_only && (r->status != HTTP_OK || has_content(bb));
    rv = ap_pass_brigade(f->next, bb);
    r->header_only = header_only;
    return rv;
}

void dms_head_of_nothing(request_rec *r)
{
    if (r->header_only) {
        ap_add_output_filter_handle(keeper, NULL, r, r->connection);
    }
}

void dms_head_register(void)
{
    /* behind all that may change the content, before what counts it and makes the head */
    keeper = ap_register_output_filter("DAV_MULTISTATUS_HEAD", keep_length, NULL,
                                       AP_FTYPE_PROTOCOL - 1);
}
