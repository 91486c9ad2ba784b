/*
 * Properties of what was moved past the server.
 *
 * Each resource is one change of rows alone, for which the disk is looked at in its transaction: it
 * is gone from the old path, and something is at the new one. So whatever ends this in the midst
 * leaves nothing torn that somebody would have to complete, and it can be run again.
 */
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "admin/slices.h"
#include "admin/tell.h"
#include "changes/changes.h"
#include "keys/keys.h"
#include "recovery/recovery.h"
#include "repository/fs/fs.h"

/* How many are gathered. */
#define MANY 4096

static const dms_choice_t names = {.what = DMS_CHOICE_NAMES};

typedef struct renaming_t {
    dms_admin_t *admin;
    const char *from, *to;
    apr_pool_t *pool; /* of what is gathered */
    apr_array_header_t *keys;
    int has_own; /* the resource at `from` itself has some */
    int has_any; /* it, or something below */
    apr_int64_t moved;
} renaming_t;

/* Why the properties of a resource stay where they are; NULL: they go along. */
static const char *reason_to_stay(const char *from, const char *to, apr_pool_t *scratch)
{
    dms_witness_t witness = {&dms_fs_provider, scratch};

    switch (dms_witness_presence(&witness, from)) {
    case DMS_PRESENCE_THERE:
        return "is still there, and keeps its properties";
    case DMS_PRESENCE_UNKNOWN:
        return "can't be looked at, and keeps its properties";
    case DMS_PRESENCE_GONE:
        break;
    }
    return dms_witness_presence(&witness, to) == DMS_PRESENCE_THERE
               ? NULL
               : apr_pstrcat(scratch, "its properties stay: nothing can be seen at ", to, NULL);
}

/* A dms_change_fn. */
static apr_status_t move_one(void *baton, dms_tx_t *tx, const void *item, apr_pool_t *scratch)
{
    renaming_t *renaming = baton;
    const char *from = *(const char *const *)item;
    const char *to = apr_pstrcat(scratch, renaming->to, from + strlen(renaming->from), NULL);
    const char *reason = reason_to_stay(from, to, scratch);

    if (reason) {
        dms_tell_left(renaming->admin, from, reason);
        return APR_SUCCESS;
    }
    renaming->moved += renaming->has_own || strcmp(from, renaming->from) != 0;
    /* Also undone, it would have what folders have counted anew. */
    return renaming->admin->is_dry
               ? APR_SUCCESS
               : dms_changed(tx, DMS_CHANGE(DMS_FOUND, .key = to, .from = from));
}

static apr_status_t move_gathered(renaming_t *renaming)
{
    apr_status_t rv = dms_in_slices(renaming->admin, renaming->keys, move_one, renaming);

    apr_pool_clear(renaming->pool);
    renaming->keys = apr_array_make(renaming->pool, 256, sizeof(const char *));
    return rv;
}

/* A dms_visit_fn. */
static apr_status_t gather(void *baton, const char *key, dms_dead_property_t *first,
                           apr_pool_t *pool)
{
    renaming_t *renaming = baton;

    renaming->has_any = 1;
    if (!strcmp(key, renaming->from)) {
        renaming->has_own = 1;
        return APR_SUCCESS;
    }
    APR_ARRAY_PUSH(renaming->keys, const char *) = apr_pstrdup(renaming->pool, key);
    return renaming->keys->nelts < MANY ? APR_SUCCESS : move_gathered(renaming);
}

/* Neither may be the other, or below it. */
static int is_possible(const char *from, const char *to)
{
    return !dms_key_is_at_or_below(from, to) && !dms_key_is_at_or_below(to, from);
}

/* The resource itself, as the last: the locks of the whole tree end with it, also of what has no
 * properties. */
static apr_status_t move_own(renaming_t *renaming)
{
    apr_array_header_t *root = apr_array_make(renaming->admin->pool, 1, sizeof(const char *));
    dms_witness_t witness = {&dms_fs_provider, renaming->admin->pool};

    APR_ARRAY_PUSH(root, const char *) = renaming->from;
    return renaming->has_own || dms_witness_presence(&witness, renaming->from) == DMS_PRESENCE_GONE
               ? dms_in_slices(renaming->admin, root, move_one, renaming)
               : APR_SUCCESS;
}

static apr_status_t run_rename(dms_admin_t *admin)
{
    renaming_t renaming = {.admin = admin,
                           .from = dms_argument_key(admin, 0),
                           .to = dms_argument_key(admin, 1)};
    apr_status_t rv;

    if (!renaming.from || !renaming.to || !is_possible(renaming.from, renaming.to)) {
        return dms_tell(APR_EGENERAL, "two paths are wanted, neither of them below the other");
    }
    apr_pool_create(&renaming.pool, admin->pool);
    renaming.keys = apr_array_make(renaming.pool, 256, sizeof(const char *));
    rv = dms_visit_properties(admin, renaming.from, &names, gather, &renaming);
    if (rv == APR_SUCCESS) {
        rv = move_gathered(&renaming);
    }
    if (rv == APR_SUCCESS) {
        rv = move_own(&renaming);
    }
    if (rv == APR_SUCCESS && !renaming.has_any) {
        dms_tell_left(admin, renaming.from, "no properties are kept of it, or of what is below it");
    }
    printf("%" APR_INT64_T_FMT " resources %s\n", renaming.moved,
           admin->is_dry ? "would be moved" : "moved");
    return rv;
}

const dms_admin_command_t dms_admin_rename = {
    .name = "rename",
    .arguments = "FROM TO",
    .help = "Has properties follow what was moved on the disk, past the server, from\n"
            "one path to another: of all at and below FROM that is gone there and can\n"
            "be seen below TO. What has been set there since stays. Locks at and below\n"
            "FROM end. To be run after the move; until then the properties wait at the\n"
            "old path, unless a client makes something there. It can be run again.\n",
    .options = "n",
    .fewest = 2,
    .most = 2,
    .run = run_rename,
};
