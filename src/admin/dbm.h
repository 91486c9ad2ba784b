/*
 * The databases of mod_dav_fs, of whichever kind its DBM was: told by their bytes.
 */
#ifndef DMS_DBM_H
#define DMS_DBM_H

#include <apr_dbm.h>
#include <apr_tables.h>

typedef struct dms_dbm_t {
    apr_dbm_t *file;
    const char *name; /* as mod_dav has opened it: without the suffixes of SDBM */
} dms_dbm_t;

/* Opens a file for reading, in pool, which closes it. APR_INCOMPLETE: it is the lesser of two files
 * of one database. APR_EINVAL: it is none that is known. */
apr_status_t dms_dbm_open(const char *path, apr_pool_t *pool, dms_dbm_t *dbm);

/* The same of a name as mod_dav's configuration has it: where there is no such file, SDBM's. */
apr_status_t dms_dbm_open_named(const char *name, apr_pool_t *pool, dms_dbm_t *dbm);

/* The keys, in pool, with a NUL after each; elements are apr_datum_t. */
apr_array_header_t *dms_dbm_keys(const dms_dbm_t *dbm, apr_pool_t *pool);

/* A value, in pool, with a NUL after it; its dptr is NULL where there is none. */
apr_datum_t dms_dbm_value(const dms_dbm_t *dbm, apr_datum_t key, apr_pool_t *pool);

#endif
