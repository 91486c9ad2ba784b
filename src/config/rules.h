/*
 * Rules: directives of other modules by which httpd may let one member of a collection through and
 * not the next, though no section tells the two apart: a RewriteRule, a Redirect, a Require that
 * looks at the URL.
 *
 * httpd hands a directive to each module that has one of its name. So this module has these
 * directives, too, only to note, in its own configuration of the very section (or .htaccess file),
 * that they are there; what they mean stays the other module's. Where that is not loaded they are
 * the error that they would be without this one.
 */
#ifndef DMS_RULES_H
#define DMS_RULES_H

#include <httpd.h>

#include <http_config.h>

/* What a rule is about where that can be told: a URL with all below it, or a pattern. */
typedef struct dms_rule_path_t dms_rule_path_t;
struct dms_rule_path_t {
    const char *path; /* or NULL */
    const ap_regex_t *pattern;
    const dms_rule_path_t *next;
};

/* What holds in one place. */
typedef struct dms_rules_t {
    const char *of_all; /* "RewriteRule in FILE:LINE", that may be about any member; or NULL */
    const dms_rule_path_t *paths;
    apr_table_t *variables; /* that SetEnvIf, its kin or a RewriteRule may set; or NULL */
} dms_rules_t;

/* For the merging of sections: those of both. */
dms_rules_t dms_rules_merge(apr_pool_t *pool, const dms_rules_t *outer, const dms_rules_t *inner);

/* Logs that httpd is going to be asked for each member by DavMultistatusAuthz's default, if it is
 * on any server where the module is On; for post_config. */
void dms_rules_tell(server_rec *server);

/* The functions of the directives; cmd->info is the name of the module that they are of. */
const char *dms_rules_rewrite(cmd_parms *cmd, void *config, const char *arguments);
const char *dms_rules_expression(cmd_parms *cmd, void *config, const char *arguments);
const char *dms_rules_redirect(cmd_parms *cmd, void *config, const char *arguments);
const char *dms_rules_redirect_match(cmd_parms *cmd, void *config, const char *arguments);
const char *dms_rules_alias(cmd_parms *cmd, void *config, const char *arguments);
const char *dms_rules_alias_match(cmd_parms *cmd, void *config, const char *arguments);
const char *dms_rules_require(cmd_parms *cmd, void *config, const char *arguments);
const char *dms_rules_allow(cmd_parms *cmd, void *config, const char *arguments);
const char *dms_rules_variable(cmd_parms *cmd, void *config, const char *arguments);

#define DMS_RULE(name, function, module, where)                                                    \
    AP_INIT_RAW_ARGS(name, function, (void *)(module), where, "the directive of " module)

#define DMS_RULES                                                                                  \
    DMS_RULE("RewriteRule", dms_rules_rewrite, "mod_rewrite.c", OR_FILEINFO),                      \
        DMS_RULE("Redirect", dms_rules_redirect, "mod_alias.c", OR_FILEINFO),                      \
        DMS_RULE("RedirectTemp", dms_rules_redirect, "mod_alias.c", OR_FILEINFO),                  \
        DMS_RULE("RedirectPermanent", dms_rules_redirect, "mod_alias.c", OR_FILEINFO),             \
        DMS_RULE("RedirectMatch", dms_rules_redirect_match, "mod_alias.c", OR_FILEINFO),           \
        DMS_RULE("Alias", dms_rules_alias, "mod_alias.c", RSRC_CONF | ACCESS_CONF),                \
        DMS_RULE("ScriptAlias", dms_rules_alias, "mod_alias.c", RSRC_CONF | ACCESS_CONF),          \
        DMS_RULE("AliasMatch", dms_rules_alias_match, "mod_alias.c", RSRC_CONF),                   \
        DMS_RULE("ScriptAliasMatch", dms_rules_alias_match, "mod_alias.c", RSRC_CONF),             \
        DMS_RULE("ProxyPass", dms_rules_alias, "mod_proxy.c", RSRC_CONF | ACCESS_CONF),            \
        DMS_RULE("ProxyPassMatch", dms_rules_alias_match, "mod_proxy.c", RSRC_CONF | ACCESS_CONF), \
        DMS_RULE("Require", dms_rules_require, "mod_authz_core.c", OR_AUTHCFG),                    \
        DMS_RULE("SSLRequire", dms_rules_expression, "mod_ssl.c", OR_AUTHCFG),                     \
        DMS_RULE("Allow", dms_rules_allow, "mod_access_compat.c", OR_LIMIT),                       \
        DMS_RULE("Deny", dms_rules_allow, "mod_access_compat.c", OR_LIMIT),                        \
        DMS_RULE("SetEnvIf", dms_rules_variable, "mod_setenvif.c", OR_FILEINFO),                   \
        DMS_RULE("SetEnvIfNoCase", dms_rules_variable, "mod_setenvif.c", OR_FILEINFO),             \
        DMS_RULE("SetEnvIfExpr", dms_rules_variable, "mod_setenvif.c", OR_FILEINFO)

#endif
