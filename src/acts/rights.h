/*
 * All rights of a client to one resource at once, for the properties that tell of them.
 */
#ifndef DMS_RIGHTS_H
#define DMS_RIGHTS_H

#include "acts/acts.h"
#include "properties/live.h"

/* DMS_RIGHT_*, but for DMS_RIGHT_STAYS: asks httpd for each act on the resource at uri (an escaped
 * path) that its provider offers. A collection's own URL stands for those of members that have no
 * name yet. */
unsigned int dms_rights_of(request_rec *r, const dms_provider_t *provider, dms_kind_e kind,
                           const char *uri);

/* Who the client is, in r->pool; NULL: nobody. Where anybody may look, httpd has not asked who it
 * is: then it is whom httpd finds who asks to change the resource at uri, whether it may or not;
 * or, where nobody is asked, the collection which that is in, as a listing of it tells. */
const char *dms_rights_user(request_rec *r, dms_kind_e kind, const char *uri);

#endif
