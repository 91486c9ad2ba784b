#include "server/names.h"

#include <sys/stat.h>

#include <apr_strings.h>
#include <http_config.h>

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

#define utf8proc_NFC 0
#define utf8proc_NFD 0

static char *in_form(apr_pool_t *pool, form_fn form, const char *name)
{
    return NULL;
}

#endif

static int is_ascii(const char *text)
{
    while (*text && !(*text & 0x80)) {
        text++;
    }
    return !*text;
}

static int is_there(const char *path)
{
    struct stat st;

    return !lstat(path, &st);
}

/* The path of a name in a folder, in whichever form it is there; as it was given where none is. */
static char *find_name(apr_pool_t *pool, const char *folder, const char *name)
{
    char *path = apr_pstrcat(pool, folder, "/", name, NULL), *other;
    const char *form;

    if (is_ascii(name) || is_there(path)) {
        return path;
    }
    form = in_form(pool, utf8proc_NFC, name);
    other = apr_pstrcat(pool, folder, "/", form, NULL);
    if (form && is_there(other)) {
        return other;
    }
    form = in_form(pool, utf8proc_NFD, name);
    other = apr_pstrcat(pool, folder, "/", form, NULL);
    return form && is_there(other) ? other : path;
}

/* The same for each name of a path. */
static char *find_path(apr_pool_t *pool, const char *path)
{
    char *rest = apr_pstrdup(pool, path + 1), *found = apr_pstrdup(pool, ""), *name, *last;

    for (name = apr_strtok(rest, "/", &last); name; name = apr_strtok(NULL, "/", &last)) {
        found = find_name(pool, found, name);
    }
    return path[strlen(path) - 1] == '/' ? apr_pstrcat(pool, found, "/", NULL) : found;
}

/* A URL path with the names that its file has been found under: those at its end that are the same
 * as the file's. */
static char *found_uri(apr_pool_t *pool, const char *uri, const char *filename, const char *found)
{
    char *u = apr_pstrdup(pool, uri), *f = apr_pstrdup(pool, filename);
    char *n = apr_pstrdup(pool, found), *u_name, *f_name, *n_name;
    const char *names = "";

    while ((u_name = strrchr(u, '/')) && (f_name = strrchr(f, '/')) && (n_name = strrchr(n, '/'))
           && !strcmp(u_name, f_name)) {
        names = apr_pstrcat(pool, n_name, names, NULL);
        *u_name = *f_name = *n_name = '\0';
    }
    return apr_pstrcat(pool, u, names, NULL);
}

static const char note[] = "dav-multistatus-names";

int dms_names_note(request_rec *r)
{
    const dms_config_t *config = dms_config_of(r);

    if (dms_config_is_on(config) && dms_config_normalizes_names(config)
        && !config->provider->is_virtual && !is_ascii(r->uri)) {
        apr_table_setn(r->notes, note, "");
    }
    return DECLINED;
}

int dms_names_find(request_rec *r)
{
    char *found;

    if (!apr_table_get(r->notes, note) || r->proxyreq || !r->filename || *r->filename != '/'
        || is_there(r->filename)) {
        return DECLINED;
    }
    found = find_path(r->pool, r->filename);
    if (strcmp(found, r->filename)) {
        r->uri = found_uri(r->pool, r->uri, r->filename, found);
        r->filename = found;
    }
    return DECLINED;
}
