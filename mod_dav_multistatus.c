/*
 * mod_dav_multistatus: WebDAV for Apache httpd, built around the streamed 207.
 *
 * The module record: hooks and the table of methods. src/README.md is the map of the rest.
 */
#include <httpd.h>

#include <ap_provider.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "acts/access_files.h"
#include "acts/acts.h"
#include "acts/client.h"
#include "config/config.h"
#include "config/conflict.h"
#include "methods/cors.h"
#include "methods/get.h"
#include "methods/litter.h"
#include "methods/method.h"
#include "proxy/hooks.h"
#include "repository/fs/fs.h"
#include "repository/fs/spares.h"
#include "request/headers.h"
#include "server/api.h"
#include "server/body.h"
#include "server/error.h"
#include "server/head.h"
#include "server/names.h"
#include "server/state.h"
#include "server/totals.h"
#include "server/virtual.h"

static const dms_method_t *const methods[] = {
    &dms_method_get,  &dms_method_put,    &dms_method_mkcol,    &dms_method_delete,
    &dms_method_copy, &dms_method_move,   &dms_method_propfind, &dms_method_proppatch,
    &dms_method_lock, &dms_method_unlock, &dms_method_options,  &dms_method_patch,
};

static int answer(request_rec *r, const dms_config_t *config, const dms_method_t *method)
{
    dms_request_t request = {.r = r, .config = config, .provider = config->provider};
    const char *complaint;
    dms_error_t *error;
    int result = OK;

    dms_headers_settle(r->pool, r->headers_in);
    request.submitted = dms_if_parse(r->pool, apr_table_get(r->headers_in, "If"), &complaint);
    error = complaint ? dms_error(r->pool, HTTP_BAD_REQUEST, NULL, "If: %s", complaint)
                      : dms_body_check_length(r);
    if (!error) {
        error = method->answer(&request, &result);
    }
    if (!error && result == HTTP_INTERNAL_SERVER_ERROR) {
        error = dms_error(r->pool, result, NULL, "the answer could not be made");
    }
    return error ? dms_error_send(r, error) : result;
}

/* A method that nothing here knows is not implemented (501); others are not for this resource
 * (RFC 9110, sections 9.1 and 15.5.6). */
static int refuse_method(request_rec *r, const dms_config_t *config, const dms_method_t *method)
{
    dms_request_t request = {.r = r, .config = config, .provider = config->provider};
    dms_resource_t resource = {.node = NULL};

    if (config->provider->lookup(r, config->base, 0, &resource) == APR_SUCCESS) {
        if (method == &dms_method_get && resource.facts.kind == DMS_KIND_NONE) {
            return dms_error_send(r, dms_error(r->pool, HTTP_NOT_FOUND, NULL,
                                               "there is no such file"));
        }
        dms_method_set_allowed(&request, &resource);
    }
    return dms_error_send(r, method ? dms_error(r->pool, HTTP_METHOD_NOT_ALLOWED, NULL,
                                                "this resource takes no %s", r->method)
                                    : dms_error(r->pool, HTTP_NOT_IMPLEMENTED, NULL,
                                                "there is no method %s here", r->method));
}

/* GET, HEAD and POST go their usual way, to whatever handler is set; TRACE is httpd's own. */
static int is_ours(const request_rec *r)
{
    return dms_config_is_on(dms_config_of(r)) && r->method_number != M_GET
           && r->method_number != M_POST && r->method_number != M_TRACE && !r->proxyreq;
}

/* Whether a URL leads to what is the module's own: reserved names, and the store's files. */
static int is_hidden(request_rec *r)
{
    return (dms_config_is_on(dms_config_of(r)) && dms_path_is_hidden(r->uri)) || dms_state_owns(r);
}

/* mod_dir would redirect a collection that was asked for without its slash, and let an index file
 * answer for one that has such a file. It leaves alone what has a path info, so a collection's
 * request has this one while mod_dir looks. */
static const char keep_mod_dir_out[] = "/";

/* With MultiViews, mod_negotiation would put another file in the place of a name that is not
 * there, for any method; of litter's, so would mod_speling. They do so only where they see that
 * nothing is there. */
static int keep_mod_negotiation_out(request_rec *r)
{
    if (r->method_number == M_GET && dms_litter_is_apart(r)) {
        dms_litter_get(r);
    }
    if ((is_ours(r) || dms_litter_is_got(r)) && r->finfo.filetype == APR_NOFILE) {
        r->finfo.filetype = APR_UNKFILE;
    }
    return DECLINED;
}

static int restore_file_type(request_rec *r)
{
    if (is_ours(r) && r->finfo.filetype == APR_UNKFILE) {
        r->finfo.filetype = APR_NOFILE;
    }
    return DECLINED;
}

/* Whether a GET is of what is no file, so that mod_dir would put a FallbackResource in its place
 * where it has no handler. */
static int is_virtual_get(const request_rec *r)
{
    const dms_config_t *config = dms_config_of(r);

    return r->method_number == M_GET && dms_config_is_on(config) && config->provider->is_virtual
           && dms_get_has_no_handler(r);
}

/* From a fixup. A question (acts/acts.h) only wants to know. */
static int refuse(request_rec *r, int status, const char *why)
{
    return r->main ? status : dms_error_send(r, dms_error(r->pool, status, NULL, "%s", why));
}

/* "SetHandler default-handler", by which nothing that is uploaded is run, is about files: a folder
 * has whatever shows it, which httpd finds by this name. */
static void leave_folder_to_its_index(request_rec *r)
{
    if (dms_config_is_on(dms_config_of(r)) && r->finfo.filetype == APR_DIR && r->handler
        && !strcmp(r->handler, "default-handler")) {
        r->handler = DIR_MAGIC_TYPE;
    }
}

/* What mod_rewrite leads elsewhere comes back from there as another request. */
static int let_go(request_rec *r, const char *other)
{
    if (!r->main && !dms_act_follows(r, other)) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "%s %s: a RewriteRule leads to %s, which has another name", r->method, r->uri,
                      other);
        return refuse(r, HTTP_FORBIDDEN, "a RewriteRule leads to another name");
    }
    return DECLINED;
}

/* Takes the request before a script's handler, say, can. */
static int take_request(request_rec *r)
{
    if (is_hidden(r)) {
        return r->method_number == M_GET
                   ? refuse(r, HTTP_NOT_FOUND, "there is no such file")
                   : refuse(r, HTTP_FORBIDDEN, "this name is kept for the server's own use");
    }
    leave_folder_to_its_index(r);
    if (is_virtual_get(r) || (dms_litter_is_got(r) && dms_litter_is_apart(r))) {
        r->handler = DMS_HANDLER;
    }
    if (!is_ours(r)) {
        return DECLINED;
    }
    if (dms_act_rewritten(r)) {
        return let_go(r, dms_act_rewritten(r));
    }
    if (dms_conflict_with_mod_dav(r)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "both Dav and DavMultistatus are on for %s: one of them has to be Off",
                      r->uri);
        return refuse(r, HTTP_INTERNAL_SERVER_ERROR,
                      "the server's configuration gives this place to two modules");
    }
    if (dms_access_files_refuse(r)) {
        return refuse(r, HTTP_FORBIDDEN,
                      "a file of this name configures the server, and no client may write it");
    }
    r->handler = DMS_HANDLER;
    if (r->finfo.filetype == APR_DIR && (!r->path_info || !*r->path_info)) {
        r->path_info = (char *)keep_mod_dir_out;
    }
    return DECLINED; /* other fixups still have their say */
}

/* After mod_speling and mod_dir. */
static int restore_the_rest(request_rec *r)
{
    if (dms_litter_is_got(r)) {
        r->finfo.filetype = APR_NOFILE;
    }
    if (r->path_info == keep_mod_dir_out) {
        r->path_info = apr_pstrdup(r->pool, "");
    }
    return DECLINED;
}

static int handle(request_rec *r)
{
    const dms_config_t *config;
    const dms_method_t *method;

    if (!r->handler || strcmp(r->handler, DMS_HANDLER) || !is_ours(r)) {
        return DECLINED;
    }
    config = dms_config_of(r);
    method = dms_table_find(r->method_number);
    return method && dms_table_offers(config->provider, method) ? answer(r, config, method)
                                                                : refuse_method(r, config, method);
}

/* A FIFO, a socket or a device: the default handler would wait in open(), perhaps for ever. */
static int is_special_file(const request_rec *r)
{
    return r->finfo.filetype != APR_REG && r->finfo.filetype != APR_DIR
           && r->finfo.filetype != APR_NOFILE && r->finfo.filetype != APR_LNK;
}

/* Whether mod_autoindex shows what is in a folder, rather than that it may not. */
static int shows_index(request_rec *r)
{
    return ap_find_linked_module("mod_autoindex.c") && ap_allow_options(r) & OPT_INDEXES;
}

/* Whether a request that goes its usual way has come to its end: nobody else is to answer it. */
static int is_left_to_us(const request_rec *r)
{
    return dms_config_is_on(dms_config_of(r)) && dms_get_has_no_handler(r);
}

/* Collections, in place of mod_autoindex, where that would refuse. */
static int handle_get_of_collection(request_rec *r)
{
    return r->method_number == M_GET && r->finfo.filetype == APR_DIR && is_left_to_us(r)
                   && !shows_index(r)
               ? answer(r, dms_config_of(r), &dms_method_get)
               : DECLINED;
}

/* In place of httpd's default handler. */
static int handle_the_rest(request_rec *r)
{
    const dms_config_t *config = dms_config_of(r);

    if (!is_left_to_us(r)) {
        return DECLINED;
    }
    if (r->method_number == M_POST) { /* httpd's default handler would take it for a GET */
        return refuse_method(r, config, &dms_method_get);
    }
    if (r->method_number != M_GET) {
        return DECLINED;
    }
    return is_special_file(r) ? refuse(r, HTTP_FORBIDDEN, "what is there is no file")
                              : answer(r, config, &dms_method_get);
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    apr_size_t i;

    dms_config_reset();
    dms_table_reset();
    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        dms_table_add(pconf, methods[i]);
    }
    ap_register_provider(pconf, DMS_PROVIDER_GROUP, dms_fs_provider.name, DMS_PROVIDER_VERSION,
                         &dms_fs_provider);
    return OK;
}

/* Not in post_config: "apachectl configtest" ends before that, and where a reload then fails, the
 * server ends. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *server)
{
    return dms_conflict_check(ptemp, server) ? HTTP_INTERNAL_SERVER_ERROR : OK;
}

/* Only "apachectl configtest" has it run; it can't refuse, and what it tells is no reason to. */
static void test_config(apr_pool_t *pconf, server_rec *server)
{
    if (ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST) {
        dms_conflict_tell_reverse(server);
        dms_state_test(pconf, server);
    }
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *server)
{
    dms_client_mark_sections(pconf, server);
    dms_access_files_collect(pconf, server);
    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG) { /* not twice at a start */
        ap_add_version_component(pconf, "mod_dav_multistatus/" DMS_VERSION);
        dms_rules_tell(server);
        dms_conflict_tell_reverse(server);
        dms_state_prepare(ptemp, server);
        dms_totals_prepare(server);
    }
    return OK;
}

static void child_init(apr_pool_t *pchild, server_rec *server)
{
    dms_state_open(pchild, server);
    dms_spares_open(pchild);
}

static void register_hooks(apr_pool_t *pool)
{
    static const char *const mod_autoindex[] = {"mod_autoindex.c", NULL};
    static const char *const mod_dir[] = {"mod_dir.c", NULL};
    static const char *const mod_negotiation[] = {"mod_negotiation.c", NULL};

    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_test_config(test_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(dms_names_note, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_translate_name(dms_virtual_translate, NULL, NULL, APR_HOOK_LAST);
    ap_hook_map_to_storage(dms_names_find, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_map_to_storage(dms_virtual_walk, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_type_checker(keep_mod_negotiation_out, NULL, mod_negotiation, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(dms_names_check, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(restore_file_type, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(take_request, NULL, mod_dir, APR_HOOK_LAST);
    ap_hook_fixups(restore_the_rest, mod_dir, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(handle_get_of_collection, NULL, mod_autoindex, APR_HOOK_MIDDLE);
    ap_hook_handler(handle_the_rest, NULL, NULL, APR_HOOK_LAST);
    dms_api_register();
    dms_error_register();
    dms_head_register();
    dms_totals_register();
    dms_acts_register_hooks();
    dms_cors_register_hooks();
    dms_proxied_register_hooks();
}

AP_DECLARE_MODULE(dav_multistatus) = {
    STANDARD20_MODULE_STUFF,
    dms_config_create, /* create per-directory config */
    dms_config_merge,  /* merge per-directory config */
    NULL,              /* create per-server config */
    NULL,              /* merge per-server config */
    dms_config_directives,
    register_hooks,
    AP_MODULE_FLAG_NONE,
};
