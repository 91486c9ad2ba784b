/*
 * Who the client is, for the questions of one request (acts/acts.h).
 *
 * Each question runs httpd's authentication anew, and a password that is kept well takes 50 ms to
 * check. But in most places the client is told by the same directives as where it has been let in
 * already: there it is who it is. Whether they are the same is told by the sections that have been
 * merged: when the configuration has been read, each section that holds a directive of a module
 * that may authenticate gets a number, and httpd itself makes a list of these, in the order in
 * which it merges the sections, through this module's own configuration
 * (dms_config_t.authentication). Only where the lists are equal, and AuthType and AuthName, too,
 * nobody asks for the password.
 *
 * Where an .htaccess file that the request itself is not ruled by has a say, or a section in one,
 * httpd authenticates anew; so it does for what other modules ask in the course of a question.
 */
#ifndef DMS_CLIENT_H
#define DMS_CLIENT_H

#include <httpd.h>

/* Gives the sections of all servers their numbers; for post_config. */
void dms_client_mark_sections(apr_pool_t *pconf, server_rec *server);

/* What is known so far. Lives in a request's pool. */
typedef struct dms_client_t dms_client_t;
dms_client_t *dms_client_create(request_rec *r);

/* The request itself has been authenticated. */
void dms_client_is_authentic(dms_client_t *client);

/* For a question's check_user_id hook: OK, with the user set; the status with which it has been
 * turned away by such directives before; or DECLINED, where httpd has to find out. */
int dms_client_recognise(dms_client_t *client, request_rec *question);

/* For a question's auth_checker hook: httpd has found out, and the client is somebody. */
void dms_client_let_in(dms_client_t *client, request_rec *question);

/* Who the client is where a question is asked, by what is known so far, whatever it may do there;
 * NULL: nobody has found out, or nobody. */
const char *dms_client_user(const dms_client_t *client, request_rec *question);

/* To be called when the question has been answered, while it is still there. */
void dms_client_learn(dms_client_t *client, request_rec *question);

#endif
