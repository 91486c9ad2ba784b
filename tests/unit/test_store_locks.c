#include "store/store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "unit.h"

static char folder[] = "/tmp/dms-locks-XXXXXX";
static const char *file;
static dms_store_t *store;
static char last_message[512];

static void log_message(void *baton, apr_status_t status, const char *message)
{
    (void)baton, (void)status;
    apr_cpystrn(last_message, message, sizeof(last_message));
}

#define assert_ok(call) ck_assert_msg((call) == APR_SUCCESS, "%s: %s", #call, last_message)

static void open_store(void)
{
    assert_ok(dms_store_create(unit_pool, "sqlite3", file, 8, log_message, NULL, &store));
}

static void store_setup(void)
{
    unit_folder_make(folder);
    file = apr_pstrcat(unit_pool, folder, "/store.db", NULL);
    assert_ok(dms_store_prepare(unit_pool, "sqlite3", file, log_message, NULL));
    open_store();
}

/* Before the pool goes: the store is open until then. */
static void store_teardown(void)
{
    unit_folder_remove(folder);
}

static apr_int64_t in(int seconds)
{
    return apr_time_sec(apr_time_now()) + seconds;
}

static dms_tx_t *begin(void)
{
    dms_tx_t *tx;

    assert_ok(dms_tx_begin(store, unit_pool, &tx));
    return tx;
}

static dms_lock_t as_lock(const char *token, const char *key, int deep)
{
    dms_lock_t lock = {.token = token,
                       .key = key,
                       .uri = apr_pstrcat(unit_pool, "/dav", key, NULL),
                       .is_deep = deep,
                       .principal = "",
                       .expires = in(600)};
    return lock;
}

static void add_lock(const dms_lock_t *lock)
{
    dms_tx_t *tx = begin();

    assert_ok(dms_tx_lock(tx, lock));
    assert_ok(dms_tx_commit(tx));
}

static void add(const char *token, const char *key, int deep)
{
    dms_lock_t lock = as_lock(token, key, deep);

    add_lock(&lock);
}

static void take(const char *token)
{
    dms_tx_t *tx = begin();

    assert_ok(dms_tx_unlock(tx, token));
    assert_ok(dms_tx_commit(tx));
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The tokens of a list, sorted, with a blank after each. */
static const char *tokens(const dms_lock_t *lock)
{
    const char *sorted[100];
    const char *text = "";
    size_t count = 0, i;

    for (; lock; lock = lock->next) {
        ck_assert_uint_lt(count, 100);
        sorted[count++] = lock->token;
    }
    qsort(sorted, count, sizeof(*sorted), compare);
    for (i = 0; i < count; i++) {
        text = apr_pstrcat(unit_pool, text, sorted[i], " ", NULL);
    }
    return text;
}

/* Appends a copy. */
static int append(void *baton, const dms_lock_t *lock)
{
    dms_lock_t **link = baton, *copy = apr_pmemdup(unit_pool, lock, sizeof(*lock));

    while (*link) {
        link = &(*link)->next;
    }
    copy->token = apr_pstrdup(unit_pool, lock->token);
    copy->next = NULL;
    *link = copy;
    return 1;
}

static void append_below(dms_tx_t *tx, const char *key, dms_lock_t **first)
{
    dms_below_t below = {.key = key, .visit = append, .baton = first};

    assert_ok(dms_locks_below(store, tx, &below, unit_pool));
}

static const char *on(const char *key, int below)
{
    dms_lock_t *first = NULL;

    assert_ok(dms_store_locks(store, key, 1, unit_pool, &first));
    if (below) {
        append_below(NULL, key, &first);
    }
    return tokens(first);
}

static const char *on_member(const char *key, const char *name)
{
    apr_hash_t *locks;

    assert_ok(dms_store_member_locks(store, key, unit_pool, &locks));
    return tokens(apr_hash_get(locks, name, APR_HASH_KEY_STRING));
}

static unsigned int members(const char *key)
{
    apr_hash_t *locks;

    assert_ok(dms_store_member_locks(store, key, unit_pool, &locks));
    return apr_hash_count(locks);
}

/* --- one lock --- */

START_TEST(a_store_without_locks)
{
    ck_assert_int_eq(dms_store_has_locks(store), 0);
    ck_assert_str_eq(on("/srv/a", 0), "");
    ck_assert_str_eq(on("/srv/a", 1), "");
    ck_assert_uint_eq(members("/srv"), 0);
}
END_TEST

START_TEST(a_lock_comes_back_as_it_was)
{
    dms_lock_t lock = as_lock("urn:uuid:1", "/srv/it's%20a%25", 1), *found;

    lock.is_shared = 1;
    lock.owner = "<D:owner xmlns:D=\"DAV:\">\xC3\xA4 'quoted' \"too\" %s %% &amp;</D:owner>";
    lock.principal = "anna o'hara%s";
    lock.expires = APR_INT64_C(5000000000);
    add_lock(&lock);
    ck_assert_int_ne(dms_store_has_locks(store), 0);
    assert_ok(dms_store_locks(store, "/srv/it's%20a%25", 1, unit_pool, &found));
    ck_assert_ptr_nonnull(found);
    ck_assert_ptr_null(found->next);
    ck_assert_str_eq(found->token, lock.token);
    ck_assert_str_eq(found->key, lock.key);
    ck_assert_str_eq(found->uri, lock.uri);
    ck_assert_str_eq(found->owner, lock.owner);
    ck_assert_str_eq(found->principal, lock.principal);
    ck_assert_int_eq(found->is_deep, 1);
    ck_assert_int_eq(found->is_shared, 1);
    ck_assert_int_eq(found->expires, lock.expires);
}
END_TEST

START_TEST(no_owner_and_no_end)
{
    dms_lock_t lock = as_lock("urn:uuid:1", "/srv/a", 0), *found;

    lock.expires = 0;
    add_lock(&lock);
    assert_ok(dms_store_locks(store, "/srv/a", 1, unit_pool, &found));
    ck_assert_ptr_nonnull(found);
    ck_assert_ptr_null(found->owner);
    ck_assert_int_eq(found->expires, 0);
    ck_assert_int_eq(found->is_deep, 0);
    ck_assert_int_eq(found->is_shared, 0);
}
END_TEST

START_TEST(a_long_owner)
{
    char *owner = apr_palloc(unit_pool, 1000001);
    dms_lock_t lock = as_lock("urn:uuid:1", "/srv/a", 0), *found;

    memset(owner, 'x', 1000000);
    owner[1000000] = '\0';
    lock.owner = owner;
    add_lock(&lock);
    assert_ok(dms_store_locks(store, "/srv/a", 1, unit_pool, &found));
    ck_assert_str_eq(found->owner, owner);
}
END_TEST

START_TEST(unlock_takes_one)
{
    add("t1", "/srv/a", 0);
    add("t2", "/srv/a", 0);
    add("t3", "/srv/b", 0);
    take("t1");
    ck_assert_str_eq(on("/srv/a", 0), "t2 ");
    take("t1"); /* again is no error */
    take("other");
    ck_assert_str_eq(on("/srv", 1), "t2 t3 ");
    take("t2");
    take("t3");
    ck_assert_int_eq(dms_store_has_locks(store), 0);
}
END_TEST

START_TEST(a_refresh_changes_the_end_alone)
{
    dms_lock_t lock = as_lock("t1", "/srv/a", 1), *found;
    dms_tx_t *tx;

    add_lock(&lock);
    add("t2", "/srv/a", 1);
    lock.expires = in(5000);
    lock.principal = lock.uri = "changed";
    tx = begin();
    assert_ok(dms_tx_refresh_lock(tx, &lock));
    assert_ok(dms_tx_commit(tx));
    assert_ok(dms_store_locks(store, "/srv/a", 1, unit_pool, &found));
    ck_assert_str_eq(found->token, "t1");
    ck_assert_int_eq(found->expires, lock.expires);
    ck_assert_str_eq(found->uri, "/dav/srv/a");
    ck_assert_str_eq(found->principal, "");
    ck_assert_int_lt(found->next->expires, in(1000));
}
END_TEST

START_TEST(a_refresh_does_not_bring_back)
{
    dms_lock_t lock = as_lock("t1", "/srv/a", 1);
    dms_tx_t *tx = begin();

    assert_ok(dms_tx_refresh_lock(tx, &lock));
    assert_ok(dms_tx_commit(tx));
    ck_assert_str_eq(on("/srv/a", 1), "");
}
END_TEST

START_TEST(abort_undoes)
{
    dms_lock_t lock = as_lock("t1", "/srv/a", 1);
    dms_tx_t *tx = begin();

    assert_ok(dms_tx_lock(tx, &lock));
    dms_tx_abort(tx);
    ck_assert_str_eq(on("/srv/a", 1), "");
    add_lock(&lock);
    tx = begin();
    assert_ok(dms_tx_unlock(tx, "t1"));
    dms_tx_abort(tx);
    ck_assert_str_eq(on("/srv/a", 1), "t1 ");
}
END_TEST

/* Told of so many, of more than a page of them: all in the order of their keys, or from one on. */
static int follow(void *baton, const dms_lock_t *lock)
{
    apr_array_header_t *keys = baton;

    APR_ARRAY_PUSH(keys, const char *) = apr_pstrdup(unit_pool, lock->key);
    return keys->nelts < 700;
}

static int visited(const dms_below_t *like, const char **first, const char **last)
{
    apr_array_header_t *keys = apr_array_make(unit_pool, 0, sizeof(const char *));
    dms_below_t below = *like;
    int i;

    below.visit = follow;
    below.baton = keys;
    assert_ok(dms_locks_below(store, NULL, &below, unit_pool));
    for (i = 1; i < keys->nelts; i++) {
        ck_assert_int_lt(strcmp(APR_ARRAY_IDX(keys, i - 1, char *), APR_ARRAY_IDX(keys, i, char *)),
                         0);
    }
    *first = keys->nelts ? APR_ARRAY_IDX(keys, 0, const char *) : "";
    *last = keys->nelts ? APR_ARRAY_IDX(keys, keys->nelts - 1, const char *) : "";
    return keys->nelts;
}

START_TEST(pages_of_locks_below)
{
    const char *first, *last;
    dms_tx_t *tx = begin();
    apr_int64_t count;
    int i;

    for (i = 0; i < 800; i++) {
        dms_lock_t lock = as_lock(apr_psprintf(unit_pool, "t%d", i),
                                  apr_psprintf(unit_pool, "/srv/a/%03d", i), i % 2);

        lock.is_shared = i % 4 == 0;
        assert_ok(dms_tx_lock(tx, &lock));
    }
    assert_ok(dms_tx_count_locks(tx, as_lock("t", "/", 0).principal, 1000, &count));
    ck_assert_int_eq(count, 800);
    assert_ok(dms_tx_count_locks(tx, as_lock("t", "/", 0).principal, 7, &count));
    ck_assert_int_eq(count, 7);
    assert_ok(dms_tx_count_locks(tx, "nobody", 7, &count));
    ck_assert_int_eq(count, 0);
    assert_ok(dms_tx_commit(tx));
    ck_assert_int_eq(visited(&(dms_below_t){.key = "/srv/a"}, &first, &last), 700);
    ck_assert_str_eq(last, "/srv/a/699");
    ck_assert_int_eq(visited(&(dms_below_t){.key = "/srv", .after = "/srv/a/199"}, &first, &last),
                     600);
    ck_assert_str_eq(first, "/srv/a/200");
    ck_assert_int_eq(visited(&(dms_below_t){.key = "/", .only_exclusive = 1}, &first, &last), 600);
    ck_assert_str_eq(first, "/srv/a/001");
    ck_assert_int_eq(visited(&(dms_below_t){.key = "/srv/a/5"}, &first, &last), 0);
}
END_TEST

static const char *within(dms_tx_t *tx, const char *key, int below)
{
    dms_lock_t *first = NULL;

    assert_ok(dms_tx_locks(tx, key, unit_pool, &first));
    if (below) {
        append_below(tx, key, &first);
    }
    return tokens(first);
}

/* A transaction sees what it has done, and nobody else does before it ends. */
START_TEST(a_transaction_sees_its_own)
{
    dms_lock_t lock = as_lock("t1", "/srv/a", 1);
    dms_tx_t *tx = begin();

    ck_assert_str_eq(within(tx, "/srv/a", 1), ""); /* there is none, and then there is one */
    assert_ok(dms_tx_lock(tx, &lock));
    ck_assert_str_eq(within(tx, "/srv/a", 0), "t1 ");
    ck_assert_str_eq(within(tx, "/srv/a/b", 0), "t1 ");
    ck_assert_str_eq(within(tx, "/srv", 1), "t1 ");
    ck_assert_str_eq(on("/srv", 1), "");
    assert_ok(dms_tx_commit(tx));
    tx = begin();
    assert_ok(dms_tx_unlock(tx, "t1"));
    ck_assert_str_eq(within(tx, "/srv", 1), "");
    ck_assert_str_eq(on("/srv", 1), "t1 ");
    dms_tx_abort(tx);
    tx = begin();
    ck_assert_str_eq(within(tx, "/srv", 1), "t1 ");
    dms_tx_abort(tx);
}
END_TEST

START_TEST(a_token_is_there_once)
{
    dms_lock_t lock = as_lock("t1", "/srv/a", 1);
    dms_tx_t *tx;

    add_lock(&lock);
    tx = begin();
    lock.key = "/srv/b";
    ck_assert_int_ne(dms_tx_lock(tx, &lock), APR_SUCCESS);
    dms_tx_abort(tx);
    ck_assert_str_eq(on("/srv", 1), "t1 ");
    ck_assert_str_eq(on("/srv/b", 1), "");
}
END_TEST

/* --- where they are in force --- */

START_TEST(deep_and_shallow)
{
    add("deep", "/srv/a", 1);
    add("flat", "/srv/b", 0);
    ck_assert_str_eq(on("/srv/a", 0), "deep ");
    ck_assert_str_eq(on("/srv/a/x", 0), "deep ");
    ck_assert_str_eq(on("/srv/a/x/y/z", 0), "deep ");
    ck_assert_str_eq(on("/srv/b", 0), "flat ");
    ck_assert_str_eq(on("/srv/b/x", 0), "");
    ck_assert_str_eq(on("/srv", 0), "");
    ck_assert_str_eq(on("/srv", 1), "deep flat ");
    ck_assert_str_eq(on("/", 1), "deep flat ");
    ck_assert_str_eq(on("/srv/a/x", 1), "deep ");
}
END_TEST

START_TEST(similar_names_are_other_resources)
{
    static const char *const others[] = {"/srv/ab", "/srv/a.b",  "/srv/a0",   "/srv/a-",
                                         "/srv/A",  "/srv/a%2F", "/srv/a%20", "/srvx/a"};
    size_t i;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        add(apr_psprintf(unit_pool, "t%d", (int)i), others[i], 1);
    }
    add("mine", "/srv/a/m", 0);
    ck_assert_str_eq(on("/srv/a", 0), "");
    ck_assert_str_eq(on("/srv/a", 1), "mine ");
    ck_assert_str_eq(on("/srv/a/m", 1), "mine ");
}
END_TEST

START_TEST(wildcards_are_no_wildcards)
{
    add("t1", "/srv/a_b", 1);
    add("t2", "/srv/a%25", 1);
    ck_assert_str_eq(on("/srv/axb", 1), "");
    ck_assert_str_eq(on("/srv/a%25", 1), "t2 ");
    ck_assert_str_eq(on("/srv/a_b/x", 1), "t1 ");
}
END_TEST

START_TEST(below_goes_down_and_up)
{
    add("above", "/srv", 1);
    add("flat-above", "/srv", 0);
    add("self", "/srv/a", 0);
    add("below", "/srv/a/b/c", 0);
    add("beside", "/srv/z", 1);
    ck_assert_str_eq(on("/srv/a", 0), "above self ");
    ck_assert_str_eq(on("/srv/a", 1), "above below self ");
    ck_assert_str_eq(on("/srv/a/b", 0), "above ");
    ck_assert_str_eq(on("/srv/a/b", 1), "above below ");
}
END_TEST

START_TEST(the_root)
{
    add("root", "/", 1);
    ck_assert_str_eq(on("/", 0), "root ");
    ck_assert_str_eq(on("/srv", 0), "root ");
    ck_assert_str_eq(on("/srv/a/b", 0), "root ");
    ck_assert_str_eq(on("/", 1), "root "); /* once */
    take("root");
    add("flat", "/", 0);
    ck_assert_str_eq(on("/", 0), "flat ");
    ck_assert_str_eq(on("/srv", 0), "");
}
END_TEST

START_TEST(the_root_is_one_providers)
{
    add("disk", "/", 1);
    add("file", "/|mem/a", 1);
    ck_assert_str_eq(on("/", 1), "disk ");
    ck_assert_str_eq(on("/|mem", 1), "file ");
    ck_assert_str_eq(on("/|mem/a", 0), "file ");
    ck_assert_str_eq(on("/a", 0), "disk ");
}
END_TEST

/* A lock on each of 60 collections one in the other: every level sees those at and above it. */
START_TEST(any_number_of_levels)
{
    const char *key = "";
    int i, k;

    for (i = 0; i < 60; i++) {
        dms_lock_t *first = NULL;
        int count = 0;

        key = apr_psprintf(unit_pool, "%s/d%d", key, i);
        add(apr_psprintf(unit_pool, "t%02d", i), key, 1);
        assert_ok(dms_store_locks(store, key, 1, unit_pool, &first));
        for (k = 0; first; first = first->next) {
            count++;
            k |= !strcmp(first->token, apr_psprintf(unit_pool, "t%02d", i));
        }
        ck_assert_msg(k, "level %d misses its own", i);
        ck_assert_int_eq(count, i + 1);
    }
}
END_TEST

START_TEST(one_lock_far_above)
{
    const char *key = "/top";
    int i;

    add("top", "/top", 1);
    for (i = 0; i < 100; i++) {
        ck_assert_msg(!strcmp(on(key, 0), "top "), "%d levels below", i);
        ck_assert_msg(!strcmp(on(key, 1), "top "), "%d levels below", i);
        key = apr_pstrcat(unit_pool, key, "/x", NULL);
    }
}
END_TEST

/* --- members --- */

START_TEST(locks_of_members)
{
    add("t1", "/srv/a", 0);
    add("t2", "/srv/a", 1);
    add("t3", "/srv/b%20c", 1);
    add("deeper", "/srv/a/x", 1);
    add("own", "/srv", 1);
    add("other", "/srvx/a", 1);
    ck_assert_uint_eq(members("/srv"), 2);
    ck_assert_str_eq(on_member("/srv", "a"), "t1 t2 ");
    ck_assert_str_eq(on_member("/srv", "b%20c"), "t3 ");
    ck_assert_str_eq(on_member("/srv/a", "x"), "deeper ");
    ck_assert_str_eq(on_member("/", "srv"), "own ");
    ck_assert_uint_eq(members("/srv/b%20c"), 0);
}
END_TEST

/* Like on_member(), of a member that is to be read by itself. */
static const char *on_member_apart(const char *key, const char *name)
{
    apr_hash_t *locks;
    dms_lock_t *first = NULL;

    assert_ok(dms_store_member_locks(store, key, unit_pool, &locks));
    ck_assert(!locks || apr_hash_get(locks, name, APR_HASH_KEY_STRING) == DMS_STORE_APART);
    assert_ok(dms_store_own_locks(store, dms_key_below(unit_pool, key, name), unit_pool, &first));
    return tokens(first);
}

START_TEST(what_is_long_is_read_apart)
{
    dms_lock_t lock = as_lock("t2", "/srv/a", 0);
    char *owner = apr_palloc(unit_pool, DMS_STORE_SHORT_VALUE + 1);

    memset(owner, 'x', DMS_STORE_SHORT_VALUE);
    owner[DMS_STORE_SHORT_VALUE] = '\0';
    lock.owner = owner;
    add("above", "/srv", 1);
    add("t1", "/srv/a", 0);
    add_lock(&lock);
    add("t3", "/srv/a", 0);
    add("b", "/srv/b", 0);
    ck_assert_str_eq(on_member_apart("/srv", "a"), "t1 t2 t3 ");
    ck_assert_str_eq(on_member("/srv", "b"), "b ");
}
END_TEST

START_TEST(too_many_are_read_apart)
{
    dms_tx_t *tx = begin();
    int i;

    for (i = 0; i < DMS_STORE_MEMBER_LOCKS; i++) {
        dms_lock_t lock = as_lock(apr_psprintf(unit_pool, "t%d", i),
                                  apr_psprintf(unit_pool, "/srv/many/m%d", i), 0);
        assert_ok(dms_tx_lock(tx, &lock));
    }
    assert_ok(dms_tx_commit(tx));
    ck_assert_str_eq(on_member_apart("/srv/many", "m17"), "t17 ");
}
END_TEST

START_TEST(a_thousand_members)
{
    dms_tx_t *tx = begin();
    int i;

    for (i = 0; i < 1000; i++) {
        dms_lock_t lock = as_lock(apr_psprintf(unit_pool, "t%d", i),
                                  apr_psprintf(unit_pool, "/srv/many/m%d", i), 0);
        assert_ok(dms_tx_lock(tx, &lock));
    }
    assert_ok(dms_tx_commit(tx));
    ck_assert_uint_eq(members("/srv/many"), 1000);
    for (i = 0; i < 1000; i += 37) {
        ck_assert_str_eq(on_member("/srv/many", apr_psprintf(unit_pool, "m%d", i)),
                         apr_psprintf(unit_pool, "t%d ", i));
    }
}
END_TEST

/* --- expiry --- */

/* Waits until the second has changed, and a bit. */
static void next_second(void)
{
    apr_time_t now = apr_time_now();

    apr_sleep(APR_USEC_PER_SEC - now % APR_USEC_PER_SEC + 20000);
}

START_TEST(an_expired_lock_is_not_there)
{
    dms_lock_t lock = as_lock("t1", "/srv/a", 1);

    lock.expires = in(-1);
    add_lock(&lock);
    lock.token = "t2";
    lock.expires = 1;
    add_lock(&lock);
    ck_assert_str_eq(on("/srv/a", 0), "");
    ck_assert_str_eq(on("/srv/a/b", 0), "");
    ck_assert_str_eq(on("/srv", 1), "");
    ck_assert_uint_eq(members("/srv"), 0);
}
END_TEST

START_TEST(it_expires_when_its_second_comes)
{
    dms_lock_t lock = as_lock("t1", "/srv/a", 1);

    next_second();
    lock.expires = in(1);
    add_lock(&lock);
    ck_assert_str_eq(on("/srv/a", 0), "t1 ");
    ck_assert_uint_eq(members("/srv"), 1);
    next_second();
    ck_assert_str_eq(on("/srv/a", 0), "");
    ck_assert_uint_eq(members("/srv"), 0);
}
END_TEST

START_TEST(the_next_lock_clears_the_expired)
{
    dms_lock_t lock = as_lock("t1", "/srv/a", 1), *found;
    dms_tx_t *tx;

    lock.expires = in(-1);
    add_lock(&lock);
    lock.token = "t2";
    lock.key = "/elsewhere";
    lock.expires = 0;
    add_lock(&lock);
    ck_assert_str_eq(on("/", 1), "t2 ");
    /* Its row is gone: its token can be used again, and a refresh does not find it. */
    lock.token = "t1";
    lock.expires = in(600);
    tx = begin();
    assert_ok(dms_tx_refresh_lock(tx, &lock));
    assert_ok(dms_tx_commit(tx));
    assert_ok(dms_store_locks(store, "/srv/a", 1, unit_pool, &found));
    ck_assert_ptr_null(found);
    take("t2");
    ck_assert_int_eq(dms_store_has_locks(store), 0);
}
END_TEST

START_TEST(an_endless_lock_stays)
{
    dms_lock_t lock = as_lock("endless", "/srv/a", 1);

    lock.expires = 0;
    add_lock(&lock);
    add("t1", "/srv/b", 0);
    add("t2", "/srv/c", 0);
    ck_assert_str_eq(on("/srv", 1), "endless t1 t2 ");
}
END_TEST

/* --- trees --- */

static void unlock_tree(const char *key, int self)
{
    dms_tx_t *tx = begin();

    assert_ok(dms_tx_unlock_tree(tx, key, self));
    assert_ok(dms_tx_commit(tx));
}

static void add_tree(void)
{
    add("above", "/srv", 1);
    add("self", "/srv/a", 0);
    add("child", "/srv/a/b", 0);
    add("deeper", "/srv/a/b/c/d", 1);
    add("like1", "/srv/a0", 1);
    add("like2", "/srv/a.x", 1);
    add("like3", "/srv/ab", 1);
}

START_TEST(a_tree_with_its_root)
{
    add_tree();
    unlock_tree("/srv/a", 1);
    ck_assert_str_eq(on("/", 1), "above like1 like2 like3 ");
}
END_TEST

START_TEST(a_tree_without_its_root)
{
    add_tree();
    unlock_tree("/srv/a", 0);
    ck_assert_str_eq(on("/", 1), "above like1 like2 like3 self ");
}
END_TEST

START_TEST(a_tree_of_one)
{
    add_tree();
    unlock_tree("/srv/a/b/c/d", 0);
    ck_assert_str_eq(on("/srv/a/b", 1), "above child deeper ");
    unlock_tree("/srv/a/b/c/d", 1);
    ck_assert_str_eq(on("/srv/a/b", 1), "above child ");
    unlock_tree("/none", 1);
    ck_assert_str_eq(on("/srv/a/b", 1), "above child ");
}
END_TEST

START_TEST(moving_and_forgetting_properties_leaves_locks)
{
    dms_tx_t *tx;

    add_tree();
    tx = begin();
    assert_ok(dms_tx_move(tx, "/srv/a", "/srv/n"));
    assert_ok(dms_tx_forget(tx, "/srv/a"));
    assert_ok(dms_tx_commit(tx));
    ck_assert_str_eq(on("/srv/a", 1), "above child deeper self ");
    ck_assert_str_eq(on("/srv/n", 1), "above ");
}
END_TEST

/* Against a model: what is in force on random resources after random changes. */
#define MODEL 60

static const char *random_key(void)
{
    static const char *const names[] = {"/a", "/b", "/a.b", "/a0", "/ab"};
    const char *key = "";
    unsigned int levels = 1 + unit_random(4);

    while (levels--) {
        key = apr_pstrcat(unit_pool, key, names[unit_random(5)], NULL);
    }
    return key;
}

static int is_below(const char *key, const char *of)
{
    size_t length = strlen(of);

    return !strncmp(key, of, length) && key[length] == '/';
}

static const char *expected(dms_lock_t *model, const char *key, int below)
{
    dms_lock_t *first = NULL;
    int i;

    for (i = 0; i < MODEL; i++) {
        if (model[i].token
            && (!strcmp(model[i].key, key) || (model[i].is_deep && is_below(key, model[i].key))
                || (below && is_below(model[i].key, key)))) {
            model[i].next = first;
            first = &model[i];
        }
    }
    return tokens(first);
}

START_TEST(locks_behave_like_a_model)
{
    dms_lock_t model[MODEL] = {{0}};
    int round, i;

    for (round = 0; round < 600; round++) {
        const char *key = random_key();
        unsigned int what = unit_random(10);
        int at = (int)unit_random(MODEL);

        if (what < 6 && !model[at].token) {
            model[at] = as_lock(apr_psprintf(unit_pool, "t%04d", round), key, (int)unit_random(2));
            add_lock(&model[at]);
        }
        else if (what < 8 && model[at].token) {
            take(model[at].token);
            model[at].token = NULL;
        }
        else if (what == 9) {
            int self = (int)unit_random(2);

            unlock_tree(key, self);
            for (i = 0; i < MODEL; i++) {
                if (model[i].token
                    && (is_below(model[i].key, key) || (self && !strcmp(model[i].key, key)))) {
                    model[i].token = NULL;
                }
            }
        }
        key = random_key();
        ck_assert_str_eq(on(key, 0), expected(model, key, 0));
        ck_assert_str_eq(on(key, 1), expected(model, key, 1));
    }
}
END_TEST

/* --- processes --- */

/* Each child takes the one exclusive lock 50 times, in one transaction with the look whether
 * it is free, and is then the only one that has it. */
static void contend(int number)
{
    int i;

    open_store();
    for (i = 0; i < 50;) {
        dms_lock_t lock = as_lock(apr_psprintf(unit_pool, "p%d-%d", number, i), "/srv/a", 1);
        dms_lock_t *held;
        dms_tx_t *tx = begin();

        assert_ok(dms_store_locks(store, "/srv/a", 1, unit_pool, &held));
        if (held) {
            dms_tx_abort(tx);
            continue;
        }
        assert_ok(dms_tx_lock(tx, &lock));
        assert_ok(dms_tx_commit(tx));
        ck_assert_str_eq(on("/srv/a", 0), apr_pstrcat(unit_pool, lock.token, " ", NULL));
        take(lock.token);
        i++;
    }
    _exit(EXIT_SUCCESS);
}

START_TEST(one_process_at_a_time_has_it)
{
    pid_t children[4];
    int i, status;

    for (i = 0; i < 4; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (!children[i]) {
            contend(i);
        }
    }
    for (i = 0; i < 4; i++) {
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(dms_store_has_locks(store), 0);
}
END_TEST

START_TEST(locks_outlive_the_process)
{
    pid_t child = fork();
    int status;

    ck_assert_int_ge(child, 0);
    if (!child) {
        open_store();
        add("t1", "/srv/a", 1);
        _exit(0); /* without closing anything */
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_ne(dms_store_has_locks(store), 0);
    ck_assert_str_eq(on("/srv/a/b", 0), "t1 ");
}
END_TEST

START_TEST(without_a_database_there_may_be_locks)
{
    dms_lock_t *first;

    assert_ok(dms_store_create(unit_pool, "sqlite3",
                               apr_pstrcat(unit_pool, folder, "/none/store.db", NULL), 8,
                               log_message, NULL, &store));
    ck_assert_int_ne(dms_store_has_locks(store), 0);
    ck_assert_int_ne(dms_store_locks(store, "/srv/a", 1, unit_pool, &first), APR_SUCCESS);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name, double timeout)
{
    TCase *tests = unit_case(suite, name, timeout);

    tcase_add_checked_fixture(tests, store_setup, store_teardown);
    return tests;
}

Suite *store_locks_suite(void)
{
    Suite *suite = suite_create("store's locks");
    TCase *tests = add_case(suite, "one lock", 30);

    tcase_add_test(tests, a_store_without_locks);
    tcase_add_test(tests, a_lock_comes_back_as_it_was);
    tcase_add_test(tests, no_owner_and_no_end);
    tcase_add_test(tests, a_long_owner);
    tcase_add_test(tests, unlock_takes_one);
    tcase_add_test(tests, a_refresh_changes_the_end_alone);
    tcase_add_test(tests, a_refresh_does_not_bring_back);
    tcase_add_test(tests, abort_undoes);
    tcase_add_test(tests, a_transaction_sees_its_own);
    tcase_add_test(tests, a_token_is_there_once);
    tests = add_case(suite, "where", 30);
    tcase_add_test(tests, deep_and_shallow);
    tcase_add_test(tests, similar_names_are_other_resources);
    tcase_add_test(tests, wildcards_are_no_wildcards);
    tcase_add_test(tests, below_goes_down_and_up);
    tcase_add_test(tests, pages_of_locks_below);
    tcase_add_test(tests, the_root);
    tcase_add_test(tests, the_root_is_one_providers);
    tcase_add_test(tests, any_number_of_levels);
    tcase_add_test(tests, one_lock_far_above);
    tests = add_case(suite, "members", 30);
    tcase_add_test(tests, locks_of_members);
    tcase_add_test(tests, what_is_long_is_read_apart);
    tcase_add_test(tests, too_many_are_read_apart);
    tcase_add_test(tests, a_thousand_members);
    tests = add_case(suite, "expiry", 30);
    tcase_add_test(tests, an_expired_lock_is_not_there);
    tcase_add_test(tests, it_expires_when_its_second_comes);
    tcase_add_test(tests, the_next_lock_clears_the_expired);
    tcase_add_test(tests, an_endless_lock_stays);
    tests = add_case(suite, "trees", 60);
    tcase_add_test(tests, a_tree_with_its_root);
    tcase_add_test(tests, a_tree_without_its_root);
    tcase_add_test(tests, a_tree_of_one);
    tcase_add_test(tests, moving_and_forgetting_properties_leaves_locks);
    tcase_add_test(tests, locks_behave_like_a_model);
    tests = add_case(suite, "processes", 60);
    tcase_add_test(tests, one_process_at_a_time_has_it);
    tcase_add_test(tests, locks_outlive_the_process);
    tcase_add_test(tests, without_a_database_there_may_be_locks);
    return suite;
}
