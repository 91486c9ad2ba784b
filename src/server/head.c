#include "server/head.h"

#include <apr_strings.h>
#include <util_filter.h>

/* Set once, while modules are loaded. */
static ap_filter_rec_t *adder;

/* The empty line that ends the head of an answer. */
#define END "\r\n\r\n"

/* Adds the header to the first bytes that leave, which are the answer's head. */
static apr_status_t add_length(ap_filter_t *f, apr_bucket_brigade *bb)
{
    static const char header[] = "\r\nContent-Length: 0";
    apr_bucket *bucket = APR_BRIGADE_FIRST(bb);
    const char *head, *end;
    apr_size_t length;

    if (f->r->status == HTTP_OK && bucket != APR_BRIGADE_SENTINEL(bb)
        && !APR_BUCKET_IS_METADATA(bucket)
        && apr_bucket_read(bucket, &head, &length, APR_BLOCK_READ) == APR_SUCCESS) {
        head = apr_pstrmemdup(f->r->pool, head, length);
        end = strstr(head, END);
        if (end && !ap_strcasestr(head, "\r\nContent-Length:")) {
            apr_bucket_split(bucket, (apr_size_t)(end - head));
            APR_BUCKET_INSERT_AFTER(bucket, apr_bucket_immortal_create(header, sizeof(header) - 1,
                                                                       f->c->bucket_alloc));
        }
    }
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, bb);
}

void dms_head_of_nothing(request_rec *r)
{
    if (r->header_only) {
        ap_add_output_filter_handle(adder, NULL, r, r->connection);
    }
}

void dms_head_register(void)
{
    adder = ap_register_output_filter("DAV_MULTISTATUS_HEAD", add_length, NULL, AP_FTYPE_TRANSCODE);
}
