/*
 * What the files of the fs provider share: a node, and how a stat becomes facts.
 */
#ifndef DMS_NODE_H
#define DMS_NODE_H

#include <httpd.h>

#include "repository/fs/os.h"
#include "repository/provider.h"

/* Folders that a walk has entered through links: NULL, none yet. */
typedef struct dms_linked_t dms_linked_t;

/* A file or folder that is there, or, with the descriptor -1, the place where one could be. */
struct dms_node_t {
    int descriptor;     /* opened with DMS_OS_PATH; or, of one that was entered, for reading, ... */
    apr_pool_t *reader; /* ... which then is the pool that closes it, until a cursor does */
    dms_os_stat_t st;
    const dms_node_t *outer; /* the collection that it was entered from, or NULL */
    dms_linked_t *linked;    /* what the walk that has entered it has entered through links */
    int root;                /* of lookup(): the root's descriptor, ... */
    const char *path;        /* ... and the way from there */
};

/* Closes a descriptor with a pool; or no more, since somebody else does. */
void dms_node_close_with(apr_pool_t *pool, int descriptor);
void dms_node_leave_open(apr_pool_t *pool, int descriptor);

int dms_node_is_same(const dms_os_stat_t *a, const dms_os_stat_t *b);

/* Whether a folder is one that is_meant, or somewhere in one. */
typedef int dms_node_fn(const void *baton, const dms_os_stat_t *st);
int dms_node_is_within(const dms_node_t *folder, dms_node_fn *is_meant, const void *baton);

/* Which links r's configuration allows to follow. */
dms_links_e dms_node_links(request_rec *r);

/* A moment as one number, since 1970. */
apr_uint64_t dms_in_nanoseconds(const dms_moment_t *moment);

void dms_node_facts(const dms_os_stat_t *st, unsigned int wanted, dms_facts_t *facts);

/* The provider's functions (repository/provider.h) that are not in fs.c: list.c ... */
apr_status_t dms_fs_open(dms_node_t *collection, request_rec *r, dms_list_e what,
                         unsigned int wanted, apr_pool_t *pool, dms_cursor_t **cursor);
apr_status_t dms_fs_next(dms_cursor_t *cursor, dms_due_fn *is_due, void *baton,
                         dms_member_t *member);
void dms_fs_rewind(dms_cursor_t *cursor);
apr_status_t dms_fs_enter(dms_cursor_t *cursor, apr_pool_t *pool, dms_node_t **entered);

/* ... and write.c. */
apr_status_t dms_fs_write(dms_node_t *parent, const char *name, const dms_write_t *how,
                          apr_pool_t *pool, dms_stream_t **stream);
apr_status_t dms_fs_append(dms_stream_t *stream, const char *bytes, apr_size_t length);
apr_status_t dms_fs_finish(dms_stream_t *stream, const dms_moment_t *modified);
apr_status_t dms_fs_publish(dms_stream_t *stream, dms_facts_t *facts);
apr_status_t dms_fs_child(dms_node_t *parent, const char *name, apr_pool_t *pool,
                          dms_node_t **child);
apr_status_t dms_fs_make_collection(dms_node_t *parent, const char *name, int is_copy,
                                    apr_pool_t *pool, dms_node_t **made);
apr_status_t dms_fs_give(dms_node_t *from, dms_node_t *parent, const char *name, int is_move);
apr_status_t dms_fs_may_remove(dms_node_t *parent, const char *name);
apr_status_t dms_fs_seal(dms_node_t *parent, const char *name, int is_sealed);
apr_status_t dms_fs_remove(dms_node_t *parent, const char *name, dms_kind_e kind);
apr_status_t dms_fs_copy(dms_node_t *parent, const char *name, request_rec *r, int links,
                         dms_node_t *to_parent, const char *to_name, int *at_target);
apr_status_t dms_fs_rename(dms_node_t *from, const char *from_name, dms_node_t *to,
                           const char *to_name, dms_rename_e how);
apr_status_t dms_fs_set_modified(dms_node_t *parent, const char *name, const dms_moment_t *modified,
                                 int sync);
apr_status_t dms_fs_sync(dms_node_t *collection, int all);

#endif
