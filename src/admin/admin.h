/*
 * dav-multistatus: what an administrator does to a store, beside the server that runs. One file a
 * command; main.c has their table, which is also what --help and the manual page are made of.
 *
 * The program is one more process of the store: it joins the others (processes/processes.h), tells
 * the sink of what it changes, and holds the store's write lock no longer than they do. Where it is
 * started as root it becomes the owner of the store first, so that it leaves nothing there that the
 * server's User could not write, and may see no more of the disk than the server.
 *
 * Resources are the file system's alone. Paths are as the server's configuration has them, through
 * no link that it does not name; they are printed percent-encoded, as the store has them.
 */
#ifndef DMS_ADMIN_H
#define DMS_ADMIN_H

#include <apr_pools.h>

#include "store/store.h"

/* What the program exits with. */
typedef enum dms_admin_exit_e {
    DMS_ADMIN_DONE = 0,
    DMS_ADMIN_LEFT = 1,  /* something is not as it should be, or was left as it was */
    DMS_ADMIN_USAGE = 2, /* the command line can't be understood */
    DMS_ADMIN_FAILED = 3 /* the store, or a file that was named, can't be used */
} dms_admin_exit_e;

typedef struct dms_admin_t {
    apr_pool_t *pool; /* lives as long as the program */
    const char *file; /* of the store */
    dms_store_t *store;
    const char *const *arguments; /* of the command, NULL at the end */
    int argument;                 /* a descriptor of the file that the first one names, or -1 */
    /* Options. */
    int is_dry;          /* changes nothing */
    int mends;           /* what is wrong */
    int is_below;        /* what is below a path, too */
    const char *lock_db; /* mod_dav's, or NULL */
    const char *url;     /* of the first argument */
    const char *user;    /* whose properties are; "" nobody's */
    int is_left;         /* something was left as it was */
} dms_admin_t;

/* What becomes of a command's first argument before the program has become another user. */
typedef enum dms_admin_open_e {
    DMS_ADMIN_NO_FILE,
    DMS_ADMIN_READS,
    DMS_ADMIN_WRITES
} dms_admin_open_e;

typedef struct dms_admin_command_t {
    const char *name;
    const char *arguments; /* as help shows them */
    const char *help;      /* lines, each of at most 73 characters */
    const char *options;   /* the letters of those that it takes, beside those that all do */
    int fewest, most;      /* arguments */
    dms_admin_open_e opens;
    /* Returns a status that has been told; APR_SUCCESS: DMS_ADMIN_DONE, or, is_left, _LEFT. */
    apr_status_t (*run)(dms_admin_t *admin);
} dms_admin_command_t;

/* The commands, one a file. */
extern const dms_admin_command_t dms_admin_locks, dms_admin_unlock, dms_admin_show,
    dms_admin_export, dms_admin_import, dms_admin_compare, dms_admin_rename, dms_admin_backup,
    dms_admin_check, dms_admin_recount, dms_admin_import_dav;

#endif
