#include "acts/client.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_request.h>

#include "config/config.h"

/* Who the client is in places with certain directives. */
typedef struct identity_t identity_t;
struct identity_t {
    apr_uint64_t authentication; /* which directives (dms_config_t) */
    int status;                  /* OK, or with what it is turned away */
    char *user;
    char *auth_type;
    identity_t *next;
};

struct dms_client_t {
    request_rec *r;
    identity_t *identities;
    int count;
    /* Of the present question: */
    int is_new;    /* nobody has been asked by its directives before, ... */
    int is_let_in; /* ... and with success */
};

/* How many identities are remembered. */
#define IDENTITIES 256

/* --- sections --- */

/* Whether a module has a say in who a client is. */
static int authenticates(const module *m)
{
    const apr_array_header_t *hooks = ap_hook_get_check_user_id();
    int i;

    if (!strncmp(m->name, "mod_auth", 8) && strncmp(m->name, "mod_authz_", 10)) {
        return 1;
    }
    for (i = 0; hooks && i < hooks->nelts; i++) {
        if (!strcmp(APR_ARRAY_IDX(hooks, i, ap_LINK_check_user_id_t).szName, m->name)) {
            return m != &dav_multistatus_module;
        }
    }
    return 0;
}

static int has_authentication(const ap_conf_vector_t *section)
{
    const module *m;

    for (m = ap_top_module; section && m; m = m->next) {
        if (ap_get_module_config(section, m) && authenticates(m)) {
            return 1;
        }
    }
    return 0;
}

typedef struct marking_t {
    apr_pool_t *pool;
    apr_uint64_t last; /* number given */
} marking_t;

static void mark(marking_t *marking, ap_conf_vector_t *section)
{
    dms_config_t *config = ap_get_module_config(section, &dav_multistatus_module);

    if (!has_authentication(section)) {
        return;
    }
    if (!config) {
        config = dms_config_create(marking->pool, NULL);
        ap_set_module_config(section, &dav_multistatus_module, config);
    }
    if (!config->authentication) {
        config->authentication = ++marking->last;
    }
}

static void mark_all(marking_t *marking, const apr_array_header_t *sections);

/* The <Files> and <If> sections in a section. */
static void mark_inner(marking_t *marking, const ap_conf_vector_t *section)
{
    const core_dir_config *core = ap_get_core_module_config(section);

    mark_all(marking, core->sec_file);
    mark_all(marking, core->sec_if);
}

static void mark_all(marking_t *marking, const apr_array_header_t *sections)
{
    int i;

    for (i = 0; sections && i < sections->nelts; i++) {
        mark(marking, APR_ARRAY_IDX(sections, i, ap_conf_vector_t *));
        mark_inner(marking, APR_ARRAY_IDX(sections, i, ap_conf_vector_t *));
    }
}

void dms_client_mark_sections(apr_pool_t *pconf, server_rec *server)
{
    marking_t marking = {pconf, 0};

    for (; server; server = server->next) {
        const core_server_config *core = ap_get_core_module_config(server->module_config);

        mark_inner(&marking, server->lookup_defaults);
        mark_all(&marking, core->sec_url);
        mark_all(&marking, core->sec_dir);
    }
}

/* --- the client --- */

dms_client_t *dms_client_create(request_rec *r)
{
    dms_client_t *client = apr_pcalloc(r->pool, sizeof(*client));

    client->r = r;
    return client;
}

static void add_identity(dms_client_t *client, const request_rec *place, int status)
{
    identity_t *identity;

    if (client->count == IDENTITIES) {
        return;
    }
    identity = apr_pcalloc(client->r->pool, sizeof(*identity));
    identity->authentication = dms_config_of(place)->authentication;
    identity->status = status;
    identity->user = apr_pstrdup(client->r->pool, place->user);
    identity->auth_type = apr_pstrdup(client->r->pool, place->ap_auth_type);
    identity->next = client->identities;
    client->identities = identity;
    client->count++;
}

void dms_client_is_authentic(dms_client_t *client)
{
    add_identity(client, client->r, OK);
}

/* Whether .htaccess files have no other say in who the client is than they have for the request
 * itself, whose files all its questions know, behind those that they have found themselves. */
static int has_same_files(const dms_client_t *client, const request_rec *question)
{
    const struct htaccess_result *file;

    for (file = question->htaccess; file && file != client->r->htaccess; file = file->next) {
        if (has_authentication(file->htaccess)) {
            return 0;
        }
    }
    for (; file; file = file->next) {
        if (has_authentication(file->htaccess)
            && strncmp(file->dir, question->filename, strlen(file->dir))) {
            return 0;
        }
    }
    return 1;
}

int dms_client_recognise(dms_client_t *client, request_rec *question)
{
    apr_uint64_t authentication = dms_config_of(question)->authentication;
    const identity_t *known = client->identities;

    if (!has_same_files(client, question)) {
        return DECLINED;
    }
    while (known && known->authentication != authentication) {
        known = known->next;
    }
    if (!known) {
        client->is_new = 1;
        return DECLINED;
    }
    question->user = known->user;
    question->ap_auth_type = known->auth_type;
    return known->status;
}

void dms_client_let_in(dms_client_t *client)
{
    client->is_let_in = 1;
}

void dms_client_learn(dms_client_t *client, const request_rec *question)
{
    if (client->is_new && client->is_let_in) {
        add_identity(client, question, OK);
    }
    else if (client->is_new && question->status == HTTP_UNAUTHORIZED) {
        add_identity(client, question, HTTP_UNAUTHORIZED);
    }
    client->is_new = client->is_let_in = 0;
}
