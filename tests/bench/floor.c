/*
 * The disk's own limit for a listing: read a folder, statx each member, nothing else.
 *
 *   bench-floor FOLDER
 *
 * Prints one line of JSON: the members found and the time taken.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    unsigned long members = 0, bytes = 0;
    const struct dirent *entry;
    struct statx stx;
    double start;
    DIR *dir;

    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    start = now_us();
    dir = opendir(argv[1]);
    if (!dir) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    while ((entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) {
            continue;
        }
        if (statx(dirfd(dir), entry->d_name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME,
                  &stx)) {
            fprintf(stderr, "%s: %s\n", entry->d_name, strerror(errno));
            return 1;
        }
        members++;
        bytes += stx.stx_size;
    }
    closedir(dir);
    printf("{\"members\": %lu, \"bytes\": %lu, \"total_us\": %.1f}\n", members, bytes,
           now_us() - start);
    return 0;
}
