#include "config/config.h"

#include <errno.h>

#include <ap_provider.h>
#include <apr_fnmatch.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "store/store.h"

#define UNSET (-1)

#define LOCK_TIMEOUT 600
#define LOCK_TIMEOUT_MAX 86400
#define MAX_LOCKS 1000
#define MAX_PROPERTIES 1000000
#define MAX_PROPERTY_BYTES (1024 * 1024 * 1024)

#define LITTER_DAYS 30
#define LITTER_DAYS_MAX 36500
#define LITTER_SIZE (256 * 1024 * 1024)

/* Whether a quota is set anywhere, and for how long litter is kept; as the place of the store,
 * below. */
static int has_quotas, litter_days;

void *dms_config_create(apr_pool_t *pool, char *section)
{
    dms_config_t *config = apr_pcalloc(pool, sizeof(*config));

    config->base = section;
    config->depth_infinity = UNSET;
    config->max_responses = UNSET;
    config->sync = UNSET;
    config->set_modified = UNSET;
    config->authz = DMS_AUTHZ_UNSET;
    config->show_forbidden = UNSET;
    config->access_files = UNSET;
    config->normalize_names = UNSET;
    config->litter = DMS_LITTER_UNSET;
    config->lock_timeout = UNSET;
    config->max_locks = UNSET;
    config->max_properties = UNSET;
    config->max_property_bytes = UNSET;
    return config;
}

/* A folder's quotas, and then those of the folders that it is in. */
static const dms_quota_t *append_quotas(apr_pool_t *pool, const dms_quota_t *inner,
                                        const dms_quota_t *outer)
{
    dms_quota_t *quota;

    if (!inner || !inner->size || !outer) {
        return inner ? inner : outer;
    }
    quota = apr_pmemdup(pool, inner, sizeof(*inner));
    quota->outer = append_quotas(pool, inner->outer, outer);
    return quota;
}

/* What a section does not say holds as in what it is in. */
#define INHERIT(unset, field)                                                                      \
    if (unset) {                                                                                   \
        merged->field = outer->field;                                                              \
    }

static void inherit_numbers(dms_config_t *merged, const dms_config_t *outer,
                            const dms_config_t *inner)
{
    INHERIT(inner->depth_infinity == UNSET, depth_infinity)
    INHERIT(inner->max_responses == UNSET, max_responses)
    INHERIT(inner->sync == UNSET, sync)
    INHERIT(inner->set_modified == UNSET, set_modified)
    INHERIT(inner->authz == DMS_AUTHZ_UNSET, authz)
    INHERIT(inner->show_forbidden == UNSET, show_forbidden)
    INHERIT(inner->access_files == UNSET, access_files)
    INHERIT(inner->normalize_names == UNSET, normalize_names)
    INHERIT(inner->litter == DMS_LITTER_UNSET, litter_size)
    INHERIT(inner->litter == DMS_LITTER_UNSET, litter)
    INHERIT(inner->lock_timeout == UNSET, lock_timeout_max)
    INHERIT(inner->lock_timeout == UNSET, lock_timeout)
    INHERIT(inner->max_locks == UNSET, max_locks)
    INHERIT(inner->max_properties == UNSET, max_properties)
    INHERIT(inner->max_property_bytes == UNSET, max_property_bytes)
}

static void inherit_pointers(dms_config_t *merged, const dms_config_t *outer,
                             const dms_config_t *inner)
{
    INHERIT(!inner->provider_name, provider_name)
    INHERIT(!inner->provider_name, provider)
    INHERIT(!inner->provider_name, base)
    INHERIT(!inner->origins, origins)
    INHERIT(!inner->has_breakers, breakers)
    INHERIT(!inner->has_breakers, has_breakers)
    INHERIT(!inner->reverse, reverse)
}
#undef INHERIT

void *dms_config_merge(apr_pool_t *pool, void *outer_config, void *inner_config)
{
    const dms_config_t *outer = outer_config, *inner = inner_config;
    dms_config_t *merged = apr_pmemdup(pool, inner, sizeof(*inner));

    inherit_numbers(merged, outer, inner);
    inherit_pointers(merged, outer, inner);
    merged->quota = append_quotas(pool, inner->quota, outer->quota);
    merged->rules = dms_rules_merge(pool, &outer->rules, &inner->rules);
    if (outer->authentication) {
        merged->authentication = inner->authentication ? apr_pstrcat(pool, outer->authentication,
                                                                     inner->authentication, NULL)
                                                       : outer->authentication;
    }
    return merged;
}

int dms_config_depth_infinity(const dms_config_t *config)
{
    return config->depth_infinity != 0;
}

apr_uint64_t dms_config_max_responses(const dms_config_t *config)
{
    return config->max_responses == UNSET ? 0 : (apr_uint64_t)config->max_responses;
}

int dms_config_sync(const dms_config_t *config)
{
    return config->sync != 0;
}

int dms_config_set_modified(const dms_config_t *config)
{
    return config->set_modified == 1;
}

dms_authz_e dms_config_authz(const dms_config_t *config)
{
    if (config->authz == DMS_AUTHZ_EACH || config->authz == DMS_AUTHZ_OFF) {
        return config->authz;
    }
    return config->rules.of_all ? DMS_AUTHZ_EACH : DMS_AUTHZ_AUTO;
}

int dms_config_show_forbidden(const dms_config_t *config)
{
    return config->show_forbidden == 1;
}

int dms_config_access_files(const dms_config_t *config)
{
    return config->access_files == 1;
}

int dms_config_normalizes_names(const dms_config_t *config)
{
    return config->normalize_names == 1;
}

dms_litter_e dms_config_litter(const dms_config_t *config)
{
    return config->litter == DMS_LITTER_UNSET ? DMS_LITTER_KEEP : config->litter;
}

int dms_config_litter_days(void)
{
    return litter_days;
}

const char *dms_config_origin(const dms_config_t *config, const char *origin)
{
    const char *found = NULL;
    int i;

    for (i = 0; config->origins && i < config->origins->nelts; i++) {
        const char *allowed = APR_ARRAY_IDX(config->origins, i, const char *);

        if (!strcmp(allowed, origin)) {
            return allowed;
        }
        found = strcmp(allowed, "*") ? found : allowed;
    }
    return found;
}

apr_int64_t dms_config_lock_timeout(const dms_config_t *config)
{
    return config->lock_timeout == UNSET ? LOCK_TIMEOUT : config->lock_timeout;
}

apr_int64_t dms_config_lock_timeout_max(const dms_config_t *config)
{
    return config->lock_timeout == UNSET ? LOCK_TIMEOUT_MAX : config->lock_timeout_max;
}

static apr_int64_t limit(apr_int64_t value, apr_int64_t fallback)
{
    return value == UNSET ? fallback : value ? value : APR_INT64_MAX;
}

apr_int64_t dms_config_max_locks(const dms_config_t *config)
{
    return limit(config->max_locks, MAX_LOCKS);
}

apr_int64_t dms_config_max_properties(const dms_config_t *config)
{
    return limit(config->max_properties, MAX_PROPERTIES);
}

apr_int64_t dms_config_max_property_bytes(const dms_config_t *config)
{
    return limit(config->max_property_bytes, MAX_PROPERTY_BYTES);
}

const dms_quota_t *dms_config_quota(const dms_config_t *config)
{
    return config->quota && config->quota->size ? config->quota : NULL;
}

int dms_config_has_same_quota(const dms_config_t *one, const dms_config_t *other)
{
    const dms_quota_t *a = dms_config_quota(one), *b = dms_config_quota(other);

    for (; a && b && a->base == b->base && a->size == b->size; a = a->outer, b = b->outer) {
    }
    return !a && !b;
}

int dms_config_has_quotas(void)
{
    return has_quotas;
}

static int is_quota_folder(const dms_quota_t *quota, const char *path, apr_pool_t *pool)
{
    if (quota->pattern) {
        return !ap_regexec(quota->pattern, path, 0, NULL, 0)
               || !ap_regexec(quota->pattern, apr_pstrcat(pool, path, "/", NULL), 0, NULL, 0);
    }
    return apr_fnmatch(quota->base, path, APR_FNM_PATHNAME) == APR_SUCCESS
           || apr_fnmatch(quota->base, apr_pstrcat(pool, path, "/", NULL), APR_FNM_PATHNAME)
                  == APR_SUCCESS;
}

apr_size_t dms_config_quota_base(const dms_quota_t *quota, const char *path, apr_pool_t *pool)
{
    apr_size_t length = quota->pattern || quota->has_wildcard ? 0 : strlen(quota->base);
    apr_size_t all = strlen(path);

    if (length) {
        return quota->base[length - 1] == '/' ? length - 1 : length;
    }
    do { /* the shortest path that the pattern matches */
        length += path[length] == '/';
        length += strcspn(path + length, "/");
    } while (length < all && !is_quota_folder(quota, apr_pstrmemdup(pool, path, length), pool));
    return length;
}

const dms_reverse_t *dms_config_reverse(const dms_config_t *config)
{
    return config->reverse && config->reverse->is_on ? config->reverse : NULL;
}

const dms_config_t *dms_config_of(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &dav_multistatus_module);
}

int dms_config_is_on(const dms_config_t *config)
{
    return config->provider_name && *config->provider_name;
}

/* The section for a place that a directive stands in, or NULL. */
static const ap_directive_t *place_of(const cmd_parms *cmd)
{
    const ap_directive_t *section = cmd->directive->parent;

    while (section && strncasecmp(section->directive, "<Location", 9) != 0
           && strncasecmp(section->directive, "<Directory", 10) != 0) {
        section = section->parent;
    }
    return section;
}

static int is_in_location(const cmd_parms *cmd)
{
    const ap_directive_t *section = place_of(cmd);

    return section && !strncasecmp(section->directive, "<Location", 9);
}

/* A directive for a place. In <Files> or <If> it would hold for some members, or requests, and not
 * for the folder that they are in, or what else they ask for. */
static const char *check_place(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, NOT_IN_FILES);
}

static const char *belongs_elsewhere(cmd_parms *cmd)
{
    return apr_pstrcat(cmd->pool, cmd->cmd->name,
                       " belongs into a <Location> or <Directory> section", NULL);
}

static const char *set_provider(cmd_parms *cmd, void *baton, const char *name)
{
    dms_config_t *config = baton;
    const char *error = check_place(cmd);

    if (error) {
        return error;
    }
    if (!strcasecmp(name, "off")) {
        config->provider_name = "";
        return NULL;
    }
    if (!config->base) {
        return belongs_elsewhere(cmd);
    }
    config->provider_name = !strcasecmp(name, "on") ? "fs" : name;
    config->provider = ap_lookup_provider(DMS_PROVIDER_GROUP, config->provider_name,
                                          DMS_PROVIDER_VERSION);
    if (!config->provider) {
        return apr_psprintf(cmd->pool,
                            "%s: no provider is named '%s': On, Off, or a name that a "
                            "module registers",
                            cmd->cmd->name, name);
    }
    if (config->provider->is_virtual && !is_in_location(cmd)) {
        return apr_psprintf(cmd->pool, "%s %s belongs into a <Location>: it is no folder's",
                            cmd->cmd->name, name);
    }
    return NULL;
}

static int read_number(const char *number, apr_int64_t *value)
{
    char *end;

    errno = 0;
    *value = apr_strtoi64(number, &end, 10);
    return !errno && end != number && !*end && *value >= 0;
}

/* For all directives that are On or Off: cmd->info tells where in the record that is kept. */
static const char *set_flag(cmd_parms *cmd, void *baton, int on)
{
    const char *error = check_place(cmd);

    return error ? error : ap_set_flag_slot(cmd, baton, on);
}

/* For all directives that set a limit: likewise. */
static const char *set_limit(cmd_parms *cmd, void *baton, const char *number)
{
    apr_int64_t *value = (apr_int64_t *)(void *)((char *)baton + (apr_size_t)cmd->info);
    const char *error = check_place(cmd);

    if (error) {
        return error;
    }
    if (!read_number(number, value)) {
        return apr_psprintf(cmd->pool, "%s takes a number, or 0 for no limit, not '%s'",
                            cmd->cmd->name, number);
    }
    return NULL;
}

static const char *set_authz(cmd_parms *cmd, void *baton, const char *which)
{
    dms_config_t *config = baton;
    const char *error = check_place(cmd);

    if (error) {
        return error;
    }
    if (!strcasecmp(which, "auto")) {
        config->authz = DMS_AUTHZ_AUTO;
    }
    else if (!strcasecmp(which, "each")) {
        config->authz = DMS_AUTHZ_EACH;
    }
    else if (!strcasecmp(which, "off")) {
        config->authz = DMS_AUTHZ_OFF;
    }
    else {
        return apr_psprintf(cmd->pool, "%s takes auto, each or off, not '%s'", cmd->cmd->name,
                            which);
    }
    return NULL;
}

/* It is needed before a URL is mapped to a file: in other sections it would have no effect. */
static const char *set_names(cmd_parms *cmd, void *baton, const char *which)
{
    dms_config_t *config = baton;
    const char *error = ap_check_cmd_context(cmd, NOT_IN_DIRECTORY | NOT_IN_FILES);

    if (error) {
        return error;
    }
    config->normalize_names = !strcasecmp(which, "normalize");
    if (!config->normalize_names && strcasecmp(which, "exact") != 0) {
        return apr_psprintf(cmd->pool, "%s takes exact or normalize, not '%s'", cmd->cmd->name,
                            which);
    }
#ifndef DMS_UTF8PROC
    if (config->normalize_names) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name,
                           " normalize: this module was built without utf8proc", NULL);
    }
#endif
    return NULL;
}

static const char *set_lock_timeout(cmd_parms *cmd, void *baton, const char *usual,
                                    const char *most)
{
    dms_config_t *config = baton;
    const char *error = check_place(cmd);

    if (error) {
        return error;
    }
    config->lock_timeout_max = LOCK_TIMEOUT_MAX;
    if (!read_number(usual, &config->lock_timeout)
        || (most && !read_number(most, &config->lock_timeout_max))) {
        return apr_psprintf(cmd->pool, "%s takes one or two numbers of seconds, 0 for no end",
                            cmd->cmd->name);
    }
    if (!most && config->lock_timeout > config->lock_timeout_max) {
        config->lock_timeout_max = config->lock_timeout;
    }
    if (config->lock_timeout_max
        && (!config->lock_timeout || config->lock_timeout > config->lock_timeout_max)) {
        return apr_psprintf(cmd->pool, "%s: the default is longer than the maximum",
                            cmd->cmd->name);
    }
    return NULL;
}

/* A number of bytes, perhaps with a letter; None is 0. */
static int read_size(const char *word, apr_int64_t *size)
{
    static const char letters[] = "KMGT";
    const char *letter;
    char *end;

    if (!strcasecmp(word, "none")) {
        *size = 0;
        return 1;
    }
    errno = 0;
    *size = apr_strtoi64(word, &end, 10);
    if (errno || end == word || *size < 0) {
        return 0;
    }
    for (letter = *end ? strchr(letters, apr_toupper(*end)) : NULL; letter && letter >= letters;
         letter--) {
        if (*size > APR_INT64_MAX / 1024) {
            return 0;
        }
        *size *= 1024;
    }
    return !*end || (strchr(letters, apr_toupper(*end)) && !end[1]);
}

static int read_litter(const char *word, dms_litter_e *litter)
{
    *litter = !strcasecmp(word, "keep")     ? DMS_LITTER_KEEP
              : !strcasecmp(word, "refuse") ? DMS_LITTER_REFUSE
                                            : DMS_LITTER_APART;
    return *litter != DMS_LITTER_APART || !strcasecmp(word, "apart");
}

static const char *set_litter(cmd_parms *cmd, void *baton, const char *what, const char *days,
                              const char *size)
{
    dms_config_t *config = baton;
    apr_int64_t time = LITTER_DAYS;
    const char *error = check_place(cmd);

    if (error) {
        return error;
    }
    config->litter_size = LITTER_SIZE;
    if (!read_litter(what, &config->litter)
        || (days && (config->litter != DMS_LITTER_APART || !read_number(days, &time)))
        || (size && !read_size(size, &config->litter_size)) || !config->litter_size || !time
        || time > LITTER_DAYS_MAX) {
        return apr_psprintf(cmd->pool,
                            "%s takes keep, refuse, or apart, which may be followed by a number of "
                            "days, up to %d, and one of bytes, as 500000 or 20M",
                            cmd->cmd->name, LITTER_DAYS_MAX);
    }
    if (config->litter == DMS_LITTER_APART) {
        has_quotas = 1; /* by which the bytes are counted */
        litter_days = time > litter_days ? (int)time : litter_days;
    }
    return NULL;
}

static int is_regex(const ap_directive_t *section)
{
    apr_size_t length = strlen(section->directive);

    return (length > 5 && !strcasecmp(section->directive + length - 5, "Match"))
           || (section->args && section->args[strspn(section->args, " \t")] == '~');
}

static const char *set_quota(cmd_parms *cmd, void *baton, const char *size)
{
    dms_config_t *config = baton;
    dms_quota_t *quota = apr_pcalloc(cmd->pool, sizeof(*quota));
    const ap_directive_t *section = place_of(cmd);
    const char *error = check_place(cmd);

    if (error) {
        return error;
    }
    if (!section || !config->base) {
        return belongs_elsewhere(cmd);
    }
    if (!read_size(size, &quota->size) || (!quota->size && strcasecmp(size, "none") != 0)) {
        return apr_psprintf(cmd->pool,
                            "%s takes a number of bytes, as 500000 or 20G (K, M, G, T), or None, "
                            "not '%s'",
                            cmd->cmd->name, size);
    }
    quota->is_url = is_in_location(cmd);
    quota->base = config->base;
    if (is_regex(section)) {
        quota->pattern = ap_pregcomp(cmd->pool, config->base, AP_REG_EXTENDED);
    }
    else {
        quota->has_wildcard = apr_fnmatch_test(config->base);
    }
    config->quota = quota;
    has_quotas |= quota->size != 0;
    return NULL;
}

static const char *set_unlock_any(cmd_parms *cmd, void *baton, const char *arguments)
{
    dms_config_t *config = baton;
    dms_breaker_t *breaker = apr_pcalloc(cmd->pool, sizeof(*breaker));
    const char *complaint = NULL;
    const char *error = check_place(cmd);

    if (error) {
        return error;
    }
    config->has_breakers = 1;
    breaker->name = ap_getword_conf(cmd->pool, &arguments);
    if (!strcasecmp(breaker->name, "off")) {
        config->breakers = NULL;
        return *arguments ? apr_pstrcat(cmd->pool, cmd->cmd->name, ": Off stands alone", NULL)
                          : NULL;
    }
    breaker->provider = ap_lookup_provider(AUTHZ_PROVIDER_GROUP, breaker->name,
                                           AUTHZ_PROVIDER_VERSION);
    if (!breaker->provider) {
        return apr_psprintf(cmd->pool,
                            "%s takes Off, or what stands in a Require, as `user jane`, not '%s'",
                            cmd->cmd->name, breaker->name);
    }
    breaker->arguments = arguments;
    breaker->next = config->breakers;
    config->breakers = breaker;
    if (breaker->provider->parse_require_line) {
        complaint = breaker->provider->parse_require_line(cmd, arguments, &breaker->parsed);
    }
    return complaint ? apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", complaint, NULL) : NULL;
}

/* Where the last DavMultistatusReverse that is on stands, or NULL. */
static const char *reverse_place;

static const char *set_reverse(cmd_parms *cmd, void *baton, const char *public_path,
                               const char *backend_url)
{
    dms_config_t *config = baton;
    dms_reverse_t *reverse = apr_pcalloc(cmd->pool, sizeof(*reverse));
    const char *complaint;
    const char *error = check_place(cmd);

    if (error) {
        return error;
    }
    config->reverse = reverse;
    if (!backend_url) {
        return strcasecmp(public_path, "off") != 0
                   ? apr_pstrcat(cmd->pool, cmd->cmd->name, " takes a path and a URL, or Off", NULL)
                   : NULL;
    }
    reverse->is_on = 1;
    reverse_place = apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename,
                                 cmd->directive->line_num);
    complaint = dms_mapping_parse(cmd->pool, public_path, backend_url, &reverse->public_side,
                                  &reverse->backend_side);
    return complaint ? apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", complaint, NULL) : NULL;
}

static int ends_with(const char *text, const char *end)
{
    apr_size_t length = strlen(text), end_length = strlen(end);

    return length >= end_length && !strcmp(text + length - end_length, end);
}

/* As a browser writes it in Origin: in lower case, without a path, and without its scheme's own
 * port. */
static int is_origin(const char *word)
{
    const char *host = strstr(word, "://"), *c;

    for (c = word; *c; c++) {
        if (apr_isupper(*c) || apr_isspace(*c) || *c == ',' || *c == '*') {
            return 0;
        }
    }
    return host && host != word && host[3] && !strpbrk(host + 3, "/?#@")
           && !ends_with(word, strncmp(word, "https:", 6) ? ":80" : ":443");
}

static const char *add_origin(cmd_parms *cmd, void *baton, const char *word)
{
    dms_config_t *config = baton;
    int is_alone = !strcasecmp(word, "none") || !strcmp(word, "*");
    apr_array_header_t *origins = config->origins;
    const char *error = check_place(cmd);

    if (error) {
        return error;
    }
    if (!origins) {
        config->origins = origins = apr_array_make(cmd->pool, 2, sizeof(const char *));
    }
    if (config->has_lone_origin || (is_alone && origins->nelts)) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, ": '*' and None stand alone", NULL);
    }
    config->has_lone_origin = is_alone;
    if (!strcasecmp(word, "none")) {
        return NULL;
    }
    if (!is_alone && !is_origin(word)) {
        return apr_psprintf(cmd->pool,
                            "%s takes origins such as https://www.example.org:8443, '*', or None, "
                            "not '%s'",
                            cmd->cmd->name, word);
    }
    APR_ARRAY_PUSH(config->origins, const char *) = word;
    return NULL;
}

/* The Makefile says where; see DavMultistatusStore in the manual. */
#ifndef DMS_STATE_DIR
#define DMS_STATE_DIR "/var/lib/mod_dav_multistatus"
#endif

/* Written while the configuration is read, by one thread; constant afterwards. */
static dms_store_place_t store_place;

void dms_config_reset(void)
{
    has_quotas = 0;
    litter_days = 0;
    reverse_place = NULL;
    store_place.driver = "sqlite3";
    store_place.params = DMS_STATE_DIR "/store.db";
    store_place.patience = DMS_STORE_PATIENCE;
}

const char *dms_config_reverse_place(void)
{
    return reverse_place;
}

const dms_store_place_t *dms_config_store(void)
{
    return &store_place;
}

/* How long a write may wait at the most, in seconds: an hour. */
#define PATIENCE_MAX 3600

static const char *set_store(cmd_parms *cmd, void *baton, const char *driver, const char *file,
                             const char *patience)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    apr_int64_t seconds = apr_time_sec(DMS_STORE_PATIENCE);

    if (error) {
        return error;
    }
    if (strcmp(driver, "sqlite3")) {
        return apr_psprintf(cmd->pool, "%s: '%s' is no kind of store: sqlite3 is", cmd->cmd->name,
                            driver);
    }
    if (patience && (!read_number(patience, &seconds) || !seconds || seconds > PATIENCE_MAX)) {
        return apr_psprintf(cmd->pool, "%s: '%s' is no number of seconds from 1 to %d",
                            cmd->cmd->name, patience, PATIENCE_MAX);
    }
    store_place.params = *file ? ap_server_root_relative(cmd->pool, file) : NULL;
    if (!store_place.params) {
        return apr_psprintf(cmd->pool, "%s: '%s' is no path of a file", cmd->cmd->name, file);
    }
    store_place.patience = apr_time_from_sec(seconds);
    return NULL;
}

#define FIELD(member) ((void *)APR_OFFSETOF(dms_config_t, member))

const command_rec dms_config_directives[] = {
    AP_INIT_TAKE1("DavMultistatus", set_provider, NULL, ACCESS_CONF,
                  "On, Off, or the name of a repository provider"),
    AP_INIT_FLAG("DavMultistatusAccessFiles", set_flag, FIELD(access_files), ACCESS_CONF,
                 "whether clients may write .htaccess, or what AccessFileName calls it"),
    AP_INIT_TAKE1("DavMultistatusAuthz", set_authz, NULL, ACCESS_CONF,
                  "auto, each or off: which members of a collection httpd is asked about"),
    AP_INIT_FLAG("DavMultistatusShowForbidden", set_flag, FIELD(show_forbidden), ACCESS_CONF,
                 "whether a listing shows the names of members that are forbidden"),
    AP_INIT_FLAG("DavMultistatusDepthInfinity", set_flag, FIELD(depth_infinity), ACCESS_CONF,
                 "whether a PROPFIND may have Depth: infinity"),
    AP_INIT_TAKE1("DavMultistatusMaxLocks", set_limit, FIELD(max_locks), ACCESS_CONF,
                  "how many locks a user may hold; 0 for no limit"),
    AP_INIT_TAKE1("DavMultistatusMaxProperties", set_limit, FIELD(max_properties), ACCESS_CONF,
                  "how many properties the members of a folder may have; 0 for no limit"),
    AP_INIT_TAKE1("DavMultistatusMaxPropertyBytes", set_limit, FIELD(max_property_bytes),
                  ACCESS_CONF, "how many bytes of properties a user may keep; 0 for no limit"),
    AP_INIT_TAKE1("DavMultistatusMaxResponses", set_limit, FIELD(max_responses), ACCESS_CONF,
                  "how many resources one answer tells of at the most; 0 for no limit"),
    AP_INIT_FLAG("DavMultistatusSync", set_flag, FIELD(sync), ACCESS_CONF,
                 "whether what is written is on the disk before the answer is sent"),
    AP_INIT_FLAG("DavMultistatusSetModified", set_flag, FIELD(set_modified), ACCESS_CONF,
                 "whether a PROPPATCH of getlastmodified sets a resource's modification time"),
    AP_INIT_TAKE1("DavMultistatusNames", set_names, NULL, ACCESS_CONF,
                  "exact or normalize: whether a name is looked for in its other normal form"),
    AP_INIT_TAKE123(
        "DavMultistatusLitter", set_litter, NULL, ACCESS_CONF,
        "keep, refuse or apart: what becomes of ._*, .DS_Store, Thumbs.db and the like; "
        "after how many days they go, and how many bytes a user may have of them"),
    AP_INIT_TAKE12("DavMultistatusLockTimeout", set_lock_timeout, NULL, ACCESS_CONF,
                   "how many seconds a lock lives where its owner doesn't say, and at the most"),
    AP_INIT_ITERATE("DavMultistatusAllowOrigin", add_origin, NULL, ACCESS_CONF,
                    "the origins of which a browser's pages may come, '*' for all, or None"),
    AP_INIT_TAKE1(
        "DavMultistatusQuota", set_quota, NULL, ACCESS_CONF,
        "how many bytes the files in this folder may have: a number, with K, M, G or T, or "
        "None"),
    AP_INIT_TAKE12("DavMultistatusReverse", set_reverse, NULL, ACCESS_CONF,
                   "the path that clients see, and the URL that a proxied WebDAV server sees"),
    AP_INIT_RAW_ARGS("DavMultistatusUnlockAny", set_unlock_any, NULL, ACCESS_CONF,
                     "who may remove others' locks, as in a Require; or Off"),
    AP_INIT_TAKE23("DavMultistatusStore", set_store, NULL, RSRC_CONF,
                   "sqlite3, the file where properties and locks are kept, and how many seconds a "
                   "write waits for its turn"),
    DMS_RULES,
    {.name = NULL},
};
