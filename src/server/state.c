#include "server/state.h"

#include <errno.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_escape.h>
#include <apr_file_io.h>
#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_main.h>
#include <mpm_common.h>
#include <unixd.h>

#include "config/config.h"
#include "processes/processes.h"
#include "recovery/recovery.h"
#include "repository/fs/fs.h"
#include "repository/fs/own.h"
#include "server/apart.h"
#include "server/ownership.h"

APLOG_USE_MODULE(dav_multistatus);

/* Set in child_init, by one thread; constant afterwards. */
static dms_store_t *store;
static dms_recovery_t *recovery;

/* What was told to the log in which minute, so that one cause is told once in it, however many
 * requests meet it: a hash of the words, and the minute. Atomic. */
#define TOLD 16
static volatile apr_uint64_t told[TOLD];

static int is_told(const char *message)
{
    apr_ssize_t length = APR_HASH_KEY_STRING;
    apr_uint64_t hash = apr_hashfunc_default(message, &length);
    apr_uint64_t now = hash << 32 | (apr_uint32_t)(apr_time_sec(apr_time_now()) / 60);

    return apr_atomic_xchg64(&told[hash % TOLD], now) == now;
}

static void log_once(void *server, int level, apr_status_t status, const char *message)
{
    if (!is_told(message)) {
        /* APR's words for APR_EGENERAL say nothing, at some length. */
        ap_log_error(APLOG_MARK, level, status == APR_EGENERAL ? APR_SUCCESS : status,
                     (server_rec *)server, "%s", message);
    }
}

/* APR_SUCCESS: a note, for who follows what happens. EROFS is of whatever keeps the database from
 * being written, seldom what its words say: the message has better ones. */
static void log_store(void *server, apr_status_t status, const char *message)
{
    log_once(server, status == APR_SUCCESS ? APLOG_DEBUG : APLOG_ERR,
             status == EROFS ? APR_EGENERAL : status, message);
}

static void log_recovery(void *server, apr_status_t status, const char *message)
{
    log_once(server, APLOG_WARNING, status, message);
}

/* The file of a store that is one, or NULL. */
static const char *store_file(void)
{
    const dms_store_place_t *place = dms_config_store();

    return !strcmp(place->driver, "sqlite3") ? place->params : NULL;
}

static const char *directory_name(apr_pool_t *pool, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash) {
        return ".";
    }
    return slash == path ? "/" : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
}

static void complain(server_rec *server, const char *directory)
{
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, server,
                 "%s, for the store of properties and locks, can't be made: make it, owned by the "
                 "server's User, or name another place with DavMultistatusStore",
                 directory);
}

/* Those that it is in, where they are missing: root's, and open for the User to pass. One that
 * can't be made shows when the directory itself can't. */
static void make_parents(apr_pool_t *pool, const char *directory)
{
    mode_t before = umask(022);

    apr_dir_make_recursive(directory_name(pool, directory), APR_FPROT_OS_DEFAULT, pool);
    umask(before);
}

/* Makes the directory where it is missing, for the server's User; one that is there belongs to
 * somebody already. */
static void make_directory(apr_pool_t *pool, server_rec *server, const char *directory)
{
    make_parents(pool, directory);
    if (mkdir(directory, 0700)) {
        if (errno != EEXIST) {
            complain(server, directory);
        }
    }
    else if (geteuid() == 0 && dms_ownership_give(directory)) {
        complain(server, directory);
    }
}

/* What the User could have put into the directory must not lead root anywhere: the database is made
 * with the User's own rights. */
static int become_user(void)
{
    umask(077);
    return geteuid() != 0
           || (!initgroups(ap_unixd_config.user_name, ap_unixd_config.group_id)
               && !setgid(ap_unixd_config.group_id) && !setuid(ap_unixd_config.user_id));
}

/* Runs a function, and waits for its end, with the User's rights in a process of its own. */
static void run_as_user(void (*function)(apr_pool_t *pool, server_rec *server), apr_pool_t *pool,
                        server_rec *server)
{
    pid_t child = fork();

    if (child == 0) {
        if (become_user()) {
            function(pool, server);
        }
        _exit(0);
    }
    if (child < 0) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, server, "no process for the store");
    }
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
}

/* Makes the store. What folders have is not followed without quotas: it is forgotten then. */
static void prepare(apr_pool_t *pool, server_rec *server)
{
    const dms_store_place_t *place = dms_config_store();
    dms_store_t *made;

    if (dms_store_prepare(pool, place->driver, place->params, log_store, server) == APR_SUCCESS
        && !dms_config_has_quotas()
        && dms_store_create(pool, place->driver, place->params, 1, log_store, server, &made)
               == APR_SUCCESS) {
        dms_store_forget_space(made, pool);
    }
}

void dms_state_prepare(apr_pool_t *pool, server_rec *server)
{
    const char *file = store_file();

    if (file) {
        make_directory(pool, server, directory_name(pool, file));
        dms_ownership_restore(directory_name(pool, file), apr_filepath_name_get(file));
    }
    run_as_user(prepare, pool, server);
}

/* --- configtest --- */

static void complain_of_store(server_rec *server, const char *fault)
{
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                 "the store %s: %s: nothing can be written over WebDAV until that is mended, or "
                 "DavMultistatusStore names another place",
                 store_file(), fault);
}

/* Whether this process may what the server's User may, or can become it. */
static int is_as_user(void)
{
    return geteuid() == 0 || ap_unixd_config.user_id == geteuid()
           || ap_unixd_config.user_id == (uid_t)-1; /* no User is named */
}

/* The first that is there of a path and the folders that it is in. */
static const char *nearest(apr_pool_t *pool, const char *path, struct stat *st)
{
    while (stat(path, st) && errno == ENOENT && path[1]) {
        path = directory_name(pool, path);
    }
    return path;
}

/* What keeps anybody from making a store of that name, or NULL. The folders to it are made by
 * whoever starts the server. */
static const char *fault_of_place(apr_pool_t *pool, const char *file)
{
    const char *folder = directory_name(pool, file), *there;
    struct stat st = {0};

    there = nearest(pool, folder, &st);
    if (!st.st_mode || (there != folder && access(there, W_OK | X_OK))) {
        return "its folder can't be reached, or made";
    }
    if (!S_ISDIR(st.st_mode)) {
        return "what should be its folder is a file";
    }
    return !stat(file, &st) && !S_ISREG(st.st_mode) ? "it is no file" : NULL;
}

/* Whether the User may not write what is there. What is root's a start by root mends. */
static int is_closed(const char *path, int rights, int is_mended)
{
    struct stat st;

    return !stat(path, &st) && access(path, rights) && !(is_mended && st.st_uid == 0);
}

/* Set before the process becomes the User's. */
static int is_file_mended, is_folder_mended;

static void test_rights(apr_pool_t *pool, server_rec *server)
{
    if (is_closed(directory_name(pool, store_file()), R_OK | W_OK | X_OK, is_folder_mended)) {
        complain_of_store(server, "the server's User may not write its folder");
    }
    else if (is_closed(store_file(), R_OK | W_OK, is_file_mended)) {
        complain_of_store(server, "the server's User may not write it");
    }
}

void dms_state_test(apr_pool_t *pool, server_rec *server)
{
    const dms_store_place_t *place = dms_config_store();
    const char *file = store_file(), *fault;
    dms_store_t *tested;

    if (dms_store_create(pool, place->driver, place->params, 1, log_store, server, &tested)
            != APR_SUCCESS
        || dms_store_find_driver(tested) != APR_SUCCESS || !file || !is_as_user()) {
        return;
    }
    fault = fault_of_place(pool, file);
    if (fault) {
        complain_of_store(server, fault);
        return;
    }
    is_file_mended = geteuid() == 0;
    is_folder_mended = geteuid() == 0
                       && dms_ownership_is_of_store(directory_name(pool, file),
                                                    apr_filepath_name_get(file));
    run_as_user(test_rights, pool, server);
}

static void join_processes(apr_pool_t *pool, server_rec *server)
{
    const char *folder = store_file() ? apr_pstrcat(pool, store_file(), DMS_OWN_PROCESSES, NULL)
                                      : NULL;
    apr_status_t rv = dms_processes_join(folder);

    if (rv != APR_SUCCESS && folder) {
        ap_log_error(APLOG_MARK, APLOG_INFO, rv, server,
                     "%s can't be used: where this process is killed, and has a namespace of its "
                     "own, others may not find out",
                     folder);
    }
}

void dms_state_open(apr_pool_t *pool, server_rec *server)
{
    int threads = 1;

    dms_own_set(store_file());
    join_processes(pool, server);
    if (dms_config_litter_days() && store_file()) {
        dms_apart_open(apr_pstrcat(pool, store_file(), DMS_OWN_LITTER, NULL));
    }
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    if (dms_store_create(pool, dms_config_store()->driver, dms_config_store()->params,
                         threads > 0 ? threads : 1, log_store, server, &store)
        != APR_SUCCESS) {
        store = NULL;
        return;
    }
    dms_store_be_patient(store, dms_config_store()->patience);
    if (dms_config_has_quotas()) {
        dms_store_count_space(store, pool);
    }
    recovery = dms_recovery_create(pool, store, log_recovery, server);
}

dms_store_t *dms_state_store(void)
{
    return store;
}

/* How deep litter is in its folder (server/apart.h). */
#define LITTER_DEPTH 3

/* Whether what is at a path is litter, also what was kept before a configuration that keeps none:
 * by what the folders are in, whichever links have led there. */
static int is_litter(const request_rec *r, const dms_own_t *own, const char *directory)
{
    const char *folder = r->finfo.filetype == APR_DIR ? r->filename : directory;
    struct stat st;
    int i;

    for (i = 1; i < LITTER_DEPTH && dms_own_has_litter(own); i++) {
        folder = apr_pstrcat(r->pool, folder, "/..", NULL);
        if (!stat(folder, &st) && dms_own_has(own, st.st_dev, st.st_ino)) {
            return 1;
        }
    }
    return 0;
}

int dms_state_owns(request_rec *r)
{
    dms_own_t own;
    struct stat parent;
    const char *directory;

    if (!r->filename || *r->filename != '/') {
        return 0;
    }
    dms_own_look(&own);
    if (r->finfo.filetype != APR_NOFILE && dms_own_has(&own, r->finfo.device, r->finfo.inode)) {
        return 1;
    }
    directory = directory_name(r->pool, r->filename);
    return !stat(directory, &parent)
           && (dms_own_has(&own, parent.st_dev, parent.st_ino)
               || (parent.st_dev == own.device && parent.st_ino == own.folder
                   && dms_own_is_name(apr_filepath_name_get(r->filename)))
               || is_litter(r, &own, directory));
}

int dms_state_is_below(apr_pool_t *pool, const dms_provider_t *provider,
                       const dms_resource_t *resource)
{
    const char *name, *file = store_file();
    dms_node_t *folder;

    return file && provider == &dms_fs_provider && resource->facts.kind == DMS_KIND_COLLECTION
           && provider->parent_of_key(apr_pescape_path(pool, file, 1), pool, &folder, &name)
                  == APR_SUCCESS
           && provider->is_within(folder, resource->node);
}

void dms_state_sweep_later(const dms_intention_t *deletion)
{
    if (deletion->id) {
        dms_store_abandon(store, deletion->id);
    }
    else {
        dms_recovery_remember(recovery, deletion->from);
    }
}

void dms_state_recover(apr_pool_t *pool, const dms_provider_t *provider)
{
    if (recovery) {
        dms_recovery_look(recovery, provider, pool);
        if (dms_config_litter_days() && provider == &dms_fs_provider) {
            dms_apart_sweep(store, provider, pool);
        }
    }
}
