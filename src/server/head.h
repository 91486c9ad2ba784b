/*
 * HEAD of an empty file. httpd takes a Content-Length of 0 in the answer to a HEAD for a module's
 * mistake and drops it, in HTTP/1.1 and in HTTP/2; clients then don't know the file's size.
 */
#ifndef DMS_HEAD_H
#define DMS_HEAD_H

#include <httpd.h>

/* Where r is a HEAD, sees to it that a 200 has `Content-Length: 0`, which is true. */
void dms_head_of_nothing(request_rec *r);

/* For register_hooks. */
void dms_head_register(void);

#endif
