/*
 * Whether a store is sound.
 */
#include <stdio.h>

#include "admin/tell.h"
#include "repository/fs/fs.h"
#include "store/check.h"

/* A dms_fault_fn. */
static void print_fault(void *baton, const char *fault)
{
    puts(fault);
}

static apr_status_t run_check(dms_admin_t *admin)
{
    int faults, mended;
    apr_status_t rv = dms_store_check(admin->store, admin->mends, print_fault, NULL, admin->pool,
                                      &faults, &mended);

    if (rv == APR_SUCCESS) {
        printf("%d faults, %d mended\n", faults, mended);
    }
    admin->is_left = mended < faults;
    return rv;
}

const dms_admin_command_t dms_admin_check = {
    .name = "check",
    .arguments = "",
    .help = "Looks whether the store can be read and is of this version, whether the\n"
            "database is whole, whether all that is in it can be found, and whether\n"
            "what is counted is right: the properties in each folder, and the bytes of\n"
            "each user. --mend sets right what is counted. A damaged store is mended\n"
            "by a backup alone.\n",
    .options = "m",
    .run = run_check,
};
