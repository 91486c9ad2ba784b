/*
 * What other methods, and the module's hooks, need of GET.
 */
#ifndef DMS_GET_H
#define DMS_GET_H

#include "methods/method.h"

/* The handler of the requests that are this module's. */
#define DMS_HANDLER "dav-multistatus"

/* Whether r->handler says that nobody else in particular is to handle a file: httpd then puts its
 * type there, or the default handler's name. */
int dms_get_has_no_handler(const request_rec *r);

/* Answers with a status and the file of the request's URL, as a GET would show it, where a client
 * prefers that (RFC 8144, section 3). etag: that of the file that it is to be, or NULL for whatever
 * is there. Returns whether it has answered: not where there is no such file, where the client may
 * not GET it, or where another handler does. */
int dms_get_represent(dms_request_t *request, int status, const char *etag);

#endif
