/*
 * What a backend answers, on its way to the client.
 */
#ifndef DMS_ANSWERS_H
#define DMS_ANSWERS_H

#include <util_filter.h>

#include "proxy/proxied.h"

/* The output filter; its context is a dms_proxied_t. */
ap_filter_rec_t *dms_answers_register(void);

#endif
