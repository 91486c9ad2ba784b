#include "acts/types.h"

#include <apr_escape.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <http_request.h>

#include "acts/acts.h"

/* How many combinations of extensions are remembered; names such as "backup.20260101" could bring
 * up a new one each. */
#define REMEMBERED 256

/* What each takes, about. */
#define BYTES 300

typedef struct answer_t {
    const char *type;
    const char *language;
} answer_t;

struct dms_types_t {
    request_rec *r;
    const char *uri;
    apr_pool_t *pool;         /* of what is remembered */
    apr_hash_t *by_extension; /* -> answer_t */
};

dms_types_t *dms_types_create(apr_pool_t *pool, request_rec *r, const char *uri)
{
    dms_types_t *types = apr_pcalloc(pool, sizeof(*types));

    types->r = r;
    types->uri = uri;
    apr_pool_create(&types->pool, pool);
    types->by_extension = apr_hash_make(types->pool);
    return types;
}

const char *dms_types_of(request_rec *r)
{
    return r->content_type ? ap_make_content_type(r, r->content_type) : NULL;
}

const char *dms_types_language_of(request_rec *r)
{
    return r->content_languages && r->content_languages->nelts
               ? apr_array_pstrcat(r->pool, r->content_languages, ',')
               : NULL;
}

/* What mod_mime looks at: all after the first dot, but for those that a name begins with. */
static const char *extensions_of(const char *name)
{
    while (*name == '.') {
        name++;
    }
    while (*name && *name != '.') {
        name++;
    }
    return name;
}

/* Asks for one member. Returns whether the answer holds for others, too: a refusal does not. */
static int ask(dms_types_t *types, const char *name, apr_pool_t *pool, answer_t *answer)
{
    const char *uri = apr_pstrcat(pool, types->uri, apr_pescape_path(pool, name, 1), NULL);
    request_rec *about = dms_act_ask(types->r, DMS_ACT_READ, DMS_KIND_FILE, uri);
    int is_let_through = about->status == HTTP_OK;

    answer->type = answer->language = NULL;
    if (is_let_through) {
        answer->type = apr_pstrdup(pool, dms_types_of(about));
        answer->language = apr_pstrdup(pool, dms_types_language_of(about));
    }
    ap_destroy_sub_req(about);
    return is_let_through;
}

apr_size_t dms_types_size(const dms_types_t *types)
{
    return types ? apr_hash_count(types->by_extension) * BYTES : 0;
}

void dms_types_forget(dms_types_t *types)
{
    if (types) {
        apr_pool_clear(types->pool);
        types->by_extension = apr_hash_make(types->pool);
    }
}

static void remember(dms_types_t *types, const char *extensions, const answer_t *answer)
{
    answer_t *own;

    if (apr_hash_count(types->by_extension) == REMEMBERED) {
        dms_types_forget(types);
    }
    own = apr_palloc(types->pool, sizeof(*own));
    own->type = apr_pstrdup(types->pool, answer->type);
    own->language = apr_pstrdup(types->pool, answer->language);
    apr_hash_set(types->by_extension, apr_pstrdup(types->pool, extensions), APR_HASH_KEY_STRING,
                 own);
}

void dms_types_tell(dms_types_t *types, const char *name, int is_special, apr_pool_t *pool,
                    const char **type, const char **language)
{
    const char *extensions = extensions_of(name);
    const answer_t *answer = NULL;
    answer_t own;

    if (!is_special) {
        answer = apr_hash_get(types->by_extension, extensions, APR_HASH_KEY_STRING);
    }
    if (!answer) {
        answer = &own;
        if (ask(types, name, pool, &own) && !is_special) {
            remember(types, extensions, &own);
        }
    }
    *type = answer->type;
    *language = answer->language;
}
