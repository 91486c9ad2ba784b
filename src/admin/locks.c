/*
 * Listing and breaking locks.
 */
#include <stdio.h>
#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "admin/slices.h"
#include "admin/tell.h"
#include "changes/changes.h"
#include "keys/keys.h"

/* --- listing --- */

static const char *end_of(const dms_lock_t *lock, char date[APR_RFC822_DATE_LEN])
{
    apr_time_exp_t parts;
    apr_size_t length;

    if (!lock->expires) {
        return "never";
    }
    apr_time_exp_gmt(&parts, apr_time_from_sec(lock->expires));
    apr_strftime(date, &length, APR_RFC822_DATE_LEN, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return date;
}

/* A user's name may hold anything. */
static int print_lock(void *baton, const dms_lock_t *lock)
{
    const dms_admin_t *admin = baton;
    char date[APR_RFC822_DATE_LEN];
    apr_pool_t *pool;

    apr_pool_create(&pool, admin->pool);
    fprintf(dms_output(), "%s\t%s\t%s\t%s\t%s\t%s\n", lock->key, lock->token,
            lock->is_deep ? "infinity" : "0", lock->is_shared ? "shared" : "exclusive",
            end_of(lock, date), apr_pescape_echo(pool, lock->principal, 0));
    apr_pool_destroy(pool);
    return 1;
}

/* Visits those whose roots are at a key, and below it. */
static apr_status_t visit_locks(const dms_admin_t *admin, const char *key, int is_below,
                                dms_lock_visit_fn *visit, void *baton)
{
    dms_below_t below = {.key = key, .visit = visit, .baton = baton};
    dms_lock_t *own;
    apr_status_t rv = dms_store_own_locks(admin->store, key, admin->pool, &own);

    for (; own && rv == APR_SUCCESS; own = own->next) {
        visit(baton, own);
    }
    return rv == APR_SUCCESS && is_below ? dms_locks_below(admin->store, NULL, &below, admin->pool)
                                         : rv;
}

static apr_status_t run_locks(dms_admin_t *admin)
{
    const char *key = dms_argument_key(admin, 0);

    return key ? visit_locks(admin, key, 1, print_lock, admin) : APR_EINVAL;
}

const dms_admin_command_t dms_admin_locks = {
    .name = "locks",
    .arguments = "[PATH]",
    .help = "Lists the locks at and below a path (/), one a line, with tabs between:\n"
            "the path, the token, its depth (0 or infinity), exclusive or shared, when\n"
            "it ends (UTC, or never), and the user who holds it.\n",
    .options = "",
    .most = 1,
    .run = run_locks,
};

/* --- breaking --- */

typedef struct breaking_t {
    dms_admin_t *admin;
    const char *token; /* NULL: any */
    apr_array_header_t *locks;
} breaking_t;

static int gather_lock(void *baton, const dms_lock_t *lock)
{
    breaking_t *breaking = baton;
    apr_pool_t *pool = breaking->admin->pool;

    if (!breaking->token || !strcmp(breaking->token, lock->token)) {
        dms_lock_t *copy = apr_pmemdup(pool, lock, sizeof(*lock));

        copy->token = apr_pstrdup(pool, lock->token);
        copy->key = apr_pstrdup(pool, lock->key);
        copy->principal = apr_pstrdup(pool, lock->principal);
        APR_ARRAY_PUSH(breaking->locks, dms_lock_t *) = copy;
    }
    return 1;
}

/* A dms_change_fn. */
static apr_status_t break_lock(void *baton, dms_tx_t *tx, const void *item, apr_pool_t *scratch)
{
    const dms_lock_t *lock = *(const dms_lock_t *const *)item;

    print_lock(baton, lock);
    return dms_changed(tx, DMS_CHANGE(DMS_UNLOCKED, .key = lock->key, .lock = lock));
}

/* An argument is a path, or a token. */
static apr_status_t gather(breaking_t *breaking, const char *argument)
{
    dms_admin_t *admin = breaking->admin;
    int is_path = *argument == '/', before = breaking->locks->nelts;
    const char *key = is_path ? dms_key_of_path(admin->pool, argument) : "/";
    apr_status_t rv;

    breaking->token = is_path ? NULL : argument;
    rv = key ? visit_locks(admin, key, admin->is_below || !is_path, gather_lock, breaking)
             : dms_tell(APR_EINVAL, "%s", argument);
    if (rv == APR_SUCCESS && breaking->locks->nelts == before) {
        dms_tell_left(admin, argument, "no lock");
    }
    return rv;
}

static apr_status_t run_unlock(dms_admin_t *admin)
{
    breaking_t breaking = {admin, NULL, apr_array_make(admin->pool, 16, sizeof(dms_lock_t *))};
    const char *const *argument;
    apr_status_t rv = APR_SUCCESS;

    for (argument = admin->arguments; *argument && rv == APR_SUCCESS; argument++) {
        rv = gather(&breaking, *argument);
    }
    return rv == APR_SUCCESS ? dms_in_slices(admin, breaking.locks, break_lock, admin) : rv;
}

const dms_admin_command_t dms_admin_unlock = {
    .name = "unlock",
    .arguments = "TOKEN|PATH ...",
    .help = "Breaks locks: the one with a token, or those whose root is a path; with\n"
            "--below those of all that is below it, too. Prints what it breaks, as\n"
            "locks does. The server knows at once; whoever has held one is told by a\n"
            "412.\n",
    .options = "nb",
    .fewest = 1,
    .most = 1000,
    .run = run_unlock,
};
