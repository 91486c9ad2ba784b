/*
 * The table of methods, filled by registration while the configuration is read.
 *
 * A method says by its record of which kinds of resource it is a method, what a provider has to
 * offer for it, and what it adds to the DAV header (RFC 4918, section 10.1). Allow, OPTIONS, 405
 * and the handler follow from that: who adds a method writes one file, and registers it.
 */
#ifndef DMS_TABLE_H
#define DMS_TABLE_H

#include <httpd.h>

#include "repository/provider.h"

struct dms_request_t;
struct dms_error_t;

/* Answers a request. NULL: it has been answered, and *result is what the handler has to return (OK
 * unless set). Otherwise the error is sent; then nothing may have been sent before. */
typedef struct dms_error_t *dms_method_fn(struct dms_request_t *request, int *result);

#define DMS_ON_NONE (1u << DMS_KIND_NONE) /* it makes something where nothing is */
#define DMS_ON_FILE (1u << DMS_KIND_FILE)
#define DMS_ON_COLLECTION (1u << DMS_KIND_COLLECTION)
#define DMS_ON_ALL (DMS_ON_NONE | DMS_ON_FILE | DMS_ON_COLLECTION)

typedef struct dms_method_t {
    const char *name; /* "PROPFIND": httpd gives it a number where it has none */
    dms_method_fn *answer;
    unsigned int kinds; /* DMS_ON_*: for which it is in Allow */
    /* Whether a provider can do what it takes, for one of its kinds. NULL: each can. */
    int (*is_offered)(const dms_provider_t *provider, dms_kind_e kind);
    const char *compliance; /* the class that it adds to the DAV header, or NULL */
} dms_method_t;

/* Empties the table; in pre_config. */
void dms_table_reset(void);

/* Adds a method, which is static; in pre_config, after that. Of two with one name, the later
 * counts. */
void dms_table_add(apr_pool_t *pconf, const dms_method_t *method);

/* The method of httpd's number, or NULL. */
const dms_method_t *dms_table_find(int number);

/* Whether a provider offers a method for any of its kinds, or for a certain one. */
int dms_table_offers(const dms_provider_t *provider, const dms_method_t *method);
int dms_table_offers_for(const dms_provider_t *provider, const dms_method_t *method,
                         dms_kind_e kind);

/* Sets what a resource of a kind allows, for OPTIONS and for 405. */
void dms_table_set_allowed(request_rec *r, const dms_provider_t *provider, dms_kind_e kind);

/* The names of all methods, as in Allow, from pool. */
const char *dms_table_names(apr_pool_t *pool);

/* The value of the DAV header: the classes that a provider's methods come to. From r->pool. */
const char *dms_table_compliance(request_rec *r, const dms_provider_t *provider);

#endif
