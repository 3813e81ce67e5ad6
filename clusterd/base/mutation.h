/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_BASE_MUTATION_H
#define CLU_CLUSTERD_BASE_MUTATION_H

/*
 * The guards of the protocol, each of which one test run can take away, to see
 * that the simulation misses it: `make mutations`. A guard's condition asks
 * MUTATED(name); in the product that is a constant false and vanishes.
 */

#include <stdbool.h>

/* MUTATION(name, file, what is no longer so) */
#define MUTATIONS(MUTATION)                                                                                  \
        /* one history */                                                                                    \
        MUTATION(HALF_IS_A_MAJORITY, "quorum/quorum_rule.c", "more than half of the votes are a majority")   \
        MUTATION(COMMIT_BY_ONE, "core/commit.c", "an entry is committed when a majority stored it")          \
        MUTATION(COMMIT_BEFORE_STORED, "core/view_change.c", "stored is told when it is durable")            \
        MUTATION(COMMIT_OF_OLD_EPOCHS, "core/commit.c", "an entry of this epoch commits what is before it")  \
        MUTATION(STORED_BY_LAGGARDS, "core/commit.c", "only who is level counts as holder of an entry")      \
        MUTATION(EPOCH_BY_FEW, "core/view_change.c", "a majority promises before an epoch begins")           \
        MUTATION(EPOCH_REUSED, "core/round_rule.c", "an epoch is higher than all promises")                  \
        MUTATION(PROMISE_NOT_DURABLE, "core/view_change.c", "a promise is told when it is durable")          \
        MUTATION(PROMISE_WITHOUT_HISTORY, "core/view_change.c", "who promises holds the history")            \
        MUTATION(PROMISE_BY_OUTSIDERS, "core/view_change.c", "only who was heard promises")                  \
        MUTATION(LOWEST_NODE_WINS, "core/round_rule.c", "the most advanced history wins")                    \
        MUTATION(LONGEST_HISTORY_WINS, "core/round_rule.c", "a newer epoch wins over a longer history")      \
        MUTATION(BLANK_VOTES, "core/round_rule.c", "a blank node has no vote")                               \
        MUTATION(STALE_MESSAGES, "core/view_change.c", "messages of other rounds are dropped")               \
        MUTATION(ROUND_OUTLIVES_VIEW, "core/view_change.c", "a change of the view ends the round")           \
        MUTATION(TAIL_KEPT, "core/catch_up.c", "a tail that differs is cut off")                             \
        MUTATION(TAIL_KEPT_ON_DISK, "core/catch_up.c", "a tail is cut off on disk, too")                     \
        MUTATION(UNCOMMITTED_APPLIED, "core/catch_up.c", "what arrives in a round may not be committed")     \
        MUTATION(HALF_REPLACED_WAITS, "core/catch_up.c",                                                     \
                 "what a broken snapshot was to replace still counts")                                       \
        MUTATION(WITNESS_ENDS_CONTACT, "core/view_change.c", "a majority needs no witness for its contact")  \
        MUTATION(SHUT_DOWN_ANYWAY, "core/shut_down.c", "who is shut down leaves a quorum")                   \
        MUTATION(HALF_A_SNAPSHOT_VOTES, "core/catch_up.c", "half a snapshot is blank")                       \
        MUTATION(HALF_A_SNAPSHOT_IS_KEPT, "core/commit.c", "rows of half a snapshot belong to nothing")      \
        MUTATION(SNAPSHOT_OF_BEFORE, "core/catch_up.c", "a snapshot older than what is applied is none")     \
        MUTATION(SLOTS_REMEMBERED, "core/catch_up.c", "a snapshot gives role slots new meanings")            \
        MUTATION(CHANGE_BY_THE_NEW, "core/commit.c", "a change needs a majority of the old voters")          \
        MUTATION(CHANGE_BY_THE_OLD, "core/commit.c", "a change needs a majority of the new voters")          \
        MUTATION(CHANGE_UNTOLD, "core/commit.c", "a change counts from where it stands in the tail")         \
        MUTATION(VOTE_TAKEN_ALONG, "core/electorate.c", "whose daemon ends in order leaves its vote behind") \
        MUTATION(ROUND_BY_THE_NEW, "core/round_rule.c", "until a change is known committed both count")      \
        /* evicted nodes */                                                                                  \
        MUTATION(EVICTED_UNPROVEN, "core/apply_evict.c", "who may run something is not evicted")             \
        MUTATION(EVICTED_UNDRAINED, "core/apply_evict.c", "who is up is drained before it is evicted")       \
        MUTATION(EVICTED_WITH_THE_QUORUM, "core/apply_evict.c", "nobody is evicted whom quorum needs")       \
        MUTATION(EVICTED_TAKE_PART, "core/apply_node.c", "who was evicted joins with a blank ledger only")   \
        MUTATION(EVICTED_LEAVES_WITH_ITS_VOTE, "core/join.c", "who leaves for good has no vote by then")     \
        MUTATION(EVICTED_LEAVES_UNHEARD, "core/join.c", "and the others have that written down")             \
        MUTATION(FRESH_FOR_EVER, "core/join.c", "who has joined is new no more")                             \
        /* forced quorum */                                                                                  \
        MUTATION(FORCED_EPOCH_NEXT, "core/force.c",                                                          \
                 "a forced epoch is higher than any that others may hold")                                   \
        MUTATION(PARTED_BY_ENTRIES, "core/force.c", "whose history has parted takes all of the other")       \
        MUTATION(PARTED_RUNS_ON, "core/force.c", "who takes another history stops its guests before")        \
        MUTATION(FORCED_IS_CONTACT, "core/force.c", "nothing runs while somebody forced out is unproven")    \
        MUTATION(EXPIRY_OF_THE_FORCED_OUT, "core/apply_node.c", "who was forced out may have contact there") \
        MUTATION(BOOT_UNSETTLED, "core/force.c", "who boots looks around before it decides alone")           \
        MUTATION(PARTED_HAS_CONTACT, "core/force.c", "a view of the other history is no contact")            \
        MUTATION(FORCED_WITNESS_KEPT, "core/apply_force.c",                                                  \
                 "the witness votes for none of the other history")                                          \
        /* the witness */                                                                                    \
        MUTATION(WITNESS_FOR_LAGGARDS, "core/round_rule.c", "it votes where somebody holds a whole epoch")   \
        MUTATION(WITNESS_STORES, "core/commit.c", "what it helps to commit is stored by all who are level")  \
        MUTATION(WITNESS_UNTOLD, "core/witness.c", "it knows of an epoch before that is active")             \
        MUTATION(CONTACT_BY_A_PROMISE, "core/contact.c", "its promise alone is no contact")                  \
        MUTATION(LEASE_NOT_TAKEN_OVER, "clusterd/core/lease.c",                                              \
                 "a process that starts goes on with the leases of the last one")                            \
        MUTATION(LEASES_OF_BEFORE, "clusterd/core/lease.c",                                                  \
                 "who may not know by which leases it runs keeps none")                                      \
        MUTATION(CLAIM_AFTER_REFUSAL, "quorum/qnetd_claim.c", "only the first answer in a ring counts")      \
        MUTATION(CLAIM_OVER_THE_SILENT, "quorum/qnetd_claim.c", "whom a vote leaves out is out of the ring") \
        /* volumes */                                                                                        \
        MUTATION(VOLUME_UNPROVEN, "core/apply_volume.c", "every member proves a volume before it is used")   \
        MUTATION(PROVEN_WITHOUT_THE_LOST, "core/path.c", "the mark of a lost node is looked for, too")       \
        MUTATION(PATH_UNMARKED, "core/apply_volume.c", "a mark comes before the path counts")                \
        MUTATION(PATH_OUTLIVES_BOOT, "core/apply_volume.c", "a node that joins anew proves its paths anew")  \
        MUTATION(ISOLATED_BY_AN_OLD_LOOK, "core/lease.c", "only what moved since the loss shows life")       \
        MUTATION(PLACED_WITHOUT_PATH, "core/placement.c", "a role goes only where its volumes are")          \
        MUTATION(PLACED_IN_MAINTENANCE, "core/placement.c", "a volume is proven anew before roles go there") \
        MUTATION(MAINTAINED_IN_USE, "core/apply_volume.c", "nobody works on a volume that is used")          \
        MUTATION(COORDINATOR_WITHOUT_PATH, "core/coordinator.c", "who coordinates a volume reaches it")      \
        /* evidence */                                                                                       \
        MUTATION(RECOVERY_WITHOUT_EVIDENCE, "core/role_state.c", "a lost owner may run it until proven")     \
        MUTATION(LOSS_IS_EVIDENCE, "core/apply_node.c", "that a node is lost proves nothing")                \
        MUTATION(REJOIN_IS_EVIDENCE, "core/apply_node.c", "only another boot ends what ran")                 \
        MUTATION(BOOT_ENDS_ARRIVALS, "core/apply_node.c", "a guest may arrive after the boot")               \
        MUTATION(INCARNATION_STAYS, "core/apply_node.c", "a node that returns is another incarnation")       \
        MUTATION(EVIDENCE_OF_OLD_INCARNATION, "core/apply_node.c", "evidence is of one incarnation")         \
        MUTATION(EVIDENCE_AGAINST_MEMBERS, "core/apply_node.c", "evidence is for lost nodes")                \
        MUTATION(EXPIRY_WITHOUT_WATCHDOG, "core/apply_node.c", "a guard needs a watchdog to expire")         \
        MUTATION(EXPIRY_DURING_ARRIVAL, "core/apply_node.c", "a guest may arrive after the expiry")          \
        MUTATION(OFF_BEFORE_AN_ARRIVAL, "core/fencing.c", "off proves nothing of what arrived since")        \
        MUTATION(ARRIVAL_STOPPED_EARLY, "core/reconcile.c", "who arrived waits for its source to say so")    \
        MUTATION(EXPIRY_AT_ARRIVAL, "core/fencing.c", "a guard may be armed anew until a move has ended")    \
        MUTATION(EXPIRY_AT_ONCE, "core/fencing.c", "a guard takes its time to expire")                       \
        MUTATION(EXPIRY_WITHOUT_HOLD, "core/apply.c", "guests run during the hold")                          \
        MUTATION(EXPIRY_WITHOUT_GRACE, "core/apply.c", "stopping takes the grace")                           \
        MUTATION(EXPIRY_WITHOUT_WATCHDOG_TIME, "core/apply.c", "the watchdog takes its time")                \
        MUTATION(EXPIRY_FROM_LOSS, "core/fencing.c", "expiry counts from the present round")                 \
        MUTATION(EXPIRY_BY_SHORTENED_TIMES, "core/fencing.c", "a lost node may go by longer times")          \
        MUTATION(EXPIRY_WITHOUT_LEASE, "core/lease_guard.c", "what leases guard is proven by theirs, too")   \
        MUTATION(REVOKED_AT_ONCE, "core/lease_watch.c", "an isolated node has its time to return")           \
        MUTATION(REVOKED_IN_CONTACT, "core/lease_watch.c", "who may have contact is not asked for leases")   \
        MUTATION(RELEASED_BEFORE_THE_LOSS, "core/lease_watch.c", "a release answers what was asked since")   \
        MUTATION(RELEASED_BEFORE_AN_ARRIVAL, "core/lease_guard.c", "a guest may arrive after a release")     \
        MUTATION(RELEASED_PROVES_ALL_ROLES, "core/lease_guard.c", "a release is of one volume's roles")      \
        MUTATION(LEASES_UNKNOWN_ON_RETURN, "core/apply_node.c", "who did not boot may go by its leases")     \
        MUTATION(TIMES_SETTLED_UNHEARD, "core/guard_times.c", "shorter times count when all follow")         \
        MUTATION(TIMES_SHORTENED_AT_ANY_TIME, "core/apply.c", "no shorter times while a node is lost")       \
        MUTATION(FENCED_UNCONFIRMED, "core/fencing.c", "a fence device has to say that it is off")           \
        MUTATION(FENCED_BY_HALF, "core/fencing.c", "all devices of a level have to say so")                  \
        MUTATION(FENCED_BY_HALF_A_LEVEL, "core/fence_level.c", "a level that lacks a device is not used")    \
        MUTATION(FENCED_LONG_AGO, "core/fencing.c", "an attempt belongs to an incarnation")                  \
        MUTATION(FENCED_EARLIER, "core/fencing.c", "an answer belongs to an attempt")                        \
        MUTATION(FENCED_THOUGH_CONNECTED, "core/fencing.c", "who is connected is left alone")                \
        MUTATION(LOST_THOUGH_CONNECTED, "core/lead.c", "who is connected is not lost")                       \
        MUTATION(LOST_UNSEEN, "core/lead.c", "who was never seen may still boot")                            \
        MUTATION(REJOIN_UNFENCED, "core/apply_node.c", "who is to be off joins after it was")                \
        MUTATION(REJOIN_DURING_TEST, "core/apply_node.c", "whose devices are tested joins afterwards")       \
        MUTATION(TESTED_WITHOUT_QUORUM, "core/fence_test.c", "who is needed for quorum is not turned off")   \
        MUTATION(TARGET_STAYS_PROVEN, "core/apply_report.c", "a guest may have arrived after the evidence")  \
        MUTATION(TARGET_PROVEN_BY_OLD_EVIDENCE, "core/apply_report.c", "it is to be proven off anew")        \
        MUTATION(MOVE_ENDS_BY_ONE, "core/apply_report.c", "both ends of a move have to speak")               \
        MUTATION(MOVE_ENDS_TWICE, "core/apply_report.c", "a role that runs on both ends is not settled")     \
        /* commands */                                                                                       \
        MUTATION(ASSIGN_UNPROVEN, "core/apply_role.c", "an assignment names the evidence")                   \
        MUTATION(ASSIGN_WHILE_IT_MAY_RUN, "core/apply_role.c", "what may still run is not assigned")         \
        MUTATION(ASSIGN_OF_OLD_GENERATION, "core/apply_role.c", "an assignment is of the next generation")   \
        MUTATION(ASSIGN_UNWANTED, "core/apply_role.c", "what is not wanted is not assigned")                 \
        MUTATION(ASSIGN_TO_CLOSED_NODE, "core/apply_role.c", "only an open member takes a role")             \
        MUTATION(COPY_SWITCHES_UNTOLD, "core/copy.c", "the ledger names a new image before that counts")     \
        MUTATION(COPY_SWITCHES_UNHELD, "core/copy.c", "a guest is held while the ledger goes over")          \
        MUTATION(COPY_ENDS_UNPROVEN, "core/role_state.c", "a copy ends by itself when its guest is gone")    \
        MUTATION(MOVE_WHILE_COPYING, "core/apply_role.c", "a role stays while its storage is moved")         \
        MUTATION(MOVE_WHILE_STALLED, "core/apply_role.c", "what stands still for its disk stays")            \
        MUTATION(RELOCATE_WHAT_RUNS, "core/apply_role.c", "only what has stalled is started elsewhere")      \
        MUTATION(STALLED_IS_ABSENT, "core/observe.c", "what stands still for its disk is there")             \
        MUTATION(REDIRECT_WHILE_EXPORTED, "core/apply_redirect.c", "one export of a role at a time")         \
        MUTATION(REDIRECT_OF_OLD_INDEX, "core/apply_redirect.c",                                             \
                 "what is said of an earlier export says nothing")                                           \
        MUTATION(REDIRECT_REPORT_BY_OTHERS, "core/apply_redirect.c", "of an export only its node can speak") \
        MUTATION(EXPORT_ENDS_WITH_LOSS, "core/apply_node.c", "a loss is no proof that an export is closed")  \
        MUTATION(EXPORT_ENDS_WITH_ITS_GUEST, "core/role_state.c",                                            \
                 "an export outlives its guest until it is closed")                                          \
        MUTATION(ASSIGN_WHILE_EXPORTED, "core/apply_role.c", "nothing starts while an export may write")     \
        MUTATION(REMOVE_WHILE_EXPORTED, "core/apply_role.c", "a role stays while an export may write")       \
        MUTATION(MAINTAINED_WHILE_EXPORTED, "core/apply_volume.c",                                           \
                 "no maintenance while an export may write")                                                 \
        MUTATION(DRAINED_WHILE_EXPORTING, "core/apply_node.c", "who exports is not drained")                 \
        MUTATION(RESUME_WHILE_EXPORTED, "core/redirect.c", "its own files wait until an export is closed")   \
        MUTATION(EXPORT_UNGUARDED, "core/redirect.c", "who exports has an armed guard")                      \
        MUTATION(EXPORT_OUTLIVES_GUARD, "core/redirect.c", "an export is closed when the guard lapses")      \
        MUTATION(STALLED_HAS_STAYED, "core/observe.c", "a disk that fails does not end a move")              \
        MUTATION(REMOVE_UNCLEARED, "core/apply_role.c", "a role stays until its storage has one image")      \
        MUTATION(MOVE_OF_OLD_GENERATION, "core/apply_role.c", "a move is of the next generation")            \
        MUTATION(MOVE_OF_WHAT_IS_NOT_ONLINE, "core/apply_role.c", "only what is online can be moved")        \
        MUTATION(MOVE_TO_CLOSED_NODE, "core/apply_role.c", "only an open member takes a move")               \
        MUTATION(STOP_FORGETS_RUNNERS, "core/apply_role.c", "what recovers is not offline until proven")     \
        MUTATION(REMOVE_WHILE_RUNNING, "core/apply_role.c", "what may run is not removed")                   \
        MUTATION(REPORT_FOR_OTHERS, "core/apply_report.c", "a node reports for itself only")                 \
        MUTATION(REPORT_OF_OLD_GENERATION, "core/apply_report.c", "a report is of this generation")          \
        MUTATION(REPORT_BY_NOBODY, "core/apply_report.c", "only who may run it reports")                     \
        MUTATION(REPORT_BY_THE_LOST, "core/apply_report.c", "only a member reports")                         \
        MUTATION(JOIN_FOR_OTHERS, "core/apply_node.c", "a node joins for itself only")                       \
        MUTATION(LOSS_OF_OLD_INCARNATION, "core/apply_node.c", "who has returned is not lost")               \
        MUTATION(DRAINED_WHILE_RUNNING, "core/apply_node.c", "a node is drained when it runs nothing")       \
        MUTATION(EVIDENCE_OF_ANY_KIND, "core/apply_node.c", "some kinds are of one role, not of a node")     \
        /* a node's own part */                                                                              \
        MUTATION(ACT_WITHOUT_EPOCH, "core/reconcile.c", "only in an active epoch is anything done")          \
        MUTATION(ACT_BEFORE_LEVEL, "core/view_change.c", "only who is level does anything")                  \
        MUTATION(ACT_BEFORE_JOINED, "core/cluster.c", "only a member of this boot does anything")            \
        MUTATION(ACT_WITHOUT_GUARD, "core/reconcile.c", "nothing starts while the guard is not valid")       \
        MUTATION(START_UNBACKED, "core/guard.c", "nothing comes before the watchdog behind it is open")      \
        MUTATION(KEEP_WHAT_IS_NOT_OURS, "core/reconcile.c", "what may not run here is stopped")              \
        MUTATION(STOPPED_BEFORE_OWN_WORD, "core/reconcile.c", "who may be behind does not stop a guest")     \
        MUTATION(STRANDED_WHILE_SENT, "core/reconcile.c", "an arrival is stopped when its source is gone")   \
        MUTATION(STRANDED_BY_OLD_LISTING, "core/reconcile.c", "it may have arrived before")                  \
        MUTATION(MOVE_TO_THE_LOST, "core/reconcile.c", "nothing is sent to a node that is not there")        \
        MUTATION(PAUSED_IS_RUNNING, "core/reconcile.c", "what a move left paused does not run")              \
        MUTATION(MOVE_TO_THE_UNGUARDED, "core/reconcile.c", "the target's guard stands before it is sent")   \
        MUTATION(PREEMPTED_PROVES_ALL_ROLES, "core/reservation.c", "only what runs from LUNs is proven")     \
        MUTATION(PREEMPTED_ON_ONE_TARGET, "core/reservation.c", "all targets of a role refuse the node")     \
        MUTATION(PREEMPTED_WITH_DISKS_ELSEWHERE, "core/reservation.c",                                       \
                 "what writes elsewhere is not proven")                                                      \
        MUTATION(PREEMPTED_ON_OTHER_LUNS, "core/apply_role.c",                                               \
                 "what runs may have other LUNs than it is given")                                           \
        MUTATION(PREEMPTED_UNPROVEN, "core/preempt.c", "a preemption counts when it was read back")          \
        MUTATION(PREEMPTED_LONG_AGO, "core/preempt.c", "it counts when it was begun after the loss")         \
        MUTATION(PREEMPTED_IN_ITS_TIME, "core/fencing.c", "a node has its time to stop its guests itself")   \
        MUTATION(LEFT_BEHIND_IS_STARTED, "core/observe.c",                                                   \
                 "what was here before an assignment is not its guest")                                      \
        MUTATION(CONFIRMED_WITHOUT_CONTACT, "core/confirm.c",                                                \
                 "what is registered anew writes after contact")                                             \
        MUTATION(CONFIRMED_OF_BEFORE, "core/confirm.c", "what an earlier assignment left writes no more")    \
        MUTATION(MOVE_TO_THE_UNPREPARED, "core/prepare.c", "the target has its gateways before it is sent")  \
        MUTATION(MOVE_BEGINS_LATE, "core/reconcile.c", "a move that was given up does not begin")            \
        MUTATION(NOTHING_ARRIVED_YET, "core/reconcile.c", "the source has to end a move first")              \
        MUTATION(NOTHING_ARRIVED_BEFORE, "core/reconcile.c", "an absence from before proves nothing")        \
        MUTATION(ABSENT_UNCONFIRMED, "core/reconcile.c", "an absence is confirmed by a listing")             \
        MUTATION(ABSENT_BY_OLD_LISTING, "core/observe.c", "a listing is asked after the change")             \
        MUTATION(ABSENT_BY_FAILED_LISTING, "core/observe.c", "a listing that failed says nothing")           \
        MUTATION(START_UNRESOLVED, "core/observe.c", "a start whose end nobody knows may come true")         \
        MUTATION(DOUBTS_FORGOTTEN, "core/observe.c", "a start whose end nobody knows outlives a snapshot")   \
        MUTATION(DOUBT_ENDS_WHEN_SEEN, "core/observe.c", "what is seen may be of the first of some starts")  \
        MUTATION(MOVE_IN_DOUBT, "core/observe.c", "a move whose end nobody knows is looked at")              \
        MUTATION(GUARD_NEVER_LAPSES, "core/guard.c", "guests are stopped when the guard lapses")             \
        MUTATION(GUARD_ARMED_AFTER_START, "core/observe.c", "the guard is armed before a start")             \
        MUTATION(GUARD_ARMED_AFTER_ARRIVAL, "core/guard.c", "the guard is armed before a guest arrives")     \
        MUTATION(GUARD_DISARMED_BY_RESTART, "core/cluster.c", "guests may be here before the first listing") \
        MUTATION(GUARD_DISARMED_BY_SNAPSHOT, "core/observe.c", "guests may be here, or come, in a snapshot") \
        MUTATION(GUARD_DISARMED_UNKNOWING, "core/observe.c", "who is not level may not know its guests")     \
        MUTATION(CONTACT_BY_ONE_HEARTBEAT, "core/contact.c", "two heartbeats make a contact")                \
        MUTATION(CONTACT_WHEN_BACK, "core/contact.c", "the contact is when the first was sent")              \
        MUTATION(CONTACT_WITHOUT_EPOCH, "core/contact.c", "only an active epoch is a contact")               \
        MUTATION(CONTACT_WITH_THE_EPOCH, "core/view_change.c", "a new epoch proves contact at its state")    \
        /* leases that guard */                                                                              \
        MUTATION(LEASE_NEVER_LAPSES, "core/lease.c", "guests are stopped before a lease lapses")             \
        MUTATION(LEASE_UNCONFIRMED, "core/lease.c", "a lease guards after a contact behind its record")      \
        MUTATION(RELEASED_WITH_GUESTS, "core/lease.c", "a lease is given up when its guests are gone")       \
        MUTATION(KEPT_BY_ONE_LEASE, "core/lease.c", "all leases of a role have to stand")                    \
        MUTATION(LEASES_KEEP_ALL, "core/guard.c", "what no lease guards needs contact")                      \
        MUTATION(KEEPER_TOLD_NO_LEASE, "core/guard.c", "the keeper is told until when leases keep")          \
        MUTATION(KEEPER_TRUSTS_OLD_LEASES, "guard/guard_rule.c", "a lease that has lapsed keeps nothing")    \
        /* the guard's keeper */                                                                             \
        MUTATION(KEEPER_ALWAYS_PETS, "guard/guard_rule.c", "without contact the watchdog fires")             \
        MUTATION(KEEPER_IN_ANY_RING, "guard/guard_rule.c", "only a quorate ring is a contact")               \
        MUTATION(KEEPER_BY_THE_NEW, "guard/guard_rule.c", "while voters change both majorities count")       \
        MUTATION(KEEPER_VOUCHES_UNTOLD, "guard/guard_rule.c", "a new keeper does not know what is stored")   \
        MUTATION(KEEPER_TOLD_LATE, "core/guard.c", "a change is told before it is stored")                   \
        MUTATION(KEEPER_TOLD_NO_START, "core/guard.c", "a later process knows of what was started")          \
        MUTATION(KEEPER_BY_ONE_PROBE, "guard/guard_rule.c", "two probes make a contact")                     \
        MUTATION(KEEPER_ACROSS_RINGS, "guard/guard_rule.c", "a change of the ring throws probes away")

#define MUTATION_ENUMERATOR(name, file, guard) MUTATION_##name,
enum mutation { MUTATION_NONE, MUTATIONS(MUTATION_ENUMERATOR) MUTATION_COUNT };

#ifdef CLU_MUTATIONS
extern enum mutation mutation_chosen; /* of the program that runs the seeds */
#define MUTATED(name) (mutation_chosen == MUTATION_##name)
#else
#define MUTATED(name) (MUTATION_##name == MUTATION_NONE) /* false, of a name that is in the table */
#endif

#endif
