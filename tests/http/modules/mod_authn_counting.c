/*
 * For the tests: an authentication provider ("counting") that knows one password for all users,
 * which `CountingPassword` sets for a place, and adds a line to `CountingFile` each time it is
 * asked to check one.
 */
#include <httpd.h>

#include <ap_provider.h>
#include <http_config.h>
#include <http_request.h>
#include <mod_auth.h>

extern module AP_MODULE_DECLARE_DATA authn_counting_module;

static const char *counting_file;

static authn_status check_password(request_rec *r, const char *user, const char *password)
{
    const char **wanted = ap_get_module_config(r->per_dir_config, &authn_counting_module);
    apr_file_t *file;

    if (apr_file_open(&file, counting_file, APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_APPEND,
                      APR_FPROT_OS_DEFAULT, r->pool)
        == APR_SUCCESS) {
        apr_file_puts("checked\n", file);
        apr_file_close(file);
    }
    return *wanted && !strcmp(*wanted, password) ? AUTH_GRANTED : AUTH_DENIED;
}

static void *create(apr_pool_t *pool, char *section)
{
    return apr_pcalloc(pool, sizeof(const char *));
}

static const char *set_password(cmd_parms *cmd, void *config, const char *password)
{
    *(const char **)config = password;
    return NULL;
}

static const char *set_file(cmd_parms *cmd, void *config, const char *file)
{
    counting_file = file;
    return NULL;
}

static const command_rec directives[] = {
    AP_INIT_TAKE1("CountingPassword", set_password, NULL, OR_AUTHCFG, "the password"),
    AP_INIT_TAKE1("CountingFile", set_file, NULL, RSRC_CONF, "where checks are counted"),
    {NULL},
};

static void register_hooks(apr_pool_t *pool)
{
    static const authn_provider provider = {check_password, NULL};

    ap_register_auth_provider(pool, AUTHN_PROVIDER_GROUP, "counting", AUTHN_PROVIDER_VERSION,
                              &provider, AP_AUTH_INTERNAL_PER_CONF);
}

AP_DECLARE_MODULE(authn_counting) = {
    STANDARD20_MODULE_STUFF, create, NULL, NULL, NULL, directives, register_hooks,
    AP_MODULE_FLAG_NONE,
};
