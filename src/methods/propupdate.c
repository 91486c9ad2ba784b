#include "methods/propupdate.h"

#include <apr_date.h>
#include <apr_strings.h>

#include "changes/changes.h"
#include "methods/steps.h"
#include "multistatus/xml.h"
#include "properties/live.h"
#include "server/api.h"

/* How many dead properties a resource can have, and of how many bytes, which a MOVE of it writes
 * anew while others wait: a value of a MiB, with what stands around it. */
#define PROPERTIES_MAX 2000
#define PROPERTY_BYTES_MAX ((1024 + 64) * 1024)

/* One property of the request. */
typedef struct change_t change_t;
struct change_t {
    const dms_element_t *element;
    int is_removal;
    const char *xml; /* what is kept; NULL: nothing is */
    int status;      /* 0: nothing against it */
    const char *condition;
    dms_element_t answer; /* the name alone */
    change_t *next;
};

struct dms_propupdate_t {
    dms_request_t *request;
    const apr_array_header_t *offered; /* other modules' live properties */
    int is_birth;
    change_t *first, **last;
    dms_moment_t modified;
    int sets_modified;
    int sets; /* anything at all: what only removes is no matter of space */
    int count;
    int failure; /* the status of the first change that can't be made; 0: none */
};

dms_propupdate_t *dms_propupdate_create(dms_request_t *request, int is_birth)
{
    dms_propupdate_t *patch = apr_pcalloc(request->r->pool, sizeof(*patch));

    patch->request = request;
    patch->offered = dms_api_live_properties(request->r, request->provider);
    patch->is_birth = is_birth;
    patch->last = &patch->first;
    return patch;
}

/* The element with the xml:lang that is in scope (section 4.3), which its ancestors may have set.
 * */
static const dms_element_t *with_language(apr_pool_t *pool, const dms_element_t *property,
                                          const dms_attribute_t *language)
{
    const dms_attribute_t *own;
    dms_attribute_t *attribute;
    dms_element_t *copy;

    for (own = property->attributes; own; own = own->next) {
        if (!language || dms_name_equal(own->name, language->name)) {
            break;
        }
    }
    if (!language || own) {
        return property;
    }
    attribute = apr_pmemdup(pool, language, sizeof(*language));
    attribute->next = property->attributes;
    copy = apr_pmemdup(pool, property, sizeof(*property));
    copy->attributes = attribute;
    return copy;
}

static void add_changes(dms_propupdate_t *patch, const dms_element_t *prop, int is_removal,
                        const dms_attribute_t *language)
{
    apr_pool_t *pool = patch->request->r->pool;
    const dms_element_t *element;

    for (element = prop->children; element; element = element->next) {
        change_t *change;

        if (!element->name) {
            continue;
        }
        change = apr_pcalloc(pool, sizeof(*change));
        change->element = with_language(pool, element, language);
        change->is_removal = is_removal;
        change->answer.name = element->name;
        *patch->last = change;
        patch->last = &change->next;
        patch->count++;
        patch->sets |= !is_removal;
    }
}

/* Writes what is to be kept, before others wait; no more than a resource can have. */
static dms_error_t *write_values(dms_propupdate_t *patch)
{
    apr_pool_t *pool = patch->request->r->pool;
    apr_size_t bytes = 0;
    change_t *change;

    for (change = patch->first; change; change = change->next) {
        if (!change->is_removal) {
            change->xml = dms_xml_fragment(pool, change->element);
            bytes += strlen(change->xml);
        }
        if (bytes > PROPERTY_BYTES_MAX) {
            return dms_error(pool, HTTP_INSUFFICIENT_STORAGE, NULL, "too much at once");
        }
    }
    return NULL;
}

/* (remove | set)+, each with a prop (RFC 4918, section 14.19); mkcol: set+ (RFC 5689, 5.1). */
dms_error_t *dms_propupdate_read(dms_propupdate_t *patch, const dms_element_t *root)
{
    const dms_attribute_t *language = dms_element_language(root, NULL), *inner;
    const dms_element_t *update, *prop;

    for (update = root->children; update; update = update->next) {
        int is_removal = !patch->is_birth && update->name
                         && dms_name_is_dav(update->name, "remove");

        if (!is_removal && !(update->name && dms_name_is_dav(update->name, "set"))) {
            continue;
        }
        inner = dms_element_language(update, language);
        for (prop = update->children; prop; prop = prop->next) {
            if (prop->name && dms_name_is_dav(prop->name, "prop")) {
                add_changes(patch, prop, is_removal, dms_element_language(prop, inner));
            }
        }
    }
    return patch->count > PROPERTIES_MAX
               ? dms_error(patch->request->r->pool, HTTP_INSUFFICIENT_STORAGE, NULL,
                           "too many properties at once")
               : write_values(patch);
}

int dms_propupdate_is_empty(const dms_propupdate_t *patch)
{
    return !patch->first;
}

static void refuse(dms_propupdate_t *patch, change_t *change, int status, const char *condition)
{
    change->status = status;
    change->condition = condition;
    patch->failure = patch->failure ? patch->failure : status;
}

/* Takes an HTTP date as the resource's new modification time. */
static void plan_modified(dms_propupdate_t *patch, change_t *change)
{
    const char *text = change->element->text;
    apr_time_t time = text ? apr_date_parse_http(text) : APR_DATE_BAD;

    if (time != APR_DATE_BAD) {
        patch->modified.seconds = apr_time_sec(time);
        patch->sets_modified = 1;
    }
    else {
        refuse(patch, change, HTTP_CONFLICT, NULL);
    }
}

/* Windows sets a file's time by a property of its own. */
static int may_set_time(const dms_propupdate_t *patch, const dms_name_t *name)
{
    return patch->request->provider->set_modified
           && (strcmp(name->ns, DMS_NS_DAV) || dms_config_set_modified(patch->request->config));
}

/* Whether a resourcetype is that of what MKCOL makes here: a collection, and nothing else. */
static int is_collection_type(const dms_element_t *type)
{
    const dms_element_t *child;
    int is_collection = 0;

    for (child = type->children; child; child = child->next) {
        if (child->name && !dms_name_is_dav(child->name, "collection")) {
            return 0;
        }
        is_collection |= child->name != NULL;
    }
    return is_collection;
}

/* Decides on one change before anything is done. */
static void judge(dms_propupdate_t *patch, change_t *change)
{
    const dms_name_t *name = change->element->name;
    const dms_live_property_t *live = dms_live_property(patch->offered, name);

    if (patch->is_birth && dms_name_is_dav(name, "resourcetype")) {
        if (!is_collection_type(change->element)) {
            refuse(patch, change, HTTP_FORBIDDEN, "valid-resourcetype");
        }
    }
    else if (live && live->protection == DMS_MODIFIED && !change->is_removal
             && may_set_time(patch, name)) {
        plan_modified(patch, change);
    }
    else if (live && live->protection != DMS_OVERRIDABLE) {
        refuse(patch, change, HTTP_FORBIDDEN, "cannot-modify-protected-property");
    }
}

int dms_propupdate_judge(dms_propupdate_t *patch)
{
    change_t *change;

    for (change = patch->first; change; change = change->next) {
        judge(patch, change);
    }
    return !patch->failure;
}

static int is_kept(const dms_propupdate_t *patch, const change_t *change)
{
    const dms_live_property_t *live = dms_live_property(patch->offered, change->element->name);

    return !live || live->protection == DMS_OVERRIDABLE;
}

static apr_status_t store_change(dms_propupdate_t *patch, dms_tx_t *tx, const char *key,
                                 const change_t *change)
{
    return is_kept(patch, change)
               ? dms_changed(tx, DMS_CHANGE(DMS_PROPERTY, .key = key, .name = change->element->name,
                                            .xml = change->xml))
               : APR_SUCCESS;
}

static dms_error_t *quota_exceeded(dms_propupdate_t *patch, const char *what)
{
    return dms_error(patch->request->r->pool, HTTP_INSUFFICIENT_STORAGE, "quota-not-exceeded", "%s",
                     what); /* RFC 4331, section 6 */
}

/* Whether there is more now than there may be. */
static dms_error_t *check_usage(dms_propupdate_t *patch, const dms_usage_t *usage)
{
    const dms_config_t *config = patch->request->config;

    if (usage->own_properties > PROPERTIES_MAX || usage->own_bytes > PROPERTY_BYTES_MAX) {
        return quota_exceeded(patch, "a resource has no more than 2,000 properties, and 1 MiB");
    }
    if (usage->collection_properties > dms_config_max_properties(config)) {
        return quota_exceeded(patch, "its folder has too many (DavMultistatusMaxProperties)");
    }
    if (usage->principal_bytes > dms_config_max_property_bytes(config)) {
        return quota_exceeded(patch, "the user has too much (DavMultistatusMaxPropertyBytes)");
    }
    return NULL;
}

dms_error_t *dms_propupdate_store(dms_propupdate_t *patch, dms_tx_t *tx, const char *key)
{
    apr_status_t rv = APR_SUCCESS;
    dms_usage_t usage = {.own_properties = 0};
    const change_t *change;

    for (change = patch->first; change && rv == APR_SUCCESS; change = change->next) {
        rv = store_change(patch, tx, key, change);
    }
    if (rv == APR_SUCCESS && patch->sets) {
        rv = dms_tx_usage(tx, key, &usage);
    }
    return rv == APR_SUCCESS ? check_usage(patch, &usage)
                             : dms_error_of_store(patch->request->r, rv);
}

const dms_moment_t *dms_propupdate_modified(const dms_propupdate_t *patch)
{
    return patch->sets_modified ? &patch->modified : NULL;
}

/* Adds a change to the propstat of its status; a condition makes one of its own. */
static void tell(dms_propupdate_t *patch, dms_response_t *response, change_t *change)
{
    int status = !patch->failure  ? HTTP_OK
                 : change->status ? change->status
                                  : HTTP_FAILED_DEPENDENCY;
    dms_propstat_t *propstat = dms_response_propstat(response, status);
    dms_element_t *condition;

    if (change->condition && !propstat->error) {
        condition = apr_pcalloc(response->pool, sizeof(*condition));
        condition->name = dms_name_create(response->pool, DMS_NS_DAV, change->condition);
        propstat->error = condition;
    }
    dms_propstat_add(propstat, &change->answer);
}

int dms_propupdate_tell(dms_propupdate_t *patch, dms_response_t *response, dms_writer_t *writer)
{
    apr_pool_t *pool = patch->request->r->pool;
    apr_hash_t *told = apr_hash_make(pool);
    change_t *change;

    for (change = patch->first; change; change = change->next) {
        const dms_name_t *name = change->answer.name;
        const char *key = apr_pstrcat(pool, name->local, " ", name->ns, NULL);

        if (writer) {
            dms_writer_declare(writer, name->ns);
        }
        if (!apr_hash_get(told, key, APR_HASH_KEY_STRING)) { /* each once, however often changed */
            apr_hash_set(told, key, APR_HASH_KEY_STRING, change);
            tell(patch, response, change);
        }
    }
    return patch->failure ? patch->failure : HTTP_OK;
}
