/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/model.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "clusterd/base/path.h"
#include "clusterd/base/text.h"

#define NO_SLOT UINT32_MAX

static size_t align16(size_t bytes)
{
        return (bytes + 15) & ~(size_t)15;
}

static uint32_t index_size_for(uint32_t roles_max)
{
        uint32_t size = 16;
        while (size < 2 * roles_max)
                size *= 2;
        return size;
}

size_t model_bytes(uint32_t roles_max)
{
        assert(roles_max >= 1 && roles_max <= ROLES_MAX);
        return align16(sizeof(struct model)) + align16(roles_max * sizeof(struct role)) +
               index_size_for(roles_max) * sizeof(uint32_t);
}

struct model *model_init(void *storage, uint32_t roles_max)
{
        assert(roles_max >= 1 && roles_max <= ROLES_MAX);
        struct model *model = storage;
        uint8_t *after = (uint8_t *)storage + align16(sizeof *model);
        model->roles_max = roles_max;
        model->index_size = index_size_for(roles_max);
        model->roles = (struct role *)(void *)after;
        model->role_index = (uint32_t *)(void *)(after + align16(roles_max * sizeof(struct role)));
        return model;
}

void model_copy(struct model *to, const struct model *from)
{
        assert(to->roles_max == from->roles_max);
        struct role *roles = to->roles;
        uint32_t *role_index = to->role_index;
        *to = *from;
        to->roles = roles;
        to->role_index = role_index;
        memcpy(roles, from->roles, from->roles_used * sizeof *roles);
        memcpy(role_index, from->role_index, from->index_size * sizeof *role_index);
}

void model_clear(struct model *model)
{
        memset(model->roles, 0, model->roles_used * sizeof *model->roles);
        memset(model->role_index, 0, model->index_size * sizeof *model->role_index);
        memset(model->nodes, 0, sizeof model->nodes);
        memset(model->fence_devices, 0, sizeof model->fence_devices);
        memset(model->volumes, 0, sizeof model->volumes);
        memset(&model->settings, 0, sizeof model->settings);
        model->roles_used = 0;
        model->role_count = 0;
        model->free_slot = 0;
}

/* FNV-1a. Names are short and the table is at most half full. */
static uint32_t name_hash(const char *name)
{
        uint32_t hash = UINT32_C(2166136261);
        for (const char *c = name; *c != '\0'; c++)
                hash = (hash ^ (uint8_t)*c) * UINT32_C(16777619);
        return hash;
}

/* Where the name is, or where it would go. */
static uint32_t index_find(const struct model *model, const char *name)
{
        uint32_t at = name_hash(name) & (model->index_size - 1);
        while (model->role_index[at] != 0 && !text_equal(model->roles[model->role_index[at] - 1].name, name))
                at = (at + 1) & (model->index_size - 1);
        return at;
}

/* Closes the hole that a removed name leaves, so that no search stops short of its name. */
static void index_remove(struct model *model, uint32_t hole)
{
        uint32_t mask = model->index_size - 1;
        for (uint32_t at = (hole + 1) & mask; model->role_index[at] != 0; at = (at + 1) & mask) {
                uint32_t home = name_hash(model->roles[model->role_index[at] - 1].name) & mask;
                if (((at - home) & mask) < ((at - hole) & mask))
                        continue;
                model->role_index[hole] = model->role_index[at];
                hole = at;
        }
        model->role_index[hole] = 0;
}

const struct node *model_node(const struct model *model, uint32_t node)
{
        if (node < 1 || node > NODES_MAX || model->nodes[node].id == NODE_NONE)
                return NULL;
        return &model->nodes[node];
}

const struct node *model_node_by_name(const struct model *model, const char *name)
{
        for (uint32_t id = 1; id <= NODES_MAX; id++)
                if (model->nodes[id].id != NODE_NONE && text_equal(model->nodes[id].name, name))
                        return &model->nodes[id];
        return NULL;
}

const struct volume *model_volume_lost_by(const struct model *model, const struct role *role)
{
        NODE_SET_EACH (role->volumes, id) {
                const struct volume *volume = model_volume_by_id(model, id);
                if (volume != NULL && path_state_is_lost(volume_path(volume, role->owner)))
                        return volume;
        }
        return NULL;
}

node_set model_up(const struct model *model)
{
        node_set up = 0;
        MODEL_EACH_NODE (model, node)
                if (node->state == NODE_UP)
                        up |= node_set_of(node->id);
        return up;
}

node_set model_evicted(const struct model *model)
{
        node_set evicted = 0;
        for (uint32_t id = 1; id <= NODES_MAX; id++)
                if (model->nodes[id].evicted)
                        evicted |= node_set_of(id);
        return evicted;
}

node_set model_unproven(const struct model *model)
{
        node_set unproven = 0;
        if (model->settings.forced_epoch == 0)
                return 0;
        MODEL_EACH_NODE (model, node)
                if (node->forced_out && node->state == NODE_LOST)
                        unproven |= node_set_of(node->id);
        return unproven;
}

const char *model_node_name(const struct model *model, uint32_t id)
{
        const struct node *node = model_node(model, id);
        return node == NULL ? "-" : node->name;
}

const struct role *model_role(const struct model *model, const char *name)
{
        uint32_t slot = name[0] == '\0' ? 0 : model->role_index[index_find(model, name)];
        return slot == 0 ? NULL : &model->roles[slot - 1];
}

static struct fence_device *find_fence_device(const struct model *model, const char *name)
{
        for (uint32_t i = 0; i < FENCE_DEVICES_MAX; i++)
                if (text_equal(model->fence_devices[i].name, name))
                        return (struct fence_device *)&model->fence_devices[i];
        return NULL;
}

const struct fence_device *model_fence_device(const struct model *model, const char *name)
{
        return name[0] == '\0' ? NULL : find_fence_device(model, name);
}

const struct volume *model_volume(const struct model *model, const char *name)
{
        MODEL_EACH_VOLUME (model, volume)
                if (text_equal(volume->name, name))
                        return volume;
        return NULL;
}

const struct volume *model_volume_by_id(const struct model *model, uint32_t id)
{
        return id < 1 || id > VOLUMES_MAX || model->volumes[id].id == 0 ? NULL : &model->volumes[id];
}

uint32_t model_free_volume(const struct model *model)
{
        for (uint32_t id = 1; id <= VOLUMES_MAX; id++)
                if (model->volumes[id].id == 0)
                        return id;
        return 0;
}

const struct volume *model_volume_of(const struct model *model, const char *file)
{
        uint32_t ignored;
        MODEL_EACH_VOLUME (model, volume)
                if (volume->kind == VOLUME_ISCSI ? target_holds(volume->path, file, &ignored)
                                                 : path_holds(volume->path, file))
                        return volume;
        return NULL;
}

static int put_role(struct model *model, const struct role *role)
{
        assert(role->name[0] != '\0');
        uint32_t at = index_find(model, role->name);
        if (model->role_index[at] != 0) {
                model->roles[model->role_index[at] - 1] = *role;
                return 0;
        }
        uint32_t slot = model->free_slot;
        while (slot < model->roles_used && model->roles[slot].name[0] != '\0')
                slot++;
        if (slot == model->roles_max)
                return -ENOSPC;
        model->roles[slot] = *role;
        model->role_index[at] = slot + 1;
        model->role_count++;
        model->free_slot = slot + 1;
        if (slot == model->roles_used)
                model->roles_used++;
        return 0;
}

static int put_fence_device(struct model *model, const struct fence_device *device)
{
        assert(device->name[0] != '\0');
        struct fence_device *slot = find_fence_device(model, device->name);
        if (slot == NULL)
                slot = find_fence_device(model, "");
        if (slot == NULL)
                return -ENOSPC;
        *slot = *device;
        return 0;
}

int model_put(struct model *model, const struct object *object)
{
        switch (object->kind) {
        case OBJECT_SETTINGS:
                model->settings = object->settings;
                return 0;
        case OBJECT_NODE:
                assert(object->node.id >= 1 && object->node.id <= NODES_MAX);
                model->nodes[object->node.id] = object->node;
                return 0;
        case OBJECT_ROLE:
                return put_role(model, &object->role);
        case OBJECT_FENCE_DEVICE:
                return put_fence_device(model, &object->fence_device);
        case OBJECT_VOLUME:
                assert(object->volume.id >= 1 && object->volume.id <= VOLUMES_MAX);
                model->volumes[object->volume.id] = object->volume;
                return 0;
        case OBJECT_COUNT:
                break;
        }
        assert(object->kind < OBJECT_COUNT);
        return -EINVAL;
}

static void remove_role(struct model *model, const char *name)
{
        uint32_t at = index_find(model, name);
        if (name[0] == '\0' || model->role_index[at] == 0)
                return;
        uint32_t slot = model->role_index[at] - 1;
        index_remove(model, at);
        memset(&model->roles[slot], 0, sizeof model->roles[slot]);
        model->role_count--;
        if (slot < model->free_slot)
                model->free_slot = slot;
}

void model_remove(struct model *model, enum object_kind kind, const char *name)
{
        struct fence_device *device = NULL;
        struct volume *volume = NULL;
        switch (kind) {
        case OBJECT_ROLE:
                remove_role(model, name);
                return;
        case OBJECT_FENCE_DEVICE:
                device = name[0] == '\0' ? NULL : find_fence_device(model, name);
                if (device != NULL)
                        memset(device, 0, sizeof *device);
                return;
        case OBJECT_VOLUME:
                volume = (struct volume *)model_volume(model, name);
                if (volume != NULL)
                        memset(volume, 0, sizeof *volume);
                return;
        case OBJECT_SETTINGS:
        case OBJECT_NODE:
        case OBJECT_COUNT:
                break;
        }
        assert(kind != OBJECT_SETTINGS && kind != OBJECT_NODE && kind != OBJECT_COUNT);
}

int model_get(const struct model *model, enum object_kind kind, const char *name, struct object *ret_object)
{
        const struct node *node = NULL;
        const struct role *role = NULL;
        const struct fence_device *device = NULL;
        const struct volume *volume = NULL;

        switch (kind) {
        case OBJECT_SETTINGS:
                *ret_object = (struct object){ .kind = kind, .settings = model->settings };
                return 0;
        case OBJECT_NODE:
                node = model_node_by_name(model, name);
                if (node == NULL)
                        return -ENOENT;
                *ret_object = (struct object){ .kind = kind, .node = *node };
                return 0;
        case OBJECT_ROLE:
                role = model_role(model, name);
                if (role == NULL)
                        return -ENOENT;
                *ret_object = (struct object){ .kind = kind, .role = *role };
                return 0;
        case OBJECT_FENCE_DEVICE:
                device = model_fence_device(model, name);
                if (device == NULL)
                        return -ENOENT;
                *ret_object = (struct object){ .kind = kind, .fence_device = *device };
                return 0;
        case OBJECT_VOLUME:
                volume = model_volume(model, name);
                if (volume == NULL)
                        return -ENOENT;
                *ret_object = (struct object){ .kind = kind, .volume = *volume };
                return 0;
        case OBJECT_COUNT:
                break;
        }
        return -ENOENT;
}
