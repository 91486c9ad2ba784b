#include "acts/members.h"

#include <apr_escape.h>
#include <apr_strings.h>
#include <http_request.h>

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
    return !dms_is_hidden(member->name)
           && (is_first_file(members, member)
               || dms_sections_single_out(members->frame->sections, member->name,
                                          member->facts.kind == DMS_KIND_COLLECTION));
}

/* Asks for a collection, whose members are going to be asked for under its own configuration. */
static apr_status_t enter(dms_members_t *members, const char *path)
{
    request_rec *r = dms_act_ask(members->r, members->act, DMS_KIND_COLLECTION,
                                 apr_pstrcat(members->scratch, members->uri, path, NULL));

    if (dms_act_status_of(members->r, r) != HTTP_OK) {
        ap_destroy_sub_req(r);
        return DMS_EDENIED;
    }
    push_frame(members, r, path);
    return APR_SUCCESS;
}

static apr_status_t ask_for_file(dms_members_t *members, const dms_member_t *member,
                                 const char *path)
{
    frame_t *frame = members->frame;
    int is_first = is_first_file(members, member)
                   && !dms_sections_single_out(frame->sections, member->name, 0);
    const char *uri = apr_pstrcat(members->scratch, members->uri, path, NULL);
    apr_status_t rv = dms_act_status(members->r, members->act, member->facts.kind, uri) == HTTP_OK
                          ? APR_SUCCESS
                          : DMS_EDENIED;

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
    return member->facts.kind == DMS_KIND_COLLECTION ? enter(members, path)
                                                     : ask_for_file(members, member, path);
}

apr_status_t dms_members_check(dms_members_t *members, const char *collection,
                               const dms_member_t *member)
{
    int is_collection = member->facts.kind == DMS_KIND_COLLECTION, is_asked;
    const char *path;

    while (members->frame->outer && strcmp(members->frame->path, collection)) {
        pop_frame(members);
    }
    is_asked = is_asked_for(members, member);
    if (!is_asked && !(is_collection && dms_is_hidden(member->name))) {
        return is_collection ? APR_SUCCESS : members->frame->files;
    }
    apr_pool_clear(members->scratch);
    path = apr_pstrcat(members->scratch, collection,
                       apr_pescape_path(members->scratch, member->name, 1),
                       is_collection ? "/" : NULL, NULL);
    if (!is_asked) { /* no client's, and so nobody's to refuse, whatever is in it */
        push_frame(members, members->r, path);
        return APR_SUCCESS;
    }
    return ask_for(members, member, path);
}
