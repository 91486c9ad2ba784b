#include "admin/owner.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_info.h>
#include <apr_strings.h>
#include <apr_user.h>

#include "admin/tell.h"

/* --- the way to a file --- */

/* As many links as the kernel follows. */
#define LINKS 40

/* Whether somebody could have had a part of the way to a file lead elsewhere. */
typedef int may_turn_fn(const struct stat *st, const struct stat *store);

/* Anybody but root and the store's owner. */
static int may_others(const struct stat *st, const struct stat *store)
{
    return (st->st_uid && st->st_uid != store->st_uid)
           || (!store->st_uid && S_ISDIR(st->st_mode) && !(st->st_mode & S_ISVTX)
               && st->st_mode & (S_IWGRP | S_IWOTH));
}

/* The store's owner. */
static int may_owner(const struct stat *st, const struct stat *store)
{
    mode_t by = S_IWOTH | (st->st_gid == store->st_gid ? S_IWGRP : 0);

    return st->st_uid == store->st_uid
           || (S_ISDIR(st->st_mode) && !(st->st_mode & S_ISVTX) && st->st_mode & by);
}

/* Where a link leads to, with the rest of the path behind it. */
static const char *follow(const char *link, const char *rest, apr_pool_t *pool)
{
    char to[PATH_MAX];
    ssize_t length = readlink(link, to, sizeof(to) - 1);
    const char *folder = "";

    if (length < 0) {
        return NULL;
    }
    to[length] = '\0';
    if (*to != '/') {
        folder = apr_pstrmemdup(pool, link, (apr_size_t)(strrchr(link, '/') - link + 1));
    }
    return apr_pstrcat(pool, folder, to, rest, NULL);
}

/* Whether some part of the way to an absolute path, links and where they lead to as well, is in
 * such hands. A part that can't be looked at is. */
static int is_turned(const char *path, may_turn_fn *may_turn, const struct stat *store, int links,
                     apr_pool_t *pool)
{
    const char *end = path;

    while (*end) {
        const char *part;
        struct stat st;

        end += 1 + strcspn(end + 1, "/");
        part = apr_pstrmemdup(pool, path, (apr_size_t)(end - path));
        if (lstat(part, &st)) {
            return errno != ENOENT;
        }
        if (may_turn(&st, store)) {
            return 1;
        }
        if (S_ISLNK(st.st_mode)) {
            part = links ? follow(part, end, pool) : NULL;
            return !part || is_turned(part, may_turn, store, links - 1, pool);
        }
    }
    return 0;
}

int dms_owner_may_turn(const char *store, const char *path, apr_pool_t *pool)
{
    struct stat st;
    char *file;

    return !geteuid() && !stat(store, &st) && st.st_uid
           && (apr_filepath_merge(&file, NULL, path, 0, pool) != APR_SUCCESS
               || is_turned(file, may_owner, &st, LINKS, pool));
}

/* --- becoming the owner --- */

/* setgroups() and initgroups() are no POSIX; httpd needs them, too. */
static int set_user(const struct stat *st, apr_pool_t *pool)
{
    char *name;
    int has_name = apr_uid_name_get(&name, st->st_uid, pool) == APR_SUCCESS;

    return (has_name ? initgroups(name, st->st_gid) : setgroups(0, NULL)) || setgid(st->st_gid)
           || setuid(st->st_uid);
}

static apr_status_t find(const char *store, struct stat *st)
{
    return stat(store, st) ? dms_tell(
               errno, "the store %s, which a server makes when it starts; --store names another",
               store)
                           : APR_SUCCESS;
}

apr_status_t dms_owner_find(const char *store)
{
    struct stat st;

    return find(store, &st);
}

apr_status_t dms_become_owner(const char *store, apr_pool_t *pool)
{
    struct stat st;
    apr_status_t rv = find(store, &st);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!geteuid() && is_turned(store, may_others, &st, LINKS, pool)) {
        return dms_tell(APR_EGENERAL,
                        st.st_uid ? "the store %s lies where others may put a link in its place,"
                                    " so this is not for root: be the server's User"
                                  : "the store %s is root's, in another's folder: start the"
                                    " server, which gives it to its User",
                        store);
    }
    if (st.st_uid != geteuid() && geteuid()) {
        return dms_tell(EPERM, "the store %s is another user's (number %ld): be that one, or root",
                        store, (long)st.st_uid);
    }
    if (!geteuid() && st.st_uid && set_user(&st, pool)) {
        return dms_tell(errno, "the store's owner can't be had");
    }
    umask(077);
    return APR_SUCCESS;
}
