#include "admin/settings.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "admin/tell.h"
#include "changes/changes.h"
#include "recovery/recovery.h"
#include "repository/fs/fs.h"

/* How much is gathered. */
#define BYTES (4 * 1024 * 1024)

/* When a transaction begins nothing new any more: the commit takes time, too. */
#define WORK (DMS_RECOVERY_SLICE / 2)

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
    apr_int64_t set;
    /* Of the transaction: */
    dms_tx_t *tx;
    apr_pool_t *scratch;
    apr_time_t until;
    const char *key; /* of the resource that was looked for last; NULL: none */
    dms_presence_e presence;
};

static void start_gathering(dms_settings_t *settings)
{
    apr_pool_clear(settings->pool);
    settings->gathered = apr_array_make(settings->pool, 256, sizeof(setting_t));
    settings->bytes = 0;
}

dms_settings_t *dms_settings_create(dms_admin_t *admin, int keeps)
{
    dms_settings_t *settings = apr_pcalloc(admin->pool, sizeof(*settings));

    settings->admin = admin;
    settings->keeps = keeps;
    apr_pool_create(&settings->pool, admin->pool);
    apr_pool_create(&settings->scratch, admin->pool);
    start_gathering(settings);
    return settings;
}

/* --- in a transaction --- */

static apr_status_t begin(dms_settings_t *settings)
{
    apr_status_t rv = dms_tx_begin(settings->admin->store, settings->scratch, &settings->tx);

    if (rv == APR_SUCCESS) {
        dms_tx_act_for(settings->tx, settings->admin->user);
        settings->until = apr_time_now() + WORK;
        settings->key = NULL;
    }
    return rv;
}

static apr_status_t end(dms_settings_t *settings)
{
    apr_status_t rv = APR_SUCCESS;

    if (settings->tx && settings->admin->is_dry) {
        dms_tx_abort(settings->tx);
    }
    else if (settings->tx) {
        rv = dms_tx_commit(settings->tx);
    }
    settings->tx = NULL;
    apr_pool_clear(settings->scratch);
    return rv;
}

/* Looks for the resource, once a transaction: nobody removes it meanwhile but past the server. */
static int is_there(dms_settings_t *settings, const char *key)
{
    dms_witness_t witness = {&dms_fs_provider, settings->scratch};

    if (!settings->key || strcmp(settings->key, key) != 0) {
        settings->key = key;
        settings->presence = dms_witness_presence(&witness, key);
        if (settings->presence != DMS_PRESENCE_THERE) {
            dms_tell_left(settings->admin, key,
                          settings->presence == DMS_PRESENCE_GONE ? "nothing is there"
                                                                  : "can't be looked at");
        }
    }
    return settings->presence == DMS_PRESENCE_THERE;
}

/* Whether the resource has the property already. Told is what then is lost. */
static apr_status_t is_kept(dms_settings_t *settings, const setting_t *setting, int *is)
{
    const char *present = NULL;
    apr_status_t rv = settings->keeps ? dms_tx_value(settings->tx, setting->key, setting->name,
                                                     settings->scratch, &present)
                                      : APR_SUCCESS;

    *is = present != NULL;
    if (present && strcmp(present, setting->xml) != 0) {
        dms_tell_left(settings->admin, setting->key,
                      apr_psprintf(settings->scratch, "has another {%s}%s already, which stays",
                                   setting->name->ns, setting->name->local));
    }
    return rv;
}

static apr_status_t set(dms_settings_t *settings, const setting_t *setting)
{
    int is;
    apr_status_t rv;

    if (!is_there(settings, setting->key)) {
        return APR_SUCCESS;
    }
    rv = is_kept(settings, setting, &is);
    if (rv != APR_SUCCESS || is) {
        return rv;
    }
    settings->set++;
    return dms_changed(settings->tx, DMS_CHANGE(DMS_PROPERTY, .key = setting->key,
                                                .name = setting->name, .xml = setting->xml));
}

static apr_status_t set_gathered(dms_settings_t *settings)
{
    apr_status_t ended, rv = APR_SUCCESS;
    int i;

    for (i = 0; i < settings->gathered->nelts && rv == APR_SUCCESS; i++) {
        if (settings->tx && apr_time_now() >= settings->until) {
            rv = end(settings);
        }
        if (rv == APR_SUCCESS && !settings->tx) {
            rv = begin(settings);
        }
        if (rv == APR_SUCCESS) {
            rv = set(settings, &APR_ARRAY_IDX(settings->gathered, i, setting_t));
        }
    }
    ended = end(settings);
    start_gathering(settings);
    return rv == APR_SUCCESS ? ended : rv;
}

/* --- gathering --- */

apr_status_t dms_settings_add(dms_settings_t *settings, const char *key, const dms_name_t *name,
                              const char *xml)
{
    setting_t *setting = apr_array_push(settings->gathered);
    const setting_t *before = setting - 1;

    setting->key = settings->gathered->nelts > 1 && !strcmp(before->key, key)
                       ? before->key
                       : apr_pstrdup(settings->pool, key);
    setting->name = dms_name_create(settings->pool, name->ns, name->local);
    setting->xml = apr_pstrdup(settings->pool, xml);
    settings->bytes += strlen(xml) + sizeof(*setting);
    return settings->bytes < BYTES ? APR_SUCCESS : set_gathered(settings);
}

apr_status_t dms_settings_end(dms_settings_t *settings)
{
    apr_status_t rv = set_gathered(settings);

    printf("%" APR_INT64_T_FMT " properties %s\n", settings->set,
           settings->admin->is_dry ? "would be set" : "set");
    return rv;
}
