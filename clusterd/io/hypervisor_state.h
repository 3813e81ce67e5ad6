/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_HYPERVISOR_STATE_H
#define CLU_CLUSTERD_IO_HYPERVISOR_STATE_H

/*
 * What the parts of the libvirt adapter share; nobody else includes this.
 *
 * Threads: libvirt's event loop, which calls back and never asks; the
 * connector, which opens the shared connection again and again; the
 * timekeeper, which starts steps and lets deadlines pass; workers, which are
 * the only ones to wait for libvirt. One lock; nobody holds it while asking.
 */

#include <libvirt/libvirt.h>
#include <pthread.h>
#include <sys/queue.h>

#include "clusterd/io/disk_exports.h"
#include "clusterd/io/hypervisor.h"
#include "clusterd/io/hypervisor_worker.h"

/* Why a look at a domain brought nothing is as important as that it did. */
enum look { LOOK_HERE, LOOK_ABSENT, LOOK_FAILED };

struct sighting {
        enum look look;
        enum observation observation; /* meaningless with LOOK_FAILED */
        int state, reason;            /* libvirt's; state -1: no such domain */
        char text[REASON_BYTES];
};

struct task;
typedef void (*task_step)(struct task *task);

struct copy_task {
        uint64_t index; /* of the copy */
        enum copy_order order;
        char disk[DISK_BYTES];
        char from[IMAGE_PATH_BYTES];
        char to[IMAGE_PATH_BYTES];
        bool succeeded, keep; /* as in the action */
};

/* One action under way. Lives in the table until it is answered and no thread works on it. */
struct task {
        TAILQ_ENTRY(task) link;
        struct hypervisor *hypervisor;
        /* Fixed. */
        enum cluster_action_kind kind;
        task_step step; /* on a worker; called again whenever step_at_ms comes, until answered */
        char role[NAME_BYTES];
        uint64_t generation;
        uint8_t definition_hash[HASH_BYTES];
        uint32_t timeout_ms;
        uint64_t listing;
        char address[ADDRESS_BYTES];
        char migration_address[ADDRESS_BYTES];
        struct copy_task copy;
        /* EXPORT, REDIRECT */
        uint64_t index;
        bool open;
        uint32_t port;
        char key[EXPORT_KEY_BYTES];
        uint64_t started_ms;
        /* Under the lock. */
        uint64_t deadline_ms;
        uint64_t step_at_ms; /* TIME_NEVER: not before something happens */
        unsigned busy;       /* threads at work on it */
        bool is_stepping;
        bool is_answered;
        bool was_seen;         /* a lifecycle event came meanwhile: */
        enum observation seen; /* the last */
        uint64_t paused_at_ms; /* MOVE: the guest was stopped for the switch; 0: not yet */
        bool has_downtime;     /* MOVE: libvirt told downtime_ms */
        uint32_t downtime_ms;
        virDomainPtr domain; /* MOVE: while memory moves */
        bool is_polling;
        uint64_t poll_at_ms;
        uint64_t progress_mark; /* changes when the move gets on */
        struct hypervisor_progress progress;
};

TAILQ_HEAD(task_table, task);

/* What libvirt's state of a domain does not show: that it is INCOMING, or OUTGOING by another hand than ours.
 */
struct mark {
        char role[NAME_BYTES];
        enum observation observation;
};

/* What failed a guest last, as libvirt told when that happened. */
struct failure {
        char role[NAME_BYTES];
        char text[REASON_BYTES];
};

struct hypervisor {
        struct mailbox *mailbox;
        struct hypervisor_listener listener;
        char *uri;
        char *peer_uri;
        struct iscsi_gateways *gateways;
        struct disk_exports *exports;
        char *redirect_dir;
        struct worker_pool *workers;

        pthread_mutex_t lock;
        pthread_cond_t changed; /* anything below; CLOCK_MONOTONIC */
        unsigned references;
        bool is_closed;
        unsigned reading;         /* calls of read_definition under way */
        virConnectPtr connection; /* NULL: not connected */
        bool is_connection_lost;
        bool is_connector_over; /* libvirt will not call back any more */
        uint64_t events_seen;   /* lifecycle events so far */
        bool is_listing;
        struct mark *marks;
        size_t mark_count;
        struct failure *failures; /* of guests that are here, or were lately */
        size_t failure_count;
        struct task_table tasks;
};

static inline bool observation_is_absent(enum observation observation)
{
        return observation <= OBSERVED_ABSENT_MOVED;
}

/* hypervisor_libvirt.c */
uint64_t
hypervisor_now_ms(void); /* CLOCK_MONOTONIC: deadlines stop while the host is suspended, as libvirt does */
void hypervisor_lock(struct hypervisor *hypervisor);
void hypervisor_unlock(struct hypervisor *hypervisor);
void hypervisor_wait_until(struct hypervisor *hypervisor, uint64_t at_ms); /* or any change; locked */
void hypervisor_reference(struct hypervisor *hypervisor);                  /* locked */
void hypervisor_release(struct hypervisor *hypervisor);                    /* not locked */
bool hypervisor_start_thread(struct hypervisor *hypervisor,
                             void *(*run)(void *)); /* locked; takes a reference */
/* Post to the loop; locked; nothing once closed. */
void hypervisor_post(struct hypervisor *hypervisor, const struct cluster_event *events, size_t count);
void hypervisor_post_observed(struct hypervisor *hypervisor, const char *role, enum observation observation,
                              const char *text);

/* hypervisor_connection.c */
void *connection_run_event_loop(void *hypervisor);
void connection_wake_event_loop(void);
void *connection_run(void *hypervisor);
/* A connection of one's own, so that calls that hang cannot fill libvirt's five places for calls of one
 * client. */
virConnectPtr connection_open(const char *uri);
/* Tries until the operation is answered (its deadline) or the daemon ends; NULL then. */
virConnectPtr connection_open_for(struct task *task);
/* The shared one, with a reference of its own; waits for it until at_ms; NULL. */
virConnectPtr connection_borrow(struct hypervisor *hypervisor, uint64_t at_ms);
void connection_close(virConnectPtr connection);
/* What libvirt said last in this thread; empty text if nothing. */
void connection_error(char ret_text[REASON_BYTES]);
/* Where the hypervisor of a node is asked from here; given. */
char *connection_peer_uri(const struct hypervisor *hypervisor, const char *address);
/* Sleeps, but not longer than the operation lasts; false if that is over. */
bool task_pause(struct task *task, uint32_t pause_ms);

/* hypervisor_event.c */
#define EVENT_CALLBACKS 3
int event_register(struct hypervisor *hypervisor, virConnectPtr connection,
                   int ret_callbacks[EVENT_CALLBACKS]);

/* hypervisor_mark.c; locked */
enum observation mark_read(const struct hypervisor *hypervisor, const char *role); /* RUNNING: none */
void mark_write(struct hypervisor *hypervisor, const char *role, enum observation observation);
bool mark_has_any(const struct hypervisor *hypervisor, enum observation observation);

void failure_write(struct hypervisor *hypervisor, const char *role, const char *text); /* NULL: forget it */
const char *failure_read(const struct hypervisor *hypervisor, const char *role);

/* hypervisor_domain.c */
/* INCOMING, OUTGOING or, when there is no migration, RUNNING. May wait for QEMU's monitor. */
enum observation domain_migration(virDomainPtr domain);
void domain_look(struct hypervisor *hypervisor, virConnectPtr connection, const char *role,
                 struct sighting *ret_sighting);
void domain_look_at(struct hypervisor *hypervisor, virDomainPtr domain, struct sighting *ret_sighting);
/* Looks by a connection of its own and posts what it saw, unless it could not ask. */
void domain_look_and_post(struct hypervisor *hypervisor, const char *role);

/* hypervisor_process.c */
int qemu_process_open(const char *role); /* pidfd of the QEMU that runs it here; -ENOENT; -errno */
int qemu_process_wait(int pidfd, uint32_t timeout_ms); /* 0 when it has ended, -ETIMEDOUT */

/* hypervisor_task.c */
struct task *task_new(struct hypervisor *hypervisor, enum cluster_action_kind kind, task_step step);
void task_begin(struct task *task, uint64_t at_ms); /* fields are set; gives it to the table */
void *task_keep_time(void *hypervisor);
bool task_is_over(struct task *task);
void task_step_again(struct task *task, uint64_t at_ms);
/* Ends it, or, if the deadline was faster, only tells what is there now. text may be NULL. */
void task_finish(struct task *task, enum operation_result result, enum observation observation,
                 const char *text);
/* A lifecycle event of a role; locked. */
void task_on_event(struct hypervisor *hypervisor, const char *role, enum observation observation);
bool task_is_migrating(const struct hypervisor *hypervisor, const char *role); /* by us, now; locked */

/* One file each. */
void list_step(struct task *task);
void list_begin_unasked(struct hypervisor *hypervisor, uint64_t at_ms);
void start_step(struct task *task);
int task_read_definition(struct task *task, char **ret_text); /* given, free(); 0 or negative errno */
void prepare_step(struct task *task);
/* The deadline came first. Locked. */
void prepare_expire(struct task *task);
void stop_step(struct task *task);
void move_step(struct task *task);
void move_poll(void *task);
void announce_step(struct task *task);
void resume_step(struct task *task);
/* Of a guest that has stalled; ends the task. */
void resume_guest(struct task *task, virConnectPtr connection, virDomainPtr domain);
void redirect_step(struct task *task);
void return_step(struct task *task);
/* Its guest has its own files again, if it had not. is_served: it runs by an export that must have answered
 * all; else none is left anywhere. 0, or -1 and why. */
int redirect_undo(struct task *task, virDomainPtr domain, bool is_served, char ret_error[REASON_BYTES]);
void export_step(struct task *task);
/* The deadline came first. Locked. */
void export_expire(struct task *task);
void copy_step(struct task *task);
/* The deadline came first. Locked. */
void copy_expire(struct task *task);
/* If its guest is held for a copy, which may be by an earlier process; *ret_held_ms: for how long it was. */
int copy_let_go(virDomainPtr domain, uint32_t *ret_held_ms);
/* Whoever follows the mirror of that role does so no more, and says nothing. */
void copy_cut(struct hypervisor *hypervisor, const char *role);

#define LIST_DEADLINE_MS     5000
#define START_DEADLINE_MS    60000
#define PREPARE_DEADLINE_MS  60000
#define STOP_EXTRA_MS        30000 /* libvirt itself tries for 10 s by SIGTERM, then waits for SIGKILL to work */
#define MOVE_STILL_MS        60000 /* without any change of progress */
#define MOVE_POLL_MS         200
#define ANNOUNCE_DEADLINE_MS 30000
#define RESUME_DEADLINE_MS   30000
#define REDIRECT_DEADLINE_MS 60000 /* with time for as many disks as there may be */
#define EXPORT_DEADLINE_MS   60000
#define COPY_DEADLINE_MS     60000 /* of an order that does not last */

#endif
