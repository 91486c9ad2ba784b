/*
 * Acts, and the right to them.
 *
 * An act is one thing that is done to one resource: its content is read, its name is removed. A
 * method is made of acts, on several resources mostly: a COPY of a folder reads each file below
 * it, creates a member for each where it goes, and removes what was there. httpd knows rights by
 * methods and URLs; the table in acts.c says which of them stands for which act, and no other
 * place spells a method's name to ask.
 *
 * A question is a subrequest: httpd maps the URL, merges the sections that rule it, and runs the
 * access checks, all without running a handler. That costs some 20 microseconds, so sections.h
 * tells where none is needed. What was answered once is not asked again for the same request, and
 * no password is checked twice: where a place authenticates as the one before it did, the client
 * is who it is.
 *
 * No question is asked while others wait for the store: not in a transaction (store/store.h).
 */
#ifndef DMS_ACTS_H
#define DMS_ACTS_H

#include <httpd.h>

#include "mod_dav_multistatus.h"

/* A status beside errno's: httpd does not allow an act (403). */
#define DMS_EDENIED (APR_OS_START_USERERR + 1)

typedef enum dms_act_e {
    DMS_ACT_SEE,        /* that a resource is there, and its properties; a collection's members */
    DMS_ACT_READ,       /* a file's content; of a collection: to go through it */
    DMS_ACT_CREATE,     /* a resource where none is */
    DMS_ACT_REPLACE,    /* a file's content */
    DMS_ACT_PROPERTIES, /* to change them */
    DMS_ACT_LOCK,
    DMS_ACT_UNLOCK,
    DMS_ACT_REMOVE, /* a name, with what it is a name of */
    /* A MOVE's and MKCOL's own right, which httpd itself asks for. What they do is the above. */
    DMS_ACT_MOVE,
    DMS_ACT_MAKE_COLLECTION
} dms_act_e;

/* The URL path, escaped, that a RewriteRule of a directory has put in place of a request's own, for
 * every method: mod_rewrite's handler is going to lead the request there. NULL: none. */
const char *dms_act_rewritten(const request_rec *r);

/* Whether a request may be led to another URL. What is changed keeps its name: a rule that puts one
 * file in place of all that are not there, as sites have it, would lead each PUT to that file. */
int dms_act_follows(const request_rec *r, const char *other);

/* Asks httpd what it makes of an act on the resource at a URL. uri is an escaped path; where a
 * directory's RewriteRule puts another in its place, that one is asked for, too. The answer's
 * status is HTTP_OK where the act is allowed, and its per_dir_config, content_type and so on are
 * those of the URL. A refusal is not logged: nobody has asked for the resource. To be freed with
 * ap_destroy_sub_req(); it lives no longer than the request. */
request_rec *dms_act_ask(request_rec *r, dms_act_e act, dms_kind_e kind, const char *uri);

/* The same for what r, a request or itself a question, does, as if it were for another URL. */
request_rec *dms_act_ask_same(request_rec *r, const char *uri);

/* What an answer comes to for r: HTTP_OK; what httpd would refuse with; or 403 where the module is
 * Off there, or has another provider than for r. */
int dms_act_status_of(const request_rec *r, const request_rec *answer);

/* Where httpd has mapped a request to, also where nothing is: a path without slashes at its end, or
 * what mod_proxy makes of it. NULL where it is none: refused or redirected before it was mapped, or
 * not of the file system. From pool. */
const char *dms_act_place_of(const request_rec *r, apr_pool_t *pool);

/* Asks where these two are all that matters. place lives until the next question. */
int dms_act_status(request_rec *r, dms_act_e act, dms_kind_e kind, const char *uri,
                   const char **place);

/* Whether httpd's answer to "may it be seen?" means that a resource is hidden from r: that nothing
 * is there, or that it is denied, unless such names are to be shown. */
int dms_act_hides(request_rec *r, int status);

/* Asks whether it is hidden: then no answer may name it. */
int dms_act_is_hidden(request_rec *r, const char *uri);

/* How far down a path, escaped and relative to a collection's uri, a client may know of what is
 * there: the path itself; otherwise that of the collection which holds the first that is hidden, ""
 * for the one at uri. From pool. */
const char *dms_act_seen_part(request_rec *r, const char *uri, const char *path, apr_pool_t *pool);

/* The status with which to refuse r, where an act that it implies elsewhere is refused with the
 * answer given: that one's own; for 401 r gets the challenge, too; 502 for a redirection, which is
 * not r's to follow. */
int dms_act_refusal(request_rec *r, const request_rec *answer);

/* Who r's client is where an answer has been asked for, whatever it may do there; NULL: nobody, or
 * httpd has not asked. Lives as long as both. */
const char *dms_act_user(request_rec *r, request_rec *answer);

/* The origin of r's page, where an answer is 403 for that alone (DavMultistatusAllowOrigin); or
 * NULL. */
const char *dms_act_stranger(const request_rec *answer);

/* Asks for an act that r implies: HTTP_OK, or the status with which to refuse r, as above. */
int dms_act_require(request_rec *r, dms_act_e act, dms_kind_e kind, const char *uri);

/* Whether the configuration lets r's client remove a lock that is another's
 * (DavMultistatusUnlockAny). Beside the right to UNLOCK, which httpd has seen to. */
int dms_act_may_break_locks(request_rec *r);

/* The hooks by which questions are told from clients' requests. */
void dms_acts_register_hooks(void);

#endif
