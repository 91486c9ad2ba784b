/*
 * Pages of other origins (DavMultistatusAllowOrigin): CORS, as the Fetch standard has it.
 *
 * A browser asks before it lets a page of another origin send anything but a plain GET or POST: a
 * *preflight*, an OPTIONS without credentials. It is answered before anybody is asked for a
 * password, and says nothing of the resource. Every answer to a page of an allowed origin, errors
 * and challenges too, then has the headers without which the browser would keep it from the page.
 */
#ifndef DMS_CORS_H
#define DMS_CORS_H

void dms_cors_register_hooks(void);

#endif
