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

unsigned int dms_rights_of(request_rec *r, const dms_provider_t *provider, dms_kind_e kind,
                           const char *uri)
{
    unsigned int rights = may(r, DMS_ACT_READ, kind, uri) ? DMS_RIGHT_READ : 0;

    if (provider->write && may(r, DMS_ACT_REPLACE, kind, uri)) {
        rights |= DMS_RIGHT_WRITE;
    }
    if (provider->parent && may(r, DMS_ACT_PROPERTIES, kind, uri)) {
        rights |= DMS_RIGHT_PROPERTIES;
    }
    if (provider->remove && may(r, DMS_ACT_REMOVE, kind, uri)) {
        rights |= DMS_RIGHT_REMOVE;
    }
    if (provider->parent && may_unlock(r, kind, uri)) {
        rights |= DMS_RIGHT_UNLOCK;
    }
    return rights;
}

const char *dms_rights_user(request_rec *r, dms_kind_e kind, const char *uri)
{
    const char *user = r->user;
    request_rec *answer;

    if (!user && apr_table_get(r->headers_in, "Authorization")) {
        answer = dms_act_ask(r, DMS_ACT_PROPERTIES, kind, uri);
        if (answer->status == HTTP_OK && answer->user) {
            user = apr_pstrdup(r->pool, answer->user);
        }
        ap_destroy_sub_req(answer);
    }
    return user;
}
