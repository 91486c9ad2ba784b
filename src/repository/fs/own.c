#include "repository/fs/own.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <apr_atomic.h>

#define LITTER 7

static const char *const suffixes[DMS_OWN_FILES] = {"",
                                                    "-wal",
                                                    "-shm",
                                                    "-journal",
                                                    "-lock",
                                                    "-reserve",
                                                    DMS_OWN_PROCESSES,
                                                    [LITTER] = DMS_OWN_LITTER,
                                                    "-copy"};

/* Set before there are threads. */
static const char *database, *name;
static char folder[PATH_MAX];

/* What has been found, and the time of the folder's last change then: as long as that stays, it is
 * still so. 0: it may have changed again within the same tick of the file system's clock. Atomic
 * each; whoever reads some of them while they are renewed has seen the folder before that. */
static volatile apr_uint64_t known[DMS_OWN_FILES], known_since;

void dms_own_set(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;

    known_since = 0;
    database = length && length < sizeof(folder) ? path : NULL;
    if (database) {
        name = slash + 1;
        memcpy(folder, path, length);
        folder[length] = '\0';
    }
}

const char *dms_own_folder(void)
{
    return database ? folder : NULL;
}

static apr_uint64_t time_of(const struct stat *st)
{
    return (apr_uint64_t)st->st_mtim.tv_sec * 1000000000u + (apr_uint64_t)st->st_mtim.tv_nsec;
}

static void renew(const struct stat *of_folder)
{
    char path[PATH_MAX];
    struct stat st;
    int i;

    for (i = 0; i < DMS_OWN_FILES; i++) {
        int length = snprintf(path, sizeof(path), "%s%s", database, suffixes[i]);
        int is_there = length > 0 && length < (int)sizeof(path) && !stat(path, &st);

        apr_atomic_set64(&known[i], is_there ? (apr_uint64_t)st.st_ino : 0);
    }
    apr_atomic_set64(&known_since, of_folder->st_mtime + 1 < time(NULL) ? time_of(of_folder) : 0);
}

void dms_own_look(dms_own_t *own)
{
    struct stat st;
    int i;

    memset(own, 0, sizeof(*own));
    if (!database || stat(folder, &st)) {
        return;
    }
    if (apr_atomic_read64(&known_since) != time_of(&st)) {
        renew(&st);
    }
    own->device = st.st_dev;
    own->folder = st.st_ino;
    for (i = 0; i < DMS_OWN_FILES; i++) {
        own->files[i] = (ino_t)apr_atomic_read64(&known[i]);
    }
}

int dms_own_has(const dms_own_t *own, dev_t device, ino_t inode)
{
    int i;

    for (i = 0; i < DMS_OWN_FILES; i++) {
        if (own->files[i] == inode && inode && own->device == device) {
            return 1;
        }
    }
    return 0;
}

int dms_own_has_litter(const dms_own_t *own)
{
    return own->files[LITTER] != 0;
}

int dms_own_is_name(const char *other)
{
    size_t length = database ? strlen(name) : 0;
    int i;

    for (i = 0; database && i < DMS_OWN_FILES && !strncmp(other, name, length); i++) {
        if (!strcmp(other + length, suffixes[i])) {
            return 1;
        }
    }
    return 0;
}
