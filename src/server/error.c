#include "server/error.h"

#include <errno.h>

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>

#include "server/config.h"
#include "server/reply.h"

APLOG_USE_MODULE(dav_multistatus);

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
    if (condition) {
        dms_element_t *element = apr_pcalloc(pool, sizeof(*element));
        element->name = dms_name_create(pool, DMS_NS_DAV, condition);
        error->condition = element;
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
        return HTTP_FORBIDDEN;
    case EEXIST:
    case ENOTEMPTY:
        return HTTP_CONFLICT;
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
        return HTTP_INSUFFICIENT_STORAGE;
    case EMFILE:
    case ENFILE:
        return HTTP_SERVICE_UNAVAILABLE;
    default:
        return HTTP_INTERNAL_SERVER_ERROR;
    }
}

static void log_error(request_rec *r, const dms_error_t *error)
{
    int level = error->status >= 500 && error->cause ? APLOG_ERR : APLOG_INFO;
    /* AP_FILTER_ERROR: an input filter has answered already, with a 413, say. */
    int status = ap_is_HTTP_VALID_RESPONSE(error->status) ? error->status : r->status;

    ap_log_rerror(error->file, error->line, APLOG_MODULE_INDEX, level, error->cause, r,
                  "%s %s: %d, %s", r->method, r->uri, status, error->message);
}

int dms_error_send(request_rec *r, const dms_error_t *error)
{
    int rv;

    log_error(r, error);
    if (!error->condition) {
        /* httpd's own documents, or the administrator's; some of them show this note. */
        apr_table_setn(r->notes, "error-notes", ap_escape_html(r->pool, error->message));
        apr_table_setn(r->notes, "verbose-error-to", "*");
        return error->status;
    }
    r->status = error->status; /* now, so that no body is asked for which waits for a 100 */
    rv = ap_discard_request_body(r);
    if (rv == OK) {
        dms_reply_document(r, "error", error->condition, error->message);
    }
    return rv == OK ? DONE : rv;
}
