#include "multistatus/response.h"

#include "multistatus/status.h"

static int is_success(int status)
{
    return status < 300;
}

dms_response_t *dms_response_create(apr_pool_t *pool, const char *uri)
{
    dms_response_t *response = apr_pcalloc(pool, sizeof(*response));

    response->pool = pool;
    response->href.uri = uri;
    return response;
}

void dms_response_add_href(dms_response_t *response, const char *uri)
{
    dms_href_t *last = &response->href;

    while (last->next) {
        last = last->next;
    }
    last->next = apr_pcalloc(response->pool, sizeof(*last));
    last->next->uri = uri;
}

apr_status_t dms_response_set_status(dms_response_t *response, int status)
{
    if (!dms_status_is_recordable(status) || response->propstats) {
        return APR_EINVAL;
    }
    response->status = status;
    return APR_SUCCESS;
}

dms_propstat_t *dms_response_propstat(dms_response_t *response, int status)
{
    dms_propstat_t **link = &response->propstats;
    dms_propstat_t *propstat;

    if (!dms_status_is_recordable(status) || response->status) {
        return NULL;
    }
    while (*link
           && ((*link)->status == status || !is_success(status) || is_success((*link)->status))) {
        if ((*link)->status == status) {
            return *link;
        }
        link = &(*link)->next;
    }
    propstat = apr_pcalloc(response->pool, sizeof(*propstat));
    propstat->status = status;
    propstat->next = *link;
    *link = propstat;
    return propstat;
}

void dms_propstat_add(dms_propstat_t *propstat, dms_element_t *property)
{
    property->next = NULL;
    if (propstat->last) {
        propstat->last->next = property;
    }
    else {
        propstat->properties = property;
    }
    propstat->last = property;
}

int dms_response_is_grammatical(const dms_response_t *response)
{
    return response->propstats ? !response->status && !response->href.next : response->status;
}

int dms_response_is_failure(const dms_response_t *response)
{
    const dms_propstat_t *propstat;

    for (propstat = response->propstats; propstat; propstat = propstat->next) {
        if (propstat->status >= 400 && propstat->status != 404 && propstat->status != 424) {
            return 1;
        }
    }
    return response->status >= 400;
}
