/*
 * What COPY and MOVE share (RFC 4918, sections 9.8 and 9.9): the way of a resource, with all below
 * it, from its URL to the Destination.
 *
 * A copy is made under a reserved name beside its destination, and then put in place in one step; a
 * move is one rename, or, between file systems, such a copy and the removal of the source. Either
 * way the destination is at any moment what it was or what it will be.
 *
 *   ends.c       reads the headers, looks up both ends, and asks what may be done
 *   placing.c    the step from before to after, with the rows in the store
 *   sizes.c      how many bytes that is, for quotas
 *   transfer.c   the frame: what comes before either method's act, and after it
 *   copy.c       makes the copy
 *   move.c       renames, or removes what has been copied
 */
#ifndef DMS_TRANSFER_H
#define DMS_TRANSFER_H

#include "acts/members.h"
#include "methods/failures.h"
#include "methods/method.h"
#include "methods/steps.h"

/* How many bytes are where, as far as it matters to a quota. */
typedef struct dms_sizes_t {
    apr_uint32_t time;    /* of the store, when that was */
    int stays;            /* a move in folders that are counted as one: placed is 0 */
    apr_int64_t placed;   /* what comes to the destination */
    apr_int64_t replaced; /* what was there */
    int is_stale;         /* by now, nobody knows */
    int is_unknown;       /* nobody knows what the folder has that it goes to */
} dms_sizes_t;

/* One request's, on the stack; what it points to lives in r->pool. */
typedef struct dms_transfer_t dms_transfer_t;
struct dms_transfer_t {
    dms_request_t *request;
    dms_error_t *(*act)(dms_transfer_t *transfer); /* what the method does when all is prepared */
    int is_move;
    int deep;
    int overwrite;
    dms_resource_t from, to;
    dms_node_t *from_parent, *to_parent;
    dms_request_t target; /* a subrequest for the destination */
    dms_request_t litter; /* the same, for the client's litter of that name, where the tree's stays
                             in the tree */
    int replaces_litter;  /* there is some, and it goes */
    const char *from_uri, *to_uri;
    dms_members_t *from_members, *to_members, *overwritten_members;
    const char *reserved;  /* the copy's name until it is in place, then that of what it replaced */
    dms_intention_t noted; /* the transfer */
    dms_intention_t partial;   /* that properties of what could not be copied have to go */
    dms_intention_t emptied;   /* of a move by copy: that the source's properties have to go */
    dms_intention_t leftover;  /* that what the destination was before has to go */
    const char *from_etag;     /* of a file, before it was copied */
    const char *from_identity; /* of a move's source, when it was looked at first */
    dms_node_t *from_first, *from_outer; /* itself and its collection then */
    dms_resource_t to_first;             /* what was at the destination then */
    int by_copy;                         /* a move that can't be one rename */
    int by_steps;        /* renames may take several, since the intention is noted */
    apr_status_t synced; /* whether the names are on the disk, where they have to be */
    int is_torn;         /* it has happened in part, and is left to be completed */
    const char *aside;   /* the name of a source that goes with the copy's placing, or NULL */
    dms_sizes_t sizes;
    dms_shift_t shift;
    dms_failures_t failures;
};

static inline int dms_is_collection(const dms_resource_t *resource)
{
    return resource->facts.kind == DMS_KIND_COLLECTION;
}

/* --- ends.c --- */

/* Reads the headers, looks up both ends, and finds out whether the transfer may be made. Errors:
 * those of dms_transfer_check(), and what httpd refuses with, 400 to 502. */
dms_error_t *dms_transfer_prepare(dms_transfer_t *transfer);

/* Everything that can be known before something is done; asked again when nobody else can change
 * anything any more. Errors: 400 to 424 of the request's, of conditions and of locks. */
dms_error_t *dms_transfer_check(dms_transfer_t *transfer);

/* Whether there is something at the destination, as far as the client knows. */
int dms_transfer_replaces(const dms_transfer_t *transfer);

/* Whether what stands at the destination goes, rather than gets another content: it then stands
 * under the reserved name afterwards. */
int dms_transfer_leaves_something(const dms_transfer_t *transfer);

/* Begins to ask for members anew, for another walk. */
void dms_transfer_open_members(dms_transfer_t *transfer);

/* For a dms_tree_t, with the transfer as its baton: whether httpd lets this user have a member
 * copied, or moved, to where it would be then; and what tells of one that failed. */
apr_status_t dms_transfer_member_check(void *transfer, const char *collection,
                                       const dms_member_t *member);
int dms_transfer_member_failed(void *transfer, const char *path, int at_target,
                               apr_status_t status);

/* --- placing.c --- */

/* Notes what is going to happen, in the place of what was noted before, where a crash in the midst
 * of it would leave something to complete: properties that have to go along, or a tree under a
 * reserved name. identity, replaced: as in dms_intention_t. */
dms_error_t *dms_transfer_intend(dms_transfer_t *transfer, dms_intent_e intent,
                                 const char *identity, const char *replaced);

/* The step from before to after, in which nobody else changes anything: `name` in `from` is put in
 * place. *rv: of that. Where the store can't be told of it, it is taken back. */
dms_error_t *dms_transfer_put_in_place(dms_transfer_t *transfer, dms_node_t *from, const char *name,
                                       apr_status_t *rv);

/* Has the store forget what is not there, as was noted for a part of a transfer, in short steps;
 * what is left then is left to be completed. */
void dms_transfer_sweep(dms_transfer_t *transfer, dms_intention_t *noted);

/* Forgets the intention of a transfer that has failed, or leaves it to be completed. */
void dms_transfer_give_up(dms_transfer_t *transfer);

/* Removes what has the reserved name in a collection. */
void dms_transfer_remove_reserved(dms_transfer_t *transfer, dms_node_t *parent);

/* --- sizes.c: all do nothing where the server has no quotas --- */

/* Whether there is room for a copy, before it is made: 507. May take a walk of the source. */
dms_error_t *dms_transfer_check_room(dms_transfer_t *transfer);

/* Looks at what `name` in `from` is going to bring, before the step: that may take a walk. */
void dms_transfer_measure(dms_transfer_t *transfer, dms_node_t *from, const char *name);

/* In the step, before the placing: whether that is still true, and whether there is room. */
dms_error_t *dms_transfer_measure_again(dms_transfer_t *transfer, dms_tx_t *tx, dms_node_t *from,
                                        const char *name);

/* After it. A failure is the transaction's. */
void dms_transfer_tell_sizes(dms_transfer_t *transfer, dms_tx_t *tx);

/* Something has come to be seen of which nobody knows the size. */
void dms_transfer_forget_sizes(dms_transfer_t *transfer);

/* --- transfer.c --- */

/* Answers a request, as a dms_method_fn; of the transfer, request, act and is_move are set. */
dms_error_t *dms_transfer_run(dms_transfer_t *transfer, int *result);

/* What a provider has to offer for a move; a copy takes more. */
int dms_transfer_is_offered(const dms_provider_t *provider, dms_kind_e kind);

/* --- copy.c --- */

/* The whole of it; of a move by copy, the first half. */
dms_error_t *dms_transfer_copy(dms_transfer_t *transfer);

#endif
