/*
 * The methods: one file each. A method reads its headers and body, decides, acts on the repository,
 * and reports.
 */
#ifndef DMS_METHOD_H
#define DMS_METHOD_H

#include <httpd.h>

#include "methods/table.h"
#include "repository/provider.h"
#include "request/destination.h"
#include "request/if_header.h"
#include "config/config.h"
#include "server/error.h"
#include "server/reply.h"
#include "store/store.h"

typedef struct dms_request_t {
    request_rec *r;
    const dms_config_t *config;
    const dms_provider_t *provider;
    const dms_if_list_t *submitted; /* the If header, or NULL */
    dms_tx_t *tx;                   /* that is under way (dms_method_begin(), shifts), or NULL */
    int has_recovered;              /* has given a slice of its time to what the dead have left */
} dms_request_t;

/* The module's own methods. */
extern const dms_method_t dms_method_copy;
extern const dms_method_t dms_method_delete;
extern const dms_method_t dms_method_get; /* HEAD, too */
extern const dms_method_t dms_method_lock;
extern const dms_method_t dms_method_mkcol;
extern const dms_method_t dms_method_move;
extern const dms_method_t dms_method_options;
extern const dms_method_t dms_method_propfind;
extern const dms_method_t dms_method_proppatch;
extern const dms_method_t dms_method_put;
extern const dms_method_t dms_method_unlock;

/* Sets the methods that a request's resource allows, for 405. */
void dms_method_set_allowed(dms_request_t *request, const dms_resource_t *resource);

/* Waits for the names in a collection to be on the disk, where that is wanted. */
apr_status_t dms_method_sync(dms_request_t *request, dms_node_t *collection);

/* What every method needs first: the resource that the URL names, with the facts wanted. Errors:
 * what the provider's lookup gives; where it must exist, 404 if it does not. */
dms_error_t *dms_method_lookup(dms_request_t *request, unsigned int facts, int must_exist,
                               dms_resource_t *resource);

/* The collection that a resource is or would be in. 409 where there is none. */
dms_error_t *dms_method_parent(dms_request_t *request, dms_resource_t *resource,
                               dms_node_t **parent);

/* --- conditions.c: what a request makes its effect depend on --- */

/* If-Match, If-None-Match and If-Unmodified-Since (RFC 9110, section 13.2), and If (RFC 4918,
 * section 10.4). 412 where one fails. The resource, the request's own, has been looked up with
 * DMS_METHOD_CONDITION_FACTS. */
#define DMS_METHOD_CONDITION_FACTS (DMS_FACT_ETAG | DMS_FACT_MODIFIED)
dms_error_t *dms_method_conditions(dms_request_t *request, const dms_resource_t *resource);

/* What a lock may protect against a method (RFC 4918, section 7). */
#define DMS_WRITES_SELF 1u   /* content or properties */
#define DMS_WRITES_PARENT 2u /* its name in the collection that it is in */
#define DMS_WRITES_BELOW 4u  /* whatever is below it */

/* 423 with lock-token-submitted, and the roots of the locks, where one stands in the way of a
 * change to the resource that key names: the request has not submitted its token, or is another
 * user's. */
dms_error_t *dms_method_unlocked(dms_request_t *request, const char *key, unsigned int writes);

/* The locks below a resource that stand in the way: key of the root -> dms_lock_t, from pool.
 * Empty, mostly. */
dms_error_t *dms_method_locks_below(dms_request_t *request, const char *key, apr_pool_t *pool,
                                    apr_hash_t **locks);

/* Who asks: the authenticated user, or "". */
const char *dms_method_principal(request_rec *r);

/* The path of a URI that names a resource of this server; NULL where it is another's, or not
 * absolute. */
const char *dms_method_local_path(request_rec *r, const dms_destination_t *uri);

/* --- method.c: what several methods do --- */

/* 400 unless Depth is absent or infinity, for a method that acts on whole collections. */
dms_error_t *dms_method_deep_only(dms_request_t *request, const dms_resource_t *resource);

/* Begins the part of a method that changes something: from here to the transaction's end nobody
 * else changes anything, so what is looked up now stays true. What is read of the store meanwhile
 * is read through request->tx. 500 or 507 where the store fails. */
dms_error_t *dms_method_begin(dms_request_t *request, dms_tx_t **tx);

/* Turns the store's status into an error, or NULL; the transaction, if
 * there is one, is aborted where it failed. */
dms_error_t *dms_method_stored(dms_request_t *request, dms_tx_t *tx, apr_status_t rv);

/* Commits. */
dms_error_t *dms_method_commit(dms_request_t *request, dms_tx_t *tx);

/* Undoes what has been done since dms_method_begin(). */
void dms_method_abort(dms_request_t *request, dms_tx_t *tx);

/* A tree is removed in shifts, transactions of 20 ms, so that what is checked of a member is still
 * true when it goes, and others get to write in between. Zeroed but for request. */
typedef struct dms_shift_t {
    dms_request_t *request;
    apr_pool_t *pool; /* lives as long as the shift */
    dms_tx_t *tx;     /* NULL: none is under way */
    apr_time_t until;
} dms_shift_t;

/* Before a member is touched: begins a shift where none is under way or this one has lasted long
 * enough. *is_new: what is known of locks, say, has to be looked up anew. */
apr_status_t dms_shift_member(dms_shift_t *shift, int *is_new);

/* Ends the shift, if there is one: at the end, and before anybody waits for the client. */
void dms_shift_end(dms_shift_t *shift);

/* The escaped path of a request's resource, a collection's with a slash at its end. */
const char *dms_method_uri(request_rec *r, dms_kind_e kind);

/* A 207 that begins with the first failure of a member, if there is one. */
typedef struct dms_report_t {
    request_rec *r;
    dms_reply_t *reply; /* NULL: there has been no failure */
} dms_report_t;

/* Tells of a failed member at an escaped URI, with an HTTP status. Returns whether the client is
 * still there. */
int dms_report_failure(dms_report_t *report, const char *uri, int status);

/* Answers with what has been reported, or, where there is nothing, with a plain status: 201 or 204.
 * Returns what the handler has to return. */
int dms_report_end(dms_report_t *report, int status);

#endif
