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
 * empty, ".", "..", and without a slash. Every call returns APR_SUCCESS or the error that the system
 * gave, which dms_status_from() turns into an HTTP status.
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
    int executable;  /* of a file */
    char etag[64];   /* strong, with its quotes */
} dms_facts_t;

typedef struct dms_provider_t dms_provider_t;

/* What a provider keeps of a resource and of a listing is its own affair. */
typedef struct dms_node_t dms_node_t;
typedef struct dms_cursor_t dms_cursor_t;

typedef struct dms_resource_t {
    dms_facts_t facts;
    dms_node_t *node; /* NULL where the kind is DMS_KIND_NONE */
} dms_resource_t;

typedef struct dms_member_t {
    const char *name;
    apr_size_t name_length;
    /* Other than APR_SUCCESS: the member is there, but its facts can't be told, not even its kind. */
    apr_status_t status;
    dms_facts_t facts;
} dms_member_t;

struct dms_provider_t {
    const char *name;

    /* Looks up the resource that r's URL names, after httpd has mapped the URL (r->filename,
     * r->path_info) and settled the configuration. An unmapped URL is no error: its kind is
     * DMS_KIND_NONE. base: the path of the <Location> or <Directory> that the provider was
     * configured for, the repository's root. Filled in are the facts wanted, as far as they can be
     * known. The resource lives in r->pool. */
    apr_status_t (*lookup)(request_rec *r, const char *base, unsigned int wanted,
                           dms_resource_t *resource);

    /* Begins to list a collection, under the configuration of r (a request or subrequest for it).
     * The cursor lives in pool, and is closed with it. */
    apr_status_t (*open)(dms_node_t *collection, request_rec *r, unsigned int wanted,
                         apr_pool_t *pool, dms_cursor_t **cursor);

    /* The next member, in any order. APR_EOF after the last one. */
    apr_status_t (*next)(dms_cursor_t *cursor, dms_member_t *member);

    /* Makes a node in pool of the collection that the cursor stands on, to be listed while the
     * cursor stays open. ELOOP where it is one of those that it was found in. */
    apr_status_t (*enter)(dms_cursor_t *cursor, apr_pool_t *pool, dms_node_t **node);

    /* Opens a file for r and appends its content to bb, unread. The resource's facts become those of
     * what was opened, all of them. */
    apr_status_t (*read)(dms_resource_t *file, request_rec *r, apr_bucket_brigade *bb);
};

#endif
