/*
 * Properties that are to be set, of many resources, in transactions as short as the module's own
 * steps. They are gathered first, so that nothing is read from anywhere else while the store's
 * write lock is held.
 */
#ifndef DMS_SETTINGS_H
#define DMS_SETTINGS_H

#include "admin/admin.h"

typedef struct dms_settings_t dms_settings_t;

/* keeps: a property that a resource has already is left as it is, which is told where its value is
 * another. */
dms_settings_t *dms_settings_create(dms_admin_t *admin, int keeps);

/* Adds one of a resource; all is copied. xml: as in dms_dead_property_t. Many at a time are set
 * soon, of a resource that is on the disk; the others are told of. */
apr_status_t dms_settings_add(dms_settings_t *settings, const char *key, const dms_name_t *name,
                              const char *xml);

/* Sets those that are left, and prints how many were set in all. */
apr_status_t dms_settings_end(dms_settings_t *settings);

#endif
