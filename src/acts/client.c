#include "acts/client.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_request.h>

#include "config/config.h"

/* Who the client is in places with certain directives. */
typedef struct identity_t identity_t;
struct identity_t {
    const char *authentication; /* which directives (dms_config_t), ... */
    const char *type;           /* ... and what they come to: AuthType, ... */
    const char *name;           /* ... and AuthName, which may be expressions */
    int status;                 /* OK, or with what it is turned away */
    char *user;
    char *auth_type;
    identity_t *next;
};

struct dms_client_t {
    request_rec *r;
    identity_t *identities;
    int count;
    const request_rec
        *question; /* that is being authenticated, by directives that are new; or NULL */
};

/* How many identities are remembered. */
#define IDENTITIES 256

/* --- sections --- */

/* Whether a module's directives may say who a client is. Of most modules nobody knows. */
static int authenticates(const module *m)
{
    static const char *const others[] = {
        "core.c",        "mod_mime.c",   "mod_dir.c",     "mod_autoindex.c", "mod_negotiation.c",
        "mod_dav.c",     "mod_dav_fs.c", "mod_deflate.c", "mod_filter.c",    "mod_headers.c",
        "mod_expires.c",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (!strcmp(m->name, others[i])) {
            return 0;
        }
    }
    return m != &dav_multistatus_module && strncmp(m->name, "mod_authz_", 10) != 0;
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
    int last; /* number given */
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
        config->authentication = apr_psprintf(marking->pool, "%d,", ++marking->last);
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

static const char *directives_of(const request_rec *place)
{
    const char *numbers = dms_config_of(place)->authentication;

    return numbers ? numbers : "";
}

/* AuthType or AuthName, "" where there is none. */
static const char *name_of(const char *name)
{
    return name ? name : "";
}

static void add_identity(dms_client_t *client, request_rec *place, int status)
{
    apr_pool_t *pool = client->r->pool;
    identity_t *identity;

    if (client->count == IDENTITIES || (status == OK && !place->user)) {
        return;
    }
    identity = apr_pcalloc(pool, sizeof(*identity));
    identity->authentication = apr_pstrdup(pool, directives_of(place));
    identity->type = apr_pstrdup(pool, name_of(ap_auth_type(place)));
    identity->name = apr_pstrdup(pool, name_of(ap_auth_name(place)));
    identity->status = status;
    identity->user = apr_pstrdup(pool, place->user);
    identity->auth_type = apr_pstrdup(pool, place->ap_auth_type);
    identity->next = client->identities;
    client->identities = identity;
    client->count++;
}

static const identity_t *find_identity(const dms_client_t *client, request_rec *place)
{
    const identity_t *known = client->identities;

    while (known
           && (strcmp(known->authentication, directives_of(place)) != 0
               || strcmp(known->type, name_of(ap_auth_type(place))) != 0
               || strcmp(known->name, name_of(ap_auth_name(place))) != 0)) {
        known = known->next;
    }
    return known;
}

void dms_client_is_authentic(dms_client_t *client)
{
    add_identity(client, client->r, OK);
}

/* Whether a section says who a client is, or one in it may: what these are for is not looked at. */
static int may_authenticate(const ap_conf_vector_t *section);

static int any_may_authenticate(const apr_array_header_t *sections)
{
    int i;

    for (i = 0; sections && i < sections->nelts; i++) {
        if (may_authenticate(APR_ARRAY_IDX(sections, i, ap_conf_vector_t *))) {
            return 1;
        }
    }
    return 0;
}

/* Whether a section in this one may. */
static int holds_authentication(const ap_conf_vector_t *section)
{
    const core_dir_config *core = section ? ap_get_core_module_config(section) : NULL;

    return core && (any_may_authenticate(core->sec_file) || any_may_authenticate(core->sec_if));
}

static int may_authenticate(const ap_conf_vector_t *section)
{
    return has_authentication(section) || holds_authentication(section);
}

/* Whether an .htaccess file that the request itself is ruled by has the same say for a question: it
 * stands above it, too, and has no sections within, which are for some files alone. */
static int has_same_say(const struct htaccess_result *file, const request_rec *question)
{
    return !may_authenticate(file->htaccess)
           || (!holds_authentication(file->htaccess)
               && !strncmp(file->dir, question->filename, strlen(file->dir)));
}

/* Whether .htaccess files have no other say in who the client is than they have for the request
 * itself, whose files all its questions know, behind those that they have found themselves. */
static int has_same_files(const dms_client_t *client, const request_rec *question)
{
    const struct htaccess_result *file;

    for (file = question->htaccess; file && file != client->r->htaccess; file = file->next) {
        if (may_authenticate(file->htaccess)) {
            return 0;
        }
    }
    for (; file; file = file->next) {
        if (!has_same_say(file, question)) {
            return 0;
        }
    }
    return 1;
}

int dms_client_recognise(dms_client_t *client, request_rec *question)
{
    const identity_t *known;

    client->question = NULL;
    if (!has_same_files(client, question)) {
        return DECLINED;
    }
    known = find_identity(client, question);
    if (!known) {
        client->question = question;
        return DECLINED;
    }
    question->user = known->user;
    question->ap_auth_type = known->auth_type;
    return known->status;
}

const char *dms_client_user(const dms_client_t *client, request_rec *question)
{
    const identity_t *known = has_same_files(client, question) ? find_identity(client, question)
                                                               : NULL;

    return known && known->status == OK ? known->user : NULL;
}

void dms_client_let_in(dms_client_t *client, request_rec *question)
{
    if (client->question == question) {
        add_identity(client, question, OK);
        client->question = NULL;
    }
}

void dms_client_learn(dms_client_t *client, request_rec *question)
{
    if (client->question == question && question->status == HTTP_UNAUTHORIZED) {
        add_identity(client, question, HTTP_UNAUTHORIZED);
    }
    client->question = NULL;
}
