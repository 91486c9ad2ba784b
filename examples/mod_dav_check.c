/*
 * mod_dav_check: tells for many paths at once whether the client may GET what is there. An example
 * of a streamed 207 of one's own, and of a live property.
 *
 *     <Location "/check">
 *         SetHandler dav-check
 *     </Location>
 *
 *     printf '/a.txt\n/b c.txt\n' | curl --data-binary @- http://localhost/check
 *
 * The body has one path a line, not escaped and sorted by bytes ("LC_ALL=C sort -u"): no href may
 * come twice in a 207 (RFC 4918, section 14.24), and this spares remembering them. It is kept in a
 * temporary file until its end: a client that sends all before it reads would otherwise wait for
 * this module, and this module for the client. The answer is 400 or 413, and nothing is checked,
 * where the body is not so, or over 64 MiB, or has a line of over 4,000 bytes; 503 where
 * mod_dav_multistatus is not loaded. A path's status is that of a GET, as far as it is known before
 * a handler runs, and 404 where no file or folder is.
 *
 * The property get-status tells the same of each resource that a PROPFIND lists.
 */
#include <httpd.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "mod_dav_multistatus.h"

#define BODY_MAX (64 * 1024 * 1024)
#define LINE_SIZE 4002 /* with its end, and a zero */

APLOG_USE_MODULE(dav_check);

/* Set while httpd starts, by one thread; NULL where mod_dav_multistatus is not loaded. */
static const dms_api_t *api;

static void find_api(void)
{
    APR_OPTIONAL_FN_TYPE(dms_api) *find = APR_RETRIEVE_OPTIONAL_FN(dms_api);

    api = find ? find(DMS_API_VERSION) : NULL;
}

/* --- the body: each function returns OK or an HTTP status --- */

/* Appends what a brigade holds to a file, and empties it. */
static int keep_brigade(apr_bucket_brigade *bb, apr_file_t *file, apr_off_t *total, int *at_end)
{
    while (!APR_BRIGADE_EMPTY(bb)) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(bb);
        const char *bytes;
        apr_size_t length;

        *at_end = *at_end || APR_BUCKET_IS_EOS(bucket);
        if (!APR_BUCKET_IS_METADATA(bucket)) {
            if (apr_bucket_read(bucket, &bytes, &length, APR_BLOCK_READ) != APR_SUCCESS
                || memchr(bytes, '\0', length)) {
                return HTTP_BAD_REQUEST;
            }
            *total += (apr_off_t)length;
            if (*total > BODY_MAX) {
                return HTTP_REQUEST_ENTITY_TOO_LARGE;
            }
            if (apr_file_write_full(file, bytes, length, NULL) != APR_SUCCESS) {
                return HTTP_INSUFFICIENT_STORAGE;
            }
        }
        apr_bucket_delete(bucket);
    }
    return OK;
}

/* Reads the body into a file that goes with the request. */
static int read_body(request_rec *r, apr_file_t **file)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    int at_end = 0, status = OK;
    apr_off_t total = 0;
    const char *folder;
    apr_status_t rv = apr_temp_dir_get(&folder, r->pool);

    if (rv == APR_SUCCESS) {
        rv = apr_file_mktemp(file, apr_pstrcat(r->pool, folder, "/dav-check-XXXXXX", NULL),
                             APR_FOPEN_CREATE | APR_FOPEN_EXCL | APR_FOPEN_READ | APR_FOPEN_WRITE
                                 | APR_FOPEN_BUFFERED | APR_FOPEN_DELONCLOSE,
                             r->pool);
    }
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r, "no temporary file can be made");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    while (status == OK && !at_end) {
        rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ, 8192);
        status = rv == APR_SUCCESS ? keep_brigade(bb, *file, &total, &at_end)
                                   : ap_map_http_request_error(rv, HTTP_BAD_REQUEST);
    }
    return status;
}

/* Goes back to the first line. */
static void rewind_body(apr_file_t *file)
{
    apr_off_t begin = 0;

    apr_file_seek(file, APR_SET, &begin);
}

/* Reads a line, without its end, into LINE_SIZE bytes. APR_EOF after the last one, APR_EINVAL where
 * it is too long. */
static apr_status_t read_path(apr_file_t *file, char *path)
{
    apr_status_t rv = apr_file_gets(path, LINE_SIZE, file);
    char *end = path + strlen(path);

    if (rv == APR_SUCCESS && end > path && end[-1] == '\n') {
        end[-1] = '\0';
    }
    else if (rv == APR_SUCCESS && apr_file_eof(file) != APR_EOF) {
        rv = APR_EINVAL;
    }
    return rv;
}

/* Whether the lines are paths, and sorted. */
static int check_body(apr_file_t *file)
{
    char lines[2][LINE_SIZE] = {"", ""};
    int i = 0;
    apr_status_t rv;

    rewind_body(file);
    for (;;) {
        rv = read_path(file, lines[i]);
        if (rv != APR_SUCCESS) {
            return APR_STATUS_IS_EOF(rv) ? OK : HTTP_BAD_REQUEST;
        }
        if (*lines[i] != '/' || strcmp(lines[i], lines[!i]) <= 0) {
            return HTTP_BAD_REQUEST;
        }
        i = !i;
    }
}

/* --- the answer --- */

/* Asks httpd for an escaped path; to be freed with ap_destroy_sub_req(). */
static request_rec *ask(request_rec *r, const char *uri)
{
    return ap_sub_req_method_uri("GET", uri, r, NULL);
}

static int is_there(const request_rec *sub)
{
    return sub->finfo.filetype == APR_DIR
           || (sub->finfo.filetype == APR_REG && !(sub->path_info && *sub->path_info));
}

/* Makes the response for a path, in the reply's pool. */
static dms_response_t *check(request_rec *r, dms_reply_t *reply, const char *path)
{
    apr_pool_t *pool = api->pool(reply);
    const char *uri = apr_pescape_path(pool, path, 1);
    dms_response_t *response = api->response(pool, uri);
    request_rec *sub = ask(r, uri);
    int status = sub->status == HTTP_OK && !is_there(sub) ? HTTP_NOT_FOUND : sub->status;

    if (api->set_status(response, status) != APR_SUCCESS) { /* none that a 207 can tell */
        api->set_status(response, HTTP_INTERNAL_SERVER_ERROR);
    }
    if (ap_is_HTTP_REDIRECT(status)) {
        response->location = apr_pstrdup(pool, apr_table_get(sub->headers_out, "Location"));
    }
    ap_destroy_sub_req(sub);
    return response;
}

/* Answers for one path after the other. Returns what the handler has to. */
static int answer(request_rec *r, apr_file_t *file)
{
    dms_reply_t *reply = api->begin(r);
    apr_status_t rv = APR_SUCCESS;
    char path[LINE_SIZE];

    rewind_body(file);
    while (rv == APR_SUCCESS) {
        rv = read_path(file, path);
        if (rv != APR_SUCCESS && !APR_STATUS_IS_EOF(rv)) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r, "the temporary file can't be read");
            api->fail(reply, rv);
        }
        else if (rv == APR_SUCCESS) {
            rv = api->add(reply, check(r, reply, path)); /* fails when the client has left */
        }
    }
    return api->end(reply, NULL);
}

static int handle(request_rec *r)
{
    apr_file_t *file;
    int status;

    if (strcmp(r->handler, "dav-check")) {
        return DECLINED;
    }
    ap_allow_methods(r, REPLACE_ALLOW, "POST", "OPTIONS", NULL);
    if (r->method_number != M_POST) {
        return r->method_number == M_OPTIONS ? DECLINED : HTTP_METHOD_NOT_ALLOWED;
    }
    if (!api) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "mod_dav_multistatus is not loaded");
        return HTTP_SERVICE_UNAVAILABLE;
    }
    status = read_body(r, &file);
    if (status == OK) {
        status = check_body(file);
    }
    return status == OK ? answer(r, file) : status;
}

/* --- the live property --- */

static int tell_status(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    request_rec *sub = ask(subject->r, subject->uri);

    element->text = apr_itoa(pool, sub->status);
    ap_destroy_sub_req(sub);
    return 1;
}

static int offer(request_rec *r, const dms_provider_t *provider, apr_array_header_t *offered)
{
    static const dms_live_property_t get_status = {
        .name = DMS_NAME("http://example.org/dav-check", "get-status"),
        .protection = DMS_PROTECTED,
        .kinds = 1u << DMS_KIND_FILE | 1u << DMS_KIND_COLLECTION,
        .value = tell_status,
    };

    APR_ARRAY_PUSH(offered, const dms_live_property_t *) = &get_status;
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_optional_fn_retrieve(find_api, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(dms, live_properties, offer, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA dav_check_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
};
