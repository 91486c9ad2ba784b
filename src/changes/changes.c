#include "changes/changes.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_time.h>

/* --- locks --- */

/* What a sweep has reached begins with this, before a key, while it is among the locks. */
#define AMONG_LOCKS "locks:"

static int is_among_locks(const dms_sweep_t *sweep)
{
    return sweep->reached && !strncmp(sweep->reached, AMONG_LOCKS, strlen(AMONG_LOCKS));
}

typedef struct unlocking_t {
    dms_tx_t *tx;
    const dms_change_t *change;
    const char *last; /* the root of the one before; NULL: there was none */
    apr_status_t status;
} unlocking_t;

static apr_status_t unlock_if_gone(dms_tx_t *tx, const dms_sweep_t *sweep, const dms_lock_t *lock)
{
    return sweep->presence(sweep->baton, lock->key) == DMS_PRESENCE_GONE
               ? dms_tx_unlock(tx, lock->token)
               : APR_SUCCESS;
}

/* Takes the locks below one after the other, as long as there is time; those of one root
 * together. */
static int unlock_next(void *baton, const dms_lock_t *lock)
{
    unlocking_t *unlocking = baton;
    const dms_change_t *change = unlocking->change;
    dms_sweep_t *sweep = change->sweep;

    if (!unlocking->last || strcmp(unlocking->last, lock->key) != 0) {
        if (unlocking->last && sweep->until && apr_time_now() >= sweep->until) {
            sweep->reached = apr_pstrcat(change->pool, AMONG_LOCKS, unlocking->last, NULL);
            return 0;
        }
        unlocking->last = apr_pstrdup(change->pool, lock->key);
    }
    unlocking->status = unlock_if_gone(unlocking->tx, sweep, lock);
    return unlocking->status == APR_SUCCESS;
}

static apr_status_t unlock_below(dms_tx_t *tx, const dms_change_t *change, const char *after)
{
    unlocking_t unlocking = {.tx = tx, .change = change};
    dms_below_t below = {.key = change->key,
                         .after = after,
                         .visit = unlock_next,
                         .baton = &unlocking};
    apr_status_t rv = dms_locks_below(NULL, tx, &below, change->pool);

    return rv == APR_SUCCESS ? unlocking.status : rv;
}

/* A sweep looks at the locks first. */
static apr_status_t unlock_what_is_gone(dms_tx_t *tx, const dms_change_t *change)
{
    dms_sweep_t *sweep = change->sweep;
    const char *after = NULL;
    dms_lock_t *lock = NULL;
    apr_status_t rv = APR_SUCCESS;

    if (is_among_locks(sweep)) {
        after = sweep->reached + strlen(AMONG_LOCKS);
        sweep->reached = NULL;
    }
    else if (sweep->reached && *sweep->reached) {
        return APR_SUCCESS;
    }
    else {
        rv = dms_tx_locks(tx, change->key, change->pool, &lock);
    }
    for (; lock && rv == APR_SUCCESS; lock = lock->next) {
        rv = unlock_if_gone(tx, sweep, lock);
    }
    return rv == APR_SUCCESS ? unlock_below(tx, change, after) : rv;
}

static apr_status_t locks_follow(dms_tx_t *tx, const dms_change_t *change)
{
    apr_status_t rv;

    switch (change->what) {
    case DMS_REMOVED:
        return change->sweep ? unlock_what_is_gone(tx, change)
                             : dms_tx_unlock_tree(tx, change->key, 1);
    case DMS_MOVED:
        rv = dms_tx_unlock_tree(tx, change->from, 1);
        return rv == APR_SUCCESS ? dms_tx_unlock_tree(tx, change->key, 0) : rv;
    case DMS_FOUND:
        return dms_tx_unlock_tree(tx, change->from, 1);
    case DMS_COPIED: /* what was there is gone; a lock on the name itself stays */
        return dms_tx_unlock_tree(tx, change->key, 0);
    case DMS_LOCKED:
        return dms_tx_lock(tx, change->lock);
    case DMS_REFRESHED:
        return dms_tx_refresh_lock(tx, change->lock);
    case DMS_UNLOCKED:
        return dms_tx_unlock(tx, change->lock->token);
    default:
        return APR_SUCCESS;
    }
}

/* --- dead properties --- */

/* The sweep looks at locks first. */
static apr_status_t sweep(dms_tx_t *tx, const dms_change_t *change)
{
    return is_among_locks(change->sweep) ? APR_SUCCESS
                                         : dms_tx_sweep(tx, change->sweep, change->pool);
}

static apr_status_t properties_follow(dms_tx_t *tx, const dms_change_t *change)
{
    switch (change->what) {
    case DMS_CREATED: /* whoever had the name before, past this server, has left some perhaps */
        return dms_tx_forget(tx, change->key);
    case DMS_PROPERTY:
        return change->xml ? dms_tx_set(tx, change->key, change->name, change->xml)
                           : dms_tx_unset(tx, change->key, change->name);
    case DMS_REMOVED:
        return change->sweep ? sweep(tx, change) : dms_tx_forget(tx, change->key);
    case DMS_MOVED:
        return dms_tx_move(tx, change->from, change->key);
    case DMS_FOUND: /* what has been set since is newer */
        return dms_tx_follow(tx, change->from, change->key);
    case DMS_COPIED:
        return dms_tx_copy(tx, change->from, change->key, change->deep);
    default:
        return APR_SUCCESS;
    }
}

/* --- sizes --- */

/* What a tree that moves, or goes, has is told of as what its ends have more, or less. */
static apr_status_t sizes_follow(dms_tx_t *tx, const dms_change_t *change)
{
    apr_status_t rv;

    switch (change->what) {
    case DMS_RESIZED:
        return dms_tx_resize(tx, change->key, change->bytes);
    case DMS_UNSIZED:
        return dms_tx_unsize(tx, change->key);
    case DMS_FOUND:
        rv = dms_tx_unsize(tx, change->from);
        return rv == APR_SUCCESS ? dms_tx_unsize(tx, change->key) : rv;
    case DMS_MOVED:
        rv = dms_tx_unsize_tree(tx, change->from);
        return rv == APR_SUCCESS ? dms_tx_unsize_tree(tx, change->key) : rv;
    case DMS_COPIED:
    case DMS_REMOVED: /* what is made there anew may be no folder */
        return dms_tx_unsize_tree(tx, change->key);
    default:
        return APR_SUCCESS;
    }
}

/* --- the sink --- */

typedef apr_status_t follower_fn(dms_tx_t *tx, const dms_change_t *change);

static follower_fn *const followers[] = {locks_follow, properties_follow, sizes_follow};

apr_status_t dms_changed(dms_tx_t *tx, const dms_change_t *change)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    for (i = 0; i < sizeof(followers) / sizeof(followers[0]) && rv == APR_SUCCESS; i++) {
        rv = followers[i](tx, change);
    }
    return rv;
}
