/*
 * For tests: reads a POSTed 207 with the functions of mod_dav_multistatus, and answers with what it
 * has read, a line for each response. Handler "read-207"; the query "1" feeds single bytes rather
 * than brigades, "2" ends the reading at the second response.
 */
#include <httpd.h>

#include <apr_strings.h>
#include <http_config.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "mod_dav_multistatus.h"

static const dms_api_t *api;

typedef struct reading_t {
    request_rec *r;
    dms_reader_t *reader;
    apr_bucket_brigade *told; /* sent when the status is known */
    int left;                 /* responses; -1: any number */
} reading_t;

static void tell_element(reading_t *reading, const dms_element_t *element)
{
    apr_brigade_printf(reading->told, NULL, NULL, " {%s}%s=%s", element->name->ns,
                       element->name->local, element->text ? element->text : "");
}

static apr_status_t on_response(void *baton, dms_response_t *response)
{
    reading_t *reading = baton;
    const dms_propstat_t *propstat;
    const dms_element_t *property;
    const dms_href_t *href;

    if (!reading->left--) {
        return APR_EGENERAL;
    }
    apr_brigade_printf(reading->told, NULL, NULL, "%d %s", response->status, response->href.uri);
    for (href = response->href.next; href; href = href->next) {
        apr_brigade_printf(reading->told, NULL, NULL, " %s", href->uri);
    }
    for (propstat = response->propstats; propstat; propstat = propstat->next) {
        apr_brigade_printf(reading->told, NULL, NULL, " [%d", propstat->status);
        for (property = propstat->properties; property; property = property->next) {
            tell_element(reading, property);
        }
        apr_brigade_puts(reading->told, NULL, NULL, "]");
    }
    if (response->description) {
        apr_brigade_printf(reading->told, NULL, NULL, " (%s)", response->description);
    }
    return apr_brigade_puts(reading->told, NULL, NULL, "\n");
}

static apr_status_t feed_bytes(reading_t *reading, apr_bucket_brigade *bb, int *at_end)
{
    char *bytes;
    apr_size_t length, i;
    apr_status_t rv = apr_brigade_pflatten(bb, &bytes, &length, reading->r->pool);

    *at_end = APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(bb));
    for (i = 0; rv == APR_SUCCESS && i < length; i++) {
        rv = api->feed(reading->reader, bytes + i, 1);
    }
    apr_brigade_cleanup(bb);
    return rv;
}

static apr_status_t read_all(reading_t *reading, int by_byte)
{
    request_rec *r = reading->r;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_status_t rv = APR_SUCCESS;
    int at_end = 0;

    while (rv == APR_SUCCESS && !at_end) {
        rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ, 100);
        if (rv == APR_SUCCESS) {
            rv = by_byte ? feed_bytes(reading, bb, &at_end)
                         : api->feed_brigade(reading->reader, bb, &at_end);
        }
    }
    return rv;
}

static int handle(request_rec *r)
{
    reading_t reading = {.r = r, .left = r->args && *r->args == '2' ? 1 : -1};
    const dms_reader_limits_t limits = {.depth = 10};
    dms_multistatus_t whole = {0};
    const dms_reader_fault_t *fault;
    apr_status_t rv;

    if (strcmp(r->handler, "read-207")) {
        return DECLINED;
    }
    if (!api || r->method_number != M_POST) {
        return HTTP_NOT_IMPLEMENTED;
    }
    reading.told = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    reading.reader = api->reader(r->pool, &limits, on_response, &reading);
    rv = read_all(&reading, r->args && *r->args == '1');
    if (rv == APR_SUCCESS) {
        rv = api->finish(reading.reader, &whole);
    }
    fault = api->fault(reading.reader);
    if (fault) {
        apr_brigade_printf(reading.told, NULL, NULL, "fault at %d:%d, byte %d: %s\n",
                           (int)fault->line, (int)fault->column, (int)fault->offset,
                           fault->message);
    }
    apr_brigade_printf(reading.told, NULL, NULL, "%s, %d, %s, %s\n",
                       rv == APR_SUCCESS      ? "whole"
                       : rv == APR_INCOMPLETE ? "incomplete"
                       : rv == APR_EINVAL     ? "malformed"
                       : rv == APR_ENOSPC     ? "too much"
                                              : "stopped",
                       (int)whole.responses, whole.description ? whole.description : "-",
                       whole.sync_token ? whole.sync_token : "-");
    ap_set_content_type(r, "text/plain");
    APR_BRIGADE_INSERT_TAIL(reading.told, apr_bucket_eos_create(reading.told->bucket_alloc));
    ap_pass_brigade(r->output_filters, reading.told);
    return OK;
}

static void find_api(void)
{
    APR_OPTIONAL_FN_TYPE(dms_api) *find = APR_RETRIEVE_OPTIONAL_FN(dms_api);

    api = find ? find(DMS_API_VERSION) : NULL;
}

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_optional_fn_retrieve(find_api, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA read_207_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
};
