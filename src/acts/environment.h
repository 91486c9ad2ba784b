/*
 * Variables that mod_setenvif makes of a URL, by which `Require env` or `Allow from env=` may
 * decide. httpd sets them for a client's request only; a question would come with those of the
 * request that asks it.
 */
#ifndef DMS_ENVIRONMENT_H
#define DMS_ENVIRONMENT_H

#include <httpd.h>

/* Gives a question, after httpd has settled its configuration, the variables of its own URL. */
void dms_environment_renew(request_rec *question);

#endif
