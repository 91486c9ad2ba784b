/*
 * Importing properties that export has written.
 */
#include <errno.h>
#include <unistd.h>

#include <apr_strings.h>

#include "admin/settings.h"
#include "admin/tell.h"
#include "multistatus/reader.h"
#include "multistatus/xml.h"
#include "properties/live.h"

/* A store's properties are within these; the names are those of all of a store. */
static const dms_reader_limits_t limits = {
    .response = 64 * 1024 * 1024,
    .text = 16 * 1024 * 1024,
    .markup = 16 * 1024 * 1024,
    .names = 1024 * 1024 * 1024,
};

typedef struct importing_t {
    dms_admin_t *admin;
    dms_settings_t *settings;
} importing_t;

/* Whether a property is one that the server keeps for a client, or for itself. */
static int is_stored(const dms_name_t *name)
{
    const dms_live_property_t *live = dms_live_property(NULL, name);

    return !live || live->protection == DMS_OVERRIDABLE || live->protection == DMS_KEPT;
}

static apr_status_t take_property(importing_t *importing, const char *key,
                                  const dms_element_t *element, apr_pool_t *pool)
{
    if (!is_stored(element->name)) {
        dms_tell_left(importing->admin, key,
                      apr_psprintf(pool, "{%s}%s is the server's to tell", element->name->ns,
                                   element->name->local));
        return APR_SUCCESS;
    }
    return dms_settings_add(importing->settings, key, element->name,
                            dms_xml_fragment(pool, element));
}

/* A dms_reader_response_fn. */
static apr_status_t take_response(void *baton, dms_response_t *response)
{
    importing_t *importing = baton;
    const char *key = dms_key_of_href(response->pool, response->href.uri);
    const dms_propstat_t *propstat;
    const dms_element_t *element;
    apr_status_t rv = APR_SUCCESS;

    if (!key) {
        dms_tell_left(importing->admin, response->href.uri, "not the path of a file");
        return rv;
    }
    for (propstat = response->propstats; propstat; propstat = propstat->next) {
        element = propstat->status == 200 ? propstat->properties : NULL;
        for (; element && rv == APR_SUCCESS; element = element->next) {
            rv = take_property(importing, key, element, response->pool);
        }
    }
    return rv;
}

static apr_status_t tell_fault(const dms_reader_t *reader, apr_status_t status)
{
    const dms_reader_fault_t *fault = dms_reader_fault(reader);

    return fault ? dms_tell(APR_EGENERAL, "line %d, column %d: %s", (int)fault->line,
                            (int)fault->column, fault->message)
                 : status;
}

static apr_status_t feed_all(dms_reader_t *reader, int input)
{
    char bytes[65536];
    ssize_t length = 1;
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && length) {
        length = read(input, bytes, sizeof(bytes));
        if (length < 0 && errno != EINTR) {
            return dms_tell(errno, "the import can't be read");
        }
        if (length > 0) {
            rv = dms_reader_feed(reader, bytes, (apr_size_t)length);
        }
    }
    if (rv == APR_SUCCESS) {
        rv = dms_reader_end(reader, NULL);
    }
    return rv == APR_SUCCESS ? rv : tell_fault(reader, rv);
}

static apr_status_t run_import(dms_admin_t *admin)
{
    importing_t importing = {admin, dms_settings_create(admin, 0)};
    dms_reader_t *reader = dms_reader_create(admin->pool, &limits, take_response, &importing);
    apr_status_t rv = feed_all(reader, admin->argument < 0 ? STDIN_FILENO : admin->argument);
    apr_status_t ended = dms_settings_end(importing.settings);

    return rv == APR_SUCCESS ? ended : rv;
}

const dms_admin_command_t dms_admin_import = {
    .name = "import",
    .arguments = "[FILE]",
    .help = "Sets the properties that export has written, from a file or standard\n"
            "input, of all resources that are there. Others that they have stay. They\n"
            "count as those of the user that --user names, or as nobody's.\n",
    .options = "nU",
    .most = 1,
    .opens = DMS_ADMIN_READS,
    .run = run_import,
};
