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

/* httpd takes a subrequest to be let through where its configuration is the very one of its
 * request. Where it is for another method, or `DavMultistatusAuthz each` is set, it has to look
 * all the same. */
static void ask_for_itself(request_rec *r)
{
    const dms_config_t *config = dms_config_of(r);

    if (r->per_dir_config == r->main->per_dir_config
        && (r->method_number != r->main->method_number
            || dms_config_authz(config) == DMS_AUTHZ_EACH)) {
        r->per_dir_config = ap_merge_per_dir_configs(r->pool, r->per_dir_config,
                                                     ap_create_per_dir_config(r->pool));
    }
}

int dms_access_be_quiet(request_rec *r)
{
    const request_rec *outer;

    for (outer = r->main; outer; outer = outer->main) {
        if (ap_get_module_config(outer->request_config, &dav_multistatus_module)) {
            r->log = &quiet;
            ask_for_itself(r);
        }
    }
    return DECLINED;
}

static int is_pattern(const core_dir_config *section)
{
    return section->r || section->d_is_fnmatch;
}

/* Whether a <Directory> could be meant for a file in the collection that r is for. */
static int directory_may_name_a_file(const request_rec *r)
{
    const core_server_config *server = ap_get_core_module_config(r->server->module_config);
    apr_size_t length = strlen(r->filename);
    const core_dir_config *section;
    int i;

    for (i = 0; i < server->sec_dir->nelts; i++) {
        section = ap_get_core_module_config(APR_ARRAY_IDX(server->sec_dir, i, ap_conf_vector_t *));
        if (is_pattern(section)
            || (!strncmp(section->d, r->filename, length) && strlen(section->d) > length + 1)) {
            return 1;
        }
    }
    return 0;
}

request_rec *dms_access_ask(request_rec *r, const char *method, const char *uri)
{
    request_rec *answer;
    void **walk, *walked;

    while (r->main) { /* a subrequest of a subrequest would count towards LimitInternalRecursion */
        r = r->main;
    }
    ap_set_module_config(r->request_config, &dav_multistatus_module, (void *)&quiet);
    /* httpd would take a file to be ruled as its directory is, which it has just walked. */
    walk = ap_get_request_note(r, AP_NOTE_DIRECTORY_WALK);
    walked = *walk;
    if (r->filename && directory_may_name_a_file(r)) {
        *walk = NULL;
    }
    answer = ap_sub_req_method_uri(method, uri, r, NULL);
    *walk = walked;
    ap_set_module_config(r->request_config, &dav_multistatus_module, NULL);
    answer->log = r->log;
    return answer;
}

/* A <Location> or <Directory> that could treat a member unlike its collection. */
typedef struct section_t {
    const core_dir_config *section;
    int matches_collection;
} section_t;

struct dms_access_t {
    dms_authz_e authz;
    const core_dir_config *core;
    const char *url;       /* of the collection: not escaped, with a slash at its end */
    const char *plain_url; /* the same without double slashes, as <Location> takes it */
    const char *directory; /* in the file system, with a slash at its end */
    apr_array_header_t *locations;
    apr_array_header_t *directories;
    apr_pool_t *scratch;
};

static int pattern_matches(const core_dir_config *section, const char *text, int flags)
{
    return section->r ? ap_regexec(section->r, text, 0, NULL, 0) == 0
                      : apr_fnmatch(section->d, text, flags) == APR_SUCCESS;
}

/* Whether a section's path is that path, or one above it. */
static int path_covers(const core_dir_config *section, const char *path)
{
    apr_size_t length = strlen(section->d);

    return !strncmp(section->d, path, length)
           && (!length || section->d[length - 1] == '/' || !path[length] || path[length] == '/');
}

/* As httpd's location walk: a <LocationMatch> sees double slashes, a <Location> does not. */
static int location_matches(const core_dir_config *section, const char *url, const char *plain)
{
    if (section->r) {
        return pattern_matches(section, url, 0);
    }
    return section->d_is_fnmatch ? pattern_matches(section, plain, APR_FNM_PATHNAME)
                                 : path_covers(section, plain);
}

/* path ends in a slash, as the path of each <Directory> does; one may name a file all the same. */
static int directory_matches(apr_pool_t *pool, const core_dir_config *section, const char *path)
{
    if (!is_pattern(section)) {
        return path_covers(section, path);
    }
    return pattern_matches(section, path, APR_FNM_PATHNAME)
           || pattern_matches(section, apr_pstrmemdup(pool, path, strlen(path) - 1),
                              APR_FNM_PATHNAME);
}

static const char *with_slash(apr_pool_t *pool, const char *path)
{
    apr_size_t length = path ? strlen(path) : 0;

    return length && path[length - 1] == '/' ? path
                                             : apr_pstrcat(pool, path ? path : "", "/", NULL);
}

static const char *without_double_slashes(apr_pool_t *pool, const char *url)
{
    char *plain = apr_pstrdup(pool, url);

    ap_no2slash(plain);
    return plain;
}

/* Keeps a section that could make a difference: a pattern, or one for something in the
 * collection. */
static void add_section(apr_array_header_t *sections, const core_dir_config *section,
                        int matches_collection, const char *collection)
{
    section_t *kept;

    if (!is_pattern(section)
        && (matches_collection || strncmp(section->d, collection, strlen(collection)))) {
        return;
    }
    kept = apr_array_push(sections);
    kept->section = section;
    kept->matches_collection = matches_collection;
}

dms_access_t *dms_access_create(apr_pool_t *pool, request_rec *r)
{
    const core_server_config *server = ap_get_core_module_config(r->server->module_config);
    dms_access_t *access = apr_pcalloc(pool, sizeof(*access));
    const core_dir_config *section;
    int i;

    access->authz = dms_config_authz(dms_config_of(r));
    access->core = ap_get_core_module_config(r->per_dir_config);
    access->url = with_slash(pool, r->uri);
    access->plain_url = without_double_slashes(pool, access->url);
    access->directory = with_slash(pool, r->filename);
    access->locations = apr_array_make(pool, 4, sizeof(section_t));
    access->directories = apr_array_make(pool, 4, sizeof(section_t));
    apr_pool_create(&access->scratch, pool);
    for (i = 0; i < server->sec_url->nelts; i++) {
        section = ap_get_core_module_config(APR_ARRAY_IDX(server->sec_url, i, ap_conf_vector_t *));
        add_section(access->locations, section,
                    location_matches(section, r->uri, without_double_slashes(pool, r->uri)),
                    access->plain_url);
    }
    for (i = 0; i < server->sec_dir->nelts; i++) {
        section = ap_get_core_module_config(APR_ARRAY_IDX(server->sec_dir, i, ap_conf_vector_t *));
        add_section(access->directories, section,
                    directory_matches(pool, section, access->directory), access->directory);
    }
    return access;
}

static int matches_files(const dms_access_t *access, const char *name)
{
    const apr_array_header_t *files = access->core->sec_file;
    const core_dir_config *section;
    int i;

    for (i = 0; files && i < files->nelts; i++) {
        section = ap_get_core_module_config(APR_ARRAY_IDX(files, i, ap_conf_vector_t *));
        if (is_pattern(section) ? pattern_matches(section, name, 0) : !strcmp(section->d, name)) {
            return 1;
        }
    }
    return 0;
}

static int differs_by_path(const dms_access_t *access, const char *name)
{
    const char *url, *plain, *path;
    int i, differs = 0;

    if (!access->locations->nelts && !access->directories->nelts) {
        return 0;
    }
    url = apr_pstrcat(access->scratch, access->url, name, NULL);
    plain = apr_pstrcat(access->scratch, access->plain_url, name, NULL);
    path = apr_pstrcat(access->scratch, access->directory, name, "/", NULL);
    for (i = 0; i < access->locations->nelts && !differs; i++) {
        const section_t *kept = &APR_ARRAY_IDX(access->locations, i, section_t);

        differs = location_matches(kept->section, url, plain) != kept->matches_collection;
    }
    for (i = 0; i < access->directories->nelts && !differs; i++) {
        const section_t *kept = &APR_ARRAY_IDX(access->directories, i, section_t);

        differs = directory_matches(access->scratch, kept->section, path)
                  != kept->matches_collection;
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
           || matches_files(access, name) || differs_by_path(access, name);
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
    if (dms_is_hidden(member->name)) { /* no client's, and so nobody's to refuse */
        if (is_collection) {
            push_frame(tree, tree->r, path);
        }
        return APR_SUCCESS;
    }
    r = dms_access_ask(tree->r,
                       is_collection && !strcmp(tree->method, "GET") ? "PROPFIND" : tree->method,
                       apr_pstrcat(scratch, tree->uri, path, NULL));
    is_allowed = r->status == HTTP_OK
                 && dms_config_of(r)->provider == dms_config_of(tree->r)->provider;
    if (is_allowed && is_collection) {
        push_frame(tree, r, path);
    }
    else {
        ap_destroy_sub_req(r);
    }
    apr_pool_clear(scratch);
    return is_allowed ? APR_SUCCESS : EACCES;
}
