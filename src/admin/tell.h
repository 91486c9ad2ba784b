/*
 * What the commands of dav-multistatus share: telling, keys, XML, and going through the store.
 */
#ifndef DMS_TELL_H
#define DMS_TELL_H

#include <stdio.h>

#include "admin/admin.h"
#include "multistatus/element.h"

/* Tells on standard error what is wrong, with the words of a status unless it has none. Returns the
 * status. */
apr_status_t dms_tell(apr_status_t status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same of what was left as it was, for a reason: is_left. */
void dms_tell_left(dms_admin_t *admin, const char *key, const char *why);

/* Keeps what is told and printed (dms_output()) back: whoever reads it may be slow, and the store's
 * write lock is not to wait for that. Then gives it out; what was printed only where it is done. */
void dms_keep_words(void);
void dms_give_out_words(int is_done);

/* Standard output, or what keeps that back. */
FILE *dms_output(void);

/* Prints a text with so much before each of its lines. */
void dms_print_indented(const char *indent, const char *text);

/* Writes all bytes; errno's status. */
apr_status_t dms_write_all(int descriptor, const char *bytes, apr_size_t length);

/* The key of a path, in pool; NULL where it is not absolute, or can't be one. */
const char *dms_key_of_path(apr_pool_t *pool, const char *path);

/* The same of what an href or a key of another server says: escaped. */
const char *dms_key_of_href(apr_pool_t *pool, const char *href);

/* The key of an argument; "/" where there are fewer. NULL: that was told. */
const char *dms_argument_key(const dms_admin_t *admin, int number);

/* Parses XML that stands alone. NULL: it is none that can be kept. */
const dms_element_t *dms_parse_element(const char *xml, apr_pool_t *pool);

/* Is told of a resource that has properties, in the order of their names. pool is cleared soon. */
typedef apr_status_t dms_visit_fn(void *baton, const char *key, dms_dead_property_t *first,
                                  apr_pool_t *pool);

/* Visits what is at or below a key and has properties: a collection before its members. What the
 * visitor changes it may see or not. Returns its first failure, or the store's. */
apr_status_t dms_visit_properties(dms_admin_t *admin, const char *key, const dms_choice_t *choice,
                                  dms_visit_fn *visit, void *baton);

#endif
