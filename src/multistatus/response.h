/*
 * The tree of one DAV:response (RFC 4918, section 14.24): what a 207 tells of one resource.
 *
 * A response has an href and either a status of its own (then it may have more hrefs) or propstats,
 * each of which gives properties one status (13, 14.22). A response as a whole and each propstat
 * may carry a DAV:error (14.5) and a description (14.25); a response that redirects carries a
 * location (13.2, 14.9).
 *
 * Everything is allocated from the pool that the response was created in, which is usually
 * dms_writer_pool(): then it is gone as soon as the response has been written. Strings and elements
 * that are handed in are referred to, not copied. What the reader (reader.h) hands over is in a
 * pool of the reader's, and can be written as it is.
 */
#ifndef DMS_RESPONSE_H
#define DMS_RESPONSE_H

#include "multistatus/element.h"

/* Creates a response for the resource at uri (escaped, kept by reference) in pool. */
dms_response_t *dms_response_create(apr_pool_t *pool, const char *uri);

/* Adds one more href; only a response with a status may have several. */
void dms_response_add_href(dms_response_t *response, const char *uri);

/* Gives the response a status of its own. APR_EINVAL, and no change, where the status can't be
 * recorded: a 1xx (RFC 4918, section 13), no HTTP status at all, or a response with propstats. */
apr_status_t dms_response_set_status(dms_response_t *response, int status);

/* Finds or adds the propstat for a status; the 2xx ones come first in the answer, since some
 * clients read only the first. NULL where the status can't be recorded, as above, or the response
 * has a status of its own. */
dms_propstat_t *dms_response_propstat(dms_response_t *response, int status);

/* Appends a property. The element joins the propstat's list, so it can be in one list only. */
void dms_propstat_add(dms_propstat_t *propstat, dms_element_t *property);

/* Whether it is as the grammar wants it: ((href*, status) | (href, propstat+)) (section 14.24). */
int dms_response_is_grammatical(const dms_response_t *response);

/* Whether a response says a failure: a status of 400 or more, its own or that of a propstat other
 * than 404 and 424, which tell of properties that are merely absent or not tried. */
int dms_response_is_failure(const dms_response_t *response);

#endif
