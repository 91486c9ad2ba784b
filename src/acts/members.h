/*
 * The right to an act on each member of a tree, as a walk comes to them, depth first
 * (repository/tree.h). Only members that a section singles out are asked for (acts/sections.h), and
 * collections that are to be read, for their Options. A member that its URL does not lead to
 * (acts/mounts.h) is refused.
 */
#ifndef DMS_MEMBERS_H
#define DMS_MEMBERS_H

#include "acts/acts.h"
#include "repository/provider.h"

typedef struct dms_members_t dms_members_t;

/* The tree at uri (an escaped path, with a slash at its end), for which r is a request or
 * subrequest; act: what is going to be done to each member. Lives in pool. */
dms_members_t *dms_members_create(apr_pool_t *pool, request_rec *r, const char *uri, dms_act_e act);

/* Has a function called each time before httpd is asked, for which nobody else is to wait: a caller
 * that is in a transaction ends it there. */
typedef void dms_members_before_fn(void *baton);
void dms_members_before_asking(dms_members_t *members, dms_members_before_fn *before, void *baton);

/* Whether a member of a collection, whose path is escaped and relative to the tree's root, may be
 * acted on. DMS_EDENIED where httpd says no, or the module is Off there, or has another
 * provider. */
apr_status_t dms_members_check(dms_members_t *members, const char *collection,
                               const dms_member_t *member);

/* The request or question whose configuration rules the collection that the walk is in, or, where
 * the last member that was checked is one and has been let through, that one. It lives until the
 * walk has left it. */
request_rec *dms_members_ruler(const dms_members_t *members);

#endif
