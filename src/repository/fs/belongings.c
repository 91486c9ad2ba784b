#include "repository/fs/belongings.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Linux's bounds of an attribute, and of the list of their names. */
#define ATTRIBUTE_MAX 65536

#define USER "user."
#define OWN USER "dav-multistatus."
#define CREATED OWN "created"
#define SINCE OWN "created-since" /* of a folder: the birth of the first member that has one */

#define ACCESS_ACL "system.posix_acl_access"
#define DEFAULT_ACL "system.posix_acl_default"

/* A file system, or the server's rights, that can't keep something. Other statuses are failures. */
static int is_refusal(apr_status_t rv)
{
    return rv == ENOTSUP || rv == ENOSYS || rv == ENODATA || rv == EPERM || rv == EACCES
           || rv == EINVAL || rv == E2BIG;
}

static int is_absence(apr_status_t rv)
{
    return rv == ENODATA || rv == ENOTSUP || rv == ENOSYS;
}

/* --- POSIX ACLs, as the kernel has them: a version, then entries, all little-endian --- */

typedef struct acl_t {
    unsigned char bytes[ATTRIBUTE_MAX];
    size_t size; /* 0: there is none */
} acl_t;

enum {
    ACL_HEADER = 4,
    ACL_ENTRY = 8,
    ACL_USER = 0x02,
    ACL_GROUP_OBJ = 0x04,
    ACL_GROUP = 0x08,
    ACL_MASK = 0x10,
    ACL_OTHER = 0x20
};

static unsigned char *next_entry(acl_t *acl, unsigned char *entry)
{
    entry = entry ? entry + ACL_ENTRY : acl->bytes + ACL_HEADER;
    return entry + ACL_ENTRY <= acl->bytes + acl->size ? entry : NULL;
}

static int tag_of(const unsigned char *entry)
{
    return entry[0] | entry[1] << 8;
}

/* The permissions of the first entry with a tag. */
static mode_t permissions(acl_t *acl, int tag, mode_t otherwise)
{
    unsigned char *entry;

    for (entry = next_entry(acl, NULL); entry; entry = next_entry(acl, entry)) {
        if (tag_of(entry) == tag) {
            return entry[2] & 7u;
        }
    }
    return otherwise;
}

static void restrict_entries(acl_t *acl, int tag, mode_t to)
{
    unsigned char *entry;

    for (entry = next_entry(acl, NULL); entry; entry = next_entry(acl, entry)) {
        if (tag_of(entry) == tag) {
            entry[2] &= (unsigned char)to;
        }
    }
}

/* The mode that gives nobody more than an ACL does: who is named there, by the group or in it, may
 * be anybody's group, or any other. */
static mode_t mode_without(acl_t *acl, mode_t mode)
{
    mode_t mask = permissions(acl, ACL_MASK, 7), named = 7, group, other;
    unsigned char *entry;

    for (entry = next_entry(acl, NULL); entry; entry = next_entry(acl, entry)) {
        if (tag_of(entry) == ACL_USER || tag_of(entry) == ACL_GROUP) {
            named &= entry[2] & mask;
        }
    }
    group = permissions(acl, ACL_GROUP_OBJ, 0) & mask & named;
    other = permissions(acl, ACL_OTHER, 0) & named;
    return (mode & ~(mode_t)077) | group << 3 | other;
}

static apr_status_t read_acl(int from, const char *name, const char *attribute, acl_t *acl)
{
    apr_status_t rv;

    acl->size = sizeof(acl->bytes);
    rv = dms_os_attribute(from, name, 0, attribute, acl->bytes, &acl->size);
    return is_absence(rv) ? APR_SUCCESS : rv;
}

/* What it takes to read all of it: more than a thread's stack may have (musl: 128 KiB). */
typedef struct scratch_t {
    acl_t acl;
    char names[ATTRIBUTE_MAX];
    char value[ATTRIBUTE_MAX];
} scratch_t;

/* Removes one that was inherited from the folder. */
static apr_status_t remove_acl(int to, const char *attribute)
{
    size_t size = 0;
    apr_status_t rv = dms_os_attribute(to, "", 0, attribute, NULL, &size);

    if (rv == APR_SUCCESS) {
        rv = dms_os_set_attribute(to, "", attribute, NULL, 0);
    }
    return is_absence(rv) ? APR_SUCCESS : rv;
}

static apr_status_t write_acl(int to, const char *attribute, const acl_t *acl)
{
    return acl->size ? dms_os_set_attribute(to, "", attribute, acl->bytes, acl->size)
                     : remove_acl(to, attribute);
}

/* --- permissions --- */

/* Whoever was in the group that is lost is one of the others now, and the new group's were. */
static mode_t mode_without_group(mode_t mode)
{
    mode_t both = mode >> 3 & mode & 7;

    return (mode & ~(mode_t)(S_ISGID | 077)) | both << 3 | both;
}

static mode_t restrict_for_group(acl_t *acl, mode_t mode)
{
    mode_t both = permissions(acl, ACL_GROUP_OBJ, 0) & permissions(acl, ACL_OTHER, 0);

    if (!acl->size) {
        return mode_without_group(mode);
    }
    restrict_entries(acl, ACL_GROUP_OBJ, both);
    restrict_entries(acl, ACL_OTHER, both);
    return (mode & ~(mode_t)(S_ISGID | 07)) | both; /* the group's bits are the mask's */
}

static apr_status_t give_group(int to, gid_t group, int *has_it)
{
    dms_os_stat_t made;
    apr_status_t rv = dms_os_stat(to, "", 0, &made);

    if (rv == APR_SUCCESS && made.group != group && fchown(to, (uid_t)-1, group)) {
        rv = errno;
    }
    *has_it = rv == APR_SUCCESS;
    return is_refusal(rv) ? APR_SUCCESS : rv;
}

/* The access ACL and the mode; they share the group's bits. */
static apr_status_t give_permissions(int from, const char *name, const dms_os_stat_t *st, int to,
                                     acl_t *acl)
{
    mode_t mode = st->mode & (S_ISDIR(st->mode) ? S_ISGID | S_ISVTX | 0777 : 0777);
    apr_status_t rv = read_acl(from, name, ACCESS_ACL, acl);
    int has_group = 0;

    if (rv == APR_SUCCESS) {
        rv = give_group(to, st->group, &has_group);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!has_group) {
        mode = restrict_for_group(acl, mode);
    }
    rv = write_acl(to, ACCESS_ACL, acl);
    if (acl->size && is_refusal(rv)) {
        mode = mode_without(acl, mode);
        rv = remove_acl(to, ACCESS_ACL);
    }
    if (rv == APR_SUCCESS && fchmod(to, mode)) {
        rv = errno;
    }
    return rv;
}

/* What new members of a folder get. Without it they get what the umask leaves. */
static apr_status_t give_default(int from, const char *name, int to, acl_t *acl)
{
    apr_status_t rv = read_acl(from, name, DEFAULT_ACL, acl);

    if (rv == APR_SUCCESS) {
        rv = write_acl(to, DEFAULT_ACL, acl);
    }
    return is_refusal(rv) ? APR_SUCCESS : rv;
}

/* --- the attributes of users --- */

static apr_status_t give_attribute(int from, const char *name, int to, const char *attribute,
                                   char *value)
{
    size_t size = ATTRIBUTE_MAX;
    apr_status_t rv = dms_os_attribute(from, name, 0, attribute, value, &size);

    if (rv == APR_SUCCESS) {
        rv = dms_os_set_attribute(to, "", attribute, value, size);
    }
    return is_refusal(rv) ? APR_SUCCESS : rv;
}

static apr_status_t give_attributes(int from, const char *name, int to, scratch_t *scratch)
{
    const char *attribute;
    size_t size = sizeof(scratch->names);
    apr_status_t rv = dms_os_attributes(from, name, scratch->names, &size);

    for (attribute = scratch->names; rv == APR_SUCCESS && attribute < scratch->names + size;
         attribute += strlen(attribute) + 1) {
        if (!strncmp(attribute, USER, sizeof(USER) - 1)
            && strncmp(attribute, OWN, sizeof(OWN) - 1)) {
            rv = give_attribute(from, name, to, attribute, scratch->value);
        }
    }
    return is_refusal(rv) ? APR_SUCCESS : rv;
}

/* --- when it was created --- */

static int read_moment(int directory, const char *name, int follow, const char *attribute,
                       dms_moment_t *moment)
{
    char text[48];
    size_t size = sizeof(text) - 1;
    long long seconds;
    unsigned int nanoseconds;

    if (dms_os_attribute(directory, name, follow, attribute, text, &size) != APR_SUCCESS) {
        return 0;
    }
    text[size] = '\0';
    if (sscanf(text, "%20lld.%9u", &seconds, &nanoseconds) != 2) {
        return 0;
    }
    moment->seconds = seconds;
    moment->nanoseconds = nanoseconds;
    return 1;
}

static apr_status_t write_moment(int to, const char *attribute, const dms_moment_t *moment)
{
    char text[48];
    int length = snprintf(text, sizeof(text), "%lld.%09u", (long long)moment->seconds,
                          (unsigned int)moment->nanoseconds);

    return dms_os_set_attribute(to, "", attribute, text, (size_t)length);
}

int dms_moment_is_before(const dms_moment_t *a, const dms_moment_t *b)
{
    return a->seconds != b->seconds ? a->seconds < b->seconds : a->nanoseconds < b->nanoseconds;
}

int dms_created_kept(int directory, const char *name, int follow, dms_moment_t *created)
{
    return read_moment(directory, name, follow, CREATED, created);
}

int dms_created_since(int folder, dms_moment_t *since)
{
    return read_moment(folder, "", 0, SINCE, since);
}

/* Has a folder's listings ask those that were born at a moment or later. */
static apr_status_t mark(int folder, const dms_moment_t *born)
{
    dms_moment_t since;

    return dms_created_since(folder, &since) && !dms_moment_is_before(born, &since)
               ? APR_SUCCESS
               : write_moment(folder, SINCE, born);
}

/* Keeps when it was created, unless the file system can't. The folder is marked first: a listing
 * and a PROPFIND of the file alone say the same. */
static void give_created(int from, const char *name, const dms_os_stat_t *st, int to, int folder)
{
    dms_moment_t created = st->created;
    dms_os_stat_t made;

    if (st->has_created && dms_os_stat(to, "", 0, &made) == APR_SUCCESS && made.has_created
        && mark(folder, &made.created) == APR_SUCCESS) {
        dms_created_kept(from, name, 0, &created);
        write_moment(to, CREATED, &created);
    }
}

void dms_created_moves(int from, const char *name, int to)
{
    dms_moment_t created;
    dms_os_stat_t st;

    if (dms_created_kept(from, name, 0, &created) && dms_os_stat(from, name, 0, &st) == APR_SUCCESS
        && st.has_created) {
        mark(to, &st.created);
    }
}

/* --- all of it --- */

static apr_status_t give_all(int from, const char *name, const dms_os_stat_t *st, int to,
                             scratch_t *scratch)
{
    apr_status_t rv = give_attributes(from, name, to, scratch);

    if (rv == APR_SUCCESS && S_ISDIR(st->mode)) {
        rv = give_default(from, name, to, &scratch->acl);
    }
    return rv == APR_SUCCESS ? give_permissions(from, name, st, to, &scratch->acl) : rv;
}

apr_status_t dms_belongings_give(int from, const char *name, const dms_os_stat_t *st, int to,
                                 int folder)
{
    scratch_t *scratch;
    apr_status_t rv;

    if (fchmod(to, S_ISDIR(st->mode) ? 0700 : 0600)) { /* nobody gets in before all is given */
        return errno;
    }
    if (folder >= 0) {
        give_created(from, name, st, to, folder);
    }
    scratch = malloc(sizeof(*scratch));
    rv = scratch ? give_all(from, name, st, to, scratch) : ENOMEM;
    free(scratch);
    return rv;
}
