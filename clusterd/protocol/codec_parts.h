/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_PROTOCOL_CODEC_PARTS_H
#define CLU_CLUSTERD_PROTOCOL_CODEC_PARTS_H

/* What commands, messages and objects share of their JSON. Private to this folder. */

#include "clusterd/protocol/codec_json.h"

extern const struct json_shape evidence_shape;        /* of struct evidence */
extern const struct json_shape settings_shape;        /* of struct settings */
extern const struct json_shape witness_shape;         /* of struct witness */
extern const struct json_shape role_configured_shape; /* of struct role: what role-add gives it */
extern const struct json_shape role_definition_shape; /* of struct role: hash, uuid, memory, cpus */
extern const struct json_shape fence_device_shape;    /* of struct fence_device */

json_t *object_write(const struct object *object);
/* Into zeroed storage. */
bool object_read(struct json_reader *reader, json_t *json, struct object *object);

#endif
