#include "repository/fs/fs.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <apr_portable.h>
#include <apr_strings.h>
#include <http_core.h>

#include "repository/fs/os.h"

struct dms_node_t {
    int descriptor;             /* opened with DMS_OS_PATH */
    const dms_node_t *outer;    /* the collection that it was found in by enter(), or NULL */
    dms_os_stat_t st;
    int root;                   /* of lookup(): the root's descriptor, ... */
    const char *path;           /* ... and the way from there */
};

struct dms_cursor_t {
    DIR *dir;
    const dms_node_t *collection;
    const char *name; /* of the member that it stands on */
    unsigned int wanted;
    dms_links_e links;
};

static apr_status_t close_descriptor(void *descriptor)
{
    close((int)(intptr_t)descriptor);
    return APR_SUCCESS;
}

static void close_with(apr_pool_t *pool, int descriptor)
{
    apr_pool_cleanup_register(pool, (void *)(intptr_t)descriptor, close_descriptor,
                              apr_pool_cleanup_null);
}

static dms_links_e allowed_links(request_rec *r)
{
    int options = ap_allow_options(r);

    if (options & OPT_SYM_LINKS) {
        return DMS_LINKS_ALWAYS;
    }
    return options & OPT_SYM_OWNER ? DMS_LINKS_OF_OWNER : DMS_LINKS_NEVER;
}

/* "inode-size-modification time", all in hexadecimal, the time in nanoseconds: strong, since a file
 * that changes gets a new time or, where someone set the time back, has a new inode. */
static void make_etag(const dms_os_stat_t *st, char *etag)
{
    static const char digits[] = "0123456789abcdef";
    apr_uint64_t parts[3];
    char *out = etag;
    int i;

    parts[0] = (apr_uint64_t)st->inode;
    parts[1] = (apr_uint64_t)st->size;
    parts[2] = (apr_uint64_t)st->modified.seconds * 1000000000u + st->modified.nanoseconds;
    *out++ = '"';
    for (i = 0; i < 3; i++) {
        int shift = 60;

        while (shift && !(parts[i] >> shift)) {
            shift -= 4;
        }
        for (; shift >= 0; shift -= 4) {
            *out++ = digits[(parts[i] >> shift) & 15];
        }
        *out++ = i < 2 ? '-' : '"';
    }
    *out = '\0';
}

static dms_kind_e kind_of(mode_t mode)
{
    if (S_ISREG(mode)) {
        return DMS_KIND_FILE;
    }
    return S_ISDIR(mode) ? DMS_KIND_COLLECTION : DMS_KIND_OTHER;
}

static void make_facts(const dms_os_stat_t *st, unsigned int wanted, dms_facts_t *facts)
{
    facts->kind = kind_of(st->mode);
    facts->size = st->size;
    facts->modified = st->modified;
    facts->created = st->created;
    facts->executable = (st->mode & S_IXUSR) != 0;
    facts->known = DMS_FACT_SIZE | DMS_FACT_MODIFIED | DMS_FACT_EXECUTABLE
                   | (st->has_created ? DMS_FACT_CREATED : 0);
    if (wanted & DMS_FACT_ETAG) {
        make_etag(st, facts->etag);
        facts->known |= DMS_FACT_ETAG;
    }
}

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

/* Splits r->filename into the repository's root and the way from there. */
static void split_filename(request_rec *r, const char *base, const char **root, const char **path)
{
    apr_size_t base_length = length_of(base, strlen(base));
    apr_size_t length = length_of(r->filename, strlen(r->filename)), begin = length;

    if (!strncmp(r->uri, base, base_length)) { /* of a <Location> */
        begin = find_common_end(r->filename, length, r->uri + base_length);
    }
    else if (!strncmp(r->filename, base, base_length)) { /* of a <Directory> */
        begin = base_length < length ? base_length + 1 : length;
    }
    if (begin == length && r->finfo.filetype != APR_DIR) { /* mapped to a file by itself */
        while (begin && r->filename[begin - 1] != '/') {
            begin--;
        }
    }
    *root = begin ? apr_pstrmemdup(r->pool, r->filename, begin) : "/";
    *path = begin < length ? apr_pstrmemdup(r->pool, r->filename + begin, length - begin) : ".";
}

static apr_status_t fs_lookup(request_rec *r, const char *base, unsigned int wanted,
                              dms_resource_t *resource)
{
    dms_node_t *node = apr_pcalloc(r->pool, sizeof(*node));
    const char *root;
    apr_status_t rv;

    resource->facts.kind = DMS_KIND_NONE;
    if (!r->filename || (r->path_info && *r->path_info)) {
        return APR_SUCCESS;
    }
    split_filename(r, base, &root, &node->path);
    node->root = open(root, DMS_OS_PATH | O_DIRECTORY | O_CLOEXEC);
    if (node->root < 0) {
        return errno;
    }
    close_with(r->pool, node->root);
    rv = dms_os_open_below(node->root, node->path, DMS_OS_PATH, allowed_links(r),
                           &node->descriptor);
    if (rv != APR_SUCCESS) {
        return rv == ENOENT || rv == ENOTDIR ? APR_SUCCESS : rv;
    }
    close_with(r->pool, node->descriptor);
    rv = dms_os_stat(node->descriptor, "", 0, &node->st);
    if (rv == APR_SUCCESS) {
        make_facts(&node->st, wanted, &resource->facts);
        resource->node = node;
    }
    return rv;
}

static apr_status_t close_dir(void *dir)
{
    closedir(dir);
    return APR_SUCCESS;
}

static apr_status_t fs_open(dms_node_t *collection, request_rec *r, unsigned int wanted,
                            apr_pool_t *pool, dms_cursor_t **cursor)
{
    int fd = openat(collection->descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return errno;
    }
    *cursor = apr_pcalloc(pool, sizeof(**cursor));
    (*cursor)->dir = fdopendir(fd);
    if (!(*cursor)->dir) {
        apr_status_t rv = errno;
        close(fd);
        return rv;
    }
    apr_pool_cleanup_register(pool, (*cursor)->dir, close_dir, apr_pool_cleanup_null);
    (*cursor)->collection = collection;
    (*cursor)->wanted = wanted;
    (*cursor)->links = allowed_links(r);
    return APR_SUCCESS;
}

/* Stats a member, through a link where that is allowed. ENOENT also where it is none of the
 * server's business: a link that may not be followed. */
static apr_status_t stat_member(const dms_cursor_t *cursor, const char *name, dms_os_stat_t *st)
{
    int dir = dirfd(cursor->dir);
    apr_status_t rv = dms_os_stat(dir, name, 0, st);
    uid_t owner;

    if (rv != APR_SUCCESS || !S_ISLNK(st->mode)) {
        return rv;
    }
    if (cursor->links == DMS_LINKS_NEVER) {
        return ENOENT;
    }
    owner = st->owner;
    rv = dms_os_stat(dir, name, 1, st);
    if (rv == ELOOP || (rv == APR_SUCCESS && cursor->links == DMS_LINKS_OF_OWNER && st->owner != owner)) {
        return ENOENT;
    }
    return rv;
}

/* Whether a directory entry is a member that can be shown. */
static int read_member(const dms_cursor_t *cursor, const struct dirent *entry, dms_member_t *member)
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
#ifdef DT_DIR
    if (!cursor->wanted && (entry->d_type == DT_DIR || entry->d_type == DT_REG)) {
        member->facts.kind = entry->d_type == DT_DIR ? DMS_KIND_COLLECTION : DMS_KIND_FILE;
        return 1;
    }
#endif
    member->status = stat_member(cursor, entry->d_name, &st);
    if (member->status != APR_SUCCESS) {
        member->facts.kind = DMS_KIND_NONE;
        return member->status != ENOENT;
    }
    make_facts(&st, cursor->wanted, &member->facts);
    return member->facts.kind != DMS_KIND_OTHER;
}

static apr_status_t fs_next(dms_cursor_t *cursor, dms_member_t *member)
{
    for (;;) {
        struct dirent *entry;

        errno = 0;
        entry = readdir(cursor->dir);
        if (!entry) {
            return errno ? errno : APR_EOF;
        }
        if (read_member(cursor, entry, member)) {
            cursor->name = entry->d_name;
            return APR_SUCCESS;
        }
    }
}

static apr_status_t fs_enter(dms_cursor_t *cursor, apr_pool_t *pool, dms_node_t **entered)
{
    dms_node_t *node = apr_pcalloc(pool, sizeof(*node));
    const dms_node_t *outer;
    apr_status_t rv = dms_os_open_below(dirfd(cursor->dir), cursor->name,
                                        DMS_OS_PATH | O_DIRECTORY, cursor->links,
                                        &node->descriptor);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    close_with(pool, node->descriptor);
    rv = dms_os_stat(node->descriptor, "", 0, &node->st);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (outer = cursor->collection; outer; outer = outer->outer) {
        if (outer->st.inode == node->st.inode && outer->st.device == node->st.device) {
            return ELOOP;
        }
    }
    node->outer = cursor->collection;
    *entered = node;
    return APR_SUCCESS;
}

/* Closes a file that a bucket may have taken over: then the descriptor in it is -1 by now. */
static apr_status_t close_file(void *file)
{
    apr_file_close(file);
    return APR_SUCCESS;
}

static apr_status_t fs_read(dms_resource_t *resource, request_rec *r, apr_bucket_brigade *bb)
{
    core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    dms_node_t *node = resource->node;
    apr_int32_t flags = APR_FOPEN_READ | APR_FOPEN_BINARY;
    apr_file_t *file = NULL;
    apr_bucket *bucket;
    int fd;
    apr_status_t rv = dms_os_open_below(node->root, node->path, O_RDONLY, allowed_links(r), &fd);

    if (rv != APR_SUCCESS) {
        return rv;
    }
#if APR_HAS_SENDFILE
    flags |= AP_SENDFILE_ENABLED(core->enable_sendfile);
#endif
    rv = apr_os_file_put(&file, &fd, flags, r->pool);
    if (rv != APR_SUCCESS) {
        close(fd);
        return rv;
    }
    apr_pool_cleanup_register(r->pool, file, close_file, apr_pool_cleanup_null);
    rv = dms_os_stat(fd, "", 0, &node->st);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!S_ISREG(node->st.mode)) {
        return ENOENT;
    }
    make_facts(&node->st, DMS_FACT_ETAG, &resource->facts);
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
    .open = fs_open,
    .next = fs_next,
    .enter = fs_enter,
    .read = fs_read,
};
