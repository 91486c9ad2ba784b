/*
 * For the tests: watches what each request passes to httpd's own output filters. An answer ends
 * once, and nothing of it comes after its end; what else happens is an error in the log.
 */
#include <httpd.h>

#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

static ap_filter_rec_t *watcher;

typedef struct watch_t {
    int has_ended;
} watch_t;

/* An error bucket begins the answer anew: httpd then makes a page. */
static apr_status_t watch_answer(ap_filter_t *f, apr_bucket_brigade *bb)
{
    watch_t *watch = f->ctx;
    apr_bucket *bucket;

    for (bucket = APR_BRIGADE_FIRST(bb); bucket != APR_BRIGADE_SENTINEL(bb);
         bucket = APR_BUCKET_NEXT(bucket)) {
        if (AP_BUCKET_IS_ERROR(bucket)) {
            break;
        }
        if (watch->has_ended && (APR_BUCKET_IS_EOS(bucket) || !APR_BUCKET_IS_METADATA(bucket))) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, f->r, "%s %s: %s after the end", f->r->method,
                          f->r->uri, bucket->type->name);
        }
        watch->has_ended |= APR_BUCKET_IS_EOS(bucket);
    }
    return ap_pass_brigade(f->next, bb);
}

static void insert(request_rec *r)
{
    ap_filter_t *filter = r->output_filters;

    while (filter && filter->frec != watcher) {
        filter = filter->next;
    }
    if (!filter) {
        ap_add_output_filter_handle(watcher, apr_pcalloc(r->pool, sizeof(watch_t)), r,
                                    r->connection);
    }
}

static void register_hooks(apr_pool_t *pool)
{
    watcher = ap_register_output_filter("ONE_END", watch_answer, NULL, AP_FTYPE_PROTOCOL);
    ap_hook_insert_filter(insert, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_insert_error_filter(insert, NULL, NULL, APR_HOOK_REALLY_LAST);
}

AP_DECLARE_MODULE(one_end) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE,
};
