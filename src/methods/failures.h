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
    dms_reply_t *reply;   /* NULL: there has been no failure */
    int has_told_of_disk; /* the log, above its level `info` */
} dms_failures_t;

/* Tells of a resource at an escaped URI, with an HTTP status. Returns whether the client is still
 * there. */
int dms_failures_add(dms_failures_t *failures, const char *uri, int status);

/* Tells of a member of a tree: uri is the tree's, which `root` is a request for; path is escaped
 * and relative to it (repository/tree.h); cause as in dms_status_from(). All are told in the log at
 * `info`; the first that the disk has refused is a warning, with its path there. */
void dms_failures_add_member(dms_failures_t *failures, request_rec *root, const char *uri,
                             const char *path, apr_status_t cause);

/* Answers with what has been reported, or, where there is nothing, with a plain status: 201 or 204.
 * Returns what the handler has to return. */
int dms_failures_end(dms_failures_t *failures, int status);

#endif
