/*
 * The store: what the server remembers of resources beside their content, in SQL through apr_dbd.
 *
 * A resource has a key (keys/keys.h). Dead properties hang on keys; the key need not exist on the
 * disk, since a file can vanish without this server's doing: whoever creates a resource calls
 * dms_tx_forget() first.
 *
 * Rows are kept by collection: property (collection, member, ns, local), collection (id, key). So a
 * listing reads the properties of all members of a collection with one range query, and moving a
 * collection rewrites only the keys of collections, with one statement. Triggers count what is
 * bounded (dms_usage_t).
 *
 * All changes happen in a transaction (dms_tx_t), which takes the store's only write lock at its
 * beginning (BEGIN IMMEDIATE) and holds it until it ends. It is also what keeps a check and the act
 * that it allows together: nobody else writes meanwhile, in this process or another. It must be
 * short, and never wait for a client.
 *
 * Intentions keep disk and store together when the server is killed between the two: before a
 * resource is moved, copied or deleted whose properties have to go along, the intention is
 * committed; after the act, the rows are changed and the intention is removed in one transaction.
 * Those that a dead process has left behind are completed by whoever finds them
 * (recovery/recovery.h).
 *
 * This unit needs APR and APR-util only. A dms_store_t is one per process and may be used by all
 * its threads; a dms_tx_t belongs to one thread. Every function returns
 *   APR_SUCCESS
 *   ENOSPC         the disk or the database is full
 *   EROFS          the database can't be written
 *   EBUSY          another writer held the lock for longer than the time-out
 *   APR_EGENERAL   anything else
 * and has told the log function what happened and what to do about it.
 */
#ifndef DMS_STORE_H
#define DMS_STORE_H

#include <apr_errno.h>
#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_time.h>

#include "multistatus/element.h"

typedef struct dms_store_t dms_store_t;
typedef struct dms_tx_t dms_tx_t;

typedef struct dms_dead_property_t dms_dead_property_t;
struct dms_dead_property_t {
    const dms_name_t *name;
    /* The whole element as XML that stands alone, with all its declarations; UTF-8. NULL where
     * nobody has asked for it. */
    const char *xml;
    dms_dead_property_t *next;
};

/* Takes what went wrong: status, and words that name the store's file and say what to do.
 * APR_SUCCESS: nothing did, it is a note. */
typedef void dms_store_log_fn(void *baton, apr_status_t status, const char *message);

/* --- life --- */

/* Makes the database where it does not exist, and brings its schema to the present version; one
 * that is newer than this module, or that can't be written, is an error. For the server's start, by
 * one process, with the rights to create it. driver: an apr_dbd driver's name, "sqlite3"; params:
 * as the driver wants them, for sqlite3 the file's name. Uses and leaves nothing but what is on the
 * disk: the file, and one with "-reserve" after its name, which takes up 256 KiB, to be given up
 * where a full disk would keep the store from being opened. While it is in use there are others
 * beside it, with "-wal", "-shm" and "-lock", which are made by whoever uses it: the server's User
 * must be able to write the folder. (The one with "-processes" is server/state.c's, for
 * processes/processes.h.) */
apr_status_t dms_store_prepare(apr_pool_t *pool, const char *driver, const char *params,
                               dms_store_log_fn *log, void *baton);

/* Whether the driver is there; what it lacks is told to the log. Touches nothing on the disk. */
apr_status_t dms_store_find_driver(dms_store_t *store);

/* Makes a process's access to a store, after it has forked. Connections are opened when they are
 * needed, kept, and closed with pool. threads: how many may be in use at once. Succeeds even where
 * the database can't be opened now: then each call tries anew. log is called by any thread. */
apr_status_t dms_store_create(apr_pool_t *pool, const char *driver, const char *params, int threads,
                              dms_store_log_fn *log, void *baton, dms_store_t **store);

/* How long a writer waits for the others before it is EBUSY, in microseconds, unless it is told
 * otherwise, before the store is used. Beside those of this module, which wait so long, there are
 * other programs (a backup, say): for them it takes some ten seconds in any case. */
#define DMS_STORE_PATIENCE apr_time_from_sec(10)
void dms_store_be_patient(dms_store_t *store, apr_interval_time_t patience);

/* Has the store be another's, before it is used: a schema of an older version is an error, and not
 * brought to the present one. */
void dms_store_be_guest(dms_store_t *store);

/* --- reading --- */

/* Whether there may be any property at all: then only is it worth asking. Cheap. Errors say yes. */
int dms_store_has_properties(dms_store_t *store);

/* Which properties somebody wants to read; the others stay where they are. */
typedef enum dms_choice_e {
    DMS_CHOICE_NONE,
    DMS_CHOICE_ALL,
    DMS_CHOICE_NAMED, /* those that have been added */
    DMS_CHOICE_NAMES  /* the names of all, without values */
} dms_choice_e;

/* So many may be added. */
#define DMS_CHOICE_NAMES_MAX 32

typedef struct dms_choice_t {
    dms_choice_e what;
    int count;
    const char *names[DMS_CHOICE_NAMES_MAX];
} dms_choice_t;

/* Adds a name, from pool, to a choice of those NAMED, or to one of NONE, which it then becomes. One
 * of too many becomes a choice of ALL. */
void dms_choice_add(dms_choice_t *choice, apr_pool_t *pool, const dms_name_t *name);

/* The properties of one resource, in the order of their names, from pool. */
apr_status_t dms_store_properties(dms_store_t *store, const char *key, const dms_choice_t *choice,
                                  apr_pool_t *pool, dms_dead_property_t **first);

/* A part of the properties of a collection's members: all those of the members whose names are
 * greater than `after` and not greater than `last`, in the order of their bytes. */
typedef struct dms_page_t {
    apr_hash_t *members; /* escaped name of a member -> its first dms_dead_property_t, or APART */
    const char *after;   /* exclusive */
    const char *last;    /* inclusive; NULL: there is no end, nothing follows */
    apr_size_t bytes;    /* that it takes, about */
} dms_page_t;

/* What stands for a member in the place of a list that would be too long to be read along with
 * others, or has something in it that is (over 1,024 bytes): it is to be read by itself. */
#define DMS_STORE_APART ((void *)dms_store_apart)
extern const char dms_store_apart[];

/* Reads the page of the collection `key` that follows the name `after` ("" for the first page),
 * from pool. A page is bounded in bytes, some 1.5 MiB, but never splits a member. One query for
 * each 512 properties. */
apr_status_t dms_store_page(dms_store_t *store, const char *key, const char *after,
                            const dms_choice_t *choice, apr_pool_t *pool, dms_page_t **page);

/* The key of the collection, of those below a key whose members may have properties, that follows
 * another in the order of keys (the key itself: the first), from pool; NULL: there is none. Below
 * "/" are those of other providers, too. */
apr_status_t dms_store_next_collection(dms_store_t *store, const char *key, const char *after,
                                       apr_pool_t *pool, const char **next);

/* --- changing --- */

/* Begins a transaction, from pool. It is rolled back when pool goes before it has ended. Until then
 * its thread begins no other, and reads by functions that take the transaction: those above do not
 * see what it changes, and would wait for a connection beside its own. A function that fails makes
 * all later ones of the transaction fail alike. */
apr_status_t dms_tx_begin(dms_store_t *store, apr_pool_t *pool, dms_tx_t **tx);

/* The same, but EBUSY, without a word in the log, where the others don't let it before deadline. */
apr_status_t dms_tx_try(dms_store_t *store, apr_pool_t *pool, apr_time_t deadline, dms_tx_t **tx);

/* Commits. On any error everything since dms_tx_begin() is undone. tx is not used again. */
apr_status_t dms_tx_commit(dms_tx_t *tx);

/* Undoes everything since dms_tx_begin(). tx is not used again. */
void dms_tx_abort(dms_tx_t *tx);

/* Has the transaction take back what has been done on the disk along with it, where it comes to
 * nothing, for whatever reason: undo is called then, before anybody else can write. is_doubtful:
 * its commit has failed so that the rows may be there when the database is opened again. */
typedef void dms_undo_fn(void *baton, int is_doubtful);
void dms_tx_on_undo(dms_tx_t *tx, dms_undo_fn *undo, void *baton);

/* Whether it is the store that has failed, in one of the functions that take the transaction. */
int dms_tx_has_failed(const dms_tx_t *tx);

/* Sets or removes one property. xml: as in dms_dead_property_t. Removing what is not there is no
 * error. */
apr_status_t dms_tx_set(dms_tx_t *tx, const char *key, const dms_name_t *name, const char *xml);
apr_status_t dms_tx_unset(dms_tx_t *tx, const char *key, const dms_name_t *name);

/* Whose are the properties that the transaction sets and copies from now on: a principal's, as of a
 * lock. Before, those that it sets are nobody's (""), and a copy is whose the original is. */
void dms_tx_act_for(dms_tx_t *tx, const char *principal);

/* What there is of what is bounded. Counted as rows come and go, so this is cheap. */
typedef struct dms_usage_t {
    apr_int64_t own_properties;        /* of a resource, ... */
    apr_int64_t own_bytes;             /* ... and of their XML */
    apr_int64_t collection_properties; /* of all members of the collection that it is in */
    apr_int64_t principal_bytes; /* of all properties that are the transaction's principal's */
} dms_usage_t;

apr_status_t dms_tx_usage(dms_tx_t *tx, const char *key, dms_usage_t *usage);

/* The value of one property of a resource, from pool; NULL: it has none of that name. */
apr_status_t dms_tx_value(dms_tx_t *tx, const char *key, const dms_name_t *name, apr_pool_t *pool,
                          const char **xml);

/* Whether a resource, or anything below it, has properties. */
apr_status_t dms_tx_has_properties(dms_tx_t *tx, const char *key, int *has);

/* Removes the properties of a resource and of everything below it. A fixed number of statements. */
apr_status_t dms_tx_forget(dms_tx_t *tx, const char *key);

/* Gives the properties of `from` to `to`, those of all below it, too, and forgets what `to` had
 * before. A fixed number of statements. from and to are neither the same, nor is one below the
 * other. */
apr_status_t dms_tx_move(dms_tx_t *tx, const char *from, const char *to);

/* Gives the properties of the resource `from` alone to `to`, which keeps those that it has. */
apr_status_t dms_tx_follow(dms_tx_t *tx, const char *from, const char *to);

/* As dms_tx_move(), with copies. deep: with all that is below `from`. */
apr_status_t dms_tx_copy(dms_tx_t *tx, const char *from, const char *to, int deep);

/* Whether something is on the disk. An error other than ENOENT and ENOTDIR tells nothing. */
typedef enum dms_presence_e {
    DMS_PRESENCE_UNKNOWN,
    DMS_PRESENCE_THERE,
    DMS_PRESENCE_GONE
} dms_presence_e;

typedef dms_presence_e dms_presence_fn(void *baton, const char *key);

typedef struct dms_sweep_t {
    const char *key;
    dms_presence_fn *presence;
    void *baton;
    apr_time_t until;    /* when to stop, having asked for one at least; 0: at the end */
    const char *reached; /* "" at the beginning; where to go on; NULL: it is done */
    int doubts;          /* becomes 1 where something is unknown */
} dms_sweep_t;

/* Asks for each resource at or below a key that has properties, and forgets what is gone. Bounded
 * memory. What it sets lives in pool. */
apr_status_t dms_tx_sweep(dms_tx_t *tx, dms_sweep_t *sweep, apr_pool_t *pool);

/* --- how much the files of a folder have --- */

/* Has the process count; before the store is used. Otherwise the functions that change what is
 * counted do nothing. All that serve a store do the same. */
void dms_store_count_space(dms_store_t *store, apr_pool_t *pool);

/* Forgets all that is counted, for a server that counts nothing. */
apr_status_t dms_store_forget_space(dms_store_t *store, apr_pool_t *pool);

/* How many bytes the files at or below a key have, as it was counted, and followed since, by a
 * transaction or (NULL) without one. ENOENT where that is not known: not counted yet, or no more,
 * since a process was killed in the midst of a change, or the machine has been started anew. */
apr_status_t dms_store_size(dms_store_t *store, dms_tx_t *tx, const char *key, apr_pool_t *pool,
                            apr_int64_t *bytes);

/* The same. *is_exact: it was counted while nobody wrote, so that it is right. */
apr_status_t dms_store_size_as_counted(dms_store_t *store, dms_tx_t *tx, const char *key,
                                       apr_pool_t *pool, apr_int64_t *bytes, int *is_exact);

/* Keeps other threads of the process from counting, so that what many need is counted once. Not in
 * a transaction. */
void dms_store_begin_counting(dms_store_t *store);
void dms_store_end_counting(dms_store_t *store);

/* The key that is counted, and follows another in the order of keys, from pool; NULL: none does. */
apr_status_t dms_store_next_size(dms_store_t *store, const char *after, apr_pool_t *pool,
                                 const char **next);

/* Tells that what is at a key, which may be a tree, has so many bytes more, or less. To be told
 * after the disk has changed, so that what fails in between is noticed. What is counted below the
 * key is forgotten, since nobody knows whose the bytes are. */
apr_status_t dms_tx_resize(dms_tx_t *tx, const char *key, apr_int64_t bytes);

/* Forgets what is counted at or below a key: the folders there are others now. */
apr_status_t dms_tx_unsize_tree(dms_tx_t *tx, const char *key);

/* As dms_tx_resize(), where nobody knows how many. */
apr_status_t dms_tx_unsize(dms_tx_t *tx, const char *key);

/* Forgets all that is counted: for a process that does not, beside others that do. */
apr_status_t dms_tx_unsize_all(dms_tx_t *tx);

/* Begins to count anew, and ends it where nothing has changed meanwhile, or in any case (is_final):
 * then it is not exact. *changes: for the end. *is_done: whether it is. */
apr_status_t dms_tx_begin_size(dms_tx_t *tx, const char *key, apr_int64_t *changes);
apr_status_t dms_tx_set_size(dms_tx_t *tx, const char *key, apr_int64_t bytes, apr_int64_t changes,
                             int is_final, int *is_done);

/* Whether two keys are in the same folders that are counted: a move between them changes nothing.
 * Errors say no. */
int dms_store_is_same_space(dms_store_t *store, const char *one, const char *other,
                            apr_pool_t *pool);

/* A number that a change of anything in the store makes greater: by one when a transaction begins,
 * and by one when it ends. 0: nobody knows. */
apr_uint32_t dms_store_time(dms_store_t *store);

/* --- intentions --- */

typedef enum dms_intent_e {
    DMS_INTENT_MOVE = 1,
    DMS_INTENT_COPY = 2,
    DMS_INTENT_DELETE = 3, /* that the properties of what is gone have to go */
    DMS_INTENT_REMOVE = 4  /* that what stands under a reserved name has to go */
} dms_intent_e;

/* What an intention remembers; what recovery/recovery.h makes of it. Strings may be NULL, which is
 * as good as "", but for from. An identity is what the provider says (mod_dav_multistatus.h). */
typedef struct dms_intention_t dms_intention_t;
struct dms_intention_t {
    dms_intent_e intent;
    const char *from; /* key */
    const char *to;   /* key; of a move or a copy; of a removal, where what has to go was, or "" */
    int deep;         /* of a copy */
    /* Of what is at `to` once the act has happened, and only then. "": not known yet. */
    const char *identity;
    /* Of what a move has replaced, which may stand at `from` afterwards. */
    const char *replaced;
    /* The name beside `from` (of a move) or `to` (of a copy) under which the copy is made, or what
     * was replaced ends. Escaped as it is. */
    const char *reserved;
    const char *reached; /* of a deletion: how far dms_tx_sweep() has come, ... */
    int doubts;          /* ... and whether it could not tell of something */
    apr_int64_t id;      /* given by dms_tx_intend() */
    const char *owner;   /* of one that was read: the word of its process */
    dms_intention_t *next;
};

/* Notes an intention, for the process that calls. */
apr_status_t dms_tx_intend(dms_tx_t *tx, dms_intention_t *intention);

/* The act has happened, or never will: removes the intention. */
apr_status_t dms_tx_settle(dms_tx_t *tx, const dms_intention_t *intention);

/* Removes other intentions of a move that is about to happen: those of one that had to be undone,
 * and could not be settled. They must not take this one for their own. */
apr_status_t dms_tx_supersede(dms_tx_t *tx, const dms_intention_t *move);

/* Writes an intention that was read anew, under the same number: what is left to do of it. */
apr_status_t dms_tx_reintend(dms_tx_t *tx, const dms_intention_t *intention);

/* An intention as it is now, from pool; NULL where somebody has settled it. */
apr_status_t dms_tx_intention(dms_tx_t *tx, apr_int64_t id, apr_pool_t *pool,
                              dms_intention_t **intention);

/* This process won't go on with an intention of its own: it is as if the process were gone. The
 * last DMS_STORE_ABANDONED are remembered, the others wait until it is. */
#define DMS_STORE_ABANDONED 256
void dms_store_abandon(dms_store_t *store, apr_int64_t id);

/* The first intentions after a given one (NULL: after none), in the order of intents and numbers,
 * whose processes are gone (processes/processes.h), or that are abandoned: some of them, from pool;
 * NULL: there are no more. No transaction. */
apr_status_t dms_store_orphans(dms_store_t *store, const dms_intention_t *after, apr_pool_t *pool,
                               dms_intention_t **first);

/* --- locks --- */

typedef struct dms_lock_t dms_lock_t;
struct dms_lock_t {
    const char *token; /* "urn:uuid:..." */
    const char *key;   /* of the lock's root */
    const char *uri;   /* the root's, escaped, as the client named it */
    int is_deep;       /* Depth: infinity */
    int is_shared;
    const char *owner;     /* the DAV:owner element as XML (dms_xml_fragment()), or NULL */
    const char *principal; /* whose lock it is: the authenticated user, or "" */
    apr_int64_t expires;   /* in seconds since 1970; 0: never */
    dms_lock_t *next;
};

/* Whether there may be any lock at all. Cheap. Errors say yes. */
int dms_store_has_locks(dms_store_t *store);

/* The locks in force on a resource: its own, and the deep ones of the collections that it is in.
 * One that has expired is as if it never was. From pool. owners: to be shown, so with their
 * `owner`; else that is NULL. */
apr_status_t dms_store_locks(dms_store_t *store, const char *key, int owners, apr_pool_t *pool,
                             dms_lock_t **first);

/* The locks whose roots are members of a collection: escaped name -> the first dms_lock_t, or
 * DMS_STORE_APART. *locks is NULL where they are so many (4,096) that each member's are to be read
 * apart. */
apr_status_t dms_store_member_locks(dms_store_t *store, const char *key, apr_pool_t *pool,
                                    apr_hash_t **locks);

/* The same, without owners, as a transaction sees it. */
apr_status_t dms_tx_locks(dms_tx_t *tx, const char *key, apr_pool_t *pool, dms_lock_t **first);

/* Reads the `owner` of a lock, from pool. */
apr_status_t dms_tx_lock_owner(dms_tx_t *tx, dms_lock_t *lock, apr_pool_t *pool);

/* Told of a lock, without owner, which is gone when it returns: whether to go on. */
typedef int dms_lock_visit_fn(void *baton, const dms_lock_t *lock);

/* Which of the locks below a resource are told of. */
typedef struct dms_below_t {
    const char *key;    /* of the resource */
    const char *after;  /* only those whose keys are greater; NULL: all */
    int only_exclusive; /* no shared ones */
    int expected;       /* so many will do, mostly; 0: nobody knows */
    dms_lock_visit_fn *visit;
    void *baton;
} dms_below_t;

/* Tells of the locks on what is below a resource, in the order of their keys (a collection's before
 * its members'), as many as the visitor wants: memory and time are those of what it has seen. In a
 * transaction, or (tx NULL) without one. */
apr_status_t dms_locks_below(dms_store_t *store, dms_tx_t *tx, const dms_below_t *below,
                             apr_pool_t *pool);

/* How many locks in force a principal has; no more than `most` are counted. */
apr_status_t dms_tx_count_locks(dms_tx_t *tx, const char *principal, apr_int64_t most,
                                apr_int64_t *count);

/* Those of one member, by its key, in the same order. */
apr_status_t dms_store_own_locks(dms_store_t *store, const char *key, apr_pool_t *pool,
                                 dms_lock_t **first);

/* Adds a lock, and removes some that have expired. Whether it conflicts is the caller's to know. */
apr_status_t dms_tx_lock(dms_tx_t *tx, const dms_lock_t *lock);

/* Writes a lock's new `expires`. */
apr_status_t dms_tx_refresh_lock(dms_tx_t *tx, const dms_lock_t *lock);

/* Removes a lock. */
apr_status_t dms_tx_unlock(dms_tx_t *tx, const char *token);

/* Removes the locks on what is below a resource; self: and its own. */
apr_status_t dms_tx_unlock_tree(dms_tx_t *tx, const char *key, int self);

#endif
