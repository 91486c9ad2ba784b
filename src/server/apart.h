/*
 * Where litter is kept (DavMultistatusLitter apart): a folder beside the store, `store.db-litter`,
 * that no request leads to and no listing shows.
 *
 *     store.db-litter/USER/SHARD/FILE
 *
 * USER is made of the user's name, so that nobody comes to what is another's; clients that have not
 * logged in are one user. FILE is made of the name and of the very folder that it would be in (its
 * inode and its time of birth), not of that one's path: what is renamed takes its litter along, and
 * what is made anew begins without. SHARD is FILE's beginning; each holds so many files at the
 * most, so that a user's number of files is bounded, and told without counting them all.
 *
 * What nobody has asked for for the time that the configuration says, goes: some process
 * looks through all that there is once an hour, in the requests of clients, in slices.
 */
#ifndef DMS_APART_H
#define DMS_APART_H

#include <httpd.h>

#include "repository/provider.h"
#include "store/store.h"

#define DMS_APART_SHARDS 256
#define DMS_APART_SHARD_FILES 256

/* Of a request whose resource is there, a note: the file's path, which the log names. */
#define DMS_APART_NOTE "dav-multistatus-apart"

/* A place for one file. */
typedef struct dms_apart_t {
    const char *user; /* the path of the user's folder */
    const char *path; /* of the file */
} dms_apart_t;

/* For a child process: path is the folder's, and lives as long as it. */
void dms_apart_open(const char *path);

/* The place, in pool, of what would be at a path of the file system. user: "" for nobody. Returns
 * errno where the folder that it would be in can't be looked at, APR_EGENERAL where this process
 * has no place for litter. */
apr_status_t dms_apart_find(apr_pool_t *pool, const char *user, const char *path,
                            dms_apart_t *apart);

/* Makes the folders that a file is to be made in. EDQUOT where the user may have no more files. */
apr_status_t dms_apart_make(const dms_apart_t *apart, apr_pool_t *pool);

/* Does a slice of the looking through, where it is time; outside a transaction. */
void dms_apart_sweep(dms_store_t *store, const dms_provider_t *provider, apr_pool_t *pool);

#endif
