/*
 * A file's checksums, as whoever wrote it has told and this server has found true: kept as a dead
 * property of the name oc:checksums, which no client can set, with the entity tag of the file that
 * they belong to. So they go where the file goes, and are worth nothing once it has changed.
 */
#ifndef DMS_CHECKSUMS_H
#define DMS_CHECKSUMS_H

#include "properties/live.h"

extern const dms_name_t dms_checksums_name;

/* The property's XML, from pool. list: as of dms_digests_list(). */
const char *dms_checksums_xml(apr_pool_t *pool, const char *etag, const char *list);

/* The list in what is kept of a resource, where it belongs to the tag; NULL: there is none. */
const char *dms_checksums_of(apr_pool_t *pool, const dms_dead_property_t *dead, const char *etag);

/* The live property's value. */
int dms_checksums_value(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element);

#endif
