#include "server/error.h"

#include <errno.h>

#include <apr_escape.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_core.h>
#include <util_filter.h>

#include "config/config.h"
#include "multistatus/xml.h"
#include "request/headers.h"
#include "server/apart.h"
#include "server/reply.h"

APLOG_USE_MODULE(dav_multistatus);

/* Which condition a cause is, where nobody has told (RFC 4331, section 6). */
static const char *condition_of(apr_status_t cause)
{
    switch (cause) {
    case ENOSPC:
        return "sufficient-disk-space";
#ifdef EDQUOT
    case EDQUOT:
        return "quota-not-exceeded";
#endif
    default:
        return NULL;
    }
}

dms_error_t *dms_error_create(const char *file, int line, apr_pool_t *pool, int status,
                              const char *condition, apr_status_t cause, const char *message, ...)
{
    dms_error_t *error = apr_pcalloc(pool, sizeof(*error));
    va_list arguments;

    error->status = status;
    error->cause = cause;
    error->file = file;
    error->line = line;
    va_start(arguments, message);
    error->message = apr_pvsprintf(pool, message, arguments);
    va_end(arguments);
    if (!condition) {
        condition = condition_of(cause);
    }
    if (condition) {
        dms_element_t *element = apr_pcalloc(pool, sizeof(*element));
        element->name = dms_name_create(pool, DMS_NS_DAV, condition);
        error->condition = element;
    }
    return error;
}

dms_error_t *dms_error_about(dms_error_t *error, request_rec *about)
{
    if (error) {
        error->about = about;
    }
    return error;
}

int dms_status_from(apr_status_t cause)
{
    switch (cause) {
    case ENOENT:
    case ENOTDIR:
        return HTTP_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case DMS_EDENIED:
        return HTTP_FORBIDDEN;
    case EEXIST:
    case ENOTEMPTY:
    case EISDIR:
        return HTTP_CONFLICT;
    case EILSEQ: /* a name that the file system can't have */
        return HTTP_BAD_REQUEST;
    case ENAMETOOLONG:
        return HTTP_REQUEST_URI_TOO_LARGE;
    case EFBIG:
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    case EBUSY:
    case ETXTBSY:
        return HTTP_LOCKED;
    case ENOSPC:
#ifdef EDQUOT
    case EDQUOT:
#endif
    case EMLINK:
        return HTTP_INSUFFICIENT_STORAGE;
    case EXDEV: /* another part of the same URL space: RFC 4918, section 9.9.4 */
        return HTTP_BAD_GATEWAY;
    case ENOTSUP:
        return HTTP_NOT_IMPLEMENTED;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case EINTR:
    case ENOLCK:
    case ETIMEDOUT: /* and others of a disk that is elsewhere */
    case ENOTCONN:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ECONNRESET:
    case ECONNREFUSED:
#ifdef ESTALE
    case ESTALE:
#endif
    case DMS_ESTORE_BUSY:
        return HTTP_SERVICE_UNAVAILABLE;
    default: /* EIO, say */
        return HTTP_INTERNAL_SERVER_ERROR;
    }
}

apr_status_t dms_cause_of_store(apr_status_t cause)
{
    switch (cause) {
    case APR_SUCCESS:
    case ENOSPC:
        return cause;
    case EBUSY:
        return DMS_ESTORE_BUSY;
    default:
        return DMS_ESTORE;
    }
}

dms_error_t *dms_error_of_store(request_rec *r, apr_status_t cause)
{
    int status = dms_status_from(dms_cause_of_store(cause));

    if (status == HTTP_SERVICE_UNAVAILABLE) {
        apr_table_setn(r->err_headers_out, "Retry-After", "1");
    }
    return dms_error(r->pool, status, NULL, "the store of properties and locks failed");
}

int dms_is_refusal_by_disk(apr_status_t cause)
{
    switch (cause) {
    case EACCES:
    case EPERM:
    case EROFS:
    case EIO:
    case ENOSPC:
    case EXDEV:
    case ETIMEDOUT:
#ifdef ESTALE
    case ESTALE:
#endif
#ifdef EDQUOT
    case EDQUOT:
#endif
        return 1;
    default:
        return 0;
    }
}

const char *dms_path_on_disk(request_rec *r, apr_pool_t *pool)
{
    const char *apart = apr_table_get(r->notes, DMS_APART_NOTE);

    return apart ? apart : apr_pstrcat(pool, r->filename ? r->filename : "?", r->path_info, NULL);
}

static int level_of(const dms_error_t *error)
{
    if (error->status >= 500 && error->cause) {
        return APLOG_ERR;
    }
    return dms_is_refusal_by_disk(error->cause) ? APLOG_WARNING : APLOG_INFO;
}

/* What an administrator has to mend, the disk's refusals, is told with the place on the disk. */
static void log_error(request_rec *r, const dms_error_t *error)
{
    const char *destination = apr_table_get(r->headers_in, "Destination");
    int level = level_of(error);
    /* AP_FILTER_ERROR: an input filter has answered already, with a 413, say. */
    int status = ap_is_HTTP_VALID_RESPONSE(error->status) ? error->status : r->status;

    ap_log_rerror(error->file, error->line, APLOG_MODULE_INDEX, level, error->cause, r,
                  "%s %s%s%s: %d, %s%s%s", r->method, r->uri, destination ? " to " : "",
                  destination ? destination : "", status, error->message,
                  level == APLOG_INFO ? "" : ": ",
                  level == APLOG_INFO ? ""
                                      : dms_path_on_disk(error->about ? error->about : r, r->pool));
}

int dms_error_log_member(request_rec *r, apr_status_t cause, const char *uri, const char *file,
                         int *has_told)
{
    int is_refusal = dms_is_refusal_by_disk(cause), status = dms_status_from(cause);

    ap_log_rerror(APLOG_MARK, is_refusal && !*has_told ? APLOG_WARNING : APLOG_INFO,
                  cause == DMS_EDENIED ? 0 : cause, r, "%s %s: %d for %s: %s", r->method, r->uri,
                  status, uri, file);
    *has_told |= is_refusal;
    return status;
}

/* How many resources a condition names. */
#define HREFS 100

/* Takes the hrefs out of a condition that no answer may name to this client. Where that would be
 * all, the request's own URL stands for them. */
static void hide_hrefs(request_rec *r, dms_element_t *condition)
{
    dms_element_t *first = condition->children, **link = &condition->children;
    int left;

    for (left = HREFS; *link && left; left--) {
        if (dms_act_is_hidden(r, (*link)->text)) {
            *link = (*link)->next;
        }
        else {
            link = &(*link)->next;
        }
    }
    *link = NULL;
    if (first && !condition->children) {
        condition->children = first;
        first->text = apr_pescape_path(r->pool, r->uri, 1);
        first->next = NULL;
    }
}

/* --- to the client --- */

/* Set once, while modules are loaded. */
static ap_filter_rec_t *typer;

/* httpd has every page of an error be HTML, in Latin-1. */
static apr_status_t set_type(ap_filter_t *f, apr_bucket_brigade *bb)
{
    ap_set_content_type(f->r, f->ctx);
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, bb);
}

/* The note of what has that type. */
#define TYPE_NOTE "dav-multistatus-error-type"

/* Once httpd has dropped the filters of what was not to be an error. */
static void insert_typer(request_rec *r)
{
    const char *type = apr_table_get(r->notes, TYPE_NOTE);

    if (type) {
        ap_add_output_filter_handle(typer, (void *)type, r, r->connection);
    }
}

void dms_error_register(void)
{
    ap_hook_insert_error_filter(insert_typer, NULL, NULL, APR_HOOK_MIDDLE);
    typer = ap_register_output_filter("DAV_MULTISTATUS_ERROR", set_type, NULL,
                                      AP_FTYPE_RESOURCE - 1);
}

static const char *sentence(const dms_error_t *error, apr_pool_t *pool)
{
    char *words = apr_pstrcat(pool, error->message, ".", NULL);

    words[0] = (char)apr_toupper(words[0]);
    return words;
}

static const char *page(request_rec *r, int status, const char *words)
{
    const char *title = ap_get_status_line(status);

    return apr_pstrcat(r->pool, "<!DOCTYPE html>\n<html><head>\n<title>", title,
                       "</title>\n</head><body>\n<h1>", title + sizeof("404"), "</h1>\n<p>",
                       ap_escape_html(r->pool, words), "</p>\n", ap_psignature("<hr>\n", r),
                       "</body></html>\n", NULL);
}

/* What httpd shows for an error of r in place of its own page: it sees to all else that belongs to
 * an error's answer. */
static void show(request_rec *r, int status, const char *type, const char *text)
{
    ap_custom_response(r, status, text);
    apr_table_setn(r->notes, TYPE_NOTE, type);
}

/* An ErrorDocument shows itself, and may show the note. */
static void tell(request_rec *r, const dms_error_t *error)
{
    int is_page = dms_accept_prefers_html(apr_table_get(r->headers_in, "Accept"));
    const char *words = sentence(error, r->pool);

    apr_table_mergen(r->err_headers_out, "Vary", "Accept");
    apr_table_setn(r->notes, "error-notes", ap_escape_html(r->pool, words));
    if ((is_page || !error->condition)
        && ap_response_code_string(r, ap_index_of_response(error->status))) {
        return;
    }
    if (is_page) {
        show(r, error->status, "text/html; charset=utf-8", page(r, error->status, words));
    }
    else {
        if (error->condition) {
            hide_hrefs(r, error->condition);
        }
        show(r, error->status, dms_reply_content_type(r),
             dms_xml_document_string(r->pool, "error", error->condition, words));
    }
}

int dms_error_send(request_rec *r, const dms_error_t *error)
{
    log_error(r, error);
    if (error->status == HTTP_SERVICE_UNAVAILABLE) { /* what may pass */
        apr_table_setn(r->err_headers_out, "Retry-After", "1");
    }
    if (ap_is_HTTP_VALID_RESPONSE(error->status)) {
        tell(r, error);
    }
    return error->status;
}
