/*
 * Reading a request's body through httpd's input filters.
 */
#ifndef DMS_BODY_H
#define DMS_BODY_H

#include <httpd.h>

#include "multistatus/element.h"
#include "server/error.h"

/* Takes the next piece of a body. An error ends the reading. */
typedef dms_error_t *dms_body_fn(void *baton, const char *bytes, apr_size_t length);

/* Reads the body of r to its end. Errors: those of take(); what the input filters report, such as
 * 413 beyond LimitRequestBody or 408 for a body that doesn't come; 400 where the client has left.
 * */
dms_error_t *dms_body_read(request_rec *r, dms_body_fn *take, void *baton);

/* How long the body of r is going to be, as its head says; -1: it doesn't. */
apr_off_t dms_body_expected(request_rec *r);

/* Whether it may be so long: 413 beyond LimitRequestBody. To be asked before another error is told,
 * since httpd puts one of its own in the place of that when it reads, to drop it, such a body. */
dms_error_t *dms_body_check_length(request_rec *r);

/* For a method that has no use for a body: 415 where there is one (RFC 4918, section 8.4), and the
 * errors of dms_body_read(). */
dms_error_t *dms_body_none(request_rec *r);

/* Reads and parses the body of r into r->pool. *root: its root element, or NULL where r has no
 * body. What it is, its bytes tell, since libraries label XML as they label any string. Errors: 400
 * malformed; 403 no-external-entities, for a DOCTYPE; 413 beyond LimitXMLRequestBody; 415 what is
 * not labelled as XML, and is none; and those of dms_body_read(). */
dms_error_t *dms_body_read_xml(request_rec *r, dms_element_t **root);

/* The same for a method that few clients send a body with: 415 whatever is no XML. */
dms_error_t *dms_body_read_any_xml(request_rec *r, dms_element_t **root);

#endif
