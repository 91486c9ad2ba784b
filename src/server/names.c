#include "server/names.h"

#include <sys/stat.h>

#include <apr_strings.h>
#include <http_config.h>
#include <http_request.h>

#include "acts/acts.h"
#include "config/config.h"

#ifdef DMS_UTF8PROC

#include <stdlib.h>

#include <utf8proc.h>

typedef utf8proc_uint8_t *form_fn(const utf8proc_uint8_t *text);

/* A name in a form, in pool; NULL where it is no UTF-8. */
static char *in_form(apr_pool_t *pool, form_fn *form, const char *name)
{
    utf8proc_uint8_t *formed = form((const utf8proc_uint8_t *)name);
    char *result = formed ? apr_pstrdup(pool, (char *)formed) : NULL;

    free(formed);
    return result;
}

#else

typedef int form_fn;

#define utf8proc_NFC NULL
#define utf8proc_NFD NULL

static char *in_form(apr_pool_t *pool, form_fn *form, const char *name)
{
    return NULL;
}

#endif

/* How many bytes are ASCII before the first that is not. */
static apr_size_t ascii_length(const char *text)
{
    const char *end = text;

    while (*end && !(*end & 0x80)) {
        end++;
    }
    return (apr_size_t)(end - text);
}

static int is_ascii(const char *text)
{
    return !text[ascii_length(text)];
}

static int is_there(const char *path)
{
    struct stat st;

    return !lstat(path, &st);
}

/* The path of a name in a folder, in whichever form it is there; NULL: in none. */
static char *find_name(apr_pool_t *pool, const char *folder, const char *name)
{
    static form_fn *const forms[] = {utf8proc_NFC, utf8proc_NFD};
    char *path = apr_pstrcat(pool, folder, name, NULL);
    const char *form;
    apr_size_t i;

    if (is_ascii(name) || is_there(path)) {
        return path;
    }
    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        form = in_form(pool, forms[i], name);
        path = apr_pstrcat(pool, folder, form, NULL);
        if (form && is_there(path)) {
            return path;
        }
    }
    return NULL;
}

/* The same for each name of a path. Below what is not there, nothing is. */
static char *find_path(apr_pool_t *pool, const char *path)
{
    char *found = apr_pstrdup(pool, ""), *longer;
    apr_size_t length;

    for (; *path; path += length) {
        length = ascii_length(path);
        length += strcspn(path + length, "/"); /* to the end of the first name that is not ASCII */
        longer = find_name(pool, found, apr_pstrmemdup(pool, path, length));
        if (!longer) {
            return apr_pstrcat(pool, found, path, NULL);
        }
        found = longer;
    }
    return found;
}

/* A URL path with the names that its file has been found under: those at its end that are the same
 * as the file's. found has as many slashes as filename. */
static char *found_uri(apr_pool_t *pool, const char *uri, const char *filename, const char *found)
{
    const char *u = uri + strlen(uri), *f = filename + strlen(filename);
    const char *names = found + strlen(found);

    while (u > uri && f > filename && u[-1] == f[-1]) {
        u--;
        f--;
    }
    u += strcspn(u, "/");
    for (f = u; *f; f++) {
        if (*f == '/') {
            do {
                names--;
            } while (*names != '/');
        }
    }
    return apr_pstrcat(pool, apr_pstrmemdup(pool, uri, (apr_size_t)(u - uri)), names, NULL);
}

/* With "MergeSlashes Off" they may be in both, and not the same. */
static char *with_single_slashes(apr_pool_t *pool, const char *path)
{
    char *copy = apr_pstrdup(pool, path);

    ap_no2slash(copy);
    return copy;
}

/* Set where a name may be found in another form: once it is, to the URL path that was sent. */
static const char note[] = "dav-multistatus-names";

/* Of the request that a question is about: that the question's URL is to be taken as it is. */
static const char exact[] = "dav-multistatus-names-exact";

static int is_exact(const request_rec *r)
{
    return r->main && apr_table_get(r->main->notes, exact);
}

int dms_names_note(request_rec *r)
{
    const dms_config_t *config = dms_config_of(r);

    if (dms_config_is_on(config) && dms_config_normalizes_names(config) && !is_exact(r)
        && !config->provider->is_virtual && !is_ascii(r->uri)) {
        apr_table_setn(r->notes, note, "");
    }
    return DECLINED;
}

int dms_names_find(request_rec *r)
{
    char *filename, *found;

    if (!apr_table_get(r->notes, note) || r->proxyreq || !r->filename || *r->filename != '/'
        || is_there(r->filename)) {
        return DECLINED;
    }
    filename = with_single_slashes(r->pool, r->filename);
    found = find_path(r->pool, filename);
    if (strcmp(found, filename)) {
        apr_table_setn(r->notes, note, r->uri);
        r->uri = found_uri(r->pool, with_single_slashes(r->pool, r->uri), filename, found);
        r->filename = found;
    }
    return DECLINED;
}

int dms_names_check(request_rec *r)
{
    const char *sent = apr_table_get(r->notes, note);
    request_rec *asking = r, *answer;
    int status;

    if (!sent || !*sent) {
        return DECLINED;
    }
    while (asking->main) {
        asking = asking->main;
    }
    apr_table_setn(asking->notes, exact, "");
    answer = dms_act_ask_same(r, ap_escape_uri(r->pool, sent));
    apr_table_unset(asking->notes, exact);
    status = answer->status;
    ap_destroy_sub_req(answer);
    return status == HTTP_UNAUTHORIZED ? HTTP_FORBIDDEN /* who is asked for is known */
           : status != HTTP_OK && ap_is_HTTP_ERROR(status) ? status
                                                           : DECLINED;
}

int dms_names_has_twin(const request_rec *r)
{
    return apr_table_get(r->notes, note) && r->filename && *r->filename == '/'
           && strcmp(find_path(r->pool, r->filename), r->filename) != 0;
}

const char *dms_names_composed(const request_rec *r)
{
    const char *name = strrchr(r->filename, '/'), *composed;

    if (!name || is_ascii(name) || !apr_table_get(r->notes, note)) {
        return r->filename;
    }
    composed = in_form(r->pool, utf8proc_NFC, name);
    return composed
               ? apr_pstrcat(r->pool,
                             apr_pstrmemdup(r->pool, r->filename, (apr_size_t)(name - r->filename)),
                             composed, NULL)
               : r->filename;
}

const char *dms_names_sent(const request_rec *r)
{
    const char *sent = apr_table_get(r->notes, note);

    return sent && *sent ? sent : r->uri;
}
