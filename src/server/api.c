#include "server/api.h"

#include <httpd.h>

#include "multistatus/reader.h"
#include "multistatus/writer.h"
#include "server/reply.h"

static void declare(dms_reply_t *reply, const char *ns)
{
    dms_writer_declare(reply->writer, ns);
}

static apr_status_t add(dms_reply_t *reply, const dms_response_t *response)
{
    if (reply->status == APR_SUCCESS && !dms_response_is_grammatical(response)) {
        apr_pool_clear(dms_reply_pool(reply));
        return APR_EINVAL;
    }
    dms_reply_add(reply, response);
    return reply->status;
}

static dms_phase_e phase(const dms_reply_t *reply)
{
    return reply->status == APR_SUCCESS ? dms_writer_phase(reply->writer) : DMS_PHASE_BROKEN;
}

static const dms_api_t functions = {
    .version = DMS_API_VERSION,
    .name = dms_name_create,
    .response = dms_response_create,
    .add_href = dms_response_add_href,
    .set_status = dms_response_set_status,
    .propstat = dms_response_propstat,
    .add_property = dms_propstat_add,
    .begin = dms_reply_create,
    .declare = declare,
    .pool = dms_reply_pool,
    .add = add,
    .phase = phase,
    .fail = dms_reply_fail,
    .end = dms_reply_end,
    .reader = dms_reader_create,
    .feed = dms_reader_feed,
    .feed_brigade = dms_reader_feed_brigade,
    .finish = dms_reader_end,
    .fault = dms_reader_fault,
};

static const dms_api_t *dms_api(int version)
{
    return version >= 1 && version <= DMS_API_VERSION ? &functions : NULL;
}

void dms_api_register(void)
{
    APR_REGISTER_OPTIONAL_FN(dms_api);
}

APR_IMPLEMENT_OPTIONAL_HOOK_RUN_ALL(dms, DMS, int, live_properties,
                                    (request_rec * r, const dms_provider_t *provider,
                                     apr_array_header_t *offered),
                                    (r, provider, offered), OK, DECLINED)

const apr_array_header_t *dms_api_live_properties(request_rec *r, const dms_provider_t *provider)
{
    apr_array_header_t *offered = apr_array_make(r->pool, 4, sizeof(dms_live_property_t *));

    dms_run_live_properties(r, provider, offered);
    return offered->nelts ? offered : NULL;
}
