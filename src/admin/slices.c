#include "admin/slices.h"

#include "admin/tell.h"

static const void *item_of(const apr_array_header_t *items, int i)
{
    return items->elts + (apr_size_t)i * (apr_size_t)items->elt_size;
}

/* Makes as many changes as there is time for, in a transaction; *next: the first that is left. */
static apr_status_t make_some(dms_admin_t *admin, const apr_array_header_t *items, int *next,
                              dms_change_fn *change, void *baton, apr_pool_t *scratch)
{
    apr_time_t until;
    dms_tx_t *tx;
    apr_status_t rv = dms_tx_begin(admin->store, scratch, &tx);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    dms_tx_act_for(tx, admin->user);
    until = apr_time_now() + DMS_SLICE_WORK;
    do {
        rv = change(baton, tx, item_of(items, (*next)++), scratch);
    } while (rv == APR_SUCCESS && *next < items->nelts && apr_time_now() < until);
    if (rv == APR_SUCCESS && !admin->is_dry) {
        return dms_tx_commit(tx);
    }
    dms_tx_abort(tx);
    return rv;
}

apr_status_t dms_in_slices(dms_admin_t *admin, const apr_array_header_t *items,
                           dms_change_fn *change, void *baton)
{
    apr_pool_t *scratch;
    apr_status_t rv = APR_SUCCESS;
    int next = 0;

    apr_pool_create(&scratch, admin->pool);
    while (rv == APR_SUCCESS && next < items->nelts) {
        dms_keep_words();
        rv = make_some(admin, items, &next, change, baton, scratch);
        dms_give_out_words(rv == APR_SUCCESS);
        apr_pool_clear(scratch);
        apr_sleep(DMS_SLICE_PAUSE);
    }
    apr_pool_destroy(scratch);
    return rv;
}
