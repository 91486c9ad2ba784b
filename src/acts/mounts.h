/*
 * Where the URL space is put together from several trees: an Alias, a user's folder, another
 * DocumentRoot, as httpd maps URLs to files. What is there on the disk is not what is below it by
 * URL, and no client's request may remove or replace such a root.
 */
#ifndef DMS_MOUNTS_H
#define DMS_MOUNTS_H

#include <httpd.h>

/* Whether a request's URL is mapped by itself to where it is: not to a member of what the URL of
 * its collection is mapped to. Asks httpd. */
int dms_mounts_is_root(request_rec *r);

/* Whether a place that the URL of a member has led to (dms_act_place_of()) is that member's, by its
 * name (not escaped) in the collection that `collection` is a request for. pool: for a moment. */
int dms_mounts_is_member(const request_rec *collection, const char *name, const char *place,
                         apr_pool_t *pool);

#endif
