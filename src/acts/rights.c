#include "acts/rights.h"

#include <apr_strings.h>
#include <http_request.h>

#include "config/config.h"

static int may(request_rec *r, dms_act_e act, dms_kind_e kind, const char *uri)
{
    const char *place;

    return dms_act_status(r, act, kind, uri, &place) == HTTP_OK;
}

/* Whether it may remove others' locks: as whom httpd has let in to unlock. */
static int may_unlock(request_rec *r, dms_kind_e kind, const char *uri)
{
    request_rec *answer;
    int may_break;

    if (!dms_config_of(r)->breakers) {
        return 0;
    }
    answer = dms_act_ask(r, DMS_ACT_UNLOCK, kind, uri);
    may_break = answer->status == HTTP_OK && dms_act_may_break_locks(answer);
    ap_destroy_sub_req(answer);
    return may_break;
}

/* How each right is told; what a provider can't do, nobody may. */
unsigned int dms_rights_of(request_rec *r, const dms_provider_t *provider, dms_kind_e kind,
                           const char *uri)
{
    const struct {
        dms_act_e act;
        int is_offered;
        unsigned int right;
    } asked[] = {
        {DMS_ACT_READ, 1, DMS_RIGHT_READ},
        {DMS_ACT_REPLACE, provider->write != NULL, DMS_RIGHT_WRITE},
        {DMS_ACT_MAKE_COLLECTION, kind == DMS_KIND_COLLECTION && provider->make_collection,
         DMS_RIGHT_MAKE_COLLECTION},
        {DMS_ACT_PROPERTIES, provider->parent != NULL, DMS_RIGHT_PROPERTIES},
        {DMS_ACT_REMOVE, provider->remove != NULL, DMS_RIGHT_REMOVE},
        {DMS_ACT_MOVE, provider->remove && provider->rename, DMS_RIGHT_MOVE},
    };
    unsigned int rights = 0;
    apr_size_t i;

    for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        if (asked[i].is_offered && may(r, asked[i].act, kind, uri)) {
            rights |= asked[i].right;
        }
    }
    if (provider->parent && may_unlock(r, kind, uri)) {
        rights |= DMS_RIGHT_UNLOCK;
    }
    return rights;
}

/* Makes a path that of the collection which it is in; 0: it is in none. */
static int go_up(char *path)
{
    apr_size_t length = strlen(path);

    length -= length && path[length - 1] == '/';
    while (length && path[length - 1] != '/') {
        length--;
    }
    path[length] = '\0';
    return length != 0;
}

/* Who the client is at a path, by the credentials that it has sent; *is_served: whether r's
 * provider serves that, too. */
static const char *find_user(request_rec *r, dms_kind_e kind, const char *path, int *is_served)
{
    request_rec *answer = dms_act_ask(r, DMS_ACT_PROPERTIES, kind, path);
    const char *user = NULL;

    *is_served = dms_config_of(answer)->provider == dms_config_of(r)->provider;
    if (*is_served) {
        user = apr_pstrdup(r->pool, dms_act_user(r, answer));
    }
    ap_destroy_sub_req(answer);
    return user;
}

const char *dms_rights_user(request_rec *r, dms_kind_e kind, const char *uri)
{
    const char *user = r->user;
    char *path = apr_pstrdup(r->pool, uri);
    int goes_on = apr_table_get(r->headers_in, "Authorization") != NULL;

    while (!user && goes_on) {
        user = find_user(r, kind, path, &goes_on);
        kind = DMS_KIND_COLLECTION;
        goes_on = goes_on && go_up(path);
    }
    return user;
}
