/*
 * The files by which folders configure httpd: those of AccessFileName, .htaccess mostly.
 *
 * Who writes one may run code, or open what is closed; one that httpd can't read closes a folder to
 * everybody. So no client may make, change, lock into being or remove any, unless
 * DavMultistatusAccessFiles says so; then httpd's own rules are all that there is. It is asked, as
 * those are, of each member of a tree, too: such a file stays where an administrator has put it.
 */
#ifndef DMS_ACCESS_FILES_H
#define DMS_ACCESS_FILES_H

#include <httpd.h>

/* Notes the names of all servers, since they may share folders. In post_config; pconf lives as long
 * as the configuration. */
void dms_access_files_collect(apr_pool_t *pconf, const server_rec *server);

/* Whether a file of that name is one; or would be on a file system that takes upper and lower case
 * for the same, or drops dots and blanks at the end. */
int dms_access_files_have(const char *name);

/* Whether a request, or a question, would write one where that is not for clients. */
int dms_access_files_refuse(const request_rec *r);

#endif
