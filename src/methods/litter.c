#include "methods/litter.h"

#include <errno.h>
#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_log.h>

#include "acts/rights.h"
#include "keys/keys.h"
#include "repository/fs/fs.h"
#include "server/apart.h"
#include "server/names.h"

APLOG_USE_MODULE(dav_multistatus);

#define UNKEPT "litter can't be kept apart"

/* macOS writes its names always in one way, Windows does not. */
static int is_litter(const char *name, apr_size_t length)
{
    static const char *const windows[] = {"thumbs.db", "desktop.ini"};
    static const char store[] = ".DS_Store", trash[] = ".Trash";
    apr_size_t i;

    if (*name == '.') {
        return !strncmp(name, "._", 2) || !strncmp(name, trash, sizeof(trash) - 1)
               || (length == sizeof(store) - 1 && !strncmp(name, store, length));
    }
    for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        if (length == strlen(windows[i]) && !strncasecmp(name, windows[i], length)) {
            return 1;
        }
    }
    return 0;
}

/* Whether a request's name is one. */
static int is_for_litter(const request_rec *r)
{
    apr_size_t end = strlen(r->uri), begin;

    while (end && r->uri[end - 1] == '/') { /* "MergeSlashes Off" leaves more than one */
        end--;
    }
    for (begin = end; begin && r->uri[begin - 1] != '/'; begin--) {
    }
    return is_litter(r->uri + begin, end - begin);
}

static const char note[] = "dav-multistatus-litter";

int dms_litter_is_got(const request_rec *r)
{
    return apr_table_get(r->notes, note) != NULL;
}

void dms_litter_get(request_rec *r)
{
    apr_table_setn(r->notes, note, "");
}

/* httpd leaves in path_info what follows the first name that is not there; a slash, say. */
int dms_litter_is_apart(const request_rec *r)
{
    const dms_config_t *config = dms_config_of(r);

    return dms_config_litter(config) == DMS_LITTER_APART && config->provider == &dms_fs_provider
           && r->filename && *r->filename == '/'
           && (r->finfo.filetype == APR_NOFILE || dms_litter_is_got(r))
           && (!r->path_info || !r->path_info[strspn(r->path_info, "/")]) && is_for_litter(r);
}

/* Who the client is; where anybody may read, httpd has not asked. The same for a request and for a
 * question about a Destination, say. */
static const char *user_of(request_rec *r)
{
    const char *user = r->user;
    request_rec *client = r;

    while (!user && client->main) {
        client = client->main;
        user = client->user;
    }
    if (!user) {
        user = dms_rights_user(client, DMS_KIND_FILE, apr_pescape_path(r->pool, r->uri, 1));
    }
    return user ? user : "";
}

/* Whether it may make a file; of a COPY or MOVE, the question for its Destination. */
static int makes(const request_rec *r)
{
    return r->method_number == M_PUT || r->method_number == M_PATCH || r->method_number == M_LOCK;
}

/* The user's bytes are bounded as those of a folder that has a quota, and not by others'. */
static void set_quota(dms_request_t *request, const char *folder)
{
    apr_pool_t *pool = request->r->pool;
    dms_config_t *config = apr_pmemdup(pool, request->config, sizeof(*config));
    dms_quota_t *quota = apr_pcalloc(pool, sizeof(*quota));

    quota->size = config->litter_size;
    quota->key = dms_key_of(pool, request->provider, apr_pescape_path(pool, folder, 1));
    config->quota = quota;
    request->config = config;
}

/* Makes room for a file that is going to be made. */
static dms_error_t *make_room(request_rec *r, const dms_apart_t *apart)
{
    apr_status_t rv = dms_apart_make(apart, r->pool);

    if (rv == APR_SUCCESS || rv == EDQUOT) {
        return rv == APR_SUCCESS
                   ? NULL
                   : dms_error(r->pool, HTTP_INSUFFICIENT_STORAGE, "quota-not-exceeded",
                               "the user has as many such files as there may be "
                               "(DavMultistatusLitter apart)");
    }
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, rv, r, "no folder can be made for %s, which is litter",
                  apart->path);
    return dms_error(r->pool, dms_status_from(rv), NULL, UNKEPT);
}

/* The place of the request's resource; NULL: in the tree. */
static dms_error_t *find(dms_request_t *request, dms_apart_t *apart)
{
    request_rec *r = request->r;
    apr_status_t rv;

    if (request->is_placed || !dms_litter_is_apart(r)) {
        return NULL;
    }
    rv = dms_apart_find(r->pool, user_of(r), dms_names_composed(r), apart);
    if (rv != APR_SUCCESS && rv != ENOENT && rv != ENOTDIR) {
        return dms_error_of(r->pool, rv, UNKEPT); /* in the tree, all would see it */
    }
    request->is_placed = 1;
    if (rv == APR_SUCCESS) { /* else its folder has gone meanwhile: the lookup tells */
        request->apart = apart->path;
        apr_table_setn(r->notes, DMS_APART_NOTE, apart->path);
        set_quota(request, apart->user);
    }
    return NULL;
}

dms_error_t *dms_litter_find(dms_request_t *request)
{
    dms_apart_t apart;

    return find(request, &apart);
}

dms_error_t *dms_litter_place(dms_request_t *request)
{
    dms_apart_t apart = {.path = NULL};
    dms_error_t *error = find(request, &apart);

    return !error && request->apart && apart.path && makes(request->r)
               ? make_room(request->r, &apart)
               : error;
}

void dms_litter_stay(dms_request_t *request)
{
    apr_table_unset(request->r->notes, DMS_APART_NOTE);
    request->is_placed = 1;
}

dms_error_t *dms_litter_check(dms_request_t *request, int is_collection)
{
    dms_litter_e litter = dms_config_litter(request->config);

    return (litter == DMS_LITTER_REFUSE || (litter == DMS_LITTER_APART && is_collection))
                   && is_for_litter(request->r)
               ? dms_error(request->r->pool, HTTP_FORBIDDEN, NULL,
                           "nothing of such a name is made here (DavMultistatusLitter)")
               : NULL;
}
