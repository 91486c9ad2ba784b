/*
 * The repository: what a WebDAV method works on, behind a vtable.
 *
 * A provider knows a store of resources (the file system, say) and nothing of the protocol; the
 * methods know the protocol and nothing of the store. `DavMultistatus NAME` selects a provider by
 * the name under which it was registered with
 *
 *     ap_register_provider(pool, DMS_PROVIDER_GROUP, name, DMS_PROVIDER_VERSION, &provider);
 *
 * A resource is what a URL names, mapped or not. A member is a resource met while its collection is
 * listed. The facts of either are what the live properties are made from. A caller says which facts
 * it wants, so that a provider spares what nobody asked for.
 *
 * Strings that a provider returns live in the pool that the call names, a member's only until the
 * cursor's next step. Names are bytes as the store has them: not escaped, not always UTF-8, never
 * empty, ".", "..", and without a slash. Every call returns APR_SUCCESS or the error that the
 * system gave, which dms_status_from() turns into an HTTP status.
 */
#ifndef DMS_PROVIDER_H
#define DMS_PROVIDER_H

#include <httpd.h>

#define DMS_PROVIDER_GROUP "dav-multistatus"
#define DMS_PROVIDER_VERSION "0"

typedef enum dms_kind_e {
    DMS_KIND_NONE, /* unmapped: nothing is there */
    DMS_KIND_FILE,
    DMS_KIND_COLLECTION,
    DMS_KIND_OTHER /* there, but neither, and not to be shown: a socket, a device */
} dms_kind_e;

/* The facts to ask for, and those that are known. The kind is always known. */
#define DMS_FACT_SIZE 0x01u
#define DMS_FACT_MODIFIED 0x02u
#define DMS_FACT_CREATED 0x04u
#define DMS_FACT_ETAG 0x08u
#define DMS_FACT_EXECUTABLE 0x10u

/* A moment: seconds since 1970-01-01T00:00:00Z, and nanoseconds. */
typedef struct dms_moment_t {
    apr_int64_t seconds;
    apr_uint32_t nanoseconds;
} dms_moment_t;

typedef struct dms_facts_t {
    dms_kind_e kind;
    unsigned int known; /* DMS_FACT_*; a fact that is not known has no meaning */
    apr_off_t size;     /* of a file, in bytes */
    dms_moment_t modified;
    dms_moment_t created;
    int executable; /* of a file */
    char etag[80];  /* strong, with its quotes */
} dms_facts_t;

typedef struct dms_provider_t dms_provider_t;

/* What a provider keeps of a resource, of a listing and of a file being written is its own
 * affair. */
typedef struct dms_node_t dms_node_t;
typedef struct dms_cursor_t dms_cursor_t;
typedef struct dms_stream_t dms_stream_t;

typedef struct dms_resource_t {
    dms_facts_t facts;
    dms_node_t *node;
    /* The name of the resource in its collection; "" for the repository's root. */
    const char *name;
    /* What the store knows the resource by: its path, percent-encoded (store/store.h). */
    const char *key;
} dms_resource_t;

typedef struct dms_member_t {
    const char *name;
    apr_size_t name_length;
    /* Other than APR_SUCCESS: the member is there, but its facts can't be told, not even its
     * kind. */
    apr_status_t status;
    dms_facts_t facts;
} dms_member_t;

/* Whether a member is of interest, by its name. */
typedef int dms_due_fn(void *baton, const char *name);

/* What a listing is for. */
typedef enum dms_list_e {
    DMS_LIST_VISIBLE, /* what clients may see; links are followed where that is allowed */
    DMS_LIST_RAW      /* whatever is there, to be removed or moved: no link is followed, and what is
                         neither file nor collection is listed as DMS_KIND_OTHER */
} dms_list_e;

/* How a file is written. */
typedef struct dms_write_t {
    apr_off_t offset; /* -1: the whole file; otherwise a part of the present one, from here on */
    int sync;         /* content and name are on the disk before publish() returns */
    int exclusive;    /* publish() fails with EEXIST where something is */
} dms_write_t;

/* What a rename does where something has the new name. */
typedef enum dms_rename_e {
    DMS_RENAME_NEW,     /* EEXIST */
    DMS_RENAME_REPLACE, /* it is gone; neither may be a collection */
    DMS_RENAME_EXCHANGE /* it gets the old name; ENOENT where nothing is there */
} dms_rename_e;

struct dms_provider_t {
    const char *name;

    /* Looks up the resource that r's URL names, after httpd has mapped the URL (r->filename,
     * r->path_info) and settled the configuration. An unmapped URL is no error: its kind is
     * DMS_KIND_NONE. base: the path of the <Location> or <Directory> that the provider was
     * configured for, the repository's root. Filled in are the facts wanted, as far as they can be
     * known. The resource lives in r->pool. */
    apr_status_t (*lookup)(request_rec *r, const char *base, unsigned int wanted,
                           dms_resource_t *resource);

    /* --- reading --- */

    /* Begins to list a collection, under the configuration of r (a request or subrequest for it).
     * The cursor lives in pool, and is closed with it. */
    apr_status_t (*open)(dms_node_t *collection, request_rec *r, dms_list_e what,
                         unsigned int wanted, apr_pool_t *pool, dms_cursor_t **cursor);

    /* The next member, in any order. APR_EOF after the last one. is_due: tells by a name whether a
     * member is wanted at all; NULL: each is. */
    apr_status_t (*next)(dms_cursor_t *cursor, dms_due_fn *is_due, void *baton,
                         dms_member_t *member);

    /* Goes back to before the first member. */
    void (*rewind)(dms_cursor_t *cursor);

    /* Makes a node in pool of the collection that the cursor stands on, to be used while the cursor
     * stays open. ELOOP where it is one of those that it was found in. */
    apr_status_t (*enter)(dms_cursor_t *cursor, apr_pool_t *pool, dms_node_t **node);

    /* Opens a file for r and appends its content to bb, unread. The resource's facts become those
     * of what was opened, all of them. */
    apr_status_t (*read)(dms_resource_t *file, request_rec *r, apr_bucket_brigade *bb);

    /* --- writing: each is about `name` in the collection `parent` --- */

    /* The collection that a resource is in or would be in. ENOENT or ENOTDIR where there is none,
     * EPERM for the repository's root. */
    apr_status_t (*parent)(dms_resource_t *resource, request_rec *r, dms_node_t **parent);

    /* Whether two nodes are one collection, still. */
    int (*is_same)(dms_node_t *a, dms_node_t *b);

    /* Whether a collection is another, or somewhere in it, by whatever links it was reached. */
    int (*is_within)(dms_node_t *collection, dms_node_t *other);

    /* The collection `name` as a node in pool. A symbolic link is none: ENOTDIR or ELOOP. */
    apr_status_t (*child)(dms_node_t *parent, const char *name, apr_pool_t *pool,
                          dms_node_t **node);

    /* Begins to write a file. Nobody sees it before publish(), and nothing is left of it if pool
     * goes without that. ENOENT where a part of a file that is not there is to be written. */
    apr_status_t (*write)(dms_node_t *parent, const char *name, const dms_write_t *how,
                          apr_pool_t *pool, dms_stream_t **stream);
    apr_status_t (*append)(dms_stream_t *stream, const char *bytes, apr_size_t length);

    /* Ends the content, and waits for it to be on the disk where it has to. modified: the file's
     * modification time, or NULL for now. */
    apr_status_t (*finish)(dms_stream_t *stream, const dms_moment_t *modified);

    /* Puts a finished file in place in one step, with the permissions of the one that it replaces.
     * facts: those of the new file, all of them. */
    apr_status_t (*publish)(dms_stream_t *stream, dms_facts_t *facts);

    /* Makes an empty collection. EEXIST where something is. made: its node in pool, or NULL where
     * nobody asks. */
    apr_status_t (*make_collection)(dms_node_t *parent, const char *name, apr_pool_t *pool,
                                    dms_node_t **made);

    /* Removes a member that is no collection, or an empty collection (ENOTEMPTY otherwise). A
     * symbolic link is removed itself. */
    apr_status_t (*remove)(dms_node_t *parent, const char *name, dms_kind_e kind);

    /* Copies a member that is no collection, with its mode. links: a symbolic link is copied
     * itself, as a move has to; otherwise r's configuration says whether it is followed.
     * *at_target: whether an error arose there. */
    apr_status_t (*copy)(dms_node_t *parent, const char *name, request_rec *r, int links,
                         dms_node_t *to_parent, const char *to_name, int *at_target);

    /* Makes from_name in from be to_name in to, in one step. EXDEV where that takes a copy. */
    apr_status_t (*rename)(dms_node_t *from, const char *from_name, dms_node_t *to,
                           const char *to_name, dms_rename_e how);

    /* Sets the modification time. */
    apr_status_t (*set_modified)(dms_node_t *parent, const char *name,
                                 const dms_moment_t *modified);

    /* Waits until the names in a collection are on the disk; all: and all that was written. */
    apr_status_t (*sync)(dms_node_t *collection, int all);

    /* The facts of a member, all of them; of a symbolic link, its own (DMS_KIND_OTHER). */
    apr_status_t (*facts)(dms_node_t *parent, const char *name, dms_facts_t *facts);

    /* What tells a member from any other that has had or will have its name, or "" where nothing is
     * there. ASCII. */
    apr_status_t (*identity)(dms_node_t *parent, const char *name, apr_pool_t *pool,
                             const char **identity);

    /* The collection that a key's resource is in, without a request: for what has to be completed
     * after a crash. *name lives in pool. */
    apr_status_t (*parent_of_key)(const char *key, apr_pool_t *pool, dms_node_t **parent,
                                  const char **name);
};

/* Names that the module keeps for what is not yet, or no more, in its place. */
#define DMS_RESERVED_PREFIX ".dav-multistatus-"

/* Makes such a name that is not in use, in pool. */
const char *dms_reserved_name(apr_pool_t *pool);

/* Whether a name is one. */
int dms_is_reserved(const char *name);

/* Whether a reserved name is that of a process of this host which lives no more. */
int dms_reserved_is_orphan(const char *name);

/* Whether a name is neither listed nor served nor writable: a reserved one, or ".DAV", where
 * mod_dav_fs keeps properties. */
int dms_is_hidden(const char *name);

/* Whether a path has a segment that is hidden. */
int dms_path_is_hidden(const char *path);

#endif
