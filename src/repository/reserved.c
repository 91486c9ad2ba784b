#include "repository/provider.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_hash.h>
#include <apr_strings.h>

/* A number for this host and this run of it. */
static unsigned int host_number(void)
{
    char text[256] = "";
    apr_ssize_t length = APR_HASH_KEY_STRING;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        if (read(fd, text, sizeof(text) - 1) < 0) {
            text[0] = '\0';
        }
        close(fd);
    }
    if (!*text) {
        gethostname(text, sizeof(text) - 1);
    }
    return apr_hashfunc_default(text, &length);
}

const char *dms_reserved_name(apr_pool_t *pool)
{
    apr_uint64_t random = 0;

    apr_generate_random_bytes((unsigned char *)&random, sizeof(random));
    return apr_psprintf(pool, DMS_RESERVED_PREFIX "%x-%lx-%" APR_UINT64_T_HEX_FMT, host_number(),
                        (unsigned long)getpid(), random);
}

/* Whether no such process lives; one that nobody has waited for doesn't. */
static int is_dead(unsigned long pid)
{
    char path[64], stat[512] = "";
    const char *state;
    int fd;

    if (kill((pid_t)pid, 0) && errno == ESRCH) {
        return 1;
    }
    snprintf(path, sizeof(path), "/proc/%lu/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    if (read(fd, stat, sizeof(stat) - 1) < 0) {
        stat[0] = '\0';
    }
    close(fd);
    state = strrchr(stat, ')');
    return state && (!strncmp(state, ") Z", 3) || !strncmp(state, ") X", 3));
}

int dms_reserved_is_orphan(const char *name)
{
    unsigned long pid;
    unsigned int host;

    return sscanf(name, DMS_RESERVED_PREFIX "%x-%lx-", &host, &pid) == 2 && host == host_number()
           && is_dead(pid);
}

int dms_is_reserved(const char *name)
{
    return *name == '.' && !strncmp(name, DMS_RESERVED_PREFIX, sizeof(DMS_RESERVED_PREFIX) - 1);
}

/* Whether the segment that a string begins with is hidden. */
static int segment_is_hidden(const char *segment)
{
    return dms_is_reserved(segment)
           || (!strncmp(segment, ".DAV", 4) && (!segment[4] || segment[4] == '/'));
}

int dms_is_hidden(const char *name)
{
    return *name == '.' && segment_is_hidden(name);
}

int dms_path_is_hidden(const char *path)
{
    while ((path = strchr(path, '/')) != NULL) {
        path++;
        if (dms_is_hidden(path)) {
            return 1;
        }
    }
    return 0;
}
