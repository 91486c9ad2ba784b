/* Dead properties: reading them, and changing them in a transaction. */
#include <string.h>

#include <apr_strings.h>

#include "store/store_private.h"

/* --- reading --- */

int dms_store_has_properties(dms_store_t *store)
{
    return dms_store_has(store, DMS_SQL_ANY, &store->no_properties);
}

const char dms_store_apart[] = "apart";

void dms_choice_add(dms_choice_t *choice, apr_pool_t *pool, const dms_name_t *name)
{
    if (choice->what == DMS_CHOICE_ALL || choice->count == DMS_CHOICE_NAMES_MAX) {
        choice->what = DMS_CHOICE_ALL;
        return;
    }
    choice->what = DMS_CHOICE_NAMED;
    choice->names[choice->count++] = apr_pstrcat(pool, name->ns, " ", name->local, NULL);
}

/* Runs one of three statements, by what is chosen: sql is that for all. Both have two arguments
 * beyond the names. */
static apr_status_t select_chosen(dms_store_t *store, dms_sql_e sql, const dms_choice_t *choice,
                                  const char *const *two, apr_pool_t *pool,
                                  apr_dbd_results_t **results)
{
    const char *args[2 + DMS_CHOICE_NAMES_MAX];
    int i;

    args[0] = two[0];
    args[1] = two[1];
    for (i = 0; choice->what == DMS_CHOICE_NAMED && i < DMS_CHOICE_NAMES_MAX; i++) {
        args[2 + i] = i < choice->count ? choice->names[i] : ""; /* which is nobody's name */
    }
    return dms_store_select(store, (dms_sql_e)(sql + (choice->what - DMS_CHOICE_ALL)), args, pool,
                            results);
}

/* Properties as rows bring them. Resources of one collection often have the same names, in the same
 * order: `like` walks along those of the one before, so that a name is made once. */
typedef struct gathering_t {
    dms_store_t *store;
    apr_pool_t *pool;
    int copies;       /* rows will be gone sooner than pool */
    apr_size_t bytes; /* that have been taken */
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

static const char *keep(gathering_t *gathering, const char *text)
{
    apr_size_t length;

    if (!text || !gathering->copies) {
        return text;
    }
    length = strlen(text);
    gathering->bytes += length + 1;
    return apr_pstrmemdup(gathering->pool, text, length);
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
    name.ns = strcmp(ns, DMS_NS_DAV) ? keep(gathering, ns) : DMS_NS_DAV;
    name.local = keep(gathering, local);
    gathering->bytes += sizeof(name);
    return apr_pmemdup(gathering->pool, &name, sizeof(name));
}

static void gather(gathering_t *gathering, const char *ns, const char *local, const char *xml)
{
    dms_dead_property_t *property = apr_palloc(gathering->pool, sizeof(*property));

    property->name = gather_name(gathering, ns, local);
    property->xml = keep(gathering, xml);
    property->next = NULL;
    gathering->bytes += sizeof(*property);
    *gathering->end = property;
    gathering->end = &property->next;
}

apr_status_t dms_store_properties(dms_store_t *store, const char *key, const dms_choice_t *choice,
                                  apr_pool_t *pool, dms_dead_property_t **first)
{
    gathering_t gathering = {.store = store, .pool = pool};
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    dms_place_t place;
    apr_status_t rv;

    *first = NULL;
    dms_key_place(pool, key, &place);
    rv = select_chosen(store, DMS_SQL_OF_RESOURCE, choice, DMS_ARGS(place.parent, place.name), pool,
                       &results);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    gather_begin(&gathering);
    while ((row = dms_store_row(store, pool, results)) != NULL) {
        gather(&gathering, dms_store_column(store, row, 0), dms_store_column(store, row, 1),
               dms_store_column(store, row, 2));
    }
    *first = gathering.first;
    return APR_SUCCESS;
}

/* --- pages --- */

/* What a member takes of the hash, about. */
#define MEMBER_BYTES 80

/* A page that is being read. */
typedef struct paging_t {
    gathering_t gathering;
    dms_page_t *page;
    const dms_choice_t *choice;
    const char *key;
    const char *member; /* whose rows are being read */
    const char *before; /* the one before it in this part, or NULL */
} paging_t;

static void set_list(const paging_t *paging, void *list)
{
    apr_hash_set(paging->page->members, paging->member, APR_HASH_KEY_STRING, list);
}

static void begin_member(paging_t *paging, const char *name)
{
    gather_begin(&paging->gathering);
    paging->before = paging->member;
    paging->member = keep(&paging->gathering, name);
    paging->gathering.bytes += MEMBER_BYTES;
}

static void add_row(paging_t *paging, apr_dbd_row_t *row)
{
    gathering_t *gathering = &paging->gathering;
    dms_store_t *store = gathering->store;
    const char *member = dms_store_column(store, row, 0);
    const char *local = dms_store_column(store, row, 2), *xml = dms_store_column(store, row, 3);
    int is_first = !paging->member || strcmp(paging->member, member) != 0;

    if (is_first) {
        begin_member(paging, member);
    }
    else if (!gathering->first) {
        return; /* apart */
    }
    if (!local || (!xml && paging->choice->what != DMS_CHOICE_NAMES)) { /* left out, as too long */
        gathering->first = NULL;
        set_list(paging, DMS_STORE_APART);
        return;
    }
    gather(gathering, dms_store_column(store, row, 1), local, xml);
    if (is_first) {
        set_list(paging, gathering->first);
    }
}

/* The last of as many rows as there may be may be in the midst of a member: the part ends before
 * that one, which the next begins with, unless it is the only one. */
static void cut_part(paging_t *paging)
{
    set_list(paging, paging->before ? NULL : DMS_STORE_APART);
    paging->page->last = paging->before ? paging->before : paging->member;
}

/* Adds the members that follow one. */
static apr_status_t read_part(paging_t *paging, const char *after, apr_pool_t *scratch)
{
    dms_store_t *store = paging->gathering.store;
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    int rows = 0;
    apr_status_t rv = select_chosen(store, DMS_SQL_PAGE, paging->choice,
                                    DMS_ARGS(paging->key, after), scratch, &results);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    paging->member = NULL;
    for (; (row = dms_store_row(store, scratch, results)) != NULL; rows++) {
        add_row(paging, row);
    }
    paging->page->last = NULL;
    if (rows == DMS_STORE_PART_ROWS) {
        cut_part(paging);
    }
    return APR_SUCCESS;
}

apr_status_t dms_store_page(dms_store_t *store, const char *key, const char *after,
                            const dms_choice_t *choice, apr_pool_t *pool, dms_page_t **page)
{
    dms_page_t *p = apr_pcalloc(pool, sizeof(*p));
    paging_t paging = {.gathering = {.store = store, .pool = pool, .copies = 1},
                       .page = p,
                       .choice = choice,
                       .key = key};
    apr_pool_t *scratch;
    apr_status_t rv;

    *page = p;
    p->members = apr_hash_make(pool);
    p->after = apr_pstrdup(pool, after);
    apr_pool_create(&scratch, pool);
    do {
        rv = read_part(&paging, p->last ? p->last : after, scratch);
        apr_pool_clear(scratch);
    } while (rv == APR_SUCCESS && p->last && paging.gathering.bytes < DMS_STORE_PAGE_BYTES);
    apr_pool_destroy(scratch);
    p->bytes = paging.gathering.bytes;
    return rv;
}

apr_status_t dms_store_next_collection(dms_store_t *store, const char *key, const char *after,
                                       apr_pool_t *pool, const char **next)
{
    dms_place_t place;
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    apr_status_t rv;

    dms_key_place(pool, key, &place);
    after = strcmp(after, key) ? after : place.low;
    rv = dms_store_select(store, DMS_SQL_NEXT_COLLECTION, DMS_ARGS(after, place.high), pool,
                          &results);
    row = rv == APR_SUCCESS ? dms_store_row(store, pool, results) : NULL;
    *next = row ? dms_store_column(store, row, 0) : NULL;
    return rv;
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
    args = DMS_ARGS(place.name, name->ns, name->local, size, xml,
                    tx->principal ? tx->principal : "", place.parent);
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

void dms_tx_act_for(dms_tx_t *tx, const char *principal)
{
    tx->principal = apr_pstrdup(tx->pool, principal);
}

/* A number that may be NULL, which is as good as 0. */
static apr_int64_t number(dms_tx_t *tx, apr_dbd_row_t *row, int column)
{
    const char *text = dms_store_column(tx->store, row, column);

    return text ? apr_atoi64(text) : 0;
}

apr_status_t dms_tx_usage(dms_tx_t *tx, const char *key, dms_usage_t *usage)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row;
    dms_place_t place;
    apr_status_t rv;

    memset(usage, 0, sizeof(*usage));
    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    dms_key_place(tx->conn->scratch, key, &place);
    rv = dms_tx_select(tx, DMS_SQL_USAGE,
                       DMS_ARGS(place.parent, tx->principal ? tx->principal : "", place.parent,
                                place.name),
                       tx->conn->scratch, &results);
    row = rv == APR_SUCCESS ? dms_store_row(tx->store, tx->conn->scratch, results) : NULL;
    if (row) {
        usage->own_properties = number(tx, row, 0);
        usage->own_bytes = number(tx, row, 1);
        usage->collection_properties = number(tx, row, 2);
        usage->principal_bytes = number(tx, row, 3);
    }
    return rv;
}

apr_status_t dms_tx_value(dms_tx_t *tx, const char *key, const dms_name_t *name, apr_pool_t *pool,
                          const char **xml)
{
    apr_dbd_results_t *results;
    apr_dbd_row_t *row = NULL;
    dms_place_t place;
    apr_status_t rv = dms_tx_enter(tx);

    if (rv == APR_SUCCESS) {
        dms_key_place(tx->conn->scratch, key, &place);
        rv = dms_tx_select(tx, DMS_SQL_VALUE,
                           DMS_ARGS(place.parent, place.name, name->ns, name->local), pool,
                           &results);
    }
    if (rv == APR_SUCCESS) {
        row = dms_store_row(tx->store, pool, results);
    }
    *xml = row ? dms_store_column(tx->store, row, 0) : NULL;
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
    int has;

    if (dms_tx_has_properties(tx, key, &has) != APR_SUCCESS || !has) {
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

apr_status_t dms_tx_follow(dms_tx_t *tx, const char *from, const char *to)
{
    dms_place_t f, t;

    if (dms_tx_enter(tx) != APR_SUCCESS) {
        return tx->status;
    }
    dms_key_place(tx->conn->scratch, from, &f);
    dms_key_place(tx->conn->scratch, to, &t);
    dms_tx_query(tx, DMS_SQL_YIELD, DMS_ARGS(t.parent, t.name, f.parent, f.name), NULL);
    dms_tx_query(tx, DMS_SQL_ADD_COLLECTION_FOR, DMS_ARGS(t.parent, f.parent, f.name), NULL);
    dms_tx_query(tx, DMS_SQL_MOVE_OWN, DMS_ARGS(t.parent, t.name, f.parent, f.name), NULL);
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
    dms_tx_query(tx, DMS_SQL_COPY_OWN, DMS_ARGS(t.parent, t.name, tx->principal, f.parent, f.name),
                 NULL);
    if (deep) {
        dms_tx_query(tx, DMS_SQL_COPY_COLLECTIONS, DMS_ARGS(t.key, f.key, f.key, f.low, f.high),
                     NULL);
        dms_tx_query(tx, DMS_SQL_COPY_BELOW,
                     DMS_ARGS(tx->principal, f.key, f.low, f.high, t.key, f.key), NULL);
    }
    return tx->status;
}
