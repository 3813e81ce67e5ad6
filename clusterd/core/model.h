/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_MODEL_H
#define CLU_CLUSTERD_CORE_MODEL_H

/*
 * The replicated state: what the committed history adds up to.
 *
 * Tables of objects with a fixed capacity, found by name or id. Reading is for
 * everybody; only apply.c writes.
 */

#include "clusterd/protocol/object.h"

struct model {
        struct settings settings;
        struct node nodes[NODES_MAX + 1]; /* by id; slot 0 stays empty */
        struct fence_device fence_devices[FENCE_DEVICES_MAX];
        struct volume volumes[VOLUMES_MAX + 1]; /* by id; slot 0 stays empty */
        uint32_t roles_max;
        uint32_t roles_used; /* slots 0 to roles_used - 1 may be taken, free ones among them have no name */
        uint32_t role_count;
        uint32_t free_slot;   /* no slot below it is free */
        uint32_t index_size;  /* power of two, at least twice roles_max */
        struct role *roles;   /* roles_max of them, in the same storage */
        uint32_t *role_index; /* hash of name -> slot + 1; 0 is empty */
};

size_t model_bytes(uint32_t roles_max);
/* Lays an empty model out in zeroed storage of model_bytes(); aligned as malloc does. */
struct model *model_init(void *storage, uint32_t roles_max);
/* Both made for the same roles_max. */
void model_copy(struct model *to, const struct model *from);
void model_clear(struct model *model);

const struct node *model_node(const struct model *model, uint32_t node); /* NULL if unknown */
const struct node *model_node_by_name(const struct model *model, const char *name);
const struct role *model_role(const struct model *model, const char *name);
const struct fence_device *model_fence_device(const struct model *model, const char *name);
const struct volume *model_volume(const struct model *model, const char *name);
const struct volume *model_volume_by_id(const struct model *model, uint32_t volume);
uint32_t model_free_volume(const struct model *model); /* an id; 0 when all are taken */
/* The one that holds this file, by its path; NULL if none does. */
const struct volume *model_volume_of(const struct model *model, const char *file);
/* A volume of this role that its owner has lost; NULL: it has lost none. */
const struct volume *model_volume_lost_by(const struct model *model, const struct role *role);
node_set model_up(const struct model *model); /* its members */
node_set model_evicted(const struct model *model);
/* The quorum was forced without them, and they are neither proven off nor back. */
node_set model_unproven(const struct model *model);
const char *model_node_name(const struct model *model, uint32_t node); /* "-" if unknown */

/* 0, or -ENOSPC when the table is full. An object of the same name is replaced. */
int model_put(struct model *model, const struct object *object);
void model_remove(struct model *model, enum object_kind kind, const char *name);

/* 0, or -ENOENT. */
int model_get(const struct model *model, enum object_kind kind, const char *name, struct object *ret_object);

/* MODEL_EACH_NODE(model, name) statement. Who was evicted is no node of the cluster. */
#define MODEL_EACH_NODE(model, each)                                                                         \
        for (const struct node *each = (model)->nodes + 1; each <= (model)->nodes + NODES_MAX; each++)       \
                if (each->id != NODE_NONE && !each->evicted)

#define MODEL_EACH_FENCE_DEVICE(model, each)                                                                 \
        for (const struct fence_device *each = (model)->fence_devices;                                       \
             each < (model)->fence_devices + FENCE_DEVICES_MAX; each++)                                      \
                if (each->name[0] != '\0')

#define MODEL_EACH_VOLUME(model, each)                                                                       \
        for (const struct volume *each = (model)->volumes + 1; each <= (model)->volumes + VOLUMES_MAX;       \
             each++)                                                                                         \
                if (each->id != 0)

#define MODEL_EACH_ROLE(model, each)                                                                         \
        for (const struct role *each = (model)->roles; each < (model)->roles + (model)->roles_used; each++)  \
                if (each->name[0] != '\0')

#endif
