/*
 * Changes: what a method does to a resource is told here, inside its transaction, and this writes
 * what follows from it in the store.
 *
 * What hangs on a resource follows it: dead properties go where their resource goes, and vanish
 * with it; a lock does not travel, and dies with what it was on (RFC 4918, section 7.6). Of a
 * property or a lock itself, telling is all that it takes to have it written. Whoever else has to
 * hear of changes is added to the table in changes.c; who makes them need not know.
 *
 * All that a change refers to is read while it is told, and need not live longer. Needs no httpd.
 */
#ifndef DMS_CHANGES_H
#define DMS_CHANGES_H

#include "store/store.h"

typedef enum dms_change_e {
    DMS_CREATED,   /* a resource, where none was */
    DMS_WRITTEN,   /* a file's content */
    DMS_PROPERTY,  /* a dead property was set, or removed */
    DMS_REMOVED,   /* a resource and all below it, or as much of that as a sweep finds gone */
    DMS_RESIZED,   /* what is at a key has so many bytes more, or less, on the disk by now */
    DMS_UNSIZED,   /* ... and nobody knows how many */
    DMS_FOUND,     /* a resource, past this server, at another key; not what is below it */
    DMS_MOVED,     /* a resource and all below it, from elsewhere */
    DMS_COPIED,    /* the same, but it stays there, too */
    DMS_LOCKED,    /* a lock was granted, ... */
    DMS_REFRESHED, /* ... lasts longer, ... */
    DMS_UNLOCKED   /* ... was given back */
} dms_change_e;

typedef struct dms_change_t {
    dms_change_e what;
    const char *key;        /* of the resource, after the change */
    const char *from;       /* of a move or copy, or what was found elsewhere */
    int deep;               /* of a copy: with what is below */
    dms_sweep_t *sweep;     /* of a removal that may not be whole, at `key`; or NULL */
    apr_pool_t *pool;       /* of what the sweep sets */
    const dms_name_t *name; /* of a property */
    const char *xml;        /* its element, as in dms_dead_property_t; NULL: removed */
    const dms_lock_t *lock;
    apr_int64_t bytes; /* of what was resized */
} dms_change_t;

/* Tells of a change. Returns what the store does (store/store.h); the transaction has failed unless
 * that is APR_SUCCESS. */
apr_status_t dms_changed(dms_tx_t *tx, const dms_change_t *change);

/* For a call in one line: dms_changed(tx, DMS_CHANGE(DMS_CREATED, .key = key)). */
#define DMS_CHANGE(...) (&(dms_change_t){.what = __VA_ARGS__})

#endif
