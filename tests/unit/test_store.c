#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "store/store.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_dbd.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "processes/processes.h"
#include "store/store_private.h"
#include "unit.h"

#define NS "http://example.com/ns"

static const dms_name_t color = DMS_NAME(NS, "color");
static const dms_name_t shape = DMS_NAME(NS, "shape");
static const dms_name_t title = DMS_NAME(DMS_NS_DAV, "displayname");
static const dms_name_t plain = DMS_NAME("", "color");

/* --- surroundings --- */

static char folder[] = "/tmp/dms-store-XXXXXX";
static const char *file;
static dms_store_t *store;
static apr_pool_t *pool;       /* for the results of a step, see fresh() */
static char last_message[512]; /* the log; of one thread */
static apr_status_t last_status;
static apr_uint32_t messages;

static void log_message(void *baton, apr_status_t status, const char *message)
{
    (void)baton;
    if (status == APR_SUCCESS) { /* a note */
        return;
    }
    last_status = status;
    messages++;
    apr_cpystrn(last_message, message, sizeof(last_message));
}

/* What several threads can share. */
static void log_loudly(void *baton, apr_status_t status, const char *message)
{
    (void)baton;
    if (status != APR_SUCCESS) {
        fprintf(stderr, "store: %d: %s\n", status, message);
    }
}

static void make_folder(void)
{
    unit_folder_make(folder);
}

static void remove_folder(void)
{
    unit_folder_remove(folder);
}

static void join(void)
{
    ck_assert_int_eq(dms_processes_join(apr_pstrcat(unit_pool, file, "-processes", NULL)),
                     APR_SUCCESS);
}

static dms_store_t *open_store(apr_pool_t *of, dms_store_log_fn *log)
{
    dms_store_t *opened;

    ck_assert_int_eq(dms_store_create(of, "sqlite3", file, 8, log, NULL, &opened), APR_SUCCESS);
    return opened;
}

static void store_setup(void)
{
    file = apr_pstrcat(unit_pool, folder, "/store.db", NULL);
    apr_pool_create(&pool, unit_pool);
    messages = 0;
    join();
    ck_assert_int_eq(dms_store_prepare(unit_pool, "sqlite3", file, log_message, NULL), APR_SUCCESS);
    store = open_store(unit_pool, log_message);
}

static apr_pool_t *fresh(void)
{
    apr_pool_clear(pool);
    return pool;
}

/* Another program's connection; what it selects first, or "". */
static const char *foreign(const char *sql)
{
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;
    const char *value = "";

    ck_assert_int_eq(apr_dbd_init(unit_pool), APR_SUCCESS);
    ck_assert_int_eq(apr_dbd_get_driver(unit_pool, "sqlite3", &driver), APR_SUCCESS);
    ck_assert_int_eq(apr_dbd_open(driver, unit_pool, file, &handle), APR_SUCCESS);
    if (apr_dbd_select(driver, unit_pool, handle, &results, sql, 1)) {
        ck_abort_msg("%s: %s", sql, apr_dbd_error(driver, handle, 0));
    }
    if (!apr_dbd_get_row(driver, unit_pool, results, &row, -1)) {
        value = apr_dbd_get_entry(driver, row, 0);
    }
    apr_dbd_close(driver, handle);
    return value;
}

#define assert_count(sql, expected) ck_assert_str_eq(foreign("SELECT count(*) FROM " sql), expected)
#define assert_ok(call) ck_assert_msg((call) == APR_SUCCESS, "%s: %s", #call, last_message)

static dms_tx_t *begin(void)
{
    dms_tx_t *tx;

    assert_ok(dms_tx_begin(store, fresh(), &tx));
    return tx;
}

static dms_usage_t usage_in(dms_tx_t *tx, const char *key)
{
    dms_usage_t usage;

    assert_ok(dms_tx_usage(tx, key, &usage));
    return usage;
}

static int count_of(dms_tx_t *tx, const char *key)
{
    return (int)usage_in(tx, key).own_properties;
}

static dms_usage_t usage_of(const char *key, const char *principal)
{
    dms_tx_t *tx = begin();
    dms_usage_t usage;

    dms_tx_act_for(tx, principal);
    usage = usage_in(tx, key);
    dms_tx_abort(tx);
    return usage;
}

static void set(const char *key, const dms_name_t *name, const char *xml)
{
    dms_tx_t *tx = begin();

    assert_ok(dms_tx_set(tx, key, name, xml));
    assert_ok(dms_tx_commit(tx));
}

static const dms_choice_t everything = {.what = DMS_CHOICE_ALL};

/* The value of one property in one of many stores; NULL where it has none. */
static apr_status_t get_from(dms_store_t *s, const char *key, const dms_name_t *name,
                             apr_pool_t *own, const char **xml)
{
    dms_choice_t choice = {.what = DMS_CHOICE_NONE};
    dms_dead_property_t *found;
    apr_status_t rv;

    dms_choice_add(&choice, own, name);
    rv = dms_store_properties(s, key, &choice, own, &found);
    *xml = found ? found->xml : NULL;
    ck_assert(!found || (dms_name_equal(found->name, name) && !found->next));
    return rv;
}

static const char *get(const char *key, const dms_name_t *name)
{
    const char *xml;

    assert_ok(get_from(store, key, name, fresh(), &xml));
    return xml ? xml : "(none)";
}

/* All properties of a resource in one string. */
static const char *all(const char *key)
{
    dms_dead_property_t *property;
    const char *text = "";

    assert_ok(dms_store_properties(store, key, &everything, fresh(), &property));
    for (; property; property = property->next) {
        ck_assert_uint_eq(property->name->length, strlen(property->name->local));
        text = apr_pstrcat(pool, text, "{", property->name->ns, "}", property->name->local, "=",
                           property->xml ? property->xml : "(long)", ";", NULL);
    }
    return text;
}

static int wait_for(pid_t child)
{
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

/* --- life --- */

/* What the test before has left in the same folder goes. */
static void clean_and_setup(void)
{
    const char *const names[] = {"store.db", "store.db-wal", "store.db-shm", "store.db-lock"};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unlink(apr_pstrcat(unit_pool, folder, "/", names[i], NULL));
    }
    store_setup();
}

START_TEST(prepare_leaves_one_closed_file)
{
    ck_assert_int_eq(access(file, F_OK), 0);
    ck_assert_int_ne(access(apr_pstrcat(unit_pool, file, "-wal", NULL), F_OK), 0);
    ck_assert_int_ne(access(apr_pstrcat(unit_pool, file, "-shm", NULL), F_OK), 0);
    ck_assert_int_ne(access(apr_pstrcat(unit_pool, file, "-lock", NULL), F_OK), 0);
    ck_assert_str_eq(foreign("PRAGMA user_version"), "4");
    ck_assert_str_eq(foreign("PRAGMA journal_mode"), "wal");
    ck_assert_uint_eq(messages, 0);
}
END_TEST

START_TEST(prepare_keeps_what_is_there)
{
    int i;

    set("/a/b", &color, "<c/>");
    for (i = 0; i < 3; i++) {
        assert_ok(dms_store_prepare(fresh(), "sqlite3", file, log_message, NULL));
    }
    ck_assert_str_eq(get("/a/b", &color), "<c/>");
    ck_assert_uint_eq(messages, 0);
}
END_TEST

START_TEST(a_reserve_that_was_given_up_is_made_again)
{
    const char *reserve = apr_pstrcat(unit_pool, file, "-reserve", NULL);
    dms_tx_t *tx;

    assert_ok(dms_tx_begin(store, unit_pool, &tx));
    assert_ok(dms_tx_commit(tx));
    ck_assert_int_eq(access(reserve, F_OK), 0);
    ck_assert(dms_store_give_reserve(store, unit_pool));
    ck_assert_int_ne(access(reserve, F_OK), 0);
    assert_ok(dms_tx_begin(store, unit_pool, &tx));
    assert_ok(dms_tx_commit(tx));
    ck_assert_int_eq(access(reserve, F_OK), 0);
}
END_TEST

START_TEST(prepare_refuses_a_newer_schema)
{
    foreign("PRAGMA user_version = 7");
    ck_assert_int_eq(dms_store_prepare(fresh(), "sqlite3", file, log_message, NULL), APR_EGENERAL);
    ck_assert_ptr_nonnull(strstr(last_message, "newer"));
    ck_assert_ptr_nonnull(strstr(last_message, "version 7"));
    ck_assert_ptr_nonnull(strstr(last_message, file));
    ck_assert_uint_eq(messages, 1);
    ck_assert_int_eq(dms_store_has_properties(store), 1); /* an error says yes */
    ck_assert_str_eq(foreign("PRAGMA user_version"), "7");
}
END_TEST

START_TEST(prepare_tells_what_is_wrong)
{
    FILE *garbage;

    ck_assert_int_eq(dms_store_prepare(fresh(), "sqlite3", "/nonexistent/folder/x.db", log_message,
                                       NULL),
                     APR_EGENERAL);
    ck_assert_ptr_nonnull(strstr(last_message, "folder exists"));
    ck_assert_int_eq(dms_store_prepare(fresh(), "oracle", file, log_message, NULL), APR_EGENERAL);
    ck_assert_ptr_nonnull(strstr(last_message, "libaprutil1-dbd-sqlite3"));
    garbage = fopen(apr_pstrcat(unit_pool, folder, "/garbage", NULL), "w");
    fprintf(garbage, "%8192s", "no database");
    fclose(garbage);
    ck_assert_int_eq(dms_store_prepare(fresh(), "sqlite3",
                                       apr_pstrcat(pool, folder, "/garbage", NULL), log_message,
                                       NULL),
                     APR_EGENERAL);
    ck_assert_ptr_nonnull(strstr(last_message, "not a database"));
    ck_assert_uint_eq(messages, 3);
}
END_TEST

START_TEST(prepare_at_once_by_many)
{
    pid_t children[8];
    int i;

    ck_assert_int_eq(unlink(file), 0);
    for (i = 0; i < 8; i++) {
        children[i] = fork();
        if (!children[i]) {
            _exit(dms_store_prepare(unit_pool, "sqlite3", file, log_loudly, NULL) != APR_SUCCESS);
        }
    }
    for (i = 0; i < 8; i++) {
        ck_assert_int_eq(wait_for(children[i]), 0);
    }
    ck_assert_str_eq(foreign("PRAGMA user_version"), "4");
}
END_TEST

START_TEST(create_succeeds_without_a_database)
{
    apr_pool_t *own;
    const char *xml;

    apr_pool_create(&own, unit_pool);
    file = apr_pstrcat(unit_pool, folder, "/later/store.db", NULL);
    store = open_store(own, log_message);
    ck_assert_int_eq(get_from(store, "/a", &color, fresh(), &xml), APR_EGENERAL);
    ck_assert_ptr_null(xml);
    ck_assert_uint_eq(messages, 1);
    ck_assert_int_eq(mkdir(apr_pstrcat(pool, folder, "/later", NULL), 0700), 0);
    set("/a", &color, "<c/>");
    ck_assert_str_eq(get("/a", &color), "<c/>");
    ck_assert_uint_eq(messages, 1);
    apr_pool_destroy(own);
    ck_assert_int_ne(access(apr_pstrcat(unit_pool, file, "-wal", NULL), F_OK), 0);
}
END_TEST

/* VACUUM is what an administrator may do at any time: it makes prepared statements stale. */
START_TEST(prepared_statements_are_renewed)
{
    int i;

    for (i = 0; i < 3; i++) {
        const char *xml = apr_psprintf(unit_pool, "<c>%d</c>", i);

        set("/a/b", &color, xml);
        ck_assert_str_eq(get("/a/b", &color), xml);
        foreign("VACUUM");
        ck_assert_str_eq(get("/a/b", &color), xml);
        foreign("VACUUM");
    }
    foreign("CREATE TABLE other (x)");
    set("/a/b", &shape, "<s/>");
    ck_assert_uint_eq(messages, 0);
}
END_TEST

/* --- one property --- */

START_TEST(set_replace_and_unset)
{
    dms_tx_t *tx;
    int count;

    ck_assert_int_eq(dms_store_has_properties(store), 0);
    ck_assert_str_eq(all("/a/b"), "");
    set("/a/b", &color, "<c>red</c>");
    ck_assert_int_eq(dms_store_has_properties(store), 1);
    set("/a/b", &plain, "<c>none</c>");
    set("/a/b", &title, "<t/>");
    set("/a/b", &color, "<c>blue</c>");
    set("/a/b", &shape, "<s/>");
    ck_assert_str_eq(all("/a/b"), "{}color=<c>none</c>;{DAV:}displayname=<t/>;"
                                  "{" NS "}color=<c>blue</c>;{" NS "}shape=<s/>;");
    ck_assert_str_eq(get("/a/b", &plain), "<c>none</c>");
    ck_assert_str_eq(get("/a/b", &color), "<c>blue</c>");
    ck_assert_str_eq(get("/a/c", &color), "(none)");
    ck_assert_str_eq(all("/a"), "");

    tx = begin();
    assert_ok(dms_tx_unset(tx, "/a/b", &color));
    assert_ok(dms_tx_unset(tx, "/a/b", &color));
    assert_ok(dms_tx_unset(tx, "/nowhere/at/all", &color));
    count = count_of(tx, "/a/b");
    ck_assert_int_eq(count, 3);
    assert_ok(dms_tx_unset(tx, "/a/b", &plain));
    assert_ok(dms_tx_unset(tx, "/a/b", &title));
    assert_ok(dms_tx_unset(tx, "/a/b", &shape));
    count = count_of(tx, "/a/b");
    ck_assert_int_eq(count, 0);
    assert_ok(dms_tx_commit(tx));
    ck_assert_int_eq(dms_store_has_properties(store), 0);
    assert_count("collection", "0");
}
END_TEST

START_TEST(dav_names_share_their_namespace)
{
    dms_dead_property_t *first;

    set("/a", &title, "<t/>");
    assert_ok(dms_store_properties(store, "/a", &everything, fresh(), &first));
    ck_assert(dms_name_is_dav(first->name, "displayname"));
    ck_assert_ptr_null(first->next);
}
END_TEST

START_TEST(the_root_has_properties_of_its_own)
{
    dms_page_t *page;

    set("/", &color, "<root/>");
    set("/a", &color, "<a/>");
    ck_assert_str_eq(get("/", &color), "<root/>");
    ck_assert_str_eq(get("/a", &color), "<a/>");
    assert_ok(dms_store_page(store, "/", "", &everything, fresh(), &page));
    ck_assert_uint_eq(apr_hash_count(page->members), 1);
    ck_assert_ptr_nonnull(apr_hash_get(page->members, "a", APR_HASH_KEY_STRING));
}
END_TEST

START_TEST(values_of_a_mebibyte)
{
    dms_dead_property_t *first;
    apr_size_t sizes[] = {DMS_STORE_SHORT_VALUE, DMS_STORE_SHORT_VALUE + 1, 1 << 20, 8 << 20};
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *xml = apr_palloc(unit_pool, sizes[i] + 1);
        const char *got;
        size_t at;

        for (at = 0; at < sizes[i]; at++) {
            xml[at] = "\xC3\xA9<&>'\"%s\n"[at % 9];
        }
        xml[sizes[i]] = '\0';
        set("/a/b", &color, xml);
        got = get("/a/b", &color);
        ck_assert_uint_eq(strlen(got), sizes[i]);
        ck_assert_int_eq(memcmp(got, xml, sizes[i]), 0);
        assert_ok(dms_store_properties(store, "/a/b", &everything, fresh(), &first));
        ck_assert_str_eq(first->xml, xml);
    }
}
END_TEST

START_TEST(a_thousand_properties_of_one_resource)
{
    dms_tx_t *tx = begin();
    dms_dead_property_t *property;
    int i, count;

    for (i = 999; i >= 0; i--) {
        char local[16];
        dms_name_t name = {NS, local, 0};

        name.length = (apr_size_t)sprintf(local, "p%04d", i);
        assert_ok(dms_tx_set(tx, "/a/b", &name, local));
    }
    count = count_of(tx, "/a/b");
    ck_assert_int_eq(count, 1000);
    assert_ok(dms_tx_commit(tx));
    assert_ok(dms_store_properties(store, "/a/b", &everything, fresh(), &property));
    for (i = 0; i < 1000; i++, property = property->next) {
        ck_assert_str_eq(property->xml, apr_psprintf(unit_pool, "p%04d", i));
        ck_assert_str_eq(property->name->local, property->xml);
    }
    ck_assert_ptr_null(property);
}
END_TEST

/* --- transactions --- */

START_TEST(abort_undoes)
{
    dms_tx_t *tx;
    apr_pool_t *own;

    set("/a/b", &color, "<old/>");
    tx = begin();
    assert_ok(dms_tx_set(tx, "/a/b", &color, "<new/>"));
    assert_ok(dms_tx_set(tx, "/x/y", &color, "<new/>"));
    dms_tx_abort(tx);
    ck_assert_str_eq(get("/a/b", &color), "<old/>");
    assert_count("collection", "1");

    apr_pool_create(&own, unit_pool);
    assert_ok(dms_tx_begin(store, own, &tx));
    assert_ok(dms_tx_forget(tx, "/"));
    apr_pool_destroy(own);
    ck_assert_str_eq(get("/a/b", &color), "<old/>");
    set("/a/b", &color, "<new/>"); /* the lock is free */
    ck_assert_uint_eq(messages, 0);
}
END_TEST

START_TEST(others_see_a_transaction_when_it_ends)
{
    dms_tx_t *tx;
    apr_pool_t *own;

    apr_pool_create(&own, unit_pool);
    assert_ok(dms_tx_begin(store, own, &tx));
    assert_ok(dms_tx_set(tx, "/a/b", &color, "<new/>"));
    ck_assert_str_eq(get("/a/b", &color), "(none)");
    assert_ok(dms_tx_commit(tx));
    ck_assert_str_eq(get("/a/b", &color), "<new/>");
}
END_TEST

/* --- trees --- */

/* Keys of which one is another's beginning, on either side of '/' in the order of bytes. */
static const char *const tricky[] = {
    "/",      "/a",     "/a/b",   "/a/b/c",    "/a/b-", "/a/b0", "/a-b", "/a-b/c",   "/a.",
    "/a./b",  "/a0",    "/a0/b",  "/ab",       "/ab/c", "/A",    "/A/b", "/_",       "/_/b",
    "/%25",   "/%25/b", "/a%2Fb", "/a_",       "/a_/b", "/b",    "/b/a", "/b/a/b/c", "/a/b/c/d",
    "/b%20b", "/a*",    "/a?",    "/a/%C3%A9", "/a/~",  "/a/0",  "/a/-",
};
#define TRICKY ((int)(sizeof(tricky) / sizeof(tricky[0])))

static int is_at_or_below(const char *key, const char *top)
{
    size_t length = strlen(top);

    return !strcmp(top, "/")
           || (!strncmp(key, top, length) && (key[length] == '\0' || key[length] == '/'));
}

static void set_tricky(dms_tx_t *tx)
{
    int i;

    for (i = 0; i < TRICKY; i++) {
        assert_ok(dms_tx_set(tx, tricky[i], &color, tricky[i]));
    }
}

START_TEST(forget_takes_what_is_at_or_below)
{
    int top, i;

    for (top = 0; top < TRICKY; top++) {
        dms_tx_t *tx = begin();
        int count, has;

        set_tricky(tx);
        assert_ok(dms_tx_has_properties(tx, tricky[top], &has));
        ck_assert_int_eq(has, 1);
        assert_ok(dms_tx_forget(tx, tricky[top]));
        assert_ok(dms_tx_has_properties(tx, tricky[top], &has));
        ck_assert_int_eq(has, 0);
        for (i = 0; i < TRICKY; i++) {
            count = count_of(tx, tricky[i]);
            ck_assert_msg(count == !is_at_or_below(tricky[i], tricky[top]),
                          "%s, having forgotten %s", tricky[i], tricky[top]);
        }
        assert_ok(dms_tx_forget(tx, "/"));
        assert_ok(dms_tx_commit(tx));
    }
    assert_count("property", "0");
    assert_count("collection", "0");
}
END_TEST

START_TEST(has_properties_looks_below)
{
    dms_tx_t *tx = begin();
    int has, i;
    static const char *const yes[] = {"/", "/x", "/x/y", "/x/y/z"};
    static const char *const no[] = {"/x/y/z/a", "/x/y/", "/x/y/z0", "/x/", "/y", "/x/y/Z", "/x0"};

    assert_ok(dms_tx_set(tx, "/x/y/z", &color, "<c/>"));
    for (i = 0; i < (int)(sizeof(yes) / sizeof(yes[0])); i++) {
        assert_ok(dms_tx_has_properties(tx, yes[i], &has));
        ck_assert_msg(has, "%s", yes[i]);
    }
    for (i = 0; i < (int)(sizeof(no) / sizeof(no[0])); i++) {
        assert_ok(dms_tx_has_properties(tx, no[i], &has));
        ck_assert_msg(!has, "%s", no[i]);
    }
    dms_tx_abort(tx);
}
END_TEST

/* A model: a table from "key\nlocal" to XML, and the keys that ever were. */
typedef struct model_t {
    apr_hash_t *values;
    apr_hash_t *keys;
} model_t;

static void model_set(model_t *model, const char *key, const char *local, const char *xml)
{
    apr_hash_set(model->values, apr_pstrcat(unit_pool, key, "\n", local, NULL), APR_HASH_KEY_STRING,
                 xml);
    apr_hash_set(model->keys, apr_pstrdup(unit_pool, key), APR_HASH_KEY_STRING, "");
}

static void model_forget(model_t *model, const char *key)
{
    apr_hash_index_t *i;

    for (i = apr_hash_first(unit_pool, model->values); i; i = apr_hash_next(i)) {
        const char *entry = apr_hash_this_key(i);

        if (is_at_or_below(apr_pstrmemdup(unit_pool, entry, strcspn(entry, "\n")), key)) {
            apr_hash_set(model->values, entry, APR_HASH_KEY_STRING, NULL);
        }
    }
}

static void model_copy(model_t *model, const char *from, const char *to, int deep, int move)
{
    apr_hash_t *before;
    apr_hash_index_t *i;

    model_forget(model, to);
    before = apr_hash_copy(unit_pool, model->values);
    for (i = apr_hash_first(unit_pool, before); i; i = apr_hash_next(i)) {
        const char *entry = apr_hash_this_key(i);
        const char *local = strchr(entry, '\n') + 1;
        const char *key = apr_pstrmemdup(unit_pool, entry, local - entry - 1);

        if (!strcmp(key, from) || (deep && is_at_or_below(key, from))) {
            model_set(model, apr_pstrcat(unit_pool, to, key + strlen(from), NULL), local,
                      apr_hash_this_val(i));
        }
    }
    if (move) {
        model_forget(model, from);
    }
}

static void model_compare(model_t *model)
{
    apr_hash_index_t *i;
    unsigned int count = 0;

    for (i = apr_hash_first(unit_pool, model->keys); i; i = apr_hash_next(i)) {
        const char *key = apr_hash_this_key(i);
        dms_dead_property_t *property;

        assert_ok(dms_store_properties(store, key, &everything, fresh(), &property));
        for (; property; property = property->next, count++) {
            const char *xml = apr_hash_get(model->values,
                                           apr_pstrcat(pool, key, "\n", property->name->local,
                                                       NULL),
                                           APR_HASH_KEY_STRING);

            ck_assert_msg(xml != NULL, "%s still has %s", key, property->name->local);
            ck_assert_str_eq(property->xml, xml);
        }
    }
    ck_assert_uint_eq(count, apr_hash_count(model->values));
    ck_assert_str_eq(foreign("SELECT count(*) FROM property"),
                     apr_psprintf(unit_pool, "%u", count));
    assert_count("collection WHERE id NOT IN (SELECT collection FROM property)", "0");
}

static void model_step(model_t *model, dms_tx_t *tx, int step)
{
    const char *from = tricky[unit_random(TRICKY)], *to = tricky[unit_random(TRICKY)];
    const dms_name_t *name = unit_random(2) ? &color : &shape;
    const char *xml = apr_psprintf(unit_pool, "<v>%d</v>", step);
    int what = (int)unit_random(10), deep = (int)unit_random(2);

    if (what < 5) {
        assert_ok(dms_tx_set(tx, from, name, xml));
        model_set(model, from, name->local, xml);
    }
    else if (what == 5) {
        assert_ok(dms_tx_unset(tx, from, name));
        model_set(model, from, name->local, NULL);
    }
    else if (what == 6 && unit_random(4) == 0) {
        assert_ok(dms_tx_forget(tx, from));
        model_forget(model, from);
    }
    else if (what > 6 && !is_at_or_below(from, to) && !is_at_or_below(to, from)) {
        assert_ok(what == 7 ? dms_tx_copy(tx, from, to, deep) : dms_tx_move(tx, from, to));
        model_copy(model, from, to, what == 7 ? deep : 1, what != 7);
    }
}

START_TEST(trees_behave_like_a_model)
{
    model_t model = {apr_hash_make(unit_pool), apr_hash_make(unit_pool)};
    int round, step;

    for (round = 0; round < 300; round++) {
        dms_tx_t *tx = begin();

        for (step = 0; step < 10; step++) {
            model_step(&model, tx, round * 10 + step);
        }
        assert_ok(dms_tx_commit(tx));
        model_compare(&model);
    }
    ck_assert_uint_eq(messages, 0);
}
END_TEST

static void set_members(dms_tx_t *tx, const char *collection, int members, int properties)
{
    static const dms_name_t *const names[] = {&color, &plain, &shape, &title};
    int i, j;

    for (i = 0; i < members; i++) {
        char key[64], xml[64];

        sprintf(key, "%s/m%05d", collection, i);
        for (j = 0; j < properties; j++) {
            sprintf(xml, "<v>%d %d</v>", i, j);
            assert_ok(dms_tx_set(tx, key, names[j], xml));
        }
    }
}

START_TEST(a_large_collection_moves_at_once)
{
    dms_tx_t *tx = begin();
    apr_time_t start;

    set_members(tx, "/big", 10000, 3);
    set_members(tx, "/big/sub", 10, 1);
    assert_ok(dms_tx_set(tx, "/big", &color, "<big/>"));
    assert_ok(dms_tx_set(tx, "/small/old", &color, "<old/>"));
    assert_ok(dms_tx_commit(tx));

    tx = begin();
    start = apr_time_now();
    assert_ok(dms_tx_move(tx, "/big", "/small"));
    /* A rewrite of the rows takes ten times as long, even here. */
    ck_assert_int_lt(apr_time_now() - start, apr_time_from_msec(20));
    assert_ok(dms_tx_commit(tx));
    ck_assert_str_eq(get("/small", &color), "<big/>");
    ck_assert_str_eq(get("/small/m09999", &shape), "<v>9999 2</v>");
    ck_assert_str_eq(get("/small/sub/m00009", &color), "<v>9 0</v>");
    ck_assert_str_eq(get("/small/old", &color), "(none)");
    ck_assert_str_eq(get("/big/m09999", &shape), "(none)");
    assert_count("property", "30011");

    tx = begin();
    assert_ok(dms_tx_copy(tx, "/small", "/copy/of/it", 1));
    assert_ok(dms_tx_copy(tx, "/small", "/shallow", 0));
    assert_ok(dms_tx_commit(tx));
    assert_count("property", "60023");
    ck_assert_str_eq(get("/copy/of/it/m09999", &shape), "<v>9999 2</v>");
    ck_assert_str_eq(get("/copy/of/it/sub/m00009", &color), "<v>9 0</v>");
}
END_TEST

/* --- pages --- */

/* Reads all pages and checks that each member comes once, whole and in order. */
static int read_pages(const char *collection, int members, int properties)
{
    const char *after = "";
    int next = 0, pages = 0;

    for (; after; pages++) {
        dms_page_t *page;
        int here;

        assert_ok(dms_store_page(store, collection, after, &everything, fresh(), &page));
        ck_assert_str_eq(page->after, after);
        for (here = (int)apr_hash_count(page->members); here > 0; here--, next++) {
            const char *name = apr_psprintf(pool, "m%05d", next);
            const dms_dead_property_t *p = apr_hash_get(page->members, name, APR_HASH_KEY_STRING);
            int count;

            ck_assert_msg(p != NULL, "%s", name);
            ck_assert(strcmp(name, after) > 0 && (!page->last || strcmp(name, page->last) <= 0));
            for (count = 0; p; p = p->next) {
                count++;
            }
            ck_assert_int_eq(count, properties);
        }
        after = page->last ? apr_pstrdup(unit_pool, page->last) : NULL;
    }
    ck_assert_int_eq(next, members);
    return pages;
}

START_TEST(parts_of_a_page_split_between_members)
{
    dms_tx_t *tx = begin();

    /* Three do not divide the rows of a part; one and two do, and so end right at it. */
    set_members(tx, "/one", DMS_STORE_PART_ROWS * 2, 1);
    set_members(tx, "/two", DMS_STORE_PART_ROWS, 2);
    set_members(tx, "/three", DMS_STORE_PART_ROWS, 3);
    set_members(tx, "/less", DMS_STORE_PART_ROWS - 1, 1);
    set_members(tx, "/one/below", 5, 1);
    assert_ok(dms_tx_commit(tx));
    ck_assert_int_eq(read_pages("/one", DMS_STORE_PART_ROWS * 2, 1), 1);
    ck_assert_int_eq(read_pages("/two", DMS_STORE_PART_ROWS, 2), 1);
    ck_assert_int_eq(read_pages("/three", DMS_STORE_PART_ROWS, 3), 1);
    ck_assert_int_eq(read_pages("/less", DMS_STORE_PART_ROWS - 1, 1), 1);
    ck_assert_int_eq(read_pages("/one/below", 5, 1), 1);
    ck_assert_int_eq(read_pages("/nothing", 0, 0), 1);
}
END_TEST

/* A value whose XML has that many bytes. */
static const char *value_of(apr_size_t bytes)
{
    char *xml = apr_palloc(unit_pool, bytes + 1);

    memset(xml, 'x', bytes);
    xml[bytes] = '\0';
    return xml;
}

START_TEST(a_page_has_bounded_bytes)
{
    const char *value = value_of(DMS_STORE_SHORT_VALUE), *after = "";
    int members = 3 * DMS_STORE_PAGE_BYTES / DMS_STORE_SHORT_VALUE, i, next = 0;
    dms_tx_t *tx = begin();
    dms_page_t *page;

    for (i = 0; i < members; i++) {
        assert_ok(dms_tx_set(tx, apr_psprintf(unit_pool, "/a/m%05d", i), &color, value));
    }
    assert_ok(dms_tx_commit(tx));
    for (; after; after = page->last ? apr_pstrdup(unit_pool, page->last) : NULL) {
        assert_ok(dms_store_page(store, "/a", after, &everything, fresh(), &page));
        ck_assert_uint_lt(page->bytes,
                          DMS_STORE_PAGE_BYTES + DMS_STORE_PART_ROWS * DMS_STORE_SHORT_VALUE * 2);
        ck_assert(!page->last || page->bytes >= DMS_STORE_PAGE_BYTES);
        next += (int)apr_hash_count(page->members);
    }
    ck_assert_int_eq(next, members);
}
END_TEST

START_TEST(a_member_larger_than_a_part_is_read_apart)
{
    dms_tx_t *tx = begin();
    dms_dead_property_t *property;
    dms_page_t *page;
    int i, count = 0;

    assert_ok(dms_tx_set(tx, "/a/before", &color, "<v/>"));
    for (i = 0; i < DMS_STORE_PART_ROWS + 10; i++) {
        char local[16];
        dms_name_t name = {NS, local, 0};

        name.length = (apr_size_t)sprintf(local, "p%05d", i);
        assert_ok(dms_tx_set(tx, "/a/huge", &name, "<v/>"));
    }
    assert_ok(dms_tx_set(tx, "/a/next", &color, "<v/>"));
    assert_ok(dms_tx_commit(tx));
    assert_ok(dms_store_page(store, "/a", "", &everything, fresh(), &page));
    ck_assert_ptr_null(page->last);
    ck_assert_uint_eq(apr_hash_count(page->members), 3);
    ck_assert_ptr_eq(apr_hash_get(page->members, "huge", APR_HASH_KEY_STRING), DMS_STORE_APART);
    property = apr_hash_get(page->members, "next", APR_HASH_KEY_STRING);
    ck_assert_str_eq(property->xml, "<v/>");
    assert_ok(dms_store_properties(store, "/a/huge", &everything, fresh(), &property));
    for (; property; property = property->next) {
        count++;
    }
    ck_assert_int_eq(count, DMS_STORE_PART_ROWS + 10);
}
END_TEST

START_TEST(pages_share_names_and_leave_out_what_is_long)
{
    dms_name_t long_name = {NS, value_of(DMS_STORE_SHORT_VALUE + 1), DMS_STORE_SHORT_VALUE + 1};
    dms_choice_t names = {.what = DMS_CHOICE_NAMES};
    dms_dead_property_t *a, *b;
    dms_page_t *page;

    set("/c/a", &color, "<a/>");
    set("/c/a", &shape, "<a/>");
    set("/c/b", &plain, "<b/>");
    set("/c/b", &shape, "<b/>");
    set("/c/c", &color, "<c/>");
    set("/c/c", &shape, value_of(DMS_STORE_SHORT_VALUE + 1));
    set("/c/d", &long_name, value_of(DMS_STORE_SHORT_VALUE + 1));
    assert_ok(dms_store_page(store, "/c", "", &everything, fresh(), &page));
    a = apr_hash_get(page->members, "a", APR_HASH_KEY_STRING);
    b = apr_hash_get(page->members, "b", APR_HASH_KEY_STRING);
    ck_assert(dms_name_equal(a->name, &color) && dms_name_equal(a->next->name, &shape));
    ck_assert(dms_name_equal(b->name, &plain) && dms_name_equal(b->next->name, &shape));
    ck_assert_ptr_eq(a->next->name, b->next->name);
    ck_assert_str_eq(a->xml, "<a/>");
    ck_assert_ptr_eq(apr_hash_get(page->members, "c", APR_HASH_KEY_STRING), DMS_STORE_APART);
    ck_assert_ptr_eq(apr_hash_get(page->members, "d", APR_HASH_KEY_STRING), DMS_STORE_APART);

    assert_ok(dms_store_page(store, "/c", "", &names, fresh(), &page));
    a = apr_hash_get(page->members, "c", APR_HASH_KEY_STRING);
    ck_assert(dms_name_equal(a->name, &color) && dms_name_equal(a->next->name, &shape));
    ck_assert_ptr_null(a->xml);
    ck_assert_ptr_eq(apr_hash_get(page->members, "d", APR_HASH_KEY_STRING), DMS_STORE_APART);
}
END_TEST

START_TEST(only_what_is_chosen_is_read)
{
    dms_choice_t choice = {.what = DMS_CHOICE_NONE};
    dms_name_t other = {"urn:other", color.local, color.length};
    dms_dead_property_t *found;
    dms_page_t *page;
    int i;

    set("/c/a", &color, "<a/>");
    set("/c/a", &other, "<other/>");
    set("/c/a", &shape, value_of(DMS_STORE_SHORT_VALUE + 1));
    set("/c/b", &shape, "<b/>");
    dms_choice_add(&choice, unit_pool, &color);
    dms_choice_add(&choice, unit_pool, &plain);
    ck_assert_int_eq(choice.what, DMS_CHOICE_NAMED);
    assert_ok(dms_store_page(store, "/c", "", &choice, fresh(), &page));
    ck_assert_uint_eq(apr_hash_count(page->members), 1);
    found = apr_hash_get(page->members, "a", APR_HASH_KEY_STRING);
    ck_assert_str_eq(found->xml, "<a/>");
    ck_assert_ptr_null(found->next);
    assert_ok(dms_store_properties(store, "/c/a", &choice, fresh(), &found));
    ck_assert_str_eq(found->xml, "<a/>");
    ck_assert_ptr_null(found->next);
    for (i = 2; i <= DMS_CHOICE_NAMES_MAX; i++) {
        ck_assert_int_eq(choice.what, DMS_CHOICE_NAMED);
        dms_choice_add(&choice, unit_pool, &plain);
    }
    ck_assert_int_eq(choice.what, DMS_CHOICE_ALL);
}
END_TEST

/* --- sweeping --- */

typedef struct sweeping_t {
    const char *top;
    int asked;
    const char *denied; /* and what is below it does not exist */
    int odd;            /* members with an odd number don't */
} sweeping_t;

static dms_presence_e presence_of(int is_there)
{
    return is_there ? DMS_PRESENCE_THERE : DMS_PRESENCE_GONE;
}

static dms_presence_e presence(void *baton, const char *key)
{
    sweeping_t *sweeping = baton;

    ck_assert_msg(is_at_or_below(key, sweeping->top), "%s", key);
    sweeping->asked++;
    if (sweeping->denied) {
        return presence_of(!is_at_or_below(key, sweeping->denied));
    }
    return presence_of(!(sweeping->odd && strchr("13579", key[strlen(key) - 1])));
}

/* Sweeps, in as many parts as it takes where each is to be short; returns how many. */
static int sweep(dms_tx_t *tx, sweeping_t *sweeping, apr_time_t until)
{
    dms_sweep_t how = {.key = sweeping->top,
                       .presence = presence,
                       .baton = sweeping,
                       .until = until,
                       .reached = ""};
    int parts = 0;

    sweeping->asked = 0;
    for (; how.reached; parts++) {
        assert_ok(dms_tx_sweep(tx, &how, unit_pool));
    }
    ck_assert_int_eq(how.doubts, 0);
    return parts;
}

START_TEST(sweep_asks_for_each_at_or_below)
{
    int top, denied, i;

    for (top = 0; top < 2 * TRICKY; top++) {
        sweeping_t sweeping = {tricky[top / 2], 0, NULL, 0};
        dms_tx_t *tx = begin();
        int expected = 0, left, count;

        denied = (int)unit_random(TRICKY);
        set_tricky(tx);
        sweeping.denied = tricky[denied];
        sweep(tx, &sweeping, top % 2);
        for (i = 0; i < TRICKY; i++) {
            int below = is_at_or_below(tricky[i], sweeping.top);

            expected += below;
            left = !(below && is_at_or_below(tricky[i], tricky[denied]));
            count = count_of(tx, tricky[i]);
            ck_assert_msg(count == left, "%s, sweeping %s without %s", tricky[i], sweeping.top,
                          tricky[denied]);
        }
        ck_assert_int_eq(sweeping.asked, expected);
        assert_ok(dms_tx_forget(tx, "/"));
        assert_ok(dms_tx_commit(tx));
    }
    assert_count("collection", "0");
}
END_TEST

START_TEST(sweep_goes_through_many)
{
    sweeping_t sweeping = {"/c", 0, NULL, 1};
    dms_tx_t *tx = begin();
    apr_size_t before;

    set_members(tx, "/c", 30000, 1);
    set_members(tx, "/c/d", 1000, 2);
    before = unit_memory();
    ck_assert_int_eq(sweep(tx, &sweeping, 0), 1);
    ck_assert_uint_lt(unit_memory(), before + (1 << 20));
    ck_assert_int_eq(sweeping.asked, 31000);
    sweeping.denied = "/c";
    assert_ok(dms_tx_commit(tx));
    assert_count("property", "16000");
    tx = begin();
    sweep(tx, &sweeping, 0);
    assert_ok(dms_tx_commit(tx));
    assert_count("property", "0");
    assert_count("collection", "0");
}
END_TEST

/* Each part ends when its time is up, and the next one goes on where it has ended. */
START_TEST(sweep_stops_in_time)
{
    sweeping_t sweeping = {"/c", 0, NULL, 1};
    dms_sweep_t how = {.key = "/c", .presence = presence, .baton = &sweeping, .reached = ""};
    int parts = 0;
    dms_tx_t *tx = begin();

    set_members(tx, "/c", 30000, 1);
    set_members(tx, "/c/d", 30000, 1);
    assert_ok(dms_tx_commit(tx));
    for (; how.reached; parts++) {
        apr_time_t start = apr_time_now();

        tx = begin();
        how.until = apr_time_now() + apr_time_from_msec(5);
        assert_ok(dms_tx_sweep(tx, &how, unit_pool));
        assert_ok(dms_tx_commit(tx));
        ck_assert_int_lt(apr_time_now() - start, apr_time_from_msec(500));
    }
    ck_assert_int_gt(parts, 4);
    ck_assert_int_eq(sweeping.asked, 60000);
    assert_count("property", "30000");
}
END_TEST

static dms_presence_e know_little(void *baton, const char *key)
{
    (void)baton;
    return strchr(key, 'x') ? DMS_PRESENCE_UNKNOWN : DMS_PRESENCE_GONE;
}

START_TEST(sweep_keeps_what_nobody_can_tell_of)
{
    dms_sweep_t how = {.key = "/a", .presence = know_little, .reached = ""};
    dms_tx_t *tx = begin();

    assert_ok(dms_tx_set(tx, "/a", &color, "<a/>"));
    assert_ok(dms_tx_set(tx, "/a/b", &color, "<b/>"));
    assert_ok(dms_tx_set(tx, "/a/x", &color, "<x/>"));
    assert_ok(dms_tx_set(tx, "/a/x/y", &color, "<y/>"));
    assert_ok(dms_tx_sweep(tx, &how, pool));
    assert_ok(dms_tx_commit(tx));
    ck_assert_ptr_null(how.reached);
    ck_assert_int_eq(how.doubts, 1);
    assert_count("property", "2");
    ck_assert_str_eq(get("/a/x", &color), "<x/>");
    ck_assert_str_eq(get("/a/x/y", &color), "<y/>");
}
END_TEST

/* --- intentions --- */

static int count_orphans(void)
{
    dms_intention_t *first;
    int count = 0;

    for (assert_ok(dms_store_orphans(store, NULL, fresh(), &first)); first; count++) {
        dms_intention_t *last = first;

        first = first->next;
        if (!first) {
            assert_ok(dms_store_orphans(store, last, pool, &first));
        }
    }
    return count;
}

START_TEST(intentions_of_the_living_are_left_alone)
{
    dms_intention_t one = {.intent = DMS_INTENT_MOVE, .from = "/a", .to = "/b", .identity = "1:2"};
    dms_intention_t two = {.intent = DMS_INTENT_DELETE, .from = "/c"};
    dms_tx_t *tx = begin();

    assert_ok(dms_tx_intend(tx, &one));
    assert_ok(dms_tx_intend(tx, &two));
    ck_assert_int_lt(one.id, two.id);
    assert_ok(dms_tx_commit(tx));
    assert_count("intention", "2");
    ck_assert_int_eq(count_orphans(), 0);
    foreign("UPDATE intention SET owner = '0123456789abcdef' WHERE from_key = '/a'");
    ck_assert_int_eq(count_orphans(), 1);
    foreign("UPDATE intention SET owner = 'nobody knows'");
    ck_assert_int_eq(count_orphans(), 0);

    tx = begin();
    assert_ok(dms_tx_settle(tx, &one));
    assert_ok(dms_tx_settle(tx, &one));
    assert_ok(dms_tx_commit(tx));
    assert_count("intention", "1");
    tx = begin();
    assert_ok(dms_tx_settle(tx, &two));
    assert_ok(dms_tx_intend(tx, &one)); /* no number comes twice */
    ck_assert_int_lt(two.id, one.id);
    assert_ok(dms_tx_commit(tx));
}
END_TEST

/* Whatever an intention remembers comes back; what is left to do of it keeps number and owner. */
START_TEST(a_killed_process_leaves_its_intentions_only)
{
    static const dms_intention_t copy = {.intent = DMS_INTENT_COPY,
                                         .from = "/a",
                                         .to = "/b",
                                         .deep = 1,
                                         .identity = "64769:12",
                                         .replaced = "1:2",
                                         .reserved = ".x",
                                         .reached = "/a/c",
                                         .doubts = 1};
    dms_intention_t intention = copy;
    dms_intention_t *first, *again;
    dms_tx_t *tx;
    siginfo_t info;
    pid_t child = fork();

    if (!child) {
        join();
        store = open_store(unit_pool, log_loudly);
        set("/a", &color, "<old/>");
        tx = begin();
        assert_ok(dms_tx_intend(tx, &intention));
        assert_ok(dms_tx_commit(tx));
        tx = begin();
        assert_ok(dms_tx_set(tx, "/a", &color, "<new/>"));
        assert_ok(dms_tx_copy(tx, "/a", "/b", 1));
        assert_ok(dms_tx_settle(tx, &intention));
        raise(SIGKILL);
    }
    /* Dead, but not waited for: its number is still taken. */
    ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    ck_assert_int_eq(count_orphans(), 1);
    ck_assert_int_eq(WTERMSIG(wait_for(child)), SIGKILL);
    ck_assert_str_eq(get("/a", &color), "<old/>");
    ck_assert_str_eq(get("/b", &color), "(none)");

    assert_ok(dms_store_orphans(store, NULL, unit_pool, &first));
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(first->next);
    ck_assert_int_eq(first->intent, copy.intent);
    ck_assert_str_eq(first->from, copy.from);
    ck_assert_str_eq(first->to, copy.to);
    ck_assert_int_eq(first->deep, copy.deep);
    ck_assert_str_eq(first->identity, copy.identity);
    ck_assert_str_eq(first->replaced, copy.replaced);
    ck_assert_str_eq(first->reserved, copy.reserved);
    ck_assert_str_eq(first->reached, copy.reached);
    ck_assert_int_eq(first->doubts, copy.doubts);

    tx = begin();
    first->intent = DMS_INTENT_REMOVE;
    first->to = first->identity = NULL;
    assert_ok(dms_tx_reintend(tx, first));
    assert_ok(dms_tx_intention(tx, first->id, unit_pool, &again));
    ck_assert_int_eq(again->intent, DMS_INTENT_REMOVE);
    ck_assert_str_eq(again->to, "");
    ck_assert_str_eq(again->owner, first->owner);
    assert_ok(dms_tx_commit(tx));
    ck_assert_int_eq(count_orphans(), 1);
    tx = begin();
    assert_ok(dms_tx_settle(tx, first));
    assert_ok(dms_tx_intention(tx, first->id, unit_pool, &again));
    ck_assert_ptr_null(again);
    assert_ok(dms_tx_commit(tx));
    ck_assert_int_eq(count_orphans(), 0);
    ck_assert_str_eq(foreign("PRAGMA integrity_check"), "ok");
}
END_TEST

/* In pages, in the order of what is quick. */
START_TEST(orphans_come_in_order)
{
    dms_intention_t *first, *last = NULL;
    dms_tx_t *tx = begin();
    int i, count = 0;

    for (i = 0; i < 2000; i++) {
        dms_intention_t one = {.intent = (dms_intent_e)(4 - i % 4), .from = "/a"};

        assert_ok(dms_tx_intend(tx, &one));
    }
    assert_ok(dms_tx_commit(tx));
    foreign("UPDATE intention SET owner = '0123456789abcdef' WHERE id % 3 = 0");
    for (assert_ok(dms_store_orphans(store, NULL, unit_pool, &first)); first; count++) {
        ck_assert_int_eq(first->id % 3, 0);
        ck_assert(!last || last->intent < first->intent
                  || (last->intent == first->intent && last->id < first->id));
        last = first;
        first = first->next;
        if (!first) {
            assert_ok(dms_store_orphans(store, last, unit_pool, &first));
        }
    }
    assert_count("intention WHERE id % 3 = 0", apr_itoa(unit_pool, count));
    ck_assert_int_gt(count, 300);
}
END_TEST

/* --- what is bounded --- */

static void set_as(const char *principal, const char *key, const dms_name_t *name, const char *xml)
{
    dms_tx_t *tx = begin();

    dms_tx_act_for(tx, principal);
    assert_ok(dms_tx_set(tx, key, name, xml));
    assert_ok(dms_tx_commit(tx));
}

/* The properties and bytes of a resource, those of the members of its collection, and the bytes of
 * anna's and of ben's. */
static const char *usage_text(const char *key)
{
    dms_usage_t anna = usage_of(key, "anna");

    return apr_psprintf(unit_pool, "%d %d, %d, %d %d", (int)anna.own_properties,
                        (int)anna.own_bytes, (int)anna.collection_properties,
                        (int)anna.principal_bytes, (int)usage_of(key, "ben").principal_bytes);
}

START_TEST(usage_follows_what_is_set)
{
    dms_tx_t *tx;

    ck_assert_str_eq(usage_text("/a/b"), "0 0, 0, 0 0");
    set_as("anna", "/a/b", &color, "<c>12</c>");
    set_as("ben", "/a/b", &title, "<t/>");
    set_as("anna", "/a/c", &title, "<t>1</t>");
    ck_assert_str_eq(usage_text("/a/b"), "2 13, 3, 17 4");
    set_as("ben", "/a/b", &color, "<c/>"); /* whoever has set it last */
    ck_assert_str_eq(usage_text("/a/b"), "2 8, 3, 8 8");
    tx = begin();
    assert_ok(dms_tx_unset(tx, "/a/b", &title));
    assert_ok(dms_tx_forget(tx, "/a/c"));
    ck_assert_int_eq(usage_in(tx, "/a/b").collection_properties, 1);
    dms_tx_abort(tx);
    ck_assert_str_eq(usage_text("/a/b"), "2 8, 3, 8 8");
}
END_TEST

START_TEST(usage_follows_what_moves)
{
    dms_tx_t *tx;

    set_as("anna", "/a/b", &color, "<c/>");
    set_as("anna", "/a/b/in", &color, "<c>2</c>");
    set_as("ben", "/x/y", &color, "<c>3</c>");
    tx = begin();
    dms_tx_act_for(tx, "ben");
    assert_ok(dms_tx_move(tx, "/a/b", "/x/b"));
    assert_ok(dms_tx_commit(tx));
    ck_assert_str_eq(usage_text("/a/b"), "0 0, 0, 12 8");
    ck_assert_str_eq(usage_text("/x/b"), "1 4, 2, 12 8");
    ck_assert_str_eq(usage_text("/x/b/in"), "1 8, 1, 12 8");
    tx = begin();
    assert_ok(dms_tx_move(tx, "/x/b", "/x/z")); /* in its collection */
    assert_ok(dms_tx_commit(tx));
    ck_assert_str_eq(usage_text("/x/z"), "1 4, 2, 12 8");
}
END_TEST

/* A copy is whose copy it is; one that is completed for somebody who is gone, whose the original
 * was. */
START_TEST(usage_follows_what_is_copied)
{
    dms_tx_t *tx;

    set_as("anna", "/a/b", &color, "<c/>");
    set_as("anna", "/a/b/in", &color, "<c>2</c>");
    tx = begin();
    dms_tx_act_for(tx, "ben");
    assert_ok(dms_tx_copy(tx, "/a/b", "/x/b", 1));
    assert_ok(dms_tx_commit(tx));
    ck_assert_str_eq(usage_text("/x/b"), "1 4, 1, 12 12");
    ck_assert_str_eq(usage_text("/x/b/in"), "1 8, 1, 12 12");
    tx = begin();
    assert_ok(dms_tx_copy(tx, "/x/b", "/x/c", 1));
    assert_ok(dms_tx_commit(tx));
    ck_assert_str_eq(usage_text("/x/c"), "1 4, 2, 12 24");
    tx = begin();
    assert_ok(dms_tx_forget(tx, "/x/b"));
    assert_ok(dms_tx_forget(tx, "/x/c"));
    assert_ok(dms_tx_commit(tx));
    ck_assert_str_eq(usage_text("/x/c"), "0 0, 0, 12 0");
}
END_TEST

/* --- migration --- */

/* What version 1 has written. */
static void make_version_1(void)
{
    static const char *const statements[] =
        {"DROP TABLE intention",
         "DROP TRIGGER property_comes",
         "DROP TRIGGER property_goes",
         "DROP TRIGGER property_moves",
         "DROP TRIGGER property_changes",
         "DROP TABLE account",
         "DROP TABLE space",
         "DROP INDEX lock_principal",
         "ALTER TABLE property DROP COLUMN principal",
         "ALTER TABLE collection DROP COLUMN properties",
         "CREATE TABLE intention (id INTEGER PRIMARY KEY, intent INTEGER NOT NULL,"
         " from_key TEXT NOT NULL, to_key TEXT NOT NULL, deep INTEGER NOT NULL,"
         " token TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL)",
         "INSERT INTO intention VALUES (1, 1, '/a', '/b', 0, '1-2 3-4 .dav-multistatus-1-2-3',"
         " 'h', 7, 'boot/99')",
         "INSERT INTO intention VALUES (2, 1, '/a', '/b', 0, '1-2  .dav-multistatus-1-2-3',"
         " 'h', 7, '')",
         "INSERT INTO intention VALUES (3, 2, '/a', '/b', 1, '.dav-multistatus-1-2-3', 'h', 7, '')",
         "INSERT INTO intention VALUES (4, 2, '/a', '/b', 1, '.dav-multistatus-1-2-3 5-6', 'h',"
         " 7, '')",
         "INSERT INTO intention VALUES (5, 3, '/a', '', 0, '', 'h', 7, '')",
         "INSERT INTO intention VALUES (6, 3, '/a/.dav-multistatus-1-2-3', '', 0, '', 'h', 7, '')",
         "PRAGMA user_version = 1"};
    size_t i;

    for (i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        foreign(statements[i]);
    }
}

START_TEST(version_1_is_migrated)
{
    dms_usage_t usage;
    static const char *const rows[] = {
        "1|1|/a|/b|0|1-2|3-4|.dav-multistatus-1-2-3||0|7//boot/99",
        "2|1|/a|/b|0|1-2||.dav-multistatus-1-2-3||0|7//",
        "3|2|/a|/b|1|||.dav-multistatus-1-2-3||0|7//",
        "4|2|/a|/b|1|5-6||.dav-multistatus-1-2-3||0|7//",
        "5|3|/a||0|||||0|7//",
        "6|4|/a/.dav-multistatus-1-2-3||0|||||0|7//",
    };
    size_t i;

    set("/a", &color, "<c/>");
    make_version_1();
    foreign(
        "INSERT INTO lock VALUES ('t', '/', '/a', '/a', 0, 0, printf('%.*c', 4097, 'x'), 'anna',"
        " 0), ('u', '/', '/b', '/b', 0, 0, '<o/>', 'anna', 0)");
    ck_assert_int_eq(dms_store_prepare(fresh(), "sqlite3", file, log_message, NULL), APR_SUCCESS);
    ck_assert_str_eq(foreign("PRAGMA user_version"), "4");
    ck_assert_str_eq(get("/a", &color), "<c/>");
    usage = usage_of("/b", "");
    ck_assert_int_eq(usage.collection_properties, 1);
    ck_assert_int_eq(usage.principal_bytes, 4);
    ck_assert_str_eq(foreign("SELECT group_concat(owner) FROM lock"), ",<o/>");
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_str_eq(foreign(apr_psprintf(unit_pool,
                                              "SELECT id || '|' || intent || '|' || from_key || '|'"
                                              " || to_key || '|' || deep || '|' || identity || '|'"
                                              " || replaced || '|' || reserved || '|' || reached"
                                              " || '|' || doubts || '|' || owner FROM intention"
                                              " WHERE id = %d",
                                              (int)i + 1)),
                         rows[i]);
    }
    ck_assert_uint_eq(messages, 0);
}
END_TEST

/* --- many at once --- */

#define THREADS 8
#define PROCESSES 4

/* Adds one to the number that is a property's value. */
static void count_up(dms_store_t *s, apr_pool_t *own, const char *key)
{
    const char *xml;
    dms_tx_t *tx;

    ck_assert_int_eq(dms_tx_begin(s, own, &tx), APR_SUCCESS);
    ck_assert_int_eq(get_from(s, key, &color, own, &xml), APR_SUCCESS);
    ck_assert_int_eq(dms_tx_set(tx, key, &color, apr_itoa(own, xml ? atoi(xml) + 1 : 1)),
                     APR_SUCCESS);
    ck_assert_int_eq(dms_tx_commit(tx), APR_SUCCESS);
}

typedef struct worker_t {
    dms_store_t *store;
    int number;
    int rounds;
} worker_t;

static void *APR_THREAD_FUNC work(apr_thread_t *thread, void *data)
{
    worker_t *worker = data;
    dms_dead_property_t *first;
    dms_page_t *page;
    apr_pool_t *own;
    int i;

    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    for (i = 0; i < worker->rounds; i++) {
        count_up(worker->store, own, "/c/shared");
        count_up(worker->store, own, apr_psprintf(own, "/c/%d", worker->number));
        ck_assert_int_eq(dms_store_page(worker->store, "/c", "", &everything, own, &page),
                         APR_SUCCESS);
        ck_assert(dms_store_has_properties(worker->store));
        ck_assert_int_eq(dms_store_properties(worker->store, "/c/shared", &everything, own, &first),
                         APR_SUCCESS);
        ck_assert_ptr_nonnull(first);
        apr_pool_clear(own);
    }
    apr_pool_destroy(own);
    return thread; /* not apr_thread_exit(): AddressSanitizer stumbles over pthread_exit() */
}

static void run_threads(dms_store_t *s, int rounds)
{
    apr_thread_t *threads[THREADS];
    worker_t workers[THREADS];
    apr_status_t rv;
    int i;

    for (i = 0; i < THREADS; i++) {
        workers[i].store = s;
        workers[i].number = i;
        workers[i].rounds = rounds;
        ck_assert_int_eq(apr_thread_create(&threads[i], NULL, work, &workers[i], unit_pool),
                         APR_SUCCESS);
    }
    for (i = 0; i < THREADS; i++) {
        apr_thread_join(&rv, threads[i]);
    }
}

START_TEST(threads_lose_nothing)
{
    store = open_store(unit_pool, log_loudly);
    run_threads(store, 50);
    ck_assert_str_eq(get("/c/shared", &color), "400");
    ck_assert_str_eq(get("/c/7", &color), "50");
    ck_assert_int_le(store->open, 2);
}
END_TEST

START_TEST(processes_lose_nothing)
{
    pid_t children[PROCESSES];
    int i;

    for (i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (!children[i]) {
            apr_pool_t *own;

            apr_pool_create(&own, unit_pool);
            run_threads(open_store(own, log_loudly), 20);
            apr_pool_destroy(own);
            _exit(0);
        }
    }
    for (i = 0; i < PROCESSES; i++) {
        ck_assert_int_eq(wait_for(children[i]), 0);
    }
    ck_assert_str_eq(get("/c/shared", &color), "640");
    ck_assert_str_eq(get("/c/3", &color), "80");
    ck_assert_str_eq(foreign("PRAGMA integrity_check"), "ok");
}
END_TEST

/* No process waits for long, though another writes all the time. */
START_TEST(no_process_starves)
{
    pid_t children[2];
    int i;

    for (i = 0; i < 2; i++) {
        children[i] = fork();
        if (!children[i]) {
            store = open_store(unit_pool, log_loudly);
            run_threads(store, 1000000);
        }
    }
    store = open_store(unit_pool, log_loudly);
    for (i = 0; i < 20; i++) {
        apr_time_t start = apr_time_now();

        count_up(store, fresh(), "/alone");
        ck_assert_int_lt(apr_time_now() - start, apr_time_from_sec(3));
    }
    for (i = 0; i < 2; i++) {
        kill(children[i], SIGKILL);
        wait_for(children[i]);
    }
    ck_assert_str_eq(get("/alone", &color), "20");
}
END_TEST

static void *APR_THREAD_FUNC write_one(apr_thread_t *thread, void *data)
{
    apr_pool_t *own;

    (void)data;
    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    count_up(store, own, "/waits");
    apr_pool_destroy(own);
    return thread;
}

/* Who reads does not wait, though another thread waits for another process. */
START_TEST(waiting_to_write_keeps_nobody_from_reading)
{
    apr_thread_t *thread;
    apr_time_t start;
    apr_status_t rv;
    int ready[2];
    char byte;
    pid_t child;

    ck_assert_int_eq(pipe(ready), 0);
    set("/a", &color, "<c/>");
    child = fork();
    if (!child) {
        dms_tx_t *tx;

        store = open_store(unit_pool, log_loudly);
        tx = begin();
        if (write(ready[1], "x", 1) == 1) {
            apr_sleep(apr_time_from_msec(1000));
        }
        dms_tx_abort(tx);
        _exit(0);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(apr_thread_create(&thread, NULL, write_one, NULL, unit_pool), APR_SUCCESS);
    apr_sleep(apr_time_from_msec(100));
    start = apr_time_now();
    ck_assert_str_eq(get("/a", &color), "<c/>");
    ck_assert_int_lt(apr_time_now() - start, apr_time_from_msec(200));
    apr_thread_join(&rv, thread);
    ck_assert_str_eq(get("/waits", &color), "1");
    ck_assert_int_eq(wait_for(child), 0);
}
END_TEST

/* Some other program, which knows nothing of our lock file. */
static pid_t hold_lock(int seconds)
{
    int ready[2];
    char byte;
    pid_t child;

    ck_assert_int_eq(pipe(ready), 0);
    child = fork();
    if (!child) {
        const apr_dbd_driver_t *driver;
        apr_dbd_t *handle;
        int rows;

        apr_dbd_get_driver(unit_pool, "sqlite3", &driver);
        apr_dbd_open(driver, unit_pool, file, &handle);
        if (apr_dbd_query(driver, handle, &rows, "BEGIN IMMEDIATE")
            || write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        sleep((unsigned int)seconds);
        apr_dbd_query(driver, handle, &rows, "ROLLBACK");
        apr_dbd_close(driver, handle);
        _exit(0);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    return child;
}

START_TEST(another_program_is_waited_for)
{
    pid_t child = hold_lock(1);

    set("/a", &color, "<c/>");
    ck_assert_int_eq(wait_for(child), 0);
    ck_assert_uint_eq(messages, 0);
}
END_TEST

START_TEST(another_program_is_not_waited_for_without_end)
{
    pid_t child;
    dms_tx_t *tx;

    set("/a", &color, "<c/>");
    child = hold_lock(60);
    ck_assert_int_eq(dms_tx_begin(store, fresh(), &tx), EBUSY);
    ck_assert_int_eq(last_status, EBUSY);
    ck_assert_ptr_nonnull(strstr(last_message, "locked"));
    ck_assert_str_eq(get("/a", &color), "<c/>"); /* who reads does not wait */
    kill(child, SIGKILL);
    wait_for(child);
    set("/a", &color, "<d/>");
}
END_TEST

/* --- trouble --- */

/* Mounts a small file system over the folder, for this process alone. Whether that was allowed. */
static int mount_small(const char *options)
{
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
        return 0;
    }
    return !mount("tmpfs", folder, "tmpfs", 0, options);
}

START_TEST(a_full_disk_undoes_and_tells)
{
    char *value = apr_pcalloc(unit_pool, 100000);
    dms_tx_t *tx;
    apr_status_t rv;
    int i;

    if (!mount_small("size=1m")) {
        return; /* not allowed */
    }
    store_setup();
    set("/kept", &color, "<kept/>");
    memset(value, 'x', 99999);
    tx = begin();
    for (i = 0, rv = APR_SUCCESS; i < 100 && rv == APR_SUCCESS; i++) {
        rv = dms_tx_set(tx, apr_psprintf(unit_pool, "/a/%d", i), &color, value);
    }
    if (rv == APR_SUCCESS) {
        rv = dms_tx_commit(tx);
    }
    else {
        ck_assert_int_eq(dms_tx_set(tx, "/more", &color, "<c/>"), rv);
        ck_assert_int_eq(dms_tx_commit(tx), rv);
    }
    ck_assert_int_eq(rv, ENOSPC);
    ck_assert_ptr_nonnull(strstr(last_message, "free space"));
    ck_assert_ptr_nonnull(strstr(last_message, file));
    ck_assert_str_eq(get("/kept", &color), "<kept/>");
    ck_assert_str_eq(get("/a/0", &color), "(none)");
    set("/a", &color, "<small/>");
    ck_assert_str_eq(foreign("PRAGMA integrity_check"), "ok");
}
END_TEST

START_TEST(a_full_disk_can_still_be_read)
{
    const char *xml;
    FILE *filler;

    if (!mount_small("size=1m")) {
        return;
    }
    store_setup();
    set("/a", &color, "<c/>");
    filler = fopen(apr_pstrcat(unit_pool, folder, "/filler", NULL), "w");
    while (fwrite(folder, 1, sizeof(folder), filler) == sizeof(folder)) {
    }
    fclose(filler);
    ck_assert_str_eq(get("/a", &color), "<c/>");
    store = open_store(unit_pool, log_message);
    assert_ok(get_from(store, "/a", &color, fresh(), &xml));
    ck_assert_str_eq(xml, "<c/>");
}
END_TEST

START_TEST(a_read_only_file_system_tells)
{
    const char *xml;
    dms_tx_t *tx;

    if (!mount_small("size=4m")) {
        return;
    }
    store_setup();
    set("/a", &color, "<c/>");
    apr_pool_clear(unit_pool); /* closes the store */
    file = apr_pstrcat(unit_pool, folder, "/store.db", NULL);
    apr_pool_create(&pool, unit_pool);
    dms_processes_join(NULL); /* no file of ours is open for writing */
    ck_assert_int_eq(mount("tmpfs", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    store = open_store(unit_pool, log_message);
    ck_assert_int_eq(dms_tx_begin(store, pool, &tx), EROFS);
    ck_assert_int_eq(last_status, EROFS);
    ck_assert_ptr_nonnull(strstr(last_message, "User must be able to write"));
    ck_assert_int_eq(get_from(store, "/a", &color, pool, &xml), EROFS);
    ck_assert_int_eq(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, NULL), 0);
    ck_assert_str_eq(get("/a", &color), "<c/>");
    set("/a", &color, "<d/>");
}
END_TEST

START_TEST(a_file_of_someone_else_tells)
{
    dms_tx_t *tx;
    apr_status_t rv;

    set("/a", &color, "<c/>");
    ck_assert_int_eq(chmod(file, 0444), 0);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    if (getuid() == 0 && (setgid(65534) || setuid(65534))) {
        return;
    }
    store = open_store(unit_pool, log_message);
    rv = dms_tx_begin(store, fresh(), &tx);
    if (rv == APR_SUCCESS) {
        rv = dms_tx_set(tx, "/a", &color, "<d/>");
    }
    ck_assert_int_eq(rv, EROFS);
    ck_assert_ptr_nonnull(strstr(last_message, "User must be able to write"));
}
END_TEST

START_TEST(memory_is_flat)
{
    apr_pool_t *own;
    dms_dead_property_t *first;
    dms_page_t *page;
    const char *xml;
    apr_size_t before = 0;
    dms_tx_t *tx;
    int i;

    set("/c/a", &color, "<a/>");
    apr_pool_create(&own, unit_pool);
    for (i = 0; i < 20000; i++) {
        if (i == 1000) {
            before = unit_memory();
        }
        assert_ok(dms_store_page(store, "/c", "", &everything, own, &page));
        assert_ok(dms_store_properties(store, "/c/a", &everything, own, &first));
        assert_ok(get_from(store, "/c/a", &color, own, &xml));
        ck_assert_int_eq(dms_store_has_properties(store), 1);
        apr_pool_clear(own);
        if (i % 2000 == 0) {
            assert_ok(dms_tx_begin(store, own, &tx));
            assert_ok(dms_tx_commit(tx));
        }
    }
    ck_assert_uint_lt(unit_memory(), before + 65536);
    assert_ok(dms_tx_begin(store, own, &tx));
    for (i = 0; i < 10000; i++) {
        if (i == 1000) {
            before = unit_memory();
        }
        assert_ok(dms_tx_set(tx, "/c/a", &color, "<b/>"));
        count_of(tx, "/c/a");
        assert_ok(dms_tx_copy(tx, "/c/a", "/c/b", 1));
    }
    assert_ok(dms_tx_commit(tx));
    ck_assert_uint_lt(unit_memory(), before + 65536);
}
END_TEST

/* --- how much a folder has --- */

/* -1: nobody knows. */
static apr_int64_t size_of(const char *key)
{
    apr_int64_t bytes = 0;

    return dms_store_size(store, NULL, key, fresh(), &bytes) == APR_SUCCESS ? bytes : -1;
}

static void resize(const char *key, apr_int64_t bytes)
{
    dms_tx_t *tx = begin();

    dms_tx_resize(tx, key, bytes);
    assert_ok(dms_tx_commit(tx));
}

/* Counts a folder, while something changes in another, or (key) in itself. */
static int count_size(const char *key, apr_int64_t bytes, const char *changed, int is_final)
{
    apr_int64_t changes;
    int is_done;
    dms_tx_t *tx = begin();

    dms_tx_begin_size(tx, key, &changes);
    assert_ok(dms_tx_commit(tx));
    resize(changed, 1);
    tx = begin();
    dms_tx_set_size(tx, key, bytes, changes, is_final, &is_done);
    assert_ok(dms_tx_commit(tx));
    return is_done;
}

START_TEST(sizes_follow_what_is_below)
{
    const char *deep = "/a/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20";

    resize("/a/f", 5);
    ck_assert_int_eq(size_of("/a"), -1);
    dms_store_count_space(store, unit_pool);
    ck_assert_int_eq(count_size("/a", 100, "/b/f", 0), 1);
    ck_assert_int_eq(count_size("/a/1", 10, "/b", 0), 1);
    ck_assert_int_eq(count_size("/ab", 7, "/ab/c", 0), 0);
    ck_assert_int_eq(size_of("/ab"), -1);
    ck_assert_int_eq(count_size("/ab", 7, "/ab/c", 1), 1);
    resize(deep, -3);
    ck_assert_int_eq(size_of("/a"), 97);
    ck_assert_int_eq(size_of("/a/1"), 7);
    ck_assert_int_eq(size_of("/ab"), 7);
    resize("/a", 1000 - 97); /* of what is below, nobody knows whose it is */
    ck_assert_int_eq(size_of("/a"), 1000);
    ck_assert_int_eq(size_of("/a/1"), -1);
    resize("/a/f", -1001); /* which can't be true */
    ck_assert_int_eq(size_of("/a"), -1);
    ck_assert_int_eq(count_size("/a", 5, "/b", 0), 1);
    ck_assert_int_eq(size_of("/a"), 5);
}
END_TEST

static int is_exact(const char *key)
{
    apr_int64_t bytes;
    int exact = -1;

    assert_ok(dms_store_size_as_counted(store, NULL, key, fresh(), &bytes, &exact));
    return exact;
}

START_TEST(sizes_counted_among_writers_are_not_exact)
{
    dms_store_count_space(store, unit_pool);
    ck_assert_int_eq(count_size("/a", 7, "/a/b", 1), 1);
    ck_assert_int_eq(is_exact("/a"), 0);
    resize("/a/b", 2);
    ck_assert_int_eq(size_of("/a"), 9);
    ck_assert_int_eq(count_size("/a", 9, "/a/b", 0), 0);
    ck_assert_int_eq(is_exact("/a"), 0);
    ck_assert_int_eq(count_size("/a", 10, "/b", 0), 1);
    ck_assert_int_eq(is_exact("/a"), 1);
    ck_assert_int_eq(size_of("/a"), 10);
}
END_TEST

START_TEST(sizes_forgotten_and_begun_anew_do_not_take_what_was_counted_before)
{
    apr_int64_t first, second;
    int is_done;
    dms_tx_t *tx = begin();

    dms_store_count_space(store, unit_pool);
    dms_tx_begin_size(tx, "/a", &first);
    dms_tx_unsize(tx, "/a/b");
    dms_tx_begin_size(tx, "/a", &second);
    dms_tx_set_size(tx, "/a", 1, first, 0, &is_done);
    ck_assert_int_eq(is_done, 0);
    dms_tx_set_size(tx, "/a", 2, second, 0, &is_done);
    ck_assert_int_eq(is_done, 1);
    assert_ok(dms_tx_commit(tx));
    ck_assert_int_eq(size_of("/a"), 2);
    tx = begin();
    assert_ok(dms_tx_unsize_all(tx));
    assert_ok(dms_tx_commit(tx));
    ck_assert_int_eq(size_of("/a"), -1);
}
END_TEST

START_TEST(sizes_are_forgotten_where_a_change_comes_to_nothing)
{
    dms_tx_t *tx;

    dms_store_count_space(store, unit_pool);
    ck_assert_int_eq(count_size("/a", 100, "/b", 0), 1);
    tx = begin(); /* nothing has been told: nothing has changed */
    dms_tx_abort(tx);
    resize("/b", 1);
    ck_assert_int_eq(size_of("/a"), 100);
    tx = begin();
    dms_tx_resize(tx, "/a/f", 1);
    dms_tx_abort(tx);
    tx = begin(); /* which comes to nothing, too */
    dms_tx_abort(tx);
    ck_assert_int_eq(size_of("/a"), -1);
    ck_assert_int_eq(count_size("/a", 101, "/b", 0), 1);
    resize("/b", 1);
    ck_assert_int_eq(size_of("/a"), 101);
    foreign("UPDATE space SET boot = 'an earlier one'");
    ck_assert_int_eq(size_of("/a"), -1);
}
END_TEST

START_TEST(sizes_are_forgotten_where_a_writer_dies)
{
    pid_t child;

    dms_store_count_space(store, unit_pool);
    ck_assert_int_eq(count_size("/a", 100, "/b", 0), 1);
    child = fork();
    if (!child) {
        store = open_store(unit_pool, log_loudly);
        begin();
        _exit(0);
    }
    ck_assert_int_eq(wait_for(child), 0);
    ck_assert_int_eq(size_of("/a"), -1);
    assert_ok(dms_store_forget_space(store, unit_pool));
    ck_assert_str_eq(foreign("SELECT count(*) FROM space"), "0");
}
END_TEST

/* The folder is not the forked test's: it goes even where that has been killed. */
static TCase *add_case(Suite *suite, const char *name, double timeout)
{
    TCase *tests = unit_case(suite, name, timeout);

    tcase_add_unchecked_fixture(tests, make_folder, remove_folder);
    tcase_add_checked_fixture(tests, clean_and_setup, NULL);
    return tests;
}

Suite *store_suite(void)
{
    Suite *suite = suite_create("store");
    TCase *tests = add_case(suite, "life", 30);

    tcase_add_test(tests, prepare_leaves_one_closed_file);
    tcase_add_test(tests, prepare_keeps_what_is_there);
    tcase_add_test(tests, a_reserve_that_was_given_up_is_made_again);
    tcase_add_test(tests, prepare_refuses_a_newer_schema);
    tcase_add_test(tests, prepare_tells_what_is_wrong);
    tcase_add_test(tests, prepare_at_once_by_many);
    tcase_add_test(tests, create_succeeds_without_a_database);
    tcase_add_test(tests, prepared_statements_are_renewed);
    tcase_add_test(tests, usage_follows_what_is_set);
    tcase_add_test(tests, usage_follows_what_moves);
    tcase_add_test(tests, usage_follows_what_is_copied);
    tcase_add_test(tests, version_1_is_migrated);
    tests = add_case(suite, "sizes", 30);
    tcase_add_test(tests, sizes_follow_what_is_below);
    tcase_add_test(tests, sizes_counted_among_writers_are_not_exact);
    tcase_add_test(tests, sizes_forgotten_and_begun_anew_do_not_take_what_was_counted_before);
    tcase_add_test(tests, sizes_are_forgotten_where_a_change_comes_to_nothing);
    tcase_add_test(tests, sizes_are_forgotten_where_a_writer_dies);
    tests = add_case(suite, "properties", 30);
    tcase_add_test(tests, set_replace_and_unset);
    tcase_add_test(tests, dav_names_share_their_namespace);
    tcase_add_test(tests, the_root_has_properties_of_its_own);
    tcase_add_test(tests, values_of_a_mebibyte);
    tcase_add_test(tests, a_thousand_properties_of_one_resource);
    tcase_add_test(tests, abort_undoes);
    tcase_add_test(tests, others_see_a_transaction_when_it_ends);
    tests = add_case(suite, "trees", 120);
    tcase_add_test(tests, forget_takes_what_is_at_or_below);
    tcase_add_test(tests, has_properties_looks_below);
    tcase_add_test(tests, trees_behave_like_a_model);
    tcase_add_test(tests, a_large_collection_moves_at_once);
    tcase_add_test(tests, parts_of_a_page_split_between_members);
    tcase_add_test(tests, a_page_has_bounded_bytes);
    tcase_add_test(tests, a_member_larger_than_a_part_is_read_apart);
    tcase_add_test(tests, pages_share_names_and_leave_out_what_is_long);
    tcase_add_test(tests, only_what_is_chosen_is_read);
    tcase_add_test(tests, sweep_asks_for_each_at_or_below);
    tcase_add_test(tests, sweep_goes_through_many);
    tcase_add_test(tests, sweep_stops_in_time);
    tcase_add_test(tests, sweep_keeps_what_nobody_can_tell_of);
    tests = add_case(suite, "intentions", 30);
    tcase_add_test(tests, intentions_of_the_living_are_left_alone);
    tcase_add_test(tests, a_killed_process_leaves_its_intentions_only);
    tcase_add_test(tests, orphans_come_in_order);
    tests = add_case(suite, "many at once", 120);
    tcase_add_test(tests, threads_lose_nothing);
    tcase_add_test(tests, processes_lose_nothing);
    tcase_add_test(tests, no_process_starves);
    tcase_add_test(tests, waiting_to_write_keeps_nobody_from_reading);
    tcase_add_test(tests, another_program_is_waited_for);
    tcase_add_test(tests, another_program_is_not_waited_for_without_end);
    tcase_add_test(tests, memory_is_flat);
    tests = add_case(suite, "trouble", 60);
    tcase_add_test(tests, a_full_disk_undoes_and_tells);
    tcase_add_test(tests, a_full_disk_can_still_be_read);
    tcase_add_test(tests, a_read_only_file_system_tells);
    tcase_add_test(tests, a_file_of_someone_else_tells);
    return suite;
}
