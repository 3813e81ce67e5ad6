/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/verb.h"

#include "clusterd/base/limits.h"

#define MS_MAX 3600000 /* an hour: a longer guard would be a mistake in units */

#define DAY_MS 86400000

#define FLAG(option, text)                                                                                   \
        {                                                                                                    \
                .name = (option), .value = VERB_VALUE_FLAG, .help = (text)                                   \
        }
#define NUMBER(option, unit, low, high, text)                                                                \
        {                                                                                                    \
                .name = (option), .value = VERB_VALUE_NUMBER, .placeholder = (unit), .least = (low),         \
                .most = (high), .help = (text)                                                               \
        }
#define TEXT(option, bytes, text)                                                                            \
        {                                                                                                    \
                .name = (option), .value = VERB_VALUE_TEXT, .placeholder = "TEXT", .bytes_max = (bytes),     \
                .help = (text)                                                                               \
        }
#define PLACE(option, what, bytes, text)                                                                     \
        {                                                                                                    \
                .name = (option), .value = VERB_VALUE_TEXT, .placeholder = (what), .bytes_max = (bytes),     \
                .help = (text)                                                                               \
        }
#define NAME(option, what, text)                                                                             \
        {                                                                                                    \
                .name = (option), .value = VERB_VALUE_NAME, .placeholder = (what), .help = (text)            \
        }
#define NODES(option, text)                                                                                  \
        {                                                                                                    \
                .name = (option), .value = VERB_VALUE_NODES, .placeholder = "NODE,...", .help = (text)       \
        }
#define FILE_OF(option, text)                                                                                \
        {                                                                                                    \
                .name = (option), .value = VERB_VALUE_FILE, .placeholder = "FILE", .help = (text)            \
        }

const struct verb_option verb_common_options[VERB_COMMON_COUNT] = {
        [VERB_COMMON_HELP] = { .name = "help",
                               .value = VERB_VALUE_FLAG,
                               .local = true,
                               .help = "explain this verb" },
        [VERB_COMMON_JSON] = { .name = "json",
                               .value = VERB_VALUE_FLAG,
                               .local = true,
                               .help = "print one JSON document (schema " VERB_SCHEMA ")" },
        [VERB_COMMON_PLAN] = { .name = "plan",
                               .value = VERB_VALUE_FLAG,
                               .local = true,
                               .help = "show what would happen and why; change nothing" },
        [VERB_COMMON_NO_WAIT] = { .name = "no-wait",
                                  .value = VERB_VALUE_FLAG,
                                  .local = true,
                                  .help = "return when it is decided, not when it is done" },
        [VERB_COMMON_TIMEOUT] = { .name = "timeout",
                                  .value = VERB_VALUE_NUMBER,
                                  .placeholder = "SECONDS",
                                  .local = true,
                                  .least = 1,
                                  .most = 86400,
                                  .help = "stop waiting after this long (exit 6); the work goes on" },
};

static const struct verb_option cluster_set_options[] = {
        NUMBER("max-moves", "N", 1, 64, "live moves at once into or out of one node"),
        NUMBER("isolation-hold", "MS", ISOLATION_HOLD_LEAST_MS, MS_MAX,
               "how long guests run on without contact"),
        NUMBER("stop-grace", "MS", 0, MS_MAX, "then their node has this long to stop them itself"),
        NUMBER("watchdog", "MS", 1000, MS_MAX, "then the watchdog fires after this"),
        NUMBER("margin", "MS", 0, MS_MAX, "added by the survivors to all of it"),
        NUMBER("quarantine-losses", "N", 0, 10, "a node lost so often takes no roles for a while; 0: never"),
        NUMBER("quarantine-window", "MS", 60000, DAY_MS, "so often within this time"),
        NUMBER("quarantine", "MS", 1000, DAY_MS, "for so long"),
        NUMBER("lease-renew", "MS", 100, MS_MAX, "from one renewal of a lease on a volume to the next"),
        NUMBER("lease", "MS", 800, MS_MAX, "from the last renewal until a lease lapses"),
        NUMBER("lease-stop", "MS", 500, MS_MAX, "guests of its volume are stopped so long before that"),
        NUMBER("resiliency-period", "MS", 0, DAY_MS,
               "a lost node that renews its leases is left alone for so long; 0: for ever"),
        NUMBER("stall-limit", "MS", 0, DAY_MS,
               "a guest may stand still for its storage for so long; 0: for ever"),
};

static const struct verb_option node_reason_options[] = {
        TEXT("reason", 96, "why, for the ledger"),
};

#define FORCE_PAST_QUORUM FLAG("force", "also when quorum would be lost without that node")

static const struct verb_option node_leaves_options[] = {
        TEXT("reason", 96, "why, for the ledger"),
        FORCE_PAST_QUORUM,
};

static const struct verb_option node_shut_down_options[] = {
        FLAG("reboot", "and let it boot again"),
        TEXT("reason", 96, "why, for the ledger"),
        FORCE_PAST_QUORUM,
};

static const struct verb_option node_evict_options[] = {
        TEXT("reason", 96, "why, for the ledger"),
        { .name = "yes",
          .value = VERB_VALUE_FLAG,
          .local = true,
          .help = "do not ask whether that is meant" },
};

static const struct verb_option quorum_set_options[] = {
        { .name = "dynamic",
          .value = VERB_VALUE_TEXT,
          .placeholder = "on|off",
          .bytes_max = 4,
          .help = "whether the votes follow what is lost and what returns (on); off: they stay as they are" },
        NAME("node", "NODE", "the node that --priority is about"),
        NUMBER("priority", "N", -1000, 1000, "of two nodes that are left the higher one votes (0)"),
        TEXT("reason", 96, "why, for the ledger"),
        FLAG("force", "let the votes stay as they are although a node has none"),
};

static const struct verb_option witness_set_options[] = {
        PLACE("path", "DIRECTORY", VOLUME_PATH_BYTES,
              "of a share: the directory where every node has it mounted"),
        NAME("volume", "VOLUME", "of a disk: the volume of the cluster that its file is on"),
        PLACE("host", "HOST[:PORT]", ADDRESS_BYTES,
              "of a qnetd: where corosync-qnetd runs, outside of the cluster"),
        TEXT("reason", 96, "why, for the ledger"),
};

static const struct verb_option witness_remove_options[] = {
        TEXT("reason", 96, "why, for the ledger"),
        FLAG("force", "also when quorum would be lost without it"),
};

static const struct verb_option cluster_pause_options[] = {
        { .name = "for",
          .value = VERB_VALUE_TEXT,
          .placeholder = "TIME",
          .required = true,
          .bytes_max = 12,
          .help = "how long, such as 90s, 10m or 1h; it ends by itself, after 4h at most" },
        TEXT("reason", 96, "why, for the ledger"),
};

static const struct verb_option role_show_options[] = {
        FLAG("definition", "print its definition instead"),
};

#define ROLE_PLACEMENT_OPTIONS                                                                               \
        NODES("preferred", "where it should run, best first"),                                               \
                NODES("possible", "where it may run; all nodes if empty"),                                   \
                NUMBER("priority", "N", -1000, 1000, "higher recovers first (0)"),                           \
                NUMBER("stop-timeout", "MS", 0, MS_MAX,                                                      \
                       "how long a stop may take before it is forced (60000)"),                              \
                TEXT("note", NOTE_BYTES, "free text; changes nothing else")

static const struct verb_option role_add_options[] = {
        FILE_OF("definition", "libvirt domain XML, or JSON of OCF agents"),
        FILE_OF("ocf", "JSON of OCF agents: {\"agents\":[...]}"),
        ROLE_PLACEMENT_OPTIONS,
        FLAG("stopped", "register it, do not start it"),
};

static const struct verb_option role_set_options[] = {
        FILE_OF("definition", "new definition, used from the next start"),
        FILE_OF("ocf", "new JSON of OCF agents, used from the next start"),
        ROLE_PLACEMENT_OPTIONS,
};

static const struct verb_option role_stop_options[] = {
        FLAG("force", "without asking the guest first"),
};

static const struct verb_option role_move_options[] = {
        NAME("node", "NODE", "where to; without it the best place is chosen"),
        { .name = "storage",
          .value = VERB_VALUE_TEXT,
          .placeholder = "VOLUME[/NAME]",
          .bytes_max = IMAGE_PATH_BYTES,
          .help = "instead: one of its disks to there, while it runs where it is" },
        NAME("disk", "DISK", "with --storage: which one, such as vda, if it has several"),
        FLAG("keep-old", "with --storage: the old image stays"),
        FLAG("abort", "end the move of its storage that is under way"),
};

static const struct verb_option volume_move_options[] = {
        { .name = "node",
          .value = VERB_VALUE_NAME,
          .placeholder = "NODE",
          .required = true,
          .help = "one with a direct path to it" },
};

#define IMAGE_NAME                                                                                           \
        {                                                                                                    \
                .name = "image", .value = VERB_VALUE_NAME, .placeholder = "IMAGE", .required = true,         \
                .help = "its file on the volume; ends in .raw, .img or .qcow2, which says the format"        \
        }
#define IMAGE_SIZE                                                                                           \
        {                                                                                                    \
                .name = "size", .value = VERB_VALUE_NUMBER, .placeholder = "MIB", .required = true,          \
                .least = 1, .most = 64 << 20, .help = "how large the guest sees it"                          \
        }

static const struct verb_option image_size_options[] = {
        IMAGE_NAME,
        IMAGE_SIZE,
        FLAG("thin", "though less is free on the volume"),
};

static const struct verb_option image_snapshot_options[] = {
        IMAGE_NAME,
        { .name = "tag",
          .value = VERB_VALUE_NAME,
          .placeholder = "TAG",
          .required = true,
          .help = "name of the snapshot, kept within the image" },
};

static const struct verb_option image_delete_options[] = {
        IMAGE_NAME,
};

static const struct verb_option volume_add_options[] = {
        { .name = "kind",
          .value = VERB_VALUE_NAME,
          .placeholder = "KIND",
          .required = true,
          .help = "directory: of a file system that every node has mounted at the same place; iscsi: the "
                  "LUNs of a target, one a disk of a guest" },
        PLACE("path", "PATH", VOLUME_PATH_BYTES, "of a directory: where it is, the same on every node"),
        PLACE("portal", "HOST[:PORT]", PORTAL_BYTES, "of a target: where every node reaches it"),
        PLACE("target", "IQN", VOLUME_PATH_BYTES, "of a target: its name"),
        { .name = "user",
          .value = VERB_VALUE_TEXT,
          .placeholder = "USER",
          .secret = "password",
          .bytes_max = NAME_BYTES,
          .help = "of a target: the user's name for CHAP; the password is read from standard input, and "
                  "never shown again" },
        { .name = "password",
          .value = VERB_VALUE_TEXT,
          .placeholder = "PASSWORD",
          .hidden = true,
          .bytes_max = PASSWORD_BYTES,
          .help = "of that user" },
};

static const struct verb_option fence_add_options[] = {
        { .name = "agent",
          .value = VERB_VALUE_NAME,
          .placeholder = "AGENT",
          .required = true,
          .help = "fence agent, such as fence_ipmilan" },
        { .name = "nodes",
          .value = VERB_VALUE_NODES,
          .placeholder = "NODE,...",
          .required = true,
          .help = "nodes it can turn off" },
        { .name = "option",
          .value = VERB_VALUE_PAIR,
          .placeholder = "KEY=VALUE",
          .help = "for the agent, again for each; VALUE - is read from standard input; never shown again" },
        NUMBER("level", "N", 1, FENCE_LEVELS_MAX,
               "levels are tried in order; all devices of one have to turn a node off (1)"),
        NUMBER("together", "N", 1, FENCE_DEVICES_MAX,
               "its level is used when it has so many devices: 2 power supplies, 2 devices (1)"),
        NUMBER("timeout", "MS", 1000, 600000, "deadline of one run of the agent (60000)"),
};

static const struct verb_option fence_test_options[] = {
        FLAG("really", "turn it off and on again by each level of its devices"),
        FLAG("force", "though roles run there"),
        { .name = "yes",
          .value = VERB_VALUE_FLAG,
          .local = true,
          .help = "do not ask whether that is meant" },
};

static const struct verb_option fence_history_options[] = {
        NUMBER("limit", "N", 1, 1000, "how many, newest (50)"),
};

static const struct verb_option event_list_options[] = {
        NUMBER("limit", "N", 1, 1000, "how many, newest (50)"),
        NAME("role", "ROLE", "only of this role"),
        NAME("node", "NODE", "only of this node"),
        NAME("volume", "VOLUME", "only of this volume"),
        { .name = "follow",
          .value = VERB_VALUE_FLAG,
          .local = true,
          .help = "go on with what happens (JSON: one line each)" },
        { .name = "after",
          .value = VERB_VALUE_NUMBER,
          .placeholder = "INDEX",
          .hidden = true,
          .least = 0,
          .most = INT64_MAX,
          .help = "start after this entry" },
};

static const struct verb_option ledger_list_options[] = {
        NUMBER("from", "INDEX", 1, INT64_MAX, "first entry; without it the newest are listed"),
        NUMBER("limit", "N", 1, 1000000, "how many (100)"),
};

static const struct verb_option ledger_verify_options[] = {
        { .name = "file",
          .value = VERB_VALUE_TEXT,
          .placeholder = "PATH",
          .local = true,
          .bytes_max = 4096,
          .help = "a ledger file, also of a stopped node; without it this node's own" },
};

#define OPTIONS(table)    .options = (table), .option_count = sizeof(table) / sizeof((table)[0])
#define ROLE_WORK         .wait = VERB_WAIT_ROLE, .timeout_s = 120
#define A_NODE_THAT_VOTES .noun = "node", .operand = "NODE", .changes = true, .bears_on_quorum = true
#define NODE_WORK(s)      .wait = VERB_WAIT_NODE, .timeout_s = (s)

const struct verb verb_table[VERB_COUNT] = {
        [VERB_CLUSTER_STATUS] = { .noun = "cluster",
                                  .name = "status",
                                  .help = "Quorum, leader, ledger and every node at a glance." },
        [VERB_CLUSTER_SET] = { .noun = "cluster",
                               .name = "set",
                               .changes = true,
                               OPTIONS(cluster_set_options),
                               .help = "Change settings of the whole cluster." },
        [VERB_CLUSTER_PAUSE] = { .noun = "cluster",
                                 .name = "pause",
                                 .changes = true,
                                 OPTIONS(cluster_pause_options),
                                 .help = "No failover and no fencing for a while, for work on the network. "
                                         "Guards stay." },
        [VERB_CLUSTER_RESUME] = { .noun = "cluster",
                                  .name = "resume",
                                  .changes = true,
                                  OPTIONS(node_reason_options),
                                  .help = "End the pause before its time." },
        [VERB_NODE_LIST] = { .noun = "node", .name = "list", .help = "All nodes." },
        [VERB_NODE_SHOW] = { .noun = "node",
                             .name = "show",
                             .operand = "NODE",
                             .help = "One node, and what runs on it." },
        [VERB_NODE_DRAIN] = { A_NODE_THAT_VOTES, .name = "drain", NODE_WORK(1800),
                              OPTIONS(node_leaves_options), .help = "Move every role away for maintenance." },
        [VERB_NODE_SHUT_DOWN] = { A_NODE_THAT_VOTES, .name = "shut-down", NODE_WORK(1800),
                                  OPTIONS(node_shut_down_options),
                                  .help = "Drain a node, then shut its host down. It stays drained." },
        [VERB_NODE_RESUME] = { A_NODE_THAT_VOTES, .name = "resume", NODE_WORK(1800),
                               OPTIONS(node_reason_options),
                               .help = "End maintenance: its roles come back." },
        [VERB_NODE_FENCE] = { A_NODE_THAT_VOTES, .name = "fence", NODE_WORK(120),
                              OPTIONS(node_leaves_options),
                              .help = "Turn a node off; it counts as lost at once and its roles recover "
                                      "elsewhere." },
        [VERB_NODE_POWER_ON] = { .noun = "node",
                                 .name = "power-on",
                                 .operand = "NODE",
                                 .changes = true,
                                 NODE_WORK(600),
                                 OPTIONS(node_reason_options),
                                 .help = "Turn a node on, by its fence devices: one that is proven off." },
        [VERB_NODE_RELEASE] = { A_NODE_THAT_VOTES, .name = "release", OPTIONS(node_reason_options),
                                .help = "End a node's quarantine: it takes roles again at once." },
        [VERB_NODE_CONFIRM_OFF] = { .noun = "node",
                                    .name = "confirm-off",
                                    .operand = "NODE",
                                    .changes = true,
                                    OPTIONS(node_reason_options),
                                    .help = "Vouch that a lost node is off. If it is not, roles may run "
                                            "twice." },
        [VERB_NODE_EVICT] = { A_NODE_THAT_VOTES, .name = "evict",
                              .risk = "It is forgotten with its fence devices, and joins again only as a new "
                                      "node, with no ledger.",
                              NODE_WORK(60), OPTIONS(node_evict_options),
                              .help = "Take a node out of the cluster: one that is proven off, or drained." },
        [VERB_QUORUM_SHOW] = { .noun = "quorum",
                               .name = "show",
                               .help = "Who votes, and what happens if this or that node is lost next." },
        [VERB_QUORUM_SET] = { .noun = "quorum",
                              .name = "set",
                              .changes = true,
                              .bears_on_quorum = true,
                              OPTIONS(quorum_set_options),
                              .help = "Whether votes follow the losses, and which of two nodes votes." },
        [VERB_QUORUM_FORCE] = { .noun = "quorum",
                                .name = "force",
                                .changes = true,
                                .risk = "This node goes on alone: what others decided and it has not heard "
                                        "is lost, and they "
                                        "stop their guests when they come back. No guest is started before "
                                        "each of them is "
                                        "back or proven off. Do not let any of them come up where it cannot "
                                        "see this node: "
                                        "they would decide without it.",
                                OPTIONS(node_evict_options),
                                .help = "Go on without the majority, which is gone: this node alone, until "
                                        "the others are "
                                        "back." },
        [VERB_WITNESS_SET] = { .noun = "quorum",
                               .name = "witness set",
                               .operand = "KIND",
                               .changes = true,
                               .bears_on_quorum = true,
                               OPTIONS(witness_set_options),
                               .help = "Let something outside of the nodes vote while these are an even "
                                       "number; KIND: share, disk or qnetd." },
        [VERB_WITNESS_REMOVE] = { .noun = "quorum",
                                  .name = "witness remove",
                                  .changes = true,
                                  .bears_on_quorum = true,
                                  OPTIONS(witness_remove_options),
                                  .help = "The nodes decide alone again." },
        [VERB_ROLE_LIST] = { .noun = "role", .name = "list", .help = "All roles." },
        [VERB_ROLE_SHOW] = { .noun = "role",
                             .name = "show",
                             .operand = "NAME",
                             OPTIONS(role_show_options),
                             .help = "One role: state, owner, failures, last move." },
        [VERB_ROLE_WHY] = { .noun = "role",
                            .name = "why",
                            .operand = "NAME",
                            .help = "Why it is where it is: the entries and the evidence behind it." },
        [VERB_ROLE_ADD] = { .noun = "role",
                            .name = "add",
                            .operand = "NAME",
                            .changes = true,
                            ROLE_WORK,
                            OPTIONS(role_add_options),
                            .help = "Register a virtual machine or OCF agents as a role." },
        [VERB_ROLE_SET] = { .noun = "role",
                            .name = "set",
                            .operand = "NAME",
                            .changes = true,
                            OPTIONS(role_set_options),
                            .help = "Change a role." },
        [VERB_ROLE_START] = { .noun = "role",
                              .name = "start",
                              .operand = "NAME",
                              .changes = true,
                              ROLE_WORK,
                              .help = "Let it run; a failed one is tried again at once." },
        [VERB_ROLE_STOP] = { .noun = "role",
                             .name = "stop",
                             .operand = "NAME",
                             .changes = true,
                             ROLE_WORK,
                             OPTIONS(role_stop_options),
                             .help = "Stop it and keep it stopped." },
        [VERB_ROLE_MOVE] = { .noun = "role",
                             .name = "move",
                             .operand = "NAME",
                             .changes = true,
                             ROLE_WORK,
                             OPTIONS(role_move_options),
                             .help = "Move it live to another node, or its storage to another volume." },
        [VERB_ROLE_REMOVE] = { .noun = "role",
                               .name = "remove",
                               .operand = "NAME",
                               .changes = true,
                               .help = "Forget a stopped role. Its disks are not touched." },
        [VERB_VOLUME_LIST] = { .noun = "volume", .name = "list", .help = "All volumes." },
        [VERB_VOLUME_SHOW] = { .noun = "volume",
                               .name = "show",
                               .operand = "NAME",
                               .help = "One volume: how each node fares with it, its free space, who uses "
                                       "it." },
        [VERB_VOLUME_ADD] = { .noun = "volume",
                              .name = "add",
                              .operand = "NAME",
                              .changes = true,
                              .wait = VERB_WAIT_VOLUME,
                              .timeout_s = 60,
                              OPTIONS(volume_add_options),
                              .help = "Register a volume, once every node has shown that it shares and can "
                                      "write it, or reaches the target." },
        [VERB_VOLUME_REMOVE] = { .noun = "volume",
                                 .name = "remove",
                                 .operand = "NAME",
                                 .changes = true,
                                 .help = "Forget a volume that no role uses. What is on it stays." },
        [VERB_VOLUME_MOVE] = { .noun = "volume",
                               .name = "move",
                               .operand = "NAME",
                               .changes = true,
                               OPTIONS(volume_move_options),
                               .help = "Let another node coordinate it: do the work on its images. No role "
                                       "moves." },
        [VERB_VOLUME_MAINTENANCE_ON] = { .noun = "volume",
                                         .name = "maintenance on",
                                         .operand = "NAME",
                                         .changes = true,
                                         .help = "Take the cluster's hands off a volume from which no role "
                                                 "runs: no role starts there, no lease is renewed, nothing "
                                                 "is "
                                                 "open." },
        [VERB_VOLUME_MAINTENANCE_OFF] = { .noun = "volume",
                                          .name = "maintenance off",
                                          .operand = "NAME",
                                          .changes = true,
                                          .wait = VERB_WAIT_VOLUME,
                                          .timeout_s = 60,
                                          .help = "Prove it anew on every node, and use it again." },
        [VERB_IMAGE_LIST] = { .noun = "volume",
                              .name = "image list",
                              .operand = "VOLUME",
                              .help = "The images on a volume. These verbs are asked on the node that "
                                      "coordinates it." },
        [VERB_IMAGE_CREATE] = { .noun = "volume",
                                .name = "image create",
                                .operand = "VOLUME",
                                .changes = true,
                                OPTIONS(image_size_options),
                                .help = "Make an empty image, whole or not at all." },
        [VERB_IMAGE_RESIZE] = { .noun = "volume",
                                .name = "image resize",
                                .operand = "VOLUME",
                                .changes = true,
                                OPTIONS(image_size_options),
                                .help = "Make an image larger that no role is running from." },
        [VERB_IMAGE_SNAPSHOT] = { .noun = "volume",
                                  .name = "image snapshot",
                                  .operand = "VOLUME",
                                  .changes = true,
                                  OPTIONS(image_snapshot_options),
                                  .help = "Keep the present state of a qcow2 image that no role is running "
                                          "from." },
        [VERB_IMAGE_DELETE] = { .noun = "volume",
                                .name = "image delete",
                                .operand = "VOLUME",
                                .changes = true,
                                OPTIONS(image_delete_options),
                                .help = "Delete an image that is no role's disk." },
        [VERB_FENCE_LIST] = { .noun = "fence", .name = "list", .help = "All fence devices." },
        [VERB_FENCE_SHOW] = { .noun = "fence",
                              .name = "show",
                              .operand = "NAME",
                              .help = "One fence device, and on which nodes its agent is installed." },
        [VERB_FENCE_ADD] = { .noun = "fence",
                             .name = "add",
                             .operand = "NAME",
                             .changes = true,
                             .wait = VERB_WAIT_FENCE,
                             .timeout_s = 10,
                             OPTIONS(fence_add_options),
                             .help = "Register a fence device, and say which nodes lack its agent." },
        [VERB_FENCE_REMOVE] = { .noun = "fence",
                                .name = "remove",
                                .operand = "NAME",
                                .changes = true,
                                .help = "Forget a fence device." },
        [VERB_FENCE_TEST] = { .noun = "fence",
                              .name = "test",
                              .operand = "NODE",
                              .changes = true,
                              .deed = "really",
                              .risk = "It is cut off as if its power failed, once for each level.",
                              NODE_WORK(1800),
                              OPTIONS(fence_test_options),
                              .help = "Ask every fence device of a node for its status; with --really turn "
                                      "it off and on again." },
        [VERB_FENCE_HISTORY] = { .noun = "fence",
                                 .name = "history",
                                 .operand = "NODE",
                                 .operand_optional = true,
                                 OPTIONS(fence_history_options),
                                 .help = "Which node was to be turned off: when, why, by whom or what, how "
                                         "long it took, what came of it." },
        [VERB_EVENT_LIST] = { .noun = "event",
                              .name = "list",
                              OPTIONS(event_list_options),
                              .help = "What happened, one sentence each." },
        [VERB_LEDGER_LIST] = { .noun = "ledger",
                               .name = "list",
                               OPTIONS(ledger_list_options),
                               .help = "Committed entries as they are stored." },
        [VERB_LEDGER_VERIFY] = { .noun = "ledger",
                                 .name = "verify",
                                 OPTIONS(ledger_verify_options),
                                 .help = "Re-check the chain of hashes and every evidence." },
};
