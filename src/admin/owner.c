#include "admin/owner.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_user.h>

#include "admin/tell.h"

/* setgroups() and initgroups() are no POSIX; httpd needs them, too. */
static int set_user(const struct stat *st, apr_pool_t *pool)
{
    char *name;
    int has_name = apr_uid_name_get(&name, st->st_uid, pool) == APR_SUCCESS;

    return (has_name ? initgroups(name, st->st_gid) : setgroups(0, NULL)) || setgid(st->st_gid)
           || setuid(st->st_uid);
}

/* Whether a store that is root's lies in a folder that is somebody else's, who could have put
 * anything there. */
static int is_misplaced(const char *store, const struct stat *st)
{
    char folder[4096];
    const char *slash = strrchr(store, '/');
    size_t length = slash ? (size_t)(slash - store) : 0;
    struct stat of_folder;

    if (st->st_uid || !length || length >= sizeof(folder)) {
        return 0;
    }
    memcpy(folder, store, length);
    folder[length] = '\0';
    return stat(folder, &of_folder) || of_folder.st_uid;
}

apr_status_t dms_become_owner(const char *store, apr_pool_t *pool)
{
    struct stat st;

    if (stat(store, &st)) {
        return dms_tell(errno,
                        "the store %s, which a server makes when it starts; --store names another",
                        store);
    }
    if (is_misplaced(store, &st)) {
        return dms_tell(APR_EGENERAL,
                        "the store %s is root's, in another's folder: start the server,"
                        " which gives it to its User",
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
