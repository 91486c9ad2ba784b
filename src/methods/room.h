/*
 * Room for what a method writes: what the quotas allow (server/space.h), and telling the sink of
 * changes by how much the disk has changed. Without any DavMultistatusQuota in the server's
 * configuration all of this does nothing.
 */
#ifndef DMS_ROOM_H
#define DMS_ROOM_H

#include "methods/method.h"
#include "server/space.h"

/* --- one file --- */

typedef struct dms_room_t {
    dms_request_t *request;
    const char *key;
    dms_node_t *parent;
    const char *name;
    apr_int64_t before; /* how many bytes it has; -1: nobody knows */
    apr_int64_t most;   /* how many it may have, by what is left: */
    dms_left_t left;
    int is_unknown; /* in the step: nobody knows, since what was counted has been forgotten */
} dms_room_t;

/* Finds out how long a file may become, before its body is read: may take the time to count the
 * folder. Errors: of the store. */
dms_error_t *dms_room_find(dms_room_t *room, dms_request_t *request, const dms_resource_t *resource,
                           dms_node_t *parent);

/* Whether a length is not too much: 507 with quota-not-exceeded. What becomes shorter always has
 * room. */
dms_error_t *dms_room_check(const dms_room_t *room, apr_int64_t length);

/* The same in the step, when nobody else changes anything. Where the folder is not counted any
 * more, room->is_unknown is set with an error, 503: it is counted outside the step by the second,
 * and the step made anew, so often at most. */
dms_error_t *dms_room_check_again(dms_room_t *room, apr_int64_t length);
dms_error_t *dms_room_count(dms_room_t *room);
#define DMS_ROOM_COUNTS 3

/* In the step, before the file is changed, whatever its length; and after it has been changed, or
 * has not: tells the sink. Returns what that does. */
void dms_room_look(dms_room_t *room, dms_request_t *request, const dms_resource_t *resource,
                   dms_node_t *parent);
apr_status_t dms_room_tell(dms_room_t *room, dms_tx_t *tx);

#endif
