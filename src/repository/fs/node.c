#include "repository/fs/node.h"

#include <unistd.h>

#include <http_core.h>

static apr_status_t close_descriptor(void *descriptor)
{
    close((int)(intptr_t)descriptor);
    return APR_SUCCESS;
}

void dms_node_close_with(apr_pool_t *pool, int descriptor)
{
    apr_pool_cleanup_register(pool, (void *)(intptr_t)descriptor, close_descriptor,
                              apr_pool_cleanup_null);
}

void dms_node_leave_open(apr_pool_t *pool, int descriptor)
{
    apr_pool_cleanup_kill(pool, (void *)(intptr_t)descriptor, close_descriptor);
}

int dms_node_is_same(const dms_os_stat_t *a, const dms_os_stat_t *b)
{
    return a->inode == b->inode && a->device == b->device;
}

int dms_node_is_within(const dms_node_t *folder, dms_node_fn *is_meant, const void *baton)
{
    dms_os_stat_t st = folder->st, outer;
    int at = dup(folder->descriptor), found = is_meant(baton, &st);

    while (at >= 0 && !found) {
        int up = openat(at, "..", DMS_OS_PATH | O_DIRECTORY | O_CLOEXEC);

        close(at);
        at = up;
        if (at < 0 || dms_os_stat(at, "", 0, &outer) != APR_SUCCESS
            || dms_node_is_same(&outer, &st)) {
            break; /* the top */
        }
        st = outer;
        found = is_meant(baton, &st);
    }
    if (at >= 0) {
        close(at);
    }
    return found;
}

dms_links_e dms_node_links(request_rec *r)
{
    int options = ap_allow_options(r);

    if (options & OPT_SYM_LINKS) {
        return DMS_LINKS_ALWAYS;
    }
    return options & OPT_SYM_OWNER ? DMS_LINKS_OF_OWNER : DMS_LINKS_NEVER;
}

apr_uint64_t dms_in_nanoseconds(const dms_moment_t *moment)
{
    return (apr_uint64_t)moment->seconds * 1000000000u + moment->nanoseconds;
}

/* "inode-size-modification time-birth time", all in hexadecimal, times in nanoseconds. Strong: a
 * file that is written in place gets a new modification time, and one that is written anew, where a
 * client may have said what that time is to be, another birth time (or, on a file system that knows
 * none, change time), though perhaps the same inode. */
static void make_etag(const dms_os_stat_t *st, char *etag)
{
    static const char digits[] = "0123456789abcdef";
    apr_uint64_t parts[4];
    char *out = etag;
    int i;

    parts[0] = (apr_uint64_t)st->inode;
    parts[1] = (apr_uint64_t)st->size;
    parts[2] = dms_in_nanoseconds(&st->modified);
    parts[3] = dms_in_nanoseconds(st->has_created ? &st->created : &st->changed);
    *out++ = '"';
    for (i = 0; i < 4; i++) {
        int shift = 60;

        while (shift && !(parts[i] >> shift)) {
            shift -= 4;
        }
        for (; shift >= 0; shift -= 4) {
            *out++ = digits[(parts[i] >> shift) & 15];
        }
        *out++ = i < 3 ? '-' : '"';
    }
    *out = '\0';
}

static dms_kind_e kind_of(mode_t mode)
{
    if (S_ISREG(mode)) {
        return DMS_KIND_FILE;
    }
    return S_ISDIR(mode) ? DMS_KIND_COLLECTION : DMS_KIND_OTHER;
}

void dms_node_facts(const dms_os_stat_t *st, unsigned int wanted, dms_facts_t *facts)
{
    facts->kind = kind_of(st->mode);
    facts->size = st->size;
    facts->modified = st->modified;
    facts->created = st->created;
    facts->executable = (st->mode & S_IXUSR) != 0;
    facts->known = DMS_FACT_SIZE | DMS_FACT_MODIFIED | DMS_FACT_EXECUTABLE
                   | (st->has_created ? DMS_FACT_CREATED : 0);
    if (wanted & DMS_FACT_ETAG) {
        make_etag(st, facts->etag);
        facts->known |= DMS_FACT_ETAG;
    }
}
