#include "server/ownership.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <httpd.h>

#include <unixd.h>

/* The version in the shared memory's header, in the machine's order of bytes. */
static const apr_uint32_t shared_memory = 3007000;

/* What the store's files begin with (https://sqlite.org/fileformat2.html); of the last one, which
 * is the module's own, nothing but its size is known. */
static const struct {
    const char *suffix;
    const void *magic;
    size_t length;
    off_t largest; /* 0: any size */
} files[] = {{"", "SQLite format 3", 16, 0},
             {"-wal", "\x37\x7f\x06", 3, 0},
             {"-journal", "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8, 0},
             {"-reserve", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, 0},
             {"-shm", &shared_memory, sizeof(shared_memory), 0},
             {"-lock", "", 0, 4}};

static int is_of_root(int fd, struct stat *st)
{
    return fd >= 0 && !fstat(fd, st) && st->st_uid == 0;
}

static int give(int fd)
{
    return fchown(fd, ap_unixd_config.user_id, ap_unixd_config.group_id);
}

/* Whether an open file is what the entry says. An empty one is nobody's secret. */
static int is_genuine(int fd, const struct stat *st, size_t i)
{
    char begin[16];

    return S_ISREG(st->st_mode) && st->st_nlink == 1
           && (!files[i].largest || st->st_size <= files[i].largest)
           && (!st->st_size
               || (pread(fd, begin, files[i].length, 0) == (ssize_t)files[i].length
                   && !memcmp(begin, files[i].magic, files[i].length)));
}

static void restore_file(int directory, const char *name, size_t i)
{
    char path[NAME_MAX + 1];
    struct stat st;
    int fd;

    snprintf(path, sizeof(path), "%s%s", name, files[i].suffix);
    fd = openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (is_of_root(fd, &st) && is_genuine(fd, &st, i) && !give(fd)) {
        fchmod(fd, (st.st_mode & 0777) | S_IRUSR | S_IWUSR);
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* Whether nobody but root can put anything in the place of an absolute path, or of what it is in:
 * else it could lead to a directory that is empty, and root's, for another reason. */
static int is_only_roots(const char *path)
{
    char outer[PATH_MAX];
    const char *slash = path;
    struct stat st;

    if (*path != '/' || strlen(path) >= sizeof(outer)) {
        return 0;
    }
    do {
        slash = strchr(slash + 1, '/');
        snprintf(outer, sizeof(outer), "%.*s", slash ? (int)(slash - path) : PATH_MAX, path);
        if (lstat(outer, &st) || !S_ISDIR(st.st_mode) || st.st_uid != 0
            || (st.st_mode & (S_IWGRP | S_IWOTH) && !(st.st_mode & S_ISVTX))) {
            return 0;
        }
    } while (slash);
    return 1;
}

/* Whether a directory may hold, beside a store, an entry of that name: a file system's own. */
static int is_nobodys(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "lost+found");
}

int dms_ownership_is_of_store(const char *directory, const char *name)
{
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    int has_store = 0, has_other = !dir;

    while (dir && !has_other && (entry = readdir(dir)) != NULL) {
        has_store |= !strcmp(entry->d_name, name);
        has_other = strncmp(entry->d_name, name, strlen(name)) != 0 && !is_nobodys(entry->d_name);
    }
    if (dir) {
        closedir(dir);
    }
    return !has_other && (has_store || is_only_roots(directory));
}

/* All may write /tmp, say, and so may the User. */
static int is_writable_by_others(const struct stat *st)
{
    return st->st_mode & S_IWOTH
           || (st->st_gid == ap_unixd_config.group_id && st->st_mode & S_IWGRP);
}

static void restore_folder(int directory, const char *path)
{
    struct stat st;
    int fd = openat(directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (is_of_root(fd, &st) && !is_writable_by_others(&st)) {
        give(fd);
    }
    if (fd >= 0) {
        close(fd);
    }
}

void dms_ownership_restore(const char *directory, const char *name)
{
    char processes[NAME_MAX + 1];
    size_t i;
    int fd;

    if (geteuid() != 0 || ap_unixd_config.user_id == 0) {
        return;
    }
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        restore_file(fd, name, i);
    }
    snprintf(processes, sizeof(processes), "%s-processes", name);
    restore_folder(fd, processes);
    if (dms_ownership_is_of_store(directory, name)) {
        restore_folder(fd, ".");
    }
    close(fd);
}

int dms_ownership_give(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int failed = fd < 0 || give(fd);

    if (fd >= 0) {
        close(fd);
    }
    return failed ? -1 : 0;
}
