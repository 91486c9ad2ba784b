/*
 * What the store knows and the disk does not, and what is on the disk that only the store could
 * explain.
 *
 * Nothing is forgotten that could be there again when a disk is mounted: what was in a folder that
 * is empty is unknown.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_escape.h>
#include <apr_file_info.h>
#include <apr_strings.h>

#include "admin/slices.h"
#include "admin/tell.h"
#include "changes/changes.h"
#include "keys/keys.h"
#include "processes/processes.h"
#include "recovery/witness.h"
#include "repository/fs/fs.h"
#include "repository/tree.h"

/* How long --mend waits for what a server is at. */
#define PATIENCE apr_time_from_sec(30)

static const dms_choice_t names = {.what = DMS_CHOICE_NAMES};

typedef struct comparing_t {
    dms_admin_t *admin;
    const char *key;
    dms_witness_t witness;
    int is_quiet, is_mending;
    apr_int64_t faults;
} comparing_t;

static void print_fault(const comparing_t *comparing, const char *fault, const char *key,
                        const char *more)
{
    if (!comparing->is_quiet) {
        printf("%s\t%s%s%s\n", fault, key, *more ? "\t" : "", more);
    }
}

/* --- what the store knows --- */

static int is_empty(const char *path, apr_pool_t *pool)
{
    apr_finfo_t found;
    apr_dir_t *folder;
    int is = apr_dir_open(&folder, path, pool) == APR_SUCCESS;

    while (is && apr_dir_read(&found, APR_FINFO_NAME, folder) == APR_SUCCESS) {
        is = !strcmp(found.name, ".") || !strcmp(found.name, "..");
    }
    return is;
}

/* Whether nothing is in the innermost folder that is there of those that a resource was in. */
static int was_in_empty_folder(const dms_witness_t *witness, const char *key)
{
    dms_witness_t own = *witness;
    char *at;
    int is;

    apr_pool_create(&own.pool, witness->pool);
    at = apr_pstrdup(own.pool, key);
    while (dms_key_go_up(at) && dms_witness_presence(&own, at) == DMS_PRESENCE_GONE) {
    }
    is = is_empty(apr_punescape_url(own.pool, at, NULL, NULL, 0), own.pool);
    apr_pool_destroy(own.pool);
    return is;
}

/* A dms_presence_fn. */
static dms_presence_e look_for(void *witness, const char *key)
{
    dms_presence_e presence = dms_witness_presence(witness, key);

    return presence == DMS_PRESENCE_GONE && was_in_empty_folder(witness, key) ? DMS_PRESENCE_UNKNOWN
                                                                              : presence;
}

static void look(comparing_t *comparing, const char *key, const char *of)
{
    dms_presence_e presence;

    apr_pool_clear(comparing->witness.pool);
    presence = look_for(&comparing->witness, key);
    if (presence != DMS_PRESENCE_THERE) {
        comparing->faults++;
        print_fault(comparing, presence == DMS_PRESENCE_GONE ? "gone" : "unknown", key, of);
    }
}

/* A dms_visit_fn. */
static apr_status_t look_at_properties(void *baton, const char *key, dms_dead_property_t *first,
                                       apr_pool_t *pool)
{
    look(baton, key, "properties");
    return APR_SUCCESS;
}

/* A dms_lock_visit_fn. */
static int look_at_lock(void *baton, const dms_lock_t *lock)
{
    look(baton, lock->key, lock->token);
    return 1;
}

static apr_status_t look_at_locks(comparing_t *comparing)
{
    dms_admin_t *admin = comparing->admin;
    dms_below_t below = {.key = comparing->key, .visit = look_at_lock, .baton = comparing};
    dms_lock_t *own;
    apr_status_t rv = dms_store_own_locks(admin->store, comparing->key, admin->pool, &own);

    for (; own && rv == APR_SUCCESS; own = own->next) {
        look_at_lock(comparing, own);
    }
    return rv == APR_SUCCESS ? dms_locks_below(admin->store, NULL, &below, admin->pool) : rv;
}

/* What processes that were killed have not ended. */
static apr_status_t look_at_intentions(comparing_t *comparing)
{
    dms_admin_t *admin = comparing->admin;
    dms_intention_t *after = NULL, *orphan;
    apr_status_t rv;

    for (;;) {
        rv = dms_store_orphans(admin->store, after, admin->pool, &orphan);
        if (rv != APR_SUCCESS || !orphan) {
            return rv;
        }
        for (; orphan; orphan = orphan->next) {
            after = orphan;
            if (dms_key_is_at_or_below(orphan->from, comparing->key)
                || dms_key_is_at_or_below(orphan->to, comparing->key)) {
                comparing->faults++;
                print_fault(comparing, "unfinished", orphan->from, orphan->to);
            }
        }
    }
}

/* --- what the disk has --- */

/* Removes what a process that is gone has left, as a listing does. A folder may be what somebody
 * had, and which was to be replaced: whoever looks at it has to know. */
static void remove_left_over(comparing_t *comparing, const char *key)
{
    const dms_provider_t *provider = comparing->witness.provider;
    dms_node_t *parent;
    const char *name;

    if (dms_witness_find(&comparing->witness, key, &parent, &name) == APR_SUCCESS) {
        provider->remove(parent, name, DMS_KIND_FILE);
    }
}

/* Whether a process that is gone has left what has a reserved name. What is aside is a client's. */
static int is_left_over(const comparing_t *comparing, const char *key, const char *name)
{
    static const char aside[] = DMS_RESERVED_PREFIX "aside-";
    const char *path = apr_punescape_url(comparing->witness.pool, key, NULL, NULL, 0);
    struct stat st;

    if (!strncmp(name, aside, sizeof(aside) - 1)) {
        return dms_process_life_of_mark(name + sizeof(aside) - 1) == DMS_LIFE_IS_OVER;
    }
    return path && !lstat(path, &st) && dms_reserved_is_orphan(name, (apr_int64_t)st.st_ctime);
}

static void look_at_hidden(comparing_t *comparing, const char *key, const char *name)
{
    if (!dms_is_reserved(name)) {
        print_fault(comparing, "mod_dav", key, "");
    }
    else if (is_left_over(comparing, key, name)) {
        comparing->faults++;
        print_fault(comparing, "left over", key, "");
        if (comparing->is_mending) {
            remove_left_over(comparing, key);
        }
    }
}

/* The check() of a dms_tree_t: what is hidden is not entered. */
static apr_status_t look_at_member(void *baton, const char *collection, const dms_member_t *member)
{
    comparing_t *comparing = baton;
    apr_pool_t *pool = comparing->witness.pool;

    if (!dms_is_hidden(member->name)) {
        return APR_SUCCESS;
    }
    look_at_hidden(comparing,
                   dms_key_below(pool, comparing->key,
                                 apr_pstrcat(pool, collection,
                                             apr_pescape_path(pool, member->name, 1), NULL)),
                   member->name);
    apr_pool_clear(pool);
    return APR_INCOMPLETE;
}

static void look_at_disk(comparing_t *comparing)
{
    dms_tree_t tree = {.provider = &dms_fs_provider, .check = look_at_member, .baton = comparing};
    dms_node_t *folder;
    const char *name;
    apr_pool_t *pool;

    apr_pool_create(&pool, comparing->admin->pool);
    if (dms_fs_provider.parent_of_key(dms_key_below(pool, comparing->key, "x"), pool, &folder,
                                      &name)
        == APR_SUCCESS) {
        dms_tree_scan(&tree, folder, pool);
    }
    apr_pool_destroy(pool);
}

/* --- mending --- */

static void log_recovery(void *baton, apr_status_t status, const char *message)
{
    dms_tell(status, "%s", message);
}

/* Completes what the dead have begun, anywhere, in slices as a server does; those of a server that
 * is at it meanwhile are its own. */
static void complete(dms_admin_t *admin)
{
    dms_recovery_t *recovery = dms_recovery_create(admin->pool, admin->store, log_recovery, NULL);
    apr_time_t until = apr_time_now() + PATIENCE;
    int is_left;

    do {
        dms_keep_words();
        is_left = dms_recovery_slice(recovery, &dms_fs_provider, admin->pool);
        dms_give_out_words(1);
        apr_sleep(is_left ? DMS_RECOVERY_SLICE : 0);
    } while (is_left && apr_time_now() < until);
}

/* A slice; sweep->reached: where to go on. */
static apr_status_t forget_some(dms_admin_t *admin, dms_sweep_t *sweep)
{
    dms_tx_t *tx;
    apr_status_t rv = dms_tx_begin(admin->store, admin->pool, &tx);

    if (rv == APR_SUCCESS) {
        sweep->until = apr_time_now() + DMS_SLICE_WORK;
        dms_changed(tx, DMS_CHANGE(DMS_REMOVED, .key = sweep->key, .sweep = sweep,
                                   .pool = admin->pool));
        rv = dms_tx_commit(tx);
    }
    return rv;
}

/* Forgets what is gone. No intention is noted: whatever ends this in the midst, nothing is torn. */
static apr_status_t forget(comparing_t *comparing)
{
    dms_sweep_t sweep = {.key = comparing->key,
                         .presence = look_for,
                         .baton = &comparing->witness,
                         .reached = ""};
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && sweep.reached) {
        rv = forget_some(comparing->admin, &sweep);
        apr_sleep(DMS_SLICE_PAUSE);
    }
    return rv;
}

/* --- the command --- */

static apr_status_t compare(comparing_t *comparing)
{
    apr_status_t rv = dms_visit_properties(comparing->admin, comparing->key, &names,
                                           look_at_properties, comparing);

    if (rv == APR_SUCCESS) {
        rv = look_at_locks(comparing);
    }
    if (rv == APR_SUCCESS) {
        rv = look_at_intentions(comparing);
    }
    if (rv == APR_SUCCESS) {
        look_at_disk(comparing);
    }
    return rv;
}

/* A second time, to see what is left; without a word. */
static apr_status_t compare_again(const comparing_t *before, apr_int64_t *faults)
{
    comparing_t comparing = {.admin = before->admin,
                             .key = before->key,
                             .witness = before->witness,
                             .is_quiet = 1};
    apr_status_t rv = compare(&comparing);

    *faults = comparing.faults;
    return rv;
}

static apr_status_t run_compare(dms_admin_t *admin)
{
    comparing_t comparing = {.admin = admin,
                             .key = dms_argument_key(admin, 0),
                             .witness = {.provider = &dms_fs_provider},
                             .is_mending = admin->mends};
    apr_int64_t left;
    apr_status_t rv;

    apr_pool_create(&comparing.witness.pool, admin->pool);
    rv = comparing.key ? compare(&comparing) : APR_EINVAL;
    left = comparing.faults;
    if (rv == APR_SUCCESS && admin->mends && left) {
        complete(admin);
        rv = forget(&comparing);
        if (rv == APR_SUCCESS) {
            rv = compare_again(&comparing, &left);
        }
    }
    printf("%" APR_INT64_T_FMT " faults, %" APR_INT64_T_FMT " mended\n", comparing.faults,
           comparing.faults - left);
    admin->is_left |= left > 0;
    return rv;
}

const dms_admin_command_t dms_admin_compare = {
    .name = "compare",
    .arguments = "PATH",
    .help = "Tells, a line each, what the store knows at and below a path and the disk\n"
            "does not (gone; unknown where it can't be looked at, or was in a folder\n"
            "that is empty, as where a disk is not mounted), what a process that was\n"
            "killed has not ended (unfinished), what it has left on the disk (left\n"
            "over), and mod_dav's folders (mod_dav). --mend forgets what is gone, ends\n"
            "what is unfinished, and removes files that are left over.\n",
    .options = "m",
    .fewest = 1,
    .most = 1,
    .run = run_compare,
};
