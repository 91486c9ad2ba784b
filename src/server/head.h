/*
 * HEAD of an empty file. httpd takes a Content-Length of 0 in the answer to a HEAD for a module's
 * mistake and drops it, unless `HttpContentLengthHeadZero On` is set for the whole server; clients
 * then don't know the file's size. (So does mod_http2, where a head is no text to add to.)
 */
#ifndef DMS_HEAD_H
#define DMS_HEAD_H

#include <httpd.h>

/* Where r is a HEAD, sees to it that a 200 has `Content-Length: 0`, which is true. */
void dms_head_of_nothing(request_rec *r);

/* For register_hooks. */
void dms_head_register(void);

#endif
