#include "properties/live.h"

#include <apr_strings.h>
#include <apr_time.h>

#include "locks/locks.h"

#define FILES (1u << DMS_KIND_FILE)
#define COLLECTIONS (1u << DMS_KIND_COLLECTION)
#define ALL (FILES | COLLECTIONS)

static void put_two_digits(char *text, int number)
{
    text[0] = (char)('0' + number / 10 % 10);
    text[1] = (char)('0' + number % 10);
}

/* Section 15.1: the date-time of RFC 3339. */
static int creationdate(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    char *text;
    apr_time_exp_t t;

    if (!(subject->facts->known & DMS_FACT_CREATED)) {
        return 0;
    }
    apr_time_exp_gmt(&t, apr_time_from_sec(subject->facts->created.seconds));
    text = apr_pstrdup(pool, "0000-00-00T00:00:00Z");
    put_two_digits(text, (t.tm_year + 1900) / 100);
    put_two_digits(text + 2, (t.tm_year + 1900) % 100);
    put_two_digits(text + 5, t.tm_mon + 1);
    put_two_digits(text + 8, t.tm_mday);
    put_two_digits(text + 11, t.tm_hour);
    put_two_digits(text + 14, t.tm_min);
    put_two_digits(text + 17, t.tm_sec);
    element->text = text;
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

#define DAV(local) DMS_NAME(DMS_NS_DAV, local)

/* clang-format off */
const dms_live_property_t dms_live_properties[] = {
    {DAV("creationdate"), DMS_PROTECTED, ALL, DMS_FACT_CREATED, creationdate, 0},
    {DAV("displayname"), DMS_OVERRIDABLE, ALL, 0, displayname, 0},
    {DAV("getcontentlanguage"), DMS_PROTECTED, FILES, DMS_FACT_TYPE, getcontentlanguage, 0},
    {DAV("getcontentlength"), DMS_PROTECTED, FILES, DMS_FACT_SIZE, getcontentlength, 0},
    {DAV("getcontenttype"), DMS_PROTECTED, ALL, DMS_FACT_TYPE, getcontenttype, 0},
    {DAV("getetag"), DMS_PROTECTED, ALL, DMS_FACT_ETAG, getetag, 0},
    {DAV("getlastmodified"), DMS_MODIFIED, ALL, DMS_FACT_MODIFIED, getlastmodified, 0},
    {DAV("lockdiscovery"), DMS_PROTECTED, ALL, DMS_FACT_LOCKS, lockdiscovery, 0},
    {DAV("resourcetype"), DMS_PROTECTED, ALL, 0, resourcetype, 0},
    {DAV("supportedlock"), DMS_PROTECTED, ALL, 0, supportedlock, 1},
    {DMS_NAME(DMS_NS_APACHE, "executable"), DMS_PROTECTED, FILES, DMS_FACT_EXECUTABLE, executable,
     0},
    {{NULL, NULL, 0}, DMS_PROTECTED, 0, 0, NULL, 0},
};
/* clang-format on */

const dms_live_property_t *dms_live_property(const apr_array_header_t *offered,
                                             const dms_name_t *name)
{
    const dms_live_property_t *property;
    int i;

    for (property = dms_live_properties; property->value; property++) {
        if (dms_name_equal(&property->name, name)) {
            return property;
        }
    }
    for (i = 0; offered && i < offered->nelts; i++) {
        property = APR_ARRAY_IDX(offered, i, const dms_live_property_t *);
        if (dms_name_equal(&property->name, name)) {
            return property;
        }
    }
    return NULL;
}
