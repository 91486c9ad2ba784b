/*
 * Names in another normal form (DavMultistatusNames normalize).
 *
 * A character such as an e with an acute accent can be written as one (NFC, as Linux and Windows
 * do) or as two (NFD, as macOS does): two names for a file system, one for a person. A name that
 * is not there, and is not ASCII, is looked for in its other form, and where that is there, the
 * request is for that one: before any access check, so that all rules are those of the name that
 * is there; what denies the name that was sent denies it, too. Names that are there cost one stat,
 * if they are not ASCII.
 */
#ifndef DMS_NAMES_H
#define DMS_NAMES_H

#include <httpd.h>

/* Hooks, both before all others: for translate_name, when httpd knows the <Location>s, and for
 * map_to_storage, when it knows the file, and has forgotten them. */
int dms_names_note(request_rec *r);
int dms_names_find(request_rec *r);

/* A hook of fixups: who has asked by another form than the one that is there must be allowed to,
 * under both. */
int dms_names_check(request_rec *r);

/* Whether what a request is for, and is not there, has come to be there in another form since it
 * was looked for: by somebody who was faster. */
int dms_names_has_twin(const request_rec *r);

/* The path of a request's file, with its name in NFC where its other form is the same name. */
const char *dms_names_composed(const request_rec *r);

/* The URL path of a request, as r->uri, in the form that the client has sent. */
const char *dms_names_sent(const request_rec *r);

#endif
