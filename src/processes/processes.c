#include "processes/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

/* The link in the folder whose target is the store's random number. */
#define STORE_LINK "store"

/* A number as a name. */
#define DIGITS 16
#define NUMBER_FORMAT "%016" APR_UINT64_T_HEX_FMT

/* How often a new file may be taken for a dead one's, before it is locked. */
#define ATTEMPTS 100

/* Set by dms_processes_join(); constant afterwards. */
static struct {
    char folder[PATH_MAX];  /* "": there is none */
    char store[DIGITS + 1]; /* "": no mark can be made */
    char word[DIGITS + 1];  /* "": it is of the second kind */
    int lock;               /* of the file with that name */
} self = {.lock = -1};

static apr_uint64_t random_number(void)
{
    apr_uint64_t number = 0;

    apr_generate_random_bytes((unsigned char *)&number, sizeof(number));
    return number;
}

static int is_number(const char *text)
{
    return strspn(text, "0123456789abcdef") >= DIGITS;
}

/* --- files --- */

static apr_status_t path_of(char path[PATH_MAX], const char *name)
{
    int length = snprintf(path, PATH_MAX, "%s/%s", self.folder, name);

    return length > 0 && length < PATH_MAX ? APR_SUCCESS : ENAMETOOLONG;
}

/* A file that is not there says nothing where somebody has removed this process's own, too. */
static dms_life_e ask_own(void)
{
    struct stat st;

    return self.lock >= 0 && !fstat(self.lock, &st) && st.st_nlink ? DMS_LIFE_IS_OVER
                                                                   : DMS_LIFE_UNKNOWN;
}

/* Whether the lock on a file can be had, by asking for a shared one: two that ask don't take each
 * other for its owner. remove: what can be locked is removed. */
static dms_life_e ask(const char *name, int remove)
{
    char path[PATH_MAX];
    dms_life_e life = DMS_LIFE_UNKNOWN;
    int fd;

    if (path_of(path, name) != APR_SUCCESS) {
        return life;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? ask_own() : life;
    }
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        life = DMS_LIFE_IS_OVER;
        if (remove) {
            unlink(path);
        }
    }
    else if (errno == EWOULDBLOCK) {
        life = DMS_LIFE_GOES_ON;
    }
    close(fd);
    return life;
}

/* Makes a file and locks it. EAGAIN where somebody has removed it between the two. */
static apr_status_t lock_new_file(const char *name, int *lock)
{
    char path[PATH_MAX];
    struct stat st;
    apr_status_t rv = path_of(path, name);
    int fd;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST ? EAGAIN : errno;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) || fstat(fd, &st)) {
        rv = errno == EWOULDBLOCK ? EAGAIN : errno;
    }
    else if (!st.st_nlink) {
        rv = EAGAIN;
    }
    if (rv != APR_SUCCESS) {
        unlink(path);
        close(fd);
        return rv;
    }
    *lock = fd;
    return APR_SUCCESS;
}

static apr_status_t make_word(void)
{
    apr_status_t rv = EAGAIN;
    int attempt;

    for (attempt = 0; attempt < ATTEMPTS && rv == EAGAIN; attempt++) {
        snprintf(self.word, sizeof(self.word), NUMBER_FORMAT, random_number());
        rv = lock_new_file(self.word, &self.lock);
    }
    if (rv != APR_SUCCESS) {
        self.word[0] = '\0';
    }
    return rv;
}

/* The store's number: a link is made whole or not at all, and by the first. */
static void find_store(void)
{
    char path[PATH_MAX], number[DIGITS + 1] = "";
    struct stat st;

    snprintf(number, sizeof(number), NUMBER_FORMAT, random_number());
    if (path_of(path, STORE_LINK) != APR_SUCCESS || stat(self.folder, &st)
        || (symlink(number, path) && errno != EEXIST) || readlink(path, number, DIGITS) != DIGITS) {
        return;
    }
    snprintf(self.store, sizeof(self.store), NUMBER_FORMAT,
             (apr_uint64_t)strtoull(number, NULL, 16)
                 ^ (apr_uint64_t)st.st_ino * APR_UINT64_C(0x9E3779B97F4A7C15));
}

static void remove_dead(void)
{
    DIR *dir = opendir(self.folder);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL) {
        if (is_number(entry->d_name)) {
            ask(entry->d_name, 1);
        }
    }
    if (dir) {
        closedir(dir);
    }
}

apr_status_t dms_processes_join(const char *folder)
{
    apr_status_t rv;

    if (self.lock >= 0) {
        close(self.lock); /* inherited: the parent's, which still holds it */
    }
    self.lock = -1;
    self.folder[0] = self.word[0] = self.store[0] = '\0';
    if (!folder) {
        return ENOENT;
    }
    if (mkdir(folder, 0700) && errno != EEXIST) {
        return errno;
    }
    apr_cpystrn(self.folder, folder, sizeof(self.folder));
    rv = make_word();
    if (rv == APR_SUCCESS) {
        find_store();
        remove_dead();
    }
    return rv;
}

/* --- without files --- */

static apr_ssize_t read_small(const char *file, char *buffer, apr_size_t size)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    if (fd < 0) {
        return -1;
    }
    length = read(fd, buffer, size - 1);
    close(fd);
    buffer[length > 0 ? length : 0] = '\0';
    return length;
}

/* The identity of the machine's start, or "". */
static const char *read_boot(char boot[64])
{
    if (read_small("/proc/sys/kernel/random/boot_id", boot, 64) <= 0) {
        boot[0] = '\0';
    }
    boot[strcspn(boot, "\n")] = '\0';
    return boot;
}

const char *dms_processes_boot(apr_pool_t *pool)
{
    char boot[64];

    return apr_pstrdup(pool, read_boot(boot));
}

/* The namespace that process numbers are of, or "". */
static const char *read_namespace(char space[64])
{
    ssize_t length = readlink("/proc/self/ns/pid", space, 63);

    space[length > 0 ? length : 0] = '\0';
    return space;
}

/* The fields of /proc/PID/stat (proc(5)) from the third on: the second, the command's name, may
 * hold anything, and ends with the last parenthesis. The third is the state, the 22nd the start. */
static char *parse_stat(char *stat)
{
    char *field = strrchr(stat, ')');
    int number;

    if (field && (!strncmp(field, ") Z", 3) || !strncmp(field, ") X", 3))) {
        return NULL; /* dead, and not waited for */
    }
    for (number = 2; field && number < 22; number++) {
        field = strchr(field + 1, ' ');
    }
    if (!field) {
        return stat + strlen(stat);
    }
    field[1 + strcspn(field + 1, " \n")] = '\0';
    return field + 1;
}

/* When a process was started, and in which life of the machine: "BOOT/TICKS"; "" where nobody
 * knows. Returns 0 where there is no such process, or only its remains. */
static int find_start(long pid, char start[128])
{
    char path[32], stat[1024], boot[64];
    const char *ticks;

    start[0] = '\0';
    if (kill((pid_t)pid, 0) && errno == ESRCH) {
        return 0;
    }
    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    if (read_small(path, stat, sizeof(stat)) <= 0 || !*read_boot(boot)) {
        return 1;
    }
    ticks = parse_stat(stat);
    if (ticks && *ticks) {
        snprintf(start, 128, "%s/%.20s", boot, ticks);
    }
    return ticks != NULL;
}

static dms_life_e life_of_number(const char *word)
{
    char space[64], boot[64], start[128], *rest;
    long pid = strtol(word, &rest, 10);
    const char *of_space = rest + 1, *of_start = strchr(of_space, '/');

    if (pid <= 0 || *rest != '/' || !of_start++) {
        return DMS_LIFE_UNKNOWN;
    }
    if (*of_start && *read_boot(boot) && strncmp(of_start, boot, strlen(boot))) {
        return DMS_LIFE_IS_OVER;
    }
    read_namespace(space);
    if (*of_space != '/'
        && (strncmp(of_space, space, strlen(space)) || of_space[strlen(space)] != '/')) {
        return DMS_LIFE_UNKNOWN;
    }
    if (!find_start(pid, start)) {
        return DMS_LIFE_IS_OVER;
    }
    if (!*start || !*of_start) {
        return DMS_LIFE_UNKNOWN;
    }
    return strcmp(start, of_start) ? DMS_LIFE_IS_OVER : DMS_LIFE_GOES_ON;
}

/* --- words and marks --- */

const char *dms_process_self(apr_pool_t *pool)
{
    char space[64], start[128];

    if (*self.word) {
        return self.word;
    }
    find_start((long)getpid(), start);
    return apr_psprintf(pool, "%ld/%.30s/%.70s", (long)getpid(), read_namespace(space), start);
}

dms_life_e dms_process_life(const char *word)
{
    if (strchr(word, '/')) {
        return life_of_number(word);
    }
    return *self.folder && is_number(word) ? ask(word, 0) : DMS_LIFE_UNKNOWN;
}

const char *dms_process_mark(char mark[DMS_PROCESS_MARK_SIZE])
{
    if (*self.word && *self.store) {
        snprintf(mark, DMS_PROCESS_MARK_SIZE, "%s-%s", self.store, self.word);
    }
    else {
        apr_cpystrn(mark, "0-0", DMS_PROCESS_MARK_SIZE);
    }
    return mark;
}

dms_life_e dms_process_life_of_mark(const char *mark)
{
    char word[DIGITS + 1];

    if (!*self.store || strncmp(mark, self.store, DIGITS) || mark[DIGITS] != '-'
        || !is_number(mark + DIGITS + 1) || mark[2 * DIGITS + 1] != '-') {
        return DMS_LIFE_UNKNOWN;
    }
    apr_cpystrn(word, mark + DIGITS + 1, sizeof(word));
    return ask(word, 0);
}

/* --- one at a time --- */

int dms_processes_claim(int *claim)
{
    *claim = *self.folder ? open(self.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (*claim >= 0 && flock(*claim, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
        close(*claim);
        *claim = -1;
        return 0;
    }
    return 1;
}

void dms_processes_release(int claim)
{
    if (claim >= 0) {
        close(claim);
    }
}
