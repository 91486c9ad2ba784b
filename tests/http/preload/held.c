/*
 * For LD_PRELOAD: notes for how long a thread holds a lock that it has taken with flock(), of those
 * on the file beside the store. A line for each, in the file that DMS_HELD names: microseconds of
 * the thread's CPU, which others' work on the machine does not add to, and of time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static __thread struct timespec cpu, wall;
static __thread int held = -1;

static int is_stores(int fd)
{
    char link[64], path[4096];
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof(path) - 1);
    path[length < 0 ? 0 : length] = '\0';
    return strstr(path, "store.db-lock") != NULL;
}

static long since(clockid_t clock, const struct timespec *then)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (now.tv_sec - then->tv_sec) * 1000000L + (now.tv_nsec - then->tv_nsec) / 1000;
}

static void note(void)
{
    char line[64];
    int length = snprintf(line, sizeof(line), "%ld %ld\n", since(CLOCK_THREAD_CPUTIME_ID, &cpu),
                          since(CLOCK_MONOTONIC, &wall));
    int fd = open(getenv("DMS_HELD"), O_WRONLY | O_APPEND | O_CLOEXEC);

    if (fd >= 0) {
        if (write(fd, line, (size_t)length) < 0) {
            abort();
        }
        close(fd);
    }
}

int flock(int fd, int how)
{
    int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
    int code;

    if ((how & LOCK_UN) && fd == held) {
        note();
        held = -1;
    }
    code = real(fd, how);
    if (!code && (how & LOCK_EX) && is_stores(fd)) {
        held = fd;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
        clock_gettime(CLOCK_MONOTONIC, &wall);
    }
    return code;
}
