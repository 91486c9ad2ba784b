/*
 * Many small changes, in transactions that are as short as the module's own steps: so nobody waits
 * for long, and what is gathered beforehand is not read while the store's write lock is held.
 */
#ifndef DMS_SLICES_H
#define DMS_SLICES_H

#include <apr_tables.h>

#include "admin/admin.h"
#include "recovery/recovery.h"

/* When a transaction begins nothing new any more, as the commit takes time, too; and for how long
 * others are left alone before the next: longer than those sleep who wait for their turn. */
#define DMS_SLICE_WORK (DMS_RECOVERY_SLICE / 2)
#define DMS_SLICE_PAUSE (DMS_RECOVERY_SLICE / 4)

/* Makes one change, of an item of an array. scratch lasts as long as the transaction. Any status
 * but APR_SUCCESS ends all, and undoes what its transaction has done. */
typedef apr_status_t dms_change_fn(void *baton, dms_tx_t *tx, const void *item,
                                   apr_pool_t *scratch);

/* Makes them all, as the admin's user; or, is_dry, has them made and undone. */
apr_status_t dms_in_slices(dms_admin_t *admin, const apr_array_header_t *items,
                           dms_change_fn *change, void *baton);

#endif
