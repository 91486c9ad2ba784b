/*
 * Variables that mod_setenvif and mod_rewrite make of a request's URL or method, by which
 * `Require env` or `Allow from env=` may decide. A question comes with those of the request that
 * asks it; httpd lets mod_setenvif set them for a client's request only.
 */
#ifndef DMS_ENVIRONMENT_H
#define DMS_ENVIRONMENT_H

#include <httpd.h>

/* Takes from a question, before httpd maps its URL, what the asking request's URL has come to, and
 * has the server's directives set what its own does. */
void dms_environment_begin(request_rec *question);

/* Has the directives of the sections do so, when httpd has settled which these are. */
void dms_environment_complete(request_rec *question);

#endif
