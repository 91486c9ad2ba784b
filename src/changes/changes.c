#include "changes/changes.h"

/* --- locks --- */

static apr_status_t unlock_if_gone(dms_tx_t *tx, const dms_sweep_t *sweep, const dms_lock_t *lock)
{
    return sweep->presence(sweep->baton, lock->key) == DMS_PRESENCE_GONE
               ? dms_tx_unlock(tx, lock->token)
               : APR_SUCCESS;
}

/* A sweep that comes in parts looks at the locks once, at its beginning. */
static apr_status_t unlock_what_is_gone(dms_tx_t *tx, const dms_change_t *change)
{
    const dms_sweep_t *sweep = change->sweep;
    dms_lock_t *lock = NULL;
    apr_status_t rv;

    if (sweep->reached && *sweep->reached) {
        return APR_SUCCESS;
    }
    rv = dms_tx_locks(tx, change->key, 1, change->pool, &lock);
    for (; lock && rv == APR_SUCCESS; lock = lock->next) {
        rv = unlock_if_gone(tx, sweep, lock);
    }
    return rv;
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

static apr_status_t properties_follow(dms_tx_t *tx, const dms_change_t *change)
{
    switch (change->what) {
    case DMS_CREATED: /* whoever had the name before, past this server, has left some perhaps */
        return dms_tx_forget(tx, change->key);
    case DMS_PROPERTY:
        return change->xml ? dms_tx_set(tx, change->key, change->name, change->xml)
                           : dms_tx_unset(tx, change->key, change->name);
    case DMS_REMOVED:
        return change->sweep ? dms_tx_sweep(tx, change->sweep, change->pool)
                             : dms_tx_forget(tx, change->key);
    case DMS_MOVED:
        return dms_tx_move(tx, change->from, change->key);
    case DMS_COPIED:
        return dms_tx_copy(tx, change->from, change->key, change->deep);
    default:
        return APR_SUCCESS;
    }
}

/* --- the sink --- */

typedef apr_status_t follower_fn(dms_tx_t *tx, const dms_change_t *change);

static follower_fn *const followers[] = {locks_follow, properties_follow};

apr_status_t dms_changed(dms_tx_t *tx, const dms_change_t *change)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    for (i = 0; i < sizeof(followers) / sizeof(followers[0]) && rv == APR_SUCCESS; i++) {
        rv = followers[i](tx, change);
    }
    return rv;
}
