#include "repository/fs/fs.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <apr_escape.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <http_core.h>

#include "repository/fs/belongings.h"
#include "repository/fs/node.h"
#include "repository/fs/own.h"

/* The length of a path without the slashes at its end. */
static apr_size_t length_of(const char *path, apr_size_t length)
{
    while (length && path[length - 1] == '/') {
        length--;
    }
    return length;
}

/* Where, in a file name, the segments begin that it ends with in common with a URL's path: the
 * resource's path within the repository. What precedes it is the repository's root. */
static apr_size_t find_common_end(const char *filename, apr_size_t length, const char *url)
{
    apr_size_t begin = length, left = length_of(url, strlen(url));

    while (left) {
        apr_size_t segment = 0;

        while (segment < left && url[left - segment - 1] != '/') {
            segment++;
        }
        if (length <= segment || filename[length - segment - 1] != '/'
            || memcmp(filename + length - segment, url + left - segment, segment)) {
            break;
        }
        begin = length - segment;
        length = length_of(filename, begin);
        left = length_of(url, left - segment);
    }
    return begin;
}

/* Splits a request's file name into the repository's root and the way from there. */
static void split_filename(request_rec *r, const char *base, const char *filename,
                           const char **root, const char **path)
{
    apr_size_t base_length = length_of(base, strlen(base));
    apr_size_t length = length_of(filename, strlen(filename)), begin = length;

    if (!strncmp(r->uri, base, base_length)) { /* of a <Location> */
        begin = find_common_end(filename, length, r->uri + base_length);
    }
    else {
        if (strncmp(filename, base, base_length)) { /* a pattern: what the URL space is mapped to */
            base = ap_context_document_root(r);
            base_length = length_of(base, strlen(base));
        }
        if (!strncmp(filename, base, base_length)) { /* of a <Directory> */
            begin = base_length < length ? base_length + 1 : length;
        }
    }
    if (begin == length && r->finfo.filetype != APR_DIR) { /* mapped to a file by itself */
        while (begin && filename[begin - 1] != '/') {
            begin--;
        }
    }
    *root = begin ? apr_pstrmemdup(r->pool, filename, begin) : "/";
    *path = begin < length ? apr_pstrmemdup(r->pool, filename + begin, length - begin) : ".";
}

/* r->filename with what httpd has not found on the disk, which it keeps in r->path_info. */
static const char *full_filename(request_rec *r)
{
    return r->path_info && *r->path_info ? apr_pstrcat(r->pool, r->filename, r->path_info, NULL)
                                         : r->filename;
}

static const char *make_key(apr_pool_t *pool, const char *root, const char *path)
{
    const char *key = strcmp(path, ".") ? apr_pstrcat(pool, root, path, NULL) : root;
    apr_size_t length = length_of(key, strlen(key));

    return length ? apr_pescape_path(pool, apr_pstrmemdup(pool, key, length), 1) : "/";
}

static apr_status_t fs_lookup(request_rec *r, const char *base, unsigned int wanted,
                              dms_resource_t *resource)
{
    dms_node_t *node = apr_pcalloc(r->pool, sizeof(*node));
    const char *root, *slash;
    dms_own_t own;
    apr_status_t rv;

    resource->facts.kind = DMS_KIND_NONE;
    resource->node = node;
    node->descriptor = -1;
    if (!r->filename) {
        return ENOENT;
    }
    split_filename(r, base, full_filename(r), &root, &node->path);
    slash = strrchr(node->path, '/');
    resource->name = slash ? slash + 1 : strcmp(node->path, ".") ? node->path : "";
    resource->key = make_key(r->pool, root, node->path);
    node->root = open(root, DMS_OS_PATH | O_DIRECTORY | O_CLOEXEC);
    if (node->root < 0) {
        return errno;
    }
    dms_node_close_with(r->pool, node->root);
    rv = dms_os_open_below(node->root, node->path, DMS_OS_PATH, dms_node_links(r),
                           &node->descriptor);
    if (rv != APR_SUCCESS) {
        node->descriptor = -1;
        return rv == ENOENT || rv == ENOTDIR ? APR_SUCCESS : rv;
    }
    dms_node_close_with(r->pool, node->descriptor);
    rv = dms_os_stat(node->descriptor, "", 0, &node->st);
    dms_own_look(&own);
    if (rv == APR_SUCCESS && dms_own_has(&own, node->st.device, node->st.inode)) {
        return EACCES;
    }
    if (rv == APR_SUCCESS) {
        dms_node_facts(&node->st, wanted, &resource->facts);
        if (wanted & DMS_FACT_CREATED) {
            dms_created_kept(node->descriptor, "", 0, &resource->facts.created);
        }
        if (resource->facts.kind != DMS_KIND_COLLECTION && r->path_info && *r->path_info) {
            resource->facts.kind = DMS_KIND_NONE; /* a file's URL with a slash at its end */
        }
    }
    return rv;
}

static apr_status_t fs_parent(dms_resource_t *resource, request_rec *r, dms_node_t **parent)
{
    const char *path = resource->node->path, *slash = strrchr(path, '/');
    dms_node_t *node = apr_pcalloc(r->pool, sizeof(*node));
    apr_status_t rv;

    if (!*resource->name) {
        return EPERM;
    }
    path = slash ? apr_pstrmemdup(r->pool, path, (apr_size_t)(slash - path)) : ".";
    rv = dms_os_open_below(resource->node->root, path, DMS_OS_PATH | O_DIRECTORY, dms_node_links(r),
                           &node->descriptor);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    dms_node_close_with(r->pool, node->descriptor);
    *parent = node;
    return dms_os_stat(node->descriptor, "", 0, &node->st);
}

static int fs_is_same(dms_node_t *a, dms_node_t *b)
{
    return dms_node_is_same(&a->st, &b->st);
}

static int is_it(const void *other, const dms_os_stat_t *st)
{
    return dms_node_is_same(&((const dms_node_t *)other)->st, st);
}

static int fs_is_within(dms_node_t *collection, dms_node_t *other)
{
    return dms_node_is_within(collection, is_it, other);
}

static apr_status_t fs_parent_of_key(const char *key, apr_pool_t *pool, dms_node_t **parent,
                                     const char **name)
{
    const char *path = apr_punescape_url(pool, key, NULL, NULL, 0);
    const char *slash = path ? strrchr(path, '/') : NULL;
    dms_node_t *node = apr_pcalloc(pool, sizeof(*node));

    if (!slash || !slash[1]) {
        return ENOENT;
    }
    *name = slash + 1;
    node->descriptor = open(apr_pstrmemdup(pool, path, (apr_size_t)(slash - path) + 1),
                            DMS_OS_PATH | O_DIRECTORY | O_CLOEXEC);
    if (node->descriptor < 0) {
        return errno;
    }
    dms_node_close_with(pool, node->descriptor);
    *parent = node;
    return dms_os_stat(node->descriptor, "", 0, &node->st);
}

static apr_status_t fs_facts(dms_node_t *parent, const char *name, dms_facts_t *facts)
{
    dms_os_stat_t st;
    apr_status_t rv = dms_os_stat(parent->descriptor, name, 0, &st);

    if (rv == APR_SUCCESS) {
        dms_node_facts(&st, DMS_FACT_ETAG, facts);
        dms_created_kept(parent->descriptor, name, 0, &facts->created);
    }
    return rv;
}

/* No device number: that changes with each mount (NFS, btrfs, overlayfs), and an identity is
 * kept for whoever looks after a crash. What is compared was on one file system when it was
 * noted, since one rename moves it, and the time of birth tells whose an inode's number is by
 * then. */
static apr_status_t fs_identity(dms_node_t *parent, const char *name, apr_pool_t *pool,
                                const char **identity)
{
    dms_os_stat_t st;
    apr_status_t rv = dms_os_stat(parent->descriptor, name, 0, &st);

    *identity = "";
    if (rv == APR_SUCCESS) {
        *identity = apr_psprintf(pool, "%" APR_UINT64_T_HEX_FMT "-%" APR_UINT64_T_HEX_FMT,
                                 (apr_uint64_t)st.inode,
                                 st.has_created ? dms_in_nanoseconds(&st.created) : 0);
    }
    return rv == ENOENT || rv == ENOTDIR ? APR_SUCCESS : rv;
}

/* What the disk has for the server's User; of a folder with a project quota (ext4, XFS), which
 * statvfs() tells of, what that has. */
static apr_status_t fs_space(dms_node_t *collection, apr_uint64_t *available, apr_uint64_t *used)
{
    struct statvfs st;

    if (fstatvfs(collection->descriptor, &st)) {
        return errno;
    }
    if (!st.f_blocks) {
        return ENOTSUP;
    }
    *available = (apr_uint64_t)st.f_bavail * st.f_frsize;
    *used = (apr_uint64_t)(st.f_blocks - st.f_bfree) * st.f_frsize;
    return APR_SUCCESS;
}

/* Makes an APR file of a descriptor, which it takes over, also where it fails. The file of
 * apr_os_file_put() is never closed by APR: once a filter has set its bucket aside, for a pool that
 * outlives the request, nobody would. That of apr_file_dup() has a cleanup, which moves along. */
static apr_status_t own_file(apr_file_t **file, int fd, apr_int32_t flags, apr_pool_t *pool)
{
    apr_file_t *borrowed;
    apr_status_t rv = apr_os_file_put(&borrowed, &fd, flags, pool);

    if (rv == APR_SUCCESS) {
        rv = apr_file_dup(file, borrowed, pool);
    }
    close(fd);
    if (rv == APR_SUCCESS) {
        apr_os_file_get(&fd, *file);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return rv;
}

static apr_status_t fs_read(dms_resource_t *resource, request_rec *r, apr_bucket_brigade *bb)
{
    core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    dms_node_t *node = resource->node;
    apr_int32_t flags = APR_FOPEN_READ | APR_FOPEN_BINARY;
    apr_file_t *file;
    apr_bucket *bucket;
    int fd;
    apr_status_t rv = dms_os_open_below(node->root, node->path, O_RDONLY, dms_node_links(r), &fd);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = dms_os_stat(fd, "", 0, &node->st);
    if (rv != APR_SUCCESS || !S_ISREG(node->st.mode)) {
        close(fd);
        return rv != APR_SUCCESS ? rv : ENOENT;
    }
#if APR_HAS_SENDFILE
    flags |= AP_SENDFILE_ENABLED(core->enable_sendfile);
#endif
    rv = own_file(&file, fd, flags, r->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    dms_node_facts(&node->st, DMS_FACT_ETAG, &resource->facts);
    bucket = apr_brigade_insert_file(bb, file, 0, node->st.size, r->pool);
    (void)bucket;
#if APR_HAS_MMAP
    if (core->enable_mmap == ENABLE_MMAP_OFF) {
        apr_bucket_file_enable_mmap(bucket, 0);
    }
#endif
    return APR_SUCCESS;
}

const dms_provider_t dms_fs_provider = {
    .name = "fs",
    .lookup = fs_lookup,
    .open = dms_fs_open,
    .next = dms_fs_next,
    .rewind = dms_fs_rewind,
    .enter = dms_fs_enter,
    .read = fs_read,
    .parent = fs_parent,
    .is_same = fs_is_same,
    .is_within = fs_is_within,
    .child = dms_fs_child,
    .write = dms_fs_write,
    .append = dms_fs_append,
    .finish = dms_fs_finish,
    .publish = dms_fs_publish,
    .make_collection = dms_fs_make_collection,
    .give = dms_fs_give,
    .may_remove = dms_fs_may_remove,
    .seal = dms_fs_seal,
    .remove = dms_fs_remove,
    .copy = dms_fs_copy,
    .rename = dms_fs_rename,
    .set_modified = dms_fs_set_modified,
    .sync = dms_fs_sync,
    .facts = fs_facts,
    .identity = fs_identity,
    .parent_of_key = fs_parent_of_key,
    .space = fs_space,
};
