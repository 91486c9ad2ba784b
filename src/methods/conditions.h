/*
 * What a request makes its effect depend on: conditional headers (RFC 9110, section 13), and the If
 * header (RFC 4918, section 10.4), which may name other resources.
 *
 * httpd is asked once for each of these, before there is a transaction; what they are like is
 * looked at each time that the conditions are checked.
 */
#ifndef DMS_CONDITIONS_H
#define DMS_CONDITIONS_H

#include "methods/method.h"

/* Sets r->mtime, which Last-Modified tells and dates are compared with: the time of the resource
 * with these facts, or, where no answer may tell that one, since it is ahead of the clock (RFC
 * 9110, section 8.8.2.1) or not after 1970 began, the time at which the file was last changed in
 * any way. */
void dms_conditions_set_time(request_rec *r, const dms_facts_t *facts);

/* Asks httpd for the resources that If names, unless that has been done. */
void dms_conditions_ask(dms_request_t *request);

/* If-Match, If-None-Match, If-Unmodified-Since and If: 412 where one does not hold. The resource,
 * the request's own, has been looked up with DMS_CONDITION_FACTS. */
#define DMS_CONDITION_FACTS (DMS_FACT_ETAG | DMS_FACT_MODIFIED)
dms_error_t *dms_conditions_check(dms_request_t *request, const dms_resource_t *resource);

/* The same of If alone: for what only reads, whose other conditions are about a representation. */
dms_error_t *dms_conditions_check_if(dms_request_t *request, const dms_resource_t *resource);

#endif
