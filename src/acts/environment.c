#include "acts/environment.h"

#include <apr_hooks.h>
#include <http_config.h>

#include "config/config.h"

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

/* A client's request has no user yet when mod_setenvif looks at it. */
static void set(request_rec *question)
{
    ap_HOOK_header_parser_t *hook = find_hook();
    char *user = question->user;

    if (hook) {
        question->user = NULL;
        hook(question);
        question->user = user;
    }
}

/* In the notes of a question whose variables are those of the server's directives. */
static const char has_begun[] = "dav-multistatus-environment";

void dms_environment_begin(request_rec *question)
{
    const apr_table_t *variables = dms_config_of(question->main)->rules.variables;

    if (variables) {
        apr_table_do(unset, question->subprocess_env, variables, NULL);
        apr_table_setn(question->notes, has_begun, "");
        set(question);
    }
}

void dms_environment_complete(request_rec *question)
{
    if (!apr_table_get(question->notes, has_begun)) { /* mod_proxy may have mapped it earlier */
        dms_environment_begin(question);
    }
    if (apr_table_get(question->notes, has_begun)) {
        set(question);
    }
    else if (dms_config_of(question)->rules.variables) {
        set(question);
        set(question);
    }
}
