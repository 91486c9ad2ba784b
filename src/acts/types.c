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

typedef struct answer_t {
    const char *type;
    const char *language;
} answer_t;

struct dms_types_t {
    request_rec *r;
    const char *uri;
    apr_pool_t *pool;         /* of what is remembered */
    apr_hash_t *by_extension; /* -> answer_t */
    apr_pool_t *once;         /* of one that is not */
};

dms_types_t *dms_types_create(apr_pool_t *pool, request_rec *r, const char *uri)
{
    dms_types_t *types = apr_pcalloc(pool, sizeof(*types));

    types->r = r;
    types->uri = uri;
    apr_pool_create(&types->pool, pool);
    apr_pool_create(&types->once, pool);
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

static void forget_all(dms_types_t *types)
{
    apr_pool_clear(types->pool);
    types->by_extension = apr_hash_make(types->pool);
}

void dms_types_tell(dms_types_t *types, const char *name, int is_special, const char **type,
                    const char **language)
{
    const char *extensions = extensions_of(name);
    answer_t *answer;
    answer_t own;

    if (is_special) {
        apr_pool_clear(types->once);
        ask(types, name, types->once, &own);
        *type = own.type;
        *language = own.language;
        return;
    }
    answer = apr_hash_get(types->by_extension, extensions, APR_HASH_KEY_STRING);
    if (!answer) {
        if (apr_hash_count(types->by_extension) == REMEMBERED) {
            forget_all(types);
        }
        answer = apr_palloc(types->pool, sizeof(*answer));
        if (ask(types, name, types->pool, answer)) {
            apr_hash_set(types->by_extension, apr_pstrdup(types->pool, extensions),
                         APR_HASH_KEY_STRING, answer);
        }
    }
    *type = answer->type;
    *language = answer->language;
}
