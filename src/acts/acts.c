#include "acts/acts.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_request.h>

#include "acts/client.h"
#include "acts/environment.h"
#include "acts/sections.h"
#include "config/config.h"

APLOG_USE_MODULE(dav_multistatus);

/* What httpd is asked, of a file and of a collection: always of the resource's own URL. */
static const struct {
    const char *file;
    const char *collection;
} methods[] = {
    [DMS_ACT_SEE] = {"PROPFIND", "PROPFIND"},
    [DMS_ACT_READ] = {"GET", "PROPFIND"},
    [DMS_ACT_CREATE] = {"PUT", "PUT"},
    [DMS_ACT_REPLACE] = {"PUT", "PUT"},
    [DMS_ACT_PROPERTIES] = {"PROPPATCH", "PROPPATCH"},
    [DMS_ACT_LOCK] = {"LOCK", "LOCK"},
    [DMS_ACT_UNLOCK] = {"UNLOCK", "UNLOCK"},
    [DMS_ACT_REMOVE] = {"DELETE", "DELETE"},
    [DMS_ACT_MOVE] = {"MOVE", "MOVE"},
    [DMS_ACT_MAKE_COLLECTION] = {"MKCOL", "MKCOL"},
};

/* How many statuses are remembered. */
#define STATUSES 1024

/* What httpd has answered. */
typedef struct known_t {
    int status;       /* httpd's own */
    int is_elsewhere; /* the module is Off there, or has another provider */
    const char *place;
} known_t;

/* What is kept of the questions of one request, in its request_config. */
typedef struct inquiry_t {
    apr_pool_t *pool;
    dms_client_t *client;
    apr_pool_t *scratch;     /* cleared for each status that is asked for */
    apr_pool_t *status_pool; /* of the statuses */
    apr_hash_t *statuses;    /* "METHOD uri" -> known_t */
    char *respelled;         /* the request's own URL, in another way */
    int is_asking;
} inquiry_t;

static inquiry_t *inquiry_of(request_rec *r)
{
    inquiry_t *inquiry = ap_get_module_config(r->request_config, &dav_multistatus_module);

    if (!inquiry) {
        inquiry = apr_pcalloc(r->pool, sizeof(*inquiry));
        inquiry->pool = r->pool;
        inquiry->client = dms_client_create(r);
        ap_set_module_config(r->request_config, &dav_multistatus_module, inquiry);
    }
    return inquiry;
}

/* The inquiry that a request is a question of, or NULL. */
static inquiry_t *asker_of(const request_rec *r)
{
    const request_rec *outer;

    for (outer = r->main; outer; outer = outer->main) {
        inquiry_t *inquiry = ap_get_module_config(outer->request_config, &dav_multistatus_module);

        if (inquiry && inquiry->is_asking) {
            return inquiry;
        }
    }
    return NULL;
}

/* --- hooks --- */

/* httpd takes a subrequest to be let through where its configuration is the very one of its
 * request. Where it is for another method, or `DavMultistatusAuthz each` is set, it has to look
 * all the same. */
static void look_anew(request_rec *r)
{
    if (r->per_dir_config == r->main->per_dir_config
        && (r->method_number != r->main->method_number
            || dms_config_authz(dms_config_of(r)) == DMS_AUTHZ_EACH)) {
        r->per_dir_config = ap_merge_per_dir_configs(r->pool, r->per_dir_config,
                                                     ap_create_per_dir_config(r->pool));
    }
}

/* For each stage at which httpd gives a request its log: it silences our questions. */
static int be_quiet(request_rec *r)
{
    static const struct ap_logconf quiet = {NULL, APLOG_CRIT};

    if (asker_of(r)) {
        r->log = &quiet;
        look_anew(r);
    }
    return DECLINED;
}

/* httpd is about to map a question's URL. */
static int begin(request_rec *r)
{
    if (asker_of(r)) {
        dms_environment_begin(r);
    }
    return be_quiet(r);
}

/* httpd has settled the configuration of a question, and goes on to ask what rights there are. */
static int settle(request_rec *r)
{
    if (asker_of(r)) {
        dms_environment_complete(r);
    }
    return be_quiet(r);
}

/* The inquiry that a request is the question of, itself: not one that another module asks
 * meanwhile. */
static inquiry_t *inquirer_of(const request_rec *r)
{
    return r->main && !r->main->main ? asker_of(r) : NULL;
}

static int recognise(request_rec *r)
{
    inquiry_t *inquiry = inquirer_of(r);

    return inquiry ? dms_client_recognise(inquiry->client, r) : DECLINED;
}

/* Whether a request that a configuration rules may ask for more than its own act. */
static int asks(const dms_config_t *config)
{
    return dms_config_is_on(config) || dms_config_reverse(config);
}

/* httpd asks what rights the client has: so it is somebody. (A user's name in r->user alone says
 * nothing: it may be what a module has read, and nobody checked.) */
static int remember(request_rec *r)
{
    inquiry_t *inquiry = inquirer_of(r);

    if (inquiry) {
        dms_client_let_in(inquiry->client, r);
    }
    else if (!r->main && r->user && asks(dms_config_of(r))) {
        dms_client_is_authentic(inquiry_of(r)->client);
    }
    return DECLINED;
}

void dms_acts_register_hooks(void)
{
    ap_hook_translate_name(begin, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_post_perdir_config(settle, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_check_authn(recognise, NULL, NULL, APR_HOOK_REALLY_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authz(remember, NULL, NULL, APR_HOOK_REALLY_FIRST, AP_AUTH_INTERNAL_PER_CONF);
}

/* --- questions --- */

/* A subrequest of a subrequest would count towards LimitInternalRecursion. */
static request_rec *main_request(request_rec *r)
{
    while (r->main) {
        r = r->main;
    }
    return r;
}

static const char *method_of(dms_act_e act, dms_kind_e kind)
{
    return kind == DMS_KIND_COLLECTION ? methods[act].collection : methods[act].file;
}

const char *dms_act_rewritten(const request_rec *r)
{
    static const char scheme[] = "redirect:"; /* as mod_rewrite tells it to its own handler */
    const apr_size_t length = sizeof(scheme) - 1;

    return r->handler && !strcmp(r->handler, "redirect-handler") && r->filename
                   && !strncmp(r->filename, scheme, length)
               ? r->filename + length
               : NULL;
}

/* The last segment of a path, escaped or not, without a slash at its end. */
static const char *last_segment(apr_pool_t *pool, const char *path)
{
    char *name = apr_pstrdup(pool, path);
    apr_size_t length = strcspn(name, "?");

    while (length && name[length - 1] == '/') {
        length--;
    }
    name[length] = '\0';
    ap_unescape_url(name);
    return ap_strrchr_c(name, '/') ? ap_strrchr_c(name, '/') + 1 : name;
}

int dms_act_follows(const request_rec *r, const char *other)
{
    return r->method_number == M_GET || r->method_number == M_PROPFIND
           || r->method_number == M_OPTIONS
           || !strcmp(last_segment(r->pool, r->uri), last_segment(r->pool, other));
}

/* Whether a page of another origin asks, which may do so where the request is (methods/cors.h), but
 * not where the answer is. */
static int is_of_stranger(const request_rec *r, const request_rec *answer)
{
    const char *origin = apr_table_get(r->headers_in, "Origin");

    return origin && dms_config_is_on(dms_config_of(r))
           && dms_config_origin(dms_config_of(r), origin)
           && !dms_config_origin(dms_config_of(answer), origin);
}

/* Of a question that is denied for that alone: the origin. */
static const char stranger_note[] = "dav-multistatus-stranger";

const char *dms_act_stranger(const request_rec *answer)
{
    return apr_table_get(answer->notes, stranger_note);
}

static request_rec *ask_once(request_rec *r, const char *method, const char *uri)
{
    inquiry_t *inquiry = inquiry_of(r);
    int was_asking = inquiry->is_asking; /* a question may lead to another one */
    request_rec *answer;
    void **walk, *walked;
    char *own_uri = r->uri;

    inquiry->is_asking = 1;
    /* mod_rewrite looks ahead (LA-U), to who the user is, but not where a request and its
     * subrequest have one URL. */
    if (!inquiry->respelled) {
        inquiry->respelled = apr_pstrcat(inquiry->pool, "/", own_uri, NULL);
    }
    r->uri = inquiry->respelled;
    /* httpd would take a file to be ruled as its directory is, which it has just walked. */
    walk = ap_get_request_note(r, AP_NOTE_DIRECTORY_WALK);
    walked = *walk;
    if (r->filename && dms_sections_may_name_a_file(r)) {
        *walk = NULL;
    }
    answer = ap_sub_req_method_uri(method, uri, r, NULL);
    *walk = walked;
    r->uri = own_uri;
    inquiry->is_asking = was_asking;
    dms_client_learn(inquiry->client, answer);
    if (answer->status == HTTP_OK && is_of_stranger(r, answer)) {
        answer->status = HTTP_FORBIDDEN;
        apr_table_setn(answer->notes, stranger_note, apr_table_get(r->headers_in, "Origin"));
    }
    answer->log = r->log;
    ap_log_rerror(APLOG_MARK, APLOG_TRACE2, 0, r, "asked httpd for %s %s: %d", method, uri,
                  answer->status);
    return answer;
}

/* How often one URL may be put in place of another. */
#define REWRITES 10

static request_rec *ask(request_rec *r, const char *method, const char *uri)
{
    request_rec *answer = ask_once(r, method, uri), *led;
    const char *other;
    int rewrites = 0;

    while (answer->status == HTTP_OK && (other = dms_act_rewritten(answer)) != NULL) {
        if (!dms_act_follows(answer, other) || rewrites++ == REWRITES) {
            answer->status = HTTP_FORBIDDEN;
            break;
        }
        led = answer;
        answer = ask_once(r, method, other);
        ap_destroy_sub_req(led);
    }
    return answer;
}

request_rec *dms_act_ask(request_rec *r, dms_act_e act, dms_kind_e kind, const char *uri)
{
    return ask(main_request(r), method_of(act, kind), uri);
}

request_rec *dms_act_ask_same(request_rec *r, const char *uri)
{
    return ask(main_request(r), r->method, uri);
}

/* Makes, or empties, what the statuses are kept in. */
static void forget_statuses(inquiry_t *inquiry)
{
    if (inquiry->status_pool) {
        apr_pool_clear(inquiry->status_pool);
    }
    else {
        apr_pool_create(&inquiry->status_pool, inquiry->pool);
        apr_pool_create(&inquiry->scratch, inquiry->pool);
    }
    inquiry->statuses = apr_hash_make(inquiry->status_pool);
}

static int is_elsewhere(const request_rec *r, const request_rec *answer)
{
    return dms_config_of(answer)->provider != dms_config_of(r)->provider;
}

const char *dms_act_place_of(const request_rec *r, apr_pool_t *pool)
{
    const char *path = r->filename ? apr_pstrcat(pool, r->filename, r->path_info, NULL) : "";
    apr_size_t length = strlen(path);

    while (length && path[length - 1] == '/') {
        length--;
    }
    return *path == '/' || r->proxyreq ? apr_pstrmemdup(pool, path, length) : NULL;
}

static const known_t *keep(inquiry_t *inquiry, const char *question, const request_rec *r,
                           const request_rec *answer)
{
    known_t *known;

    if (apr_hash_count(inquiry->statuses) == STATUSES) {
        forget_statuses(inquiry);
    }
    known = apr_palloc(inquiry->status_pool, sizeof(*known));
    known->status = answer->status;
    known->is_elsewhere = is_elsewhere(r, answer);
    known->place = dms_act_place_of(answer, inquiry->status_pool);
    apr_hash_set(inquiry->statuses, apr_pstrdup(inquiry->status_pool, question),
                 APR_HASH_KEY_STRING, known);
    return known;
}

int dms_act_status_of(const request_rec *r, const request_rec *answer)
{
    return answer->status == HTTP_OK && is_elsewhere(r, answer) ? HTTP_FORBIDDEN : answer->status;
}

/* Asks, unless that has been done. The answer lives until the next question. */
static const known_t *find_out(request_rec *r, dms_act_e act, dms_kind_e kind, const char *uri)
{
    const char *method = method_of(act, kind), *question;
    inquiry_t *inquiry = inquiry_of(r);
    const known_t *known;
    request_rec *answer;

    if (!inquiry->statuses) {
        forget_statuses(inquiry);
    }
    apr_pool_clear(inquiry->scratch);
    question = apr_pstrcat(inquiry->scratch, method, " ", uri, NULL);
    known = apr_hash_get(inquiry->statuses, question, APR_HASH_KEY_STRING);
    if (!known) {
        answer = ask(r, method, uri);
        known = keep(inquiry, question, r, answer);
        ap_destroy_sub_req(answer);
    }
    return known;
}

int dms_act_status(request_rec *r, dms_act_e act, dms_kind_e kind, const char *uri,
                   const char **place)
{
    const known_t *known = find_out(main_request(r), act, kind, uri);

    *place = known->place;
    return known->status == HTTP_OK && known->is_elsewhere ? HTTP_FORBIDDEN : known->status;
}

int dms_act_hides(request_rec *r, int status)
{
    return status == HTTP_NOT_FOUND || status == HTTP_GONE
           || ((status == HTTP_FORBIDDEN || status == HTTP_UNAUTHORIZED)
               && !dms_config_show_forbidden(dms_config_of(main_request(r))));
}

int dms_act_is_hidden(request_rec *r, const char *uri)
{
    r = main_request(r);
    return dms_act_hides(r, find_out(r, DMS_ACT_SEE, DMS_KIND_NONE, uri)->status);
}

const char *dms_act_seen_part(request_rec *r, const char *uri, const char *path, apr_pool_t *pool)
{
    apr_size_t length = 0, seen;

    do {
        const char *slash = strchr(path + length, '/');

        seen = length;
        length = slash ? (apr_size_t)(slash - path) + 1 : strlen(path);
    } while (
        length > seen
        && !dms_act_is_hidden(r, apr_pstrcat(pool, uri, apr_pstrmemdup(pool, path, length), NULL)));
    return apr_pstrmemdup(pool, path, seen);
}

int dms_act_refusal(request_rec *r, const request_rec *answer)
{
    static const char challenge[] = "WWW-Authenticate";
    const char *value = apr_table_get(answer->err_headers_out, challenge);

    if (answer->status == HTTP_UNAUTHORIZED && value) {
        apr_table_set(r->err_headers_out, challenge, value);
    }
    if (!ap_is_HTTP_REDIRECT(answer->status)) {
        return answer->status;
    }
    /* mod_dir adds a slash: what was a file when it was looked up is a folder now */
    return answer->method_number == M_GET && answer->finfo.filetype == APR_DIR ? HTTP_CONFLICT
                                                                               : HTTP_BAD_GATEWAY;
}

int dms_act_require(request_rec *r, dms_act_e act, dms_kind_e kind, const char *uri)
{
    request_rec *answer = dms_act_ask(r, act, kind, uri);
    int status = dms_act_status_of(r, answer);

    if (status != HTTP_OK && answer->status != HTTP_OK) {
        status = dms_act_refusal(r, answer);
    }
    ap_destroy_sub_req(answer);
    return status;
}

const char *dms_act_user(request_rec *r, request_rec *answer)
{
    return answer->status == HTTP_OK && answer->user
               ? answer->user
               : dms_client_user(inquiry_of(main_request(r))->client, answer);
}

/* --- whose locks --- */

static int is_breaker(request_rec *r, const dms_breaker_t *breaker)
{
    authz_status status;

    apr_table_setn(r->notes, AUTHZ_PROVIDER_NAME_NOTE, breaker->name);
    status = breaker->provider->check_authorization(r, breaker->arguments, breaker->parsed);
    apr_table_unset(r->notes, AUTHZ_PROVIDER_NAME_NOTE);
    return status == AUTHZ_GRANTED;
}

int dms_act_may_break_locks(request_rec *r)
{
    const dms_breaker_t *breaker;

    for (breaker = r->user ? dms_config_of(r)->breakers : NULL; breaker; breaker = breaker->next) {
        if (is_breaker(r, breaker)) {
            return 1;
        }
    }
    return 0;
}
