/*
 * Where mod_proxy and httpd call what maps requests and answers (proxy/proxied.h).
 */
#ifndef DMS_HOOKS_H
#define DMS_HOOKS_H

void dms_proxied_register_hooks(void);

#endif
