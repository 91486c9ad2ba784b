#include "acts/environment.h"

#include <apr_hooks.h>
#include <http_config.h>

#include "config/rules.h"

/* mod_setenvif's hook, or NULL. It is called for a request twice: the first time it goes by the
 * server's directives, the second time by those of the sections. */
static ap_HOOK_header_parser_t *find_hook(void)
{
    const apr_array_header_t *hooks = ap_hook_get_header_parser();
    int i;

    for (i = 0; hooks && i < hooks->nelts; i++) {
        const ap_LINK_header_parser_t *hook = &APR_ARRAY_IDX(hooks, i, ap_LINK_header_parser_t);

        if (!strcmp(hook->szName, "mod_setenvif.c")) {
            return hook->pFunc;
        }
    }
    return NULL;
}

static int unset(void *environment, const char *name, const char *value)
{
    apr_table_unset(environment, name);
    return 1;
}

void dms_environment_renew(request_rec *question)
{
    const apr_table_t *variables = dms_rules_variables();
    ap_HOOK_header_parser_t *hook = variables ? find_hook() : NULL;

    if (hook) {
        apr_table_do(unset, question->subprocess_env, variables, NULL);
        hook(question);
        hook(question);
    }
}
