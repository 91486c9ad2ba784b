/*
 * Properties that mod_dav_fs has kept in folders named .DAV: a database for each resource. (Read is
 * what its dbm.c writes, version 4 of it.)
 *
 *   METADATA     the version, a byte, and another one; the number of namespaces, two bytes in the
 *                order of the network; their names, with a NUL after each
 *   N:name       of a property in the namespace with number N, or in none (":name"), with a NUL:
 *                its xml:lang, a NUL, its content as XML in which the prefix of the namespace with
 *                number N is nsN, a NUL
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_escape.h>
#include <apr_file_info.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "admin/dbm.h"
#include "admin/import_locks.h"
#include "admin/settings.h"
#include "admin/tell.h"
#include "keys/keys.h"
#include "multistatus/xml.h"
#include "properties/live.h"
#include "repository/fs/fs.h"
#include "repository/tree.h"

#define FOLDER ".DAV"
#define OF_FOLDER ".state_for_dir" /* the folder's own */
#define METADATA "METADATA"
#define VERSION 4
#define METADATA_SIZE 4 /* before the names */

typedef struct importing_t {
    dms_admin_t *admin;
    dms_settings_t *settings;
    const char *key;
    apr_pool_t *pool; /* for a folder */
    apr_status_t status;
} importing_t;

/* What is read of one database. */
typedef struct reading_t {
    importing_t *importing;
    const char *key; /* of the resource */
    dms_dbm_t dbm;
    apr_array_header_t *namespaces; /* const char *, escaped as in an attribute */
    int *declared;                  /* for which property each was declared last */
    int property;                   /* the number of the one that is read, from 1 */
    apr_pool_t *pool;
    apr_pool_t *scratch; /* for a property */
} reading_t;

static void leave(const reading_t *reading, const char *name, const char *why)
{
    dms_tell_left(reading->importing->admin, reading->key,
                  apr_pstrcat(reading->scratch, name, ": ", why, NULL));
}

/* --- XML --- */

/* Adds declarations of the prefixes that stand in a text, nsN, in whatever place: a database may
 * have very many, of which a property needs few. */
static void declare_used(reading_t *reading, const char *text, apr_array_header_t *parts)
{
    while ((text = strstr(text, "ns")) != NULL) {
        char *end;
        long number = strtol(text += 2, &end, 10);

        if (apr_isdigit(*text) && *end == ':' && number < reading->namespaces->nelts
            && reading->declared[number] != reading->property) {
            reading->declared[number] = reading->property;
            APR_ARRAY_PUSH(parts, const char *) = apr_psprintf(reading->scratch,
                                                               " xmlns:ns%ld=\"%s\"", number,
                                                               APR_ARRAY_IDX(reading->namespaces,
                                                                             number, const char *));
        }
    }
}

/* The element of a property, by its key, in whose content are the prefixes of the database. NULL:
 * it is none that XML can carry. */
static const dms_element_t *make_element(reading_t *reading, const char *key, const char *lang,
                                         const char *content)
{
    apr_pool_t *pool = reading->scratch;
    apr_array_header_t *parts = apr_array_make(pool, 8, sizeof(const char *));
    const char *tag = *key == ':' ? key + 1 : apr_pstrcat(pool, "ns", key, NULL);

    reading->property++;
    declare_used(reading, tag, parts);
    declare_used(reading, content, parts);
    if (*lang) {
        lang = apr_pstrcat(pool, " xml:lang=\"", apr_pescape_entity(pool, lang, 0), "\"", NULL);
    }
    return dms_parse_element(apr_pstrcat(pool, "<", tag, apr_array_pstrcat(pool, parts, '\0'), lang,
                                         ">", content, "</", tag, ">", NULL),
                             pool);
}

/* --- a database --- */

/* Returns why it can't be read; NULL: it can. */
static const char *read_metadata(reading_t *reading)
{
    char name[] = METADATA;
    apr_datum_t key = {name, sizeof(METADATA) - 1}, value;
    const unsigned char *bytes;
    const char *at, *end;
    int count;

    value = dms_dbm_value(&reading->dbm, key, reading->pool);
    bytes = (const unsigned char *)value.dptr;
    if (!bytes || value.dsize < METADATA_SIZE || bytes[0] != VERSION) {
        return "the database is of a version of mod_dav that is too old";
    }
    at = value.dptr + METADATA_SIZE;
    end = value.dptr + value.dsize;
    for (count = bytes[2] << 8 | bytes[3]; count && at < end; count--) {
        APR_ARRAY_PUSH(reading->namespaces, const char *) = at;
        at += strlen(at) + 1;
    }
    reading->declared = apr_pcalloc(reading->pool,
                                    sizeof(int) * (apr_size_t)reading->namespaces->nelts + 1);
    return count ? "the database lacks namespaces" : NULL;
}

/* Whether the server keeps such a property for a client. */
static int is_kept(const dms_name_t *name)
{
    const dms_live_property_t *live = dms_live_property(NULL, name);

    return !live || live->protection == DMS_OVERRIDABLE;
}

static apr_status_t take_property(reading_t *reading, const char *key, apr_datum_t value)
{
    const dms_element_t *element = NULL;
    apr_size_t lang = value.dptr ? strlen(value.dptr) : 0;

    if (lang < value.dsize) {
        element = make_element(reading, key, value.dptr, value.dptr + lang + 1);
    }
    if (!element) {
        leave(reading, key, "it is no XML");
        return APR_SUCCESS;
    }
    if (!is_kept(element->name)) {
        leave(reading, element->name->local, "the server tells it by itself");
        return APR_SUCCESS;
    }
    return dms_settings_add(reading->importing->settings, reading->key, element->name,
                            dms_xml_fragment(reading->scratch, element));
}

static apr_status_t take_properties(reading_t *reading)
{
    apr_array_header_t *keys = dms_dbm_keys(&reading->dbm, reading->pool);
    const char *fault = keys->nelts ? read_metadata(reading) : NULL;
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (fault) {
        dms_tell_left(reading->importing->admin, reading->key, fault);
        return rv;
    }
    for (i = 0; i < keys->nelts && rv == APR_SUCCESS; i++) {
        apr_datum_t key = APR_ARRAY_IDX(keys, i, apr_datum_t);

        if (*key.dptr != *METADATA) {
            rv = take_property(reading, key.dptr,
                               dms_dbm_value(&reading->dbm, key, reading->scratch));
            apr_pool_clear(reading->scratch);
        }
    }
    return rv;
}

/* --- folders --- */

static const char *key_of(importing_t *importing, const char *folder, const char *name)
{
    return strcmp(name, OF_FOLDER) != 0
               ? dms_key_below(importing->pool, folder, apr_pescape_path(importing->pool, name, 1))
               : folder;
}

/* folder: the key of that in which .DAV is. */
static apr_status_t take_database(importing_t *importing, const char *folder, const char *file)
{
    reading_t reading = {.importing = importing};
    apr_status_t rv;

    apr_pool_create(&reading.pool, importing->pool);
    apr_pool_create(&reading.scratch, reading.pool);
    reading.namespaces = apr_array_make(reading.pool, 8, sizeof(const char *));
    rv = dms_dbm_open(file, reading.pool, &reading.dbm);
    if (rv == APR_SUCCESS) {
        reading.key = key_of(importing, folder, strrchr(reading.dbm.name, '/') + 1);
        rv = take_properties(&reading);
    }
    else if (rv != APR_INCOMPLETE) {
        char words[200];

        dms_tell_left(importing->admin, file,
                      rv == APR_EINVAL ? "no database that is known"
                                       : apr_strerror(rv, words, sizeof(words)));
        rv = APR_SUCCESS;
    }
    apr_pool_destroy(reading.pool);
    return rv == APR_INCOMPLETE ? APR_SUCCESS : rv;
}

/* The names of resources that were locked and not there, and what is no file. */
static int is_database(const apr_finfo_t *found)
{
    return found->filetype == APR_REG && strcmp(found->name, ".locknull") != 0;
}

static void take_folder(importing_t *importing, const char *folder)
{
    apr_pool_t *pool = importing->pool;
    const char *path = apr_pstrcat(pool, apr_punescape_url(pool, folder, NULL, NULL, 0), "/" FOLDER,
                                   NULL);
    apr_finfo_t found;
    apr_dir_t *dir;
    apr_status_t rv = apr_dir_open(&dir, path, pool);

    if (rv != APR_SUCCESS) {
        dms_tell_left(importing->admin, folder, "its " FOLDER " can't be read");
        return;
    }
    while (importing->status == APR_SUCCESS
           && ((rv = apr_dir_read(&found, APR_FINFO_NAME | APR_FINFO_TYPE, dir)) == APR_SUCCESS
               || rv == APR_INCOMPLETE)) {
        if (is_database(&found)) {
            importing->status = take_database(importing, folder,
                                              apr_pstrcat(pool, path, "/", found.name, NULL));
        }
    }
}

/* The check() of a dms_tree_t. */
static apr_status_t look_at_member(void *baton, const char *collection, const dms_member_t *member)
{
    importing_t *importing = baton;

    if (!dms_is_hidden(member->name)) {
        return importing->status;
    }
    if (!strcmp(member->name, FOLDER)) {
        take_folder(importing, *collection
                                   ? dms_key_below(importing->pool, importing->key, collection)
                                   : importing->key);
        apr_pool_clear(importing->pool);
    }
    return APR_INCOMPLETE;
}

static apr_status_t take_tree(importing_t *importing)
{
    dms_tree_t tree = {.provider = &dms_fs_provider, .check = look_at_member, .baton = importing};
    apr_pool_t *pool = importing->admin->pool;
    dms_node_t *folder;
    const char *name;
    apr_status_t rv = dms_fs_provider.parent_of_key(dms_key_below(pool, importing->key, "x"), pool,
                                                    &folder, &name);

    if (rv != APR_SUCCESS) {
        return dms_tell(rv, "%s", importing->key);
    }
    dms_tree_scan(&tree, folder, pool);
    return importing->status;
}

static apr_status_t run_import_dav(dms_admin_t *admin)
{
    importing_t importing = {.admin = admin,
                             .settings = dms_settings_create(admin, 1),
                             .key = dms_argument_key(admin, 0)};
    apr_status_t ended, rv;

    if (!importing.key || (admin->lock_db && (!admin->url || *admin->url != '/'))) {
        return dms_tell(APR_EGENERAL,
                        "a folder is wanted, and with --lock-db the path of the --url by"
                        " which clients reach it");
    }
    apr_pool_create(&importing.pool, admin->pool);
    rv = take_tree(&importing);
    ended = dms_settings_end(importing.settings);
    rv = rv == APR_SUCCESS ? ended : rv;
    return rv == APR_SUCCESS && admin->lock_db
               ? dms_import_locks(admin, admin->lock_db, importing.key, admin->url)
               : rv;
}

const dms_admin_command_t dms_admin_import_dav = {
    .name = "import-dav",
    .arguments = "FOLDER",
    .help = "Takes over what mod_dav_fs has kept of a folder and all below it:\n"
            "properties, from the folders named .DAV, and locks, from its DavLockDB\n"
            "(--lock-db), whose tokens stay; the --url is the path by which clients\n"
            "reach the folder, for what they are told of locks. Databases are of any\n"
            "kind that APR can read (SDBM, GDBM, Berkeley DB), made on the same kind\n"
            "of machine. What a resource has in the store already stays. What can't be\n"
            "taken is told, with the reason; --dry-run tells it beforehand. mod_dav's\n"
            "files are left as they are.\n",
    .options = "nluU",
    .fewest = 1,
    .most = 1,
    .run = run_import_dav,
};
