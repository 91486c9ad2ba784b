/*
 * Listing a folder.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <apr_hash.h>

#include "repository/fs/belongings.h"
#include "repository/fs/node.h"
#include "repository/fs/own.h"
#include "repository/fs/spares.h"

struct dms_cursor_t {
    DIR *dir;
    const dms_node_t *collection;
    const char *name; /* of the member that it stands on */
    dms_list_e what;
    unsigned int wanted;
    dms_links_e links;
    int is_link; /* that member is one, which has been followed */
    dms_own_t own;
    dms_moment_t since; /* when those members were born at the earliest that have to be asked ... */
    int asks;           /* ... when they were created; none, unless it asks */
};

/* How many folders a walk enters through links. */
#define LINKED 1024

/* A walk enters a folder once, by its real place where that is below the walk's root: so folders
 * that link to each other don't multiply. Of those outside it is known which have been entered. */
struct dms_linked_t {
    apr_pool_t *pool;    /* the walk's */
    apr_hash_t *entered; /* identity_t -> itself; NULL: none */
};

typedef struct identity_t {
    dev_t device;
    ino_t inode;
} identity_t;

static apr_status_t close_dir(void *dir)
{
    closedir(dir);
    return APR_SUCCESS;
}

/* A node that was entered has a descriptor to read, which the node and the cursor then share: each
 * level of a walk costs one. */
static apr_status_t open_dir(dms_node_t *collection, DIR **dir)
{
    int fd = collection->descriptor;
    apr_status_t rv;

    if (!collection->reader) {
        fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    *dir = fd < 0 ? NULL : fdopendir(fd);
    if (*dir) {
        if (collection->reader) {
            dms_node_leave_open(collection->reader, fd);
            collection->reader = NULL;
        }
        return APR_SUCCESS;
    }
    rv = errno;
    if (fd >= 0 && !collection->reader) {
        close(fd);
    }
    return rv;
}

apr_status_t dms_fs_open(dms_node_t *collection, request_rec *r, dms_list_e what,
                         unsigned int wanted, apr_pool_t *pool, dms_cursor_t **cursor)
{
    DIR *dir;
    apr_status_t rv = open_dir(collection, &dir);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!collection->outer) { /* a walk begins */
        collection->linked = apr_pcalloc(pool, sizeof(*collection->linked));
        collection->linked->pool = pool;
    }
    apr_pool_cleanup_register(pool, dir, close_dir, apr_pool_cleanup_null);
    *cursor = apr_pcalloc(pool, sizeof(**cursor));
    (*cursor)->dir = dir;
    (*cursor)->collection = collection;
    (*cursor)->wanted = wanted;
    (*cursor)->what = what;
    (*cursor)->asks = wanted & DMS_FACT_CREATED
                      && dms_created_since(collection->descriptor, &(*cursor)->since);
    (*cursor)->links = what == DMS_LIST_RAW ? DMS_LINKS_NEVER : dms_node_links(r);
    dms_own_look(&(*cursor)->own);
    return APR_SUCCESS;
}

/* Stats a member, through a link where that is allowed. ENOENT also where it is nothing to show: a
 * link that may not be followed. */
static apr_status_t stat_member(dms_cursor_t *cursor, const char *name, dms_os_stat_t *st)
{
    int dir = dirfd(cursor->dir);
    apr_status_t rv = dms_os_stat(dir, name, 0, st);
    uid_t owner;

    if (rv != APR_SUCCESS || !S_ISLNK(st->mode) || cursor->what == DMS_LIST_RAW) {
        return rv;
    }
    if (cursor->links == DMS_LINKS_NEVER) {
        return ENOENT;
    }
    owner = st->owner;
    cursor->is_link = 1;
    rv = dms_os_stat(dir, name, 1, st);
    if (rv == ELOOP
        || (rv == APR_SUCCESS && cursor->links == DMS_LINKS_OF_OWNER && st->owner != owner)) {
        return ENOENT;
    }
    return rv;
}

/* Removes a file that a process has left under a reserved name, between giving it that one and its
 * own: the one moment of a PUT when a kill leaves something. */
static void sweep(const dms_cursor_t *cursor, const char *name)
{
    dms_os_stat_t st;

    if (dms_is_reserved(name) && dms_os_stat(dirfd(cursor->dir), name, 0, &st) == APR_SUCCESS
        && !S_ISDIR(st.mode) && !dms_spare_sweep(dirfd(cursor->dir), name, &st)
        && dms_reserved_is_orphan(name, st.changed.seconds)) {
        unlinkat(dirfd(cursor->dir), name, 0);
    }
}

/* Whether a member, which has the inode of one, is one of the store's own files, not by a link. */
static int is_own(const dms_cursor_t *cursor, dms_member_t *member)
{
    dms_os_stat_t st;

    if (dms_os_stat(dirfd(cursor->dir), member->name, 0, &st) != APR_SUCCESS
        || !dms_own_has(&cursor->own, st.device, st.inode)) {
        return 0;
    }
    member->facts.kind = DMS_KIND_NONE;
    member->status = EACCES; /* so that nobody touches it */
    return 1;
}

/* Whether a directory entry is a member that can be shown. */
static int read_member(dms_cursor_t *cursor, const struct dirent *entry, dms_member_t *member)
{
    dms_os_stat_t st;

    member->name = entry->d_name;
    member->name_length = strlen(entry->d_name);
    member->status = APR_SUCCESS;
    member->facts.known = 0;
    if (entry->d_name[0] == '.'
        && (!entry->d_name[1] || (entry->d_name[1] == '.' && !entry->d_name[2]))) {
        return 0;
    }
    cursor->is_link = 0;
    if (cursor->what == DMS_LIST_VISIBLE && dms_is_hidden(entry->d_name)) {
        sweep(cursor, entry->d_name);
        return 0;
    }
    if (dms_own_has(&cursor->own, cursor->own.device, entry->d_ino) && is_own(cursor, member)) {
        return cursor->what == DMS_LIST_RAW;
    }
#ifdef DT_DIR
    if (!cursor->wanted && (entry->d_type == DT_DIR || entry->d_type == DT_REG)) {
        member->facts.kind = entry->d_type == DT_DIR ? DMS_KIND_COLLECTION : DMS_KIND_FILE;
        return 1;
    }
    if (cursor->what == DMS_LIST_RAW && !cursor->wanted && entry->d_type != DT_UNKNOWN) {
        member->facts.kind = DMS_KIND_OTHER;
        return 1;
    }
#endif
    member->status = stat_member(cursor, entry->d_name, &st);
    if (member->status != APR_SUCCESS) {
        member->facts.kind = DMS_KIND_NONE;
        return member->status != ENOENT;
    }
    if (dms_own_has(&cursor->own, st.device, st.inode)) { /* through a link */
        return 0;
    }
    dms_node_facts(&st, cursor->wanted, &member->facts);
    if (cursor->asks && st.has_created && !dms_moment_is_before(&st.created, &cursor->since)) {
        dms_created_kept(dirfd(cursor->dir), entry->d_name, cursor->links != DMS_LINKS_NEVER,
                         &member->facts.created);
    }
    return member->facts.kind != DMS_KIND_OTHER || cursor->what == DMS_LIST_RAW;
}

apr_status_t dms_fs_next(dms_cursor_t *cursor, dms_due_fn *is_due, void *baton,
                         dms_member_t *member)
{
    for (;;) {
        struct dirent *entry;

        errno = 0;
        entry = readdir(cursor->dir);
        if (!entry) {
            return errno ? errno : APR_EOF;
        }
        if ((!is_due || is_due(baton, entry->d_name)) && read_member(cursor, entry, member)) {
            cursor->name = entry->d_name;
            return APR_SUCCESS;
        }
    }
}

void dms_fs_rewind(dms_cursor_t *cursor)
{
    rewinddir(cursor->dir);
}

/* Where the walk that has entered a folder began. */
static const dms_node_t *root_of(const dms_node_t *node)
{
    while (node->outer) {
        node = node->outer;
    }
    return node;
}

static identity_t id_of(const dms_os_stat_t *st)
{
    identity_t id;

    memset(&id, 0, sizeof(id)); /* padding counts in a hash */
    id.device = st->device;
    id.inode = st->inode;
    return id;
}

static int has_entered(const dms_linked_t *linked, const dms_os_stat_t *st)
{
    identity_t id = id_of(st);

    return linked->entered && apr_hash_get(linked->entered, &id, sizeof(id));
}

/* Whether a walk comes to a folder anyway, or has been there. */
static int is_reached(const void *node, const dms_os_stat_t *st)
{
    return dms_node_is_same(&root_of(node)->st, st)
           || has_entered(((const dms_node_t *)node)->linked, st);
}

static void note_entered(dms_linked_t *linked, const dms_os_stat_t *st)
{
    identity_t *id = apr_palloc(linked->pool, sizeof(*id));

    *id = id_of(st);
    if (!linked->entered) {
        linked->entered = apr_hash_make(linked->pool);
    }
    apr_hash_set(linked->entered, id, sizeof(*id), id);
}

/* Whether a walk is to enter a folder: ELOOP where it is one of those that it was found in, or has
 * been or will be reached by another way. */
static apr_status_t check_entry(const dms_node_t *node, int is_link)
{
    dms_linked_t *linked = node->linked;
    const dms_node_t *outer;

    for (outer = node->outer; outer; outer = outer->outer) {
        if (dms_node_is_same(&outer->st, &node->st)) {
            return ELOOP;
        }
    }
    if (!is_link) {
        return has_entered(linked, &node->st) ? ELOOP : APR_SUCCESS;
    }
    if ((linked->entered && apr_hash_count(linked->entered) == LINKED)
        || dms_node_is_within(node, is_reached, node)) {
        return ELOOP;
    }
    note_entered(linked, &node->st);
    return APR_SUCCESS;
}

apr_status_t dms_fs_enter(dms_cursor_t *cursor, apr_pool_t *pool, dms_node_t **entered)
{
    dms_node_t *node = apr_pcalloc(pool, sizeof(*node));
    apr_status_t rv = dms_os_open_below(dirfd(cursor->dir), cursor->name, O_RDONLY | O_DIRECTORY,
                                        cursor->is_link ? cursor->links : DMS_LINKS_NEVER,
                                        &node->descriptor);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    dms_node_close_with(pool, node->descriptor);
    node->reader = pool;
    node->outer = cursor->collection;
    node->linked = cursor->collection->linked;
    rv = dms_os_stat(node->descriptor, "", 0, &node->st);
    if (rv == APR_SUCCESS) {
        rv = check_entry(node, cursor->is_link);
    }
    *entered = node;
    return rv;
}
