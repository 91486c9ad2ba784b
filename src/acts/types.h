/*
 * Media types and languages of the members of a collection, as httpd would send them.
 *
 * mod_mime tells them from a name's extensions and the collection's configuration, so each
 * combination of extensions is asked for once, and not each member; but a member that a section
 * treats by its name is asked for itself.
 */
#ifndef DMS_TYPES_H
#define DMS_TYPES_H

#include <httpd.h>

typedef struct dms_types_t dms_types_t;

/* Begins to tell types for the members of the collection at uri (an escaped path with a slash at
 * its end), which r is a request or subrequest for. Lives in pool. */
dms_types_t *dms_types_create(apr_pool_t *pool, request_rec *r, const char *uri);

/* Tells of a file by its name (not escaped). is_special: as dms_sections_single_out() says of it.
 * *type and *language are NULL where httpd would send none; they live until the next call, or as
 * long as pool, whichever is shorter. */
void dms_types_tell(dms_types_t *types, const char *name, int is_special, apr_pool_t *pool,
                    const char **type, const char **language);

/* How many bytes are remembered, about; and forgets what is. */
apr_size_t dms_types_size(const dms_types_t *types);
void dms_types_forget(dms_types_t *types);

/* What httpd sends, or would, with the answer to r itself; in r->pool. */
const char *dms_types_of(request_rec *r);
const char *dms_types_language_of(request_rec *r);

#endif
