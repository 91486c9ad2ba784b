/*
 * What a method could not do: a dms_error_t, from where it arose to the client and the error log.
 *
 * Units below the methods return apr_status_t. A method turns it into an error, which carries the
 * HTTP status, the precondition of RFC 4918 (section 16) where one has a name, words for people,
 * and the system's own reason.
 */
#ifndef DMS_ERROR_H
#define DMS_ERROR_H

#include <httpd.h>

#include "acts/acts.h"
#include "multistatus/element.h"

typedef struct dms_error_t {
    int status;               /* HTTP, 400 or more */
    dms_element_t *condition; /* what DAV:error holds, or NULL */
    const char *message;      /* the words of a sentence, without its capital and its period */
    apr_status_t cause;       /* APR_SUCCESS: the client's mistake */
    request_rec
        *about; /* whose file the log names where the disk has refused; NULL: the request's */
    const char *file;
    int line;
} dms_error_t;

/* Makes an error in pool; message is a format. condition: the name of a DAV: precondition or
 * postcondition element, static, or NULL. */
dms_error_t *dms_error_create(const char *file, int line, apr_pool_t *pool, int status,
                              const char *condition, apr_status_t cause, const char *message, ...)
    __attribute__((format(printf, 7, 8)));

#define dms_error(pool, status, condition, ...)                                                    \
    dms_error_create(__FILE__, __LINE__, (pool), (status), (condition), APR_SUCCESS, __VA_ARGS__)

/* An error of the system's: the status is that of the cause; of a full disk, with its condition. */
#define dms_error_of(pool, cause, ...)                                                             \
    dms_error_create(__FILE__, __LINE__, (pool), dms_status_from(cause), NULL, (cause), __VA_ARGS__)

/* The same error, about the file of a subrequest; NULL stays NULL. */
dms_error_t *dms_error_about(dms_error_t *error, request_rec *about);

/* The HTTP status that tells a client of a failed system call: the one table for all. */
int dms_status_from(apr_status_t cause);

/* What the store fails with (store/store.h), for a client: 503 with Retry-After where others write
 * it for too long, which is neither the client's fault nor for long; 507 where it is full; 500. */
dms_error_t *dms_error_of_store(request_rec *r, apr_status_t cause);

/* The same of one member of many: a cause that dms_status_from() knows. */
#define DMS_ESTORE_BUSY (DMS_EDENIED + 1)
#define DMS_ESTORE (DMS_EDENIED + 2)
apr_status_t dms_cause_of_store(apr_status_t cause);

/* Whether a cause is one that an administrator should know of, since the disk has refused what the
 * configuration allows; and the file that r is about, for the log. */
int dms_is_refusal_by_disk(apr_status_t cause);
const char *dms_path_on_disk(request_rec *r, apr_pool_t *pool);

/* Logs that a resource, one of many that r is about, failed by a cause: at `info`, but as a warning
 * the first that the disk has refused, which *has_told remembers. uri is escaped, file its name on
 * the disk. Returns the HTTP status of it. */
int dms_error_log_member(request_rec *r, apr_status_t cause, const char *uri, const char *file,
                         int *has_told);

/* Logs an error, and has httpd tell r's client of it in one sentence: on a page of HTML where that
 * is preferred to XML, else in a DAV:error. An ErrorDocument goes before both, but not before a
 * condition, which clients act upon. Returns the status that the handler or fixup has to return. */
int dms_error_send(request_rec *r, const dms_error_t *error);

/* Registers what that needs, while modules are loaded. */
void dms_error_register(void);

#endif
