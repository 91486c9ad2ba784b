/*
 * Litter (DavMultistatusLitter): files that clients leave wherever they come, for themselves:
 * `._*`, `.DS_Store` and `.Trash*` (macOS, desktops), `Thumbs.db` and `desktop.ini` (Windows).
 *
 * A request for such a name, of which nothing is in the tree, has its resource apart: in a folder
 * of its user's (server/apart.h). All that a method does then, it does there. What is in the tree
 * stays there, whatever its name, and so does what a COPY or MOVE brings from there: it may be
 * somebody's work, and what is apart goes after a while. Collections are not kept apart.
 *
 * httpd has been asked for the URL itself, as for any other.
 */
#ifndef DMS_LITTER_H
#define DMS_LITTER_H

#include "methods/method.h"

/* Whether a request is for what would be kept apart. */
int dms_litter_is_apart(const request_rec *r);

/* Notes that a request is to get it, whether a file is there or not; and whether that is noted. */
void dms_litter_get(request_rec *r);
int dms_litter_is_got(const request_rec *r);

/* Decides where the request's resource is, once; dms_method_lookup() does. May ask httpd who the
 * client is. Errors: 507 where a file would be made, and the user may have no more; of the disk. */
dms_error_t *dms_litter_place(dms_request_t *request);

/* The same, where nothing is going to be made there, whatever the request. */
dms_error_t *dms_litter_find(dms_request_t *request);

/* Decides that it is in the tree. */
void dms_litter_stay(dms_request_t *request);

/* Whether something may be made at, or put under, the request's name: 403 where litter is refused,
 * or where it is a collection that would have to be kept apart. */
dms_error_t *dms_litter_check(dms_request_t *request, int is_collection);

#endif
