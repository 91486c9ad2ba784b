/*
 * What other modules get of this one (mod_dav_multistatus.h): the functions, through an optional
 * function, and the hook by which they offer live properties.
 */
#ifndef DMS_API_H
#define DMS_API_H

#include <httpd.h>

#include "mod_dav_multistatus.h"

/* Makes the functions known; in register_hooks. */
void dms_api_register(void);

/* The live properties that other modules offer for what r asks of a provider's resources: an array
 * of const dms_live_property_t *, in r->pool, or NULL where there are none. */
const apr_array_header_t *dms_api_live_properties(request_rec *r, const dms_provider_t *provider);

#endif
