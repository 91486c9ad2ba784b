#include "repository/tree.h"

#include <errno.h>
#include <string.h>

#include <apr_escape.h>
#include <apr_general.h>
#include <apr_strings.h>

/* How deep a tree may be; each level holds a descriptor, of a copy two. */
#define LEVELS_MAX 200

typedef struct level_t level_t;
struct level_t {
    level_t *outer;
    int depth;
    apr_pool_t *pool;
    struct request_rec *r; /* whose configuration rules it */
    dms_node_t *node;
    dms_node_t *target; /* of a copy */
    dms_cursor_t *cursor;
    const char *name; /* in the outer collection */
    const char *path; /* escaped; "" for the tree's root */
    int incomplete;   /* something in it stays */
    int is_told;      /* ... of which failed() has been told as of the collection itself */
    int removed;      /* how many members have gone since the cursor was at the beginning */
};

typedef struct walk_t {
    const dms_tree_t *tree;
    dms_list_e what;
    int links;
    level_t *level;
    int stopped; /* failed() has said so */
    int has_failed;
} walk_t;

static const char *member_path(const level_t *level, const dms_member_t *member, apr_pool_t *pool)
{
    return apr_pstrcat(pool, level->path, apr_pescape_path(pool, member->name, 1),
                       member->facts.kind == DMS_KIND_COLLECTION ? "/" : NULL, NULL);
}

/* The length of a path up to the first segment that is hidden; or the whole. */
static apr_size_t visible_length(const char *path)
{
    const char *segment = path, *slash;

    while (!dms_is_hidden(segment)) {
        slash = strchr(segment, '/');
        if (!slash) {
            return strlen(path);
        }
        segment = slash + 1;
    }
    return (apr_size_t)(segment - path);
}

/* The collection, of those that the walk is in, whose path has a length. */
static level_t *level_of(const walk_t *walk, apr_size_t length)
{
    level_t *level = walk->level;

    while (level && strlen(level->path) != length) {
        level = level->outer;
    }
    return level;
}

/* What is hidden fails as the collection that it is in, once. */
static void fail(walk_t *walk, const char *path, int at_target, apr_status_t status)
{
    apr_size_t length = visible_length(path);
    level_t *level = path[length] ? level_of(walk, length) : NULL;

    walk->has_failed = 1;
    if (walk->level) {
        walk->level->incomplete = 1;
    }
    if (level) {
        path = level->path;
        if (level->is_told++) {
            return;
        }
    }
    if (!walk->tree->failed(walk->tree->baton, path, at_target, status)) {
        walk->stopped = 1;
    }
}

/* Opens a node's cursor in a new level, from a pool that is the level's own from now on. */
static apr_status_t push(walk_t *walk, apr_pool_t *pool, dms_node_t *node, const char *name,
                         const char *path)
{
    const dms_tree_t *tree = walk->tree;
    level_t *level = apr_pcalloc(pool, sizeof(*level));
    apr_status_t rv;

    level->r = walk->level && tree->ruler ? tree->ruler(tree->baton) : tree->r;
    rv = tree->provider->open(node, level->r, walk->what, tree->facts, pool, &level->cursor);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    level->outer = walk->level;
    level->depth = level->outer ? level->outer->depth + 1 : 1;
    level->pool = pool;
    level->node = node;
    level->name = apr_pstrdup(pool, name);
    level->path = apr_pstrdup(pool, path);
    walk->level = level;
    return APR_SUCCESS;
}

static apr_status_t push_member(walk_t *walk, const dms_member_t *member, const char *path)
{
    apr_pool_t *pool;
    dms_node_t *node;
    apr_status_t rv;

    if (walk->level->depth == LEVELS_MAX) {
        return ENAMETOOLONG;
    }
    apr_pool_create(&pool, walk->level->pool);
    rv = walk->tree->provider->enter(walk->level->cursor, pool, &node);
    if (rv == APR_SUCCESS) {
        rv = push(walk, pool, node, member->name, path);
    }
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(pool);
    }
    return rv;
}

static void pop(walk_t *walk)
{
    level_t *level = walk->level;

    walk->level = level->outer;
    if (level->outer) {
        level->outer->incomplete |= level->incomplete;
        level->outer->removed += !level->incomplete;
    }
    apr_pool_destroy(level->pool);
}

static apr_status_t check_member(const walk_t *walk, const dms_member_t *member)
{
    if (member->status != APR_SUCCESS || !walk->tree->check) {
        return member->status;
    }
    return walk->tree->check(walk->tree->baton, walk->level->path, member);
}

/* Opens a collection of the module's own for the server; one that can't be fails soon after. */
static void unseal(const dms_tree_t *tree, dms_node_t *parent, const char *name)
{
    if (tree->is_own && tree->provider->seal) {
        tree->provider->seal(parent, name, 0);
    }
}

static void remove_member(walk_t *walk, const dms_member_t *member, apr_pool_t *pool)
{
    const dms_provider_t *provider = walk->tree->provider;
    const char *path = member_path(walk->level, member, pool);
    apr_status_t rv = check_member(walk, member);

    if (rv == APR_INCOMPLETE) {
        walk->level->incomplete = 1;
        return;
    }
    if (rv == APR_SUCCESS && member->facts.kind == DMS_KIND_COLLECTION) {
        unseal(walk->tree, walk->level->node, member->name);
        rv = push_member(walk, member, path);
        if (rv == APR_SUCCESS) {
            return;
        }
        /* One that can't be read may be empty all the same. */
        if (provider->remove(walk->level->node, member->name, DMS_KIND_COLLECTION) == APR_SUCCESS) {
            rv = APR_SUCCESS;
        }
    }
    else if (rv == APR_SUCCESS) {
        rv = provider->remove(walk->level->node, member->name, member->facts.kind);
        if (rv == APR_SUCCESS && walk->tree->gone) {
            walk->tree->gone(walk->tree->baton, walk->level->path, member);
        }
    }
    if (rv == APR_SUCCESS) {
        walk->level->removed++;
    }
    else if (
        rv
        != ENOENT) { /* gone meanwhile; or listed, but not to be had: then its collection stays */
        fail(walk, path, 0, rv);
    }
}

/* At the end of a collection: removes it. parent: what the tree's root is in. */
static apr_status_t leave_removed(walk_t *walk, dms_node_t *parent)
{
    level_t *level = walk->level;
    const char *path = level->path;
    apr_status_t rv = APR_INCOMPLETE;

    if (!level->incomplete) {
        rv = walk->tree->leave ? walk->tree->leave(walk->tree->baton, path) : APR_SUCCESS;
        if (rv == APR_SUCCESS) {
            rv = walk->tree->provider->remove(level->outer ? level->outer->node : parent,
                                              level->name, DMS_KIND_COLLECTION);
        }
        if ((rv == ENOTEMPTY || rv == EEXIST) && level->removed) {
            /* New members, or a file system whose listing skips some while others go. */
            level->removed = 0;
            walk->tree->provider->rewind(level->cursor);
            return APR_SUCCESS;
        }
        if (rv == ENOENT) {
            rv = APR_SUCCESS;
        }
        if (rv != APR_SUCCESS && level->outer) {
            fail(walk, path, 0, rv);
        }
        level->incomplete = rv != APR_SUCCESS;
    }
    pop(walk);
    return rv;
}

apr_status_t dms_tree_remove(const dms_tree_t *tree, dms_node_t *parent, const char *name,
                             dms_kind_e kind, apr_pool_t *pool)
{
    walk_t walk = {.tree = tree, .what = DMS_LIST_RAW};
    apr_status_t rv;
    apr_pool_t *own, *scratch;
    dms_node_t *node;

    if (kind != DMS_KIND_COLLECTION) {
        return tree->provider->remove(parent, name, kind);
    }
    apr_pool_create(&own, pool);
    apr_pool_create(&scratch, pool);
    unseal(tree, parent, name);
    rv = tree->provider->child(parent, name, own, &node);
    if (rv == APR_SUCCESS) {
        rv = push(&walk, own, node, name, "");
    }
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(own);
        /* a link to a collection, or one that can't be read but may be empty */
        return tree->provider->remove(parent, name, DMS_KIND_OTHER) == APR_SUCCESS
                       || tree->provider->remove(parent, name, kind) == APR_SUCCESS
                   ? APR_SUCCESS
                   : rv;
    }
    while (walk.level && !walk.stopped) {
        dms_member_t member;

        apr_pool_clear(scratch);
        rv = tree->provider->next(walk.level->cursor, NULL, NULL, &member);
        if (rv == APR_SUCCESS) {
            remove_member(&walk, &member, scratch);
        }
        else if (rv == APR_EOF || rv == ENOENT) {
            rv = leave_removed(&walk, parent);
        }
        else {
            fail(&walk, walk.level->path, 0, rv);
            pop(&walk);
        }
    }
    while (walk.level) {
        pop(&walk);
    }
    apr_pool_destroy(scratch);
    return walk.has_failed ? APR_INCOMPLETE : rv;
}

static void copy_member(walk_t *walk, const dms_member_t *member, apr_pool_t *pool)
{
    const dms_provider_t *provider = walk->tree->provider;
    level_t *level = walk->level;
    const char *path = member_path(level, member, pool);
    apr_status_t rv = check_member(walk, member);
    int at_target = 0;

    if (rv == APR_INCOMPLETE || (!walk->links && dms_is_hidden(member->name))) {
        return;
    }
    if (rv == APR_SUCCESS && member->facts.kind == DMS_KIND_COLLECTION) {
        rv = push_member(walk, member, path);
        if (rv == APR_SUCCESS) {
            rv = provider->make_collection(level->target, member->name, 1, walk->level->pool,
                                           &walk->level->target);
            at_target = 1;
            if (rv != APR_SUCCESS) {
                pop(walk);
            }
        }
    }
    else if (rv == APR_SUCCESS) {
        rv = provider->copy(level->node, member->name, level->r, walk->links, level->target,
                            member->name, &at_target);
    }
    if (rv != APR_SUCCESS && rv != ENOENT) {
        fail(walk, path, at_target, rv);
    }
}

/* At the end of a collection: its copy gets what belongs to it. The root's does not: who has made
 * that knows where it is. */
static void leave_copied(walk_t *walk)
{
    const dms_provider_t *provider = walk->tree->provider;
    const level_t *level = walk->level;
    apr_status_t rv = level->outer && provider->give
                          ? provider->give(level->node, level->outer->target, level->name,
                                           walk->links)
                          : APR_SUCCESS;

    if (rv != APR_SUCCESS && !level->is_told) {
        fail(walk, level->path, 1, rv);
    }
    pop(walk);
}

apr_status_t dms_tree_copy(const dms_tree_t *tree, dms_node_t *from, dms_node_t *to, int links,
                           apr_pool_t *pool)
{
    walk_t walk = {.tree = tree, .what = links ? DMS_LIST_RAW : DMS_LIST_VISIBLE, .links = links};
    apr_pool_t *own, *scratch;
    apr_status_t rv;

    apr_pool_create(&own, pool);
    rv = push(&walk, own, from, "", "");
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(own);
        return rv;
    }
    walk.level->target = to;
    apr_pool_create(&scratch, pool);
    while (walk.level && !walk.stopped) {
        dms_member_t member;

        apr_pool_clear(scratch);
        rv = tree->provider->next(walk.level->cursor, NULL, NULL, &member);
        if (rv == APR_SUCCESS) {
            copy_member(&walk, &member, scratch);
            continue;
        }
        if (rv != APR_EOF && rv != ENOENT) {
            fail(&walk, walk.level->path, 0, rv);
        }
        leave_copied(&walk);
    }
    while (walk.level) {
        pop(&walk);
    }
    apr_pool_destroy(scratch);
    return walk.has_failed ? APR_INCOMPLETE : APR_SUCCESS;
}

static apr_status_t scan_member(walk_t *walk, const dms_member_t *member, apr_pool_t *pool)
{
    const dms_provider_t *provider = walk->tree->provider;
    int is_to_go = walk->tree->is_to_go;
    apr_status_t rv = check_member(walk, member);

    if (rv == APR_SUCCESS && is_to_go && provider->may_remove) {
        rv = provider->may_remove(walk->level->node, member->name);
    }
    if (rv == APR_SUCCESS && member->facts.kind == DMS_KIND_COLLECTION) {
        rv = push_member(walk, member, member_path(walk->level, member, pool));
        if (!is_to_go) {
            rv = APR_SUCCESS; /* what can't be read has nothing to refuse */
        }
    }
    return rv == ENOENT || rv == APR_INCOMPLETE ? APR_SUCCESS : rv; /* gone meanwhile; noted */
}

apr_status_t dms_tree_scan(const dms_tree_t *tree, dms_node_t *collection, apr_pool_t *pool)
{
    walk_t walk = {.tree = tree, .what = DMS_LIST_RAW};
    apr_pool_t *own, *scratch;
    apr_status_t rv;

    apr_pool_create(&own, pool);
    rv = push(&walk, own, collection, "", "");
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(own);
        return tree->is_to_go ? rv : APR_SUCCESS;
    }
    apr_pool_create(&scratch, pool);
    while (walk.level && rv == APR_SUCCESS) {
        dms_member_t member;

        apr_pool_clear(scratch);
        rv = tree->provider->next(walk.level->cursor, NULL, NULL, &member);
        if (rv == APR_SUCCESS) {
            rv = scan_member(&walk, &member, scratch);
            continue;
        }
        pop(&walk);
        if (rv == APR_EOF || rv == ENOENT || !tree->is_to_go) {
            rv = APR_SUCCESS;
        }
    }
    while (walk.level) {
        pop(&walk);
    }
    apr_pool_destroy(scratch);
    return rv;
}

/* How much of a name goes before what is added. */
#define SHOWN_MAX 200

const char *dms_tree_shown_name(const char *name, apr_pool_t *pool)
{
    apr_uint32_t random = 0;
    apr_size_t length = strlen(name);

    if (length > SHOWN_MAX) {
        length = SHOWN_MAX;
        while (length && ((unsigned char)name[length] & 0xc0) == 0x80) {
            length--; /* not in the midst of a character */
        }
    }
    apr_generate_random_bytes((unsigned char *)&random, sizeof(random));
    return apr_psprintf(pool, "%.*s.replaced-%08x", (int)length, name, random);
}

static apr_status_t add_size(void *baton, const char *collection, const dms_member_t *member)
{
    apr_int64_t *bytes = baton;

    if (dms_is_hidden(member->name)) {
        return APR_INCOMPLETE;
    }
    if (member->facts.kind == DMS_KIND_FILE && member->facts.known & DMS_FACT_SIZE) {
        *bytes += member->facts.size;
    }
    return APR_SUCCESS;
}

apr_int64_t dms_tree_size(const dms_provider_t *provider, dms_node_t *collection, apr_pool_t *pool)
{
    apr_int64_t bytes = 0;
    dms_tree_t tree = {.provider = provider,
                       .facts = DMS_FACT_SIZE,
                       .check = add_size,
                       .baton = &bytes};

    dms_tree_scan(&tree, collection, pool);
    return bytes;
}

apr_int64_t dms_member_size(const dms_provider_t *provider, dms_node_t *parent, const char *name,
                            apr_pool_t *pool)
{
    apr_int64_t bytes = 0;
    dms_facts_t facts;
    dms_node_t *node;
    apr_pool_t *own;
    apr_status_t rv;

    rv = provider->facts(parent, name, &facts);
    if (rv != APR_SUCCESS) {
        return rv == ENOENT || rv == ENOTDIR ? 0 : -1;
    }
    if (facts.kind == DMS_KIND_FILE && facts.known & DMS_FACT_SIZE) {
        return facts.size;
    }
    apr_pool_create(&own, pool);
    if (facts.kind == DMS_KIND_COLLECTION
        && provider->child(parent, name, own, &node) == APR_SUCCESS) {
        bytes = dms_tree_size(provider, node, own);
    }
    apr_pool_destroy(own);
    return bytes;
}

apr_status_t dms_tree_show(const dms_tree_t *tree, dms_node_t *reserved_parent,
                           const char *reserved, dms_node_t *parent, const char *name,
                           apr_pool_t *pool, const char **shown)
{
    *shown = dms_tree_shown_name(name, pool);
    if (tree->provider->seal) {
        apr_status_t rv = tree->provider->seal(reserved_parent, reserved, 1);

        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return tree->provider->rename(reserved_parent, reserved, parent, *shown, DMS_RENAME_NEW);
}
