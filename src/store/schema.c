/*
 * The schema and all statements. They are meant for SQLite 3.24 and PostgreSQL alike; what differs
 * is in dms_dialect_t. Text is compared by its bytes; there is no LIKE, so no character in a key is
 * special. (A per cent sign in a statement is apr_dbd's: keys are always arguments.)
 */
#include <apr_strings.h>

#include "store/store_private.h"

#include <stdlib.h>
#include <string.h>

#define STRING(x) #x
#define NUMBER(x) STRING(x)

/* The collection whose key is the argument. */
#define COLLECTION "(SELECT id FROM collection WHERE key = %s)"
/* A resource: the arguments are the key of its collection and its name in that. */
#define OWN "collection = " COLLECTION " AND member = %s"
/* A resource's own collection and those below: the arguments are key, low and high of its place. */
#define BELOW "(key = %s OR (key >= %s AND key < %s))"
/* The key after the move from the second argument to the first. */
#define MOVED(key) "%s || substr(" key ", length(%s) + 1)"
/* Columns of a value: the size comes first, so that a long one is not read for it. */
#define VALUE_COLUMNS "ns, local, size, xml"
#define SHORT NUMBER(DMS_STORE_SHORT_VALUE)
#define SHORT_XML "CASE WHEN size <= " SHORT " THEN xml END"
/* A value's XML holds its name, so that a short one's is short. (request/xml_body.h bounds what
 * names a namespace.) */
#define SHORT_LOCAL "CASE WHEN size <= " SHORT " OR length(local) <= " SHORT " THEN local END"
/* The arguments are names as dms_choice_add() writes them. */
#define NAMES_8 "%s, %s, %s, %s, %s, %s, %s, %s"
#define NAMED " AND ns || ' ' || local IN (" NAMES_8 ", " NAMES_8 ", " NAMES_8 ", " NAMES_8 ")"
/* What a resource has, and the members of a collection whose names follow one. */
#define OF_RESOURCE(xml, condition)                                                                \
    "SELECT ns, local, " xml " FROM property WHERE " OWN condition " ORDER BY ns, local"
#define PAGE(xml, condition)                                                                       \
    "SELECT member, ns, " SHORT_LOCAL ", " xml " FROM property"                                    \
    " WHERE collection = " COLLECTION " AND member > %s" condition                                 \
    " ORDER BY member, ns, local LIMIT " NUMBER(DMS_STORE_PART_ROWS)

#define INTENTION_COLUMNS                                                                          \
    "id, intent, from_key, to_key, deep, identity, replaced, reserved, reached, doubts"
#define LOCK_COLUMNS "token, key, uri, deep, shared, owner, principal, expires"
/* What it takes to check: not what a client may have made long. */
#define LOCK_COLUMNS_TO_CHECK "token, key, uri, deep, shared, NULL, principal, expires"
#define SHORT_OF_LOCK(column)                                                                      \
    "CASE WHEN length(owner) + length(uri) <= " SHORT " THEN " column " END"
#define KEYS_4 "%s, %s, %s, %s"
#define KEYS_16 KEYS_4 ", " KEYS_4 ", " KEYS_4 ", " KEYS_4
/* The argument is the present second. */
#define LIVES "(expires = 0 OR expires > %lld)"
/* In force on a resource: its key is the first, the others those of the collections that it is
 * in. */
#define IN_FORCE(columns)                                                                          \
    "SELECT " columns " FROM lock WHERE (key = %s OR (deep = 1 AND key IN"                         \
    " (" KEYS_4 ", " KEYS_4 ", " KEYS_4 ", %s, %s, %s))) AND " LIVES " ORDER BY key, token"

typedef struct statement_t {
    const char *label;
    const char *text;
    int args;
} statement_t;

static const statement_t statements[DMS_SQL_NUMBER] = {
    [DMS_SQL_BEGIN] = {"dms_begin", NULL, 0}, /* the dialect's */
    [DMS_SQL_COMMIT] = {"dms_commit", "COMMIT", 0},
    [DMS_SQL_ROLLBACK] = {"dms_rollback", "ROLLBACK", 0},
    /* The first statement of each transaction: it fails where those prepared are stale, and where
     * the database can only be read, which SQLite lets begin. Changes nothing. */
    [DMS_SQL_PROBE] = {"dms_probe", "DELETE FROM collection WHERE id = 0", 0},

    [DMS_SQL_ANY] = {"dms_any", "SELECT 1 FROM property LIMIT 1", 0},
    [DMS_SQL_OF_RESOURCE] = {"dms_of_resource", OF_RESOURCE("xml", ""), 2},
    [DMS_SQL_OF_RESOURCE_NAMED] = {"dms_of_resource_named", OF_RESOURCE("xml", NAMED),
                                   2 + DMS_CHOICE_NAMES_MAX},
    [DMS_SQL_OF_RESOURCE_NAMES] = {"dms_of_resource_names", OF_RESOURCE("NULL", ""), 2},
    [DMS_SQL_PAGE] = {"dms_page", PAGE(SHORT_XML, ""), 2},
    [DMS_SQL_PAGE_NAMED] = {"dms_page_named", PAGE(SHORT_XML, NAMED), 2 + DMS_CHOICE_NAMES_MAX},
    [DMS_SQL_PAGE_NAMES] = {"dms_page_names", PAGE("NULL", ""), 2},
    [DMS_SQL_USAGE] = {"dms_usage",
                       "SELECT count(*), coalesce(sum(size), 0),"
                       " (SELECT properties FROM collection WHERE key = %s),"
                       " (SELECT bytes FROM account WHERE principal = %s)"
                       " FROM property WHERE " OWN,
                       4},
    [DMS_SQL_OWN] = {"dms_own", "SELECT 1 FROM property WHERE " OWN " LIMIT 1", 2},
    [DMS_SQL_VALUE] = {"dms_value",
                       "SELECT xml FROM property WHERE " OWN " AND ns = %s AND local = %s", 4},
    [DMS_SQL_HAS] = {"dms_has",
                     "SELECT 1 FROM property WHERE " OWN
                     " UNION ALL SELECT 1 FROM collection WHERE " BELOW
                     " AND EXISTS (SELECT 1 FROM property WHERE collection = collection.id)"
                     " LIMIT 1",
                     5},

    [DMS_SQL_SET] = {"dms_set",
                     "INSERT INTO property (collection, member, " VALUE_COLUMNS ", principal)"
                     " SELECT id, %s, %s, %s, %d, %s, %s FROM collection WHERE key = %s"
                     " ON CONFLICT (collection, member, ns, local) DO UPDATE SET"
                     " size = excluded.size, xml = excluded.xml, principal = excluded.principal",
                     7},
    [DMS_SQL_UNSET] = {"dms_unset", "DELETE FROM property WHERE " OWN " AND ns = %s AND local = %s",
                       4},
    [DMS_SQL_ADD_COLLECTION] = {"dms_add_collection",
                                "INSERT INTO collection (key) VALUES (%s)"
                                " ON CONFLICT (key) DO NOTHING",
                                1},
    [DMS_SQL_PRUNE] = {"dms_prune",
                       "DELETE FROM collection WHERE key = %s AND NOT EXISTS"
                       " (SELECT 1 FROM property WHERE collection = collection.id)",
                       1},

    [DMS_SQL_FORGET_OWN] = {"dms_forget_own", "DELETE FROM property WHERE " OWN, 2},
    [DMS_SQL_FORGET_BELOW] = {"dms_forget_below",
                              "DELETE FROM property WHERE collection IN"
                              " (SELECT id FROM collection WHERE " BELOW ")",
                              3},
    [DMS_SQL_FORGET_COLLECTIONS] = {"dms_forget_collections", "DELETE FROM collection WHERE " BELOW,
                                    3},

    /* The collection of the first argument, where the resource of the others has properties. */
    [DMS_SQL_ADD_COLLECTION_FOR] = {"dms_add_collection_for",
                                    "INSERT INTO collection (key)"
                                    " SELECT %s WHERE EXISTS"
                                    " (SELECT 1 FROM property WHERE " OWN ")"
                                    " ON CONFLICT (key) DO NOTHING",
                                    3},
    /* Of the resource of the last two arguments, what that of the first two has, too. */
    [DMS_SQL_YIELD] = {"dms_yield",
                       "DELETE FROM property WHERE (ns, local) IN"
                       " (SELECT ns, local FROM property WHERE " OWN ") AND " OWN,
                       4},
    [DMS_SQL_MOVE_OWN] = {"dms_move_own",
                          "UPDATE property SET collection = " COLLECTION ", member = %s WHERE " OWN,
                          4},
    [DMS_SQL_MOVE_COLLECTIONS] = {"dms_move_collections",
                                  "UPDATE collection SET key = " MOVED("key") " WHERE " BELOW, 5},
    [DMS_SQL_COPY_OWN] = {"dms_copy_own",
                          "INSERT INTO property (collection, member, " VALUE_COLUMNS ", principal)"
                          " SELECT " COLLECTION ", %s, " VALUE_COLUMNS
                          ", coalesce(%s, principal) FROM property WHERE " OWN,
                          5},
    [DMS_SQL_COPY_COLLECTIONS] = {"dms_copy_collections",
                                  "INSERT INTO collection (key)"
                                  " SELECT " MOVED("key") " FROM collection WHERE " BELOW,
                                  5},
    /* CROSS JOIN holds SQLite to this order of tables. */
    [DMS_SQL_COPY_BELOW] =
        {"dms_copy_below",
         "INSERT INTO property (collection, member, " VALUE_COLUMNS ", principal)"
         " SELECT target.id, member, " VALUE_COLUMNS ", coalesce(%s, principal) FROM"
         " (SELECT id, key FROM collection WHERE " BELOW ") AS source"
         " CROSS JOIN collection AS target CROSS JOIN property"
         " WHERE target.key = " MOVED("source.key") " AND property.collection = source.id",
         6},

    [DMS_SQL_NEXT_COLLECTION] = {"dms_next_collection",
                                 "SELECT key FROM collection WHERE key > %s AND key < %s"
                                 " ORDER BY key LIMIT 1",
                                 2},
    [DMS_SQL_NEXT_MEMBERS] = {"dms_next_members",
                              "SELECT DISTINCT member FROM property"
                              " WHERE collection = " COLLECTION " AND member > %s"
                              " ORDER BY member LIMIT 1000",
                              2},

    [DMS_SQL_LAST_INTENTION] = {"dms_last_intention", "SELECT coalesce(max(id), 0) FROM intention",
                                0},
    [DMS_SQL_INTEND] = {"dms_intend",
                        "INSERT INTO intention (" INTENTION_COLUMNS ", owner)"
                        " VALUES (%lld, %d, %s, %s, %d, %s, %s, %s, %s, %d, %s)",
                        11},
    [DMS_SQL_SETTLE] = {"dms_settle", "DELETE FROM intention WHERE id = %lld", 1},
    [DMS_SQL_SUPERSEDE] = {"dms_supersede",
                           "DELETE FROM intention WHERE intent = %d AND to_key = %s"
                           " AND identity = %s AND id <> %lld",
                           4},
    [DMS_SQL_INTENTION] = {"dms_intention",
                           "SELECT " INTENTION_COLUMNS ", owner FROM intention WHERE id = %lld", 1},
    [DMS_SQL_INTENTIONS] = {"dms_intentions",
                            "SELECT " INTENTION_COLUMNS ", owner FROM intention"
                            " WHERE (intent, id) > (%d, %lld) ORDER BY intent, id LIMIT 100",
                            2},

    [DMS_SQL_ANY_LOCK] = {"dms_any_lock", "SELECT 1 FROM lock LIMIT 1", 0},
    [DMS_SQL_LOCKS] = {"dms_locks", IN_FORCE(LOCK_COLUMNS), DMS_STORE_LOCK_KEYS + 1},
    [DMS_SQL_LOCKS_TO_CHECK] = {"dms_locks_to_check", IN_FORCE(LOCK_COLUMNS_TO_CHECK),
                                DMS_STORE_LOCK_KEYS + 1},
    /* Those that follow one, before a key; shared ones, too, or not. */
    [DMS_SQL_LOCKS_BELOW] = {"dms_locks_below",
                             "SELECT " LOCK_COLUMNS_TO_CHECK " FROM lock"
                             " WHERE (key, token) > (%s, %s) AND key < %s AND shared <= %d"
                             " AND " LIVES " ORDER BY key, token LIMIT %d",
                             6},
    [DMS_SQL_LOCK_OWNER] = {"dms_lock_owner", "SELECT owner FROM lock WHERE token = %s", 1},
    [DMS_SQL_COUNT_LOCKS] = {"dms_count_locks",
                             "SELECT count(*) FROM (SELECT 1 FROM lock WHERE principal = %s"
                             " AND " LIVES " LIMIT %lld) AS some",
                             3},
    [DMS_SQL_MEMBER_LOCKS] =
        {"dms_member_locks",
         "SELECT token, key, " SHORT_OF_LOCK("uri") ", deep, shared, " SHORT_OF_LOCK(
             "owner") ", principal, expires FROM lock"
                      " WHERE parent = %s AND " LIVES
                      " ORDER BY token LIMIT " NUMBER(DMS_STORE_MEMBER_LOCKS),
         2},
    [DMS_SQL_LOCK] = {"dms_lock",
                      "INSERT INTO lock (parent, " LOCK_COLUMNS ")"
                      " VALUES (%s, %s, %s, %s, %d, %d, %s, %s, %lld)",
                      9},
    [DMS_SQL_REFRESH_LOCK] = {"dms_refresh_lock", "UPDATE lock SET expires = %lld WHERE token = %s",
                              2},
    [DMS_SQL_UNLOCK] = {"dms_unlock", "DELETE FROM lock WHERE token = %s", 1},
    [DMS_SQL_UNLOCK_BELOW] = {"dms_unlock_below",
                              "DELETE FROM lock WHERE key = %s OR (key > %s AND key < %s)", 3},
    [DMS_SQL_EXPIRE_LOCKS] = {"dms_expire_locks",
                              "DELETE FROM lock WHERE token IN (SELECT token FROM lock"
                              " WHERE expires > 0 AND expires <= %lld"
                              " LIMIT " NUMBER(DMS_STORE_LOCKS_PAGE) ")",
                              1},

    /* The keys are those of the resource and of the collections that it is in. */
    [DMS_SQL_RESIZE] = {"dms_resize",
                        "UPDATE space SET bytes = bytes + %lld, changes = changes + 1"
                        " WHERE key IN (" KEYS_16 ")",
                        1 + DMS_STORE_SPACE_KEYS},
    [DMS_SQL_UNSIZE] = {"dms_unsize", "DELETE FROM space WHERE key IN (" KEYS_16 ")",
                        DMS_STORE_SPACE_KEYS},
    [DMS_SQL_UNSIZE_BELOW] = {"dms_unsize_below", "DELETE FROM space WHERE " BELOW, 3},
    [DMS_SQL_UNSIZE_ALL] = {"dms_unsize_all", "DELETE FROM space", 0},
    [DMS_SQL_SIZED] = {"dms_sized", "SELECT key FROM space WHERE key IN (" KEYS_16 ") ORDER BY key",
                       DMS_STORE_SPACE_KEYS},
    /* Less than nothing can't be true: something has been brought past the server. */
    [DMS_SQL_SIZE] = {"dms_size",
                      "SELECT bytes, boot FROM space WHERE key = %s AND boot IN (%s, %s)"
                      " AND bytes >= 0",
                      3},
    [DMS_SQL_ANY_SIZE] = {"dms_any_size", "SELECT 1 FROM space LIMIT 1", 0},
    [DMS_SQL_NEXT_SIZE] = {"dms_next_size",
                           "SELECT key FROM space WHERE key > %s ORDER BY key LIMIT 1", 1},
    [DMS_SQL_BEGIN_SIZE] = {"dms_begin_size",
                            "INSERT INTO space (key, bytes, changes, boot)"
                            " VALUES (%s, 0, %lld, '-') ON CONFLICT (key) DO NOTHING",
                            2},
    [DMS_SQL_CHANGES] = {"dms_changes", "SELECT changes FROM space WHERE key = %s", 1},
    [DMS_SQL_SET_SIZE] = {"dms_set_size",
                          "UPDATE space SET bytes = %lld, boot = %s WHERE key = %s"
                          " AND (changes = %lld OR %s = 'final')",
                          5},

    /* What check.c asks, each in one statement, which sees one state of the store. */
    [DMS_SQL_INTEGRITY] = {"dms_integrity", NULL, 0}, /* the dialect's */
    [DMS_SQL_ROWS_WITHOUT] = {"dms_rows_without",
                              "SELECT count(*) FROM property"
                              " WHERE collection NOT IN (SELECT id FROM collection)",
                              0},
    [DMS_SQL_WRONG_COLLECTIONS] =
        {"dms_wrong_collections",
         "SELECT key, properties, real FROM (SELECT key, properties,"
         " (SELECT count(*) FROM property WHERE collection = collection.id) AS real"
         " FROM collection) AS counted WHERE properties <> real ORDER BY key LIMIT " NUMBER(
             DMS_STORE_FAULTS),
         0},
    [DMS_SQL_WRONG_ACCOUNTS] =
        {"dms_wrong_accounts",
         "SELECT principal, sum(noted), sum(real) FROM"
         " (SELECT principal, bytes AS noted, 0 AS real FROM account"
         " UNION ALL SELECT principal, 0, size FROM property) AS both"
         " GROUP BY principal HAVING sum(noted) <> sum(real) ORDER BY principal LIMIT " NUMBER(
             DMS_STORE_FAULTS),
         0},
    [DMS_SQL_ADJUST_COLLECTION] = {"dms_adjust_collection",
                                   "UPDATE collection SET properties = (SELECT count(*)"
                                   " FROM property WHERE collection = collection.id)"
                                   " WHERE key = %s",
                                   1},
    [DMS_SQL_ADJUST_ACCOUNT] = {"dms_adjust_account",
                                "INSERT INTO account (principal, bytes) VALUES (%s, %lld)"
                                " ON CONFLICT (principal) DO UPDATE"
                                " SET bytes = account.bytes + excluded.bytes",
                                2},
};

/* --- SQLite --- */

/* The time-out is short because the driver holds a mutex of the whole process while SQLite waits;
 * it lets go of it for 100 ms and tries anew, 16 times in all: about ten seconds. Our own writers
 * don't meet there, see transaction.c. */
static const char *const sqlite_open[] = {"PRAGMA busy_timeout = 500",
                                          "PRAGMA journal_mode = WAL",
                                          "PRAGMA synchronous = FULL",
                                          "PRAGMA cache_size = -1024",
                                          "PRAGMA journal_size_limit = 16777216",
                                          NULL};

static const char *const sqlite_create[] =
    {"CREATE TABLE collection (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE)",
     "CREATE TABLE property (collection INTEGER NOT NULL, member TEXT NOT NULL,"
     " ns TEXT NOT NULL, local TEXT NOT NULL, size INTEGER NOT NULL, xml TEXT NOT NULL,"
     " PRIMARY KEY (collection, member, ns, local)) WITHOUT ROWID",
     "CREATE TABLE intention (id INTEGER PRIMARY KEY, intent INTEGER NOT NULL,"
     " from_key TEXT NOT NULL, to_key TEXT NOT NULL, deep INTEGER NOT NULL, token TEXT NOT NULL,"
     " host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL)",
     "CREATE TABLE lock (token TEXT PRIMARY KEY, parent TEXT NOT NULL, key TEXT NOT NULL,"
     " uri TEXT NOT NULL, deep INTEGER NOT NULL, shared INTEGER NOT NULL, owner TEXT NOT NULL,"
     " principal TEXT NOT NULL, expires BIGINT NOT NULL) WITHOUT ROWID",
     "CREATE INDEX lock_key ON lock (key)",
     "CREATE INDEX lock_parent ON lock (parent)",
     "CREATE INDEX lock_expires ON lock (expires)",
     NULL};

/* What a word of processes/processes.h was in version 1. */
#define OWNER_1 "pid || '//' || started"
/* What precedes a text's first space, and what follows it. */
#define WORD(text) "substr(" text ", 1, instr(" text " || ' ', ' ') - 1)"
#define REST(text) "substr(" text ", instr(" text " || ' ', ' ') + 1)"

/* To version 2: an intention says whose it is in one word, and what it remembers in columns; in
 * version 1 those were the words of a token. A deletion of a reserved name became another act. */
static const char *const sqlite_to_2[] =
    {"CREATE TABLE intended (id INTEGER PRIMARY KEY, intent INTEGER NOT NULL,"
     " from_key TEXT NOT NULL, to_key TEXT NOT NULL, deep INTEGER NOT NULL,"
     " identity TEXT NOT NULL, replaced TEXT NOT NULL, reserved TEXT NOT NULL,"
     " reached TEXT NOT NULL, doubts INTEGER NOT NULL, owner TEXT NOT NULL)",
     "INSERT INTO intended SELECT id, intent, from_key, to_key, deep, " WORD("token") ", " WORD(
         "rest") ", " REST("rest") ", '', 0, " OWNER_1
                                   " FROM (SELECT *, " REST(
                                       "token") " AS rest"
                                                " FROM intention WHERE intent = 1)",
     "INSERT INTO intended SELECT id, intent, from_key, to_key, deep, " REST("token") ", '', " WORD(
         "token") ", '', 0, " OWNER_1 " FROM intention WHERE intent = 2",
     "INSERT INTO intended SELECT id,"
     " CASE WHEN instr(from_key, '/.dav-multistatus-') = 0 THEN 3 ELSE 4 END,"
     " from_key, '', 0, '', '', '', '', 0, " OWNER_1 " FROM intention WHERE intent = 3",
     "DROP TABLE intention",
     "ALTER TABLE intended RENAME TO intention",
     NULL};

/* What the triggers keep true, as rows come and go: how many properties the members of a collection
 * have, and how many bytes those are that a principal has set. */
#define COUNTED(which, number)                                                                     \
    " UPDATE collection SET properties = properties " number " WHERE id = " which ".collection;"
#define CHARGED(which, size)                                                                       \
    " INSERT INTO account VALUES (" which ".principal, " size which ".size)"                       \
    " ON CONFLICT (principal) DO UPDATE SET bytes = bytes + excluded.bytes;"

/* To version 3: bounds. Whose the properties were is not known: those are nobody's. A DAV:owner of
 * any length was kept, which whoever read the lock had to go past. */
static const char *const sqlite_to_3[] =
    {"CREATE INDEX lock_principal ON lock (principal, expires)",
     "UPDATE lock SET owner = '' WHERE length(owner) > 4096",
     "ALTER TABLE property ADD COLUMN principal TEXT NOT NULL DEFAULT ''",
     "ALTER TABLE collection ADD COLUMN properties BIGINT NOT NULL DEFAULT 0",
     "UPDATE collection SET properties ="
     " (SELECT count(*) FROM property WHERE collection = collection.id)",
     "CREATE TABLE account (principal TEXT PRIMARY KEY, bytes BIGINT NOT NULL) WITHOUT ROWID",
     "INSERT INTO account SELECT '', coalesce(sum(size), 0) FROM property",
     "CREATE TRIGGER property_comes AFTER INSERT ON property BEGIN" COUNTED("new", "+ 1")
         CHARGED("new", "") " END",
     "CREATE TRIGGER property_goes AFTER DELETE ON property BEGIN" COUNTED("old", "- 1")
         CHARGED("old", "-") " END",
     "CREATE TRIGGER property_moves AFTER UPDATE OF collection ON property"
     " WHEN old.collection <> new.collection BEGIN" COUNTED("old", "- 1")
         COUNTED("new", "+ 1") " END",
     "CREATE TRIGGER property_changes AFTER UPDATE OF size, principal ON property BEGIN" CHARGED(
         "old", "-") CHARGED("new", "") " END",
     NULL};

/* To version 4: how many bytes the files below a folder have, since when the machine has run ('-':
 * they are being counted; with '~' before it: they were, while others wrote), and a number that is
 * another one after each change. */
static const char *const sqlite_to_4[] =
    {"CREATE TABLE space (key TEXT PRIMARY KEY, bytes BIGINT NOT NULL, changes BIGINT NOT NULL,"
     " boot TEXT NOT NULL) WITHOUT ROWID",
     NULL};

static const dms_dialect_t dialects[] = {
    {.driver = "sqlite3",
     .in_turn = 1,
     .is_file = 1,
     .copy = "VACUUM INTO ",
     .integrity = "PRAGMA integrity_check",
     .open = sqlite_open,
     .begin = "BEGIN IMMEDIATE",
     .version = "PRAGMA user_version",
     .set_version = "PRAGMA user_version = ",
     .steps = {sqlite_create, sqlite_to_2, sqlite_to_3, sqlite_to_4}},
};

const dms_dialect_t *dms_dialect(const char *driver)
{
    size_t i;

    for (i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
        if (!strcmp(dialects[i].driver, driver)) {
            return &dialects[i];
        }
    }
    return NULL;
}

/* --- running them --- */

static int prepare(dms_conn_t *conn, dms_sql_e sql, apr_dbd_prepared_t **prepared)
{
    const char *text = sql == DMS_SQL_BEGIN       ? conn->dialect->begin
                       : sql == DMS_SQL_INTEGRITY ? conn->dialect->integrity
                                                  : statements[sql].text;
    int code = 0;

    if (!conn->prepared[sql]) {
        code = apr_dbd_prepare(conn->driver, conn->pool, conn->handle, text, statements[sql].label,
                               &conn->prepared[sql]);
    }
    *prepared = conn->prepared[sql];
    return code;
}

int dms_conn_query(dms_conn_t *conn, dms_sql_e sql, const char **args, int *rows)
{
    apr_dbd_prepared_t *prepared;
    int ignored, code;

    code = prepare(conn, sql, &prepared);
    if (code) {
        return code;
    }
    return apr_dbd_pquery(conn->driver, conn->scratch, conn->handle, rows ? rows : &ignored,
                          prepared, statements[sql].args, args);
}

int dms_conn_select(dms_conn_t *conn, dms_sql_e sql, const char **args, apr_pool_t *pool,
                    apr_dbd_results_t **results)
{
    apr_dbd_prepared_t *prepared;
    int code;

    *results = NULL;
    code = prepare(conn, sql, &prepared);
    if (code) {
        return code;
    }
    return apr_dbd_pselect(conn->driver, pool, conn->handle, results, prepared, 1,
                           statements[sql].args, args);
}

/* --- migration --- */

static int read_version(dms_conn_t *conn, int *version)
{
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;
    int code = apr_dbd_select(conn->driver, conn->scratch, conn->handle, &results,
                              conn->dialect->version, 1);

    *version = 0;
    if (!code && !apr_dbd_get_row(conn->driver, conn->scratch, results, &row, -1)) {
        *version = atoi(apr_dbd_get_entry(conn->driver, row, 0));
    }
    return code;
}

/* Not prepared: what is, on this connection, would not outlive a change of the schema. */
static int run(dms_conn_t *conn, const char *sql)
{
    int rows;

    return apr_dbd_query(conn->driver, conn->handle, &rows, sql);
}

static int migrate_from(dms_conn_t *conn, int version)
{
    int code;

    for (; version < DMS_SCHEMA_VERSION; version++) {
        const char *const *next;

        for (next = conn->dialect->steps[version]; *next; next++) {
            code = run(conn, *next);
            if (code) {
                return code;
            }
        }
    }
    return run(conn, apr_pstrcat(conn->scratch, conn->dialect->set_version,
                                 NUMBER(DMS_SCHEMA_VERSION), NULL));
}

static int migrate_locked(dms_conn_t *conn)
{
    int version;
    /* Again: another process may have been faster. */
    int code = read_version(conn, &version);

    if (!code && version < DMS_SCHEMA_VERSION) {
        code = migrate_from(conn, version);
    }
    return code ? code : run(conn, statements[DMS_SQL_COMMIT].text);
}

apr_status_t dms_schema_migrate(dms_store_t *store, dms_conn_t *conn)
{
    apr_status_t rv;
    int version, code;

    code = read_version(conn, &version);
    if (!code && version > DMS_SCHEMA_VERSION) {
        return dms_store_complain(
            store, APR_EGENERAL,
            apr_psprintf(conn->scratch,
                         "it was written by a newer mod_dav_multistatus (its schema has version"
                         " %d, this module knows %d): update the module, or name another store",
                         version, DMS_SCHEMA_VERSION));
    }
    if (!code && version < DMS_SCHEMA_VERSION && store->is_guest) {
        return dms_store_complain(
            store, APR_EGENERAL,
            apr_psprintf(conn->scratch,
                         "its schema has version %d, and %d after the next start of a server with"
                         " this program's module: start that first",
                         version, DMS_SCHEMA_VERSION));
    }
    if (code || version == DMS_SCHEMA_VERSION) {
        return code ? dms_store_fail(store, conn, code, NULL, "reading its version") : APR_SUCCESS;
    }
    code = run(conn, conn->dialect->begin);
    if (code) {
        return dms_store_fail(store, conn, code, NULL, "preparing it");
    }
    code = migrate_locked(conn);
    if (!code) {
        return APR_SUCCESS;
    }
    rv = dms_store_fail(store, conn, code, NULL, "preparing it");
    run(conn, statements[DMS_SQL_ROLLBACK].text);
    return rv;
}
