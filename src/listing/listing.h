/*
 * Listing: a resource and what is below it, to a depth, with what is known of each.
 *
 * A listing walks depth first. It tells of the resource that was asked for, then of each member of
 * it that may be seen, and where the depth is infinity goes into each collection right after it has
 * told of it. The collections that it is in at a moment are its levels; at most 200. Each level
 * stands under the configuration and the access rules that httpd finds for it, and costs one
 * descriptor (of the file system) and a bounded memory, however many members it has. What the store
 * keeps of members, and their media types, is merged in, as far as it is asked for.
 *
 * Whoever lists fills in a dms_listing_t, opens it while an answer can still be a plain status, and
 * runs it with a function that is called with each resource: PROPFIND makes a response of it.
 * The listing knows nothing of XML, of 207s, or of why it is made.
 *
 * A listing lives in the pool of its request, and belongs to its thread. What is told of a member
 * lives in a pool that the caller gives, and that is the caller's to clear when it has done with
 * the member: so it can make there what it makes of it. All else of what is told lives until the
 * function returns.
 */
#ifndef DMS_LISTING_H
#define DMS_LISTING_H

#include <httpd.h>

#include "properties/live.h"
#include "repository/provider.h"
#include "request/headers.h"
#include "store/store.h"

/* What to list; constant while it runs, and to be kept until then, as what it is opened with. The
 * limit and whether the depth is allowed are the caller's to ask of the configuration. */
typedef struct dms_listing_t {
    request_rec *r; /* the client that asks, and the place where the listing begins */
    const dms_provider_t *provider;
    dms_depth_e depth;
    unsigned int facts; /* DMS_FACT_*, with those of type and locks (properties/live.h) */
    dms_choice_t dead;  /* which dead properties */
    apr_uint64_t limit; /* how many resources may be told of; 0: any number */
} dms_listing_t;

/* What is known of a resource. */
typedef struct dms_listed_t {
    /* Where the status says that nothing is known, only r, provider, uri and name. Of the rest what
     * the listing asks for: type and language with DMS_FACT_TYPE, locks with DMS_FACT_LOCKS. days
     * is left to who needs it. */
    dms_subject_t subject;
    /* HTTP_OK; or why its facts can't be told, or, of a collection that had to be gone into, why
     * that can't be done (507: it is too deep). 401 and 403 stand for a member that httpd hides,
     * where the configuration wants such members to be shown all the same. */
    int status;
    int depth;     /* of the resource that was asked for: 0 */
    int is_opened; /* it is a collection, and its members come next */
} dms_listed_t;

/* What follows a call. */
typedef enum dms_onward_e {
    DMS_ONWARD_END, /* nothing: the listing is over */
    DMS_ONWARD,     /* the next resource */
    DMS_ONWARD_PAST /* the next one that is not below this one */
} dms_onward_e;

/* Takes a resource. Must not wait for other requests: the listing holds descriptors. */
typedef dms_onward_e dms_listing_fn(void *baton, dms_listed_t *listed);

typedef struct dms_walk_t dms_walk_t;

/* Opens a resource, which exists, and has been looked up with DMS_FACTS_OF_PROVIDER of the facts;
 * uri is escaped, a collection's with a slash at its end. Where the depth wants members, the
 * collection is opened: returns what the provider says of that. Looks for what dead processes
 * have left, first (server/state.h). */
apr_status_t dms_listing_open(const dms_listing_t *listing, const dms_resource_t *resource,
                              const char *uri, dms_walk_t **walk);

/* Whether there is more to tell of than the one resource. */
int dms_listing_has_members(const dms_walk_t *walk);

/* Tells of the resource and its members. pool: see above; what is left out is cleared from it here.
 * Returns
 *   APR_SUCCESS     all has been told, or the function has ended it;
 *   APR_INCOMPLETE  there is more, but the limit has been reached;
 *   any other       the members of a collection can't be read to their end, which has been logged.
 * All that was open is closed by then. */
apr_status_t dms_listing_run(dms_walk_t *walk, apr_pool_t *pool, dms_listing_fn *tell, void *baton);

#endif
