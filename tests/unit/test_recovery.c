#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "recovery/recovery.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "keys/keys.h"
#include "processes/processes.h"
#include "repository/provider.h"
#include "unit.h"

/* --- a provider: files by their paths, which are the keys --- */

struct dms_node_t {
    const char *path;
};

struct dms_cursor_t {
    DIR *dir;
    const char *path;
    const char *name;
};

static char top[] = "/tmp/dms-recovery-XXXXXX";
static const char *trouble = "/"; /* the identity of what has this name can't be told */
static int delay;                 /* of a removal, in microseconds */

static const char *path_in(apr_pool_t *pool, const char *path, const char *name)
{
    return apr_pstrcat(pool, path, "/", name, NULL);
}

static apr_status_t parent_of_key(const char *key, apr_pool_t *pool, dms_node_t **parent,
                                  const char **name)
{
    struct stat st;

    *parent = apr_palloc(pool, sizeof(**parent));
    (*parent)->path = dms_key_parent(pool, key);
    *name = dms_key_name(key);
    return stat((*parent)->path, &st) ? errno : APR_SUCCESS;
}

static apr_status_t identity(dms_node_t *parent, const char *name, apr_pool_t *pool,
                             const char **found)
{
    struct stat st;

    *found = "";
    if (!strcmp(name, trouble)) {
        return EIO;
    }
    if (lstat(path_in(pool, parent->path, name), &st)) {
        return errno == ENOENT || errno == ENOTDIR ? APR_SUCCESS : errno;
    }
    *found = apr_psprintf(pool, "%lx", (unsigned long)st.st_ino);
    return APR_SUCCESS;
}

static apr_status_t rename_node(dms_node_t *from, const char *from_name, dms_node_t *to,
                                const char *to_name, dms_rename_e how)
{
    ck_assert_int_eq(how, DMS_RENAME_NEW);
    return rename(path_in(unit_pool, from->path, from_name), path_in(unit_pool, to->path, to_name))
               ? errno
               : APR_SUCCESS;
}

static apr_status_t remove_node(dms_node_t *parent, const char *name, dms_kind_e kind)
{
    char path[512];

    if (delay) {
        usleep((useconds_t)delay);
    }
    snprintf(path, sizeof(path), "%s/%s", parent->path, name);
    return (kind == DMS_KIND_COLLECTION ? rmdir(path) : unlink(path)) ? errno : APR_SUCCESS;
}

static apr_status_t child(dms_node_t *parent, const char *name, apr_pool_t *pool, dms_node_t **node)
{
    struct stat st;

    *node = apr_palloc(pool, sizeof(**node));
    (*node)->path = path_in(pool, parent->path, name);
    return lstat((*node)->path, &st) ? errno : S_ISDIR(st.st_mode) ? APR_SUCCESS : ENOTDIR;
}

static apr_status_t close_dir(void *dir)
{
    closedir(dir);
    return APR_SUCCESS;
}

static apr_status_t open_node(dms_node_t *node, struct request_rec *r, dms_list_e what,
                              unsigned int wanted, apr_pool_t *pool, dms_cursor_t **cursor)
{
    (void)r, (void)what, (void)wanted;
    *cursor = apr_pcalloc(pool, sizeof(**cursor));
    (*cursor)->path = node->path;
    (*cursor)->dir = opendir(node->path);
    if (!(*cursor)->dir) {
        return errno;
    }
    apr_pool_cleanup_register(pool, (*cursor)->dir, close_dir, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

static apr_status_t next(dms_cursor_t *cursor, dms_due_fn *is_due, void *baton,
                         dms_member_t *member)
{
    struct dirent *entry;

    (void)is_due, (void)baton;
    do {
        entry = readdir(cursor->dir);
    } while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
    if (!entry) {
        return APR_EOF;
    }
    memset(member, 0, sizeof(*member));
    cursor->name = member->name = entry->d_name;
    member->name_length = strlen(member->name);
    member->facts.kind = entry->d_type == DT_DIR ? DMS_KIND_COLLECTION : DMS_KIND_FILE;
    return APR_SUCCESS;
}

static void rewind_cursor(dms_cursor_t *cursor)
{
    rewinddir(cursor->dir);
}

static apr_status_t enter(dms_cursor_t *cursor, apr_pool_t *pool, dms_node_t **node)
{
    *node = apr_palloc(pool, sizeof(**node));
    (*node)->path = path_in(pool, cursor->path, cursor->name);
    return APR_SUCCESS;
}

static const dms_provider_t disk = {
    .name = "fs",
    .open = open_node,
    .next = next,
    .rewind = rewind_cursor,
    .enter = enter,
    .child = child,
    .remove = remove_node,
    .rename = rename_node,
    .identity = identity,
    .parent_of_key = parent_of_key,
};

/* --- surroundings --- */

static const dms_name_t color = DMS_NAME("urn:x", "color");
static const char *file, *root; /* of the store, and what the keys begin with */
static dms_store_t *store;
static char last_message[256];
static int messages;

static void log_message(void *baton, apr_status_t status, const char *message)
{
    (void)baton;
    if (status == APR_SUCCESS) { /* a note */
        return;
    }
    messages++;
    apr_cpystrn(last_message, message, sizeof(last_message));
}

#define assert_ok(call) ck_assert_msg((call) == APR_SUCCESS, "%s: %s", #call, last_message)

static void make_top(void)
{
    unit_folder_make(top);
}

static void remove_top(void)
{
    unit_folder_remove(top);
}

static int has_folder = 1;

static void join(void)
{
    if (!has_folder) {
        dms_processes_join(NULL);
        return;
    }
    assert_ok(dms_processes_join(apr_pstrcat(unit_pool, file, "-processes", NULL)));
}

static void open_store(void)
{
    assert_ok(dms_store_create(unit_pool, "sqlite3", file, 4, log_message, NULL, &store));
}

static void setup(void)
{
    file = apr_psprintf(unit_pool, "%s/%ld.db", top, (long)getpid());
    root = apr_psprintf(unit_pool, "%s/%ld", top, (long)getpid());
    ck_assert_int_eq(mkdir(root, 0700), 0);
    join();
    assert_ok(dms_store_prepare(unit_pool, "sqlite3", file, log_message, NULL));
    open_store();
}

static const char *key(const char *name)
{
    return path_in(unit_pool, root, name);
}

static void make(const char *name)
{
    int fd = open(key(name), O_CREAT | O_WRONLY | O_EXCL, 0600);

    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void make_folder(const char *name)
{
    ck_assert_int_eq(mkdir(key(name), 0700), 0);
}

static int is_there(const char *name)
{
    struct stat st;

    return lstat(key(name), &st) == 0;
}

static const char *identity_of(const char *name)
{
    dms_node_t parent = {root};
    const char *found;

    identity(&parent, name, unit_pool, &found);
    return found;
}

static void set(const char *name, const char *xml)
{
    dms_tx_t *tx;

    assert_ok(dms_tx_begin(store, unit_pool, &tx));
    assert_ok(dms_tx_set(tx, key(name), &color, xml));
    assert_ok(dms_tx_commit(tx));
}

static const char *get(const char *name)
{
    dms_choice_t all = {.what = DMS_CHOICE_ALL};
    dms_dead_property_t *first;

    assert_ok(dms_store_properties(store, key(name), &all, unit_pool, &first));
    return first ? first->xml : "";
}

/* A process notes an intention, and dies. */
static void leave(dms_intention_t intention)
{
    dms_tx_t *tx;
    int status;

    if (!fork()) {
        join();
        open_store();
        assert_ok(dms_tx_begin(store, unit_pool, &tx));
        assert_ok(dms_tx_intend(tx, &intention));
        assert_ok(dms_tx_commit(tx));
        _exit(0);
    }
    wait(&status);
    ck_assert_int_eq(status, 0);
}

static int count_intentions(void)
{
    dms_intention_t *first;
    int count = 0;

    for (assert_ok(dms_store_orphans(store, NULL, unit_pool, &first)); first; first = first->next) {
        count++;
    }
    return count;
}

/* Recovers, as a process that has just been started; returns in how many slices. */
static int recover(void)
{
    dms_recovery_t *recovery = dms_recovery_create(unit_pool, store, log_message, NULL);
    int slices = 1;

    while (dms_recovery_slice(recovery, &disk, unit_pool)) {
        usleep(1000);
        slices++;
    }
    return slices;
}

#define RESERVED DMS_RESERVED_PREFIX "1-2-3"

/* --- abandoned ones, and what could not be noted --- */

/* An intention of this very process. */
static void intend(dms_intention_t *intention)
{
    dms_tx_t *tx;

    assert_ok(dms_tx_begin(store, unit_pool, &tx));
    assert_ok(dms_tx_intend(tx, intention));
    assert_ok(dms_tx_commit(tx));
}

START_TEST(a_living_process_completes_what_it_has_abandoned)
{
    dms_intention_t move = {.intent = DMS_INTENT_MOVE, .from = key("a"), .to = key("b")};

    make("b");
    set("a", "<x/>");
    move.identity = identity_of("b");
    intend(&move);
    ck_assert_int_eq(count_intentions(), 0);
    recover();
    ck_assert_str_eq(get("a"), "<x/>");

    dms_store_abandon(store, move.id);
    ck_assert_int_eq(count_intentions(), 1);
    recover();
    ck_assert_str_eq(get("b"), "<x/>");
    ck_assert_str_eq(get("a"), "");
    ck_assert_int_eq(count_intentions(), 0);
}
END_TEST

START_TEST(a_move_supersedes_one_that_came_to_nothing)
{
    dms_intention_t move = {.intent = DMS_INTENT_MOVE, .from = key("a"), .to = key("b")};
    dms_intention_t other = {.intent = DMS_INTENT_MOVE, .from = key("c"), .to = key("b")};
    dms_tx_t *tx;

    make("b");
    make("c");
    move.identity = identity_of("b"); /* it has moved there since, in another way */
    other.identity = identity_of("c");
    leave(move);
    leave(other);
    set("b", "<kept/>");
    assert_ok(dms_tx_begin(store, unit_pool, &tx));
    assert_ok(dms_tx_supersede(tx, &move));
    assert_ok(dms_tx_commit(tx));
    ck_assert_int_eq(count_intentions(), 1);
    recover();
    ck_assert_str_eq(get("b"), "<kept/>");
}
END_TEST

START_TEST(a_deletion_that_could_not_be_noted_is_completed)
{
    dms_recovery_t *recovery = dms_recovery_create(unit_pool, store, log_message, NULL);
    int i;

    make("there");
    set("there", "<x/>");
    set("gone", "<x/>");
    for (i = 0; i < DMS_RECOVERY_REMEMBERED + 3; i++) { /* the last ones count */
        dms_recovery_remember(recovery, key("nothing"));
    }
    dms_recovery_remember(recovery, key("gone"));
    dms_recovery_remember(recovery, key("there"));
    while (dms_recovery_slice(recovery, &disk, unit_pool)) {
        usleep(1000);
    }
    ck_assert_str_eq(get("gone"), "");
    ck_assert_str_eq(get("there"), "<x/>");
    ck_assert_int_eq(count_intentions(), 0);
}
END_TEST

/* --- what stands aside --- */

/* Whether something has a name that begins so. */
static int is_shown(const char *prefix)
{
    DIR *dir = opendir(root);
    struct dirent *entry;
    int is = 0;

    while ((entry = readdir(dir)) != NULL) {
        is |= !strncmp(entry->d_name, prefix, strlen(prefix));
    }
    closedir(dir);
    return is;
}

/* Killed after its first step, an exchange in three has left "old" aside; then "b" was made. */
static void leave_aside(dms_intent_e intent, const char *source)
{
    const char *aside = dms_reserved_aside(RESERVED, unit_pool);

    make_folder("b");
    make_folder(source);
    make_folder(aside);
    make(apr_pstrcat(unit_pool, aside, "/member", NULL));
    leave((dms_intention_t){.intent = intent,
                            .from = key("a"),
                            .to = key("b"),
                            .identity = identity_of(source),
                            .replaced = intent == DMS_INTENT_MOVE ? identity_of(aside) : NULL,
                            .reserved = RESERVED});
    set("b", "<new/>");
    recover();
    ck_assert(is_shown("b.replaced-"));
    ck_assert(!is_shown(DMS_RESERVED_PREFIX));
    ck_assert_str_eq(get("b"), "<new/>");
    ck_assert_int_eq(count_intentions(), 0);
    ck_assert_int_eq(messages, 1);
}

START_TEST(what_a_move_has_put_aside_is_shown_where_its_name_is_anothers)
{
    leave_aside(DMS_INTENT_MOVE, "a");
    ck_assert(is_there("a"));
}
END_TEST

START_TEST(what_a_copy_has_put_aside_is_shown_where_its_name_is_anothers)
{
    leave_aside(DMS_INTENT_COPY, RESERVED);
}
END_TEST

/* --- moves --- */

START_TEST(a_move_that_has_happened)
{
    make("b");
    set("a", "<a/>");
    set("b", "<old/>");
    leave((dms_intention_t){.intent = DMS_INTENT_MOVE,
                            .from = key("a"),
                            .to = key("b"),
                            .identity = identity_of("b"),
                            .reserved = RESERVED});
    recover();
    ck_assert_str_eq(get("a"), "");
    ck_assert_str_eq(get("b"), "<a/>");
    ck_assert_int_eq(count_intentions(), 0);
    ck_assert_int_eq(messages, 0);
}
END_TEST

START_TEST(a_move_that_has_not_happened)
{
    make("a");
    make("b");
    set("a", "<a/>");
    set("b", "<b/>");
    leave((dms_intention_t){.intent = DMS_INTENT_MOVE,
                            .from = key("a"),
                            .to = key("b"),
                            .identity = identity_of("a"),
                            .replaced = identity_of("b"),
                            .reserved = RESERVED});
    recover();
    ck_assert_str_eq(get("a"), "<a/>");
    ck_assert_str_eq(get("b"), "<b/>");
    ck_assert_int_eq(is_there("a") && is_there("b"), 1);
    ck_assert_int_eq(count_intentions(), 0);
}
END_TEST

/* Killed between the exchange and the name that what was replaced was to get, or after that. */
START_TEST(what_a_move_has_replaced_goes)
{
    static const char *const names[] = {"a", RESERVED};
    size_t i;

    for (i = 0; i < 2; i++) {
        make_folder("b");
        make_folder(names[i]);
        make(apr_pstrcat(unit_pool, names[i], "/x", NULL));
        set("a", "<a/>");
        set("a/y", "<y/>");
        leave((dms_intention_t){.intent = DMS_INTENT_MOVE,
                                .from = key("a"),
                                .to = key("b"),
                                .identity = identity_of("b"),
                                .replaced = identity_of(names[i]),
                                .reserved = RESERVED});
        recover();
        ck_assert_int_eq(is_there(names[i]), 0);
        ck_assert_str_eq(get("b"), "<a/>");
        ck_assert_str_eq(get("b/y"), "<y/>");
        ck_assert_int_eq(count_intentions(), 0);
        ck_assert_int_eq(rmdir(key("b")), 0);
    }
}
END_TEST

/* What has been made at the old place meanwhile is neither removed nor loses its properties. */
START_TEST(the_old_place_is_somebodys_again)
{
    make_folder("b");
    make_folder("a");
    make("a/x");
    set("a", "<new/>");
    leave((dms_intention_t){.intent = DMS_INTENT_MOVE,
                            .from = key("a"),
                            .to = key("b"),
                            .identity = identity_of("b"),
                            .replaced = "another",
                            .reserved = RESERVED});
    recover();
    ck_assert_int_eq(is_there("a/x"), 1);
    ck_assert_str_eq(get("a"), "<new/>");
    ck_assert_str_eq(get("b"), "");
    ck_assert_int_eq(count_intentions(), 0);
}
END_TEST

/* --- copies --- */

START_TEST(a_copy_that_is_in_place)
{
    make_folder("a");
    make_folder("b");
    make_folder(RESERVED);
    make(RESERVED "/old");
    set("a", "<a/>");
    set("a/x", "<x/>");
    leave((dms_intention_t){.intent = DMS_INTENT_COPY,
                            .from = key("a"),
                            .to = key("b"),
                            .deep = 1,
                            .identity = identity_of("b"),
                            .reserved = RESERVED});
    recover();
    ck_assert_str_eq(get("b"), "<a/>");
    ck_assert_str_eq(get("b/x"), "<x/>");
    ck_assert_str_eq(get("a"), "<a/>");
    ck_assert_int_eq(is_there(RESERVED), 0);
    ck_assert_int_eq(count_intentions(), 0);
}
END_TEST

START_TEST(a_copy_that_is_not)
{
    make_folder("a");
    make_folder("b");
    make_folder(RESERVED);
    set("a", "<a/>");
    set("b", "<b/>");
    leave((dms_intention_t){.intent = DMS_INTENT_COPY,
                            .from = key("a"),
                            .to = key("b"),
                            .identity = identity_of(RESERVED),
                            .reserved = RESERVED});
    leave((dms_intention_t){.intent = DMS_INTENT_COPY, /* nothing was known of it yet */
                            .from = key("a"),
                            .to = key("b"),
                            .reserved = RESERVED});
    recover();
    ck_assert_str_eq(get("b"), "<b/>");
    ck_assert_int_eq(is_there(RESERVED), 0);
    ck_assert_int_eq(is_there("b"), 1);
    ck_assert_int_eq(count_intentions(), 0);
}
END_TEST

START_TEST(no_other_name_is_removed)
{
    make_folder("a");
    make_folder("b");
    leave((dms_intention_t){.intent = DMS_INTENT_COPY,
                            .from = key("a"),
                            .to = key("c"),
                            .reserved = "b"});
    leave((dms_intention_t){.intent = DMS_INTENT_REMOVE, .from = key("a")});
    recover();
    ck_assert_int_eq(is_there("a") && is_there("b"), 1);
    ck_assert_int_eq(count_intentions(), 0);
}
END_TEST

/* --- what can't be told --- */

START_TEST(what_nobody_can_tell_stays)
{
    static const char *const names[] = {"a", "b"};
    size_t i;

    make("b");
    set("a", "<a/>");
    leave((dms_intention_t){.intent = DMS_INTENT_MOVE,
                            .from = key("a"),
                            .to = key("b"),
                            .identity = identity_of("b"),
                            .reserved = RESERVED});
    for (i = 0; i < 2; i++) {
        trouble = names[i];
        recover();
        ck_assert_int_eq(messages, (int)i + 1);
        ck_assert_str_eq(get("a"), "<a/>");
        ck_assert_int_eq(count_intentions(), 1);
    }
    trouble = "/";
    recover();
    ck_assert_str_eq(get("b"), "<a/>");
    ck_assert_int_eq(count_intentions(), 0);
}
END_TEST

START_TEST(it_is_not_tried_again_at_once)
{
    dms_recovery_t *recovery = dms_recovery_create(unit_pool, store, log_message, NULL);
    int i;

    set("a", "<a/>");
    leave((dms_intention_t){.intent = DMS_INTENT_DELETE, .from = key("a")});
    trouble = "a";
    for (i = 0; i < 10; i++) {
        ck_assert_int_eq(dms_recovery_slice(recovery, &disk, unit_pool), 0);
    }
    ck_assert_int_eq(messages, 1);
    ck_assert_ptr_nonnull(strstr(last_message, key("a")));
    ck_assert_str_eq(get("a"), "<a/>");
    trouble = "/";
    recover();
    ck_assert_str_eq(get("a"), "");
    ck_assert_int_eq(count_intentions(), 0);
}
END_TEST

/* A process sweeps for itself: what it can't tell of is left to others, when it is gone. */
START_TEST(a_sweep_of_ones_own)
{
    dms_intention_t own = {.intent = DMS_INTENT_DELETE, .from = key("a")};
    dms_tx_t *tx;

    set("a", "<a/>");
    set("a/x", "<x/>");
    set("a/y", "<y/>");
    make_folder("a");
    make("a/x");
    assert_ok(dms_tx_begin(store, unit_pool, &tx));
    assert_ok(dms_tx_intend(tx, &own));
    assert_ok(dms_tx_commit(tx));
    own.reached = "";
    trouble = "y";
    assert_ok(dms_recovery_sweep(store, &disk, &own, unit_pool));
    ck_assert_str_eq(get("a"), "<a/>");
    ck_assert_str_eq(get("a/x"), "<x/>");
    ck_assert_str_eq(get("a/y"), "<y/>");
    trouble = "/";
    own.reached = "";
    own.doubts = 0;
    assert_ok(dms_recovery_sweep(store, &disk, &own, unit_pool));
    ck_assert_str_eq(get("a/x"), "<x/>");
    ck_assert_str_eq(get("a/y"), "");
    assert_ok(dms_tx_begin(store, unit_pool, &tx));
    ck_assert_int_eq(dms_tx_intention(tx, own.id, unit_pool, &own.next), APR_SUCCESS);
    ck_assert_ptr_null(own.next);
    dms_tx_abort(tx);
}
END_TEST

START_TEST(another_providers_are_left_alone)
{
    leave((dms_intention_t){.intent = DMS_INTENT_DELETE, .from = "/|mem/a"});
    recover();
    ck_assert_int_eq(count_intentions(), 1);
}
END_TEST

/* --- slices --- */

#define MANY 2000

static void make_many(const char *name, int members)
{
    int i;

    make_folder(name);
    for (i = 0; i < members; i++) {
        make(apr_psprintf(unit_pool, "%s/%d", name, i));
    }
}

static void leave_many(void)
{
    dms_tx_t *tx;
    int i;

    make_many(RESERVED, MANY);
    make_many(RESERVED "/deep", 100);
    make_folder("a");
    assert_ok(dms_tx_begin(store, unit_pool, &tx));
    for (i = 0; i < 4 * MANY; i++) {
        assert_ok(dms_tx_set(tx, key(apr_psprintf(unit_pool, "a/%d", i)), &color, "<x/>"));
    }
    assert_ok(dms_tx_commit(tx));
    leave((dms_intention_t){.intent = DMS_INTENT_REMOVE, .from = key(RESERVED)});
    leave((dms_intention_t){.intent = DMS_INTENT_DELETE, .from = key("a")});
}

static void assert_all_done(void)
{
    ck_assert_int_eq(is_there(RESERVED), 0);
    ck_assert_int_eq(count_intentions(), 0);
    ck_assert_str_eq(get("a/1"), "");
    ck_assert_str_eq(get(apr_psprintf(unit_pool, "a/%d", 4 * MANY - 1)), "");
    ck_assert_int_eq(messages, 0);
}

/* Another thread writes meanwhile, and waits for nobody's work. */
typedef struct writer_t {
    volatile apr_uint32_t stop;
    int writes;
    apr_time_t longest;
} writer_t;

static void *APR_THREAD_FUNC write_meanwhile(apr_thread_t *thread, void *baton)
{
    writer_t *writer = baton;
    apr_pool_t *pool;

    (void)thread;
    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    while (!apr_atomic_read32(&writer->stop)) {
        apr_time_t start = apr_time_now();
        dms_tx_t *tx;

        if (dms_tx_begin(store, pool, &tx) == APR_SUCCESS
            && dms_tx_set(tx, "/somewhere", &color, "<x/>") == APR_SUCCESS
            && dms_tx_commit(tx) == APR_SUCCESS) {
            writer->writes++;
        }
        if (apr_time_now() - start > writer->longest) {
            writer->longest = apr_time_now() - start;
        }
        apr_pool_clear(pool);
        apr_sleep(1000);
    }
    apr_pool_destroy(pool);
    return NULL;
}

START_TEST(much_is_done_in_slices)
{
    dms_recovery_t *recovery = dms_recovery_create(unit_pool, store, log_message, NULL);
    apr_time_t longest = 0, start;
    writer_t writer = {0};
    apr_thread_t *thread;
    apr_status_t rv;
    int slices = 0, more = 1;

    delay = 50;
    leave_many();
    apr_thread_create(&thread, NULL, write_meanwhile, &writer, unit_pool);
    for (; more; slices++) {
        start = apr_time_now();
        more = dms_recovery_slice(recovery, &disk, unit_pool);
        longest = apr_time_now() - start > longest ? apr_time_now() - start : longest;
    }
    apr_atomic_set32(&writer.stop, 1);
    apr_thread_join(&rv, thread);
    assert_all_done();
    ck_assert_int_gt(slices, 10);
    ck_assert_int_gt(writer.writes, 5);
    /* 20 ms, and what a busy machine adds to that. */
    ck_assert_int_lt(longest, apr_time_from_msec(200));
    ck_assert_int_lt(writer.longest, apr_time_from_msec(200));
}
END_TEST

static void find_with_many(void)
{
    pid_t children[4];
    int i, status;

    leave_many();
    for (i = 0; i < 4; i++) {
        children[i] = fork();
        if (!children[i]) {
            join();
            open_store();
            while (count_intentions()) {
                recover();
            }
            _exit(messages);
        }
    }
    for (i = 0; i < 4; i++) {
        waitpid(children[i], &status, 0);
        ck_assert_int_eq(status, 0);
    }
    assert_all_done();
}

START_TEST(many_processes_find_it)
{
    find_with_many();
}
END_TEST

/* Where there is no folder, nobody can claim it for himself. */
START_TEST(many_processes_do_it_at_once)
{
    has_folder = 0;
    join();
    find_with_many();
}
END_TEST

START_TEST(a_process_that_is_killed_in_it_is_followed_by_another)
{
    int status, kills = 0;

    delay = 50;
    leave_many();
    while (count_intentions()) {
        pid_t pid = fork();

        if (!pid) {
            join();
            open_store();
            recover();
            _exit(0);
        }
        usleep(30000);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        kills += WIFSIGNALED(status);
    }
    ck_assert_int_gt(kills, 2);
    assert_all_done();
}
END_TEST

/* Whoever is in the midst of a transaction is not waited for any longer than a slice lasts. */
START_TEST(a_busy_store_is_not_waited_for)
{
    dms_recovery_t *recovery = dms_recovery_create(unit_pool, store, log_message, NULL);
    apr_time_t start;
    int tell[2], status;
    char ready;
    pid_t pid;

    set("a", "<a/>");
    leave((dms_intention_t){.intent = DMS_INTENT_DELETE, .from = key("a")});
    ck_assert(!pipe(tell));
    pid = fork();
    if (!pid) {
        dms_tx_t *tx;

        join();
        open_store();
        assert_ok(dms_tx_begin(store, unit_pool, &tx));
        ck_assert_int_eq(write(tell[1], "x", 1), 1);
        pause();
    }
    ck_assert_int_eq(read(tell[0], &ready, 1), 1);
    start = apr_time_now();
    ck_assert_int_eq(dms_recovery_slice(recovery, &disk, unit_pool), 1);
    ck_assert_int_lt(apr_time_now() - start, apr_time_from_msec(100));
    ck_assert_int_eq(messages, 0);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    recover();
    ck_assert_str_eq(get("a"), "");
}
END_TEST

START_TEST(it_is_looked_for_now_and_then)
{
    dms_recovery_t *recovery = dms_recovery_create(unit_pool, store, log_message, NULL);
    dms_provider_t readable = disk;

    readable.parent_of_key = NULL;
    dms_recovery_look(recovery, &readable, unit_pool);
    set("a", "<a/>");
    set("b", "<b/>");
    leave((dms_intention_t){.intent = DMS_INTENT_DELETE, .from = key("a")});
    dms_recovery_look(recovery, &disk, unit_pool);
    ck_assert_str_eq(get("a"), "");
    leave((dms_intention_t){.intent = DMS_INTENT_DELETE, .from = key("b")});
    dms_recovery_look(recovery, &disk, unit_pool);
    ck_assert_str_eq(get("b"), "<b/>"); /* within the same second */
    apr_sleep(apr_time_from_msec(1010));
    dms_recovery_look(recovery, &disk, unit_pool);
    ck_assert_str_eq(get("b"), "");
}
END_TEST

Suite *recovery_suite(void)
{
    Suite *suite = suite_create("recovery");
    TCase *tests = unit_case(suite, "recovery", 120);

    tcase_add_unchecked_fixture(tests, make_top, remove_top);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, a_living_process_completes_what_it_has_abandoned);
    tcase_add_test(tests, a_move_supersedes_one_that_came_to_nothing);
    tcase_add_test(tests, a_deletion_that_could_not_be_noted_is_completed);
    tcase_add_test(tests, what_a_move_has_put_aside_is_shown_where_its_name_is_anothers);
    tcase_add_test(tests, what_a_copy_has_put_aside_is_shown_where_its_name_is_anothers);
    tcase_add_test(tests, a_move_that_has_happened);
    tcase_add_test(tests, a_move_that_has_not_happened);
    tcase_add_test(tests, what_a_move_has_replaced_goes);
    tcase_add_test(tests, the_old_place_is_somebodys_again);
    tcase_add_test(tests, a_copy_that_is_in_place);
    tcase_add_test(tests, a_copy_that_is_not);
    tcase_add_test(tests, no_other_name_is_removed);
    tcase_add_test(tests, what_nobody_can_tell_stays);
    tcase_add_test(tests, it_is_not_tried_again_at_once);
    tcase_add_test(tests, a_sweep_of_ones_own);
    tcase_add_test(tests, another_providers_are_left_alone);
    tcase_add_test(tests, much_is_done_in_slices);
    tcase_add_test(tests, many_processes_find_it);
    tcase_add_test(tests, many_processes_do_it_at_once);
    tcase_add_test(tests, a_process_that_is_killed_in_it_is_followed_by_another);
    tcase_add_test(tests, a_busy_store_is_not_waited_for);
    tcase_add_test(tests, it_is_looked_for_now_and_then);
    return suite;
}
