#include "methods/upload.h"

#include <errno.h>

#include <apr_strings.h>
#include <http_protocol.h>

#include "changes/changes.h"
#include "methods/barriers.h"
#include "methods/conditions.h"
#include "methods/get.h"
#include "methods/litter.h"
#include "methods/room.h"
#include "methods/steps.h"
#include "properties/checksums.h"
#include "request/digests.h"
#include "request/prefer.h"
#include "server/body.h"
#include "server/space.h"

/* How many bytes beyond the end of a file a part may begin, at most: what is between is a hole. */
#define GAP_MAX ((apr_off_t)1 << 30)

typedef struct upload_t {
    dms_request_t *request;
    const dms_upload_how_t *asked;
    dms_resource_t resource;
    dms_node_t *parent;
    dms_write_t how;
    apr_off_t length; /* that the body has to have; -1: any */
    apr_off_t received;
    dms_digests_t *digests; /* that the client has told; NULL: none */
    dms_stream_t *stream;
    apr_pool_t *pool; /* of the stream, which goes before the answer is sent */
    const dms_moment_t *modified;
    dms_facts_t facts; /* of the new file */
    dms_room_t room;
} upload_t;

static dms_error_t *mismatch(upload_t *upload, const char *message)
{
    return dms_error(upload->request->r->pool, upload->asked->mismatch, NULL, "%s", message);
}

/* How long the file is going to be, where so many bytes have come or are to come. */
static apr_off_t length_of(const upload_t *upload, apr_off_t bytes)
{
    apr_off_t begin = upload->how.offset < 0 ? 0 : upload->how.offset;
    apr_off_t end = bytes < APR_INT64_MAX - begin ? begin + bytes : APR_INT64_MAX;

    return upload->how.offset >= 0 && end < upload->room.before ? upload->room.before : end;
}

static dms_error_t *take(void *baton, const char *bytes, apr_size_t length)
{
    upload_t *upload = baton;
    dms_error_t *error;
    apr_status_t rv;

    upload->received += (apr_off_t)length;
    if (upload->length >= 0 && upload->received > upload->length) {
        return mismatch(upload, "the body is longer than its range");
    }
    error = dms_room_check(&upload->room, length_of(upload, upload->received));
    if (error) {
        return error;
    }
    dms_digests_add(upload->digests, bytes, length);
    rv = upload->request->provider->append(upload->stream, bytes, length);
    return rv == APR_SUCCESS
               ? NULL
               : dms_error_of(upload->request->r->pool, rv, "the content can't be written");
}

static dms_error_t *allowed(dms_request_t *request, const dms_resource_t *resource)
{
    dms_error_t *error = dms_conditions_check(request, resource);

    return error ? error
                 : dms_barriers_check(request, resource->key,
                                      resource->facts.kind == DMS_KIND_NONE
                                          ? DMS_WRITES_SELF | DMS_WRITES_PARENT
                                          : DMS_WRITES_SELF);
}

/* Finds where a part begins: where the file has something, or not far beyond. */
static dms_error_t *place_part(upload_t *upload, const dms_range_t *part)
{
    const dms_facts_t *facts = &upload->resource.facts;
    apr_pool_t *pool = upload->request->r->pool;
    apr_off_t size = facts->kind == DMS_KIND_FILE && facts->known & DMS_FACT_SIZE ? facts->size : 0;

    if (part->is_from_end && part->offset > size) {
        return dms_error(pool, HTTP_RANGE_NOT_SATISFIABLE, NULL,
                         "the part begins before the file does");
    }
    upload->how.offset = part->is_from_end ? size - part->offset : part->offset;
    upload->how.more = !part->is_last;
    upload->length = part->length;
    return upload->how.offset - size > GAP_MAX
               ? dms_error(pool, HTTP_REQUEST_ENTITY_TOO_LARGE, NULL,
                           "the part begins too far beyond the end of the file")
               : NULL;
}

/* A part with a content coding has not the bytes of the file that it is to be a part of. */
static dms_error_t *check_coding(upload_t *upload)
{
    request_rec *r = upload->request->r;
    const char *coding = apr_table_get(r->headers_in, "Content-Encoding");

    if (!upload->asked->part || !coding || !strcasecmp(coding, "identity")) {
        return NULL;
    }
    apr_table_setn(r->err_headers_out, "Accept-Encoding", "identity");
    return dms_error(r->pool, HTTP_UNSUPPORTED_MEDIA_TYPE, NULL,
                     "a part of a file can have no content coding");
}

/* A body of a known length that is not the part's need not be sent. */
static dms_error_t *check_length(upload_t *upload)
{
    const char *text = apr_table_get(upload->request->r->headers_in, "Content-Length");
    apr_off_t length;
    char *end;

    return upload->length >= 0 && text && apr_strtoff(&length, text, &end, 10) == APR_SUCCESS
                   && length != upload->length
               ? mismatch(upload, "the body has not the length of its range")
               : NULL;
}

static dms_error_t *check_resource(upload_t *upload)
{
    request_rec *r = upload->request->r;

    if (upload->resource.facts.kind == DMS_KIND_COLLECTION) {
        dms_method_set_allowed(upload->request, &upload->resource);
        return dms_error(r->pool, HTTP_METHOD_NOT_ALLOWED, NULL, "this is a collection");
    }
    return r->uri[strlen(r->uri) - 1] == '/'
               ? dms_error(r->pool, HTTP_CONFLICT, NULL, "a file's URL has no slash at its end")
               : dms_litter_check(upload->request, 0);
}

/* Whether there is room for as much as is known of the body. */
static dms_error_t *check_room(upload_t *upload)
{
    dms_request_t *request = upload->request;
    apr_off_t expected = upload->length >= 0 ? upload->length : dms_body_expected(request->r);
    dms_error_t *error = dms_room_find(&upload->room, request, &upload->resource, upload->parent);

    if (!error && expected > 0) {
        error = dms_room_check(&upload->room, length_of(upload, expected));
    }
    return error ? error
                 : dms_space_check_disk(request->r, request->provider, upload->parent, expected);
}

/* What can be known before the body is read, so that nobody sends it in vain. */
static dms_error_t *prepare(upload_t *upload)
{
    dms_request_t *request = upload->request;
    const dms_range_t *part = upload->asked->part;
    dms_error_t *error = dms_method_lookup(request, DMS_CONDITION_FACTS, upload->asked->must_exist,
                                           &upload->resource);

    if (!error) {
        error = check_resource(upload);
    }
    if (!error) {
        error = dms_method_parent(request, &upload->resource, &upload->parent);
    }
    if (!error && part) {
        error = place_part(upload, part);
    }
    if (!error) {
        error = check_length(upload);
    }
    if (!error) {
        error = allowed(request, &upload->resource);
    }
    return error ? error : check_room(upload);
}

static dms_error_t *check_digests(upload_t *upload)
{
    const char *header = dms_digests_finish(upload->digests);

    return header ? dms_error(upload->request->r->pool, HTTP_BAD_REQUEST, NULL,
                              "checksum mismatch: the body is not what %s says", header)
                  : NULL;
}

static dms_error_t *receive(upload_t *upload)
{
    request_rec *r = upload->request->r;
    apr_status_t rv;
    dms_error_t *error;

    apr_pool_create(&upload->pool, r->pool);
    rv = upload->request->provider->write(upload->parent, upload->resource.name, &upload->how,
                                          upload->pool, &upload->stream);
    if (rv == ENOENT) {
        return dms_error(r->pool, HTTP_CONFLICT, NULL, "the collection is gone");
    }
    if (rv != APR_SUCCESS) {
        return dms_error_of(r->pool, rv, "the file can't be written");
    }
    error = dms_body_read(r, take, upload);
    if (!error && upload->length >= 0 && upload->received != upload->length) {
        error = mismatch(upload, "the body is shorter than its range");
    }
    if (!error) {
        error = check_digests(upload);
    }
    if (!error) { /* now, since nobody has to wait for it */
        rv = upload->request->provider->finish(upload->stream, upload->modified);
        error = rv == APR_SUCCESS ? NULL
                                  : dms_error_of(r->pool, rv, "the content can't be written");
    }
    return error;
}

/* What has been true before the body came is asked again, since now nobody else can change it. */
static dms_error_t *check_again(upload_t *upload, dms_resource_t *now)
{
    dms_request_t *request = upload->request;
    request_rec *r = request->r;
    dms_node_t *parent;
    dms_error_t *error = dms_method_lookup(request, DMS_CONDITION_FACTS, 0, now);

    if (!error && now->facts.kind == DMS_KIND_COLLECTION) {
        error = dms_error(r->pool, HTTP_CONFLICT, NULL,
                          "a collection has been made here meanwhile");
    }
    if (!error) {
        error = dms_method_parent(request, now, &parent);
    }
    if (!error && !request->provider->is_same(parent, upload->parent)) {
        error = dms_error(r->pool, HTTP_CONFLICT, NULL, "the collection has been moved meanwhile");
    }
    if (!error) {
        error = allowed(request, now);
    }
    if (!error && upload->how.offset >= 0 && strcmp(now->facts.etag, upload->resource.facts.etag)) {
        error = dms_error(r->pool, HTTP_CONFLICT, NULL,
                          "the file of which a part is written has changed meanwhile");
    }
    return error;
}

/* Keeps the checksums of a whole file that were found true. */
static apr_status_t keep_checksums(upload_t *upload, dms_tx_t *tx)
{
    apr_pool_t *pool = upload->request->r->pool;
    const char *list = dms_digests_list(upload->digests, pool);

    return list && !upload->asked->part
               ? dms_changed(tx,
                             DMS_CHANGE(DMS_PROPERTY, .key = upload->resource.key,
                                        .name = &dms_checksums_name,
                                        .xml = dms_checksums_xml(pool, upload->facts.etag, list)))
               : APR_SUCCESS;
}

/* Puts the file in place. */
static dms_error_t *publish(upload_t *upload, dms_tx_t *tx, int *is_new)
{
    dms_request_t *request = upload->request;
    dms_resource_t now = {.node = NULL};
    dms_error_t *error = check_again(upload, &now);
    apr_status_t rv, told;

    if (error) {
        return error;
    }
    *is_new = now.facts.kind == DMS_KIND_NONE;
    dms_room_look(&upload->room, request, &now, upload->parent);
    error = dms_room_check_again(&upload->room, length_of(upload, upload->received));
    if (error) {
        return error;
    }
    rv = dms_changed(tx, DMS_CHANGE(*is_new ? DMS_CREATED : DMS_WRITTEN, .key = now.key));
    if (rv != APR_SUCCESS) {
        return dms_error_of_store(request->r, rv);
    }
    rv = request->provider->publish(upload->stream, &upload->facts);
    told = dms_room_tell(&upload->room, tx);
    if (rv != APR_SUCCESS) {
        return dms_error_of(request->r->pool, rv, "the file can't be put in place");
    }
    rv = told == APR_SUCCESS ? keep_checksums(upload, tx) : told;
    return rv == APR_SUCCESS ? NULL : dms_error_of_store(request->r, rv);
}

static dms_error_t *try_to_finish(upload_t *upload)
{
    request_rec *r = upload->request->r;
    int is_new;
    dms_tx_t *tx;
    dms_error_t *error = dms_step_begin_new(upload->request, upload->resource.key, &tx);

    if (error) {
        return error;
    }
    error = publish(upload, tx, &is_new);
    if (error) {
        dms_step_abort(upload->request, tx);
        return error;
    }
    error = dms_step_commit(upload->request, tx);
    if (!error) {
        r->status = is_new ? HTTP_CREATED : HTTP_NO_CONTENT;
        apr_table_set(r->headers_out, "ETag", upload->facts.etag);
    }
    return error;
}

/* The folder's quota can have been forgotten since it was asked for room. */
static dms_error_t *finish(upload_t *upload)
{
    dms_error_t *error = try_to_finish(upload);
    int i;

    for (i = 0; error && upload->room.is_unknown && i < DMS_ROOM_COUNTS; i++) {
        error = dms_room_count(&upload->room);
        if (!error) {
            error = try_to_finish(upload);
        }
    }
    return error;
}

/* Shows a client that prefers it what is there now, also where its conditions have failed
 * (RFC 8144, section 3). Returns the error that is left. */
static dms_error_t *represent(upload_t *upload, dms_error_t *error)
{
    request_rec *r = upload->request->r;

    if (!dms_prefer_parse(r->pool, apr_table_get(r->headers_in, "Prefer")).representation) {
        return error;
    }
    if (!error) {
        dms_get_represent(upload->request, r->status == HTTP_CREATED ? HTTP_CREATED : HTTP_OK,
                          upload->facts.etag);
    }
    else if (error->status == HTTP_PRECONDITION_FAILED) {
        r->status = error->status; /* now, so that no body is asked for which waits for a 100 */
        if (ap_discard_request_body(r) == OK
            && dms_get_represent(upload->request, error->status, NULL)) {
            error = NULL;
        }
    }
    return error;
}

dms_error_t *dms_upload(dms_request_t *request, const dms_upload_how_t *how)
{
    request_rec *r = request->r;
    upload_t upload = {.request = request, .asked = how, .length = -1};
    dms_moment_t modified = {0, 0};
    dms_error_t *error;

    upload.how.offset = -1;
    upload.how.sync = dms_config_sync(request->config);
    upload.digests = dms_digests_create(r->pool, r->headers_in, how->part != NULL);
    error = dms_method_mtime(request, &modified, &upload.modified);
    if (!error) {
        error = check_coding(&upload);
    }
    if (!error) {
        error = prepare(&upload);
    }
    if (!error) {
        error = receive(&upload);
    }
    if (!error) {
        error = finish(&upload);
    }
    if (upload.pool) {
        apr_pool_destroy(upload.pool);
    }
    if (!error && upload.modified) {
        dms_method_took_mtime(r);
    }
    return represent(&upload, error);
}

int dms_upload_is_offered(const dms_provider_t *provider, dms_kind_e kind)
{
    return provider->parent && provider->write && provider->append && provider->finish
           && provider->publish;
}
