#include "admin/tell.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_escape.h>
#include <apr_file_info.h>
#include <apr_strings.h>

#include "keys/keys.h"
#include "repository/fs/fs.h"
#include "request/xml_body.h"

/* --- telling --- */

/* What is kept back of standard output and standard error; NULL: it goes there. */
static struct {
    FILE *stream;
    char *bytes;
    size_t length;
} kept[2];

void dms_keep_words(void)
{
    int i;

    for (i = 0; i < 2; i++) {
        kept[i].stream = open_memstream(&kept[i].bytes, &kept[i].length);
    }
}

static void give_out(int i, FILE *stream, int is_true)
{
    FILE *own = kept[i].stream;

    kept[i].stream = NULL;
    if (own && !fclose(own) && is_true) {
        fwrite(kept[i].bytes, 1, kept[i].length, stream);
    }
    if (own) {
        free(kept[i].bytes);
    }
}

void dms_give_out_words(int is_done)
{
    give_out(0, stdout, is_done);
    give_out(1, stderr, 1);
}

FILE *dms_output(void)
{
    return kept[0].stream ? kept[0].stream : stdout;
}

/* Users have chosen some of it: no line or terminal is to take that for its own. */
static void print_error(FILE *stream, const char *format, va_list args)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    fputs(apr_pescape_echo(pool, apr_pvsprintf(pool, format, args), 0), stream);
    apr_pool_destroy(pool);
}

apr_status_t dms_tell(apr_status_t status, const char *format, ...)
{
    FILE *stream = kept[1].stream ? kept[1].stream : stderr;
    char words[200];
    va_list args;

    if (stream == stderr) {
        fflush(stdout);
    }
    fputs("dav-multistatus: ", stream);
    va_start(args, format);
    print_error(stream, format, args);
    va_end(args);
    if (status != APR_SUCCESS && status != APR_EGENERAL) {
        fprintf(stream, ": %s", apr_strerror(status, words, sizeof(words)));
    }
    fputc('\n', stream);
    return status;
}

void dms_tell_left(dms_admin_t *admin, const char *key, const char *why)
{
    admin->is_left = 1;
    dms_tell(APR_SUCCESS, "%s: %s", key, why);
}

void dms_print_indented(const char *indent, const char *text)
{
    while (*text) {
        int length = (int)strcspn(text, "\n");

        printf("%s%.*s\n", indent, length, text);
        text += length + (text[length] == '\n');
    }
}

apr_status_t dms_write_all(int descriptor, const char *bytes, apr_size_t length)
{
    while (length) {
        ssize_t written = write(descriptor, bytes, length);

        if (written < 0 && errno != EINTR) {
            return errno;
        }
        bytes += written > 0 ? written : 0;
        length -= written > 0 ? (apr_size_t)written : 0;
    }
    return APR_SUCCESS;
}

/* --- keys --- */

const char *dms_key_of_path(apr_pool_t *pool, const char *path)
{
    char *merged;
    apr_size_t length;

    if (*path != '/'
        || apr_filepath_merge(&merged, NULL, path, APR_FILEPATH_NOTRELATIVE, pool) != APR_SUCCESS) {
        return NULL;
    }
    for (length = strlen(merged); length > 1 && merged[length - 1] == '/'; length--) {
        merged[length - 1] = '\0';
    }
    return apr_pescape_path(pool, merged, 1);
}

const char *dms_key_of_href(apr_pool_t *pool, const char *href)
{
    const char *path = apr_punescape_url(pool, href, NULL, NULL, 0);

    return path ? dms_key_of_path(pool, path) : NULL;
}

const char *dms_argument_key(const dms_admin_t *admin, int number)
{
    const char *const *argument = admin->arguments, *key;

    while (number-- && *argument) {
        argument++;
    }
    if (!*argument) {
        return "/";
    }
    key = dms_key_of_path(admin->pool, *argument);
    if (!key) {
        dms_tell(APR_SUCCESS,
                 "%s: an absolute path is wanted, as the server's configuration has it", *argument);
    }
    return key;
}

/* --- XML --- */

const dms_element_t *dms_parse_element(const char *xml, apr_pool_t *pool)
{
    dms_xml_body_t *body = dms_xml_body_create(pool);
    dms_element_t *root = NULL;

    dms_xml_body_feed(body, xml, strlen(xml));
    return dms_xml_body_finish(body, &root) == DMS_XML_FINE ? root : NULL;
}

/* --- going through the store --- */

typedef struct walk_t {
    dms_admin_t *admin;
    const dms_choice_t *choice;
    dms_visit_fn *visit;
    void *baton;
} walk_t;

static apr_status_t visit_resource(const walk_t *walk, const char *key, dms_dead_property_t *first,
                                   apr_pool_t *pool)
{
    apr_status_t rv = APR_SUCCESS;

    if (!dms_key_own(&dms_fs_provider, key)) {
        return rv;
    }
    if ((void *)first == DMS_STORE_APART) {
        rv = dms_store_properties(walk->admin->store, key, walk->choice, pool, &first);
    }
    return rv == APR_SUCCESS && first ? walk->visit(walk->baton, key, first, pool) : rv;
}

static int compare_names(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* The names in a page, in the order of their bytes. */
static apr_array_header_t *names_of(const dms_page_t *page, apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 64, sizeof(const char *));
    apr_hash_index_t *at;

    for (at = apr_hash_first(pool, page->members); at; at = apr_hash_next(at)) {
        APR_ARRAY_PUSH(names, const char *) = apr_hash_this_key(at);
    }
    qsort(names->elts, (size_t)names->nelts, sizeof(const char *), compare_names);
    return names;
}

static apr_status_t visit_page(const walk_t *walk, const char *collection, const dms_page_t *page,
                               apr_pool_t *pool)
{
    apr_array_header_t *names = names_of(page, pool);
    apr_status_t rv = APR_SUCCESS;
    apr_pool_t *own;
    int i;

    apr_pool_create(&own, pool);
    for (i = 0; i < names->nelts && rv == APR_SUCCESS; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        apr_pool_clear(own);
        rv = visit_resource(walk, dms_key_below(own, collection, name),
                            apr_hash_get(page->members, name, APR_HASH_KEY_STRING), own);
    }
    apr_pool_destroy(own);
    return rv;
}

static apr_status_t visit_members(const walk_t *walk, const char *collection, apr_pool_t *pool)
{
    apr_pool_t *pages[2];
    const char *after = "";
    dms_page_t *page;
    apr_status_t rv;
    int i = 0;

    apr_pool_create(&pages[0], pool);
    apr_pool_create(&pages[1], pool);
    do {
        rv = dms_store_page(walk->admin->store, collection, after, walk->choice, pages[i], &page);
        if (rv == APR_SUCCESS) {
            rv = visit_page(walk, collection, page, pages[i]);
        }
        after = page->last;
        i = !i;
        apr_pool_clear(pages[i]); /* the one before, which has the name that this one follows */
    } while (rv == APR_SUCCESS && after);
    apr_pool_destroy(pages[0]);
    apr_pool_destroy(pages[1]);
    return rv;
}

static apr_status_t visit_own(const walk_t *walk, const char *key, apr_pool_t *pool)
{
    dms_dead_property_t *first;
    apr_status_t rv = dms_store_properties(walk->admin->store, key, walk->choice, pool, &first);

    return rv == APR_SUCCESS ? visit_resource(walk, key, first, pool) : rv;
}

apr_status_t dms_visit_properties(dms_admin_t *admin, const char *key, const dms_choice_t *choice,
                                  dms_visit_fn *visit, void *baton)
{
    walk_t walk = {admin, choice, visit, baton};
    apr_pool_t *pools[2];
    const char *collection = key;
    apr_status_t rv;
    int i = 0;

    apr_pool_create(&pools[0], admin->pool);
    apr_pool_create(&pools[1], admin->pool);
    rv = visit_own(&walk, key, pools[0]);
    while (rv == APR_SUCCESS && collection) {
        rv = visit_members(&walk, collection, pools[i]);
        if (rv == APR_SUCCESS) {
            i = !i;
            rv = dms_store_next_collection(admin->store, key, collection, pools[i], &collection);
            apr_pool_clear(pools[!i]);
        }
    }
    apr_pool_destroy(pools[0]);
    apr_pool_destroy(pools[1]);
    return rv;
}
