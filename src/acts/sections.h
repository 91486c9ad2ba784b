/*
 * Which members of a collection httpd has to be asked for (acts/acts.h).
 *
 * A question is dear, so it is asked only where the answer could differ from the collection's own:
 * for a collection; for a name that a <Files> section matches; for a URL that a <Location> treats
 * unlike its collection's, or that a Redirect is about; and for every member where there are <If>
 * sections, or rules that may be about any URL (config/rules.h). `DavMultistatusAuthz each` asks
 * for every member, `off` for none.
 */
#ifndef DMS_SECTIONS_H
#define DMS_SECTIONS_H

#include <httpd.h>

/* The sections that could treat the members of one collection unlike the collection. */
typedef struct dms_sections_t dms_sections_t;

/* Finds them out for the collection that r is a request or subrequest for. Lives in pool. */
dms_sections_t *dms_sections_create(apr_pool_t *pool, request_rec *r);

/* Whether a member is special: has to be asked for. name: as in the file system. */
int dms_sections_single_out(const dms_sections_t *sections, const char *name, int is_collection);

/* Whether a <Directory> could be meant for a file in the collection that r is for. */
int dms_sections_may_name_a_file(const request_rec *r);

#endif
