#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "processes/processes.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "repository/provider.h"
#include "unit.h"

static char top[] = "/tmp/dms-processes-XXXXXX";
static const char *folder, *other_folder;

static void make_top(void)
{
    unit_folder_make(top);
}

static void remove_top(void)
{
    unit_folder_remove(top);
}

static void setup(void)
{
    folder = apr_psprintf(unit_pool, "%s/%ld-processes", top, (long)getpid());
    other_folder = apr_psprintf(unit_pool, "%s/%ld-others", top, (long)getpid());
}

static void join(const char *where)
{
    ck_assert_int_eq(dms_processes_join(where), APR_SUCCESS);
}

/* Another process, and what it tells of itself. */
typedef struct other_t {
    pid_t pid;
    char word[128];
    char reserved[128];
    int lifeline; /* closed, it ends */
} other_t;

static void live(const char *where, int tell, int lifeline)
{
    char text[256] = "";
    apr_status_t rv = dms_processes_join(where);

    snprintf(text, 128, "%s", dms_process_self(unit_pool));
    snprintf(text + 128, 128, "%s", dms_reserved_name(unit_pool));
    if (write(tell, text, sizeof(text)) != (ssize_t)sizeof(text)) {
        _exit(1);
    }
    while (read(lifeline, text, 1) > 0) {
    }
    _exit(rv != APR_SUCCESS);
}

static void start(other_t *other, const char *where)
{
    int tell[2], lifeline[2];

    ck_assert(!pipe(tell) && !pipe(lifeline));
    other->pid = fork();
    if (!other->pid) {
        close(lifeline[1]);
        live(where, tell[1], lifeline[0]);
    }
    close(tell[1]);
    close(lifeline[0]);
    other->lifeline = lifeline[1];
    ck_assert_int_eq(read(tell[0], other->word, sizeof(other->word)), sizeof(other->word));
    ck_assert_int_eq(read(tell[0], other->reserved, sizeof(other->reserved)),
                     sizeof(other->reserved));
    close(tell[0]);
}

static void end(other_t *other)
{
    kill(other->pid, SIGKILL);
    ck_assert_int_eq(waitpid(other->pid, NULL, 0), other->pid);
    close(other->lifeline);
}

static int count_files(const char *where)
{
    DIR *dir = opendir(where);
    struct dirent *entry;
    int count = 0;

    while (dir && (entry = readdir(dir)) != NULL) {
        count += entry->d_name[0] != '.' && strcmp(entry->d_name, "store");
    }
    closedir(dir);
    return count;
}

static apr_int64_t now(void)
{
    return apr_time_sec(apr_time_now());
}

/* --- with files --- */

START_TEST(one_lives_until_it_is_killed)
{
    other_t other;
    siginfo_t info;

    join(folder);
    ck_assert_int_eq(dms_process_life(dms_process_self(unit_pool)), DMS_LIFE_GOES_ON);
    ck_assert_int_eq(dms_reserved_is_orphan(dms_reserved_name(unit_pool), 0), 0);
    start(&other, folder);
    ck_assert_str_ne(other.word, dms_process_self(unit_pool));
    ck_assert_int_eq(dms_process_life(other.word), DMS_LIFE_GOES_ON);
    ck_assert_int_eq(dms_reserved_is_orphan(other.reserved, 0), 0);
    kill(other.pid, SIGSTOP); /* slow is not dead */
    ck_assert_int_eq(dms_process_life(other.word), DMS_LIFE_GOES_ON);
    kill(other.pid, SIGKILL);
    ck_assert_int_eq(waitid(P_PID, (id_t)other.pid, &info, WEXITED | WNOWAIT), 0);
    ck_assert_int_eq(dms_process_life(other.word),
                     DMS_LIFE_IS_OVER); /* its number is still taken */
    end(&other);
    ck_assert_int_eq(dms_process_life(other.word), DMS_LIFE_IS_OVER);
    ck_assert_int_eq(dms_reserved_is_orphan(other.reserved, now()), 1);
    ck_assert_int_eq(dms_process_life(dms_process_self(unit_pool)), DMS_LIFE_GOES_ON);
}
END_TEST

/* A child inherits the descriptor, and with it the lock: that ends when it joins. */
START_TEST(a_parent_is_dead_while_its_child_lives)
{
    char words[2][32] = {"", ""};
    pid_t pids[2], parent;
    int tell[2];

    join(folder);
    ck_assert(!pipe(tell));
    parent = fork();
    if (!parent) {
        join(folder);
        apr_cpystrn(words[0], dms_process_self(unit_pool), sizeof(words[0]));
        if (!fork()) {
            join(folder);
            apr_cpystrn(words[1], dms_process_self(unit_pool), sizeof(words[1]));
            pids[1] = getpid();
            ck_assert_int_gt(write(tell[1], words, sizeof(words)), 0);
            ck_assert_int_gt(write(tell[1], pids, sizeof(pids)), 0);
        }
        pause();
    }
    ck_assert_int_eq(read(tell[0], words, sizeof(words)), sizeof(words));
    ck_assert_int_eq(read(tell[0], pids, sizeof(pids)), sizeof(pids));
    ck_assert_int_eq(dms_process_life(words[0]), DMS_LIFE_GOES_ON);
    kill(parent, SIGKILL);
    ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
    ck_assert_int_eq(dms_process_life(words[0]), DMS_LIFE_IS_OVER);
    ck_assert_int_eq(dms_process_life(words[1]), DMS_LIFE_GOES_ON);
    kill(pids[1], SIGKILL);
}
END_TEST

START_TEST(the_files_of_the_dead_do_not_pile_up)
{
    other_t others[20];
    int i;

    for (i = 0; i < 20; i++) {
        start(&others[i], folder);
    }
    ck_assert_int_eq(count_files(folder), 20);
    for (i = 0; i < 18; i++) {
        end(&others[i]);
    }
    join(folder);
    ck_assert_int_eq(count_files(folder), 3);
    for (i = 0; i < 18; i++) {
        ck_assert_int_eq(dms_process_life(others[i].word), DMS_LIFE_IS_OVER);
    }
    ck_assert_int_eq(dms_process_life(others[18].word), DMS_LIFE_GOES_ON);
    end(&others[18]);
    end(&others[19]);
}
END_TEST

/* Many join at once, and each takes away what it finds of the dead: none the file of one that has
 * just made it. */
START_TEST(nobody_who_joins_looks_dead)
{
    enum { MANY = 8, ROUNDS = 60 };
    pid_t children[MANY];
    int i, k, status;

    for (i = 0; i < MANY; i++) {
        children[i] = fork();
        if (!children[i]) {
            for (k = 0; k < ROUNDS; k++) {
                pid_t child = fork();

                if (!child) {
                    if (dms_processes_join(folder) != APR_SUCCESS) {
                        _exit(1);
                    }
                    usleep(500);
                    _exit(dms_process_life(dms_process_self(unit_pool)) != DMS_LIFE_GOES_ON);
                }
                waitpid(child, &status, 0);
                if (status) {
                    _exit(1);
                }
            }
            _exit(0);
        }
    }
    for (i = 0; i < MANY; i++) {
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_le(count_files(folder), MANY);
}
END_TEST

START_TEST(without_the_folder_nobody_is_dead)
{
    other_t other;

    join(folder);
    start(&other, folder);
    unit_folder_remove(folder);
    ck_assert_int_eq(dms_process_life(other.word), DMS_LIFE_UNKNOWN);
    ck_assert_int_eq(dms_reserved_is_orphan(other.reserved, now()), 0);
    end(&other);
}
END_TEST

/* --- reserved names --- */

START_TEST(another_stores_names_go_by_age)
{
    other_t other;

    join(folder);
    start(&other, other_folder);
    ck_assert_int_eq(dms_reserved_is_orphan(other.reserved, now()), 0);
    end(&other);
    ck_assert_int_eq(dms_reserved_is_orphan(other.reserved, now()), 0);
    ck_assert_int_eq(dms_reserved_is_orphan(other.reserved, now() - 80000), 0);
    ck_assert_int_eq(dms_reserved_is_orphan(other.reserved, now() - 90000), 1);
}
END_TEST

/* A store that was copied is another one, though it has the same words in it. */
START_TEST(a_copy_is_another_store)
{
    other_t other;

    start(&other, folder);
    ck_assert_int_eq(system(apr_pstrcat(unit_pool, "cp -a ", folder, " ", other_folder, NULL)), 0);
    join(other_folder);
    ck_assert_int_eq(dms_reserved_is_orphan(other.reserved, now()), 0);
    join(folder);
    end(&other);
    ck_assert_int_eq(dms_reserved_is_orphan(other.reserved, now()), 1);
}
END_TEST

START_TEST(names_of_the_first_version_go_by_age)
{
    static const char *const names[] = {DMS_RESERVED_PREFIX "c0ffee-4d2-0123456789abcdef",
                                        DMS_RESERVED_PREFIX "0-0-1"};
    static const char *const others[] = {DMS_RESERVED_PREFIX "1234", DMS_RESERVED_PREFIX "x-y-z",
                                         DMS_RESERVED_PREFIX, DMS_RESERVED_PREFIX "1-2",
                                         DMS_RESERVED_PREFIX "1-2-"};
    size_t i;

    join(folder);
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_int_eq(dms_reserved_is_orphan(names[i], now()), 0);
        ck_assert_int_eq(dms_reserved_is_orphan(names[i], now() - 90000), 1);
    }
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) { /* a client's content, perhaps */
        ck_assert_int_eq(dms_reserved_is_orphan(others[i], 0), 0);
    }
}
END_TEST

/* --- without files --- */

static const char *replace_pid(const char *word, long pid)
{
    return apr_psprintf(unit_pool, "%ld%s", pid, strchr(word, '/'));
}

START_TEST(without_a_folder_numbers_have_to_do)
{
    const char *self, *word;
    other_t other;

    ck_assert_int_ne(dms_processes_join("/nonexistent/folder"), APR_SUCCESS);
    self = dms_process_self(unit_pool);
    ck_assert_int_eq(dms_process_life(self), DMS_LIFE_GOES_ON);
    usleep(20000); /* starts are told in hundredths of a second */
    start(&other, NULL);
    ck_assert_int_eq(dms_process_life(other.word), DMS_LIFE_GOES_ON);
    ck_assert_int_eq(dms_reserved_is_orphan(other.reserved, now()), 0);
    ck_assert_int_eq(dms_reserved_is_orphan(other.reserved, now() - 90000), 1);
    /* its number, used again by ours */
    word = replace_pid(other.word, (long)getpid());
    ck_assert_str_ne(word, self);
    ck_assert_int_eq(dms_process_life(word), DMS_LIFE_IS_OVER);
    end(&other);
    ck_assert_int_eq(dms_process_life(other.word), DMS_LIFE_IS_OVER);
    join(folder); /* whoever has files understands the others, too */
    ck_assert_int_eq(dms_process_life(other.word), DMS_LIFE_IS_OVER);
    ck_assert_int_eq(dms_process_life(self), DMS_LIFE_GOES_ON);
}
END_TEST

START_TEST(numbers_of_elsewhere)
{
    const char *self, *start, *first;

    dms_processes_join(NULL);
    self = dms_process_self(unit_pool);
    start = strchr(strchr(self, '/') + 1, '/') + 1;
    ck_assert_uint_gt(strlen(start), 37); /* the UUID of the machine's start, and a number */
    /* another container's: nobody knows, unless the machine has been started anew */
    ck_assert_int_eq(dms_process_life(apr_pstrcat(unit_pool, "1/pid:[1]/", start, NULL)),
                     DMS_LIFE_UNKNOWN);
    ck_assert_int_eq(dms_process_life("1/pid:[1]/01234567-0123-0123-0123-0123456789ab/12"),
                     DMS_LIFE_IS_OVER);
    /* the first version's, without a namespace */
    first = apr_psprintf(unit_pool, "%ld//%s", (long)getpid(), start);
    ck_assert_int_eq(dms_process_life(first), DMS_LIFE_GOES_ON);
    ck_assert_int_eq(dms_process_life(apr_pstrcat(unit_pool, first, "1", NULL)), DMS_LIFE_IS_OVER);
    ck_assert_int_eq(dms_process_life(apr_psprintf(unit_pool, "%ld//", (long)getpid())),
                     DMS_LIFE_UNKNOWN);
    ck_assert_int_eq(dms_process_life("4194305//"), DMS_LIFE_IS_OVER); /* no such number */
    /* what is no word at all */
    ck_assert_int_eq(dms_process_life(""), DMS_LIFE_UNKNOWN);
    ck_assert_int_eq(dms_process_life("/"), DMS_LIFE_UNKNOWN);
    ck_assert_int_eq(dms_process_life("7/"), DMS_LIFE_UNKNOWN);
    ck_assert_int_eq(dms_process_life("0123456789abcdef"), DMS_LIFE_UNKNOWN); /* no folder */
}
END_TEST

START_TEST(a_folder_that_cannot_be_written)
{
    other_t other;

    join(folder);
    start(&other, folder);
    if (mount("none", folder, NULL, MS_BIND, NULL) && mount(folder, folder, NULL, MS_BIND, NULL)) {
        return; /* not root */
    }
    ck_assert_int_eq(mount(NULL, folder, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
    ck_assert_int_eq(dms_processes_join(folder), EROFS);
    ck_assert_int_eq(umount(folder), 0);
    ck_assert_ptr_nonnull(strchr(dms_process_self(unit_pool), '/'));
    ck_assert_int_eq(dms_process_life(other.word), DMS_LIFE_GOES_ON); /* it can still be read */
    end(&other);
    ck_assert_int_eq(dms_process_life(other.word), DMS_LIFE_IS_OVER);
}
END_TEST

/* --- one at a time --- */

START_TEST(one_claims_at_a_time)
{
    int claim, other, status;

    join(folder);
    ck_assert_int_eq(dms_processes_claim(&claim), 1);
    ck_assert_int_eq(dms_processes_claim(&other), 0);
    dms_processes_release(other);
    if (!fork()) {
        join(folder);
        _exit(dms_processes_claim(&other));
    }
    wait(&status);
    ck_assert_int_eq(status, 0);
    dms_processes_release(claim);
    if (!fork()) {
        join(folder);
        dms_processes_claim(&claim);
        raise(SIGKILL);
    }
    wait(&status);
    ck_assert_int_eq(dms_processes_claim(&claim), 1);
    dms_processes_release(claim);
    dms_processes_join(NULL);
    ck_assert_int_eq(dms_processes_claim(&claim), 1); /* there is nothing to claim by */
    dms_processes_release(claim);
}
END_TEST

Suite *processes_suite(void)
{
    Suite *suite = suite_create("processes");
    TCase *tests = unit_case(suite, "processes", 60);

    tcase_add_unchecked_fixture(tests, make_top, remove_top);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, one_lives_until_it_is_killed);
    tcase_add_test(tests, a_parent_is_dead_while_its_child_lives);
    tcase_add_test(tests, the_files_of_the_dead_do_not_pile_up);
    tcase_add_test(tests, nobody_who_joins_looks_dead);
    tcase_add_test(tests, without_the_folder_nobody_is_dead);
    tcase_add_test(tests, another_stores_names_go_by_age);
    tcase_add_test(tests, a_copy_is_another_store);
    tcase_add_test(tests, names_of_the_first_version_go_by_age);
    tcase_add_test(tests, without_a_folder_numbers_have_to_do);
    tcase_add_test(tests, numbers_of_elsewhere);
    tcase_add_test(tests, a_folder_that_cannot_be_written);
    tcase_add_test(tests, one_claims_at_a_time);
    return suite;
}
