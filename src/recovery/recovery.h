/*
 * Recovery: completing what processes that were killed have begun.
 *
 * A method that changes disk and store in more than one step notes its intention first
 * (store/store.h). When its process is gone (processes/processes.h), whoever looks completes it;
 * and what a living one could not settle, since the store failed just then, it completes itself
 * once the store does no more (dms_store_abandon()):
 *
 *   MOVE    has happened when what was at `from` is at `to`. Its rows go along; what it has
 *           replaced is put under the reserved name, and the intention becomes a REMOVE.
 *   COPY    has happened when what was made under the reserved name is at `to`. Rows are copied;
 *           what has the reserved name now, the copy or what it has replaced, is to be REMOVEd.
 *   DELETE  the rows of what is gone are forgotten (dms_tx_sweep()).
 *   REMOVE  a tree under a reserved name is removed. What was replaced and can't be removed whole
 *           is shown under a name beside it, and nobody let in.
 *
 * Where a file system can't exchange two names (repository/renames.h), what was aside when the
 * process died goes back to `to` first, or, where something stands there, to where that came from.
 *
 * Nothing is acted on before its identity has told that it is what the intention speaks of; a
 * reserved name is an identity of its own, since none comes twice. Where an identity or a presence
 * can't be told (any error but ENOENT and ENOTDIR), rows are kept and the intention stays, and is
 * tried again after a minute, and then less and less often. Where the store fails, after a second.
 *
 * The first two are one transaction each (of a COPY, as long as its rows are many), and come
 * before the others, which take as long as trees and tables are long: so they are done in slices,
 * in the requests of clients, none of which is delayed by more than DMS_RECOVERY_SLICE. A slice
 * ends with its time; what it has reached is on the disk, or in the intention, for the next one,
 * in this process or another. One thread of one process is at it at a time, where that can be had
 * (dms_processes_claim()); where not, two do no harm: each step looks, in its transaction, whether
 * its intention is still as it was.
 *
 * A dms_recovery_t is one per process, for all its threads. Needs no httpd.
 */
#ifndef DMS_RECOVERY_H
#define DMS_RECOVERY_H

#include <apr_time.h>

#include "mod_dav_multistatus.h"
#include "store/store.h"

/* How long a slice lasts at most; its last step, and the commit after it, have begun earlier. */
#define DMS_RECOVERY_SLICE apr_time_from_msec(20)

typedef struct dms_recovery_t dms_recovery_t;

/* Makes a process's, after it has joined. log: takes what could not be completed,
 * each time that it was tried. */
dms_recovery_t *dms_recovery_create(apr_pool_t *pool, dms_store_t *store, dms_store_log_fn *log,
                                    void *baton);

/* Does a slice of what concerns a provider, unless it is too early for one: it is at most once a
 * second while there is nothing to do, and with pauses while there is. To be called in a request,
 * once, outside a transaction. */
void dms_recovery_look(dms_recovery_t *recovery, const dms_provider_t *provider, apr_pool_t *pool);

/* Does a slice now, for a provider that can be written. Returns whether there is more to do. */
int dms_recovery_slice(dms_recovery_t *recovery, const dms_provider_t *provider, apr_pool_t *pool);

/* Remembers that what is gone of a key, and below it, has to be forgotten by the store, which could
 * not be told: that is noted when it can. So many are remembered, the latest. */
#define DMS_RECOVERY_REMEMBERED 64
void dms_recovery_remember(dms_recovery_t *recovery, const char *key);

/* Completes a DELETE that this very process has noted, and done, or a part of it:
 * intention->reached is then where to go on, NULL where all is done. Where something can't be told
 * the intention stays, for others to complete. */
apr_status_t dms_recovery_sweep_part(dms_tx_t *tx, const dms_provider_t *provider,
                                     dms_intention_t *intention, apr_pool_t *pool);

/* The parts that are left, in as many short transactions as it takes. */
apr_status_t dms_recovery_sweep(dms_store_t *store, const dms_provider_t *provider,
                                dms_intention_t *intention, apr_pool_t *pool);

/* --- what is on the disk --- */

/* For a dms_presence_fn. The pool is used for the time of a call. */
typedef struct dms_witness_t {
    const dms_provider_t *provider;
    apr_pool_t *pool;
} dms_witness_t;

/* Whether a key's resource is on the disk; another provider's is not known. */
dms_presence_e dms_witness_presence(void *witness, const char *key);

#endif
