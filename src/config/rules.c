#include "config/rules.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

#include "config/config.h"

APLOG_USE_MODULE(dav_multistatus);

/* The paths of inner, followed by those of outer. */
static const dms_rule_path_t *join(apr_pool_t *pool, const dms_rule_path_t *outer,
                                   const dms_rule_path_t *inner)
{
    const dms_rule_path_t *first = outer;

    for (; outer && inner; inner = inner->next) {
        dms_rule_path_t *copy = apr_pmemdup(pool, inner, sizeof(*inner));
        copy->next = first;
        first = copy;
    }
    return outer ? first : inner;
}

dms_rules_t dms_rules_merge(apr_pool_t *pool, const dms_rules_t *outer, const dms_rules_t *inner)
{
    dms_rules_t merged;

    merged.of_all = inner->of_all ? inner->of_all : outer->of_all;
    merged.paths = join(pool, outer->paths, inner->paths);
    merged.variables = outer->variables && inner->variables
                           ? apr_table_overlay(pool, inner->variables, outer->variables)
                       : inner->variables ? inner->variables
                                          : outer->variables;
    return merged;
}

static const dms_config_t *config_of(const ap_conf_vector_t *section)
{
    return ap_get_module_config(section, &dav_multistatus_module);
}

/* Finds, in sections of one kind, a rule where members would not be asked for without it, and
 * whether the module is On. */
static void look_at(const apr_array_header_t *sections, const char **rule, int *is_on)
{
    const dms_config_t *config;
    int i;

    for (i = 0; i < sections->nelts; i++) {
        config = config_of(APR_ARRAY_IDX(sections, i, ap_conf_vector_t *));
        if (config && !*rule && config->authz <= DMS_AUTHZ_AUTO) {
            *rule = config->rules.of_all;
        }
        *is_on |= config && config->provider;
    }
}

/* The first rule of a server where the module is On, or NULL. */
static const char *rule_of(const server_rec *server)
{
    const core_server_config *core = ap_get_core_module_config(server->module_config);
    const dms_config_t *defaults = config_of(server->lookup_defaults);
    const char *rule = defaults ? defaults->rules.of_all : NULL;
    int is_on = 0;

    look_at(core->sec_url, &rule, &is_on);
    look_at(core->sec_dir, &rule, &is_on);
    return is_on ? rule : NULL;
}

void dms_rules_tell(server_rec *server)
{
    const char *rule = NULL;
    server_rec *each;

    for (each = server; each && !rule; each = each->next) {
        rule = rule_of(each);
    }
    if (rule) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, server,
                     "%s may decide by the URL: where such a rule holds, DavMultistatusAuthz auto "
                     "asks for each member of a collection",
                     rule);
    }
}

/* What httpd says of a directive whose module is not there: nothing, in an .htaccess file that may
 * have such (AllowOverride Nonfatal=Unknown). */
static const char *find_module(cmd_parms *cmd)
{
    return ap_find_linked_module(cmd->info) || cmd->override & NONFATAL_UNKNOWN
               ? NULL
               : apr_psprintf(cmd->pool,
                              "Invalid command '%s', perhaps misspelled or defined by a module not "
                              "included in the server configuration",
                              cmd->cmd->name);
}

static const char *note(cmd_parms *cmd, void *config)
{
    dms_rules_t *rules = &((dms_config_t *)config)->rules;
    const char *complaint = find_module(cmd);

    if (!complaint && !rules->of_all) {
        rules->of_all = apr_psprintf(cmd->pool, "%s in %s:%d", cmd->cmd->name,
                                     cmd->directive->filename, cmd->directive->line_num);
    }
    return complaint;
}

static const char *note_path(cmd_parms *cmd, void *config, const char *path,
                             const ap_regex_t *pattern)
{
    dms_rules_t *rules = &((dms_config_t *)config)->rules;
    const char *complaint = find_module(cmd);
    dms_rule_path_t *rule;

    if (!complaint && (path || pattern)) {
        rule = apr_pcalloc(cmd->pool, sizeof(*rule));
        rule->path = path;
        rule->pattern = pattern;
        rule->next = rules->paths;
        rules->paths = rule;
    }
    return complaint;
}

/* word: NAME, or !NAME, and what is behind the separator. */
static void note_variable(cmd_parms *cmd, dms_rules_t *rules, const char *word, char separator)
{
    const char *name = ap_getword(cmd->pool, &word, separator);

    if (!rules->variables) {
        rules->variables = apr_table_make(cmd->pool, 2);
    }
    apr_table_setn(rules->variables, *name == '!' ? name + 1 : name, "");
}

/* [E=NAME:VALUE,...] */
static void note_flags(cmd_parms *cmd, dms_rules_t *rules, const char *flags)
{
    static const char separators[] = "[], \t";
    char *state, *flag = apr_strtok(apr_pstrdup(cmd->temp_pool, flags), separators, &state);

    for (; flag; flag = apr_strtok(NULL, separators, &state)) {
        if (!strncasecmp(flag, "E=", 2) || !strncasecmp(flag, "env=", 4)) {
            note_variable(cmd, rules, strchr(flag, '=') + 1, ':');
        }
    }
}

/* pattern substitution [flags] */
const char *dms_rules_rewrite(cmd_parms *cmd, void *config, const char *arguments)
{
    ap_getword_conf(cmd->temp_pool, &arguments);
    ap_getword_conf(cmd->temp_pool, &arguments);
    note_flags(cmd, &((dms_config_t *)config)->rules, ap_getword_conf(cmd->temp_pool, &arguments));
    return note(cmd, config);
}

const char *dms_rules_expression(cmd_parms *cmd, void *config, const char *arguments)
{
    return note(cmd, config);
}

/* [status] path [URL]; or, in a section, no path: then it is about the whole of that. */
const char *dms_rules_redirect(cmd_parms *cmd, void *config, const char *arguments)
{
    const char *path = ap_getword_conf(cmd->pool, &arguments);

    if (*path != '/') {
        path = ap_getword_conf(cmd->pool, &arguments);
    }
    return note_path(cmd, config, *path == '/' ? path : NULL, NULL);
}

static int is_status(const char *word)
{
    return apr_isdigit(*word) || !strcasecmp(word, "permanent") || !strcasecmp(word, "temp")
           || !strcasecmp(word, "seeother") || !strcasecmp(word, "gone");
}

const char *dms_rules_redirect_match(cmd_parms *cmd, void *config, const char *arguments)
{
    const char *pattern = ap_getword_conf(cmd->pool, &arguments);

    if (is_status(pattern)) {
        pattern = ap_getword_conf(cmd->pool, &arguments);
    }
    return note_path(cmd, config, NULL, ap_pregcomp(cmd->pool, pattern, AP_REG_EXTENDED));
}

/* path target, or in a section the target alone. */
const char *dms_rules_alias(cmd_parms *cmd, void *config, const char *arguments)
{
    return note_path(cmd, config, cmd->path ? NULL : ap_getword_conf(cmd->pool, &arguments), NULL);
}

const char *dms_rules_alias_match(cmd_parms *cmd, void *config, const char *arguments)
{
    const char *pattern = ap_getword_conf(cmd->pool, &arguments);

    return note_path(cmd, config, NULL,
                     cmd->path ? NULL : ap_pregcomp(cmd->pool, pattern, AP_REG_EXTENDED));
}

/* Whether what `Require` asks for is the same for all that the client may ask for. Of a provider
 * that is not known here nobody knows. */
static int is_of_client(apr_pool_t *pool, char *provider)
{
    static const char providers[] = " all ip host local forward-dns user valid-user group method "
                                    "dbd-group dbm-group ldap-user ldap-dn ldap-group "
                                    "ldap-attribute ldap-filter ldap-search ssl "
                                    "ssl-verify-client ";

    ap_str_tolower(provider);
    return strstr(providers, apr_pstrcat(pool, " ", provider, " ", NULL)) != NULL;
}

const char *dms_rules_require(cmd_parms *cmd, void *config, const char *arguments)
{
    const char *rest = arguments;
    char *provider = ap_getword_conf(cmd->pool, &rest);

    if (!strcasecmp(provider, "not")) {
        provider = ap_getword_conf(cmd->pool, &rest);
    }
    return is_of_client(cmd->pool, provider) && !strstr(rest, "%{") ? find_module(cmd)
                                                                    : note(cmd, config);
}

const char *dms_rules_allow(cmd_parms *cmd, void *config, const char *arguments)
{
    return ap_strcasestr(arguments, "env=") ? note(cmd, config) : find_module(cmd);
}

/* SetEnvIf attribute regex variable[=value] ..., SetEnvIfExpr expression variable[=value] ... The
 * attribute may be a variable, or what a question has of its own beside its URL; but the protocol
 * is that of the request which asks, and httpd does not tell it to a question. */
const char *dms_rules_variable(cmd_parms *cmd, void *config, const char *arguments)
{
    const char *attribute = ap_getword_conf(cmd->temp_pool, &arguments), *word;

    if (!strcasecmp(attribute, "Request_Protocol")) {
        return find_module(cmd);
    }
    if (strcasecmp(cmd->cmd->name, "SetEnvIfExpr")) {
        ap_getword_conf(cmd->temp_pool, &arguments);
    }
    while (*(word = ap_getword_conf(cmd->temp_pool, &arguments))) {
        note_variable(cmd, &((dms_config_t *)config)->rules, word, '=');
    }
    return find_module(cmd);
}
