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

/* Beside the facts of a provider: the media type and language, which httpd tells, the locks, which
 * the store has, how much space there is, what rights the client has, and who it is. */
#define DMS_FACT_LOCKS 0x40000000u
#define DMS_FACT_SPACE 0x20000000u
#define DMS_FACT_RIGHTS 0x10000000u
#define DMS_FACT_USER 0x08000000u
#define DMS_FACTS_OF_PROVIDER                                                                      \
    (~(DMS_FACT_TYPE | DMS_FACT_LOCKS | DMS_FACT_SPACE | DMS_FACT_RIGHTS | DMS_FACT_USER))

/* What the client of a subject's request may do to it; of a collection WRITE, MAKE_COLLECTION and
 * REMOVE are about its members. */
#define DMS_RIGHT_READ 0x01u
#define DMS_RIGHT_WRITE 0x02u
#define DMS_RIGHT_PROPERTIES 0x04u
#define DMS_RIGHT_REMOVE 0x08u
#define DMS_RIGHT_UNLOCK 0x10u /* others' locks */
#define DMS_RIGHT_STAYS 0x20u  /* whatever its rights: it can't be removed or moved */
#define DMS_RIGHT_MAKE_COLLECTION 0x40u
#define DMS_RIGHT_MOVE 0x80u /* and what MOVE does: REMOVE here, WRITE where it goes */

/* What a subject's space is (RFC 4331), in bytes. */
typedef struct dms_space_t {
    apr_uint64_t available; /* to a client that writes */
    apr_uint64_t used;
} dms_space_t;

/* What the store could not tell of a subject (its unread), which is not to say that it has none. */
#define DMS_UNREAD_PROPERTIES 1u
#define DMS_UNREAD_LOCKS 2u

/* How the date of a day is written. A listing keeps some of them (zeroed at first), since its
 * members' times often are of few days, and each date is dear to work out. */
typedef struct dms_day_t {
    apr_int64_t number; /* since 1970-01-01 */
    char iso[12];       /* "2026-11-22T" */
    char rfc822[20];    /* "Sun, 22 Nov 2026 "; "": nothing is kept here */
} dms_day_t;
#define DMS_DAYS 64

/* The table, which ends with a row without a function. */
extern const dms_live_property_t dms_live_properties[];

/* The row of a name, in the table or else among those that other modules offer (an array of const
 * dms_live_property_t *, or NULL); NULL where there is none. */
const dms_live_property_t *dms_live_property(const apr_array_header_t *offered,
                                             const dms_name_t *name);

#endif
