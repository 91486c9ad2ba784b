/*
 * PROPPATCH (RFC 4918, section 9.2): sets and removes properties, in document order, all or none.
 */
#include "methods/method.h"

#include <apr_date.h>
#include <apr_strings.h>
#include <http_core.h>

#include "changes/changes.h"
#include "methods/barriers.h"
#include "methods/conditions.h"
#include "methods/steps.h"
#include "multistatus/xml.h"
#include "properties/live.h"
#include "server/api.h"
#include "server/body.h"
#include "server/reply.h"

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

typedef struct patch_t {
    dms_request_t *request;
    const apr_array_header_t *offered; /* other modules' live properties */
    dms_resource_t resource;
    dms_node_t *parent;
    change_t *first, **last;
    dms_moment_t modified;
    int sets_modified;
    int sets; /* anything at all: what only removes is no matter of space */
    int count;
    int has_failed;
} patch_t;

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

static void add_changes(patch_t *patch, const dms_element_t *prop, int is_removal,
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
static dms_error_t *write_values(patch_t *patch)
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

/* propertyupdate: (remove | set)+, each with a prop (section 14.19). */
static dms_error_t *read_changes(patch_t *patch)
{
    request_rec *r = patch->request->r;
    dms_element_t *root = NULL, *update, *prop;
    const dms_attribute_t *language, *inner;
    dms_error_t *error = dms_body_read_xml(r, &root);

    if (error) {
        return error;
    }
    if (!root || !dms_name_is_dav(root->name, "propertyupdate")) {
        return dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "the body is no DAV:propertyupdate");
    }
    language = dms_element_language(root, NULL);
    for (update = root->children; update; update = update->next) {
        int is_removal = update->name && dms_name_is_dav(update->name, "remove");

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
    if (patch->count > PROPERTIES_MAX) {
        return dms_error(r->pool, HTTP_INSUFFICIENT_STORAGE, NULL, "too many properties at once");
    }
    return patch->first ? write_values(patch)
                        : dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "no property is named");
}

static void refuse(patch_t *patch, change_t *change, int status, const char *condition)
{
    change->status = status;
    change->condition = condition;
    patch->has_failed = 1;
}

/* Takes an HTTP date as the resource's new modification time. */
static void plan_modified(patch_t *patch, change_t *change)
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
static int may_set_time(const patch_t *patch, const dms_name_t *name)
{
    return patch->request->provider->set_modified
           && (strcmp(name->ns, DMS_NS_DAV) || dms_config_set_modified(patch->request->config));
}

/* Decides on one change before anything is done. */
static void judge(patch_t *patch, change_t *change)
{
    const dms_name_t *name = change->element->name;
    const dms_live_property_t *live = dms_live_property(patch->offered, name);

    if (live && live->protection == DMS_MODIFIED && !change->is_removal
        && may_set_time(patch, name)) {
        plan_modified(patch, change);
    }
    else if (live && live->protection != DMS_OVERRIDABLE) {
        refuse(patch, change, HTTP_FORBIDDEN, "cannot-modify-protected-property");
    }
}

static int is_kept(const patch_t *patch, const change_t *change)
{
    const dms_live_property_t *live = dms_live_property(patch->offered, change->element->name);

    return !live || live->protection == DMS_OVERRIDABLE;
}

static apr_status_t store_change(patch_t *patch, dms_tx_t *tx, const change_t *change)
{
    return is_kept(patch, change)
               ? dms_changed(tx, DMS_CHANGE(DMS_PROPERTY, .key = patch->resource.key,
                                            .name = change->element->name, .xml = change->xml))
               : APR_SUCCESS;
}

static dms_error_t *quota_exceeded(patch_t *patch, const char *what)
{
    return dms_error(patch->request->r->pool, HTTP_INSUFFICIENT_STORAGE, "quota-not-exceeded", "%s",
                     what); /* RFC 4331, section 6 */
}

/* Whether there is more now than there may be. */
static dms_error_t *check_usage(patch_t *patch, const dms_usage_t *usage)
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

/* Gives the resource the time that it had. */
static void restore_modified(void *baton, int is_doubtful)
{
    const patch_t *patch = baton;

    patch->request->provider->set_modified(patch->parent, patch->resource.name,
                                           &patch->resource.facts.modified,
                                           dms_config_sync(patch->request->config));
}

/* Sets the time, unless the transaction comes to nothing. */
static dms_error_t *set_modified(patch_t *patch, dms_tx_t *tx)
{
    dms_request_t *request = patch->request;
    dms_error_t *error = dms_method_parent(request, &patch->resource, &patch->parent);
    apr_status_t rv;

    if (error) {
        return error;
    }
    dms_tx_on_undo(tx, restore_modified, patch); /* it may be set, and fail to be synced */
    rv = request->provider->set_modified(patch->parent, patch->resource.name, &patch->modified,
                                         dms_config_sync(request->config));
    return rv == APR_SUCCESS ? NULL : dms_error_of(request->r->pool, rv, "the time can't be set");
}

/* Carries all changes out. */
static dms_error_t *carry_out(patch_t *patch, dms_tx_t *tx)
{
    dms_request_t *request = patch->request;
    apr_status_t rv = APR_SUCCESS;
    dms_error_t *error;
    change_t *change;
    dms_usage_t usage = {.own_properties = 0};

    for (change = patch->first; change && rv == APR_SUCCESS; change = change->next) {
        rv = store_change(patch, tx, change);
    }
    if (rv == APR_SUCCESS && patch->sets) {
        rv = dms_tx_usage(tx, patch->resource.key, &usage);
    }
    error = dms_step_stored(request, tx, rv);
    if (!error) {
        error = check_usage(patch, &usage);
        if (error) {
            dms_step_abort(request, tx);
        }
    }
    if (!error && patch->sets_modified) {
        error = set_modified(patch, tx);
        if (error) {
            dms_step_abort(request, tx);
        }
    }
    return error ? error : dms_step_commit(request, tx);
}

/* Adds a change to the propstat of its status; a condition makes one of its own. */
static void tell(patch_t *patch, dms_response_t *response, change_t *change)
{
    int status = !patch->has_failed ? HTTP_OK
                 : change->status   ? change->status
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

/* Always a 207, also where all went well: anything else reads as an error in Windows. */
static int answer(patch_t *patch)
{
    request_rec *r = patch->request->r;
    dms_reply_t *reply = dms_reply_create(r);
    dms_response_t *response = dms_response_create(dms_reply_pool(reply),
                                                   dms_method_uri(r, patch->resource.facts.kind));
    apr_hash_t *told = apr_hash_make(r->pool);
    change_t *change;

    for (change = patch->first; change; change = change->next) {
        const char *name = apr_pstrcat(r->pool, change->answer.name->local, " ",
                                       change->answer.name->ns, NULL);

        dms_writer_declare(reply->writer, change->answer.name->ns);
        if (!apr_hash_get(told, name, APR_HASH_KEY_STRING)) { /* each once, however often changed */
            apr_hash_set(told, name, APR_HASH_KEY_STRING, change);
            tell(patch, response, change);
        }
    }
    dms_reply_add(reply, response);
    return dms_reply_end(reply, NULL);
}

static dms_error_t *answer_proppatch(dms_request_t *request, int *result)
{
    patch_t patch = {.request = request,
                     .offered = dms_api_live_properties(request->r, request->provider)};
    dms_error_t *error;
    change_t *change;
    dms_tx_t *tx;

    patch.last = &patch.first;
    error = read_changes(&patch);
    if (!error) {
        error = dms_method_lookup(request, DMS_CONDITION_FACTS, 1, &patch.resource);
    }
    if (!error) {
        error = dms_step_begin(request, &tx);
    }
    if (error) {
        return error;
    }
    error = dms_method_lookup(request, DMS_CONDITION_FACTS, 1, &patch.resource);
    if (!error) {
        error = dms_conditions_check(request, &patch.resource);
    }
    if (!error) {
        error = dms_barriers_check(request, patch.resource.key, DMS_WRITES_SELF);
    }
    for (change = patch.first; change; change = change->next) {
        judge(&patch, change);
    }
    if (error || patch.has_failed) {
        dms_step_abort(request, tx);
    }
    else {
        error = carry_out(&patch, tx);
    }
    if (!error) {
        *result = answer(&patch);
    }
    return error;
}

static int is_offered(const dms_provider_t *provider, dms_kind_e kind)
{
    return provider->parent != NULL;
}

const dms_method_t dms_method_proppatch = {
    .name = "PROPPATCH",
    .answer = answer_proppatch,
    .kinds = DMS_ON_FILE | DMS_ON_COLLECTION,
    .is_offered = is_offered,
};
