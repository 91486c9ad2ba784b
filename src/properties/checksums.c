#include "properties/checksums.h"

#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>

#define NS "http://owncloud.org/ns"

const dms_name_t dms_checksums_name = DMS_NAME(NS, "checksums");

/* Between these it stands. */
#define MIDDLE "\"><checksum>"
#define END "</checksum></checksums>"

static const char *begin_of(apr_pool_t *pool, const char *etag)
{
    return apr_pstrcat(pool, "<checksums xmlns=\"" NS "\" etag=\"",
                       apr_pescape_entity(pool, etag, 0), MIDDLE, NULL);
}

const char *dms_checksums_xml(apr_pool_t *pool, const char *etag, const char *list)
{
    return apr_pstrcat(pool, begin_of(pool, etag), list, END, NULL);
}

const char *dms_checksums_of(apr_pool_t *pool, const dms_dead_property_t *dead, const char *etag)
{
    const char *begin, *list;
    apr_size_t length;

    while (dead && !dms_name_equal(dead->name, &dms_checksums_name)) {
        dead = dead->next;
    }
    if (!dead || !dead->xml) {
        return NULL;
    }
    begin = begin_of(pool, etag);
    length = strlen(begin);
    if (strncmp(dead->xml, begin, length)) {
        return NULL;
    }
    list = dead->xml + length;
    return apr_pstrmemdup(pool, list, strcspn(list, "<"));
}

int dms_checksums_value(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    static const dms_name_t name = DMS_NAME(NS, "checksum");
    const char *list = subject->facts->known & DMS_FACT_ETAG
                           ? dms_checksums_of(pool, subject->dead, subject->facts->etag)
                           : NULL;

    if (list) {
        element->children = apr_pcalloc(pool, sizeof(*element->children));
        element->children->name = &name;
        element->children->text = list;
    }
    return list != NULL;
}
