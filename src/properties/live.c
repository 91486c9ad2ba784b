#include "properties/live.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "locks/locks.h"
#include "properties/checksums.h"

#define FILES (1u << DMS_KIND_FILE)
#define COLLECTIONS (1u << DMS_KIND_COLLECTION)
#define ALL (FILES | COLLECTIONS)

#define SECONDS_A_DAY 86400

static void put_two_digits(char *text, int number)
{
    text[0] = (char)('0' + number / 10 % 10);
    text[1] = (char)('0' + number % 10);
}

static void work_out(dms_day_t *day, apr_int64_t number)
{
    char date[APR_RFC822_DATE_LEN];
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, apr_time_from_sec(number * SECONDS_A_DAY));
    apr_rfc822_date(date, apr_time_from_sec(number * SECONDS_A_DAY));
    apr_cpystrn(day->rfc822, date, sizeof("Sun, 22 Nov 2026 "));
    memcpy(day->iso, "0000-00-00T", sizeof("0000-00-00T"));
    put_two_digits(day->iso, (t.tm_year + 1900) / 100);
    put_two_digits(day->iso + 2, (t.tm_year + 1900) % 100);
    put_two_digits(day->iso + 5, t.tm_mon + 1);
    put_two_digits(day->iso + 8, t.tm_mday);
    day->number = number;
}

/* The day of a time, and what is left of the time. */
static const dms_day_t *day_of(const dms_subject_t *subject, apr_int64_t seconds, int *rest)
{
    apr_int64_t number = seconds / SECONDS_A_DAY - (seconds % SECONDS_A_DAY < 0);
    dms_day_t *day = &subject->days[(apr_uint64_t)number % DMS_DAYS];

    if (!*day->rfc822 || day->number != number) {
        work_out(day, number);
    }
    *rest = (int)(seconds - number * SECONDS_A_DAY);
    return day;
}

/* "18:55:07", and what follows it. */
static const char *put_time(apr_pool_t *pool, const char *date, int rest, const char *zone)
{
    char *text = apr_pstrcat(pool, date, "00:00:00", zone, NULL), *time = text + strlen(date);

    put_two_digits(time, rest / 3600);
    put_two_digits(time + 3, rest / 60 % 60);
    put_two_digits(time + 6, rest % 60);
    return text;
}

/* Section 15.1: the date-time of RFC 3339. */
static int creationdate(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    const dms_day_t *day;
    int rest;

    if (!(subject->facts->known & DMS_FACT_CREATED)) {
        return 0;
    }
    day = day_of(subject, subject->facts->created.seconds, &rest);
    element->text = put_time(pool, day->iso, rest, "Z");
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

/* Section 15.7: the date of HTTP. */
static int getlastmodified(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    const dms_day_t *day;
    int rest;

    if (!(subject->facts->known & DMS_FACT_MODIFIED)) {
        return 0;
    }
    day = day_of(subject, subject->facts->modified.seconds, &rest);
    element->text = put_time(pool, day->rfc822, rest, " GMT");
    return 1;
}

/* What Windows sets, and shows before what RFC 4918 has for it: the file's own times, so that they
 * stay true when another client writes. */
static int win32_creation_time(const dms_subject_t *subject, apr_pool_t *pool,
                               dms_element_t *element)
{
    const dms_day_t *day;
    int rest;

    if (!(subject->facts->known & DMS_FACT_CREATED)) {
        return 0;
    }
    day = day_of(subject, subject->facts->created.seconds, &rest);
    element->text = put_time(pool, day->rfc822, rest, " GMT");
    return 1;
}

static int win32_file_attributes(const dms_subject_t *subject, apr_pool_t *pool,
                                 dms_element_t *element)
{
    element->text = subject->facts->kind == DMS_KIND_COLLECTION ? "00000010" : "00000020";
    return 1;
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

/* RFC 4331, section 3. */
static int quota_available_bytes(const dms_subject_t *subject, apr_pool_t *pool,
                                 dms_element_t *element)
{
    if (subject->space) {
        element->text = apr_psprintf(pool, "%" APR_UINT64_T_FMT, subject->space->available);
    }
    return subject->space != NULL;
}

/* The same, section 4. */
static int quota_used_bytes(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    if (subject->space) {
        element->text = apr_psprintf(pool, "%" APR_UINT64_T_FMT, subject->space->used);
    }
    return subject->space != NULL;
}

/* --- who may what --- */

static dms_element_t *add_child(apr_pool_t *pool, dms_element_t *parent, const dms_name_t *name)
{
    dms_element_t *child = apr_pcalloc(pool, sizeof(*child)), **link = &parent->children;

    while (*link) {
        link = &(*link)->next;
    }
    child->name = name;
    return *link = child;
}

/* A path that is nobody's: its name is one that the module keeps for itself. */
#define PRINCIPALS "/" DMS_RESERVED_PREFIX "principals/"

/* RFC 5397. */
static int current_user_principal(const dms_subject_t *subject, apr_pool_t *pool,
                                  dms_element_t *element)
{
    static const dms_name_t href = DMS_NAME(DMS_NS_DAV, "href");
    static const dms_name_t unauthenticated = DMS_NAME(DMS_NS_DAV, "unauthenticated");
    const char *user = subject->user, *c;
    char *text, *end;

    if (!user) {
        add_child(pool, element, &unauthenticated);
        return 1;
    }
    text = apr_palloc(pool, sizeof(PRINCIPALS) + 3 * strlen(user));
    end = apr_cpystrn(text, PRINCIPALS, sizeof(PRINCIPALS));
    for (c = user; *c; c++) {
        if (apr_isalnum(*c) || strchr("-._~", *c)) {
            *end++ = *c;
        }
        else {
            end += apr_snprintf(end, 4, "%%%02X", (unsigned char)*c);
        }
    }
    *end = '\0';
    add_child(pool, element, &href)->text = text;
    return 1;
}

static int has_all(unsigned int rights, unsigned int wanted)
{
    return (rights & wanted) == wanted;
}

/* RFC 3744, section 5.5; the privileges are those of section 3. */
static int current_user_privilege_set(const dms_subject_t *subject, apr_pool_t *pool,
                                      dms_element_t *element)
{
    static const dms_name_t privilege = DMS_NAME(DMS_NS_DAV, "privilege");
    static const struct {
        dms_name_t name;
        unsigned int kinds, rights;
    } privileges[] = {
        {DMS_NAME(DMS_NS_DAV, "read"), ALL, DMS_RIGHT_READ},
        {DMS_NAME(DMS_NS_DAV, "read-current-user-privilege-set"), ALL, 0},
        {DMS_NAME(DMS_NS_DAV, "write"), FILES, DMS_RIGHT_WRITE | DMS_RIGHT_PROPERTIES},
        {DMS_NAME(DMS_NS_DAV, "write"), COLLECTIONS,
         DMS_RIGHT_WRITE | DMS_RIGHT_PROPERTIES | DMS_RIGHT_REMOVE},
        {DMS_NAME(DMS_NS_DAV, "write-content"), ALL, DMS_RIGHT_WRITE},
        {DMS_NAME(DMS_NS_DAV, "write-properties"), ALL, DMS_RIGHT_PROPERTIES},
        {DMS_NAME(DMS_NS_DAV, "bind"), COLLECTIONS, DMS_RIGHT_WRITE},
        {DMS_NAME(DMS_NS_DAV, "unbind"), COLLECTIONS, DMS_RIGHT_REMOVE},
        {DMS_NAME(DMS_NS_DAV, "unlock"), ALL, DMS_RIGHT_UNLOCK},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(privileges) / sizeof(privileges[0]); i++) {
        if (privileges[i].kinds & (1u << subject->facts->kind)
            && has_all(subject->rights, privileges[i].rights)) {
            add_child(pool, add_child(pool, element, &privilege), &privileges[i].name);
        }
    }
    return 1;
}

/* ownCloud's and Nextcloud's letters: readable; deletable; renameable and moveable; a file's
 * content is writable; files and folders can be made. (Shared and mounted nothing is.) */
static int oc_permissions(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element)
{
    unsigned int rights = subject->rights;
    int is_collection = subject->facts->kind == DMS_KIND_COLLECTION;
    int goes = !(rights & DMS_RIGHT_STAYS) && rights & DMS_RIGHT_REMOVE;
    int moves = goes && has_all(rights, DMS_RIGHT_MOVE | DMS_RIGHT_WRITE);

    element->text = apr_pstrcat(pool, rights & DMS_RIGHT_READ ? "G" : "", goes ? "D" : "",
                                moves ? "NV" : "",
                                !(rights & DMS_RIGHT_WRITE) ? ""
                                : is_collection             ? "C"
                                                            : "W",
                                rights & DMS_RIGHT_MAKE_COLLECTION ? "K" : "", NULL);
    return 1;
}

#define OWNCLOUD(local) DMS_NAME("http://owncloud.org/ns", local)
#define WIN32(local) DMS_NAME("urn:schemas-microsoft-com:", local)
#define DAV(local) DMS_NAME(DMS_NS_DAV, local)

/* clang-format off */
const dms_live_property_t dms_live_properties[] = {
    {DAV("creationdate"), DMS_PROTECTED, ALL, DMS_FACT_CREATED, creationdate, 0, 0},
    {DAV("current-user-principal"), DMS_PROTECTED, ALL, DMS_FACT_USER, current_user_principal, 0,
     1},
    {DAV("current-user-privilege-set"), DMS_PROTECTED, ALL, DMS_FACT_RIGHTS,
     current_user_privilege_set, 0, 1},
    {DAV("displayname"), DMS_OVERRIDABLE, ALL, 0, displayname, 0, 0},
    {DAV("getcontentlanguage"), DMS_PROTECTED, FILES, DMS_FACT_TYPE, getcontentlanguage, 0, 0},
    {DAV("getcontentlength"), DMS_PROTECTED, FILES, DMS_FACT_SIZE, getcontentlength, 0, 0},
    {DAV("getcontenttype"), DMS_PROTECTED, ALL, DMS_FACT_TYPE, getcontenttype, 0, 0},
    {DAV("getetag"), DMS_PROTECTED, ALL, DMS_FACT_ETAG, getetag, 0, 0},
    {DAV("getlastmodified"), DMS_MODIFIED, ALL, DMS_FACT_MODIFIED, getlastmodified, 0, 0},
    {DAV("lockdiscovery"), DMS_PROTECTED, ALL, DMS_FACT_LOCKS, lockdiscovery, 0, 0},
    {DAV("quota-available-bytes"), DMS_PROTECTED, COLLECTIONS, DMS_FACT_SPACE,
     quota_available_bytes, 0, 1},
    {DAV("quota-used-bytes"), DMS_PROTECTED, COLLECTIONS, DMS_FACT_SPACE, quota_used_bytes, 0, 1},
    {DAV("resourcetype"), DMS_PROTECTED, ALL, 0, resourcetype, 0, 0},
    {DAV("supportedlock"), DMS_PROTECTED, ALL, 0, supportedlock, 1, 0},
    {DMS_NAME(DMS_NS_APACHE, "executable"), DMS_PROTECTED, FILES, DMS_FACT_EXECUTABLE, executable,
     0, 1},
    {DMS_NAME("http://owncloud.org/ns", "checksums"), DMS_KEPT, FILES, DMS_FACT_ETAG,
     dms_checksums_value, 0, 1},
    {WIN32("Win32CreationTime"), DMS_OVERRIDABLE, ALL, DMS_FACT_CREATED, win32_creation_time, 0, 1},
    {WIN32("Win32FileAttributes"), DMS_OVERRIDABLE, ALL, 0, win32_file_attributes, 0, 1},
    {WIN32("Win32LastModifiedTime"), DMS_MODIFIED, ALL, DMS_FACT_MODIFIED, getlastmodified, 0, 1},
    {OWNCLOUD("permissions"), DMS_PROTECTED, ALL, DMS_FACT_RIGHTS, oc_permissions, 0, 1},
    {{NULL, NULL, 0}, DMS_PROTECTED, 0, 0, NULL, 0, 0},
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
