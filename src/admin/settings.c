#include "admin/settings.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "admin/slices.h"
#include "admin/tell.h"
#include "changes/changes.h"
#include "recovery/recovery.h"
#include "repository/fs/fs.h"

/* How much is gathered. */
#define BYTES (4 * 1024 * 1024)

typedef struct setting_t {
    const char *key;
    const dms_name_t *name;
    const char *xml;
} setting_t;

struct dms_settings_t {
    dms_admin_t *admin;
    int keeps;
    apr_pool_t *pool; /* of what is gathered */
    apr_array_header_t *gathered;
    apr_size_t bytes;
    const char *missing; /* the resource of which was told last that it is not there */
    apr_int64_t set;
};

static void start_gathering(dms_settings_t *settings)
{
    apr_pool_clear(settings->pool);
    settings->gathered = apr_array_make(settings->pool, 256, sizeof(setting_t));
    settings->bytes = 0;
    settings->missing = NULL;
}

dms_settings_t *dms_settings_create(dms_admin_t *admin, int keeps)
{
    dms_settings_t *settings = apr_pcalloc(admin->pool, sizeof(*settings));

    settings->admin = admin;
    settings->keeps = keeps;
    apr_pool_create(&settings->pool, admin->pool);
    start_gathering(settings);
    return settings;
}

/* --- in a transaction --- */

/* Looks for the resource: as long as the transaction lasts nobody removes it but past the server.
 */
static int is_there(dms_settings_t *settings, const char *key, apr_pool_t *scratch)
{
    dms_witness_t witness = {&dms_fs_provider, scratch};
    dms_presence_e presence = dms_witness_presence(&witness, key);

    if (presence != DMS_PRESENCE_THERE && settings->missing != key) {
        settings->missing = key;
        dms_tell_left(settings->admin, key,
                      presence == DMS_PRESENCE_GONE ? "nothing is there" : "can't be looked at");
    }
    return presence == DMS_PRESENCE_THERE;
}

/* Whether the resource has the property already. Told is what then is lost. */
static apr_status_t is_kept(dms_settings_t *settings, dms_tx_t *tx, const setting_t *setting,
                            apr_pool_t *scratch, int *is)
{
    const char *present = NULL;
    apr_status_t rv = settings->keeps
                          ? dms_tx_value(tx, setting->key, setting->name, scratch, &present)
                          : APR_SUCCESS;

    *is = present != NULL;
    if (present && strcmp(present, setting->xml) != 0) {
        dms_tell_left(settings->admin, setting->key,
                      apr_psprintf(scratch, "has another {%s}%s already, which stays",
                                   setting->name->ns, setting->name->local));
    }
    return rv;
}

/* A dms_change_fn. */
static apr_status_t set(void *baton, dms_tx_t *tx, const void *item, apr_pool_t *scratch)
{
    dms_settings_t *settings = baton;
    const setting_t *setting = item;
    int is;
    apr_status_t rv;

    if (!is_there(settings, setting->key, scratch)) {
        return APR_SUCCESS;
    }
    rv = is_kept(settings, tx, setting, scratch, &is);
    if (rv != APR_SUCCESS || is) {
        return rv;
    }
    settings->set++;
    return dms_changed(tx, DMS_CHANGE(DMS_PROPERTY, .key = setting->key, .name = setting->name,
                                      .xml = setting->xml));
}

static apr_status_t set_gathered(dms_settings_t *settings)
{
    apr_status_t rv = dms_in_slices(settings->admin, settings->gathered, set, settings);

    start_gathering(settings);
    return rv;
}

/* --- gathering --- */

/* The resource's own copy of its key, where it is that of the one before. */
static const char *keep_key(dms_settings_t *settings, const char *key)
{
    const setting_t *last = settings->gathered->nelts
                                ? &APR_ARRAY_IDX(settings->gathered, settings->gathered->nelts - 1,
                                                 setting_t)
                                : NULL;

    return last && !strcmp(last->key, key) ? last->key : apr_pstrdup(settings->pool, key);
}

apr_status_t dms_settings_add(dms_settings_t *settings, const char *key, const dms_name_t *name,
                              const char *xml)
{
    setting_t setting;

    setting.key = keep_key(settings, key);
    setting.name = dms_name_create(settings->pool, name->ns, name->local);
    setting.xml = apr_pstrdup(settings->pool, xml);
    APR_ARRAY_PUSH(settings->gathered, setting_t) = setting;
    settings->bytes += strlen(xml) + sizeof(setting);
    return settings->bytes < BYTES ? APR_SUCCESS : set_gathered(settings);
}

apr_status_t dms_settings_end(dms_settings_t *settings)
{
    apr_status_t rv = set_gathered(settings);

    printf("%" APR_INT64_T_FMT " properties %s\n", settings->set,
           settings->admin->is_dry ? "would be set" : "set");
    return rv;
}
