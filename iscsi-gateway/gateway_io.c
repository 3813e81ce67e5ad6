/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iscsi-gateway/gateway_io.h"

#include <assert.h>
#include <errno.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "iscsi-gateway/reservation.h"

#define OPEN_MS  8000
#define AGAIN_MS 500   /* between two tries to get a session */
#define BUSY_MS  20    /* the target takes no more just now */
#define WAIT_MS  60000 /* for the guest: nobody comes any more, then */
#define LAST_MS  1000  /* for a guest to say that its disk is gone */
#define TICK_MS  500   /* libiscsi looks for commands that take too long when it is called */

struct request {
        TAILQ_ENTRY(request) link;
        struct gateway_io *io;
        enum io_kind kind;
        void *bytes;
        uint32_t count;
        uint64_t offset;
        bool durable;
        bool ended;
        int error;
};
TAILQ_HEAD(request_list, request);

struct gateway_io {
        struct iscsi_place place;
        int lun;
        uint32_t random; /* of the ISID: the same for each session of this process */
        uint64_t blocks;
        uint32_t block_size;
        int wake_fd;

        pthread_mutex_t lock;
        pthread_cond_t ended;        /* of any request */
        struct request_list waiting; /* to be sent */
        int user_fd;                 /* pidfd of who uses it; -1: nobody yet */

        /* Of the thread. */
        struct iscsi_context *iscsi; /* NULL: no session, nor one on its way */
        struct reservation reservation;
        struct confirmation confirmation;
        bool is_open;
        bool is_entered; /* in this session */
        bool is_broken;
        bool is_preempted;     /* for ever: nothing is asked of the target any more */
        uint64_t preempted_ms; /* since when that is known; 0: not */
        uint64_t next_ms;      /* of the next try, or when what was refused is sent again */
        uint64_t open_by_ms;
        uint64_t started_ms;
};

/* Nothing is flushed, nothing is said: what was not answered shall not reach the disk any more. */
static void end(void)
{
        _exit(EXIT_SUCCESS);
}

static int read_capacity(struct gateway_io *io, char ret_error[ISCSI_ERROR_SIZE])
{
        struct scsi_task *task = iscsi_readcapacity16_sync(io->iscsi, io->lun);
        const struct scsi_readcapacity16 *capacity =
                task == NULL || task->status != SCSI_STATUS_GOOD ? NULL : scsi_datain_unmarshall(task);
        if (capacity == NULL) {
                iscsi_session_error(io->iscsi, ret_error);
        } else {
                io->blocks = capacity->returned_lba + 1;
                io->block_size = capacity->block_length;
        }
        if (task != NULL)
                scsi_free_scsi_task(task);
        return capacity == NULL ? -1 : 0;
}

static void release(struct gateway_io *io)
{
        if (io->iscsi != NULL)
                (void)iscsi_destroy_context(io->iscsi);
        if (io->wake_fd >= 0)
                (void)close(io->wake_fd);
        free(io);
}

/* Of the first session: what cannot be said of the LUN's reservation now is a reason not to start. */
static int enter_first(struct gateway_io *io, bool takes, char ret_error[ISCSI_ERROR_SIZE])
{
        enum reservation_result result = reservation_enter(&io->reservation, io->iscsi, io->lun, ret_error);
        if (result == RESERVATION_DONE && io->reservation.registered_anew &&
            !confirmation_wait(&io->confirmation, OPEN_MS)) {
                (void)snprintf(ret_error, ISCSI_ERROR_SIZE,
                               "the cluster did not confirm within %u s that this node may write to it",
                               OPEN_MS / 1000);
                return -1;
        }
        io->reservation.registered_anew = false;
        if (result == RESERVATION_DONE && takes)
                result = reservation_take(&io->reservation, io->iscsi, io->lun);
        if (result != RESERVATION_DONE && result != RESERVATION_FOREIGN)
                (void)snprintf(
                        ret_error, ISCSI_ERROR_SIZE,
                        "cannot register for it: the target refuses that, or others do at the same time");
        io->is_entered = result == RESERVATION_DONE;
        return io->is_entered ? 0 : -1;
}

struct gateway_io *gateway_io_open(const struct iscsi_place *place, int lun, uint64_t key, bool takes,
                                   const struct confirmation *confirmation, char ret_error[ISCSI_ERROR_SIZE])
{
        struct gateway_io *io = calloc(1, sizeof *io);
        assert(io != NULL);
        io->place = *place;
        io->lun = lun;
        io->reservation.key = key;
        io->confirmation = *confirmation;
        io->confirmation.fd = -1;
        io->user_fd = -1;
        io->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        (void)pthread_mutex_init(&io->lock, NULL);
        (void)pthread_cond_init(&io->ended, NULL);
        TAILQ_INIT(&io->waiting);
        ssize_t count = getrandom(&io->random, sizeof io->random, 0);
        assert(count == (ssize_t)sizeof io->random);
        io->iscsi = iscsi_session_new(place, io->random);
        assert(io->iscsi != NULL);
        if (iscsi_session_open(io->iscsi, place, lun, OPEN_MS, ret_error) < 0 ||
            read_capacity(io, ret_error) < 0 || enter_first(io, takes, ret_error) < 0) {
                release(io);
                return NULL;
        }
        io->is_open = true;
        return io;
}

uint64_t gateway_io_size(const struct gateway_io *io)
{
        return io->blocks * io->block_size;
}

uint32_t gateway_io_block_size(const struct gateway_io *io)
{
        return io->block_size;
}

static void finish(struct request *request, int error)
{
        struct gateway_io *io = request->io;
        (void)pthread_mutex_lock(&io->lock);
        request->ended = true;
        request->error = error;
        (void)pthread_cond_broadcast(&io->ended);
        (void)pthread_mutex_unlock(&io->lock);
}

/* It has had no answer: it is asked again, in the order of asking. */
static void put_back(struct request *request)
{
        (void)pthread_mutex_lock(&request->io->lock);
        TAILQ_INSERT_TAIL(&request->io->waiting, request, link);
        (void)pthread_mutex_unlock(&request->io->lock);
}

static void note(struct gateway_io *io, enum reservation_result result)
{
        io->is_broken |= result == RESERVATION_AGAIN || result == RESERVATION_LATER;
        io->is_preempted |= result == RESERVATION_PREEMPTED || result == RESERVATION_FOREIGN;
}

static void on_answer(struct iscsi_context *iscsi, int status, void *data, void *context)
{
        struct request *request = context;
        struct gateway_io *io = request->io;
        struct scsi_task *task = data;
        (void)iscsi;
        if (status == SCSI_STATUS_GOOD) {
                finish(request, 0);
        } else if (status == SCSI_STATUS_CHECK_CONDITION && task->sense.key != SCSI_SENSE_UNIT_ATTENTION) {
                finish(request, task->sense.key == SCSI_SENSE_DATA_PROTECTION ? EROFS : EIO);
        } else if (status == SCSI_STATUS_RESERVATION_CONFLICT) {
                note(io, reservation_refused(&io->reservation));
                if (io->is_preempted)
                        finish(request, EPERM);
                else
                        put_back(request);
        } else {
                bool is_refused = status == SCSI_STATUS_BUSY || status == SCSI_STATUS_TASK_SET_FULL;
                if (is_refused)
                        io->next_ms = iscsi_now_ms() + BUSY_MS;
                io->is_broken |= !is_refused && status != SCSI_STATUS_CHECK_CONDITION;
                put_back(request);
        }
        scsi_free_scsi_task(task);
}

static bool send_one(struct gateway_io *io, struct request *request)
{
        struct scsi_task *task = NULL;
        uint64_t block = request->offset / io->block_size;
        int size = (int)io->block_size;
        switch (request->kind) {
        case IO_READ:
                task = iscsi_read16_task(io->iscsi, io->lun, block, request->count, size, 0, 0, 0, 0, 0,
                                         on_answer, request);
                if (task != NULL)
                        (void)scsi_task_add_data_in_buffer(task, (int)request->count, request->bytes);
                break;
        case IO_WRITE:
                task = iscsi_write16_task(io->iscsi, io->lun, block, request->bytes, request->count, size, 0,
                                          0, request->durable, 0, 0, on_answer, request);
                break;
        case IO_FLUSH:
                task = iscsi_synchronizecache16_task(io->iscsi, io->lun, 0, 0, 0, 0, on_answer, request);
                break;
        }
        return task != NULL;
}

static struct request *take_waiting(struct gateway_io *io)
{
        (void)pthread_mutex_lock(&io->lock);
        struct request *request = TAILQ_FIRST(&io->waiting);
        if (request != NULL)
                TAILQ_REMOVE(&io->waiting, request, link);
        (void)pthread_mutex_unlock(&io->lock);
        return request;
}

static bool may_send(const struct gateway_io *io)
{
        return io->is_open && io->is_entered && !io->reservation.registered_anew && !io->is_broken &&
               !io->is_preempted && iscsi_now_ms() >= io->next_ms;
}

static void send_waiting(struct gateway_io *io)
{
        struct request *request;
        while (may_send(io) && (request = take_waiting(io)) != NULL) {
                if (request->kind == IO_WRITE && !io->reservation.owns)
                        note(io, reservation_take(&io->reservation, io->iscsi, io->lun));
                if (may_send(io) && send_one(io, request))
                        continue;
                io->is_broken |= may_send(io);
                put_back(request);
        }
}

/* Whoever asks hears that the disk is not theirs any more, and is ended soon after: the guest cannot go on,
 * and what it says on the network may be said by another already. */
static void refuse_waiting(struct gateway_io *io)
{
        struct request *request;
        uint64_t now_ms = iscsi_now_ms();
        while ((request = take_waiting(io)) != NULL)
                finish(request, EPERM);
        (void)pthread_mutex_lock(&io->lock);
        if (io->preempted_ms == 0)
                io->preempted_ms = now_ms;
        else if (io->user_fd >= 0 && now_ms >= io->preempted_ms + LAST_MS)
                (void)syscall(SYS_pidfd_send_signal, io->user_fd, SIGKILL, NULL, 0);
        (void)pthread_mutex_unlock(&io->lock);
}

/* What is on its way comes back by on_answer, as having had none. */
static void drop_session(struct gateway_io *io)
{
        if (io->iscsi != NULL)
                (void)iscsi_destroy_context(io->iscsi);
        io->iscsi = NULL;
        io->is_open = false;
        io->is_entered = false;
        io->is_broken = false;
        io->next_ms = iscsi_now_ms() + (io->reservation.forgotten_ms == 0 ? AGAIN_MS : RESERVATION_BEHIND_MS);
}

static void on_open(struct iscsi_context *iscsi, int status, void *data, void *context)
{
        struct gateway_io *io = context;
        (void)data;
        io->is_open = status == SCSI_STATUS_GOOD;
        io->is_broken |= !io->is_open;
        if (io->is_open)
                iscsi_session_let_go(iscsi);
}

static void begin_session(struct gateway_io *io)
{
        io->iscsi = iscsi_session_new(&io->place, io->random);
        assert(io->iscsi != NULL);
        io->open_by_ms = iscsi_now_ms() + OPEN_MS;
        io->is_broken = iscsi_session_begin(io->iscsi, &io->place, io->lun, on_open, io) != 0;
}

/* True when it has to be begun anew. */
static bool is_lost(struct gateway_io *io)
{
        return io->is_broken || iscsi_get_fd(io->iscsi) < 0 ||
               (!io->is_open && iscsi_now_ms() >= io->open_by_ms);
}

static int user_fd(struct gateway_io *io)
{
        (void)pthread_mutex_lock(&io->lock);
        int fd = io->user_fd;
        (void)pthread_mutex_unlock(&io->lock);
        return fd;
}

static void wait_and_serve(struct gateway_io *io)
{
        enum { WAKE, USER, SESSION, CONFIRMATION, COUNT };
        uint64_t ignored;
        struct pollfd fds[COUNT] = {
                [WAKE] = { .fd = io->wake_fd, .events = POLLIN },
                [USER] = { .fd = user_fd(io), .events = POLLIN },
                [SESSION] = { .fd = io->iscsi == NULL ? -1 : iscsi_get_fd(io->iscsi),
                              .events = io->iscsi == NULL ? 0 : (short)iscsi_which_events(io->iscsi) },
                [CONFIRMATION] = { .fd = io->confirmation.fd, .events = POLLIN },
        };
        uint64_t now_ms = iscsi_now_ms();
        bool is_due_soon = io->next_ms > now_ms && io->next_ms < now_ms + TICK_MS;
        int count = poll(fds, COUNT, is_due_soon ? (int)(io->next_ms - now_ms) : TICK_MS);
        if (count > 0 && (fds[USER].revents & POLLIN) != 0)
                end();
        if (fds[USER].fd < 0 && iscsi_now_ms() >= io->started_ms + WAIT_MS)
                end();
        if (count > 0 && (fds[WAKE].revents & POLLIN) != 0)
                (void)!read(io->wake_fd, &ignored, sizeof ignored);
        if (io->iscsi != NULL && iscsi_service(io->iscsi, count > 0 ? fds[SESSION].revents : 0) < 0)
                io->is_broken = true;
}

static void enter(struct gateway_io *io)
{
        char ignored[ISCSI_ERROR_SIZE];
        enum reservation_result result = reservation_enter(&io->reservation, io->iscsi, io->lun, ignored);
        io->is_entered = result == RESERVATION_DONE;
        note(io, result);
        confirmation_begin(&io->confirmation);
}

static void *run(void *context)
{
        struct gateway_io *io = context;
        for (;;) {
                if (io->iscsi != NULL && (is_lost(io) || io->is_preempted))
                        drop_session(io);
                if (io->iscsi == NULL && !io->is_preempted && iscsi_now_ms() >= io->next_ms)
                        begin_session(io);
                if (io->is_open && !io->is_entered && !io->is_broken)
                        enter(io);
                if (io->is_entered && io->reservation.registered_anew &&
                    confirmation_step(&io->confirmation, iscsi_now_ms()))
                        io->reservation.registered_anew = false;
                send_waiting(io);
                if (io->is_preempted)
                        refuse_waiting(io);
                wait_and_serve(io);
        }
        return NULL;
}

int gateway_io_start(struct gateway_io *io)
{
        pthread_t thread;
        io->started_ms = iscsi_now_ms();
        return pthread_create(&thread, NULL, run, io);
}

static void wake(struct gateway_io *io)
{
        const uint64_t one = 1;
        (void)!write(io->wake_fd, &one, sizeof one);
}

bool gateway_io_serve(struct gateway_io *io, int64_t pid)
{
        int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
        if (fd < 0)
                return false;
        (void)pthread_mutex_lock(&io->lock);
        io->user_fd = fd;
        (void)pthread_mutex_unlock(&io->lock);
        wake(io);
        return true;
}

int gateway_io_do(struct gateway_io *io, enum io_kind kind, void *bytes, uint32_t count, uint64_t offset,
                  bool durable)
{
        struct request request = {
                .io = io, .kind = kind, .bytes = bytes, .count = count, .offset = offset, .durable = durable
        };
        put_back(&request);
        wake(io);
        (void)pthread_mutex_lock(&io->lock);
        while (!request.ended)
                (void)pthread_cond_wait(&io->ended, &io->lock);
        (void)pthread_mutex_unlock(&io->lock);
        return request.error;
}
