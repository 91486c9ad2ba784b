#include "multistatus/reader.h"

#include <string.h>

#include <apr_strings.h>

#include "multistatus/parser.h"
#include "multistatus/status.h"

struct dms_reader_t {
    apr_pool_t *pool;
    dms_parser_t *parser;
    dms_parser_bounds_t bounds;
    int propstats_max;
    int properties_max;
    dms_reader_response_fn *on_response;
    void *baton;
    apr_status_t status; /* of the callback, or of a bucket */
    dms_reader_fault_t fault;
    dms_multistatus_t whole;
    dms_response_t *response; /* that is being read, or NULL */
    dms_href_t *last_href;    /* of it, or NULL */
    dms_propstat_t *propstat; /* that is being read, or NULL */
    dms_propstat_t **link;    /* where the response's next one goes */
    int propstats;            /* in the response */
    int properties;
};

/* What to do at the end of an element, by its name in DAV: and where it is. */
typedef struct part_t {
    const char *local;
    void (*end)(dms_reader_t *reader, dms_element_t *element);
} part_t;

static void object(dms_reader_t *reader, const char *message)
{
    dms_parser_fail(reader->parser, DMS_XML_MALFORMED, message);
}

/* --- text --- */

static apr_size_t length_of(const dms_element_t *run)
{
    return run && !run->name && run->text ? strlen(run->text) : 0;
}

/* The character data of an element without its child elements. */
static char *text_of(apr_pool_t *pool, const dms_element_t *element)
{
    const dms_element_t own = {.text = element->text}, *run;
    apr_size_t length = length_of(&own);
    char *text, *to;

    for (run = element->children; run; run = run->next) {
        length += length_of(run);
    }
    to = text = apr_palloc(pool, length + 1);
    memcpy(to, own.text ? own.text : "", length_of(&own));
    to += length_of(&own);
    for (run = element->children; run; run = run->next) {
        memcpy(to, run->text ? run->text : "", length_of(run));
        to += length_of(run);
    }
    *to = '\0';
    return text;
}

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The same without white space around it, or NULL where nothing is left. */
static const char *trimmed_text_of(apr_pool_t *pool, const dms_element_t *element)
{
    char *text = text_of(pool, element), *end = text + strlen(text);

    while (end > text && is_space(end[-1])) {
        end--;
    }
    *end = '\0';
    while (is_space(*text)) {
        text++;
    }
    return *text ? text : NULL;
}

/* --- the parts of a response, and of a propstat --- */

static void end_href(dms_reader_t *reader, dms_element_t *element)
{
    dms_response_t *response = reader->response;
    dms_href_t *href = &response->href;

    if (reader->last_href) {
        href = reader->last_href->next = apr_pcalloc(response->pool, sizeof(*href));
    }
    reader->last_href = href;
    href->uri = trimmed_text_of(response->pool, element);
    if (!href->uri) {
        object(reader, "an empty href");
    }
}

static void end_status(dms_reader_t *reader, dms_element_t *element)
{
    int *status = reader->propstat ? &reader->propstat->status : &reader->response->status;
    const char *line = trimmed_text_of(reader->response->pool, element);

    if (*status) {
        object(reader, "a second status");
        return;
    }
    *status = line ? dms_status_parse(line) : 0;
    if (!*status) {
        object(reader, "a status that is no status line");
    }
}

/* Unlinks the runs of text between the elements of a list. */
static dms_element_t *without_text(dms_element_t *first)
{
    dms_element_t **link = &first;

    while (*link) {
        if ((*link)->name) {
            link = &(*link)->next;
        }
        else {
            *link = (*link)->next;
        }
    }
    return first;
}

static void end_error(dms_reader_t *reader, dms_element_t *element)
{
    const dms_element_t **error = reader->propstat ? &reader->propstat->error
                                                   : &reader->response->error;

    if (*error) {
        object(reader, "a second error");
        return;
    }
    *error = without_text(element->children);
}

/* Of a propstat, a response or the whole. */
static void end_description(dms_reader_t *reader, dms_element_t *element)
{
    const char **description = reader->propstat   ? &reader->propstat->description
                               : reader->response ? &reader->response->description
                                                  : &reader->whole.description;

    if (*description) {
        object(reader, "a second responsedescription");
        return;
    }
    *description = text_of(reader->response ? reader->response->pool : reader->pool, element);
}

static void end_location(dms_reader_t *reader, dms_element_t *element)
{
    dms_response_t *response = reader->response;
    const dms_element_t *child;

    if (response->location) {
        object(reader, "a second location");
        return;
    }
    for (child = element->children; child && !response->location; child = child->next) {
        if (child->name && dms_name_is_dav(child->name, "href")) {
            response->location = trimmed_text_of(response->pool, child);
        }
    }
    if (!response->location) {
        object(reader, "a location without href");
    }
}

/* Gives a property the language that is in force around it. */
static void inherit_language(dms_reader_t *reader, dms_element_t *property)
{
    const dms_attribute_t *outer = dms_parser_language(reader->parser);
    dms_attribute_t *own;

    if (outer && *outer->value && !dms_element_language(property, NULL)) {
        own = apr_pmemdup(reader->response->pool, outer, sizeof(*own));
        own->next = property->attributes;
        property->attributes = own;
    }
}

static void end_prop(dms_reader_t *reader, dms_element_t *element)
{
    dms_element_t *property, *next;

    if (reader->propstat->properties) {
        object(reader, "a second prop");
        return;
    }
    for (property = without_text(element->children); property; property = next) {
        next = property->next;
        inherit_language(reader, property);
        dms_propstat_add(reader->propstat, property);
        if (++reader->properties > reader->properties_max) {
            dms_parser_fail(reader->parser, DMS_XML_TOO_MUCH, "too many properties");
            return;
        }
    }
}

static void end_propstat(dms_reader_t *reader, dms_element_t *element)
{
    if (!reader->propstat->status) {
        object(reader, "a propstat without status");
    }
    reader->propstat = NULL;
}

static void begin_propstat(dms_reader_t *reader)
{
    dms_propstat_t *propstat = apr_pcalloc(reader->response->pool, sizeof(*propstat));

    *reader->link = propstat;
    reader->link = &propstat->next;
    reader->propstat = propstat;
    if (++reader->propstats > reader->propstats_max) {
        dms_parser_fail(reader->parser, DMS_XML_TOO_MUCH, "too many propstats");
    }
}

/* --- the parts of a multistatus --- */

static void begin_response(dms_reader_t *reader)
{
    reader->response = dms_response_create(dms_parser_pool(reader->parser), NULL);
    reader->link = &reader->response->propstats;
    reader->last_href = NULL;
    reader->propstats = 0;
    reader->properties = 0;
}

/* What section 14.24 doesn't allow in a response, or NULL. */
static const char *objection(const dms_response_t *response)
{
    if (!response->href.uri) {
        return "a response without href";
    }
    if (!response->propstats) {
        return response->status ? NULL : "a response with neither status nor propstat";
    }
    if (response->status) {
        return "a response with both status and propstat";
    }
    return response->href.next ? "a response with several hrefs and a propstat" : NULL;
}

static void end_response(dms_reader_t *reader, dms_element_t *element)
{
    dms_response_t *response = reader->response;
    const char *message = objection(response);

    reader->response = NULL;
    if (message) {
        object(reader, message);
        return;
    }
    reader->whole.responses++;
    reader->status = reader->on_response(reader->baton, response);
    if (reader->status != APR_SUCCESS) {
        object(reader, "stopped");
    }
}

static void end_sync_token(dms_reader_t *reader, dms_element_t *element)
{
    if (reader->whole.sync_token) {
        object(reader, "a second sync-token");
        return;
    }
    reader->whole.sync_token = trimmed_text_of(reader->pool, element);
}

static const part_t of_multistatus[] = {
    {"response", end_response},
    {"responsedescription", end_description},
    {"sync-token", end_sync_token},
    {NULL, NULL},
};

static const part_t of_response[] = {
    {"href", end_href},
    {"propstat", end_propstat},
    {"status", end_status},
    {"error", end_error},
    {"responsedescription", end_description},
    {"location", end_location},
    {NULL, NULL},
};

static const part_t of_propstat[] = {
    {"prop", end_prop},   {"status", end_status},
    {"error", end_error}, {"responsedescription", end_description},
    {NULL, NULL},
};

/* --- the parser's hooks --- */

static void on_start(void *baton, dms_element_t *element, int depth)
{
    dms_reader_t *reader = baton;
    const dms_name_t *name = element->name;

    if (depth == 1 && !dms_name_is_dav(name, "multistatus")) {
        object(reader, "the root element is not DAV:multistatus");
    }
    else if (depth == 2 && dms_name_is_dav(name, "response")) {
        begin_response(reader);
    }
    else if (depth == 3 && reader->response && dms_name_is_dav(name, "propstat")) {
        begin_propstat(reader);
    }
}

static void on_end(void *baton, dms_element_t *element, int depth)
{
    dms_reader_t *reader = baton;
    const part_t *part = depth == 2                       ? of_multistatus
                         : depth == 3 && reader->response ? of_response
                         : depth == 4 && reader->propstat ? of_propstat
                                                          : NULL;

    for (; part && part->local; part++) {
        if (dms_name_is_dav(element->name, part->local)) {
            part->end(reader, element);
            return;
        }
    }
}

static const dms_parser_hooks_t hooks = {on_start, on_end};

/* --- from outside --- */

#define OR_DEFAULT(value, otherwise) ((value) ? (value) : (otherwise))

dms_reader_t *dms_reader_create(apr_pool_t *pool, const dms_reader_limits_t *limits,
                                dms_reader_response_fn *on_response, void *baton)
{
    static const dms_reader_limits_t defaults;
    dms_reader_t *reader = apr_pcalloc(pool, sizeof(*reader));

    limits = limits ? limits : &defaults;
    reader->pool = pool;
    reader->on_response = on_response;
    reader->baton = baton;
    reader->propstats_max = OR_DEFAULT(limits->propstats, 100);
    reader->properties_max = OR_DEFAULT(limits->properties, 10000);
    reader->bounds.depth = OR_DEFAULT(limits->depth, 100);
    reader->bounds.elements = OR_DEFAULT(limits->elements, 50000);
    reader->bounds.attributes = OR_DEFAULT(limits->attributes, 256);
    reader->bounds.ns_length = OR_DEFAULT(limits->ns, 4096);
    reader->bounds.markup = OR_DEFAULT(limits->markup, 64 * 1024);
    reader->bounds.text = OR_DEFAULT(limits->text, 1024 * 1024);
    reader->bounds.tree = OR_DEFAULT(limits->response, 4 * 1024 * 1024);
    reader->bounds.names = OR_DEFAULT(limits->names, 4 * 1024 * 1024);
    reader->parser = dms_parser_create(pool, &reader->bounds, &hooks, reader);
    return reader;
}

/* The status of the reading so far. */
static apr_status_t settle(dms_reader_t *reader)
{
    const dms_parser_fault_t *fault = dms_parser_fault(reader->parser);

    if (reader->status != APR_SUCCESS || fault->kind == DMS_XML_FINE) {
        return reader->status;
    }
    reader->fault.message = fault->message;
    reader->fault.line = fault->line;
    reader->fault.column = fault->column;
    reader->fault.offset = fault->offset;
    return fault->is_cut                     ? APR_INCOMPLETE
           : fault->kind == DMS_XML_TOO_MUCH ? APR_ENOSPC
                                             : APR_EINVAL;
}

apr_status_t dms_reader_feed(dms_reader_t *reader, const char *bytes, apr_size_t length)
{
    dms_parser_feed(reader->parser, bytes, length);
    return settle(reader);
}

static apr_status_t feed_bucket(dms_reader_t *reader, apr_bucket *bucket)
{
    const char *bytes;
    apr_size_t length;
    apr_status_t rv = apr_bucket_read(bucket, &bytes, &length, APR_BLOCK_READ);

    if (rv == APR_SUCCESS) {
        return dms_reader_feed(reader, bytes, length);
    }
    object(reader, "stopped");
    return reader->status = rv;
}

apr_status_t dms_reader_feed_brigade(dms_reader_t *reader, apr_bucket_brigade *bb, int *at_end)
{
    apr_status_t rv = settle(reader);

    while (rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(bb)) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(bb);

        if (APR_BUCKET_IS_EOS(bucket)) {
            *at_end = 1;
            break;
        }
        if (!APR_BUCKET_IS_METADATA(bucket)) {
            rv = feed_bucket(reader, bucket);
        }
        apr_bucket_delete(bucket);
    }
    apr_brigade_cleanup(bb);
    return rv;
}

apr_status_t dms_reader_end(dms_reader_t *reader, dms_multistatus_t *multistatus)
{
    dms_parser_finish(reader->parser);
    if (multistatus) {
        *multistatus = reader->whole;
    }
    return settle(reader);
}

const dms_reader_fault_t *dms_reader_fault(const dms_reader_t *reader)
{
    return reader->fault.message ? &reader->fault : NULL;
}
