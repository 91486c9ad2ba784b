/*
 * What httpd says of a member: questions to its configuration and authorization.
 *
 * A question is a subrequest: httpd maps the URL, merges the sections that rule it, and runs the
 * access checks, all without running a handler. That costs some 10 to 20 microseconds, so it is
 * asked only where the answer could differ from what is known.
 */
#ifndef DMS_ACCESS_H
#define DMS_ACCESS_H

#include <httpd.h>

/* Asks httpd what it makes of a URL for a method. uri is an escaped path. The answer's status is
 * HTTP_OK where the request would be let through, and its per_dir_config, content_type and so on
 * are those of the URL. A refusal is not logged: nobody has asked for the member. To be freed
 * with ap_destroy_sub_req(). */
request_rec *dms_access_ask(request_rec *r, const char *method, const char *uri);

/* A hook, for each stage at which httpd gives a request its log: it silences our questions. */
int dms_access_be_quiet(request_rec *r);

/* Whether some section may treat a member unlike its siblings: a <Files> or <FilesMatch> that
 * matches its name, or any <If>. collection: a request for the collection; name: as in the file
 * system. */
int dms_access_is_special(request_rec *collection, const char *name);

#endif
