/*
 * mod_dav_multistatus.h: what another module needs in order to
 *
 *   - send a 207 Multi-Status, streamed (RFC 4918, section 13): dms_api_t, "sending";
 *   - read one as it arrives: dms_api_t, "reading";
 *   - bring a repository of its own: dms_provider_t;
 *   - give live properties of its own to the resources of any repository: dms_live_property_t.
 *
 * Functions are reached through an optional function of APR, so that it does not matter which
 * module is loaded first, or whether mod_dav_multistatus is there at all:
 *
 *     static const dms_api_t *api;
 *
 *     static void find_api(void)
 *     {
 *         APR_OPTIONAL_FN_TYPE(dms_api) *find = APR_RETRIEVE_OPTIONAL_FN(dms_api);
 *
 *         api = find ? find(DMS_API_VERSION) : NULL;
 *     }
 *
 *     ap_hook_optional_fn_retrieve(find_api, NULL, NULL, APR_HOOK_MIDDLE);
 *
 * Strings: a uri is escaped (RFC 3986), a name or path is not; text is UTF-8; all are referred
 * to, not copied, and must live as long as what refers to them, unless it is said otherwise.
 * Times are seconds and nanoseconds, sizes are bytes.
 */
#ifndef MOD_DAV_MULTISTATUS_H
#define MOD_DAV_MULTISTATUS_H

#include <apr_buckets.h>
#include <apr_errno.h>
#include <apr_hooks.h>
#include <apr_optional.h>

#include <apr_optional_hooks.h>
#include <apr_pools.h>
#include <apr_tables.h>

struct request_rec; /* httpd.h */

#ifdef __cplusplus
extern "C" {
#endif

/* The module's version. All else is made of this line, but for three that a test holds beside it:
 * CHANGES, debian/changelog and dist/mod_dav_multistatus.spec. What another module can rely on is
 * DMS_API_VERSION and DMS_PROVIDER_VERSION. */
#define DMS_VERSION "0.9.0"

/* --- elements --- */

/* An element has an expanded name (namespace and local name) and content: character data, child
 * elements, or both mixed. A property is an element: its name is the property's name and its
 * content the value (RFC 4918, section 4.3). */

#define DMS_NS_DAV "DAV:"
#define DMS_NS_APACHE "http://apache.org/dav/props/"
#define DMS_NS_XMLNS "http://www.w3.org/2000/xmlns/" /* no element can be in it */
#define DMS_NS_XML "http://www.w3.org/XML/1998/namespace"

/* An expanded name. */
typedef struct dms_name_t {
    const char *ns;    /* the namespace's URI; "" for none */
    const char *local; /* an NCName */
    apr_size_t length; /* of local, in bytes */
} dms_name_t;

/* Initialises a dms_name_t from two string literals. */
#define DMS_NAME(ns, local)                                                                        \
    {                                                                                              \
        (ns), (local), sizeof(local) - 1                                                           \
    }

typedef struct dms_attribute_t dms_attribute_t;
struct dms_attribute_t {
    const dms_name_t *name;
    const char *value;
    const dms_attribute_t *next;
};

struct dms_tags_t; /* the module's own */

typedef struct dms_element_t dms_element_t;
struct dms_element_t {
    const dms_name_t *name;            /* NULL: a run of character data between elements */
    const struct dms_tags_t *tags;     /* NULL; the module's own */
    const char *prefix;                /* the prefix to write where it is free, or NULL */
    const dms_attribute_t *attributes; /* without namespace declarations */
    const char *text;                  /* character data that precedes the children, or NULL */
    dms_element_t *children;           /* the first child */
    const char *markup;                /* NULL; the module's own: the whole element as XML */
    dms_element_t *next;               /* the next sibling, or the next in a list */
};

/* --- a response --- */

/* What a 207 tells of one resource (section 14.24): an href and either a status of its own (then
 * it may have more hrefs) or propstats, each of which gives properties one status (13, 14.22).
 * Build it with the functions of dms_api_t, in the pool of dms_api_t.pool(). */

typedef struct dms_href_t dms_href_t;
struct dms_href_t {
    const char *uri; /* escaped */
    dms_href_t *next;
};

typedef struct dms_propstat_t dms_propstat_t;
struct dms_propstat_t {
    int status;
    dms_element_t *properties; /* linked by next; add with add_property() */
    dms_element_t *last;
    const dms_element_t *error; /* the elements inside DAV:error, or NULL */
    const char *description;    /* or NULL */
    dms_propstat_t *next;
};

typedef struct dms_response_t {
    apr_pool_t *pool;
    dms_href_t href;            /* the first one; set by response() */
    int status;                 /* 0 where propstats tell */
    dms_propstat_t *propstats;  /* the successful ones first; of a reader, as they came */
    const dms_element_t *error; /* the elements inside DAV:error, or NULL */
    const char *description;    /* plain text for people, or NULL */
    const char *location;       /* escaped, or NULL */
} dms_response_t;

/* How far a 207 is. */
typedef enum dms_phase_e {
    DMS_PHASE_OPEN,      /* nothing has been sent: the answer can still be something else */
    DMS_PHASE_COMMITTED, /* the status line is out: a failure belongs to one resource */
    DMS_PHASE_BROKEN,    /* the client has left, or it was given up: nothing more is sent */
    DMS_PHASE_ENDED      /* it is complete */
} dms_phase_e;

/* A 207 on its way to a client. */
typedef struct dms_reply_t dms_reply_t;

/* --- reading a 207 --- */

/* What a document may cost. 0 stands for the default, which is in brackets. */
typedef struct dms_reader_limits_t {
    int depth;           /* of elements, with multistatus itself (100) */
    int elements;        /* in a response, known or not, with itself (50,000) */
    int attributes;      /* of an element, without namespace declarations (256) */
    int propstats;       /* in a response (100) */
    int properties;      /* in a response (10,000) */
    apr_size_t ns;       /* bytes of a namespace's name (4,096) */
    apr_size_t markup;   /* bytes of a tag with its attributes, or a comment (64 KiB) */
    apr_size_t text;     /* bytes of text between two tags, in UTF-8 (1 MiB) */
    apr_size_t response; /* bytes of a response, or another child of multistatus (4 MiB) */
    apr_size_t names;    /* bytes for the different names in a document; a name costs its
                          * length and about 256 (4 MiB) */
} dms_reader_limits_t;

/* What a document says of the whole. The strings are in the reader's pool. */
typedef struct dms_multistatus_t {
    apr_uint64_t responses;  /* that were handed over */
    const char *description; /* DAV:responsedescription (section 14.25), or NULL */
    const char *sync_token;  /* DAV:sync-token (RFC 6578, section 6.2), a URI, or NULL */
} dms_multistatus_t;

/* What is wrong with a document, and where. */
typedef struct dms_reader_fault_t {
    const char *message; /* for people, without position; static */
    apr_uint64_t line;   /* from 1 */
    apr_uint64_t column; /* from 1, in characters */
    apr_uint64_t offset; /* from 0, in bytes of what was fed */
} dms_reader_fault_t;

typedef struct dms_reader_t dms_reader_t;

/* Takes a response. It and all in it are gone when this returns, but until then belong to the
 * callee, which may change them (say, an href) and allocate from response->pool. Any status but
 * APR_SUCCESS ends the reading. Must not call the reader. */
typedef apr_status_t dms_reader_response_fn(void *baton, dms_response_t *response);

/* --- the functions --- */

#define DMS_API_VERSION 1

/* Later versions append. Nothing here may be called by two threads for one reply or reader at
 * once. */
typedef struct dms_api_t {
    int version;

    /* --- building --- */

    /* Makes a name from any strings, copied into pool. NULL where local is no NCName, or ns holds
     * what XML can't carry. A name that stands in the code is made with DMS_NAME(). */
    const dms_name_t *(*name)(apr_pool_t *pool, const char *ns, const char *local);

    /* Creates a response for the resource at uri, in pool. */
    dms_response_t *(*response)(apr_pool_t *pool, const char *uri);

    /* Adds one more href; only a response with a status may have several. */
    void (*add_href)(dms_response_t *response, const char *uri);

    /* Gives the response a status of its own. APR_EINVAL, and no change, for a status that can't be
     * recorded (only 200 to 599 can: section 13), or where it has propstats. */
    apr_status_t (*set_status)(dms_response_t *response, int status);

    /* Finds or adds the propstat for a status. NULL where the status can't be recorded, or the
     * response has one of its own. */
    dms_propstat_t *(*propstat)(dms_response_t *response, int status);

    /* Appends a property; an element can be in one list only. */
    void (*add_property)(dms_propstat_t *propstat, dms_element_t *property);

    /* --- sending --- */

    /* Begins a 207 for r, in its pool. Nothing is sent before the first response, so that the
     * handler can still return another status. */
    dms_reply_t *(*begin)(struct request_rec *r);

    /* Declares a namespace on the root, so that no property has to; before the first response. */
    void (*declare)(dms_reply_t *reply, const char *ns);

    /* The pool for the next response: add() clears it. */
    apr_pool_t *(*pool)(dms_reply_t *reply);

    /* Adds a response. Returns
     *   APR_SUCCESS  it is on its way, or waits in a buffer of at most 256 KiB;
     *   APR_EINVAL   it has neither a status nor propstats, both, or several hrefs with propstats,
     *                and is not sent; go on with the next;
     *   any other    the 207 is broken: mostly since the client has left. Stop the work. */
    apr_status_t (*add)(dms_reply_t *reply, const dms_response_t *response);

    dms_phase_e (*phase)(const dms_reply_t *reply);

    /* Gives up a 207 that can't be completed, for a reason that the log tells: the client sees the
     * connection end before the document does, and takes it for broken. Where none of it has been
     * sent yet, the client gets a 500. */
    void (*fail)(dms_reply_t *reply, apr_status_t reason);

    /* Ends it, with a description of the whole (14.25) unless that is NULL. To be called in each
     * case, also when it is broken. Returns what the handler has to return. Sets the request's
     * notes dav-multistatus-responses and dav-multistatus-failures. */
    int (*end)(dms_reply_t *reply, const char *description);

    /* --- reading --- */

    /* Creates a reader in pool. limits, which are copied, may be NULL for all defaults. */
    dms_reader_t *(*reader)(apr_pool_t *pool, const dms_reader_limits_t *limits,
                            dms_reader_response_fn *on_response, void *baton);

    /* Reads the next piece, which may be cut at any byte, and is not needed any more afterwards.
     * Returns
     *   APR_SUCCESS    all is well so far;
     *   APR_EINVAL     malformed, or no multistatus as it should be: fault() tells;
     *   APR_ENOSPC     beyond a limit: fault() tells;
     *   any other      what the callback returned.
     * All but the first stay: the same comes back at each call, and nothing more is read. */
    apr_status_t (*feed)(dms_reader_t *reader, const char *bytes, apr_size_t length);

    /* Reads the data of a brigade, and empties it. *at_end becomes 1 at an end-of-stream bucket.
     * Returns as feed(), or the status of a bucket that can't be read. */
    apr_status_t (*feed_brigade)(dms_reader_t *reader, apr_bucket_brigade *bb, int *at_end);

    /* Ends the document, and fills *multistatus unless it is NULL. Returns as feed(), or
     * APR_INCOMPLETE where the bytes ended before the document did. */
    apr_status_t (*finish)(dms_reader_t *reader, dms_multistatus_t *multistatus);

    /* What is wrong with the document, or NULL. */
    const dms_reader_fault_t *(*fault)(const dms_reader_t *reader);
} dms_api_t;

/* The functions, or NULL where the module has none of that version. */
APR_DECLARE_OPTIONAL_FN(const dms_api_t *, dms_api, (int version));

/* --- bringing a repository --- */

/* A provider knows a store of resources and nothing of the protocol; the methods know the
 * protocol and nothing of the store. It is registered, while httpd starts, with
 *
 *     ap_register_provider(pool, DMS_PROVIDER_GROUP, name, DMS_PROVIDER_VERSION, &provider);
 *
 * (ap_provider.h), in register_hooks or pre_config, and `DavMultistatus NAME` then selects it.
 *
 * A resource is what a URL names, mapped or not. A member is a resource met while its collection is
 * listed. The facts of either are what the live properties are made from. A caller says which facts
 * it wants, so that a provider spares what nobody asked for.
 *
 * Strings that a provider returns live in the pool that the call names, a member's only until the
 * cursor's next step. Names are bytes as the store has them: not escaped, not always UTF-8, never
 * empty, ".", "..", and without a slash. Every call returns APR_SUCCESS or an errno, which
 * becomes an HTTP status where it is a resource's: ENOENT and ENOTDIR 404; EACCES, EPERM, EROFS
 * and ELOOP 403; EEXIST and ENOTEMPTY 409; EBUSY 423; EFBIG 413; ENAMETOOLONG 414; EXDEV 502;
 * ESTALE, ETIMEDOUT, EMFILE and others that may pass 503; ENOSPC and EDQUOT 507; what has no
 * meaning of its own is 500.
 *
 * lookup, open, next, rewind, enter and read are never NULL. A provider that can't be written
 * leaves the others out. One that can has parent, is_same, is_within, child, facts, identity and
 * parent_of_key, and of the rest what it offers: PUT takes write, append, finish and publish;
 * MKCOL make_collection; DELETE remove; MOVE rename and remove; COPY copy, make_collection,
 * rename and remove. What is not offered is answered with 405, and left out of Allow; PROPPATCH
 * and LOCK need no more than parent, and without that the DAV header has no class 2. Without sync
 * nothing is waited for; without set_modified, getlastmodified is protected.
 *
 * All calls may come from many threads at once, but those for one cursor, node or stream only from
 * one. */

#define DMS_PROVIDER_GROUP "dav-multistatus"
#define DMS_PROVIDER_VERSION "1"

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
#define DMS_FACT_TYPE 0x80000000u /* never asked for */

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
    int executable;   /* of a file */
    char etag[80];    /* strong, with its quotes */
    const char *type; /* media type, of a file: where the provider knows it better than httpd */
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
    /* What the resource's properties and locks are found by: its path in the repository,
     * percent-encoded, so that it is ASCII: "/" alone, or "/a%20b/c", never with a slash at its
     * end. The provider's own affair beyond that; another provider's may be the same. */
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
    DMS_LIST_VISIBLE, /* what clients may see; links are followed where that is allowed. The names
                         that the module keeps for itself are left out for the provider. */
    DMS_LIST_RAW      /* whatever is there, to be removed or moved: no link is followed, and what is
                         neither file nor collection is listed as DMS_KIND_OTHER */
} dms_list_e;

/* How a file is written. */
typedef struct dms_write_t {
    apr_off_t offset; /* -1: the whole file; otherwise a part of the present one, from here on */
    int sync;         /* content and name are on the disk before publish() returns */
    int exclusive;    /* publish() fails with EEXIST where something is */
    int more;         /* of a part: others are likely to follow it */
} dms_write_t;

/* What a rename does where something has the new name. */
typedef enum dms_rename_e {
    DMS_RENAME_NEW,     /* EEXIST */
    DMS_RENAME_BY_LINK, /* EEXIST, unless it is the same file, as for a moment; no collection */
    DMS_RENAME_REPLACE, /* it is gone; neither may be a collection */
    DMS_RENAME_EXCHANGE /* it gets the old name; ENOENT where nothing is there */
} dms_rename_e;

struct dms_provider_t {
    const char *name;

    /* Its resources are not files: httpd maps no URL of its <Location> to the disk (unless an Alias
     * does), <Directory> sections and .htaccess files say nothing, and a GET of a collection is
     * 405. <Files> sections and media types go by the URL. */
    int is_virtual;

    /* Looks up the resource that r's URL names, after httpd has mapped the URL (r->filename,
     * r->path_info) and settled the configuration. An unmapped URL is no error: its kind is
     * DMS_KIND_NONE. base: the path of the <Location> or <Directory> that the provider was
     * configured for, the repository's root. Filled in are the facts wanted, as far as they can be
     * known. The resource lives in r->pool. */
    apr_status_t (*lookup)(struct request_rec *r, const char *base, unsigned int wanted,
                           dms_resource_t *resource);

    /* --- reading --- */

    /* Begins to list a collection, under the configuration of r (a request or subrequest for it).
     * The cursor lives in pool, and is closed with it. */
    apr_status_t (*open)(dms_node_t *collection, struct request_rec *r, dms_list_e what,
                         unsigned int wanted, apr_pool_t *pool, dms_cursor_t **cursor);

    /* The next member, in any order. APR_EOF after the last one. is_due: tells by a name whether a
     * member is wanted at all; NULL: each is. */
    apr_status_t (*next)(dms_cursor_t *cursor, dms_due_fn *is_due, void *baton,
                         dms_member_t *member);

    /* Goes back to before the first member. */
    void (*rewind)(dms_cursor_t *cursor);

    /* Makes a node in pool of the collection that the cursor stands on, to be used while the cursor
     * stays open, and, once it has been opened itself, while that stays open. ELOOP where it is one
     * of those that it was found in. */
    apr_status_t (*enter)(dms_cursor_t *cursor, apr_pool_t *pool, dms_node_t **node);

    /* Opens a file for r and appends its content to bb, unread. The resource's facts become those
     * of what was opened, all of them. A file bucket may be set aside, for a slow client, and then
     * outlive r: its file has to be one that APR closes, as that of apr_os_file_put() is not. */
    apr_status_t (*read)(dms_resource_t *file, struct request_rec *r, apr_bucket_brigade *bb);

    /* --- writing: each is about `name` in the collection `parent` --- */

    /* The collection that a resource is in or would be in. ENOENT or ENOTDIR where there is none,
     * EPERM for the repository's root. */
    apr_status_t (*parent)(dms_resource_t *resource, struct request_rec *r, dms_node_t **parent);

    /* Whether two nodes are one resource, still. */
    int (*is_same)(dms_node_t *a, dms_node_t *b);

    /* Whether a collection is another, or somewhere in it, by whatever links it was reached. */
    int (*is_within)(dms_node_t *collection, dms_node_t *other);

    /* The collection `name` as a node in pool. A symbolic link is none: ENOTDIR or ELOOP. */
    apr_status_t (*child)(dms_node_t *parent, const char *name, apr_pool_t *pool,
                          dms_node_t **node);

    /* Begins to write a file. Nobody sees it before publish(), and nothing is left of it if pool
     * goes without that. A part of a file that is not there is one of an empty file. */
    apr_status_t (*write)(dms_node_t *parent, const char *name, const dms_write_t *how,
                          apr_pool_t *pool, dms_stream_t **stream);
    apr_status_t (*append)(dms_stream_t *stream, const char *bytes, apr_size_t length);

    /* Ends the content, and waits for it to be on the disk where it has to. modified: the file's
     * modification time, or NULL for now. */
    apr_status_t (*finish)(dms_stream_t *stream, const dms_moment_t *modified);

    /* Puts a finished file in place in one step. It has the permissions of the one that it
     * replaces, whatever else belongs to that beside its content, and the moment of its
     * creation. facts: those of the new file, all of them. */
    apr_status_t (*publish)(dms_stream_t *stream, dms_facts_t *facts);

    /* Makes an empty collection. EEXIST where something is. is_copy: nobody else is to look into it
     * before give() says who may. made: its node in pool, or NULL where nobody asks. */
    apr_status_t (*make_collection)(dms_node_t *parent, const char *name, int is_copy,
                                    apr_pool_t *pool, dms_node_t **made);

    /* Gives a copy of a collection, once its members are in it, what belongs to that one beside
     * its members: permissions and the like. What can't be kept leaves nobody more than before.
     * is_move: its times, too. NULL: there is no such thing. */
    apr_status_t (*give)(dms_node_t *from, dms_node_t *parent, const char *name, int is_move);

    /* Removes a member that is no collection, or an empty collection (ENOTEMPTY otherwise). A
     * symbolic link is removed itself. */
    apr_status_t (*remove)(dms_node_t *parent, const char *name, dms_kind_e kind);

    /* Whether a member could be removed, as far as that can be told without doing it: APR_SUCCESS,
     * or what remove() would return. NULL: that can't be told. */
    apr_status_t (*may_remove)(dms_node_t *parent, const char *name);

    /* Has a collection let in nobody, or, is_sealed being 0, the server alone, so that it can be
     * removed whatever give() has given it. NULL: there is no such thing. */
    apr_status_t (*seal)(dms_node_t *parent, const char *name, int is_sealed);

    /* Copies a member that is no collection, with what belongs to it beside its content. links:
     * a symbolic link is copied itself, as a move has to; otherwise r's configuration says
     * whether it is followed. *at_target: whether an error arose there. */
    apr_status_t (*copy)(dms_node_t *parent, const char *name, struct request_rec *r, int links,
                         dms_node_t *to_parent, const char *to_name, int *at_target);

    /* Makes from_name in from be to_name in to, in one step. EXDEV where that takes a copy. ENOTSUP
     * where NEW of a file takes BY_LINK, which then has to work, or where nothing exchanges: that
     * is then done in three steps (repository/renames.h). */
    apr_status_t (*rename)(dms_node_t *from, const char *from_name, dms_node_t *to,
                           const char *to_name, dms_rename_e how);

    /* Sets the modification time. sync: it is on the disk before this returns. */
    apr_status_t (*set_modified)(dms_node_t *parent, const char *name, const dms_moment_t *modified,
                                 int sync);

    /* Waits until the names in a collection are on the disk; all: and all that was written. */
    apr_status_t (*sync)(dms_node_t *collection, int all);

    /* The facts of a member, all of them; of a symbolic link, its own (DMS_KIND_OTHER). */
    apr_status_t (*facts)(dms_node_t *parent, const char *name, dms_facts_t *facts);

    /* What tells a member from any other that has had or will have its name, and from those that
     * one rename could bring there, or "" where nothing is there: still after a restart, and
     * after the repository has been mounted anew. ASCII, without spaces. */
    apr_status_t (*identity)(dms_node_t *parent, const char *name, apr_pool_t *pool,
                             const char **identity);

    /* The collection that a key's resource is in, without a request: for what has to be completed
     * after a crash. *name lives in pool. */
    apr_status_t (*parent_of_key)(const char *key, apr_pool_t *pool, dms_node_t **parent,
                                  const char **name);

    /* How many bytes could be written into a collection now, and how many are in use where it is
     * (RFC 4331: what an answer of a disk's free space would be). ENOTSUP where nobody knows. NULL:
     * that is never told. */
    apr_status_t (*space)(dms_node_t *collection, apr_uint64_t *available, apr_uint64_t *used);
};

/* --- adding live properties --- */

/* What a live property can be told from. */
typedef struct dms_subject_t {
    struct request_rec *r; /* the request that asks */
    const dms_provider_t *provider;
    const char *uri;          /* escaped, a collection's with a slash at its end */
    const dms_facts_t *facts; /* those that were asked for, as far as they are known */
    const char *name;         /* the last segment of its path, as the provider has it */
    const char *type;         /* what httpd would send as Content-Type, or NULL */
    const char *language;     /* as Content-Language, or NULL */
    const struct dms_dead_property_t *dead; /* the module's own */
    const struct dms_lock_t *locks;         /* the module's own */
    struct dms_day_t *days;                 /* the module's own */
    unsigned int unread;                    /* the module's own */
    const struct dms_space_t *space;        /* the module's own */
    unsigned int rights;                    /* the module's own */
    const char *user;                       /* the module's own */
} dms_subject_t;

/* What a client may do to a live property. Other modules' are DMS_PROTECTED: a PROPPATCH of them is
 * 403 with cannot-modify-protected-property (section 9.2.1). */
typedef enum dms_protection_e {
    DMS_PROTECTED,
    DMS_OVERRIDABLE, /* a value that a client sets is kept as a dead property, and wins */
    DMS_MODIFIED,    /* setting it sets the resource's modification time, where that is allowed, and
                      * keeps nothing */
    DMS_KEPT         /* protected; what the module knows of it is kept as a dead property */
} dms_protection_e;

typedef struct dms_live_property_t {
    dms_name_t name;
    dms_protection_e protection;
    unsigned int kinds; /* of the resources that can have it: a set of 1u << DMS_KIND_* */
    unsigned int facts; /* that value needs: DMS_FACT_* */
    /* Sets the content of element (text, children), from pool or static, which is cleared when the
     * response has been sent. Returns whether the subject has the property. Called once for each
     * resource that is listed, for the kinds above only: what is dear belongs elsewhere. */
    int (*value)(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element);
    int is_constant; /* the same for every resource; value is then called without a subject, and an
                      * allprop shows it for the first resource alone */
    int only_named;  /* told where a request names it, and not for allprop and propname */
} dms_live_property_t;

/* A hook by which a module offers live properties for what a request asks of; each is static or
 * lives in r->pool, and is appended to offered, whose elements are const dms_live_property_t *.
 * Of two with one name, and of one that the module has itself, the first counts. In
 * register_hooks:
 *
 *     APR_OPTIONAL_HOOK(dms, live_properties, offer, NULL, NULL, APR_HOOK_MIDDLE);
 */
#define DMS_DECLARE(type) type
APR_DECLARE_EXTERNAL_HOOK(dms, DMS, int, live_properties,
                          (struct request_rec * r, const dms_provider_t *provider,
                           apr_array_header_t *offered))

#ifdef __cplusplus
}
#endif

#endif
