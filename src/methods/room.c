#include "methods/room.h"

#include <errno.h>

#include "changes/changes.h"
#include "repository/tree.h"
#include "server/state.h"

void dms_room_look(dms_room_t *room, dms_request_t *request, const dms_resource_t *resource,
                   dms_node_t *parent)
{
    room->request = request;
    room->key = resource->key;
    room->name = resource->name;
    room->parent = parent;
    room->before = dms_config_has_quotas() ? dms_member_size(request->provider, parent,
                                                             resource->name, request->r->pool)
                                           : 0;
}

static dms_quotas_t place_of(const dms_room_t *room)
{
    dms_quotas_t place = {.r = room->request->r,
                          .provider = room->request->provider,
                          .key = room->key,
                          .quota = dms_config_quota(room->request->config)};

    return place;
}

/* How long the file may become. */
static dms_error_t *find_most(dms_room_t *room)
{
    dms_request_t *request = room->request;
    dms_quotas_t place = place_of(room);
    apr_int64_t before = room->before < 0 ? 0 : room->before;
    apr_status_t rv = dms_quotas_left(&place, request->tx, &room->left);
    apr_int64_t left = room->left.bytes;

    room->is_unknown = rv == ENOENT && request->tx;
    room->most = left < APR_INT64_MAX - before ? left + before : APR_INT64_MAX;
    return rv == APR_SUCCESS  ? NULL
           : room->is_unknown ? dms_quotas_uncounted(request->r)
                              : dms_error_of_store(request->r, rv);
}

dms_error_t *dms_room_find(dms_room_t *room, dms_request_t *request, const dms_resource_t *resource,
                           dms_node_t *parent)
{
    room->most = APR_INT64_MAX;
    if (!dms_config_quota(request->config)) {
        return NULL;
    }
    dms_room_look(room, request, resource, parent);
    return find_most(room);
}

dms_error_t *dms_room_check(const dms_room_t *room, apr_int64_t length)
{
    dms_quotas_t place;

    if (length <= room->most || length <= room->before) {
        return NULL;
    }
    place = place_of(room);
    return dms_quotas_exceeded(&place, &room->left);
}

dms_error_t *dms_room_check_again(dms_room_t *room, apr_int64_t length)
{
    dms_error_t *error = dms_config_quota(room->request->config) ? find_most(room) : NULL;

    return error ? error : dms_room_check(room, length);
}

dms_error_t *dms_room_count(dms_room_t *room)
{
    return find_most(room);
}

apr_status_t dms_room_tell(dms_room_t *room, dms_tx_t *tx)
{
    dms_request_t *request = room->request;
    apr_int64_t now;

    if (!dms_config_has_quotas()) {
        return APR_SUCCESS;
    }
    now = dms_member_size(request->provider, room->parent, room->name, request->r->pool);
    if (now < 0 || room->before < 0) {
        return dms_changed(tx, DMS_CHANGE(DMS_UNSIZED, .key = room->key));
    }
    return dms_changed(tx, DMS_CHANGE(DMS_RESIZED, .key = room->key, .bytes = now - room->before));
}
