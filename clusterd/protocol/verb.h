/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_PROTOCOL_VERB_H
#define CLU_CLUSTERD_PROTOCOL_VERB_H

/*
 * What an operator can ask for: the one table of verbs.
 *
 * clu parses its command line by it, prints help, manual page and completion
 * from it; the daemon checks the arguments of a request against it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a verb ended: exit status of clu and "exit" of every reply. Source: ARCHITECTURE.md, section 9. */
enum verb_exit {
        VERB_EXIT_DONE,
        VERB_EXIT_FAILED,
        VERB_EXIT_USAGE,
        VERB_EXIT_REFUSED, /* a rule forbids it; it is named */
        VERB_EXIT_NO_QUORUM,
        VERB_EXIT_NO_OBJECT,
        VERB_EXIT_TIMED_OUT,   /* and the work goes on */
        VERB_EXIT_UNREACHABLE, /* no daemon answers on this node */
        VERB_EXIT_COUNT
};

/* "schema" of every document printed or sent. */
#define VERB_SCHEMA "clu/1"

enum verb_id {
        VERB_CLUSTER_STATUS,
        VERB_CLUSTER_SET,
        VERB_CLUSTER_PAUSE,
        VERB_CLUSTER_RESUME,
        VERB_NODE_LIST,
        VERB_NODE_SHOW,
        VERB_NODE_DRAIN,
        VERB_NODE_SHUT_DOWN,
        VERB_NODE_RESUME,
        VERB_NODE_FENCE,
        VERB_NODE_POWER_ON,
        VERB_NODE_RELEASE,
        VERB_NODE_CONFIRM_OFF,
        VERB_NODE_EVICT,
        VERB_QUORUM_SHOW,
        VERB_QUORUM_SET,
        VERB_QUORUM_FORCE,
        VERB_WITNESS_SET,
        VERB_WITNESS_REMOVE,
        VERB_ROLE_LIST,
        VERB_ROLE_SHOW,
        VERB_ROLE_WHY,
        VERB_ROLE_ADD,
        VERB_ROLE_SET,
        VERB_ROLE_START,
        VERB_ROLE_STOP,
        VERB_ROLE_MOVE,
        VERB_ROLE_REMOVE,
        VERB_VOLUME_LIST,
        VERB_VOLUME_SHOW,
        VERB_VOLUME_ADD,
        VERB_VOLUME_REMOVE,
        VERB_VOLUME_MOVE,
        VERB_VOLUME_MAINTENANCE_ON,
        VERB_VOLUME_MAINTENANCE_OFF,
        VERB_IMAGE_LIST,
        VERB_IMAGE_CREATE,
        VERB_IMAGE_RESIZE,
        VERB_IMAGE_SNAPSHOT,
        VERB_IMAGE_DELETE,
        VERB_FENCE_LIST,
        VERB_FENCE_SHOW,
        VERB_FENCE_ADD,
        VERB_FENCE_REMOVE,
        VERB_FENCE_TEST,
        VERB_FENCE_HISTORY,
        VERB_EVENT_LIST,
        VERB_LEDGER_LIST,
        VERB_LEDGER_VERIFY,
        VERB_COUNT
};

/* What an option takes, and what it is in a request's "arguments". */
enum verb_value {
        VERB_VALUE_FLAG,   /* nothing; true */
        VERB_VALUE_TEXT,   /* string */
        VERB_VALUE_NUMBER, /* integer */
        VERB_VALUE_NAME,   /* string: of a node, role, volume or device */
        VERB_VALUE_NODES,  /* "n1,n2"; array of strings, empty for "" */
        VERB_VALUE_FILE,   /* path, "-" for standard input; string: the content */
        VERB_VALUE_PAIR,   /* "key=value", may be given again; array of strings */
        VERB_VALUE_COUNT
};

struct verb_option {
        const char *name; /* without the dashes */
        enum verb_value value;
        const char *placeholder; /* "N", "FILE"; NULL for a flag */
        const char *help;
        bool required;
        bool local;          /* for clu itself: not sent */
        bool hidden;         /* clu itself gives it: sent, not advertised */
        const char *secret;  /* a hidden option that clu reads from standard input when this one is given */
        int64_t least, most; /* of a number */
        uint32_t bytes_max;  /* of a text, with its closing zero; 0: see name and file */
};

/* What waiting for the work that a verb starts means. */
enum verb_wait { VERB_WAIT_NONE, VERB_WAIT_ROLE, VERB_WAIT_NODE, VERB_WAIT_VOLUME, VERB_WAIT_FENCE };

struct verb {
        const char *noun;
        const char *name;    /* a word, or two: "witness set" */
        const char *operand; /* placeholder of the name it is about; NULL: none */
        bool operand_optional;
        const char *help;     /* one sentence */
        bool changes;         /* takes --plan; needs the right to change, and quorum */
        const char *deed;     /* the flag with which it changes something and waits; NULL: it always does */
        const char *risk;     /* what is at stake: asked for before, unless --yes; NULL: nothing */
        bool bears_on_quorum; /* what that means for the votes is shown before */
        enum verb_wait wait;  /* takes --no-wait and --timeout */
        uint32_t timeout_s;   /* default of --timeout */
        const struct verb_option *options;
        size_t option_count;
};

/* Options of every verb, of those that change, and of those that wait. All are local to clu. */
enum verb_common {
        VERB_COMMON_HELP,
        VERB_COMMON_JSON,
        VERB_COMMON_PLAN,
        VERB_COMMON_NO_WAIT,
        VERB_COMMON_TIMEOUT,
        VERB_COMMON_COUNT
};
extern const struct verb_option verb_common_options[VERB_COMMON_COUNT];
bool verb_has_common(const struct verb *verb, enum verb_common common);

/* Rows by id, in the order of help: nouns stay together. */
extern const struct verb verb_table[VERB_COUNT];
const struct verb *verb_by_id(enum verb_id id);
/* Of a row of the table. */
enum verb_id verb_id(const struct verb *verb);
/* NULL if there is none. */
const struct verb *verb_find(const char *noun, const char *name);
/* By "noun.name", as requests say it. NULL if there is none. */
const struct verb *verb_find_path(const char *path);
bool verb_noun_exists(const char *noun);
/* One of the verb's own options; NULL if there is none. */
const struct verb_option *verb_option_find(const struct verb *verb, const char *name);
/* "role.move" */
void verb_path(const struct verb *verb, char *path, size_t path_bytes);
/* "role move NAME [--node NODE] [--plan] ..." */
void verb_synopsis(const struct verb *verb, char *text, size_t text_bytes);

#define VERB_VALUES_MAX  64
#define VERB_ERROR_BYTES 320
#define VERB_PATH_BYTES  48

/* A parsed command line; its texts are borrowed from argv. */
struct verb_call {
        const struct verb *verb;
        const char *operand; /* NULL if not given (only with help) */
        bool help, json, plan, no_wait;
        uint32_t timeout_s;
        size_t value_count;
        struct {
                const struct verb_option *option;
                const char *text; /* NULL for a flag */
                int64_t number;
        } values[VERB_VALUES_MAX];
};

/*
 * argv: noun, verb and what follows. 0; -EINVAL with what is wrong and what to type instead. *ret_call->verb
 * and ->json are set as far as they were understood, also then.
 */
int verb_parse(int argc, const char *const *argv, struct verb_call *ret_call,
               char ret_error[VERB_ERROR_BYTES]);

/* The text of an option; NULL if it was not given. */
const char *verb_call_text(const struct verb_call *call, const char *option);
bool verb_call_has(const struct verb_call *call, const char *option);
bool verb_call_changes(const struct verb_call *call);

/* 0, -EINVAL with why: a name, a number in range, a text that fits. For clu and daemon alike. */
int verb_check_text(const struct verb_option *option, const char *text, char ret_error[VERB_ERROR_BYTES]);
int verb_check_number(const struct verb_option *option, int64_t number, char ret_error[VERB_ERROR_BYTES]);

#endif
