#include "recovery/recovery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "changes/changes.h"
#include "keys/keys.h"
#include "processes/processes.h"
#include "recovery/witness.h"
#include "repository/provider.h"
#include "repository/renames.h"
#include "repository/tree.h"

/* When a slice begins nothing new any more. */
#define WORK (DMS_RECOVERY_SLICE * 3 / 4)

/* From the end of a slice to the next one, while there is something to do, and while not. */
#define PAUSE apr_time_from_msec(20)
#define REST apr_time_from_sec(1)

/* When what could not be completed is tried again: after a minute, two, four, up to a day; how many
 * such are remembered. */
#define DEFERRAL apr_time_from_sec(60)
#define DEFERRAL_MAX apr_time_from_sec(86400)
#define DEFERRALS 16

struct dms_recovery_t {
    dms_store_t *store;
    dms_store_log_fn *log;
    void *baton;
    volatile apr_uint64_t due; /* when it is time for a slice; atomic */
    volatile apr_uint32_t is_busy;
    /* Of the thread that is: */
    struct {
        apr_int64_t id;
        apr_time_t until, span;
    } deferrals[DEFERRALS]; /* a ring */
    int next_deferral;
    /* Under the mutex: */
    apr_thread_mutex_t *mutex;
    char *gone[DMS_RECOVERY_REMEMBERED]; /* keys, from malloc(); a ring */
    unsigned int next_gone;
};

typedef struct slice_t {
    dms_recovery_t *recovery;
    dms_witness_t witness; /* its pool is cleared for each intention */
    apr_time_t until;
    dms_tx_t *tx;  /* of the step */
    int is_broken; /* the store: nothing can be completed just now */
    const dms_intention_t *intention;
} slice_t;

dms_recovery_t *dms_recovery_create(apr_pool_t *pool, dms_store_t *store, dms_store_log_fn *log,
                                    void *baton)
{
    dms_recovery_t *recovery = apr_pcalloc(pool, sizeof(*recovery));

    recovery->store = store;
    recovery->log = log;
    recovery->baton = baton;
    apr_thread_mutex_create(&recovery->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    return recovery;
}

/* --- deletions that could not be noted --- */

/* Puts a key, or NULL, in the place of one that is remembered, and returns that one. */
static char *exchange_gone(dms_recovery_t *recovery, unsigned int i, char *key)
{
    char *former;

    apr_thread_mutex_lock(recovery->mutex);
    former = recovery->gone[i % DMS_RECOVERY_REMEMBERED];
    recovery->gone[i % DMS_RECOVERY_REMEMBERED] = key;
    apr_thread_mutex_unlock(recovery->mutex);
    return former;
}

void dms_recovery_remember(dms_recovery_t *recovery, const char *key)
{
    unsigned int i;

    apr_thread_mutex_lock(recovery->mutex);
    i = recovery->next_gone++;
    apr_thread_mutex_unlock(recovery->mutex);
    free(exchange_gone(recovery, i, strdup(key)));
}

/* Notes a deletion of this process, for somebody to complete. */
static apr_status_t note_deletion(dms_store_t *store, const char *key, apr_pool_t *pool)
{
    dms_intention_t deletion = {.intent = DMS_INTENT_DELETE, .from = key};
    dms_tx_t *tx;
    apr_status_t rv = dms_tx_try(store, pool, apr_time_now() + DMS_RECOVERY_SLICE, &tx);

    if (rv == APR_SUCCESS) {
        dms_tx_intend(tx, &deletion);
        rv = dms_tx_commit(tx);
    }
    if (rv == APR_SUCCESS) {
        dms_store_abandon(store, deletion.id);
    }
    return rv;
}

/* Notes what is remembered, as long as the store takes it. */
static void note_remembered(dms_recovery_t *recovery, apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;
    unsigned int i;

    for (i = 0; i < DMS_RECOVERY_REMEMBERED && rv == APR_SUCCESS; i++) {
        char *key = exchange_gone(recovery, i, NULL);

        if (key) {
            rv = note_deletion(recovery->store, key, pool);
        }
        if (rv != APR_SUCCESS) {
            dms_recovery_remember(recovery, key);
        }
        free(key);
    }
}

/* --- moves and copies: one transaction each --- */

/* Whether what is at a key has an identity; "" never is one. */
static apr_status_t is_identical(slice_t *slice, const char *key, const char *identity, int *is)
{
    const char *found = "";
    apr_status_t rv = *identity ? dms_witness_identity(&slice->witness, key, &found) : APR_SUCCESS;

    *is = *found && !strcmp(found, identity);
    return rv;
}

/* What is left to do: to remove what has the reserved name beside a key. replaced: of what it was
 * before; NULL, it is a copy that is not in its place. */
static apr_status_t leave_removal(slice_t *slice, const char *beside, const char *replaced)
{
    dms_intention_t rest = *slice->intention;

    if (!dms_is_reserved(rest.reserved)) {
        return dms_tx_settle(slice->tx, slice->intention);
    }
    rest.intent = DMS_INTENT_REMOVE;
    rest.from = dms_key_sibling(slice->witness.pool, beside, rest.reserved);
    rest.to = replaced;
    rest.identity = rest.replaced = rest.reserved = NULL;
    return dms_tx_reintend(slice->tx, &rest);
}

/* Removes what a copy had as its name before it was in place: a second one, where it is a file. */
static apr_status_t remove_reserved_name(slice_t *slice, dms_node_t *parent)
{
    const dms_provider_t *provider = slice->witness.provider;
    const char *reserved = slice->intention->reserved, *identity;
    apr_status_t rv = provider->identity(parent, reserved, slice->witness.pool, &identity);

    return rv == APR_SUCCESS && *identity && !strcmp(identity, slice->intention->identity)
               ? provider->remove(parent, reserved, DMS_KIND_FILE)
               : rv;
}

/* Gives what stands aside, while something else stands where it was, its place: of a move it is the
 * source, or what the destination was, which goes. */
static apr_status_t place_other(slice_t *slice, dms_node_t *parent, const char *aside,
                                const char *identity)
{
    const dms_intention_t *intention = slice->intention;
    int is_move = intention->intent == DMS_INTENT_MOVE;
    dms_node_t *other = parent;
    const char *name;
    apr_status_t rv = is_move ? dms_witness_find(&slice->witness, intention->from, &other, &name)
                              : remove_reserved_name(slice, parent);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    return dms_rename_new(slice->witness.provider, parent, aside, other,
                          is_move && !strcmp(identity, intention->identity) ? name
                                                                            : intention->reserved);
}

/* Gives what stands aside, and whose name somebody has taken since, another one beside it: nobody
 * has been told that it is gone. */
static apr_status_t show_other(slice_t *slice, dms_node_t *parent, const char *aside,
                               const char *name)
{
    dms_recovery_t *recovery = slice->recovery;
    apr_pool_t *pool = slice->witness.pool;
    const char *shown = dms_tree_shown_name(name, pool);
    apr_status_t rv = dms_rename_new(slice->witness.provider, parent, aside, parent, shown);

    if (rv == APR_SUCCESS) {
        recovery->log(recovery->baton, APR_EEXIST,
                      apr_pstrcat(pool, "something new has the name of what was to be replaced, ",
                                  slice->intention->to, "; that is beside it, as ", shown, NULL));
    }
    return rv;
}

/* Where two names change places in three steps (repository/renames.h), something may stand aside:
 * it goes back where nothing has taken its place. */
static apr_status_t end_exchange(slice_t *slice)
{
    const dms_provider_t *provider = slice->witness.provider;
    const dms_intention_t *intention = slice->intention;
    apr_pool_t *pool = slice->witness.pool;
    const char *aside, *name, *there = "", *identity = "";
    dms_node_t *parent;
    apr_status_t rv = APR_ENOENT;

    if (dms_is_reserved(intention->reserved)) {
        rv = dms_witness_find(&slice->witness, intention->to, &parent, &name);
    }
    if (rv != APR_SUCCESS) {
        return rv == ENOENT || rv == ENOTDIR ? APR_SUCCESS : rv;
    }
    aside = dms_reserved_aside(intention->reserved, pool);
    rv = provider->identity(parent, aside, pool, &identity);
    if (rv == APR_SUCCESS && *identity) {
        rv = provider->identity(parent, name, pool, &there);
    }
    if (rv != APR_SUCCESS || !*identity) {
        return rv;
    }
    if (!*there || !strcmp(there, identity)) {
        return dms_rename_new(provider, parent, aside, parent, name);
    }
    return strcmp(there, intention->identity) && strcmp(identity, intention->identity)
               ? show_other(slice, parent, aside, name)
               : place_other(slice, parent, aside, identity);
}

/* Gives what a move has replaced, and which stands in the place of what was moved, the reserved
 * name. */
static apr_status_t put_aside(slice_t *slice)
{
    const dms_provider_t *provider = slice->witness.provider;
    dms_node_t *parent;
    const char *name;
    apr_status_t rv = dms_witness_find(&slice->witness, slice->intention->from, &parent, &name);

    return rv == APR_SUCCESS
               ? dms_rename_new(provider, parent, name, parent, slice->intention->reserved)
               : rv;
}

/* A file that was given its new name while it had the old one. */
static apr_status_t remove_other_name(slice_t *slice)
{
    dms_node_t *parent;
    const char *name;
    apr_status_t rv = dms_witness_find(&slice->witness, slice->intention->from, &parent, &name);

    return rv == APR_SUCCESS ? slice->witness.provider->remove(parent, name, DMS_KIND_FILE) : rv;
}

/* The rows of what has moved go along, unless `from` is somebody's again: they are that one's. */
static apr_status_t move_rows(slice_t *slice)
{
    const dms_intention_t *intention = slice->intention;
    dms_presence_e presence = dms_witness_presence(&slice->witness, intention->from);

    if (presence != DMS_PRESENCE_GONE) {
        return presence == DMS_PRESENCE_THERE ? APR_SUCCESS : EIO;
    }
    return dms_changed(slice->tx,
                       DMS_CHANGE(DMS_MOVED, .key = intention->to, .from = intention->from));
}

/* What comes and goes at both ends was seen by nobody who counts. */
static apr_status_t forget_sizes(slice_t *slice)
{
    const dms_intention_t *intention = slice->intention;
    apr_status_t rv = dms_changed(slice->tx, DMS_CHANGE(DMS_UNSIZED, .key = intention->from));

    return rv == APR_SUCCESS && *intention->to
               ? dms_changed(slice->tx, DMS_CHANGE(DMS_UNSIZED, .key = intention->to))
               : rv;
}

static apr_status_t complete_move(slice_t *slice)
{
    const dms_intention_t *intention = slice->intention;
    int has_happened = 0, has_both = 0, is_in_the_way = 0;
    apr_status_t rv = end_exchange(slice);

    if (rv == APR_SUCCESS) {
        rv = is_identical(slice, intention->to, intention->identity, &has_happened);
    }
    if (rv == APR_SUCCESS && !has_happened) {
        return dms_tx_settle(slice->tx, intention);
    }
    if (rv == APR_SUCCESS) {
        rv = is_identical(slice, intention->from, intention->identity, &has_both);
    }
    if (rv == APR_SUCCESS && has_both) {
        rv = remove_other_name(slice);
    }
    if (rv == APR_SUCCESS) {
        rv = is_identical(slice, intention->from, intention->replaced, &is_in_the_way);
    }
    if (rv == APR_SUCCESS && is_in_the_way) {
        rv = put_aside(slice);
    }
    if (rv == APR_SUCCESS) {
        rv = move_rows(slice);
    }
    return rv == APR_SUCCESS ? leave_removal(slice, intention->from, intention->to) : rv;
}

/* Of a file that was copied to be moved, and is gone, the rows go along. */
static apr_status_t copy_rows(slice_t *slice)
{
    const dms_intention_t *intention = slice->intention;
    int is_moved = intention->deep
                   && dms_witness_presence(&slice->witness, intention->from) == DMS_PRESENCE_GONE;

    return dms_changed(slice->tx,
                       DMS_CHANGE(is_moved ? DMS_MOVED : DMS_COPIED, .key = intention->to,
                                  .from = intention->from, .deep = intention->deep));
}

static apr_status_t complete_copy(slice_t *slice)
{
    const dms_intention_t *intention = slice->intention;
    int has_happened = 0;
    apr_status_t rv = end_exchange(slice);

    if (rv == APR_SUCCESS) {
        rv = is_identical(slice, intention->to, intention->identity, &has_happened);
    }
    if (rv == APR_SUCCESS && has_happened) {
        rv = copy_rows(slice);
    }
    return rv == APR_SUCCESS
               ? leave_removal(slice, intention->to, has_happened ? intention->to : NULL)
               : rv;
}

/* --- rows of what is gone --- */

/* Goes on with the sweep of an intention in a transaction. */
static apr_status_t sweep_on(dms_tx_t *tx, dms_witness_t *witness, dms_intention_t *intention,
                             apr_time_t until)
{
    dms_sweep_t sweep = {.key = intention->from,
                         .presence = dms_witness_presence,
                         .baton = witness,
                         .until = until,
                         .reached = intention->reached,
                         .doubts = intention->doubts};
    apr_status_t rv = dms_changed(tx, DMS_CHANGE(DMS_REMOVED, .key = intention->from,
                                                 .sweep = &sweep, .pool = witness->pool));

    intention->reached = sweep.reached;
    intention->doubts = sweep.doubts;
    return rv;
}

/* EIO: it is at the end, and begins anew for what it could not tell of. */
static apr_status_t complete_deletion(slice_t *slice)
{
    dms_intention_t rest = *slice->intention;
    apr_status_t rv = sweep_on(slice->tx, &slice->witness, &rest, slice->until);
    int has_doubts = !rest.reached && rest.doubts;

    if (rv != APR_SUCCESS || (!rest.reached && !has_doubts)) {
        return rv == APR_SUCCESS ? dms_tx_settle(slice->tx, slice->intention) : rv;
    }
    rest.doubts = has_doubts ? 0 : rest.doubts;
    rv = dms_tx_reintend(slice->tx, &rest);
    return rv != APR_SUCCESS ? rv : has_doubts ? EIO : APR_INCOMPLETE;
}

apr_status_t dms_recovery_sweep_part(dms_tx_t *tx, const dms_provider_t *provider,
                                     dms_intention_t *intention, apr_pool_t *pool)
{
    dms_witness_t witness = {provider, pool};
    apr_status_t rv = sweep_on(tx, &witness, intention, apr_time_now() + WORK);

    return rv == APR_SUCCESS && !intention->reached && !intention->doubts
               ? dms_tx_settle(tx, intention)
               : rv;
}

apr_status_t dms_recovery_sweep(dms_store_t *store, const dms_provider_t *provider,
                                dms_intention_t *intention, apr_pool_t *pool)
{
    dms_tx_t *tx;
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && intention->reached) {
        rv = dms_tx_begin(store, pool, &tx);
        if (rv == APR_SUCCESS) {
            rv = dms_recovery_sweep_part(tx, provider, intention, pool);
            if (rv == APR_SUCCESS) {
                rv = dms_tx_commit(tx);
            }
            else {
                dms_tx_abort(tx);
            }
        }
    }
    return rv;
}

/* --- a step in a transaction --- */

/* Reads the intention anew: another process may have been faster. */
static apr_status_t complete_present(slice_t *slice, dms_intent_e intent)
{
    dms_intention_t *present;
    apr_status_t rv = dms_tx_intention(slice->tx, slice->intention->id, slice->witness.pool,
                                       &present);

    if (rv != APR_SUCCESS || !present || present->intent != intent) {
        return rv;
    }
    slice->intention = present;
    if (intent != DMS_INTENT_DELETE) {
        rv = forget_sizes(slice);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    switch (intent) {
    case DMS_INTENT_MOVE:
        return complete_move(slice);
    case DMS_INTENT_COPY:
        return complete_copy(slice);
    case DMS_INTENT_DELETE:
        return complete_deletion(slice);
    case DMS_INTENT_REMOVE: /* the tree has gone */
        break;
    }
    return dms_tx_settle(slice->tx, present);
}

/* APR_INCOMPLETE: there is more to do of it. */
static apr_status_t step(slice_t *slice)
{
    dms_intent_e intent = slice->intention->intent;
    apr_status_t committed,
        rv = dms_tx_try(slice->recovery->store, slice->witness.pool, slice->until, &slice->tx);

    if (rv != APR_SUCCESS) {
        slice->is_broken = rv != EBUSY;
        return rv == EBUSY ? APR_INCOMPLETE : rv;
    }
    rv = complete_present(slice, intent);
    slice->is_broken = dms_tx_has_failed(slice->tx);
    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE && intent != DMS_INTENT_DELETE) {
        dms_tx_abort(slice->tx);
        return rv;
    }
    committed = dms_tx_commit(slice->tx); /* what a deletion has come to, also with doubts */
    slice->is_broken = committed != APR_SUCCESS;
    return committed != APR_SUCCESS ? committed : rv;
}

/* --- what was left over --- */

typedef struct removal_t {
    apr_time_t until;
    int members;
    apr_status_t status; /* why something stays */
} removal_t;

static apr_status_t is_in_time(void *baton, const char *collection, const dms_member_t *member)
{
    removal_t *removal = baton;

    return removal->members++ && apr_time_now() >= removal->until ? APR_TIMEUP : APR_SUCCESS;
}

static int note_failure(void *baton, const char *path, int at_target, apr_status_t status)
{
    removal_t *removal = baton;

    removal->status = status;
    return status != APR_TIMEUP;
}

/* Shows what was replaced and can't be removed whole (dms_tree_show()), beside where it was. */
static apr_status_t show_rest(slice_t *slice, const dms_tree_t *tree, dms_node_t *reserved_parent,
                              const char *reserved, apr_status_t cause)
{
    const char *replaced = slice->intention->to, *name, *shown;
    dms_recovery_t *recovery = slice->recovery;
    apr_pool_t *pool = slice->witness.pool;
    dms_node_t *parent;

    if (!*replaced || dms_witness_find(&slice->witness, replaced, &parent, &name) != APR_SUCCESS
        || dms_tree_show(tree, reserved_parent, reserved, parent, name, pool, &shown)
               != APR_SUCCESS) {
        return cause;
    }
    recovery->log(recovery->baton, cause,
                  apr_pstrcat(pool, "what was replaced can't be removed whole; the rest is beside ",
                              replaced, ", as ", shown, NULL));
    return APR_SUCCESS;
}

/* Removes what has a reserved name, or a part of it: APR_INCOMPLETE. */
static apr_status_t remove_tree(slice_t *slice)
{
    const char *key = slice->intention->from, *name;
    removal_t removal = {.until = slice->until};
    dms_tree_t tree = {.provider = slice->witness.provider,
                       .is_own = 1,
                       .failed = note_failure,
                       .check = is_in_time,
                       .baton = &removal};
    dms_node_t *parent;
    apr_status_t rv;

    if (!dms_is_reserved(dms_key_name(key))) {
        return APR_SUCCESS;
    }
    rv = dms_witness_find(&slice->witness, key, &parent, &name);
    if (rv != APR_SUCCESS) {
        return rv == ENOENT || rv == ENOTDIR ? APR_SUCCESS : rv;
    }
    rv = dms_tree_remove(&tree, parent, name, DMS_KIND_COLLECTION, slice->witness.pool);
    if (removal.status != APR_SUCCESS) {
        rv = removal.status == APR_TIMEUP ? APR_INCOMPLETE : removal.status;
    }
    if (rv == APR_SUCCESS || rv == APR_INCOMPLETE || rv == ENOENT) {
        return rv == ENOENT ? APR_SUCCESS : rv;
    }
    return show_rest(slice, &tree, parent, name, rv);
}

/* --- slices --- */

static int is_deferred(const dms_recovery_t *recovery, apr_int64_t id, apr_time_t now)
{
    int i;

    for (i = 0; i < DEFERRALS; i++) {
        if (recovery->deferrals[i].id == id) {
            return recovery->deferrals[i].until > now;
        }
    }
    return 0;
}

static int find_deferral(dms_recovery_t *recovery, apr_int64_t id)
{
    int i;

    for (i = 0; i < DEFERRALS; i++) {
        if (recovery->deferrals[i].id == id) {
            return i;
        }
    }
    i = recovery->next_deferral;
    recovery->next_deferral = (i + 1) % DEFERRALS;
    recovery->deferrals[i].id = id;
    recovery->deferrals[i].span = DEFERRAL / 2;
    return i;
}

static void defer(dms_recovery_t *recovery, const dms_intention_t *intention, apr_status_t status,
                  apr_pool_t *pool)
{
    int i = find_deferral(recovery, intention->id);
    apr_time_t span = 2 * recovery->deferrals[i].span;

    span = span < DEFERRAL_MAX ? span : DEFERRAL_MAX;
    recovery->deferrals[i].span = span;
    recovery->deferrals[i].until = apr_time_now() + span;
    recovery->log(recovery->baton, status,
                  apr_pstrcat(pool, "what a process that was killed has begun can't be completed: ",
                              intention->from, *intention->to ? ", to " : "", intention->to, NULL));
}

/* Returns whether there is more to do of it. */
static int complete(slice_t *slice, const dms_intention_t *intention)
{
    apr_status_t rv = APR_SUCCESS;

    slice->intention = intention;
    if (intention->intent == DMS_INTENT_REMOVE) {
        rv = remove_tree(slice);
    }
    if (rv == APR_SUCCESS) {
        rv = step(slice);
    }
    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE && !slice->is_broken) {
        defer(slice->recovery, intention, rv, slice->witness.pool);
    }
    apr_pool_clear(slice->witness.pool);
    return rv == APR_INCOMPLETE;
}

/* A move or copy leaves a removal, which comes later in the same order. */
static int complete_orphans(slice_t *slice, apr_pool_t *pool)
{
    const dms_provider_t *provider = slice->witness.provider;
    dms_recovery_t *recovery = slice->recovery;
    dms_intention_t *orphan = NULL, *after = NULL;
    int is_left = 0;

    for (;;) {
        if (!orphan
            && (dms_store_orphans(recovery->store, after, pool, &orphan) != APR_SUCCESS
                || !orphan)) {
            return is_left;
        }
        if (dms_key_own(provider, orphan->from)
            && !is_deferred(recovery, orphan->id, apr_time_now())) {
            if (apr_time_now() >= slice->until) {
                return 1;
            }
            is_left |= complete(slice, orphan);
            if (slice->is_broken) { /* which the store has told */
                return 0;
            }
        }
        after = orphan;
        orphan = orphan->next;
    }
}

int dms_recovery_slice(dms_recovery_t *recovery, const dms_provider_t *provider, apr_pool_t *pool)
{
    slice_t slice = {.recovery = recovery,
                     .witness = {.provider = provider},
                     .until = apr_time_now() + WORK};
    apr_pool_t *own;
    int claim, is_left = 1;

    if (apr_atomic_cas32(&recovery->is_busy, 1, 0)) {
        return 0;
    }
    if (dms_processes_claim(&claim)) {
        apr_pool_create(&own, pool);
        apr_pool_create(&slice.witness.pool, own);
        note_remembered(recovery, own);
        is_left = complete_orphans(&slice, own);
        apr_pool_destroy(own);
        dms_processes_release(claim);
    }
    apr_atomic_set32(&recovery->is_busy, 0);
    return is_left;
}

void dms_recovery_look(dms_recovery_t *recovery, const dms_provider_t *provider, apr_pool_t *pool)
{
    apr_uint64_t due = apr_atomic_read64(&recovery->due), now = (apr_uint64_t)apr_time_now();
    apr_time_t pause = REST;

    if (!provider->parent_of_key || now < due
        || apr_atomic_cas64(&recovery->due, now + REST, due) != due) {
        return;
    }
    if (dms_recovery_slice(recovery, provider, pool)) {
        pause = PAUSE;
    }
    apr_atomic_set64(&recovery->due, (apr_uint64_t)(apr_time_now() + pause));
}
