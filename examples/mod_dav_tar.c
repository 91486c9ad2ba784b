/*
 * mod_dav_tar: what is in a tar file as a read-only repository. An example of a provider.
 *
 *     <Location "/release/">
 *         DavMultistatus tar
 *         DavTarFile /srv/release.tar
 *     </Location>
 *
 * The headers (ustar, GNU's long names, pax paths) are read and checked while httpd starts, so that
 * all its processes share them: some 300 bytes and the path for an entry, at most 512 MiB. When the
 * file has changed, GET is 500 until a graceful restart. Links are left out; 8 GiB is too large.
 */
#include <httpd.h>
#include <ap_provider.h>
#include <apr_escape.h>
#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>

#include "mod_dav_multistatus.h"

#define BLOCK 512

struct dms_node_t {
    dms_facts_t facts;
    apr_off_t offset; /* of a file's content in the tar file */
    const char *path; /* "/a/b"; "" is the root */
    dms_node_t *members, *next;
};

struct dms_cursor_t {
    dms_node_t *collection, *current; /* NULL: before the first member */
};

typedef struct tar_t {
    const char *name;
    apr_finfo_t finfo;
    apr_hash_t *nodes;     /* path -> dms_node_t */
    apr_size_t used;       /* by nodes and paths, in bytes */
    apr_file_t *file;      /* while it is read, as what follows */
    apr_off_t at;          /* the header that is read */
    const char *long_path; /* what was said of the next entry, or NULL */
} tar_t;

module AP_MODULE_DECLARE_DATA dav_tar_module;

/* The node at a path, made as a folder if it is not there. NULL: no room, or a file above it. */
static dms_node_t *node_at(tar_t *tar, char *path)
{
    dms_node_t *node = apr_hash_get(tar->nodes, path, APR_HASH_KEY_STRING), *parent = NULL;
    char *slash = strrchr(path, '/');

    if (!node && slash) {
        *slash = '\0';
        parent = node_at(tar, path);
        *slash = '/';
        tar->used += sizeof(*node) + strlen(path);
    }
    if (node || tar->used > 512 * 1024 * 1024
        || (slash && (!parent || parent->facts.kind == DMS_KIND_FILE))) {
        return node;
    }
    node = apr_pcalloc(apr_hash_pool_get(tar->nodes), sizeof(*node));
    node->path = apr_pstrdup(apr_hash_pool_get(tar->nodes), path);
    node->facts.kind = DMS_KIND_COLLECTION;
    node->facts.known = DMS_FACT_SIZE | DMS_FACT_MODIFIED | DMS_FACT_ETAG;
    node->facts.modified.seconds = apr_time_sec(tar->finfo.mtime);
    apr_snprintf(node->facts.etag, sizeof(node->facts.etag), "\"%lx-%lx-%lx-%x\"",
                 (unsigned long)tar->finfo.inode, (unsigned long)tar->finfo.mtime,
                 (unsigned long)tar->finfo.size, apr_hash_count(tar->nodes));
    apr_hash_set(tar->nodes, node->path, APR_HASH_KEY_STRING, node);
    if (parent) {
        node->next = parent->members;
        parent->members = node;
    }
    return node;
}

/* An octal number in a header; -1 where it is none, or too large. */
static apr_int64_t number(const char *field, int length)
{
    char *end;
    apr_int64_t value = apr_strtoi64(field, &end, 8);

    return end < field + length && (!*end || *end == ' ') ? value : -1;
}

static int is_header(const char *header)
{
    int i, sum = 0;

    for (i = 0; i < BLOCK; i++) {
        sum += i >= 148 && i < 156 ? ' ' : (unsigned char)header[i]; /* blanks: itself */
    }
    return number(header + 148, 8) == sum;
}

/* A long name, or a pax header: lines of "LENGTH KEY=VALUE", where LENGTH counts a whole line. */
static int take_extended(tar_t *tar, int is_pax, apr_int64_t size, apr_pool_t *pool)
{
    char *text = size > 64 * 1024 ? NULL : apr_pcalloc(pool, (apr_size_t)size + 1), *at, *key;
    apr_int64_t length;

    if (!text || apr_file_read_full(tar->file, text, (apr_size_t)size, NULL)) {
        return 0;
    }
    for (at = text; is_pax && at < text + size; at += length) {
        length = apr_strtoi64(at, &key, 10);
        if (length <= 0 || length > text + size - at || at[length - 1] != '\n') {
            return 0;
        }
        at[length - 1] = '\0';
        tar->long_path = strncmp(key, " path=", 6) ? tar->long_path : key + 6;
    }
    tar->long_path = is_pax ? tar->long_path : text;
    return 1;
}

static int take_entry(tar_t *tar, const char *header, apr_int64_t size, apr_pool_t *pool)
{
    const char *prefix = memcmp(header + 257, "ustar", 6) ? "" : header + 345; /* not GNU's */
    const char *name = apr_psprintf(pool, "%.155s%s%.100s", prefix, *prefix ? "/" : "", header);
    int is_folder = header[156] == '5';
    dms_node_t *node;
    char *path, *end;

    name = tar->long_path ? tar->long_path : name;
    if (apr_filepath_merge(&path, "/", name, APR_FILEPATH_SECUREROOT, pool)) {
        return 0; /* it is absolute, leads out of the tar file, or is too long */
    }
    for (end = path + strlen(path); end > path && end[-1] == '/'; *--end = '\0') {
        is_folder = 1; /* of v7 */
    }
    node = node_at(tar, path);
    if (!node || (!is_folder && node->members)) {
        return 0;
    }
    node->facts.kind = is_folder ? DMS_KIND_COLLECTION : DMS_KIND_FILE;
    node->facts.modified.seconds = number(header + 136, 12);
    node->facts.size = size;
    node->offset = tar->at + BLOCK;
    return 1;
}

/* Takes the header at tar->at, and goes to the next. Whether all is well. */
static int take_header(tar_t *tar, apr_pool_t *pool)
{
    char header[BLOCK + 1] = "", *type = header + 156;
    int is_well = !apr_file_seek(tar->file, APR_SET, &tar->at)
                  && !apr_file_read_full(tar->file, header, BLOCK, NULL);
    apr_int64_t size;

    if (is_well && !*header && !memcmp(header, header + 1, BLOCK - 1)) { /* the end */
        tar->at = tar->finfo.size;
        return 1;
    }
    size = *type >= '1' && *type <= '6' ? 0 : number(header + 124, 12); /* these have no content */
    if (!is_well || !is_header(header) || size < 0 || size > tar->finfo.size - tar->at - BLOCK) {
        return 0;
    }
    if (*type == 'x' || *type == 'L') {
        is_well = take_extended(tar, *type == 'x', size, pool);
    }
    else if (*type != 'K' && *type != 'g') { /* a link's target; what holds for all entries */
        is_well = !strchr("057", *type) || take_entry(tar, header, size, pool); /* or '\0' */
        tar->long_path = NULL;
        apr_pool_clear(pool);
    }
    tar->at += is_well ? (size + 2 * BLOCK - 1) / BLOCK * BLOCK : 0;
    return is_well;
}

static const char *set_file(cmd_parms *cmd, void *config, const char *name)
{
    tar_t *tar = config;
    apr_pool_t *pool;
    int is_well;

    apr_pool_create(&pool, cmd->temp_pool);
    tar->name = ap_server_root_relative(cmd->pool, name);
    tar->nodes = apr_hash_make(cmd->pool);
    is_well = !apr_file_open(&tar->file, tar->name, APR_FOPEN_READ, 0, cmd->temp_pool)
              && !apr_file_info_get(&tar->finfo, APR_FINFO_MIN | APR_FINFO_INODE, tar->file)
              && node_at(tar, apr_pstrdup(pool, ""));
    while (is_well && tar->at < tar->finfo.size) {
        is_well = take_header(tar, pool);
    }
    return is_well ? NULL
                   : apr_psprintf(cmd->pool,
                                  "%s: byte %" APR_OFF_T_FMT " can't be read, or begins no entry",
                                  tar->name, tar->at);
}

static apr_status_t tar_lookup(request_rec *r, const char *base, unsigned int wanted,
                               dms_resource_t *resource)
{
    tar_t *tar = ap_get_module_config(r->per_dir_config, &dav_tar_module);
    apr_size_t length = strlen(base) - (base[strlen(base) - 1] == '/');
    char *path = apr_pstrdup(r->pool, r->uri), *end = path + strlen(path);

    if (!tar || strncmp(path, base, length)) {
        return APR_EGENERAL;
    }
    for (path += length; end > path && end[-1] == '/'; end--) {
    }
    resource->node = apr_hash_get(tar->nodes, path, end - path);
    if (resource->node && (resource->node->facts.kind == DMS_KIND_COLLECTION || !*end)) {
        resource->facts = resource->node->facts;
    }
    *end = '\0';
    resource->name = apr_filepath_name_get(path);
    resource->key = apr_pescape_path(r->pool, apr_pstrcat(r->pool, tar->name, path, NULL), 1);
    return APR_SUCCESS;
}

static apr_status_t tar_open(dms_node_t *collection, request_rec *r, dms_list_e what,
                             unsigned int wanted, apr_pool_t *pool, dms_cursor_t **cursor)
{
    *cursor = apr_pcalloc(pool, sizeof(**cursor));
    (*cursor)->collection = collection;
    return APR_SUCCESS;
}

static apr_status_t tar_next(dms_cursor_t *cursor, dms_due_fn *is_due, void *baton,
                             dms_member_t *member)
{
    dms_node_t *at = cursor->current ? cursor->current->next : cursor->collection->members;

    while (at && is_due && !is_due(baton, apr_filepath_name_get(at->path))) {
        at = at->next;
    }
    if (!at) {
        return APR_EOF;
    }
    cursor->current = at;
    *member = (dms_member_t){.name = apr_filepath_name_get(at->path), .facts = at->facts};
    member->name_length = strlen(member->name);
    return APR_SUCCESS;
}

static void tar_rewind(dms_cursor_t *cursor)
{
    cursor->current = NULL;
}

static apr_status_t tar_enter(dms_cursor_t *cursor, apr_pool_t *pool, dms_node_t **node)
{
    *node = cursor->current;
    return APR_SUCCESS;
}

static apr_status_t tar_read(dms_resource_t *resource, request_rec *r, apr_bucket_brigade *bb)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const tar_t *tar = ap_get_module_config(r->per_dir_config, &dav_tar_module);
    apr_int32_t flags = APR_FOPEN_READ | AP_SENDFILE_ENABLED(core->enable_sendfile);
    dms_node_t *node = resource->node;
    apr_bucket *bucket;
    apr_file_t *file;
    apr_finfo_t now;

    if (apr_file_open(&file, tar->name, flags, 0, r->pool)
        || apr_file_info_get(&now, APR_FINFO_MIN | APR_FINFO_INODE, file)
        || now.mtime != tar->finfo.mtime || now.inode != tar->finfo.inode) {
        return APR_EGENERAL;
    }
    bucket = apr_brigade_insert_file(bb, file, node->offset, node->facts.size, r->pool);
    apr_bucket_file_enable_mmap(bucket, 0); /* it would be a SIGBUS if the file were cut short */
    return APR_SUCCESS;
}

static const dms_provider_t provider = {.name = "tar",
                                        .is_virtual = 1,
                                        .lookup = tar_lookup,
                                        .open = tar_open,
                                        .next = tar_next,
                                        .rewind = tar_rewind,
                                        .enter = tar_enter,
                                        .read = tar_read};

static void *create_config(apr_pool_t *pool, char *section)
{
    return apr_pcalloc(pool, sizeof(tar_t));
}

static const command_rec directives[] = {
    AP_INIT_TAKE1("DavTarFile", set_file, NULL, ACCESS_CONF, "the tar file that is shown here"),
    {.name = NULL},
};

static void register_hooks(apr_pool_t *pool)
{
    ap_register_provider(pool, DMS_PROVIDER_GROUP, "tar", DMS_PROVIDER_VERSION, &provider);
}

AP_DECLARE_MODULE(dav_tar) = {
    STANDARD20_MODULE_STUFF, create_config, NULL, NULL, NULL, directives, register_hooks,
};
