/*
 * The server's state: each process's access to the store.
 *
 * At start-up, still with the rights of root, the store's directory and file are made and given to
 * the server's User. Each child process then has one dms_store_t for all its threads.
 */
#ifndef DMS_STATE_H
#define DMS_STATE_H

#include <httpd.h>

#include "repository/provider.h"
#include "store/store.h"

/* Makes the store, in the parent process. Failure is logged, and is no reason not to start: reading
 * works without it. */
void dms_state_prepare(apr_pool_t *pool, server_rec *server);

/* Logs, for "apachectl configtest", what dms_state_prepare() would fail at, as far as it can be
 * told without writing anything: it is no reason not to start, and so none to fail. */
void dms_state_test(apr_pool_t *pool, server_rec *server);

/* Opens it for a child process, whose pool this is. */
void dms_state_open(apr_pool_t *pool, server_rec *server);

/* The process's store, or NULL where dms_state_open() has failed. */
dms_store_t *dms_state_store(void);

/* Whether a request leads to one of the store's files, which are neither served nor written, by
 * whatever name. */
int dms_state_owns(request_rec *r);

/* Whether the store lies in a collection, by whatever links that has been reached. */
int dms_state_is_below(apr_pool_t *pool, const dms_provider_t *provider,
                       const dms_resource_t *resource);

/* Has the sweep of a DELETE that could not be completed, or not even be noted (id 0), completed
 * later. */
void dms_state_sweep_later(const dms_intention_t *deletion);

/* Completes something of what a process that was killed has begun (dms_recovery_look()), and
 * removes litter that nobody needs any more (server/apart.h). Once a request, outside a
 * transaction. */
void dms_state_recover(apr_pool_t *pool, const dms_provider_t *provider);

#endif
