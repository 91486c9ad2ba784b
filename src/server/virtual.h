/*
 * What httpd makes of the URLs of a repository that is not in the file system: nothing. Otherwise
 * it would look for each of them below the DocumentRoot, and what happened to be there would count.
 */
#ifndef DMS_VIRTUAL_H
#define DMS_VIRTUAL_H

#include <httpd.h>

/* A hook of translate_name: gives r a file name that no file has, and which ends as the URL does,
 * so that <Files> sections and mod_mime go by it. An Alias for the URL goes first. */
int dms_virtual_translate(request_rec *r);

/* A hook of map_to_storage: such a file name is not looked for, and no <Directory> holds for it. */
int dms_virtual_walk(request_rec *r);

#endif
