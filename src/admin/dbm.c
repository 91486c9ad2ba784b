#include "admin/dbm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <apr_sdbm.h>
#include <apr_strings.h>

/* --- which kind --- */

static const struct {
    const char *type; /* apr_dbm's */
    off_t offset;
    apr_uint32_t magic; /* in the order of this machine's bytes */
} kinds[] = {
    {"gdbm", 0, 0x13579ace}, {"gdbm", 0, 0x13579acd}, {"gdbm", 0, 0x13579acf},
    {"gdbm", 0, 0x13579ad0}, {"gdbm", 0, 0x13579ad1}, {"gdbm", 0, 0x13579ad2},
    {"db", 12, 0x00061561}, /* a hash */
    {"db", 12, 0x00053162}, /* a tree */
};

/* NULL where no magic number is there: SDBM has none. */
static const char *type_of(int fd)
{
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        apr_uint32_t magic;

        if (pread(fd, &magic, sizeof(magic), kinds[i].offset) == sizeof(magic)
            && magic == kinds[i].magic) {
            return kinds[i].type;
        }
    }
    return NULL;
}

static int has_suffix(const char *path, const char *suffix)
{
    apr_size_t length = strlen(path), of_suffix = strlen(suffix);

    return length > of_suffix && !strcmp(path + length - of_suffix, suffix);
}

/* As SDBM names its files. */
static apr_status_t find_kind(const char *path, const char *type, apr_pool_t *pool,
                              const char **name)
{
    const char *pag = APR_SDBM_PAGFEXT;

    *name = path;
    if (type) {
        return APR_SUCCESS;
    }
    if (has_suffix(path, APR_SDBM_DIRFEXT)) {
        return APR_INCOMPLETE;
    }
    if (!has_suffix(path, pag)) {
        return APR_EINVAL;
    }
    *name = apr_pstrmemdup(pool, path, strlen(path) - strlen(pag));
    return APR_SUCCESS;
}

/* --- reading --- */

static apr_status_t close_dbm(void *file)
{
    apr_dbm_close(file);
    return APR_SUCCESS;
}

apr_status_t dms_dbm_open(const char *path, apr_pool_t *pool, dms_dbm_t *dbm)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const char *type;
    apr_status_t rv;

    if (fd < 0) {
        return errno;
    }
    type = type_of(fd);
    close(fd);
    rv = find_kind(path, type, pool, &dbm->name);
    if (rv == APR_SUCCESS) {
        rv = apr_dbm_open_ex(&dbm->file, type ? type : "sdbm", dbm->name, APR_DBM_READONLY,
                             APR_FPROT_OS_DEFAULT, pool);
    }
    if (rv == APR_SUCCESS) {
        apr_pool_cleanup_register(pool, dbm->file, close_dbm, apr_pool_cleanup_null);
    }
    return rv;
}

apr_status_t dms_dbm_open_named(const char *name, apr_pool_t *pool, dms_dbm_t *dbm)
{
    apr_status_t rv = dms_dbm_open(name, pool, dbm);

    return rv == ENOENT ? dms_dbm_open(apr_pstrcat(pool, name, APR_SDBM_PAGFEXT, NULL), pool, dbm)
                        : rv;
}

static apr_datum_t copy(apr_pool_t *pool, apr_datum_t datum)
{
    if (datum.dptr) {
        datum.dptr = apr_pstrmemdup(pool, datum.dptr, datum.dsize);
    }
    return datum;
}

apr_array_header_t *dms_dbm_keys(const dms_dbm_t *dbm, apr_pool_t *pool)
{
    apr_array_header_t *keys = apr_array_make(pool, 16, sizeof(apr_datum_t));
    apr_datum_t key = {NULL, 0};
    apr_status_t rv = apr_dbm_firstkey(dbm->file, &key);

    while (rv == APR_SUCCESS && key.dptr) {
        APR_ARRAY_PUSH(keys, apr_datum_t) = copy(pool, key);
        rv = apr_dbm_nextkey(dbm->file, &key);
    }
    return keys;
}

apr_datum_t dms_dbm_value(const dms_dbm_t *dbm, apr_datum_t key, apr_pool_t *pool)
{
    apr_datum_t value = {NULL, 0};

    if (apr_dbm_fetch(dbm->file, key, &value) != APR_SUCCESS) {
        value.dptr = NULL;
    }
    return copy(pool, value);
}
