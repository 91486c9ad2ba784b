/*
 * Whole trees: what DELETE, COPY and MOVE do to a collection, on any provider.
 *
 * A member that fails is told at once, and the rest goes on; nothing is collected. The memory
 * needed is that of the collections which the walk is in.
 */
#ifndef DMS_TREE_H
#define DMS_TREE_H

#include "repository/provider.h"

typedef struct dms_tree_t {
    const dms_provider_t *provider;
    struct request_rec *r; /* may be NULL where no link has to be followed */

    /* Of a removal: what is removed is the module's own, and no permission of a collection in it,
     * which the server could take away itself, keeps it. */
    int is_own;
    /* Of a scan: whether all of it could be removed. What can't be looked into refuses, too. */
    int is_to_go;

    unsigned int facts; /* what check() and gone() want to know of a member, beside its kind */

    /* Takes a failure: path is escaped and relative to the tree's root, without a slash at its
     * beginning, a collection's with one at its end; that of the collection which it is in, of
     * what has a hidden name. at_target: it arose where things are copied to. Returns whether to
     * go on. */
    int (*failed)(void *baton, const char *path, int at_target, apr_status_t status);

    /* Whether a member of a collection (path as above) may be touched: APR_SUCCESS; APR_INCOMPLETE,
     * it stays, with all below it, and that is no failure; otherwise it stays and failed() is told
     * why. May be NULL. */
    apr_status_t (*check)(void *baton, const char *collection, const dms_member_t *member);
    /* After check() has let a collection through that is going to be gone into: the request whose
     * configuration rules it, until the walk has left it. NULL: that is always r. */
    struct request_rec *(*ruler)(void *baton);
    /* Whether a collection that has been emptied may be removed, as check(). May be NULL. */
    apr_status_t (*leave)(void *baton, const char *path);
    /* Is told of a member, no collection, that has been removed. May be NULL. */
    void (*gone)(void *baton, const char *collection, const dms_member_t *member);
    void *baton;
} dms_tree_t;

/* Removes `name` in parent with all that is in it. APR_SUCCESS: it is gone. Otherwise something has
 * stayed: APR_INCOMPLETE where failed() or check() know of it, the cause where it is `name`
 * alone. */
apr_status_t dms_tree_remove(const dms_tree_t *tree, dms_node_t *parent, const char *name,
                             dms_kind_e kind, apr_pool_t *pool);

/* Copies the members of a collection, and all below them, into another, which is empty. links: as
 * in the provider's copy(). APR_INCOMPLETE where failed() has been called; another status where
 * the collection itself could not be read. */
apr_status_t dms_tree_copy(const dms_tree_t *tree, dms_node_t *from, dms_node_t *to, int links,
                           apr_pool_t *pool);

/* Goes through the members of a collection, and all below them, without touching anything, for
 * what check() says: returns the first failure, or APR_SUCCESS. failed() is not called. */
apr_status_t dms_tree_scan(const dms_tree_t *tree, dms_node_t *collection, apr_pool_t *pool);

/* A name that clients see for what had one that has been replaced. */
const char *dms_tree_shown_name(const char *name, apr_pool_t *pool);

/* How many bytes the files in a collection, and all below it, have; links have none, nor what is
 * hidden (repository/provider.h). What can't be read has none either. */
apr_int64_t dms_tree_size(const dms_provider_t *provider, dms_node_t *collection, apr_pool_t *pool);

/* The same of `name` in parent, whatever it is; -1 where it can't be looked at. */
apr_int64_t dms_member_size(const dms_provider_t *provider, dms_node_t *parent, const char *name,
                            apr_pool_t *pool);

/* Gives what has a reserved name, since it was replaced, and can't be removed whole, a name that
 * clients see, beside the one that it had (name in parent), and lets nobody in. *shown: that
 * name. */
apr_status_t dms_tree_show(const dms_tree_t *tree, dms_node_t *reserved_parent,
                           const char *reserved, dms_node_t *parent, const char *name,
                           apr_pool_t *pool, const char **shown);

#endif
