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
#define DMS_FACT_LOCKS 0x40000000u
#define DMS_FACTS_OF_PROVIDER (~(DMS_FACT_TYPE | DMS_FACT_LOCKS))

/* The table, which ends with a row without a function. */
extern const dms_live_property_t dms_live_properties[];

/* The row of a name, in the table or else among those that other modules offer (an array of const
 * dms_live_property_t *, or NULL); NULL where there is none. */
const dms_live_property_t *dms_live_property(const apr_array_header_t *offered,
                                             const dms_name_t *name);

#endif
