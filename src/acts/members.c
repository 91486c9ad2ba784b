#include "acts/members.h"

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_request.h>

#include "acts/access_files.h"
#include "acts/mounts.h"
#include "acts/sections.h"
#include "config/config.h"

/* A collection that the walk is in. */
typedef struct frame_t frame_t;
struct frame_t {
    frame_t *outer;
    apr_pool_t *pool;
    request_rec *r; /* NULL: the tree's own */
    const char *path;
    dms_sections_t *sections;
    apr_status_t files; /* of those that no section singles out, once it is_known */
    int is_known;
    int is_hidden; /* no client's, and so nobody's to refuse, whatever is in it */
};

struct dms_members_t {
    apr_pool_t *pool;
    request_rec *r;
    const char *uri;
    dms_act_e act;
    frame_t *frame;
    apr_pool_t *scratch; /* cleared for each member */
    dms_members_before_fn *before;
    void *baton; /* of that one */
};

static void push_frame(dms_members_t *members, request_rec *r, const char *path)
{
    apr_pool_t *pool;
    frame_t *frame;

    apr_pool_create(&pool, members->pool);
    frame = apr_pcalloc(pool, sizeof(*frame));
    frame->pool = pool;
    frame->outer = members->frame;
    frame->r = r == members->r ? NULL : r;
    frame->path = apr_pstrdup(pool, path);
    frame->sections = dms_sections_create(pool, r);
    members->frame = frame;
}

static void pop_frame(dms_members_t *members)
{
    frame_t *frame = members->frame;
    request_rec *r = frame->r;

    members->frame = frame->outer;
    apr_pool_destroy(frame->pool);
    if (r) {
        ap_destroy_sub_req(r);
    }
}

dms_members_t *dms_members_create(apr_pool_t *pool, request_rec *r, const char *uri, dms_act_e act)
{
    dms_members_t *members = apr_pcalloc(pool, sizeof(*members));

    apr_pool_create(&members->pool, pool);
    apr_pool_create(&members->scratch, pool);
    members->r = r;
    members->uri = uri;
    members->act = act;
    push_frame(members, r, "");
    return members;
}

/* To read a file httpd knows another method than to read a collection, which a <Limit> may treat
 * unlike it: the first file that no section singles out is asked for, and the others are as it. */
static int is_first_file(const dms_members_t *members, const dms_member_t *member)
{
    return members->act == DMS_ACT_READ && !members->frame->is_known
           && member->facts.kind != DMS_KIND_COLLECTION;
}

void dms_members_before_asking(dms_members_t *members, dms_members_before_fn *before, void *baton)
{
    members->before = before;
    members->baton = baton;
}

static int is_asked_for(const dms_members_t *members, const dms_member_t *member)
{
    int is_collection = member->facts.kind == DMS_KIND_COLLECTION;

    return is_first_file(members, member)
           || (members->act != DMS_ACT_READ && dms_access_files_have(member->name))
           || (members->act == DMS_ACT_READ
               && is_collection) /* which links may be followed there? */
           || dms_sections_single_out(members->frame->sections, member->name, is_collection);
}

request_rec *dms_members_ruler(const dms_members_t *members)
{
    return members->frame->r ? members->frame->r : members->r;
}

/* What an answer about a member comes to. A URL that leads past it says nothing of it. */
static apr_status_t judge(const dms_members_t *members, const char *name, int status,
                          const char *place)
{
    return status == HTTP_OK
                   && dms_mounts_is_member(dms_members_ruler(members), name, place,
                                           members->scratch)
               ? APR_SUCCESS
               : DMS_EDENIED;
}

/* Asks for a collection, whose members are going to be asked for under its own configuration. */
static apr_status_t enter(dms_members_t *members, const char *name, const char *path)
{
    request_rec *r = dms_act_ask(members->r, members->act, DMS_KIND_COLLECTION,
                                 apr_pstrcat(members->scratch, members->uri, path, NULL));
    apr_status_t rv = judge(members, name, dms_act_status_of(members->r, r),
                            dms_act_place_of(r, members->scratch));

    if (rv == APR_SUCCESS) {
        push_frame(members, r, path);
    }
    else {
        ap_destroy_sub_req(r);
    }
    return rv;
}

/* The nearest collection that is there already, of those that a member is going to be made in. */
static const char *existing_collection(const dms_members_t *members)
{
    const frame_t *frame = members->frame;

    while (frame->outer && frame->r && frame->r->finfo.filetype != APR_DIR) {
        frame = frame->outer;
    }
    if (frame->outer || members->r->finfo.filetype == APR_DIR) {
        return apr_pstrcat(members->scratch, members->uri, frame->path, NULL);
    }
    return ap_make_dirstr_parent(members->scratch, apr_pstrmemdup(members->scratch, members->uri,
                                                                  strlen(members->uri) - 1));
}

/* For a file in a collection that is not there yet httpd finds no <Files> section: what these say
 * is asked of the name in the one that is. */
static int status_by_name(dms_members_t *members, const dms_member_t *member)
{
    const char *place;

    if (members->act != DMS_ACT_CREATE || dms_members_ruler(members)->finfo.filetype == APR_DIR) {
        return HTTP_OK;
    }
    return dms_act_status(members->r, members->act, member->facts.kind,
                          apr_pstrcat(members->scratch, existing_collection(members),
                                      apr_pescape_path(members->scratch, member->name, 1), NULL),
                          &place);
}

static apr_status_t ask_for_file(dms_members_t *members, const dms_member_t *member,
                                 const char *path)
{
    frame_t *frame = members->frame;
    int is_first = is_first_file(members, member)
                   && !dms_sections_single_out(frame->sections, member->name, 0);
    const char *uri = apr_pstrcat(members->scratch, members->uri, path, NULL), *place;
    int status = dms_act_status(members->r, members->act, member->facts.kind, uri, &place);
    apr_status_t rv = judge(members, member->name, status, place);

    if (rv == APR_SUCCESS && status_by_name(members, member) != HTTP_OK) {
        rv = DMS_EDENIED;
    }
    if (is_first) {
        frame->files = rv;
        frame->is_known = 1;
    }
    return rv;
}

static apr_status_t ask_for(dms_members_t *members, const dms_member_t *member, const char *path)
{
    if (members->before) {
        members->before(members->baton);
    }
    return member->facts.kind == DMS_KIND_COLLECTION ? enter(members, member->name, path)
                                                     : ask_for_file(members, member, path);
}

static const char *path_of(dms_members_t *members, const char *collection,
                           const dms_member_t *member)
{
    apr_pool_clear(members->scratch);
    return apr_pstrcat(members->scratch, collection,
                       apr_pescape_path(members->scratch, member->name, 1),
                       member->facts.kind == DMS_KIND_COLLECTION ? "/" : NULL, NULL);
}

apr_status_t dms_members_check(dms_members_t *members, const char *collection,
                               const dms_member_t *member)
{
    int is_collection = member->facts.kind == DMS_KIND_COLLECTION;

    while (members->frame->outer && strcmp(members->frame->path, collection)) {
        pop_frame(members);
    }
    if (members->frame->is_hidden || dms_is_hidden(member->name)) {
        if (is_collection) {
            push_frame(members, members->r, path_of(members, collection, member));
            members->frame->is_hidden = 1;
        }
        return APR_SUCCESS;
    }
    if (!is_asked_for(members, member)) {
        return is_collection ? APR_SUCCESS : members->frame->files;
    }
    return ask_for(members, member, path_of(members, collection, member));
}
