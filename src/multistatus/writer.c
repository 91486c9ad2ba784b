#include "multistatus/writer.h"

#include "multistatus/status.h"
#include "multistatus/xml.h"

struct dms_writer_t {
    dms_buffer_t buffer;
    dms_prefixes_t prefixes;
    dms_phase_e phase;
    apr_pool_t *pool; /* the response's */
    apr_uint64_t responses;
    apr_uint64_t failures;
};

#define LAST_EARLY_FLUSH 256

/* Returns the bucket of a document that nobody has ended. */
static apr_status_t give_up(void *writer)
{
    dms_buffer_cancel(&((dms_writer_t *)writer)->buffer);
    return APR_SUCCESS;
}

dms_writer_t *dms_writer_create(apr_pool_t *pool, apr_bucket_alloc_t *alloc, dms_sink_fn *sink,
                                void *baton)
{
    dms_writer_t *writer = apr_pcalloc(pool, sizeof(*writer));

    dms_buffer_init(&writer->buffer, pool, alloc, sink, baton);
    apr_pool_create(&writer->pool, pool);
    apr_pool_tag(writer->pool, "dms_response");
    apr_pool_cleanup_register(pool, writer, give_up, apr_pool_cleanup_null);
    return writer;
}

void dms_writer_declare(dms_writer_t *writer, const char *ns)
{
    if (writer->phase == DMS_PHASE_OPEN) {
        dms_prefixes_add(&writer->prefixes, ns);
    }
}

const dms_tags_t *dms_writer_tags(const dms_writer_t *writer, apr_pool_t *pool,
                                  const dms_name_t *name)
{
    return dms_xml_tags(pool, &writer->prefixes, name);
}

apr_pool_t *dms_writer_pool(dms_writer_t *writer)
{
    return writer->pool;
}

static void put_status(dms_buffer_t *out, int status)
{
    char code[] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                   (char)('0' + status % 10), ' '};

    dms_buffer_puts(out, "<D:status>HTTP/1.1 ");
    dms_buffer_put(out, code, sizeof(code));
    dms_buffer_puts(out, dms_status_reason(status));
    dms_buffer_puts(out, "</D:status>");
}

static void put_error(dms_buffer_t *out, const dms_prefixes_t *prefixes, const dms_element_t *error)
{
    if (error) {
        dms_xml_start(out, "error");
        dms_xml_elements(out, prefixes, error);
        dms_xml_end(out, "error");
    }
}

static void put_description(dms_buffer_t *out, const char *description)
{
    if (description) {
        dms_xml_start(out, "responsedescription");
        dms_xml_text(out, description);
        dms_xml_end(out, "responsedescription");
    }
}

static void put_propstat(dms_buffer_t *out, const dms_prefixes_t *prefixes,
                         const dms_propstat_t *propstat)
{
    dms_buffer_puts(out, "<D:propstat><D:prop>");
    dms_xml_elements(out, prefixes, propstat->properties);
    dms_buffer_puts(out, "</D:prop>");
    put_status(out, propstat->status);
    put_error(out, prefixes, propstat->error);
    put_description(out, propstat->description);
    dms_buffer_puts(out, "</D:propstat>");
}

static void put_response(dms_writer_t *writer, const dms_response_t *response)
{
    dms_buffer_t *out = &writer->buffer;
    const dms_propstat_t *propstat;
    const dms_href_t *href;

    dms_buffer_puts(out, "\n<D:response>");
    dms_xml_href(out, response->href.uri);
    for (href = response->href.next; href; href = href->next) {
        dms_xml_href(out, href->uri);
    }
    if (response->status) {
        put_status(out, response->status);
    }
    for (propstat = response->propstats; propstat; propstat = propstat->next) {
        put_propstat(out, &writer->prefixes, propstat);
    }
    put_error(out, &writer->prefixes, response->error);
    put_description(out, response->description);
    if (response->location) {
        dms_xml_start(out, "location");
        dms_xml_href(out, response->location);
        dms_xml_end(out, "location");
    }
    dms_buffer_puts(out, "</D:response>");
}

static void commit(dms_writer_t *writer)
{
    if (writer->phase == DMS_PHASE_OPEN) {
        dms_xml_begin(&writer->buffer, &writer->prefixes, "multistatus");
        writer->phase = DMS_PHASE_COMMITTED;
    }
}

/* The status of the output so far; a failed one breaks the document. */
static apr_status_t settle(dms_writer_t *writer)
{
    if (writer->buffer.status != APR_SUCCESS) {
        dms_writer_break(writer);
    }
    return writer->buffer.status;
}

/* 4, 16, 64 and 256. */
static int is_early_flush(apr_uint64_t responses)
{
    apr_uint64_t power;

    for (power = 4; power <= LAST_EARLY_FLUSH; power *= 4) {
        if (responses == power) {
            return 1;
        }
    }
    return 0;
}

apr_status_t dms_writer_response(dms_writer_t *writer, const dms_response_t *response)
{
    if (writer->phase > DMS_PHASE_COMMITTED) {
        return writer->phase == DMS_PHASE_ENDED ? APR_EINVAL : writer->buffer.status;
    }
    if (!dms_response_is_grammatical(response)) {
        apr_pool_clear(writer->pool);
        return APR_EINVAL;
    }
    commit(writer);
    put_response(writer, response);
    writer->responses++;
    writer->failures += (apr_uint64_t)dms_response_is_failure(response);
    apr_pool_clear(writer->pool);
    if (writer->responses <= LAST_EARLY_FLUSH && is_early_flush(writer->responses)) {
        dms_buffer_pass(&writer->buffer, 1);
    }
    return settle(writer);
}

apr_status_t dms_writer_end(dms_writer_t *writer, const char *description)
{
    if (writer->phase > DMS_PHASE_COMMITTED) {
        return writer->phase == DMS_PHASE_ENDED ? APR_EINVAL : writer->buffer.status;
    }
    commit(writer);
    put_description(&writer->buffer, description);
    dms_buffer_puts(&writer->buffer, "\n</D:multistatus>\n");
    writer->phase = DMS_PHASE_ENDED;
    dms_buffer_pass(&writer->buffer, 0);
    return settle(writer);
}

void dms_writer_break(dms_writer_t *writer)
{
    dms_buffer_cancel(&writer->buffer);
    writer->phase = DMS_PHASE_BROKEN;
}

dms_phase_e dms_writer_phase(const dms_writer_t *writer)
{
    return writer->phase;
}

apr_uint64_t dms_writer_responses(const dms_writer_t *writer)
{
    return writer->responses;
}

apr_uint64_t dms_writer_failures(const dms_writer_t *writer)
{
    return writer->failures;
}

void dms_writer_propstats(dms_buffer_t *out, const char *root, const dms_response_t *response)
{
    const dms_propstat_t *propstat;

    dms_xml_begin(out, NULL, root);
    for (propstat = response->propstats; propstat; propstat = propstat->next) {
        put_propstat(out, NULL, propstat);
    }
    dms_xml_end(out, root);
    dms_buffer_puts(out, "\n");
}
