#include "properties/live.h"

#include <apr_strings.h>
#include <apr_time.h>

#include "locks/locks.h"

#define FILES (1u << DMS_KIND_FILE)
#define COLLECTIONS (1u << DMS_KIND_COLLECTION)
#define ALL (FILES | COLLECTIONS)

/* Section 15.1: the date-time of RFC 3339. */
static int creationdate(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    apr_time_exp_t t;

    if (!(subject->facts->known & DMS_FACT_CREATED)) {
        return 0;
    }
    apr_time_exp_gmt(&t, apr_time_from_sec(subject->facts->created.seconds));
    element->text = apr_psprintf(pool, "%.4d-%.2d-%.2dT%.2d:%.2d:%.2dZ", t.tm_year + 1900,
                                 t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
    return 1;
}

static int displayname(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    element->text = subject->name;
    return 1;
}

static int getcontentlanguage(const dms_subject_t *subject, apr_pool_t *pool,
                              dms_element_t *element)
{
    element->text = subject->language;
    return subject->language != NULL;
}

static int getcontentlength(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    element->text = apr_off_t_toa(pool, subject->facts->size);
    return (subject->facts->known & DMS_FACT_SIZE) != 0;
}

static int getcontenttype(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    element->text = subject->type;
    return subject->type != NULL;
}

static int getetag(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    element->text = subject->facts->etag;
    return (subject->facts->known & DMS_FACT_ETAG) != 0;
}

static int getlastmodified(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    char *date = apr_palloc(pool, APR_RFC822_DATE_LEN);

    apr_rfc822_date(date, apr_time_from_sec(subject->facts->modified.seconds));
    element->text = date;
    return (subject->facts->known & DMS_FACT_MODIFIED) != 0;
}

static int lockdiscovery(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    element->children = dms_locks_discovery(pool, subject->locks);
    return 1;
}

static int supportedlock(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    element->children = dms_locks_supported();
    return 1;
}

static int resourcetype(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    static const dms_name_t name = DMS_NAME(DMS_NS_DAV, "collection");
    static dms_element_t collection = {.name = &name};

    element->children = subject->facts->kind == DMS_KIND_COLLECTION ? &collection : NULL;
    return 1;
}

static int executable(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    element->text = subject->facts->executable ? "T" : "F";
    return (subject->facts->known & DMS_FACT_EXECUTABLE) != 0;
}

const dms_live_property_t dms_live_properties[] = {
    {DMS_NAME(DMS_NS_DAV, "creationdate"), DMS_PROTECTED, ALL, DMS_FACT_CREATED, creationdate},
    {DMS_NAME(DMS_NS_DAV, "displayname"), DMS_OVERRIDABLE, ALL, 0, displayname},
    {DMS_NAME(DMS_NS_DAV, "getcontentlanguage"), DMS_PROTECTED, FILES, DMS_FACT_TYPE,
     getcontentlanguage},
    {DMS_NAME(DMS_NS_DAV, "getcontentlength"), DMS_PROTECTED, FILES, DMS_FACT_SIZE,
     getcontentlength},
    {DMS_NAME(DMS_NS_DAV, "getcontenttype"), DMS_PROTECTED, ALL, DMS_FACT_TYPE, getcontenttype},
    {DMS_NAME(DMS_NS_DAV, "getetag"), DMS_PROTECTED, ALL, DMS_FACT_ETAG, getetag},
    {DMS_NAME(DMS_NS_DAV, "getlastmodified"), DMS_MODIFIED, ALL, DMS_FACT_MODIFIED,
     getlastmodified},
    {DMS_NAME(DMS_NS_DAV, "lockdiscovery"), DMS_PROTECTED, ALL, DMS_FACT_LOCKS, lockdiscovery},
    {DMS_NAME(DMS_NS_DAV, "resourcetype"), DMS_PROTECTED, ALL, 0, resourcetype},
    {DMS_NAME(DMS_NS_DAV, "supportedlock"), DMS_PROTECTED, ALL, 0, supportedlock},
    {DMS_NAME(DMS_NS_APACHE, "executable"), DMS_PROTECTED, FILES, DMS_FACT_EXECUTABLE, executable},
    {{NULL, NULL, 0}, DMS_PROTECTED, 0, 0, NULL},
};

const dms_live_property_t *dms_live_property(const dms_name_t *name)
{
    const dms_live_property_t *property;

    for (property = dms_live_properties; property->value; property++) {
        if (dms_name_equal(&property->name, name)) {
            return property;
        }
    }
    return NULL;
}
