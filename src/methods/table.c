#include "methods/table.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <http_protocol.h>
#include <http_request.h>

#define METHODS 64 /* as many as httpd has numbers for */

/* Written while the configuration is read, by one thread; constant afterwards. */
static struct {
    int number;
    const dms_method_t *method;
} table[METHODS];
static int count;

void dms_table_reset(void)
{
    count = 0;
}

static int find(int number)
{
    int i;

    for (i = 0; i < count && table[i].number != number; i++) {
    }
    return i;
}

void dms_table_add(apr_pool_t *pconf, const dms_method_t *method)
{
    int number = ap_method_register(pconf, method->name), i = find(number);

    if (i < METHODS && number != M_INVALID) {
        table[i].number = number;
        table[i].method = method;
        count += i == count;
    }
}

const dms_method_t *dms_table_find(int number)
{
    int i = find(number);

    return i < count ? table[i].method : NULL;
}

int dms_table_offers_for(const dms_provider_t *provider, const dms_method_t *method,
                         dms_kind_e kind)
{
    return method->kinds & 1u << kind
           && (!method->is_offered || method->is_offered(provider, kind));
}

int dms_table_offers(const dms_provider_t *provider, const dms_method_t *method)
{
    return dms_table_offers_for(provider, method, DMS_KIND_NONE)
           || dms_table_offers_for(provider, method, DMS_KIND_FILE)
           || dms_table_offers_for(provider, method, DMS_KIND_COLLECTION);
}

void dms_table_set_allowed(request_rec *r, const dms_provider_t *provider, dms_kind_e kind)
{
    int i;

    ap_allow_methods(r, REPLACE_ALLOW, "OPTIONS", NULL);
    for (i = 0; i < count; i++) {
        if (dms_table_offers_for(provider, table[i].method, kind)) {
            ap_allow_methods(r, MERGE_ALLOW, table[i].method->name, NULL);
        }
    }
}

const char *dms_table_names(apr_pool_t *pool)
{
    const char *names = "HEAD, POST"; /* GET's, and httpd's */
    int i;

    for (i = 0; i < count; i++) {
        names = apr_pstrcat(pool, names, ", ", table[i].method->name, NULL);
    }
    return names;
}

static int compare_classes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Classes 1 and 3 are the protocol's as a whole. */
const char *dms_table_compliance(request_rec *r, const dms_provider_t *provider)
{
    apr_array_header_t *classes = apr_array_make(r->pool, 4, sizeof(const char *));
    const char *list;
    int i;

    APR_ARRAY_PUSH(classes, const char *) = "1";
    APR_ARRAY_PUSH(classes, const char *) = "3";
    for (i = 0; i < count; i++) {
        const dms_method_t *method = table[i].method;

        if (method->compliance && dms_table_offers(provider, method)) {
            APR_ARRAY_PUSH(classes, const char *) = method->compliance;
        }
    }
    qsort(classes->elts, (size_t)classes->nelts, sizeof(const char *), compare_classes);
    list = APR_ARRAY_IDX(classes, 0, const char *);
    for (i = 1; i < classes->nelts; i++) {
        list = apr_pstrcat(r->pool, list, ", ", APR_ARRAY_IDX(classes, i, const char *), NULL);
    }
    return list;
}
