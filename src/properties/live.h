/*
 * Live properties (RFC 4918, section 15): those whose value the server makes.
 *
 * One table holds them all; a property is added by adding a row. What a row's function needs to
 * know of a resource stands in a dms_subject_t; the row says which facts that takes, so that a
 * listing gathers no others.
 */
#ifndef DMS_LIVE_H
#define DMS_LIVE_H

#include "multistatus/element.h"
#include "repository/provider.h"
#include "store/store.h"

/* Beside the facts of a provider: the media type and language, which httpd tells, and the locks,
 * which the store has. */
#define DMS_FACT_TYPE 0x80000000u
#define DMS_FACT_LOCKS 0x40000000u
#define DMS_FACTS_OF_PROVIDER (~(DMS_FACT_TYPE | DMS_FACT_LOCKS))

/* A resource whose properties are told. */
typedef struct dms_subject_t {
    const dms_facts_t *facts;
    const char *name;                /* the last segment of its path, as the provider has it */
    const char *type;                /* what httpd would send as Content-Type, or NULL */
    const char *language;            /* as Content-Language, or NULL */
    const dms_dead_property_t *dead; /* its dead properties, or NULL */
    const dms_lock_t *locks;         /* in force on it, or NULL */
} dms_subject_t;

/* What a client may do to a live property. */
typedef enum dms_protection_e {
    DMS_PROTECTED,
    DMS_OVERRIDABLE, /* a value that a client sets is kept as a dead property, and wins */
    DMS_MODIFIED     /* setting it sets the resource's modification time, where that is allowed */
} dms_protection_e;

typedef struct dms_live_property_t {
    dms_name_t name;
    dms_protection_e protection;
    unsigned int kinds; /* of the resources that can have it: a set of 1u << DMS_KIND_* */
    unsigned int facts; /* that value needs: DMS_FACT_* */
    /* Sets the content of element, from pool or static. Returns whether the subject has the
     * property. Called only for the kinds above. */
    int (*value)(const dms_subject_t *subject, apr_pool_t *pool, dms_element_t *element);
    int is_constant; /* the same for every resource; value is then called without a subject */
} dms_live_property_t;

/* The table, which ends with a row without a function. */
extern const dms_live_property_t dms_live_properties[];

/* The row of a name, or NULL. */
const dms_live_property_t *dms_live_property(const dms_name_t *name);

#endif
