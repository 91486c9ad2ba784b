/*
 * mod_dav and this module can't both answer for the same place: found when the server starts, as
 * far as sections tell, and at each request besides. And what takes mod_proxy can't do without it.
 */
#ifndef DMS_CONFLICT_H
#define DMS_CONFLICT_H

#include <httpd.h>

/* Looks through the sections of all servers for one where both Dav and DavMultistatus are on. Logs
 * it, and returns whether there is one. */
int dms_conflict_check(apr_pool_t *ptemp, server_rec *server);

/* Whether mod_dav, too, is on for r. */
int dms_conflict_with_mod_dav(request_rec *r);

/* Logs a warning where DavMultistatusReverse is on, and no module is loaded that could reach a
 * backend. */
void dms_conflict_tell_reverse(server_rec *server);

#endif
