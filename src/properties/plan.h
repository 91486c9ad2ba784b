/*
 * The plan: what one PROPFIND asks of each resource (RFC 4918, section 9.1), resolved once.
 *
 * A plan knows which facts the answer needs, and then fills one response after the other with the
 * properties that a resource has and those that it lacks. It belongs to one request, and its
 * elements are used anew for each response.
 */
#ifndef DMS_PLAN_H
#define DMS_PLAN_H

#include "multistatus/writer.h"
#include "properties/live.h"

/* How many properties a request may name. */
#define DMS_PLAN_PROPERTIES 1000

typedef struct dms_plan_t dms_plan_t;

/* Makes a plan in pool from the body of a PROPFIND, or from none (NULL), which asks for all.
 * offered: as for dms_live_property(). Returns NULL, and in *complaint what is wrong (static),
 * where the body breaks the grammar of section 14.20: the status is 400. The body's tree must
 * live as long as the plan. */
dms_plan_t *dms_plan_create(apr_pool_t *pool, const apr_array_header_t *offered,
                            const dms_element_t *propfind, const char **complaint);

/* The facts that the answer needs: DMS_FACT_*. 0: the kind alone is enough. */
unsigned int dms_plan_facts(const dms_plan_t *plan);

/* Which dead properties could be part of the answer. The names in choice live as long as the plan.
 * */
void dms_plan_choose(const dms_plan_t *plan, dms_choice_t *choice);

/* Declares the namespaces of what was asked for. many: the writer is going to write many responses,
 * which is worth some preparation. */
void dms_plan_declare(dms_plan_t *plan, dms_writer_t *writer, int many);

/* Whether something was named, which a resource can lack. */
int dms_plan_names(const dms_plan_t *plan);

/* Has allprop tell a value that is the same everywhere for the first resource alone, which is less
 * than section 9.1 wants of it. */
void dms_plan_tell_once(dms_plan_t *plan);

/* Has what a resource lacks be left out (RFC 8144, section 2.1). */
void dms_plan_omit_missing(dms_plan_t *plan);

/* Adds to a response the propstats that the plan asks for. */
void dms_plan_apply(dms_plan_t *plan, const dms_subject_t *subject, dms_response_t *response);

#endif
