#include "server/error.h"

#include <errno.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>

#include "config/config.h"
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
    return apr_pstrcat(pool, r->filename ? r->filename : "?", r->path_info, NULL);
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

int dms_error_send(request_rec *r, const dms_error_t *error)
{
    int rv;

    log_error(r, error);
    if (error->status == HTTP_SERVICE_UNAVAILABLE) { /* what may pass */
        apr_table_setn(r->err_headers_out, "Retry-After", "1");
    }
    if (!error->condition) {
        /* httpd's own documents, or the administrator's; some of them show this note. */
        apr_table_setn(r->notes, "error-notes", ap_escape_html(r->pool, error->message));
        apr_table_setn(r->notes, "verbose-error-to", "*");
        return error->status;
    }
    hide_hrefs(r, error->condition);
    r->status = error->status; /* now, so that no body is asked for which waits for a 100 */
    rv = ap_discard_request_body(r);
    if (rv == OK) {
        dms_reply_document(r, "error", error->condition, error->message);
    }
    return rv == OK ? DONE : rv;
}
