/*
 * Locks that mod_dav_fs has kept in its DavLockDB. (Read is what its lock.c writes.)
 *
 * The key is a byte, 11, and the resource's path with a NUL. The value is a sequence of records:
 *   1   a lock: fixed_t, a UUID, the DAV:owner as XML or nothing, a NUL, the user or nothing, a NUL
 *   2   that a folder above has a deep one: a UUID, time_t, apr_size_t, so many bytes
 */
#include "admin/import_locks.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <apr_strings.h>
#include <apr_uuid.h>

#include "admin/dbm.h"
#include "admin/slices.h"
#include "admin/tell.h"
#include "changes/changes.h"
#include "keys/keys.h"
#include "locks/locks.h"
#include "multistatus/xml.h"
#include "recovery/witness.h"
#include "repository/fs/fs.h"

#define OF_PATH 11
#define DIRECT 1
#define INDIRECT 2
#define SHARED 2

/* The most that a LOCK lets a DAV:owner have. */
#define OWNER_MAX 4096

/* As mod_dav_fs has written it, with the padding of the machine. */
typedef struct fixed_t {
    char scope, type;
    int depth;
    time_t expires; /* 0: never */
} fixed_t;

typedef struct importing_t {
    dms_admin_t *admin;
    dms_dbm_t dbm;
    const char *key, *url;     /* of the folder; the URL without a slash at its end */
    apr_array_header_t *locks; /* dms_lock_t */
    apr_int64_t taken;
} importing_t;

/* The bytes of a value that are still to be read. */
typedef struct bytes_t {
    const char *at, *end;
} bytes_t;

static int read_bytes(bytes_t *bytes, void *to, apr_size_t size)
{
    if ((apr_size_t)(bytes->end - bytes->at) < size) {
        return 0;
    }
    memcpy(to, bytes->at, size);
    bytes->at += size;
    return 1;
}

/* A string, which a NUL ends; NULL where none does. */
static const char *read_string(bytes_t *bytes)
{
    const char *string = bytes->at, *nul = memchr(string, 0, (apr_size_t)(bytes->end - string));

    bytes->at = nul ? nul + 1 : bytes->end;
    return nul ? string : NULL;
}

/* --- reading --- */

/* NULL: it can't be kept. */
static const char *fragment_of(const char *xml, apr_pool_t *pool)
{
    static const dms_name_t owner = DMS_NAME(DMS_NS_DAV, "owner");
    const dms_element_t *element = dms_parse_element(xml, pool);
    const char *fragment = element && dms_name_equal(element->name, &owner)
                               ? dms_xml_fragment(pool, element)
                               : NULL;

    return fragment && strlen(fragment) <= OWNER_MAX ? fragment : NULL;
}

static const char *owner_of(importing_t *importing, const char *key, const char *xml)
{
    const char *fragment;
    apr_pool_t *own;

    if (!*xml) {
        return NULL;
    }
    apr_pool_create(&own, importing->admin->pool); /* with what the parser takes */
    fragment = apr_pstrdup(importing->admin->pool, fragment_of(xml, own));
    apr_pool_destroy(own);
    if (!fragment) {
        dms_tell_left(importing->admin, key, "a lock's DAV:owner can't be kept; the lock is taken");
    }
    return fragment;
}

static void add_lock(importing_t *importing, const char *key, const fixed_t *fixed,
                     const apr_uuid_t *uuid, const char *owner, const char *user)
{
    apr_pool_t *pool = importing->admin->pool;
    char token[APR_UUID_FORMATTED_LENGTH + 1];
    dms_lock_t lock = {.key = key,
                       .is_deep = fixed->depth != 0,
                       .is_shared = fixed->scope == SHARED,
                       .expires = (apr_int64_t)fixed->expires};

    if (fixed->expires && fixed->expires <= time(NULL)) {
        return;
    }
    apr_uuid_format(token, uuid);
    lock.token = apr_pstrcat(pool, "opaquelocktoken:", token, NULL);
    lock.owner = owner_of(importing, key, owner);
    lock.principal = apr_pstrdup(pool, user);
    APR_ARRAY_PUSH(importing->locks, dms_lock_t) = lock;
}

static int read_lock(importing_t *importing, const char *key, bytes_t *bytes)
{
    const char *owner, *user;
    apr_uuid_t uuid;
    fixed_t fixed;

    if (!read_bytes(bytes, &fixed, sizeof(fixed)) || !read_bytes(bytes, &uuid, sizeof(uuid))) {
        return 0;
    }
    owner = read_string(bytes);
    user = read_string(bytes);
    if (owner && user) {
        add_lock(importing, key, &fixed, &uuid, owner, user);
    }
    return owner && user;
}

/* A deep lock is one row of the store: what follows from it need not be read but to go past it. */
static int skip_indirect(bytes_t *bytes)
{
    apr_uuid_t uuid;
    time_t expires;
    apr_size_t size;

    if (!read_bytes(bytes, &uuid, sizeof(uuid)) || !read_bytes(bytes, &expires, sizeof(expires))
        || !read_bytes(bytes, &size, sizeof(size)) || (apr_size_t)(bytes->end - bytes->at) < size) {
        return 0;
    }
    bytes->at += size;
    return 1;
}

static void read_locks(importing_t *importing, const char *key, apr_datum_t value)
{
    bytes_t bytes = {value.dptr, value.dptr + value.dsize};
    int is_fine = 1;

    while (is_fine && bytes.at < bytes.end) {
        char type = *bytes.at++;

        is_fine = type == DIRECT     ? read_lock(importing, key, &bytes)
                  : type == INDIRECT ? skip_indirect(&bytes)
                                     : 0;
    }
    if (!is_fine) {
        dms_tell_left(importing->admin, key, "its locks can't be read: another machine's, perhaps");
    }
}

static void read_resource(importing_t *importing, apr_datum_t datum)
{
    apr_pool_t *pool = importing->admin->pool;
    const char *key = datum.dsize > 1 && *datum.dptr == OF_PATH
                          ? dms_key_of_path(pool, datum.dptr + 1)
                          : NULL;

    if (!key) {
        dms_tell_left(importing->admin, importing->dbm.name, "locks of what is no path");
    }
    else if (!dms_key_is_at_or_below(key, importing->key)) {
        dms_tell_left(importing->admin, key, "its locks are left: it is not in the folder");
    }
    else {
        read_locks(importing, key, dms_dbm_value(&importing->dbm, datum, pool));
    }
}

/* --- taking --- */

/* The URL of a lock's root, a collection's with a slash at its end. NULL: it is not there. */
static const char *uri_of(const importing_t *importing, const char *key, apr_pool_t *pool)
{
    dms_witness_t witness = {&dms_fs_provider, pool};
    apr_size_t length = strlen(importing->key);
    dms_node_t *parent;
    dms_facts_t facts;
    const char *name;

    if (dms_witness_find(&witness, key, &parent, &name) != APR_SUCCESS
        || dms_fs_provider.facts(parent, name, &facts) != APR_SUCCESS) {
        return NULL;
    }
    key += length > 1 ? length : 0; /* "/" ends with the slash that a name follows */
    return apr_pstrcat(pool, importing->url, dms_uri_upper(pool, key),
                       facts.kind == DMS_KIND_COLLECTION ? "/" : "", NULL);
}

typedef struct meeting_t {
    const dms_lock_t *lock;
    int is_barred;
} meeting_t;

/* A dms_lock_visit_fn. */
static int meet(void *baton, const dms_lock_t *held)
{
    meeting_t *meeting = baton;

    meeting->is_barred |= !dms_lock_is_compatible(held, meeting->lock->is_shared);
    return !meeting->is_barred;
}

/* Whether locks that are there stand in the way: in force on its root, or below a deep one. */
static apr_status_t is_barred(dms_tx_t *tx, const dms_lock_t *lock, const dms_lock_t *held,
                              apr_pool_t *pool, int *is)
{
    meeting_t meeting = {lock, 0};
    dms_below_t below = {.key = lock->key, .visit = meet, .baton = &meeting};
    apr_status_t rv = APR_SUCCESS;

    for (; held; held = held->next) {
        meet(&meeting, held);
    }
    if (lock->is_deep && !meeting.is_barred) {
        rv = dms_locks_below(NULL, tx, &below, pool);
    }
    *is = meeting.is_barred;
    return rv;
}

/* A dms_change_fn. */
static apr_status_t take_lock(void *baton, dms_tx_t *tx, const void *item, apr_pool_t *scratch)
{
    importing_t *importing = baton;
    dms_lock_t lock = *(const dms_lock_t *)item, *held;
    apr_status_t rv = dms_tx_locks(tx, lock.key, scratch, &held);
    int is;

    if (rv != APR_SUCCESS || dms_lock_find(held, lock.token)) {
        return rv;
    }
    lock.uri = uri_of(importing, lock.key, scratch);
    if (!lock.uri) {
        dms_tell_left(importing->admin, lock.key, "its lock is left: nothing is there");
        return rv;
    }
    rv = is_barred(tx, &lock, held, scratch, &is);
    if (rv == APR_SUCCESS && is) {
        dms_tell_left(importing->admin, lock.key, "its lock is left: another stands in its way");
        return rv;
    }
    importing->taken++;
    return rv == APR_SUCCESS
               ? dms_changed(tx, DMS_CHANGE(DMS_LOCKED, .key = lock.key, .lock = &lock))
               : rv;
}

apr_status_t dms_import_locks(dms_admin_t *admin, const char *file, const char *key,
                              const char *url)
{
    importing_t importing = {.admin = admin, .key = key};
    apr_array_header_t *keys;
    apr_size_t length;
    apr_status_t rv = dms_dbm_open_named(file, admin->pool, &importing.dbm);
    int i;

    if (rv != APR_SUCCESS) {
        return dms_tell(rv, "%s, a DavLockDB", file);
    }
    for (length = strlen(url); length && url[length - 1] == '/'; length--) {
    }
    importing.url = apr_pstrmemdup(admin->pool, url, length);
    importing.locks = apr_array_make(admin->pool, 64, sizeof(dms_lock_t));
    keys = dms_dbm_keys(&importing.dbm, admin->pool);
    for (i = 0; i < keys->nelts; i++) {
        read_resource(&importing, APR_ARRAY_IDX(keys, i, apr_datum_t));
    }
    rv = dms_in_slices(admin, importing.locks, take_lock, &importing);
    printf("%" APR_INT64_T_FMT " locks %s\n", importing.taken,
           admin->is_dry ? "would be taken" : "taken");
    return rv;
}
