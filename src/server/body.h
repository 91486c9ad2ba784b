/*
 * Reading a request's XML body through httpd's input filters.
 */
#ifndef DMS_BODY_H
#define DMS_BODY_H

#include <httpd.h>

#include "multistatus/element.h"
#include "server/error.h"

/* Reads and parses the body of r into r->pool. *root: its root element, or NULL where r has no body.
 * Errors: 400 malformed; 403 no-external-entities, for a DOCTYPE; 413 beyond LimitXMLRequestBody;
 * 415 not XML; and what the input filters report, such as 408 for a body that doesn't come. */
dms_error_t *dms_body_read_xml(request_rec *r, dms_element_t **root);

#endif
