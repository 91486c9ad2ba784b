#include "acts/mounts.h"

#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_request.h>

#include "acts/acts.h"

/* Whether a path is that of a name in a collection; doubled slashes count as one. */
static int is_in(const char *collection, const char *name, apr_size_t length, const char *path)
{
    apr_size_t outer = strlen(collection), slashes;

    if (strncmp(path, collection, outer)) {
        return 0;
    }
    slashes = strspn(path + outer, "/");
    path += outer + slashes;
    return slashes && !strncmp(path, name, length) && !path[length];
}

int dms_mounts_is_member(const request_rec *collection, const char *name, const char *place,
                         apr_pool_t *pool)
{
    const char *outer = dms_act_place_of(collection, pool);

    return !outer || !place || is_in(outer, name, strlen(name), place);
}

/* The URL of the collection that a URL is in. */
static const char *collection_of(apr_pool_t *pool, const char *uri, const char **name,
                                 apr_size_t *length)
{
    apr_size_t end = strlen(uri), begin;

    while (end && uri[end - 1] == '/') {
        end--;
    }
    for (begin = end; begin && uri[begin - 1] != '/'; begin--) {
    }
    *name = uri + begin;
    *length = end - begin;
    return apr_pescape_path(pool, apr_pstrmemdup(pool, uri, begin), 1);
}

int dms_mounts_is_root(request_rec *r)
{
    apr_size_t length;
    const char *name, *uri = collection_of(r->pool, r->uri, &name, &length), *outer;
    const char *place = dms_act_place_of(r, r->pool);
    request_rec *above;

    if (!place || !length) {
        return !length; /* "/" */
    }
    above = dms_act_ask(r, DMS_ACT_SEE, DMS_KIND_COLLECTION, uri);
    outer = dms_act_place_of(above, r->pool);
    ap_destroy_sub_req(above);
    return outer && !is_in(outer, name, length, place);
}
