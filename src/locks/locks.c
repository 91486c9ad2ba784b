#include "locks/locks.h"

#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <apr_uuid.h>

#include "keys/keys.h"

apr_int64_t dms_lock_now(void)
{
    return apr_time_sec(apr_time_now() + APR_USEC_PER_SEC - 1);
}

apr_status_t dms_lock_token(apr_pool_t *pool, const char **token)
{
    char formatted[APR_UUID_FORMATTED_LENGTH + 1];
    apr_uuid_t uuid;
    apr_status_t rv = apr_generate_random_bytes(uuid.data, sizeof(uuid.data));

    if (rv != APR_SUCCESS) {
        return rv;
    }
    uuid.data[6] = (unsigned char)((uuid.data[6] & 0x0F) | 0x40); /* version 4 (RFC 9562) */
    uuid.data[8] = (unsigned char)((uuid.data[8] & 0x3F) | 0x80);
    apr_uuid_format(formatted, &uuid);
    *token = apr_pstrcat(pool, "urn:uuid:", formatted, NULL);
    return APR_SUCCESS;
}

int dms_lock_is_open(const dms_lock_t *lock, const dms_if_list_t *submitted, const char *principal)
{
    return !strcmp(lock->principal, principal) && dms_if_submits(submitted, lock->token);
}

int dms_locks_are_open(const dms_lock_t *locks, const dms_if_list_t *submitted,
                       const char *principal)
{
    const dms_lock_t *lock;

    for (lock = locks; lock; lock = lock->next) {
        if (dms_lock_is_open(lock, submitted, principal)) {
            return 1;
        }
    }
    return !locks;
}

int dms_lock_is_compatible(const dms_lock_t *held, int is_shared)
{
    return held->is_shared && is_shared;
}

const dms_lock_t *dms_lock_find(const dms_lock_t *locks, const char *token)
{
    while (locks && strcmp(locks->token, token)) {
        locks = locks->next;
    }
    return locks;
}

int dms_lock_covers(const dms_lock_t *lock, const char *key)
{
    return lock->is_deep ? dms_key_is_at_or_below(key, lock->key) : !strcmp(key, lock->key);
}

/* --- as XML --- */

#define NAME(symbol, local) static const dms_name_t symbol = DMS_NAME(DMS_NS_DAV, local)

NAME(activelock, "activelock");
NAME(depth, "depth");
NAME(exclusive, "exclusive");
NAME(href, "href");
NAME(lockentry, "lockentry");
NAME(lockroot, "lockroot");
NAME(lockscope, "lockscope");
NAME(locktoken, "locktoken");
NAME(locktype, "locktype");
NAME(owner, "owner");
NAME(shared, "shared");
NAME(timeout, "timeout");
NAME(write_type, "write");

static dms_element_t *make(apr_pool_t *pool, const dms_name_t *name, dms_element_t *children)
{
    dms_element_t *element = apr_pcalloc(pool, sizeof(*element));

    element->name = name;
    element->children = children;
    return element;
}

static dms_element_t *make_text(apr_pool_t *pool, const dms_name_t *name, const char *text)
{
    dms_element_t *element = make(pool, name, NULL);

    element->text = text;
    return element;
}

static dms_element_t *append(dms_element_t *last, dms_element_t *next)
{
    last->next = next;
    return next;
}

/* The time that remains. */
static const char *timeout_text(apr_pool_t *pool, const dms_lock_t *lock)
{
    apr_int64_t left = lock->expires - dms_lock_now();

    return lock->expires
               ? apr_psprintf(pool, "Second-%" APR_INT64_T_FMT, left > 0 ? left : (apr_int64_t)0)
               : "Infinite";
}

/* Section 14.1. */
static dms_element_t *make_activelock(apr_pool_t *pool, const dms_lock_t *lock)
{
    dms_element_t *scope = make(pool, lock->is_shared ? &shared : &exclusive, NULL);
    dms_element_t *first = make(pool, &lockscope, scope), *last = first;

    last = append(last, make(pool, &locktype, make(pool, &write_type, NULL)));
    last = append(last, make_text(pool, &depth, lock->is_deep ? "infinity" : "0"));
    if (lock->owner) {
        last = append(last, make(pool, &owner, NULL));
        last->markup = lock->owner;
    }
    last = append(last, make_text(pool, &timeout, timeout_text(pool, lock)));
    last = append(last, make(pool, &locktoken, make_text(pool, &href, lock->token)));
    append(last, make(pool, &lockroot, make_text(pool, &href, lock->uri)));
    return make(pool, &activelock, first);
}

dms_element_t *dms_locks_discovery(apr_pool_t *pool, const dms_lock_t *locks)
{
    dms_element_t *first = NULL, **link = &first;

    for (; locks; locks = locks->next) {
        *link = make_activelock(pool, locks);
        link = &(*link)->next;
    }
    return first;
}

dms_element_t *dms_locks_supported(void)
{
    static dms_element_t writing = {.name = &write_type};
    static dms_element_t of_shared = {.name = &shared}, of_exclusive = {.name = &exclusive};
    static dms_element_t type = {.name = &locktype, .children = &writing};
    static dms_element_t shared_scope = {.name = &lockscope, .children = &of_shared, .next = &type};
    static dms_element_t exclusive_scope = {.name = &lockscope,
                                            .children = &of_exclusive,
                                            .next = &type};
    static dms_element_t shared_entry = {.name = &lockentry, .children = &shared_scope};
    static dms_element_t exclusive_entry = {.name = &lockentry,
                                            .children = &exclusive_scope,
                                            .next = &shared_entry};

    return &exclusive_entry;
}

dms_element_t *dms_locks_roots(apr_pool_t *pool, const dms_lock_t *locks)
{
    dms_element_t *first = NULL, **link = &first;

    for (; locks; locks = locks->next) {
        *link = make_text(pool, &href, locks->uri);
        link = &(*link)->next;
    }
    return first;
}
