#include "properties/plan.h"

#include <apr_tables.h>

typedef enum mode_e {
    MODE_VALUES, /* those named, with 404 for the ones that are not there */
    MODE_ALL,    /* all that are there, and those named */
    MODE_NAMES
} mode_e;

typedef struct entry_t {
    const dms_live_property_t *live; /* NULL: there is no such property */
    int is_required;                 /* was named: 404 where it is not there */
    dms_element_t element;
} entry_t;

struct dms_plan_t {
    mode_e mode;
    unsigned int facts;
    int count;
    entry_t *entries;
};

static int contains(const apr_array_header_t *entries, const dms_name_t *name)
{
    const entry_t *entry = (const entry_t *)(const void *)entries->elts;
    int i;

    for (i = 0; i < entries->nelts; i++) {
        if (dms_name_equal(entry[i].element.name, name)) {
            return 1;
        }
    }
    return 0;
}

static void add(apr_array_header_t *entries, const dms_live_property_t *live,
                const dms_name_t *name, int is_required)
{
    entry_t *entry = apr_array_push(entries);

    memset(entry, 0, sizeof(*entry));
    entry->live = live;
    entry->is_required = is_required;
    entry->element.name = name;
}

/* Adds the properties that a DAV:prop or DAV:include names, each once. */
static const char *add_named(apr_array_header_t *entries, const dms_element_t *prop)
{
    const dms_element_t *element;

    for (element = prop->children; element; element = element->next) {
        if (!element->name || contains(entries, element->name)) {
            continue;
        }
        if (entries->nelts == DMS_PLAN_PROPERTIES) {
            return "too many properties are asked for";
        }
        add(entries, dms_live_property(element->name), element->name, 1);
    }
    return NULL;
}

static void add_all(apr_array_header_t *entries)
{
    const dms_live_property_t *live;

    for (live = dms_live_properties; live->value; live++) {
        if (!contains(entries, &live->name)) {
            add(entries, live, &live->name, 0);
        }
    }
}

/* The parts of a DAV:propfind, each NULL where it is not there. */
typedef struct parts_t {
    const dms_element_t *prop, *propname, *allprop, *include;
} parts_t;

/* (propname | (allprop, include?) | prop) (section 14.20). Others are ignored (section 17). */
static const char *read_parts(const dms_element_t *propfind, parts_t *parts)
{
    const struct {
        const char *local;
        const dms_element_t **part;
    } known[] = {{"prop", &parts->prop},
                 {"propname", &parts->propname},
                 {"allprop", &parts->allprop},
                 {"include", &parts->include}};
    const dms_element_t *element;
    apr_size_t i;

    for (element = propfind->children; element; element = element->next) {
        for (i = 0; element->name && i < sizeof(known) / sizeof(known[0]); i++) {
            if (!dms_name_is_dav(element->name, known[i].local)) {
                continue;
            }
            if (*known[i].part) {
                return "an element stands twice in the propfind element";
            }
            *known[i].part = element;
        }
    }
    if (!!parts->prop + !!parts->propname + !!parts->allprop != 1) {
        return "the propfind element must hold one of prop, propname and allprop";
    }
    if (parts->include && !parts->allprop) {
        return "include stands only beside allprop";
    }
    return NULL;
}

/* For names, a property needs its facts only where no fact settles whether it is there. */
static unsigned int facts_of(const dms_plan_t *plan, const dms_live_property_t *live)
{
    return plan->mode == MODE_NAMES ? live->facts & DMS_FACT_TYPE : live->facts;
}

dms_plan_t *dms_plan_create(apr_pool_t *pool, const dms_element_t *propfind,
                            const char **complaint)
{
    dms_plan_t *plan = apr_pcalloc(pool, sizeof(*plan));
    apr_array_header_t *entries = apr_array_make(pool, 16, sizeof(entry_t));
    parts_t parts = {NULL, NULL, NULL, NULL};
    int i;

    *complaint = NULL;
    plan->mode = MODE_ALL;
    if (propfind) {
        if (!dms_name_is_dav(propfind->name, "propfind")) {
            *complaint = "the body's root is not DAV:propfind";
        }
        else {
            *complaint = read_parts(propfind, &parts);
        }
        plan->mode = parts.propname ? MODE_NAMES : parts.prop ? MODE_VALUES : MODE_ALL;
    }
    if (!*complaint && parts.include) { /* first, so that they are required */
        *complaint = add_named(entries, parts.include);
    }
    if (!*complaint && parts.prop) {
        *complaint = add_named(entries, parts.prop);
    }
    if (*complaint) {
        return NULL;
    }
    if (plan->mode != MODE_VALUES) {
        add_all(entries);
    }
    plan->count = entries->nelts;
    plan->entries = (entry_t *)(void *)entries->elts;
    for (i = 0; i < plan->count; i++) {
        plan->facts |= plan->entries[i].live ? facts_of(plan, plan->entries[i].live) : 0;
    }
    return plan;
}

unsigned int dms_plan_facts(const dms_plan_t *plan)
{
    return plan->facts;
}

void dms_plan_declare(const dms_plan_t *plan, dms_writer_t *writer)
{
    int i;

    for (i = 0; i < plan->count; i++) {
        dms_writer_declare(writer, plan->entries[i].element.name->ns);
    }
}

/* Whether the subject has a property; its element is filled in unless only names are asked. */
static int evaluate(const dms_plan_t *plan, entry_t *entry, const dms_subject_t *subject,
                    apr_pool_t *pool)
{
    dms_element_t *element = &entry->element;
    const dms_live_property_t *live = entry->live;
    int has;

    element->text = NULL;
    element->children = NULL;
    if (!live || !(live->kinds & (1u << subject->facts->kind))) {
        return 0;
    }
    if (plan->mode != MODE_NAMES) {
        return live->value(subject, pool, element);
    }
    has = live->facts & ~DMS_FACT_TYPE || live->value(subject, pool, element);
    element->text = NULL;
    element->children = NULL;
    return has;
}

void dms_plan_apply(dms_plan_t *plan, const dms_subject_t *subject, dms_response_t *response)
{
    dms_propstat_t *found = dms_response_propstat(response, HTTP_OK), *missing = NULL;
    int i;

    for (i = 0; i < plan->count; i++) {
        entry_t *entry = &plan->entries[i];

        if (evaluate(plan, entry, subject, response->pool)) {
            dms_propstat_add(found, &entry->element);
        }
        else if (entry->is_required) {
            if (!missing) {
                missing = dms_response_propstat(response, HTTP_NOT_FOUND);
            }
            dms_propstat_add(missing, &entry->element);
        }
    }
    if (!found->properties && missing) { /* nothing of what was asked is there */
        response->propstats = missing;
    }
}
