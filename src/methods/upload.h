/*
 * A body that becomes the content of a file, or a part of it: what PUT and PATCH have in common.
 */
#ifndef DMS_UPLOAD_H
#define DMS_UPLOAD_H

#include "methods/method.h"
#include "request/headers.h"

/* What a method makes of its request. */
typedef struct dms_upload_how_t {
    const dms_range_t *part; /* that the body is; NULL: it is the whole file */
    int must_exist;          /* 404 where no file is, which is made otherwise */
    int mismatch;            /* the HTTP status where the body has not the part's length */
} dms_upload_how_t;

/* Receives the body into a temporary, and puts the file in place in one step: 201 or 204, with the
 * new file's ETag. Errors: 405 on a collection; 409 without a parent, or where somebody else has
 * changed what a part is written into; 413 beyond the largest gap; 416 before the file's begin;
 * those of conditions, locks, the disk, and dms_body_read(). */
dms_error_t *dms_upload(dms_request_t *request, const dms_upload_how_t *how);

/* Whether a provider can do that. */
int dms_upload_is_offered(const dms_provider_t *provider, dms_kind_e kind);

#endif
