/*
 * A bound on the memory of an Expat parser. Expat keeps every name that it has met, each level that
 * is open, and markup until it ends; a document that streams without end could make it grow
 * without end. With a meter, an allocation beyond the bound fails, and with it the parsing
 * (XML_ERROR_NO_MEMORY).
 *
 * Expat's allocator has no baton, so the thread knows which meter counts: enter before each call
 * of the parser, leave after it.
 */
#ifndef DMS_METER_H
#define DMS_METER_H

#include <stddef.h>

#include <expat.h>

typedef struct dms_meter_t {
    size_t used;
    size_t most;
} dms_meter_t;

/* For XML_ParserCreate_MM(). */
extern const XML_Memory_Handling_Suite dms_meter_suite;

/* Makes this thread's allocations count on a meter; returns the one before, for leave. */
dms_meter_t *dms_meter_enter(dms_meter_t *meter);
void dms_meter_leave(dms_meter_t *before);

#endif
