#include "properties/plan.h"

#include <apr_tables.h>
#include <httpd.h>

#include "multistatus/xml.h"

typedef enum mode_e {
    MODE_VALUES, /* those named, with 404 for the ones that are not there */
    MODE_ALL,    /* all that are there, and those named */
    MODE_NAMES
} mode_e;

typedef struct entry_t {
    const dms_live_property_t *live; /* NULL: there is no such property */
    int is_required;                 /* was named: 404 where it is not there */
    const char *constant;            /* the markup of a value that is the same everywhere */
    int is_told;                     /* that value, by a response before */
    dms_element_t element;
} entry_t;

struct dms_plan_t {
    apr_pool_t *pool;
    mode_e mode;
    unsigned int facts;
    int omits_missing;
    int tells_once;
    int count;
    entry_t *entries;
};

static const entry_t *find_entry(const entry_t *entries, int count, const dms_name_t *name)
{
    int i;

    for (i = 0; i < count; i++) {
        const dms_name_t *entry = entries[i].element.name;

        if (entry->length == name->length && dms_name_equal(entry, name)) {
            return &entries[i];
        }
    }
    return NULL;
}

static int contains(const apr_array_header_t *entries, const dms_name_t *name)
{
    return find_entry((const entry_t *)(const void *)entries->elts, entries->nelts, name) != NULL;
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
static const char *add_named(apr_array_header_t *entries, const apr_array_header_t *offered,
                             const dms_element_t *prop)
{
    const dms_element_t *element;

    for (element = prop->children; element; element = element->next) {
        if (!element->name || contains(entries, element->name)) {
            continue;
        }
        if (entries->nelts == DMS_PLAN_PROPERTIES) {
            return "too many properties are asked for";
        }
        add(entries, dms_live_property(offered, element->name), element->name, 1);
    }
    return NULL;
}

static void add_unless_there(apr_array_header_t *entries, const dms_live_property_t *live)
{
    if (!live->only_named && !contains(entries, &live->name)) {
        add(entries, live, &live->name, 0);
    }
}

static void add_all(apr_array_header_t *entries, const apr_array_header_t *offered)
{
    const dms_live_property_t *live;
    int i;

    for (live = dms_live_properties; live->value; live++) {
        add_unless_there(entries, live);
    }
    for (i = 0; offered && i < offered->nelts; i++) {
        add_unless_there(entries, APR_ARRAY_IDX(offered, i, const dms_live_property_t *));
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

/* Makes the markup of a value that is the same everywhere. */
static void settle_constant(apr_pool_t *pool, entry_t *entry)
{
    if (entry->live && entry->live->is_constant) {
        dms_element_t element = entry->element;

        entry->live->value(NULL, pool, &element);
        entry->constant = dms_xml_fragment(pool, &element);
    }
}

dms_plan_t *dms_plan_create(apr_pool_t *pool, const apr_array_header_t *offered,
                            const dms_element_t *propfind, const char **complaint)
{
    dms_plan_t *plan = apr_pcalloc(pool, sizeof(*plan));
    apr_array_header_t *entries = apr_array_make(pool, 16, sizeof(entry_t));
    parts_t parts = {NULL, NULL, NULL, NULL};
    int i;

    *complaint = NULL;
    plan->pool = pool;
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
        *complaint = add_named(entries, offered, parts.include);
    }
    if (!*complaint && parts.prop) {
        *complaint = add_named(entries, offered, parts.prop);
    }
    if (*complaint) {
        return NULL;
    }
    if (plan->mode != MODE_VALUES) {
        add_all(entries, offered);
    }
    plan->count = entries->nelts;
    plan->entries = (entry_t *)(void *)entries->elts;
    for (i = 0; i < plan->count; i++) {
        settle_constant(pool, &plan->entries[i]);
        plan->facts |= plan->entries[i].live ? facts_of(plan, plan->entries[i].live) : 0;
    }
    return plan;
}

static int may_be_dead(const entry_t *entry)
{
    return !entry->live || entry->live->protection == DMS_OVERRIDABLE;
}

/* Whether what an entry tells is, or may be, kept by the store. */
static int is_stored(const entry_t *entry)
{
    return may_be_dead(entry) || entry->live->protection == DMS_KEPT;
}

unsigned int dms_plan_facts(const dms_plan_t *plan)
{
    return plan->facts;
}

int dms_plan_names(const dms_plan_t *plan)
{
    return plan->count && plan->entries[0].is_required; /* those that are named come first */
}

void dms_plan_tell_once(dms_plan_t *plan)
{
    plan->tells_once = 1;
}

void dms_plan_omit_missing(dms_plan_t *plan)
{
    plan->omits_missing = 1;
}

void dms_plan_choose(const dms_plan_t *plan, dms_choice_t *choice)
{
    int i;

    memset(choice, 0, sizeof(*choice));
    if (plan->mode != MODE_VALUES) {
        choice->what = plan->mode == MODE_NAMES ? DMS_CHOICE_NAMES : DMS_CHOICE_ALL;
        return;
    }
    choice->what = DMS_CHOICE_NONE;
    for (i = 0; i < plan->count; i++) {
        if (is_stored(&plan->entries[i])) {
            dms_choice_add(choice, plan->pool, plan->entries[i].element.name);
        }
    }
}

void dms_plan_declare(dms_plan_t *plan, dms_writer_t *writer, int many)
{
    dms_element_t *element;
    int i;

    for (i = 0; i < plan->count; i++) {
        dms_writer_declare(writer, plan->entries[i].element.name->ns);
    }
    for (i = 0; many && i < plan->count; i++) {
        element = &plan->entries[i].element;
        element->tags = dms_writer_tags(writer, plan->pool, element->name);
    }
}

static const dms_dead_property_t *find_dead(const dms_subject_t *subject, const dms_name_t *name)
{
    const dms_dead_property_t *dead = subject->dead;

    while (dead && !dms_name_equal(dead->name, name)) {
        dead = dead->next;
    }
    return dead;
}

/* Whether the subject has a property; its element gets the value. */
static int evaluate(entry_t *entry, const dms_subject_t *subject, apr_pool_t *pool)
{
    dms_element_t *element = &entry->element;
    const dms_live_property_t *live = entry->live;
    const dms_dead_property_t *dead = NULL;

    element->text = NULL;
    element->children = NULL;
    element->markup = entry->constant;
    if (subject->dead && may_be_dead(entry)) {
        dead = find_dead(subject, element->name);
    }
    if (dead) {
        element->markup = dead->xml;
        return 1;
    }
    return live && live->kinds & (1u << subject->facts->kind)
           && (entry->constant || live->value(subject, pool, element));
}

/* The same where names are asked for. Facts are not known then; but a resource has the properties
 * that need some. */
static int evaluate_name(entry_t *entry, const dms_subject_t *subject, apr_pool_t *pool)
{
    const dms_live_property_t *live = entry->live;
    int has = live->facts & ~DMS_FACT_TYPE ? (live->kinds & (1u << subject->facts->kind)) != 0
                                           : evaluate(entry, subject, pool);

    entry->element.text = NULL;
    entry->element.children = NULL;
    entry->element.markup = NULL;
    return has;
}

/* Whether a property is kept for a client, whoever answers for the name: what an older version of
 * this module has kept of a live one is not told. */
static int is_dead(const dms_name_t *name)
{
    const dms_live_property_t *live = dms_live_property(NULL, name);

    return !live || live->protection == DMS_OVERRIDABLE;
}

/* Whether nobody knows what an entry's value is, or whether there is one, since the store could not
 * be read. */
static int is_unread(const dms_plan_t *plan, const entry_t *entry, const dms_subject_t *subject)
{
    if (plan->mode == MODE_NAMES) {
        return 0; /* the names of live properties are known */
    }
    return (subject->unread & DMS_UNREAD_PROPERTIES && is_stored(entry))
           || (subject->unread & DMS_UNREAD_LOCKS && entry->live
               && entry->live->facts & DMS_FACT_LOCKS);
}

static void add_unread(entry_t *entry, dms_response_t *response)
{
    entry->element.text = NULL;
    entry->element.children = NULL;
    entry->element.markup = NULL;
    dms_propstat_add(dms_response_propstat(response, HTTP_INTERNAL_SERVER_ERROR), &entry->element);
}

/* Says that there may be dead properties of which not even the names can be told. */
static void tell_unread(const dms_subject_t *subject, dms_response_t *response)
{
    if (subject->unread & DMS_UNREAD_PROPERTIES) {
        dms_response_propstat(response, HTTP_INTERNAL_SERVER_ERROR)
            ->description = "the properties that clients have set can't be read";
    }
}

/* Adds the dead properties that no entry of the plan has told of. */
static void add_dead(const dms_plan_t *plan, const dms_subject_t *subject, apr_pool_t *pool,
                     dms_propstat_t *found)
{
    const dms_dead_property_t *dead;

    for (dead = subject->dead; dead; dead = dead->next) {
        dms_element_t *element;

        if (find_entry(plan->entries, plan->count, dead->name) || !is_dead(dead->name)) {
            continue;
        }
        element = apr_pcalloc(pool, sizeof(*element));
        element->name = dead->name;
        element->markup = plan->mode == MODE_NAMES ? NULL : dead->xml;
        dms_propstat_add(found, element);
    }
}

/* Whether nothing more is to be said of an entry. */
static int is_told_already(const dms_plan_t *plan, const entry_t *entry)
{
    return plan->tells_once && entry->is_told && plan->mode == MODE_ALL && !entry->is_required;
}

/* Adds an entry to the propstat that it belongs to, if any. */
static void apply_entry(const dms_plan_t *plan, entry_t *entry, const dms_subject_t *subject,
                        dms_response_t *response, dms_propstat_t *found)
{
    if (is_told_already(plan, entry)) {
        return;
    }
    if (subject->unread && is_unread(plan, entry, subject)) {
        add_unread(entry, response);
        return;
    }
    if (plan->mode == MODE_NAMES ? evaluate_name(entry, subject, response->pool)
                                 : evaluate(entry, subject, response->pool)) {
        dms_propstat_add(found, &entry->element);
        entry->is_told = entry->constant != NULL;
    }
    else if (entry->is_required && !plan->omits_missing) {
        dms_propstat_add(dms_response_propstat(response, HTTP_NOT_FOUND), &entry->element);
    }
}

void dms_plan_apply(dms_plan_t *plan, const dms_subject_t *subject, dms_response_t *response)
{
    dms_propstat_t *found = dms_response_propstat(response, HTTP_OK);
    int i;

    for (i = 0; i < plan->count; i++) {
        apply_entry(plan, &plan->entries[i], subject, response, found);
    }
    if (plan->mode != MODE_VALUES) {
        add_dead(plan, subject, response->pool, found);
        tell_unread(subject, response);
    }
    if (!found->properties && found->next) { /* nothing of what was asked can be told */
        response->propstats = found->next;
    }
}
