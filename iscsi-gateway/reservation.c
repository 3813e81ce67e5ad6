/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iscsi-gateway/reservation.h"

#include <inttypes.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <stdio.h>
#include <string.h>

#define TYPE        SCSI_PERSISTENT_RESERVE_TYPE_WRITE_EXCLUSIVE_REGISTRANTS_ONLY
#define KEYS_MAX    256
#define REPLY_BYTES (8 + 8 * KEYS_MAX)
#define TRIES       4 /* a session's first commands may be answered by what happened before it */

/* What stands at the LUN. */
struct sight {
        uint32_t generation; /* grows with each change of the keys */
        int count;
        uint64_t keys[KEYS_MAX];
};

enum answer { ANSWER_GOOD, ANSWER_CONFLICT, ANSWER_UNKNOWN, ANSWER_FAILED };

static enum answer answer_of(const struct scsi_task *task)
{
        if (task == NULL)
                return ANSWER_FAILED;
        if (task->status == SCSI_STATUS_GOOD)
                return ANSWER_GOOD;
        if (task->status == SCSI_STATUS_RESERVATION_CONFLICT)
                return ANSWER_CONFLICT;
        return task->status == SCSI_STATUS_CHECK_CONDITION && task->sense.key == SCSI_SENSE_ILLEGAL_REQUEST
                       ? ANSWER_UNKNOWN
                       : ANSWER_FAILED;
}

static bool is_attention(const struct scsi_task *task)
{
        return task != NULL && task->status == SCSI_STATUS_CHECK_CONDITION &&
               task->sense.key == SCSI_SENSE_UNIT_ATTENTION;
}

static void drop(struct scsi_task *task)
{
        if (task != NULL)
                scsi_free_scsi_task(task);
}

static struct scsi_task *ask(struct iscsi_context *iscsi, int lun, enum scsi_persistent_in_sa what)
{
        struct scsi_task *task = NULL;
        for (int i = 0; i < TRIES; i++) {
                drop(task);
                task = iscsi_persistent_reserve_in_sync(iscsi, lun, (int)what, REPLY_BYTES);
                if (!is_attention(task))
                        break;
        }
        return task;
}

static enum answer order(struct iscsi_context *iscsi, int lun, enum scsi_persistent_out_sa what, uint64_t own,
                         uint64_t other)
{
        struct scsi_persistent_reserve_out_basic words = { .reservation_key = own,
                                                           .service_action_reservation_key = other };
        struct scsi_task *task = NULL;
        for (int i = 0; i < TRIES; i++) {
                drop(task);
                task = iscsi_persistent_reserve_out_sync(iscsi, lun, (int)what,
                                                         SCSI_PERSISTENT_RESERVE_SCOPE_LU, TYPE, &words);
                if (!is_attention(task))
                        break;
        }
        enum answer answer = answer_of(task);
        drop(task);
        return answer;
}

static enum answer read_keys(struct iscsi_context *iscsi, int lun, struct sight *ret_sight)
{
        struct scsi_task *task = ask(iscsi, lun, SCSI_PERSISTENT_RESERVE_READ_KEYS);
        enum answer answer = answer_of(task);
        const struct scsi_persistent_reserve_in_read_keys *keys =
                answer == ANSWER_GOOD ? scsi_datain_unmarshall(task) : NULL;
        if (answer == ANSWER_GOOD && (keys == NULL || keys->num_keys > KEYS_MAX))
                answer = ANSWER_FAILED;
        if (answer == ANSWER_GOOD) {
                ret_sight->generation = keys->prgeneration;
                ret_sight->count = keys->num_keys;
                memcpy(ret_sight->keys, keys->keys, (size_t)keys->num_keys * sizeof *keys->keys);
        }
        drop(task);
        return answer;
}

static bool has_key(const struct sight *sight, uint64_t key)
{
        for (int i = 0; i < sight->count; i++)
                if (sight->keys[i] == key)
                        return true;
        return false;
}

static bool is_ours(const struct reservation *reservation, uint64_t key)
{
        return key >> 32 == reservation->key >> 32;
}

/* Two clusters that were pointed at one target by mistake, for instance. */
static bool is_foreign(const struct reservation *reservation, const struct sight *sight,
                       char ret_error[ISCSI_ERROR_SIZE])
{
        for (int i = 0; i < sight->count; i++) {
                if (is_ours(reservation, sight->keys[i]))
                        continue;
                (void)snprintf(ret_error, ISCSI_ERROR_SIZE,
                               "somebody else has registered for it, key %016" PRIx64
                               ": clear that if nobody uses it",
                               sight->keys[i]);
                return true;
        }
        return false;
}

/* *ret_is: whoever holds it: it is the registrations that count. */
static enum answer read_reservation(struct iscsi_context *iscsi, int lun, bool *ret_is)
{
        struct scsi_task *task = ask(iscsi, lun, SCSI_PERSISTENT_RESERVE_READ_RESERVATION);
        enum answer answer = answer_of(task);
        const struct scsi_persistent_reserve_in_read_reservation *held =
                answer == ANSWER_GOOD ? scsi_datain_unmarshall(task) : NULL;
        *ret_is = held != NULL && held->reserved != 0 && held->pr_type == TYPE;
        drop(task);
        return held == NULL ? ANSWER_FAILED : ANSWER_GOOD;
}

static enum answer reserve(uint64_t own, struct iscsi_context *iscsi, int lun)
{
        bool is_reserved;
        if (read_reservation(iscsi, lun, &is_reserved) != ANSWER_GOOD)
                return ANSWER_FAILED;
        return is_reserved ? ANSWER_GOOD : order(iscsi, lun, SCSI_PERSISTENT_RESERVE_RESERVE, own, 0);
}

/* Its key in place of the same: refused to who was preempted. Whatever others register at that moment, who
 * comes back under its ISID then has what it had, if the target keeps that beyond a session. */
static bool still_stands(const struct reservation *reservation, struct iscsi_context *iscsi, int lun)
{
        return reservation->entered && order(iscsi, lun, SCSI_PERSISTENT_RESERVE_REGISTER, reservation->key,
                                             reservation->key) == ANSWER_GOOD;
}

/* What was registered while others changed the keys may be what they have just preempted: it goes again. */
static enum reservation_result register_key(struct reservation *reservation, struct iscsi_context *iscsi,
                                            int lun, const struct sight *before)
{
        struct sight after;
        reservation->registered_anew = true; /* also if its answer is lost */
        if (order(iscsi, lun, SCSI_PERSISTENT_RESERVE_REGISTER_AND_IGNORE_EXISTING_KEY, 0,
                  reservation->key) != ANSWER_GOOD)
                return RESERVATION_AGAIN;
        if (read_keys(iscsi, lun, &after) == ANSWER_GOOD && after.generation == before->generation + 1 &&
            has_key(&after, reservation->key))
                return RESERVATION_DONE;
        (void)order(iscsi, lun, SCSI_PERSISTENT_RESERVE_REGISTER, reservation->key, 0);
        return RESERVATION_AGAIN;
}

/*
 * Its own key is gone. With no key at all the target has forgotten them: it was started anew. Who owns the
 * LUN registers again at once, or it would take the next for its successor; the others let some time pass,
 * and know then that they were forgotten, too. Who has not taken over yet was preempted by who did that
 * late, or by a leader: it may register again, for it has to be confirmed again.
 */
static enum reservation_result miss_key(struct reservation *reservation, const struct sight *sight)
{
        uint64_t now_ms = iscsi_now_ms();
        bool saw_it = reservation->forgotten_ms != 0 &&
                      now_ms < reservation->forgotten_ms + 3 * RESERVATION_BEHIND_MS;
        if (saw_it || (sight->count == 0 && reservation->owns))
                return RESERVATION_DONE;
        if (sight->count > 0)
                return reservation->owns ? RESERVATION_PREEMPTED : RESERVATION_DONE;
        reservation->forgotten_ms = now_ms;
        return RESERVATION_LATER;
}

enum reservation_result reservation_enter(struct reservation *reservation, struct iscsi_context *iscsi,
                                          int lun, char ret_error[ISCSI_ERROR_SIZE])
{
        struct sight sight = { .count = 0 };
        enum reservation_result result;
        enum answer answer = read_keys(iscsi, lun, &sight);
        reservation->supported = reservation->supported || answer == ANSWER_GOOD;
        if (answer == ANSWER_UNKNOWN && !reservation->supported)
                return RESERVATION_DONE;
        if (answer != ANSWER_GOOD)
                return RESERVATION_AGAIN;
        if (!reservation->entered && is_foreign(reservation, &sight, ret_error))
                return RESERVATION_FOREIGN;
        if (reservation->entered && !has_key(&sight, reservation->key) &&
            (result = miss_key(reservation, &sight)) != RESERVATION_DONE)
                return result;
        result = still_stands(reservation, iscsi, lun) ? RESERVATION_DONE
                                                       : register_key(reservation, iscsi, lun, &sight);
        if (result == RESERVATION_DONE && reserve(reservation->key, iscsi, lun) != ANSWER_GOOD)
                result = RESERVATION_AGAIN;
        if (result == RESERVATION_DONE) {
                reservation->entered = true;
                reservation->forgotten_ms = 0;
        }
        return result;
}

/* Not every target knows how to abort what the other has on its way. */
static enum answer preempt(const struct reservation *reservation, struct iscsi_context *iscsi, int lun,
                           uint64_t other)
{
        enum answer answer =
                order(iscsi, lun, SCSI_PERSISTENT_RESERVE_PREEMPT_AND_ABORT, reservation->key, other);
        return answer == ANSWER_UNKNOWN
                       ? order(iscsi, lun, SCSI_PERSISTENT_RESERVE_PREEMPT, reservation->key, other)
                       : answer;
}

enum reservation_result reservation_take(struct reservation *reservation, struct iscsi_context *iscsi,
                                         int lun)
{
        struct sight sight;
        if (!reservation->supported) {
                reservation->owns = true;
                return RESERVATION_DONE;
        }
        for (int i = 0; i < KEYS_MAX; i++) {
                uint64_t other = 0;
                if (read_keys(iscsi, lun, &sight) != ANSWER_GOOD)
                        return RESERVATION_AGAIN;
                for (int at = 0; at < sight.count; at++)
                        if (sight.keys[at] != reservation->key && is_ours(reservation, sight.keys[at]))
                                other = sight.keys[at];
                if (!has_key(&sight, reservation->key))
                        return RESERVATION_AGAIN;
                if (other == 0) {
                        reservation->owns = reserve(reservation->key, iscsi, lun) == ANSWER_GOOD;
                        return reservation->owns ? RESERVATION_DONE : RESERVATION_AGAIN;
                }
                if (preempt(reservation, iscsi, lun, other) == ANSWER_FAILED)
                        return RESERVATION_AGAIN;
        }
        return RESERVATION_AGAIN;
}

enum reservation_result reservation_refused(const struct reservation *reservation)
{
        return reservation->owns ? RESERVATION_PREEMPTED : RESERVATION_AGAIN;
}

/* --- a leader --- */

static int fail(const char *what, char ret_error[ISCSI_ERROR_SIZE])
{
        (void)snprintf(ret_error, ISCSI_ERROR_SIZE, "%s", what);
        return -1;
}

/* 0: it has none. */
static uint64_t key_of(const struct sight *sight, uint64_t own, uint32_t node)
{
        for (int i = 0; i < sight->count; i++)
                if (sight->keys[i] >> 32 == own >> 32 &&
                    (sight->keys[i] >> RESERVATION_NODE_SHIFT & 0xff) == node)
                        return sight->keys[i];
        return 0;
}

int reservation_bar(uint64_t own, uint32_t node, struct iscsi_context *iscsi, int lun, bool *ret_lingers,
                    char ret_error[ISCSI_ERROR_SIZE])
{
        struct sight sight = { .count = 0 };
        enum answer answer = read_keys(iscsi, lun, &sight);
        if (answer != ANSWER_GOOD)
                return fail(answer == ANSWER_UNKNOWN ? "the target knows no reservations"
                                                     : "its keys cannot be read",
                            ret_error);
        if (order(iscsi, lun, SCSI_PERSISTENT_RESERVE_REGISTER_AND_IGNORE_EXISTING_KEY, 0, own) !=
            ANSWER_GOOD)
                return fail("this node cannot register", ret_error);
        uint64_t key = key_of(&sight, own, node);
        for (int i = 0; key != 0 && i < KEYS_MAX; i++) {
                answer = order(iscsi, lun, SCSI_PERSISTENT_RESERVE_PREEMPT_AND_ABORT, own, key);
                if (answer == ANSWER_UNKNOWN) {
                        *ret_lingers = true;
                        answer = order(iscsi, lun, SCSI_PERSISTENT_RESERVE_PREEMPT, own, key);
                }
                if (answer == ANSWER_FAILED || read_keys(iscsi, lun, &sight) != ANSWER_GOOD)
                        return fail("a key cannot be taken away", ret_error);
                key = key_of(&sight, own, node);
        }
        return reserve(own, iscsi, lun) == ANSWER_GOOD ? 0 : fail("it cannot be reserved", ret_error);
}

int reservation_check_bar(uint64_t own, uint32_t node, struct iscsi_context *iscsi, int lun,
                          char ret_error[ISCSI_ERROR_SIZE])
{
        struct sight sight;
        bool is_reserved;
        if (read_keys(iscsi, lun, &sight) != ANSWER_GOOD)
                return fail("its keys cannot be read back", ret_error);
        if (key_of(&sight, own, node) != 0)
                return fail("a key is still there", ret_error);
        if (!has_key(&sight, own))
                return fail("the key of this node is gone again", ret_error);
        if (read_reservation(iscsi, lun, &is_reserved) != ANSWER_GOOD || !is_reserved)
                return fail("it is not reserved", ret_error);
        return 0;
}
