/*
 * Showing and exporting properties.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_buckets.h>

#include "admin/tell.h"
#include "multistatus/writer.h"

static const dms_choice_t all = {.what = DMS_CHOICE_ALL};

/* --- for people --- */

/* What a terminal may obey is written as XML's references: controls beyond ASCII (U+0080 to U+009F;
 * of ASCII's, XML has none), and what turns the direction of the text (U+2028 to U+202E, U+2066 to
 * U+2069). All of them are in UTF-8. */
static const char *escape(const char *xml, apr_pool_t *pool)
{
    char *escaped = apr_palloc(pool, strlen(xml) * 4 + 1), *to = escaped;
    const unsigned char *at;

    for (at = (const unsigned char *)xml; *at; at++) {
        if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) {
            to += sprintf(to, "&#x%x;", at[1]);
            at++;
        }
        else if (at[0] == 0xe2
                 && ((at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae)
                     || (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9))) {
            to += sprintf(to, "&#x%x;", 0x2000 | (at[1] & 0x3f) << 6 | (at[2] & 0x3f));
            at += 2;
        }
        else {
            *to++ = (char)*at;
        }
    }
    *to = '\0';
    return escaped;
}

static apr_status_t print_properties(void *baton, const char *key, dms_dead_property_t *first,
                                     apr_pool_t *pool)
{
    puts(key);
    for (; first; first = first->next) {
        dms_print_indented("    ", escape(first->xml, pool));
    }
    return APR_SUCCESS;
}

static apr_status_t run_show(dms_admin_t *admin)
{
    const char *key = dms_argument_key(admin, 0);

    return key ? dms_visit_properties(admin, key, &all, print_properties, NULL) : APR_EINVAL;
}

const dms_admin_command_t dms_admin_show = {
    .name = "show",
    .arguments = "[PATH]",
    .help = "Shows the properties that clients have set at and below a path (/): a\n"
            "line with the path, and an indented one for each, as XML.\n",
    .options = "",
    .most = 1,
    .run = run_show,
};

/* --- for import --- */

/* A dms_sink_fn: to standard output. */
static apr_status_t print_brigade(void *baton, apr_bucket_brigade *bb, int flush)
{
    apr_status_t rv = APR_SUCCESS;
    apr_bucket *bucket;

    for (bucket = APR_BRIGADE_FIRST(bb); bucket != APR_BRIGADE_SENTINEL(bb) && rv == APR_SUCCESS;
         bucket = APR_BUCKET_NEXT(bucket)) {
        const char *bytes;
        apr_size_t length;

        rv = apr_bucket_read(bucket, &bytes, &length, APR_BLOCK_READ);
        if (rv == APR_SUCCESS) {
            rv = dms_write_all(STDOUT_FILENO, bytes, length);
        }
    }
    apr_brigade_cleanup(bb);
    return rv;
}

static apr_status_t write_properties(void *baton, const char *key, dms_dead_property_t *first,
                                     apr_pool_t *pool)
{
    dms_writer_t *writer = baton;
    dms_response_t *response = dms_response_create(dms_writer_pool(writer), key);
    dms_propstat_t *propstat = dms_response_propstat(response, 200);

    for (; first; first = first->next) {
        dms_element_t *element = apr_pcalloc(response->pool, sizeof(*element));

        element->name = first->name;
        element->markup = first->xml;
        dms_propstat_add(propstat, element);
    }
    return dms_writer_response(writer, response);
}

static apr_status_t run_export(dms_admin_t *admin)
{
    const char *key = dms_argument_key(admin, 0);
    dms_writer_t *writer = dms_writer_create(admin->pool, apr_bucket_alloc_create(admin->pool),
                                             print_brigade, NULL);
    apr_status_t rv;

    if (!key) {
        return APR_EINVAL;
    }
    rv = dms_visit_properties(admin, key, &all, write_properties, writer);
    if (rv == APR_SUCCESS) {
        rv = dms_writer_end(writer, NULL);
    }
    return rv == APR_SUCCESS ? rv : dms_tell(rv, "the export is not whole");
}

const dms_admin_command_t dms_admin_export = {
    .name = "export",
    .arguments = "[PATH]",
    .help = "Writes the properties at and below a path (/) to standard output, as a\n"
            "DAV:multistatus document (RFC 4918) whose hrefs are paths. Whose they are\n"
            "is not written.\n",
    .options = "",
    .most = 1,
    .run = run_export,
};
