/*
 * What a method tells of the resources that it could not act on: a 207 that begins with the first
 * of them.
 */
#ifndef DMS_FAILURES_H
#define DMS_FAILURES_H

#include <httpd.h>

#include "server/reply.h"

typedef struct dms_failures_t {
    request_rec *r;
    dms_reply_t *reply; /* NULL: there has been no failure */
    /* The collections that have been told of, among those that a walk is in; of the request's own
     * tree, and of another one. Each is a beginning of the innermost one's URI. */
    struct {
        char *innermost;
        apr_size_t size;             /* of what that is kept in */
        apr_array_header_t *lengths; /* of the beginnings */
    } told[2];
    int has_told_of_disk; /* the log, above its level `info` */
} dms_failures_t;

/* Tells of a resource at an escaped URI, with an HTTP status. Returns whether the client is still
 * there. */
int dms_failures_add(dms_failures_t *failures, const char *uri, int status);

/* Tells of a member of a tree, as a walk comes to it: uri is the tree's, which `root` is a request
 * for; path is escaped and relative to it (repository/tree.h); cause as in dms_status_from(). A
 * member that is hidden (acts/acts.h) is not named: 403 for the collection that it is in says that
 * this could not be done with as a whole, once, however many there are. httpd may be asked: not in
 * a transaction. All are told in the log at `info`; the first that the disk has refused is a
 * warning, with its path there. */
void dms_failures_add_member(dms_failures_t *failures, request_rec *root, const char *uri,
                             const char *path, apr_status_t cause);

/* Answers with what has been reported, or, where there is nothing, with a plain status: 201 or 204.
 * Returns what the handler has to return. */
int dms_failures_end(dms_failures_t *failures, int status);

#endif
