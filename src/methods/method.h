/*
 * The methods: one file each. A method reads its headers and body, decides, acts on the repository,
 * and reports.
 */
#ifndef DMS_METHOD_H
#define DMS_METHOD_H

#include <apr_hash.h>

#include <httpd.h>

#include "config/config.h"
#include "methods/table.h"
#include "repository/provider.h"
#include "request/if_header.h"
#include "server/error.h"
#include "store/store.h"

typedef struct dms_request_t {
    request_rec *r;
    const dms_config_t *config;
    const dms_provider_t *provider;
    const dms_if_list_t *submitted; /* the If header, or NULL */
    dms_tx_t *tx;                   /* that is under way (dms_step_begin(), shifts), or NULL */
    apr_hash_t *tagged; /* resources that If names (conditions.h); NULL: not asked for */
    int has_recovered;  /* has given a slice of its time to what the dead have left */
    int is_placed;      /* where its resource is has been decided: in the tree, ... */
    const char *apart;  /* ... or here, as litter (litter.h) */
} dms_request_t;

/* The module's own methods. */
extern const dms_method_t dms_method_copy;
extern const dms_method_t dms_method_delete;
extern const dms_method_t dms_method_get; /* HEAD, too */
extern const dms_method_t dms_method_lock;
extern const dms_method_t dms_method_mkcol;
extern const dms_method_t dms_method_move;
extern const dms_method_t dms_method_options;
extern const dms_method_t dms_method_patch;
extern const dms_method_t dms_method_propfind;
extern const dms_method_t dms_method_proppatch;
extern const dms_method_t dms_method_put;
extern const dms_method_t dms_method_unlock;

/* Sets the methods that a request's resource allows, for 405. */
void dms_method_set_allowed(dms_request_t *request, const dms_resource_t *resource);

/* Waits for the names in a collection to be on the disk, where that is wanted. */
apr_status_t dms_method_sync(dms_request_t *request, dms_node_t *collection);

/* The same after a removal from it: of a tree that has not gone whole, also for the names in it. */
apr_status_t dms_method_sync_removal(dms_request_t *request, dms_node_t *collection, int is_whole);

/* What every method needs first: the resource that the URL names, with the facts wanted. Errors:
 * what the provider's lookup gives; where it must exist, 404 if it does not. */
dms_error_t *dms_method_lookup(dms_request_t *request, unsigned int facts, int must_exist,
                               dms_resource_t *resource);

/* The collection that a resource is or would be in. 409 where there is none. */
dms_error_t *dms_method_parent(dms_request_t *request, dms_resource_t *resource,
                               dms_node_t **parent);

/* 400 unless Depth is absent or infinity, for a method that acts on whole collections. */
dms_error_t *dms_method_deep_only(dms_request_t *request, const dms_resource_t *resource);

/* The time that sync clients give what they write, by X-OC-Mtime: *time, to which *modified refers,
 * NULL where the header is absent. 400 where it is no time. */
dms_error_t *dms_method_mtime(const dms_request_t *request, dms_moment_t *time,
                              const dms_moment_t **modified);

/* Tells that it has been taken. */
void dms_method_took_mtime(request_rec *r);

/* The path of a request's resource, normalized, but with what is reserved as the client has it; a
 * collection's with a slash at its end. */
const char *dms_method_uri(request_rec *r, dms_kind_e kind);

#endif
