/*
 * The steps of a method that change something: transactions of the store (store/store.h), short,
 * and so that nobody asks httpd, checks a password or waits for a client in one.
 */
#ifndef DMS_STEPS_H
#define DMS_STEPS_H

#include "methods/method.h"

/* Begins the part of a method that changes something: from here to the transaction's end nobody
 * else changes anything, so what is looked up now stays true. What is read of the store meanwhile
 * is read through request->tx. 500 or 507 where the store fails. */
dms_error_t *dms_step_begin(dms_request_t *request, dms_tx_t **tx);

/* The same for a method that may make a resource. Where nothing is, but something is kept of one
 * that has gone past this server, that is forgotten first, in a step of its own: a kill between the
 * name and its rows would give it to the new one. key: the request's. */
dms_error_t *dms_step_begin_new(dms_request_t *request, const char *key, dms_tx_t **tx);

/* Turns the store's status into an error, or NULL; the transaction, if
 * there is one, is aborted where it failed. */
dms_error_t *dms_step_stored(dms_request_t *request, dms_tx_t *tx, apr_status_t rv);

/* Commits. */
dms_error_t *dms_step_commit(dms_request_t *request, dms_tx_t *tx);

/* Undoes what has been done since dms_step_begin(); nothing, where the transaction has ended. */
void dms_step_abort(dms_request_t *request, dms_tx_t *tx);

/* Forgets an intention, in a step of its own. Where that fails, it is abandoned. */
dms_error_t *dms_step_settle(dms_request_t *request, const dms_intention_t *intention);

/* A tree is removed in shifts, transactions of 20 ms, so that what is checked of a member is still
 * true when it goes, and others get to write in between. Zeroed but for request and
 * key. */
typedef struct dms_shift_t {
    dms_request_t *request;
    apr_pool_t *pool; /* lives as long as the shift */
    dms_tx_t *tx;     /* NULL: none is under way */
    apr_time_t until;
    const char *key;   /* of the tree, ... */
    apr_int64_t freed; /* ... and the bytes of the files that have gone in this shift */
} dms_shift_t;

/* Before a member is touched: begins a shift where none is under way or this one has lasted long
 * enough. *is_new: what is known of locks, say, has to be looked up anew. */
apr_status_t dms_shift_member(dms_shift_t *shift, int *is_new);

/* A member has been removed. */
void dms_shift_gone(dms_shift_t *shift, const char *collection, const dms_member_t *member);

/* Ends the shift, if there is one: at the end, and before anybody waits for the client. */
void dms_shift_end(dms_shift_t *shift);

#endif
