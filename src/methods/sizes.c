/*
 * How many bytes a COPY or MOVE brings to its destination, and takes from where they were: for
 * quotas (methods/room.h). Nothing is looked at unless the server has some.
 */
#include "methods/transfer.h"

#include <errno.h>

#include "changes/changes.h"
#include "repository/tree.h"
#include "server/space.h"
#include "server/state.h"

static dms_quotas_t place_of(const dms_transfer_t *transfer)
{
    dms_quotas_t place = {.r = transfer->target.r,
                          .provider = transfer->request->provider,
                          .key = transfer->to.key,
                          .quota = dms_config_quota(transfer->target.config),
                          .leaving = transfer->is_move ? transfer->from.key : NULL};

    return place;
}

/* What the quotas leave where the transfer goes to: those that its source is not in already. */
static apr_status_t find_left(const dms_transfer_t *transfer, dms_tx_t *tx, dms_left_t *left)
{
    dms_quotas_t place = place_of(transfer);

    return dms_quotas_left(&place, tx, left);
}

/* Whether what is moved stays in the folders that are counted, or are being counted; among those
 * are, once there was a look at what is left, all that have a quota where it goes to. It does not
 * where it becomes such a folder itself. */
static int stays(const dms_transfer_t *transfer)
{
    dms_quotas_t place = place_of(transfer);

    return transfer->is_move && !transfer->by_copy && !dms_quotas_has_one(&place)
           && dms_store_is_same_space(dms_state_store(), transfer->from.key, transfer->to.key,
                                      transfer->request->r->pool);
}

static void look(dms_transfer_t *transfer, dms_node_t *from, const char *name)
{
    dms_sizes_t *sizes = &transfer->sizes;
    const dms_provider_t *provider = transfer->request->provider;
    apr_pool_t *pool = transfer->request->r->pool;

    sizes->placed = sizes->stays ? 0 : dms_member_size(provider, from, name, pool);
    sizes->replaced = transfer->to.facts.kind == DMS_KIND_NONE
                          ? 0
                          : dms_member_size(provider, transfer->to_parent, transfer->to.name, pool);
}

void dms_transfer_measure(dms_transfer_t *transfer, dms_node_t *from, const char *name)
{
    dms_sizes_t *sizes = &transfer->sizes;
    dms_left_t left;

    if (!dms_config_has_quotas() || !dms_state_store()) {
        return;
    }
    find_left(transfer, NULL, &left); /* so that in the step it is known */
    sizes->is_unknown = 0;
    sizes->time = dms_store_time(dms_state_store());
    sizes->stays = stays(transfer);
    look(transfer, from, name);
}

/* Whether there is room for what is placed, in place of what is replaced. */
static dms_error_t *check(dms_transfer_t *transfer, dms_tx_t *tx)
{
    dms_sizes_t *sizes = &transfer->sizes;
    apr_int64_t more = sizes->placed - sizes->replaced;
    dms_quotas_t place = place_of(transfer);
    dms_left_t left;
    apr_status_t rv;

    if (!dms_config_quota(transfer->target.config) || more <= 0) {
        return NULL;
    }
    rv = find_left(transfer, tx, &left);
    if (rv == ENOENT && tx) {
        sizes->is_unknown = 1;
        return dms_quotas_uncounted(transfer->request->r);
    }
    if (rv != APR_SUCCESS) {
        return dms_error_of_store(transfer->request->r, rv);
    }
    return more > left.bytes ? dms_quotas_exceeded(&place, &left) : NULL;
}

/* The source's size, where it can be had before there is anything of it at the destination. */
dms_error_t *dms_transfer_check_room(dms_transfer_t *transfer)
{
    dms_sizes_t *sizes = &transfer->sizes;
    const dms_provider_t *provider = transfer->request->provider;
    apr_pool_t *pool = transfer->request->r->pool;
    dms_left_t left;

    if (!dms_config_quota(transfer->target.config)) {
        return NULL;
    }
    if (find_left(transfer, NULL, &left) == APR_SUCCESS) {
        sizes->stays = stays(transfer);
    }
    if (transfer->from_parent) {
        look(transfer, transfer->from_parent, transfer->from.name);
    }
    if (dms_is_collection(&transfer->from)) {
        sizes->placed = transfer->deep && !sizes->stays
                            ? dms_tree_size(provider, transfer->from.node, pool)
                            : 0;
    }
    return check(transfer, NULL);
}

/* Whether something may have changed in a tree since it was looked at, or somebody has begun to
 * count one of the ends. */
static int is_stale(const dms_transfer_t *transfer)
{
    if (transfer->sizes.stays && !stays(transfer)) {
        return 1;
    }
    return ((dms_is_collection(&transfer->from) && !transfer->sizes.stays)
            || dms_is_collection(&transfer->to))
           && dms_store_time(dms_state_store()) != transfer->sizes.time + 1;
}

dms_error_t *dms_transfer_measure_again(dms_transfer_t *transfer, dms_tx_t *tx, dms_node_t *from,
                                        const char *name)
{
    if (!dms_config_has_quotas()) {
        return NULL;
    }
    if (!dms_is_collection(&transfer->from) && !dms_is_collection(&transfer->to)) {
        look(transfer, from, name);
    }
    transfer->sizes.is_stale = is_stale(transfer) || transfer->sizes.placed < 0
                               || transfer->sizes.replaced < 0;
    return check(transfer, tx);
}

void dms_transfer_tell_sizes(dms_transfer_t *transfer, dms_tx_t *tx)
{
    const dms_sizes_t *sizes = &transfer->sizes;
    /* the source goes at once, unless it goes member by member */
    int goes = transfer->is_move && !(transfer->by_copy && dms_is_collection(&transfer->from));
    dms_change_e what = sizes->is_stale ? DMS_UNSIZED : DMS_RESIZED;

    if (!dms_config_has_quotas()) {
        return;
    }
    dms_changed(tx, DMS_CHANGE(what, .key = transfer->to.key,
                               .bytes = sizes->placed - sizes->replaced));
    if (goes) {
        dms_changed(tx, DMS_CHANGE(what, .key = transfer->from.key, .bytes = -sizes->placed));
    }
}

void dms_transfer_forget_sizes(dms_transfer_t *transfer)
{
    dms_tx_t *tx;

    if (dms_config_has_quotas() && !dms_step_begin(transfer->request, &tx)) {
        dms_changed(tx, DMS_CHANGE(DMS_UNSIZED, .key = transfer->to.key));
        dms_step_commit(transfer->request, tx); /* a failure is noticed by who writes next */
    }
}
