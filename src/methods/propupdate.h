/*
 * Changes of properties, in document order, all or none: what PROPPATCH (RFC 4918, section 9.2) and
 * an extended MKCOL (RFC 5689) share.
 *
 * A patch is read from a request's body, judged, stored in the step that the method has begun, and
 * told. It lives in the pool of its request.
 */
#ifndef DMS_PROPUPDATE_H
#define DMS_PROPUPDATE_H

#include "methods/method.h"
#include "multistatus/response.h"
#include "multistatus/writer.h"

typedef struct dms_propupdate_t dms_propupdate_t;

/* Creates a patch that changes nothing yet. is_birth: it is of a collection that is to be made. */
dms_propupdate_t *dms_propupdate_create(dms_request_t *request, int is_birth);

/* Adds what the DAV:set elements in root say, and, unless it is a birth, its DAV:remove elements.
 * root's tree must live as long as the patch. 507 where that is too much at once. */
dms_error_t *dms_propupdate_read(dms_propupdate_t *patch, const dms_element_t *root);

/* Whether no property is named. */
int dms_propupdate_is_empty(const dms_propupdate_t *patch);

/* Decides on each change before anything is done. Returns whether all can be done. */
int dms_propupdate_judge(dms_propupdate_t *patch);

/* Makes the changes that the store keeps, of the resource of a key. 507 where there would be too
 * much, and the store's errors; then the transaction is to be aborted. */
dms_error_t *dms_propupdate_store(dms_propupdate_t *patch, dms_tx_t *tx, const char *key);

/* The modification time that a change sets, or NULL. */
const dms_moment_t *dms_propupdate_modified(const dms_propupdate_t *patch);

/* Adds to a response what has become of each property, each once. Where one can't be changed, it
 * has the status that says why, and the others 424. Returns the first such status, or HTTP_OK.
 * writer: what the response is for, or NULL. */
int dms_propupdate_tell(dms_propupdate_t *patch, dms_response_t *response, dms_writer_t *writer);

#endif
