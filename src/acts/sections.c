#include "acts/sections.h"

#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <http_core.h>

#include "config/config.h"

static int is_pattern(const core_dir_config *section)
{
    return section->r || section->d_is_fnmatch;
}

/* A <Location> or <Directory> that could treat a member unlike its collection. */
typedef struct section_t {
    const core_dir_config *section;
    int matches_collection;
} section_t;

struct dms_sections_t {
    dms_authz_e authz;
    const core_dir_config *core;
    const char *url;       /* of the collection: not escaped, with a slash at its end */
    const char *plain_url; /* the same without double slashes, as <Location> takes it */
    const char *directory; /* in the file system, with a slash at its end */
    apr_array_header_t *locations;
    apr_array_header_t *directories;
    apr_array_header_t
        *rules; /* const dms_rule_path_t *: those that could be about a member alone */
    apr_pool_t *scratch;
};

int dms_sections_may_name_a_file(const request_rec *r)
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

static int pattern_matches(const core_dir_config *section, const char *text, int flags)
{
    return section->r ? ap_regexec(section->r, text, 0, NULL, 0) == 0
                      : apr_fnmatch(section->d, text, flags) == APR_SUCCESS;
}

/* Whether a path is another, or one above it. */
static int path_covers(const char *outer, const char *path)
{
    apr_size_t length = strlen(outer);

    return !strncmp(outer, path, length)
           && (!length || outer[length - 1] == '/' || !path[length] || path[length] == '/');
}

/* As httpd's location walk: a <LocationMatch> sees double slashes, a <Location> does not. */
static int location_matches(const core_dir_config *section, const char *url, const char *plain)
{
    if (section->r) {
        return pattern_matches(section, url, 0);
    }
    return section->d_is_fnmatch ? pattern_matches(section, plain, APR_FNM_PATHNAME)
                                 : path_covers(section->d, plain);
}

/* path ends in a slash, as the path of each <Directory> does; one may name a file all the same. */
static int directory_matches(apr_pool_t *pool, const core_dir_config *section, const char *path)
{
    if (!is_pattern(section)) {
        return path_covers(section->d, path);
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

/* As add_section() of those with a path. */
static void add_rules(dms_sections_t *sections, const dms_rule_path_t *rule)
{
    apr_size_t length = strlen(sections->plain_url);

    for (; rule; rule = rule->next) {
        if (rule->pattern
            || (!strncmp(rule->path, sections->plain_url, length) && rule->path[length])) {
            APR_ARRAY_PUSH(sections->rules, const dms_rule_path_t *) = rule;
        }
    }
}

dms_sections_t *dms_sections_create(apr_pool_t *pool, request_rec *r)
{
    const core_server_config *server = ap_get_core_module_config(r->server->module_config);
    dms_sections_t *sections = apr_pcalloc(pool, sizeof(*sections));
    const core_dir_config *section;
    int i;

    sections->authz = dms_config_authz(dms_config_of(r));
    sections->core = ap_get_core_module_config(r->per_dir_config);
    sections->url = with_slash(pool, r->uri);
    sections->plain_url = without_double_slashes(pool, sections->url);
    sections->directory = with_slash(pool, r->filename);
    sections->locations = apr_array_make(pool, 4, sizeof(section_t));
    sections->directories = apr_array_make(pool, 4, sizeof(section_t));
    sections->rules = apr_array_make(pool, 4, sizeof(const dms_rule_path_t *));
    add_rules(sections, dms_config_of(r)->rules.paths);
    apr_pool_create(&sections->scratch, pool);
    for (i = 0; i < server->sec_url->nelts; i++) {
        section = ap_get_core_module_config(APR_ARRAY_IDX(server->sec_url, i, ap_conf_vector_t *));
        add_section(sections->locations, section,
                    location_matches(section, r->uri, without_double_slashes(pool, r->uri)),
                    sections->plain_url);
    }
    for (i = 0; i < server->sec_dir->nelts; i++) {
        section = ap_get_core_module_config(APR_ARRAY_IDX(server->sec_dir, i, ap_conf_vector_t *));
        add_section(sections->directories, section,
                    directory_matches(pool, section, sections->directory), sections->directory);
    }
    return sections;
}

static int matches_files(const dms_sections_t *sections, const char *name)
{
    const apr_array_header_t *files = sections->core->sec_file;
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

/* Whether a rule is about a member and not about its collection as a whole. */
static int matches_rule(const dms_sections_t *sections, const char *url, const char *plain)
{
    const dms_rule_path_t *rule;
    int i;

    for (i = 0; i < sections->rules->nelts; i++) {
        rule = APR_ARRAY_IDX(sections->rules, i, const dms_rule_path_t *);
        if (rule->pattern ? !ap_regexec(rule->pattern, url, 0, NULL, 0)
                          : path_covers(rule->path, plain)) {
            return 1;
        }
    }
    return 0;
}

static int differs_by_path(const dms_sections_t *sections, const char *name)
{
    const char *url, *plain, *path;
    int i, differs;

    if (!sections->locations->nelts && !sections->directories->nelts && !sections->rules->nelts) {
        return 0;
    }
    url = apr_pstrcat(sections->scratch, sections->url, name, NULL);
    plain = apr_pstrcat(sections->scratch, sections->plain_url, name, NULL);
    path = apr_pstrcat(sections->scratch, sections->directory, name, "/", NULL);
    differs = matches_rule(sections, url, plain);
    for (i = 0; i < sections->locations->nelts && !differs; i++) {
        const section_t *kept = &APR_ARRAY_IDX(sections->locations, i, section_t);

        differs = location_matches(kept->section, url, plain) != kept->matches_collection;
    }
    for (i = 0; i < sections->directories->nelts && !differs; i++) {
        const section_t *kept = &APR_ARRAY_IDX(sections->directories, i, section_t);

        differs = directory_matches(sections->scratch, kept->section, path)
                  != kept->matches_collection;
    }
    apr_pool_clear(sections->scratch);
    return differs;
}

int dms_sections_single_out(const dms_sections_t *sections, const char *name, int is_collection)
{
    if (sections->authz != DMS_AUTHZ_AUTO) {
        return sections->authz == DMS_AUTHZ_EACH;
    }
    return is_collection || (sections->core->sec_if && sections->core->sec_if->nelts)
           || matches_files(sections, name) || differs_by_path(sections, name);
}
