#include "access/access.h"

#include <errno.h>

#include <apr_escape.h>
#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_request.h>

#include "server/config.h"

/* What the request_config of a request holds while a question is asked on its behalf. */
static const struct ap_logconf quiet = {NULL, APLOG_CRIT};

int dms_access_be_quiet(request_rec *r)
{
    const request_rec *outer;

    for (outer = r->main; outer; outer = outer->main) {
        if (ap_get_module_config(outer->request_config, &dav_multistatus_module)) {
            r->log = &quiet;
        }
    }
    return DECLINED;
}

request_rec *dms_access_ask(request_rec *r, const char *method, const char *uri)
{
    request_rec *answer;

    while (r->main) { /* a subrequest of a subrequest would count towards LimitInternalRecursion */
        r = r->main;
    }
    ap_set_module_config(r->request_config, &dav_multistatus_module, (void *)&quiet);
    answer = ap_sub_req_method_uri(method, uri, r, NULL);
    ap_set_module_config(r->request_config, &dav_multistatus_module, NULL);
    answer->log = r->log;
    return answer;
}

/* A <Location> that could treat a member unlike its collection. */
typedef struct location_t {
    const core_dir_config *section;
    int matches_collection; /* of a pattern */
} location_t;

struct dms_access_t {
    dms_authz_e authz;
    const core_dir_config *core;
    const char *path; /* of the collection: not escaped, with a slash at its end */
    apr_array_header_t *locations;
    apr_pool_t *scratch;
};

static int is_pattern(const core_dir_config *section)
{
    return section->r || section->d_is_fnmatch;
}

/* fnmatch: the flags that httpd gives apr_fnmatch() for this kind of section. */
static int section_matches(const core_dir_config *section, const char *name, int fnmatch)
{
    if (section->r) {
        return ap_regexec(section->r, name, 0, NULL, 0) == 0;
    }
    if (section->d_is_fnmatch) {
        return apr_fnmatch(section->d, name, fnmatch) == APR_SUCCESS;
    }
    return !strcmp(section->d, name);
}

static void add_location(dms_access_t *access, const core_dir_config *section)
{
    location_t *location;

    /* One that is no pattern and not below the collection treats all that is in it alike. */
    if (!is_pattern(section) && strncmp(section->d, access->path, strlen(access->path))) {
        return;
    }
    location = apr_array_push(access->locations);
    location->section = section;
    location->matches_collection = is_pattern(section)
                                   && section_matches(section, access->path, APR_FNM_PATHNAME);
}

dms_access_t *dms_access_create(apr_pool_t *pool, request_rec *r)
{
    const core_server_config *server = ap_get_core_module_config(r->server->module_config);
    dms_access_t *access = apr_pcalloc(pool, sizeof(*access));
    apr_size_t length = strlen(r->uri);
    int i;

    access->authz = dms_config_authz(dms_config_of(r));
    access->core = ap_get_core_module_config(r->per_dir_config);
    access->path = length && r->uri[length - 1] == '/' ? r->uri
                                                       : apr_pstrcat(pool, r->uri, "/", NULL);
    access->locations = apr_array_make(pool, 4, sizeof(location_t));
    apr_pool_create(&access->scratch, pool);
    for (i = 0; i < server->sec_url->nelts; i++) {
        add_location(access, ap_get_core_module_config(
                                 APR_ARRAY_IDX(server->sec_url, i, ap_conf_vector_t *)));
    }
    return access;
}

static int matches_files(const dms_access_t *access, const char *name)
{
    const apr_array_header_t *files = access->core->sec_file;
    int i;

    for (i = 0; files && i < files->nelts; i++) {
        if (section_matches(ap_get_core_module_config(APR_ARRAY_IDX(files, i, ap_conf_vector_t *)),
                            name, 0)) {
            return 1;
        }
    }
    return 0;
}

static int differs_by_location(const dms_access_t *access, const char *name)
{
    const char *path;
    int i, differs = 0;

    if (!access->locations->nelts) {
        return 0;
    }
    path = apr_pstrcat(access->scratch, access->path, name, NULL);
    for (i = 0; i < access->locations->nelts && !differs; i++) {
        const location_t *location = &APR_ARRAY_IDX(access->locations, i, location_t);

        differs = section_matches(location->section, path, APR_FNM_PATHNAME)
                  != location->matches_collection;
    }
    apr_pool_clear(access->scratch);
    return differs;
}

int dms_access_is_special(const dms_access_t *access, const char *name, int is_collection)
{
    if (access->authz != DMS_AUTHZ_AUTO) {
        return access->authz == DMS_AUTHZ_EACH;
    }
    return is_collection || (access->core->sec_if && access->core->sec_if->nelts)
           || matches_files(access, name) || differs_by_location(access, name);
}

/* --- whole trees --- */

/* A collection that the walk is in. */
typedef struct frame_t frame_t;
struct frame_t {
    frame_t *outer;
    apr_pool_t *pool;
    request_rec *r; /* NULL: the tree's own */
    const char *path;
    dms_access_t *access;
};

struct dms_access_tree_t {
    apr_pool_t *pool;
    request_rec *r;
    const char *uri;
    const char *method; /* "GET": to read, which of a collection is PROPFIND */
    frame_t *frame;
};

static void push_frame(dms_access_tree_t *tree, request_rec *r, const char *path)
{
    apr_pool_t *pool;
    frame_t *frame;

    apr_pool_create(&pool, tree->pool);
    frame = apr_pcalloc(pool, sizeof(*frame));
    frame->pool = pool;
    frame->outer = tree->frame;
    frame->r = r == tree->r ? NULL : r;
    frame->path = apr_pstrdup(pool, path);
    frame->access = dms_access_create(pool, r);
    tree->frame = frame;
}

static void pop_frame(dms_access_tree_t *tree)
{
    frame_t *frame = tree->frame;
    request_rec *r = frame->r;

    tree->frame = frame->outer;
    apr_pool_destroy(frame->pool);
    if (r) {
        ap_destroy_sub_req(r);
    }
}

dms_access_tree_t *dms_access_tree_create(apr_pool_t *pool, request_rec *r, const char *uri,
                                          const char *method)
{
    dms_access_tree_t *tree = apr_pcalloc(pool, sizeof(*tree));

    apr_pool_create(&tree->pool, pool);
    tree->r = r;
    tree->uri = uri;
    tree->method = method;
    push_frame(tree, r, "");
    return tree;
}

apr_status_t dms_access_tree_check(dms_access_tree_t *tree, const char *collection,
                                   const dms_member_t *member)
{
    int is_collection = member->facts.kind == DMS_KIND_COLLECTION;
    apr_pool_t *scratch;
    const char *path;
    request_rec *r;
    int is_allowed;

    while (tree->frame->outer && strcmp(tree->frame->path, collection)) {
        pop_frame(tree);
    }
    if (!dms_access_is_special(tree->frame->access, member->name, is_collection)) {
        return APR_SUCCESS;
    }
    scratch = tree->frame->access->scratch;
    path = apr_pstrcat(scratch, collection, apr_pescape_path(scratch, member->name, 1),
                       is_collection ? "/" : NULL, NULL);
    r = dms_access_ask(tree->r, is_collection && !strcmp(tree->method, "GET") ? "PROPFIND"
                                                                              : tree->method,
                       apr_pstrcat(scratch, tree->uri, path, NULL));
    is_allowed = r->status == HTTP_OK && dms_config_is_on(dms_config_of(r));
    if (is_allowed && is_collection) {
        push_frame(tree, r, path);
    }
    else {
        ap_destroy_sub_req(r);
    }
    apr_pool_clear(scratch);
    return is_allowed ? APR_SUCCESS : EACCES;
}
