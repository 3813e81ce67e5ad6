/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What corosync's configuration says about the nodes, read from cmap. */

#include "clusterd/io/membership.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <corosync/cmap.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

/* Positions in the nodelist may have gaps after a node was removed while corosync ran. */
#define POSITIONS_MAX 256

struct text_buffer {
        char *text;
        size_t bytes;
};

#define SAY(error, ...) ((void)snprintf((error)->text, (error)->bytes, __VA_ARGS__))

static void scope_cmap(cmap_handle_t *handle)
{
        if (*handle != 0)
                (void)cmap_finalize(*handle);
}

#define SCOPED_CMAP __attribute__((cleanup(scope_cmap)))

/* false: no such key, or not a text. *ret_text: given, free(). */
static bool read_text(cmap_handle_t cmap, const char *key, char **ret_text)
{
        return cmap_get_string(cmap, key, ret_text) == CS_OK;
}

static bool read_node_text(cmap_handle_t cmap, uint32_t position, const char *field, char **ret_text)
{
        char key[CMAP_KEYNAME_MAXLEN + 1];
        TEXT_PRINT(key, "nodelist.node.%u.%s", position, field);
        return read_text(cmap, key, ret_text);
}

static bool read_node_id(cmap_handle_t cmap, uint32_t position, uint32_t *ret_id)
{
        char key[CMAP_KEYNAME_MAXLEN + 1];
        TEXT_PRINT(key, "nodelist.node.%u.nodeid", position);
        return cmap_get_uint32(cmap, key, ret_id) == CS_OK;
}

static int check_new(const struct membership_config *config, const struct membership_node *node,
                     const char *name, struct text_buffer *error)
{
        if (node->id < 1 || node->id > NODES_MAX) {
                SAY(error, "corosync.conf: node %s has nodeid %u; only 1 to %u can be used", name, node->id,
                    NODES_MAX);
                return -EINVAL;
        }
        if (!name_is_valid(name)) {
                SAY(error,
                    "corosync.conf: \"%.80s\" cannot be the name of node %u: letters, digits, '.', '_' and "
                    "'-' only, "
                    "starting with a letter or digit, at most %d",
                    name, node->id, NAME_BYTES - 1);
                return -EINVAL;
        }
        for (size_t i = 0; i < config->count; i++)
                if (config->nodes[i].id == node->id || text_equal(config->nodes[i].name, name)) {
                        SAY(error, "corosync.conf: nodes %s and %s have the same name or nodeid",
                            config->nodes[i].name, name);
                        return -EINVAL;
                }
        return 0;
}

static int read_node(cmap_handle_t cmap, uint32_t position, struct membership_config *config,
                     struct text_buffer *error)
{
        SCOPED_FREE char *address = NULL;
        SCOPED_FREE char *name = NULL;
        struct membership_node node = { .id = 0 };
        if (!read_node_text(cmap, position, "ring0_addr", &address))
                return 0; /* no node at this position */
        if (!read_node_id(cmap, position, &node.id)) {
                SAY(error,
                    "corosync.conf: the node with ring0_addr %s has no nodeid; give it one from 1 to %u",
                    address, NODES_MAX);
                return -EINVAL;
        }
        if (!read_node_text(cmap, position, "name", &name)) {
                SAY(error,
                    "corosync.conf: node %u (ring0_addr %s) has no name; add \"name: ...\" to its node block",
                    node.id, address);
                return -EINVAL;
        }
        if (strlen(address) >= ADDRESS_BYTES) {
                SAY(error, "corosync.conf: ring0_addr of node %s is longer than %d characters", name,
                    ADDRESS_BYTES - 1);
                return -EINVAL;
        }
        int invalid = check_new(config, &node, name, error);
        if (invalid != 0)
                return invalid;
        TEXT_COPY(node.name, name);
        TEXT_COPY(node.address, address);
        config->nodes[config->count++] = node;
        return 0;
}

static int read_local(cmap_handle_t cmap, struct membership_config *config, struct text_buffer *error)
{
        uint32_t position;
        if (cmap_get_uint32(cmap, "runtime.votequorum.this_node_id", &config->local_node) != CS_OK &&
            (cmap_get_uint32(cmap, "nodelist.local_node_pos", &position) != CS_OK ||
             !read_node_id(cmap, position, &config->local_node))) {
                SAY(error, "corosync.conf: this node is not in the nodelist");
                return -EINVAL;
        }
        for (size_t i = 0; i < config->count; i++)
                if (config->nodes[i].id == config->local_node)
                        return 0;
        SAY(error, "corosync.conf: this node (nodeid %u) is not in the nodelist", config->local_node);
        return -EINVAL;
}

static void read_view_time(cmap_handle_t cmap, struct membership_config *config)
{
        uint32_t token_ms = 0, consensus_ms = 0;
        if (cmap_get_uint32(cmap, "runtime.config.totem.token", &token_ms) == CS_OK &&
            cmap_get_uint32(cmap, "runtime.config.totem.consensus", &consensus_ms) == CS_OK)
                config->view_ms = token_ms + consensus_ms;
}

static int read_cluster_name(cmap_handle_t cmap, struct membership_config *config, struct text_buffer *error)
{
        SCOPED_FREE char *name = NULL;
        if (!read_text(cmap, "totem.cluster_name", &name)) {
                SAY(error, "corosync.conf: totem has no cluster_name");
                return -EINVAL;
        }
        if (!name_is_valid(name)) {
                SAY(error,
                    "corosync.conf: \"%.80s\" cannot be used as cluster_name: letters, digits, '.', '_' and "
                    "'-' only, starting with a letter or digit",
                    name);
                return -EINVAL;
        }
        TEXT_COPY(config->cluster_name, name);
        return 0;
}

int membership_read_config(struct membership_config *ret_config, char *ret_error, size_t error_bytes)
{
        struct text_buffer error = { .text = ret_error, .bytes = error_bytes };
        struct membership_config config = { .count = 0 };
        SCOPED_CMAP cmap_handle_t cmap = 0;
        cs_error_t answer = cmap_initialize(&cmap);
        if (answer != CS_OK) {
                cmap = 0;
                SAY(&error, "corosync does not answer: %s", cs_strerror(answer));
                return -ENOTCONN;
        }
        read_view_time(cmap, &config);
        int result = read_cluster_name(cmap, &config, &error);
        for (uint32_t position = 0; result == 0 && position < POSITIONS_MAX; position++)
                result = read_node(cmap, position, &config, &error);
        if (result == 0)
                result = read_local(cmap, &config, &error);
        if (result == 0)
                *ret_config = config;
        return result;
}
