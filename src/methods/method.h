/*
 * The methods: one file each. A method reads its headers and body, decides, acts on the repository,
 * and reports.
 */
#ifndef DMS_METHOD_H
#define DMS_METHOD_H

#include <httpd.h>

#include "repository/provider.h"
#include "server/config.h"
#include "server/error.h"

typedef struct dms_request_t {
    request_rec *r;
    const dms_config_t *config;
    const dms_provider_t *provider;
} dms_request_t;

/* Answers a request. NULL: it has been answered, and *result is what the handler has to return (OK
 * unless set). Otherwise the error is sent; then nothing may have been sent before. */
typedef dms_error_t *dms_method_fn(dms_request_t *request, int *result);

dms_method_fn dms_method_get; /* HEAD, too */
dms_method_fn dms_method_options;
dms_method_fn dms_method_propfind;

/* What every method needs first: the resource that the URL names, with the facts wanted. Errors: what
 * the provider's lookup gives; where it must exist, 404 if it does not. */
dms_error_t *dms_method_lookup(dms_request_t *request, unsigned int facts, int must_exist,
                               dms_resource_t *resource);

/* Sets the methods that r's resource allows, for OPTIONS and for 405. */
void dms_method_set_allowed(request_rec *r, const dms_resource_t *resource);

#endif
