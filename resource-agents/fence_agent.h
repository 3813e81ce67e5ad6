/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_RESOURCE_AGENTS_FENCE_AGENT_H
#define CLU_RESOURCE_AGENTS_FENCE_AGENT_H

/*
 * Runs RHCS fence agents: options as key=value lines on standard input, `off`
 * verified by `status` (exit 2: off). An agent that says done while the status
 * says on has failed.
 */

#include "clusterd/io/process_runner.h"
#include "clusterd/protocol/object.h"

#define FENCE_TEXT_BYTES 768 /* a check names every option that the agent knows */

struct fence_outcome {
        bool done;  /* turned off (or on) and verified; of a check: all is well */
        bool known; /* for status: the agent answered at all */
        bool on;    /* for status */
        char text[FENCE_TEXT_BYTES];
        uint32_t duration_ms;
};

struct fence_run; /* an agent at work; gone once on_done was called */

typedef void (*fence_on_done)(void *context, const struct fence_outcome *outcome);

/*
 * Turns off, then asks the status, again and again while it says on and the device's timeout_ms has not
 * passed. `off` itself must have ended with 0: a broken agent may end with 2, "off", whatever it is asked.
 * The node is named to the agent as plug= and port= unless the device's options name one: "port=..." or per
 * node "port.NODE=..." ("plug..." likewise). on_done comes once, later, at most timeout_ms + 5 s; no secret
 * option is in its text.
 */
struct fence_run *fence_agent_off(struct process_runner *runner, const struct fence_device *device,
                                  const char *node_name, fence_on_done on_done, void *context);
/* The same the other way round, for `clu fence test --really`. */
struct fence_run *fence_agent_on(struct process_runner *runner, const struct fence_device *device,
                                 const char *node_name, fence_on_done on_done, void *context);
/* Ends the agent and does not call on_done. What it has done to the node's power is not known. */
void fence_run_cancel(struct fence_run *run);
/* Asks the status only: `clu fence test`. */
void fence_agent_status(struct process_runner *runner, const struct fence_device *device,
                        const char *node_name, fence_on_done on_done, void *context);
/* Is there such an agent, and are the options right by its metadata? Runs `-o metadata`, asynchronously;
 * outcome.done is true when all is well, text says what is not. */
void fence_agent_check(struct process_runner *runner, const struct fence_device *device,
                       fence_on_done on_done, void *context);

#endif
