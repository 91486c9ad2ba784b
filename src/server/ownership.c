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

int dms_ownership_is_of_store(const char *directory, const char *name)
{
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    int has_store = 0, has_other = 0;

    while (dir && !has_other && (entry = readdir(dir)) != NULL) {
        has_store |= !strcmp(entry->d_name, name);
        has_other = strncmp(entry->d_name, name, strlen(name)) != 0
                    && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    if (dir) {
        closedir(dir);
    }
    return has_store && !has_other;
}

static int is_writable_by_group(const struct stat *st)
{
    return st->st_gid == ap_unixd_config.group_id && st->st_mode & S_IWGRP;
}

static void restore_folder(int directory, const char *path)
{
    struct stat st;
    int fd = openat(directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (is_of_root(fd, &st) && !is_writable_by_group(&st)) {
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
