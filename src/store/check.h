/*
 * What an administrator asks of a store: whether it is sound, and a copy of it. Statuses are the
 * store's (store/store.h).
 */
#ifndef DMS_CHECK_H
#define DMS_CHECK_H

#include "store/store.h"

/* Takes a fault, in words that are gone when it returns. */
typedef void dms_fault_fn(void *baton, const char *fault);

/* Looks at the database as such, for rows that nothing leads to, and at what is counted
 * (dms_usage_t), and tells what is wrong. mends: what is counted is set right, while others write,
 * in a transaction for each: of a folder as long as it takes to count its properties. *faults: how
 * many there are; *mended: of these. pool: for what it takes. */
apr_status_t dms_store_check(dms_store_t *store, int mends, dms_fault_fn *tell, void *baton,
                             apr_pool_t *pool, int *faults, int *mended);

/* Writes all that has been committed when it begins into a new file, which no other program uses:
 * a whole store, in which no folder is counted (dms_store_size()). Others write meanwhile. */
apr_status_t dms_store_copy(dms_store_t *store, const char *file, apr_pool_t *pool);

#endif
