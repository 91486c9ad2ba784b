/*
 * What httpd says of a member: questions to its configuration and authorization.
 *
 * A question is a subrequest: httpd maps the URL, merges the sections that rule it, and runs the
 * access checks, all without running a handler. That costs some 20 microseconds, so it is asked
 * only where the answer could differ from the collection's own: for a collection; for a name that a
 * <Files> section matches; for a URL that a <Location> treats unlike its collection's; and for
 * every member where there are <If> sections. `DavMultistatusAuthz each` asks for every member,
 * `off` for none.
 */
#ifndef DMS_ACCESS_H
#define DMS_ACCESS_H

#include <httpd.h>

#include "repository/provider.h"

/* Asks httpd what it makes of a URL for a method. uri is an escaped path. The answer's status is
 * HTTP_OK where the request would be let through, and its per_dir_config, content_type and so on
 * are those of the URL. A refusal is not logged: nobody has asked for the member. To be freed
 * with ap_destroy_sub_req(). */
request_rec *dms_access_ask(request_rec *r, const char *method, const char *uri);

/* A hook, for each stage at which httpd gives a request its log: it silences our questions. */
int dms_access_be_quiet(request_rec *r);

/* What rules the members of one collection. */
typedef struct dms_access_t dms_access_t;

/* Finds out which sections could treat a member of a collection unlike the collection, which r is a
 * request or subrequest for. Lives in pool. */
dms_access_t *dms_access_create(apr_pool_t *pool, request_rec *r);

/* Whether a member has to be asked for. name: as in the file system. */
int dms_access_is_special(const dms_access_t *access, const char *name, int is_collection);

/* --- whole trees --- */

/* Asks for the members of a tree as a walk comes to them, depth first (repository/tree.h). */
typedef struct dms_access_tree_t dms_access_tree_t;

/* The tree at uri (an escaped path, with a slash at its end), for which r is a request or
 * subrequest; method: what is going to be done to each member. Lives in pool. */
dms_access_tree_t *dms_access_tree_create(apr_pool_t *pool, request_rec *r, const char *uri,
                                          const char *method);

/* Whether the method may be applied to a member of a collection, whose path is escaped and relative
 * to the tree's root. EACCES where httpd says no, or the module is Off there, or has another
 * provider. */
apr_status_t dms_access_tree_check(dms_access_tree_t *tree, const char *collection,
                                   const dms_member_t *member);

#endif
