/* Dead properties: reading them, and changing them in a transaction. */
#include <string.h>

#include <apr_strings.h>

#include "store/store_private.h"

/* --- reading --- */

int dms_store_has_properties(dms_store_t *store)
{
    return dms_store_has(store, DMS_SQL_ANY, &store->no_properties);
}

/* Properties as rows bring them. Resources of one collection often have the same names, in the same
 * order: `like` walks along those of the one before, so that a name is made once. */
typedef struct gathering_t {
    dms_store_t *store;
    apr_pool_t *pool;
    dms_dead_property_t *first;
    dms_dead_property_t **end;
    const dms_dead_property_t *like;
} gathering_t;

static void gather_begin(gathering_t *gathering)
{
    gathering->like = gathering->first;
    gathering->first = NULL;
    gathering->end = &gathering->first;
}

static const dms_name_t *gather_name(gathering_t *gathering, const char *ns, const char *local)
{
    dms_name_t name = {ns, local, strlen(local)};
    const dms_dead_property_t *like;

    for (like = gathering->like; like; like = like->next) {
        if (dms_name_equal(like->name, &name)) {
            gathering->like = like->next;
            return like->name;
        }
    }
    if (!strcmp(ns, DMS_NS_DAV)) {
        name.ns = DMS_NS_DAV;
    }
    return apr_pmemdup(gathering->pool, &name, sizeof(name));
}

/* Adds the property whose namespace, name and XML are in three columns, the first of them given. */
static void gather(gathering_t *gathering, apr_dbd_row_t *row, int column)
{
    dms_dead_property_t *property = apr_palloc(gathering->pool, sizeof(*property));
    dms_store_t *store = gathering->store;

    property->name = gather_name(gathering, dms_store_column(store, row, column),
                                 dms_store_column(store, row, column + 1));
    property->xml = dms_store_column(store, row, column + 2);
    property->next = NULL;
    *gathering->end = property;
    gathering->end = &property->next;
}

static apr_status_t read_resource(dms_store_t *store, const char *parent, const char *name,
                                  apr_pool_t *pool, dms_dead_property_t **first)
{
    gathering_t gathering = {.store = store, .pool = pool};
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    apr_status_t rv;

    *first = NULL;
    rv = dms_store_select(store, DMS_SQL_OF_RESOURCE, DMS_ARGS(parent, name), pool, &results);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    gather_begin(&gathering);
    while ((row = dms_store_row(store, pool, results)) != NULL) {
        gather(&gathering, row, 0);
    }
    *first = gathering.first;
    return APR_SUCCESS;
}

apr_status_t dms_store_properties(dms_store_t *store, const char *key, apr_pool_t *pool,
                                  dms_dead_property_t **first)
{
    dms_place_t place;

    dms_key_place(pool, key, &place);
    return read_resource(store, place.parent, place.name, pool, first);
}

apr_status_t dms_store_property(dms_store_t *store, const char *key, const dms_name_t *name,
                                apr_pool_t *pool, const char **xml)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    dms_place_t place;
    apr_status_t rv;

    *xml = NULL;
    dms_key_place(pool, key, &place);
    rv = dms_store_select(store, DMS_SQL_VALUE,
                          DMS_ARGS(place.parent, place.name, name->ns, name->local), pool,
                          &results);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    row = dms_store_row(store, pool, results);
    if (row) {
        *xml = dms_store_column(store, row, 0);
    }
    return APR_SUCCESS;
}

/* The last of many rows may be in the midst of a member: the page ends before that one, unless it
 * is the only one; then it is read by itself. */
static apr_status_t cut_page(dms_store_t *store, const char *key, dms_page_t *page,
                             const char *before, const char *last, apr_pool_t *pool)
{
    dms_dead_property_t *first;
    apr_status_t rv;

    if (before) {
        apr_hash_set(page->members, last, APR_HASH_KEY_STRING, NULL);
        page->last = before;
        return APR_SUCCESS;
    }
    rv = read_resource(store, key, last, pool, &first);
    if (rv == APR_SUCCESS) {
        apr_hash_set(page->members, last, APR_HASH_KEY_STRING, first);
        page->last = last;
    }
    return rv;
}

apr_status_t dms_store_page(dms_store_t *store, const char *key, const char *after,
                            apr_pool_t *pool, dms_page_t **page)
{
    gathering_t gathering = {.store = store, .pool = pool};
    const char *member = NULL, *before = NULL;
    dms_page_t *p = apr_pcalloc(pool, sizeof(*p));
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    apr_status_t rv;
    int rows = 0;

    *page = p;
    p->members = apr_hash_make(pool);
    p->after = apr_pstrdup(pool, after);
    rv = dms_store_select(store, DMS_SQL_PAGE, DMS_ARGS(key, after), pool, &results);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (; (row = dms_store_row(store, pool, results)) != NULL; rows++) {
        const char *name = dms_store_column(store, row, 0);

        if (!member || strcmp(member, name) != 0) {
            before = member;
            member = name;
            gather_begin(&gathering);
            gather(&gathering, row, 1);
            apr_hash_set(p->members, member, APR_HASH_KEY_STRING, gathering.first);
        }
        else {
            gather(&gathering, row, 1);
        }
    }
    return rows < DMS_STORE_PAGE_ROWS ? APR_SUCCESS : cut_page(store, key, p, before, member, pool);
}

/* --- changing --- */

apr_status_t dms_tx_set(dms_tx_t *tx, const char *key, const dms_name_t *name, const char *xml)
{
    dms_place_t place;
    apr_status_t rv;
    const char *size, **args;
    int rows;

    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    dms_key_place(tx->conn->scratch, key, &place);
    size = apr_psprintf(tx->conn->scratch, "%" APR_SIZE_T_FMT, strlen(xml));
    args = DMS_ARGS(place.name, name->ns, name->local, size, xml, place.parent);
    rv = dms_tx_query(tx, DMS_SQL_SET, args, &rows);
    if (rv == APR_SUCCESS && !rows) { /* the collection has no row yet */
        dms_tx_query(tx, DMS_SQL_ADD_COLLECTION, DMS_ARGS(place.parent), NULL);
        rv = dms_tx_query(tx, DMS_SQL_SET, args, NULL);
    }
    return rv;
}

apr_status_t dms_tx_unset(dms_tx_t *tx, const char *key, const dms_name_t *name)
{
    dms_place_t place;
    apr_status_t rv;
    int rows;

    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    dms_key_place(tx->conn->scratch, key, &place);
    rv = dms_tx_query(tx, DMS_SQL_UNSET, DMS_ARGS(place.parent, place.name, name->ns, name->local),
                      &rows);
    if (rv == APR_SUCCESS && rows) {
        rv = dms_tx_query(tx, DMS_SQL_PRUNE, DMS_ARGS(place.parent), NULL);
    }
    return rv;
}

static apr_status_t count_own(dms_tx_t *tx, const dms_place_t *place, apr_int64_t *count)
{
    apr_dbd_results_t *results;
    apr_status_t rv;

    *count = 0;
    rv = dms_tx_select(tx, DMS_SQL_COUNT, DMS_ARGS(place->parent, place->name), tx->conn->scratch,
                       &results);
    if (rv == APR_SUCCESS) {
        apr_dbd_row_t *row = dms_store_row(tx->store, tx->conn->scratch, results);
        *count = row ? apr_atoi64(dms_store_column(tx->store, row, 0)) : 0;
    }
    return rv;
}

apr_status_t dms_tx_count(dms_tx_t *tx, const char *key, int *count)
{
    dms_place_t place;
    apr_status_t rv;
    apr_int64_t number;

    *count = 0;
    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    dms_key_place(tx->conn->scratch, key, &place);
    rv = count_own(tx, &place, &number);
    *count = (int)number;
    return rv;
}

apr_status_t dms_tx_has_properties(dms_tx_t *tx, const char *key, int *has)
{
    apr_dbd_results_t *results;
    dms_place_t place;
    apr_status_t rv;

    *has = 0;
    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    dms_key_place(tx->conn->scratch, key, &place);
    rv = dms_tx_select(tx, DMS_SQL_HAS,
                       DMS_ARGS(place.parent, place.name, place.key, place.low, place.high),
                       tx->conn->scratch, &results);
    if (rv == APR_SUCCESS) {
        *has = dms_store_row(tx->store, tx->conn->scratch, results) != NULL;
    }
    return rv;
}

static apr_status_t forget(dms_tx_t *tx, const dms_place_t *place)
{
    const char **below = DMS_ARGS(place->key, place->low, place->high);

    dms_tx_query(tx, DMS_SQL_FORGET_OWN, DMS_ARGS(place->parent, place->name), NULL);
    dms_tx_query(tx, DMS_SQL_FORGET_BELOW, below, NULL);
    dms_tx_query(tx, DMS_SQL_FORGET_COLLECTIONS, below, NULL);
    return dms_tx_query(tx, DMS_SQL_PRUNE, DMS_ARGS(place->parent), NULL);
}

apr_status_t dms_tx_forget(dms_tx_t *tx, const char *key)
{
    dms_place_t place;

    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    dms_key_place(tx->conn->scratch, key, &place);
    return forget(tx, &place);
}

apr_status_t dms_tx_move(dms_tx_t *tx, const char *from, const char *to)
{
    dms_place_t f, t;

    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    dms_key_place(tx->conn->scratch, from, &f);
    dms_key_place(tx->conn->scratch, to, &t);
    forget(tx, &t);
    dms_tx_query(tx, DMS_SQL_ADD_COLLECTION_FOR, DMS_ARGS(t.parent, f.parent, f.name), NULL);
    dms_tx_query(tx, DMS_SQL_MOVE_OWN, DMS_ARGS(t.parent, t.name, f.parent, f.name), NULL);
    dms_tx_query(tx, DMS_SQL_MOVE_COLLECTIONS, DMS_ARGS(t.key, f.key, f.key, f.low, f.high), NULL);
    return dms_tx_query(tx, DMS_SQL_PRUNE, DMS_ARGS(f.parent), NULL);
}

apr_status_t dms_tx_copy(dms_tx_t *tx, const char *from, const char *to, int deep)
{
    dms_place_t f, t;

    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    dms_key_place(tx->conn->scratch, from, &f);
    dms_key_place(tx->conn->scratch, to, &t);
    forget(tx, &t);
    dms_tx_query(tx, DMS_SQL_ADD_COLLECTION_FOR, DMS_ARGS(t.parent, f.parent, f.name), NULL);
    dms_tx_query(tx, DMS_SQL_COPY_OWN, DMS_ARGS(t.parent, t.name, f.parent, f.name), NULL);
    if (deep) {
        dms_tx_query(tx, DMS_SQL_COPY_COLLECTIONS, DMS_ARGS(t.key, f.key, f.key, f.low, f.high),
                     NULL);
        dms_tx_query(tx, DMS_SQL_COPY_BELOW, DMS_ARGS(f.key, f.low, f.high, t.key, f.key), NULL);
    }
    return tx->status;
}
