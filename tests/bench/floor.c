/*
 * The disk's own limit for a listing: read a folder, statx each member, nothing else.
 *
 *   bench-floor [-r] FOLDER
 *
 * With -r also the folders in it, and so on. Prints one line of JSON: the members found and the
 * time taken.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int recursive;
static unsigned long members, bytes;

static double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void die(const char *name)
{
    fprintf(stderr, "%s: %s\n", name, strerror(errno));
    exit(1);
}

/* Everything in the folder of that name, relative to the folder of that descriptor. */
static void list(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    struct statx stx;

    if (!dir) {
        die(name);
    }
    while ((entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) {
            continue;
        }
        if (statx(fd, entry->d_name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &stx)) {
            die(entry->d_name);
        }
        members++;
        bytes += stx.stx_size;
        if (recursive && S_ISDIR(stx.stx_mode)) {
            list(fd, entry->d_name);
        }
    }
    closedir(dir);
}

int main(int argc, char **argv)
{
    double start;

    recursive = argc == 3 && !strcmp(argv[1], "-r");
    if (argc != 2 + recursive) {
        fprintf(stderr, "usage: %s [-r] FOLDER\n", argv[0]);
        return 2;
    }
    start = now_us();
    list(AT_FDCWD, argv[1 + recursive]);
    printf("{\"members\": %lu, \"bytes\": %lu, \"total_us\": %.1f}\n", members, bytes,
           now_us() - start);
    return 0;
}
