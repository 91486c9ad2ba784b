/*
 * For the tests: a repository in the memory of one process, which has nothing to do with a disk. It
 * is built from nothing but the public header, httpd's and APR's. "memory" offers all that a
 * provider can, "memory-readonly" reading alone, "memory-partial" what takes no write(), rename()
 * and set_modified(). All three show the same tree. "memory-old" is registered for a version that
 * nobody asks for.
 *
 * An entry is what stands in the tree, under one mutex. It is never freed, so that whoever has
 * found it may keep it; its content never changes: a PUT makes a new one. In "crashed" are files
 * that can't be read, one of them of a reserved name.
 */
#include <errno.h>
#include <string.h>

#include <httpd.h>

#include <ap_provider.h>
#include <apr_escape.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <http_config.h>

#include "mod_dav_multistatus.h"

#define SIZE_LIMIT (256 * 1024 * 1024)

typedef struct entry_t entry_t;
struct entry_t {
    entry_t *parent; /* NULL: it is the root, or gone */
    entry_t *children;
    entry_t *next;
    const char *name;
    dms_kind_e kind;
    apr_uint64_t number; /* no other entry has it */
    const char *bytes;   /* NULL: it can't be read */
    apr_size_t length;
    dms_moment_t created, modified;
};

struct dms_node_t {
    entry_t *entry;   /* NULL: nothing is there */
    const char *path; /* of lookup(): "" for the root, or "/a/b" */
};

struct dms_cursor_t {
    entry_t *collection;
    apr_array_header_t *members; /* those there were when it was at the beginning */
    int at;
};

struct dms_stream_t {
    entry_t *parent;
    const char *name;
    int exclusive;
    apr_array_header_t *bytes; /* of char */
    apr_size_t offset;         /* where the next go */
    dms_moment_t modified;
};

static struct {
    apr_pool_t *pool; /* of all entries */
    apr_thread_mutex_t *mutex;
    apr_time_t begun; /* numbers are counted anew in each process */
    apr_uint64_t last_number;
    entry_t *root;
} tree;

/* --- the tree; with the mutex held --- */

static void lock(void)
{
    apr_thread_mutex_lock(tree.mutex);
}

static apr_status_t unlock(apr_status_t rv)
{
    apr_thread_mutex_unlock(tree.mutex);
    return rv;
}

static dms_moment_t now(void)
{
    apr_time_t time = apr_time_now();
    dms_moment_t moment = {apr_time_sec(time), (apr_uint32_t)apr_time_usec(time) * 1000};

    return moment;
}

static entry_t *make(dms_kind_e kind)
{
    entry_t *entry = apr_pcalloc(tree.pool, sizeof(*entry));

    entry->kind = kind;
    entry->number = ++tree.last_number;
    entry->created = entry->modified = now();
    return entry;
}

static int is_there(const entry_t *entry)
{
    return entry == tree.root || entry->parent;
}

static entry_t *member_of(const entry_t *collection, const char *name)
{
    entry_t *entry = collection->children;

    while (entry && strcmp(entry->name, name)) {
        entry = entry->next;
    }
    return entry;
}

static void take_out(entry_t *entry)
{
    entry_t **link = &entry->parent->children;

    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    entry->parent->modified = now();
    entry->parent = NULL;
}

static void put_in(entry_t *entry, entry_t *parent, const char *name)
{
    entry->name = apr_pstrdup(tree.pool, name);
    entry->parent = parent;
    entry->next = parent->children;
    parent->children = entry;
    parent->modified = now();
}

/* The entry at a path: ENOENT, or ENOTDIR where it leads through a file. */
static apr_status_t find(const char *path, entry_t **found)
{
    char name[8192], *segment, *state;

    *found = tree.root;
    apr_cpystrn(name, path, sizeof(name)); /* a request line is no longer than that */
    for (segment = apr_strtok(name, "/", &state); segment;
         segment = apr_strtok(NULL, "/", &state)) {
        if ((*found)->kind != DMS_KIND_COLLECTION) {
            return ENOTDIR;
        }
        *found = member_of(*found, segment);
        if (!*found) {
            return ENOENT;
        }
    }
    return APR_SUCCESS;
}

/* A member of a collection that may be gone itself: ENOENT. */
static apr_status_t find_member(const dms_node_t *parent, const char *name, entry_t **found)
{
    *found = is_there(parent->entry) ? member_of(parent->entry, name) : NULL;
    return *found ? APR_SUCCESS : ENOENT;
}

/* Whether a new member can be made. */
static apr_status_t is_free(const entry_t *parent, const char *name)
{
    return !is_there(parent) ? ENOENT : member_of(parent, name) ? EEXIST : APR_SUCCESS;
}

static int is_below(const entry_t *entry, const entry_t *other)
{
    while (entry && entry != other) {
        entry = entry->parent;
    }
    return entry != NULL;
}

static void tell(const entry_t *entry, dms_facts_t *facts)
{
    facts->kind = entry->kind;
    facts->known = DMS_FACT_SIZE | DMS_FACT_MODIFIED | DMS_FACT_CREATED | DMS_FACT_ETAG;
    facts->size = (apr_off_t)entry->length;
    facts->modified = entry->modified;
    facts->created = entry->created;
    apr_snprintf(facts->etag, sizeof(facts->etag),
                 "\"%" APR_UINT64_T_HEX_FMT "-%" APR_UINT64_T_HEX_FMT "\"",
                 (apr_uint64_t)tree.begun, entry->number);
}

/* --- reading --- */

static dms_node_t *node_of(apr_pool_t *pool, entry_t *entry)
{
    dms_node_t *node = apr_pcalloc(pool, sizeof(*node));

    node->entry = entry;
    return node;
}

/* A path without slashes at its end, or double ones. */
static const char *plain(apr_pool_t *pool, const char *path)
{
    char *segment, *state;
    const char *result = "";

    for (segment = apr_strtok(apr_pstrdup(pool, path), "/", &state); segment;
         segment = apr_strtok(NULL, "/", &state)) {
        result = apr_pstrcat(pool, result, "/", segment, NULL);
    }
    return result;
}

static apr_status_t memory_lookup(request_rec *r, const char *base, unsigned int wanted,
                                  dms_resource_t *resource)
{
    apr_size_t length = strlen(base), end = strlen(r->uri);
    const char *path;
    entry_t *entry;
    apr_status_t rv;

    length -= length && base[length - 1] == '/';
    path = plain(r->pool, r->uri + (length < end ? length : end));
    resource->node = node_of(r->pool, NULL);
    resource->node->path = path;
    resource->name = *path ? strrchr(path, '/') + 1 : "";
    resource->key = *path ? apr_pescape_path(r->pool, path, 1) : "/";
    resource->facts.kind = DMS_KIND_NONE;
    lock();
    rv = find(path, &entry);
    if (rv == APR_SUCCESS && (entry->kind == DMS_KIND_COLLECTION || r->uri[end - 1] != '/')) {
        resource->node->entry = entry;
        tell(entry, &resource->facts);
    }
    return unlock(APR_SUCCESS);
}

static void memory_rewind(dms_cursor_t *cursor)
{
    entry_t *entry;

    lock();
    cursor->at = 0;
    apr_array_clear(cursor->members);
    for (entry = cursor->collection->children; entry; entry = entry->next) {
        APR_ARRAY_PUSH(cursor->members, entry_t *) = entry;
    }
    unlock(APR_SUCCESS);
}

static apr_status_t memory_open(dms_node_t *collection, request_rec *r, dms_list_e what,
                                unsigned int wanted, apr_pool_t *pool, dms_cursor_t **result)
{
    dms_cursor_t *cursor = apr_pcalloc(pool, sizeof(*cursor));

    cursor->collection = collection->entry;
    cursor->members = apr_array_make(pool, 8, sizeof(entry_t *));
    memory_rewind(cursor);
    *result = cursor;
    return APR_SUCCESS;
}

/* One member, unless it has gone meanwhile, or nobody wants it. */
static int take(const dms_cursor_t *cursor, const entry_t *entry, dms_due_fn *is_due, void *baton,
                dms_member_t *member)
{
    lock();
    member->name = entry->name;
    member->status = APR_SUCCESS;
    tell(entry, &member->facts);
    if (unlock(entry->parent != cursor->collection)) {
        return 0;
    }
    member->name_length = strlen(member->name);
    return !is_due || is_due(baton, member->name);
}

static apr_status_t memory_next(dms_cursor_t *cursor, dms_due_fn *is_due, void *baton,
                                dms_member_t *member)
{
    while (cursor->at < cursor->members->nelts) {
        if (take(cursor, APR_ARRAY_IDX(cursor->members, cursor->at++, entry_t *), is_due, baton,
                 member)) {
            return APR_SUCCESS;
        }
    }
    return APR_EOF;
}

static apr_status_t memory_enter(dms_cursor_t *cursor, apr_pool_t *pool, dms_node_t **node)
{
    *node = node_of(pool, APR_ARRAY_IDX(cursor->members, cursor->at - 1, entry_t *));
    return APR_SUCCESS;
}

static apr_status_t memory_read(dms_resource_t *file, request_rec *r, apr_bucket_brigade *bb)
{
    entry_t *entry;
    apr_status_t rv;

    lock();
    rv = find(file->node->path, &entry);
    if (rv == APR_SUCCESS && entry->kind != DMS_KIND_FILE) {
        rv = ENOENT;
    }
    if (rv == APR_SUCCESS) {
        tell(entry, &file->facts);
        rv = entry->bytes ? APR_SUCCESS : EACCES;
    }
    unlock(rv);
    if (rv == APR_SUCCESS && entry->length) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_immortal_create(entry->bytes, entry->length,
                                                               bb->bucket_alloc));
    }
    return rv;
}

/* --- where things are --- */

static apr_status_t memory_parent(dms_resource_t *resource, request_rec *r, dms_node_t **parent)
{
    const char *path = resource->node->path;
    entry_t *entry;
    apr_status_t rv;

    if (!*path) {
        return EPERM;
    }
    path = apr_pstrmemdup(r->pool, path, (apr_size_t)(strrchr(path, '/') - path));
    lock();
    rv = unlock(find(path, &entry));
    if (rv == APR_SUCCESS && entry->kind != DMS_KIND_COLLECTION) {
        rv = ENOTDIR;
    }
    *parent = node_of(r->pool, entry);
    return rv;
}

static int memory_is_same(dms_node_t *a, dms_node_t *b)
{
    return a->entry == b->entry;
}

static int memory_is_within(dms_node_t *collection, dms_node_t *other)
{
    lock();
    return unlock(is_below(collection->entry, other->entry));
}

static apr_status_t memory_child(dms_node_t *parent, const char *name, apr_pool_t *pool,
                                 dms_node_t **node)
{
    entry_t *entry;
    apr_status_t rv;

    lock();
    rv = unlock(find_member(parent, name, &entry));
    if (rv == APR_SUCCESS && entry->kind != DMS_KIND_COLLECTION) {
        rv = ENOTDIR;
    }
    *node = node_of(pool, entry);
    return rv;
}

static apr_status_t memory_facts(dms_node_t *parent, const char *name, dms_facts_t *facts)
{
    entry_t *entry;
    apr_status_t rv;

    lock();
    rv = find_member(parent, name, &entry);
    if (rv == APR_SUCCESS) {
        tell(entry, facts);
    }
    return unlock(rv);
}

static apr_status_t memory_identity(dms_node_t *parent, const char *name, apr_pool_t *pool,
                                    const char **identity)
{
    dms_facts_t facts;

    *identity = memory_facts(parent, name, &facts) == APR_SUCCESS ? apr_pstrdup(pool, facts.etag)
                                                                  : "";
    return APR_SUCCESS;
}

static apr_status_t memory_parent_of_key(const char *key, apr_pool_t *pool, dms_node_t **parent,
                                         const char **name)
{
    char *path = apr_pstrdup(pool, apr_punescape_url(pool, key, NULL, NULL, 0));
    char *slash = strrchr(path, '/');
    entry_t *entry;
    apr_status_t rv;

    if (!slash || !slash[1]) {
        return ENOENT;
    }
    *slash = '\0';
    *name = slash + 1;
    lock();
    rv = unlock(find(path, &entry));
    *parent = node_of(pool, entry);
    return rv;
}

/* --- writing --- */

static apr_status_t memory_append(dms_stream_t *stream, const char *bytes, apr_size_t length)
{
    apr_size_t end = stream->offset + length;

    if (end > SIZE_LIMIT) {
        return EFBIG;
    }
    while ((apr_size_t)stream->bytes->nelts < end) {
        APR_ARRAY_PUSH(stream->bytes, char) = '\0';
    }
    memcpy(stream->bytes->elts + stream->offset, bytes, length);
    stream->offset = end;
    return APR_SUCCESS;
}

static apr_status_t memory_write(dms_node_t *parent, const char *name, const dms_write_t *how,
                                 apr_pool_t *pool, dms_stream_t **result)
{
    dms_stream_t *stream = apr_pcalloc(pool, sizeof(*stream));
    apr_status_t rv = APR_SUCCESS;
    entry_t *present;

    stream->parent = parent->entry;
    stream->name = name;
    stream->exclusive = how->exclusive;
    stream->bytes = apr_array_make(pool, 4096, 1);
    *result = stream;
    if (how->offset >= 0) {
        lock();
        rv = unlock(find_member(parent, name, &present));
        if (rv == APR_SUCCESS) {
            rv = memory_append(stream, present->bytes, present->length);
        }
        rv = rv == ENOENT ? APR_SUCCESS : rv; /* a part of a new file */
        stream->offset = how->offset > SIZE_LIMIT ? SIZE_LIMIT + 1 : (apr_size_t)how->offset;
    }
    return rv;
}

static apr_status_t memory_finish(dms_stream_t *stream, const dms_moment_t *modified)
{
    stream->modified = modified ? *modified : now();
    return APR_SUCCESS;
}

static apr_status_t memory_publish(dms_stream_t *stream, dms_facts_t *facts)
{
    entry_t *present, *entry;
    apr_status_t rv;

    lock();
    rv = is_free(stream->parent, stream->name);
    present = rv == EEXIST ? member_of(stream->parent, stream->name) : NULL;
    if (present && !stream->exclusive && present->kind == DMS_KIND_FILE) {
        take_out(present);
        rv = APR_SUCCESS;
    }
    if (rv == APR_SUCCESS) {
        entry = make(DMS_KIND_FILE);
        entry->length = (apr_size_t)stream->bytes->nelts;
        entry->bytes = apr_pmemdup(tree.pool, stream->bytes->elts, entry->length);
        entry->modified = stream->modified;
        put_in(entry, stream->parent, stream->name);
        tell(entry, facts);
    }
    return unlock(rv);
}

static apr_status_t memory_make_collection(dms_node_t *parent, const char *name, int is_copy,
                                           apr_pool_t *pool, dms_node_t **made)
{
    entry_t *entry;
    apr_status_t rv;

    lock();
    rv = is_free(parent->entry, name);
    if (rv == APR_SUCCESS) {
        entry = make(DMS_KIND_COLLECTION);
        put_in(entry, parent->entry, name);
        if (made) {
            *made = node_of(pool, entry);
        }
    }
    return unlock(rv);
}

static apr_status_t memory_remove(dms_node_t *parent, const char *name, dms_kind_e kind)
{
    entry_t *entry;
    apr_status_t rv;

    lock();
    rv = find_member(parent, name, &entry);
    if (rv == APR_SUCCESS
        && (entry->kind == DMS_KIND_COLLECTION) != (kind == DMS_KIND_COLLECTION)) {
        rv = kind == DMS_KIND_COLLECTION ? ENOTDIR : EPERM;
    }
    if (rv == APR_SUCCESS && entry->children) {
        rv = ENOTEMPTY;
    }
    if (rv == APR_SUCCESS) {
        take_out(entry);
    }
    return unlock(rv);
}

static apr_status_t memory_copy(dms_node_t *parent, const char *name, request_rec *r, int links,
                                dms_node_t *to_parent, const char *to_name, int *at_target)
{
    entry_t *entry, *copy;
    apr_status_t rv;

    lock();
    rv = find_member(parent, name, &entry);
    if (rv == APR_SUCCESS && !entry->bytes) {
        rv = EACCES;
    }
    *at_target = rv == APR_SUCCESS;
    if (rv == APR_SUCCESS) {
        rv = is_free(to_parent->entry, to_name);
    }
    if (rv == APR_SUCCESS) {
        copy = make(DMS_KIND_FILE);
        copy->bytes = entry->bytes;
        copy->length = entry->length;
        if (links) { /* for a move */
            copy->modified = entry->modified;
        }
        put_in(copy, to_parent->entry, to_name);
    }
    return unlock(rv);
}

static apr_status_t memory_rename(dms_node_t *from, const char *from_name, dms_node_t *to,
                                  const char *to_name, dms_rename_e how)
{
    entry_t *entry, *present;
    apr_status_t rv;

    lock();
    rv = find_member(from, from_name, &entry);
    if (rv == APR_SUCCESS) {
        rv = is_free(to->entry, to_name);
    }
    present = rv == EEXIST ? member_of(to->entry, to_name) : NULL;
    if (how == DMS_RENAME_EXCHANGE || (how == DMS_RENAME_REPLACE && present)) {
        rv = present ? APR_SUCCESS : ENOENT;
    }
    if (rv == APR_SUCCESS
        && (is_below(to->entry, entry) || (present && is_below(from->entry, present)))) {
        rv = EINVAL;
    }
    if (rv == APR_SUCCESS) {
        take_out(entry);
        if (present) {
            take_out(present);
        }
        if (how == DMS_RENAME_EXCHANGE) {
            put_in(present, from->entry, from_name);
        }
        put_in(entry, to->entry, to_name);
    }
    return unlock(rv);
}

static apr_status_t memory_set_modified(dms_node_t *parent, const char *name,
                                        const dms_moment_t *modified, int sync)
{
    entry_t *entry;
    apr_status_t rv;

    lock();
    rv = find_member(parent, name, &entry);
    if (rv == APR_SUCCESS) {
        entry->modified = *modified;
    }
    return unlock(rv);
}

/* --- the module --- */

static const dms_provider_t memory = {
    .name = "memory",
    .is_virtual = 1,
    .lookup = memory_lookup,
    .open = memory_open,
    .next = memory_next,
    .rewind = memory_rewind,
    .enter = memory_enter,
    .read = memory_read,
    .parent = memory_parent,
    .is_same = memory_is_same,
    .is_within = memory_is_within,
    .child = memory_child,
    .write = memory_write,
    .append = memory_append,
    .finish = memory_finish,
    .publish = memory_publish,
    .make_collection = memory_make_collection,
    .remove = memory_remove,
    .copy = memory_copy,
    .rename = memory_rename,
    .set_modified = memory_set_modified,
    .facts = memory_facts,
    .identity = memory_identity,
    .parent_of_key = memory_parent_of_key,
};

static const dms_provider_t memory_readonly = {
    .name = "memory-readonly",
    .is_virtual = 1,
    .lookup = memory_lookup,
    .open = memory_open,
    .next = memory_next,
    .rewind = memory_rewind,
    .enter = memory_enter,
    .read = memory_read,
};

static dms_provider_t memory_partial; /* set before there are threads */

static void begin(apr_pool_t *pool, server_rec *server)
{
    entry_t *crashed;

    apr_pool_create(&tree.pool, pool);
    apr_thread_mutex_create(&tree.mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    tree.begun = apr_time_now();
    tree.root = make(DMS_KIND_COLLECTION);
    crashed = make(DMS_KIND_COLLECTION);
    put_in(crashed, tree.root, "crashed");
    put_in(make(DMS_KIND_FILE), crashed, "unreadable");
    put_in(make(DMS_KIND_FILE), crashed, ".dav-multistatus-unreadable");
}

static void offer(apr_pool_t *pool, const dms_provider_t *provider, const char *version)
{
    ap_register_provider(pool, DMS_PROVIDER_GROUP, provider->name, version, provider);
}

static void register_hooks(apr_pool_t *pool)
{
    memory_partial = memory;
    memory_partial.name = "memory-partial";
    memory_partial.write = NULL;
    memory_partial.rename = NULL;
    memory_partial.set_modified = NULL;
    offer(pool, &memory, DMS_PROVIDER_VERSION);
    offer(pool, &memory_readonly, DMS_PROVIDER_VERSION);
    offer(pool, &memory_partial, DMS_PROVIDER_VERSION);
    ap_register_provider(pool, DMS_PROVIDER_GROUP, "memory-old", "0", &memory);
    ap_hook_child_init(begin, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(dav_memory) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE,
};
