/*
 * The reader: a 207 Multi-Status document (RFC 4918, section 13) as it arrives, one response at a
 * time. It is fed with pieces cut at any byte, and calls back with each response as soon as that is
 * complete.
 *
 * A response is what the writer takes (response.h), and lives in a pool that is cleared when the
 * callback has returned; so the memory that a document needs does not grow with its length, and
 * what was read can be written again. It is as the server sent it, propstats in their order, but:
 * white space around an href is gone, and each property carries the xml:lang that was in force for
 * it (section 4.3).
 *
 * What is read: any prefix or default namespace; the parts of a response in any order; UTF-8,
 * UTF-16, ISO-8859-1 and US-ASCII, as the document declares; relative and absolute hrefs, neither
 * resolved nor unescaped. What is unknown, or in a place where section 14 doesn't have it, is
 * ignored with all that is in it (section 17), except within prop and error.
 *
 * What is refused: XML that is not well-formed; a document type declaration (section 20.6); a root
 * that is not DAV:multistatus; a response without href, with neither a status nor a propstat, with
 * both, or with several hrefs and a propstat; a status that is no status line of 200 to 599 (the
 * reason phrase can be missing); a propstat without status; a part twice of which there can be one;
 * and all that is beyond the limits. The responses before a fault have been handed over by then.
 *
 * A reader serves one thread at a time.
 */
#ifndef DMS_READER_H
#define DMS_READER_H

#include <apr_buckets.h>

#include "multistatus/response.h"

/* Creates a reader in pool, where it stays until the pool is cleared. limits, which are copied, may
 * be NULL for all defaults. */
dms_reader_t *dms_reader_create(apr_pool_t *pool, const dms_reader_limits_t *limits,
                                dms_reader_response_fn *on_response, void *baton);

/* Reads the next piece, which is not needed any more afterwards. Returns
 *   APR_SUCCESS    all is well so far;
 *   APR_EINVAL     malformed, or no multistatus as it should be: dms_reader_fault() tells;
 *   APR_ENOSPC     beyond a limit: dms_reader_fault() tells;
 *   any other      what the callback returned.
 * All but the first stay: the same comes back at each call, and nothing more is read. */
apr_status_t dms_reader_feed(dms_reader_t *reader, const char *bytes, apr_size_t length);

/* Reads the data of a brigade, blocking where a bucket does, and ignores its metadata. *at_end
 * becomes 1 where there is an end-of-stream bucket, and is left as it is otherwise; what follows
 * that bucket is ignored. Buckets are deleted as they are read, so that those of a file need no
 * memory: bb is empty afterwards, whatever comes of it. Returns as dms_reader_feed(), and the
 * status of a bucket that can't be read, which stays, too. */
apr_status_t dms_reader_feed_brigade(dms_reader_t *reader, apr_bucket_brigade *bb, int *at_end);

/* Ends the document, and fills *multistatus unless it is NULL. Can be called again. Returns as
 * dms_reader_feed(), and
 *   APR_INCOMPLETE  the bytes ended before the document did; there may have been none at all.
 * *multistatus is filled then, too, with what was read. */
apr_status_t dms_reader_end(dms_reader_t *reader, dms_multistatus_t *multistatus);

/* What is wrong, or NULL where nothing is, or where a callback or a bucket ended the reading. */
const dms_reader_fault_t *dms_reader_fault(const dms_reader_t *reader);

#endif
