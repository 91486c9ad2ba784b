#include "server/apart.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_escape.h>
#include <apr_sha1.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "changes/changes.h"
#include "config/config.h"
#include "keys/keys.h"
#include "recovery/recovery.h"
#include "repository/fs/node.h"
#include "repository/fs/os.h"

#define DAY ((apr_int64_t)86400)
#define ROUND apr_time_from_sec(3600)
#define USER_LENGTH (2 * (size_t)APR_SHA1_DIGESTSIZE)
#define PAUSE apr_time_from_sec(1)

/* Set in child_init, by one thread; constant afterwards. */
static const char *folder;

void dms_apart_open(const char *path)
{
    folder = path;
}

/* --- places --- */

static int is_older(apr_int64_t time, apr_int64_t days)
{
    return time < apr_time_sec(apr_time_now()) - days * DAY;
}

/* A text of any length and any bytes as a file's name. */
static const char *name_of(apr_pool_t *pool, const char *text)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t context;

    apr_sha1_init(&context);
    apr_sha1_update(&context, text, (unsigned int)strlen(text));
    apr_sha1_final(digest, &context);
    return apr_pescape_hex(pool, digest, sizeof(digest), 0);
}

/* What tells a folder from any other; where the file system has no times of birth, by which one
 * inode can be told from the next of its number, that is its path. */
static apr_status_t identify(apr_pool_t *pool, const char *path, const char **identity)
{
    dms_os_stat_t st;
    apr_status_t rv = dms_os_stat(AT_FDCWD, *path ? path : "/", 1, &st);

    *identity = rv == APR_SUCCESS && st.has_created
                    ? apr_psprintf(pool, "%" APR_UINT64_T_HEX_FMT "-%" APR_UINT64_T_HEX_FMT,
                                   (apr_uint64_t)st.inode, dms_in_nanoseconds(&st.created))
                    : path;
    return rv;
}

/* A disk may be mounted so that reading leaves no time (noatime), or not each time: what is asked
 * for is in use. */
static void note_use(const char *path)
{
    struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
    struct stat st;

    if (!lstat(path, &st) && is_older(st.st_atime, 1)) {
        utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
    }
}

apr_status_t dms_apart_find(apr_pool_t *pool, const char *user, const char *path,
                            dms_apart_t *apart)
{
    const char *slash = strrchr(path, '/'), *identity, *name;
    apr_status_t rv;

    if (!folder || !slash) {
        return APR_EGENERAL;
    }
    rv = identify(pool, apr_pstrmemdup(pool, path, (apr_size_t)(slash - path)), &identity);
    name = name_of(pool, apr_pstrcat(pool, identity, slash, NULL));
    apart->user = apr_pstrcat(pool, folder, "/", name_of(pool, user), NULL);
    apart->path = apr_psprintf(pool, "%s/%.2s/%s", apart->user, name, name);
    if (rv == APR_SUCCESS) {
        note_use(apart->path);
    }
    return rv;
}

static int is_there(const char *path)
{
    struct stat st;

    return !lstat(path, &st);
}

static int is_self_or_outer(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

static int is_full(const char *shard)
{
    DIR *dir = opendir(shard);
    const struct dirent *entry;
    int count = 0;

    while (dir && (entry = readdir(dir)) != NULL) {
        count += !is_self_or_outer(entry->d_name);
    }
    if (dir) {
        closedir(dir);
    }
    return count >= DMS_APART_SHARD_FILES;
}

/* Makes a folder, or has one that is there look used: see remove_empty(). */
static apr_status_t make(const char *path)
{
    return mkdir(path, 0700) && (errno != EEXIST || utimensat(AT_FDCWD, path, NULL, 0))
               ? errno
               : APR_SUCCESS;
}

apr_status_t dms_apart_make(const dms_apart_t *apart, apr_pool_t *pool)
{
    const char *shard = apr_pstrmemdup(pool, apart->path,
                                       (apr_size_t)(strrchr(apart->path, '/') - apart->path));
    apr_status_t rv = make(folder);

    if (rv == APR_SUCCESS) {
        rv = make(apart->user);
    }
    if (rv == APR_SUCCESS) {
        rv = make(shard);
    }
    return rv == APR_SUCCESS && !is_there(apart->path) && is_full(shard) ? EDQUOT : rv;
}

/* --- what goes --- */

/* The file that says how far the last round has come, whichever process's, and when: of a process
 * that has ended since, another goes on there. */
#define LAST_ROUND "/last-round"

/* How far this process has come: one thread at a time. What is open at its end, that closes. */
static struct {
    volatile apr_uint32_t is_busy;
    volatile apr_uint64_t next; /* when it goes on */
    DIR *users;                 /* NULL: no round is under way */
    int note;                   /* the file above, open */
    char user[USER_LENGTH + 1];
    int shard; /* of that user, the next one */
} at = {.shard = DMS_APART_SHARDS};

/* One shard, from which files go: the store is told in one transaction. */
typedef struct sweep_t {
    dms_store_t *store;
    const dms_provider_t *provider;
    apr_pool_t *pool;
    const char *path;
    dms_tx_t *tx; /* NULL: nothing has gone yet */
} sweep_t;

/* Whether a file has been neither read nor written for so long. A time of its content that is yet
 * to come is what a client has said. */
static int is_old(const struct stat *st)
{
    int days = dms_config_litter_days();

    return S_ISREG(st->st_mode) && is_older(st->st_atime, days)
           && (is_older(st->st_mtime, days) || !is_older(st->st_mtime, 0));
}

static apr_status_t forget(sweep_t *sweep, const char *name, apr_int64_t bytes)
{
    const char *own = apr_pescape_path(sweep->pool,
                                       apr_pstrcat(sweep->pool, sweep->path, "/", name, NULL), 1);
    const char *key = dms_key_of(sweep->pool, sweep->provider, own);
    apr_status_t rv = dms_changed(sweep->tx, DMS_CHANGE(DMS_REMOVED, .key = key));

    return rv == APR_SUCCESS
               ? dms_changed(sweep->tx, DMS_CHANGE(DMS_RESIZED, .key = key, .bytes = -bytes))
               : rv;
}

/* Removes a file if it is old, still, while nobody writes. */
static apr_status_t remove_old(sweep_t *sweep, int directory, const char *name)
{
    struct stat st;
    apr_status_t rv = APR_SUCCESS;

    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) || !is_old(&st)) {
        return APR_SUCCESS;
    }
    if (!sweep->tx) { /* nobody's request waits for its turn with this: else in the next round */
        rv = dms_tx_try(sweep->store, sweep->pool, apr_time_now() + DMS_RECOVERY_SLICE, &sweep->tx);
        return rv == APR_SUCCESS ? remove_old(sweep, directory, name) : rv;
    }
    if (unlinkat(directory, name, 0)) {
        return errno;
    }
    return dms_is_reserved(name) ? APR_SUCCESS : forget(sweep, name, st.st_size);
}

/* Removes a folder in which nothing is, unless somebody may be about to make something in it. */
static void remove_empty(const char *path)
{
    struct stat st;

    if (!stat(path, &st) && is_older(st.st_mtime, 1)) {
        rmdir(path);
    }
}

static void sweep_shard(sweep_t *sweep)
{
    DIR *dir = opendir(sweep->path);
    const struct dirent *entry;
    apr_status_t rv = APR_SUCCESS;

    while (dir && rv == APR_SUCCESS && (entry = readdir(dir)) != NULL) {
        rv = is_self_or_outer(entry->d_name) ? APR_SUCCESS
                                             : remove_old(sweep, dirfd(dir), entry->d_name);
    }
    if (sweep->tx) { /* what has gone has gone: where this fails, the sums are counted anew */
        dms_tx_commit(sweep->tx);
    }
    if (dir) {
        closedir(dir);
        remove_empty(sweep->path);
    }
}

/* Goes to where the round before has ended; to the beginning, where that was its end, or is
 * gone. */
static void find_user(void)
{
    ssize_t length = read(at.note, at.user, USER_LENGTH);
    const struct dirent *entry = NULL;

    at.user[length > 0 ? length : 0] = '\0';
    while (at.users && *at.user && (entry = readdir(at.users)) != NULL
           && strcmp(entry->d_name, at.user) != 0) {
    }
    if (at.users && !entry) {
        rewinddir(at.users);
    }
    at.shard = DMS_APART_SHARDS;
}

/* Begins a round, where no process has been at one in the last hour. A time that is yet to come is
 * none. */
static void begin_round(apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, folder, LAST_ROUND, NULL);
    apr_int64_t now = apr_time_sec(apr_time_now());
    struct stat st;

    if (!stat(path, &st) && st.st_mtime <= now && st.st_mtime > now - apr_time_sec(ROUND)) {
        return;
    }
    at.note = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (at.note >= 0) {
        futimens(at.note, NULL);
        at.users = opendir(folder);
        find_user();
        if (!at.users) {
            close(at.note);
        }
    }
}

static void end_round(void)
{
    closedir(at.users);
    at.users = NULL;
    (void)!ftruncate(at.note, 0); /* where that fails, the next one goes on from here */
    close(at.note);
}

/* The next user, or the end of the round. */
static int next_user(void)
{
    const struct dirent *entry;

    while ((entry = readdir(at.users)) != NULL && strlen(entry->d_name) != USER_LENGTH) {
    }
    if (!entry) {
        end_round();
        return 0;
    }
    apr_cpystrn(at.user, entry->d_name, sizeof(at.user));
    at.shard = 0;
    (void)!pwrite(at.note, at.user, USER_LENGTH, 0);
    return 1;
}

/* The next shard, or user; 0: the round is at its end. */
static int go_on(dms_store_t *store, const dms_provider_t *provider, apr_pool_t *pool)
{
    sweep_t sweep = {.store = store, .provider = provider, .pool = pool};

    if (at.shard < DMS_APART_SHARDS) {
        sweep.path = apr_psprintf(pool, "%s/%s/%02x", folder, at.user, (unsigned int)at.shard++);
        sweep_shard(&sweep);
        return 1;
    }
    remove_empty(apr_pstrcat(pool, folder, "/", at.user, NULL));
    return next_user();
}

static void do_slice(dms_store_t *store, const dms_provider_t *provider, apr_pool_t *pool)
{
    apr_time_t until = apr_time_now() + DMS_RECOVERY_SLICE;
    apr_pool_t *own;
    int goes_on;

    apr_pool_create(&own, pool);
    if (!at.users) {
        begin_round(own);
    }
    goes_on = at.users != NULL;
    while (goes_on && apr_time_now() < until) {
        goes_on = go_on(store, provider, own);
        apr_pool_clear(own);
    }
    apr_pool_destroy(own);
    apr_atomic_set64(&at.next, (apr_uint64_t)(apr_time_now() + (goes_on ? PAUSE : ROUND)));
}

static int is_time(void)
{
    return (apr_uint64_t)apr_time_now() >= apr_atomic_read64(&at.next);
}

void dms_apart_sweep(dms_store_t *store, const dms_provider_t *provider, apr_pool_t *pool)
{
    if (!folder || !is_time() || apr_atomic_cas32(&at.is_busy, 1, 0)) {
        return;
    }
    if (is_time()) {
        do_slice(store, provider, pool);
    }
    apr_atomic_set32(&at.is_busy, 0);
}
