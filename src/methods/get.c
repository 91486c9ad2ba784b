/*
 * GET and HEAD of a plain file: as httpd's default handler would, but with the strong entity tag
 * that PROPFIND shows (the default handler makes one of its own, weak for a file that is new); and
 * of a collection for which nobody has an index (RFC 4918, section 9.4), since clients ask so
 * whether it is there.
 */
#include "methods/get.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include "acts/acts.h"
#include "methods/conditions.h"
#include "request/prefer.h"
#include "properties/checksums.h"
#include "request/digests.h"
#include "server/head.h"
#include "server/state.h"

static void set_headers(request_rec *r, const dms_facts_t *facts)
{
    dms_conditions_set_time(r, facts);
    ap_set_last_modified(r);
    apr_table_setn(r->headers_out, "ETag", apr_pstrdup(r->pool, facts->etag));
    if (facts->known & DMS_FACT_TYPE && facts->type) {
        ap_set_content_type(r, facts->type);
    }
    ap_set_accept_ranges(r);
    ap_set_content_length(r, facts->size);
    if (!facts->size) {
        dms_head_of_nothing(r);
    }
}

static int has_filter(const request_rec *r, const char *name)
{
    const ap_filter_t *filter = r->output_filters;

    while (filter && strcmp(filter->frec->name, name) != 0) {
        filter = filter->next;
    }
    return filter != NULL;
}

static int tells(const request_rec *r, const char *header)
{
    return apr_table_get(r->headers_out, header) || apr_table_get(r->err_headers_out, header);
}

/* A browser takes a file that has not changed for years for one that stays so for months, and an
 * editor in a page then saves over what others have written since. So it is to ask before it uses
 * what it has kept, unless the configuration says how long that holds. */
static void forbid_guessing(request_rec *r)
{
    if (!tells(r, "Cache-Control") && !tells(r, "Expires") && !has_filter(r, "mod_expires")) {
        apr_table_setn(r->headers_out, "Cache-Control", "no-cache");
    }
}

/* What another user would get by the same URL is not this. */
static void forbid_sharing(const dms_request_t *request)
{
    if (request->apart) {
        apr_table_mergen(request->r->headers_out, "Cache-Control", "private");
    }
}

/* ownCloud's clients compare what they get. */
static int is_owncloud(const request_rec *r)
{
    const char *agent = apr_table_get(r->headers_in, "User-Agent");

    return agent && (ap_strstr_c(agent, "mirall/") || ap_strcasestr(agent, "owncloud"));
}

/* Repr-Digest (RFC 9530) is of what is sent, so no filter may compress it. */
static void tell_digest(request_rec *r, const char *list, const char *wanted)
{
    const char *digest = dms_digests_wanted(list, wanted, r->pool);

    if (digest) {
        apr_table_setn(r->headers_out, "Repr-Digest", digest);
        apr_table_setn(r->subprocess_env, "no-gzip", "1");
        apr_table_setn(r->subprocess_env, "no-brotli", "1");
    }
}

/* Tells a file's checksums to who asks for them. Where the store can't be read there are none. */
static void tell_checksums(request_rec *r, const dms_resource_t *resource)
{
    const char *wanted = apr_table_get(r->headers_in, "Want-Repr-Digest"), *list;
    dms_store_t *store = dms_state_store();
    dms_dead_property_t *dead = NULL;
    dms_choice_t choice = {DMS_CHOICE_NONE, 0, {NULL}};

    if ((!wanted && !is_owncloud(r)) || !store || !dms_store_has_properties(store)) {
        return;
    }
    dms_choice_add(&choice, r->pool, &dms_checksums_name);
    dms_store_properties(store, resource->key, &choice, r->pool, &dead);
    list = dms_checksums_of(r->pool, dead, resource->facts.etag);
    if (list && wanted) {
        tell_digest(r, list, wanted);
    }
    if (list && is_owncloud(r)) {
        apr_table_setn(r->headers_out, "OC-Checksum",
                       apr_pstrmemdup(r->pool, list, strcspn(list, " ")));
    }
}

/* Where a filter fails that has answered by itself, with a 416, say, there is nothing to add. */
static int pass(request_rec *r, apr_bucket_brigade *bb)
{
    apr_status_t rv = ap_pass_brigade(r->output_filters, bb);

    return rv == APR_SUCCESS || r->status != HTTP_OK || r->connection->aborted ? OK
                                                                               : AP_FILTER_ERROR;
}

static void answer_collection(request_rec *r)
{
    static const char page[] = "<!DOCTYPE html>\n<title>WebDAV</title>\n"
                               "<p>This is a folder for WebDAV clients.</p>\n";

    ap_set_content_type(r, "text/html; charset=utf-8");
    ap_set_content_length(r, sizeof(page) - 1);
    ap_rwrite(page, sizeof(page) - 1, r);
}

/* Looks for a file, or a collection. The error, or *result where that is not OK, says what comes of
 * anything else. */
static dms_error_t *look_up(dms_request_t *request, dms_resource_t *resource, int *result)
{
    request_rec *r = request->r;
    dms_error_t *error = dms_method_lookup(request, request->submitted ? DMS_FACT_ETAG : 0, 0,
                                           resource);
    dms_kind_e kind = resource->facts.kind;

    if (error) {
        return error;
    }
    if (kind == DMS_KIND_NONE || (kind != DMS_KIND_FILE && r->finfo.filetype == APR_REG)) {
        /* Where httpd has seen a file a moment ago, its own handler must not go after it: it would
         * follow what has come in its place. */
        return dms_error(r->pool, HTTP_NOT_FOUND, NULL, "there is no such file");
    }
    *result = kind == DMS_KIND_OTHER ? DECLINED : ap_discard_request_body(r);
    /* An If is not about what a page includes. */
    return r->main ? NULL : dms_conditions_check_if(request, resource);
}

int dms_get_has_no_handler(const request_rec *r)
{
    const char *type = r->content_type;
    apr_size_t length = type ? strcspn(type, ";") : 0;

    return !r->handler || AP_IS_DEFAULT_HANDLER_NAME(r->handler)
           || !strcmp(r->handler, "default-handler") || !strcmp(r->handler, DMS_HANDLER)
           || (type && !strncmp(r->handler, type, length) && !r->handler[length]);
}

/* Whether the client may GET a file that no other handler answers for, and its type. */
static int is_shown(request_rec *r, const char *uri)
{
    request_rec *asked = dms_act_ask(r, DMS_ACT_READ, DMS_KIND_FILE, uri);
    int is = dms_act_status_of(r, asked) == HTTP_OK && dms_get_has_no_handler(asked);

    if (is) {
        ap_set_content_type(r, apr_pstrdup(r->pool, asked->content_type));
    }
    ap_destroy_sub_req(asked);
    return is;
}

int dms_get_represent(dms_request_t *request, int status, const char *etag)
{
    request_rec *r = request->r;
    const char *uri = dms_method_uri(r, DMS_KIND_FILE);
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    dms_resource_t file = {.node = NULL};

    if (dms_method_lookup(request, 0, 0, &file) || file.facts.kind != DMS_KIND_FILE
        || !is_shown(r, uri) || request->provider->read(&file, r, bb) != APR_SUCCESS
        || (etag && strcmp(etag, file.facts.etag))) {
        apr_brigade_destroy(bb);
        return 0;
    }
    r->status = status;
    apr_table_unset(r->headers_in, "Range"); /* which is for a GET */
    set_headers(r, &file.facts);
    apr_table_setn(r->headers_out, "Content-Location", uri);
    dms_prefer_applied(r->headers_out, DMS_PREFER_REPRESENTATION);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    pass(r, bb);
    return 1;
}

static dms_error_t *answer_get(dms_request_t *request, int *result)
{
    request_rec *r = request->r;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    dms_resource_t resource = {.node = NULL};
    dms_error_t *error = look_up(request, &resource, result);
    apr_status_t rv;
    int condition;

    if (error || *result != OK) {
        return error;
    }
    if (resource.facts.kind == DMS_KIND_COLLECTION) {
        answer_collection(r);
        return NULL;
    }
    rv = request->provider->read(&resource, r, bb);
    if (rv != APR_SUCCESS) {
        return dms_error_of(r->pool, rv, "the file can't be opened");
    }
    ap_allow_standard_methods(r, MERGE_ALLOW, M_GET, M_OPTIONS, -1);
    set_headers(r, &resource.facts);
    forbid_guessing(r);
    forbid_sharing(request);
    tell_checksums(r, &resource);
    condition = ap_meets_conditions(r);
    if (condition != OK) {
        r->status = condition;
        apr_brigade_cleanup(bb);
    }
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    *result = pass(r, bb);
    return NULL;
}

const dms_method_t dms_method_get = {
    .name = "GET",
    .answer = answer_get,
    .kinds = DMS_ON_FILE | DMS_ON_COLLECTION,
};
