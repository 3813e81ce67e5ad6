/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PID 1 of a lab guest: writes numbered records to its disk for as long as it lives, and notices when
 * somebody else does too. Byte layout and rules: README.md. The checker is clulab/check_disk.py.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

#define SLOT_BYTES 4096
#define SLOTS      16384
/* Slot 0 is the mark's. */
#define LOG_SLOTS    (SLOTS - 1)
#define SCAN_SLOTS   256
#define HEADER_BYTES 96
#define BOOT_BYTES   16
#define INPUTS_MAX   8

static const uint8_t magic[8] = { 'C', 'L', 'U', 'L', 'A', 'B', 0, 1 };

enum record_kind {
        RECORD_DATA = 1,
        RECORD_MARK = 2,
};

enum mark_reason {
        MARK_PREVIOUS_CHANGED = 1,
        MARK_NEXT_TAKEN = 2,
};

struct record {
        uint64_t sequence;
        uint8_t boot[BOOT_BYTES];
        uint64_t counter;
        uint64_t time_ns;
        uint32_t kind;
        uint32_t reason;
        uint8_t other_boot[BOOT_BYTES];
        uint64_t other_sequence;
};

struct writer {
        int disk;
        int interval_ms;
        uint8_t boot[BOOT_BYTES];
        uint64_t next_sequence;
        uint64_t counter;
        bool has_stopped;
        uint8_t *buffer;
};

static void say(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        fputs("guest_writer: ", stdout);
        vprintf(format, arguments);
        puts("");
        fflush(stdout);
        va_end(arguments);
}

static void u32_put(uint8_t *bytes, uint32_t value)
{
        for (int i = 0; i < 4; i++)
                bytes[i] = (uint8_t)(value >> (8 * i));
}

static void u64_put(uint8_t *bytes, uint64_t value)
{
        for (int i = 0; i < 8; i++)
                bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t u32_get(const uint8_t *bytes)
{
        uint32_t value = 0;

        for (int i = 3; i >= 0; i--)
                value = value << 8 | bytes[i];
        return value;
}

static uint64_t u64_get(const uint8_t *bytes)
{
        return (uint64_t)u32_get(bytes + 4) << 32 | u32_get(bytes);
}

/* The CRC-32 of zlib, so that the checker can use Python's. */
static uint32_t crc32_of(const uint8_t *bytes, size_t count)
{
        uint32_t crc = 0xffffffffu;

        for (size_t i = 0; i < count; i++) {
                crc ^= bytes[i];
                for (int bit = 0; bit < 8; bit++)
                        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        }
        return ~crc;
}

static void record_encode(const struct record *record, uint8_t *slot)
{
        memset(slot, 0, SLOT_BYTES);
        memcpy(slot, magic, sizeof(magic));
        u64_put(slot + 8, record->sequence);
        memcpy(slot + 16, record->boot, BOOT_BYTES);
        u64_put(slot + 32, record->counter);
        u64_put(slot + 40, record->time_ns);
        u32_put(slot + 48, record->kind);
        u32_put(slot + 52, record->reason);
        memcpy(slot + 56, record->other_boot, BOOT_BYTES);
        u64_put(slot + 72, record->other_sequence);
        u32_put(slot + 92, crc32_of(slot, 92));
        for (size_t at = HEADER_BYTES; at < SLOT_BYTES; at += 8)
                u64_put(slot + at, record->sequence);
}

/* The body is the checker's to look at: a boot's scan of a full log must stay short. */
static bool record_decode(const uint8_t *slot, struct record *ret_record)
{
        if (memcmp(slot, magic, sizeof(magic)) || u32_get(slot + 92) != crc32_of(slot, 92))
                return false;
        ret_record->sequence = u64_get(slot + 8);
        memcpy(ret_record->boot, slot + 16, BOOT_BYTES);
        ret_record->counter = u64_get(slot + 32);
        ret_record->time_ns = u64_get(slot + 40);
        ret_record->kind = u32_get(slot + 48);
        ret_record->reason = u32_get(slot + 52);
        memcpy(ret_record->other_boot, slot + 56, BOOT_BYTES);
        ret_record->other_sequence = u64_get(slot + 72);
        return true;
}

static uint64_t slot_of(uint64_t sequence)
{
        return 1 + sequence % LOG_SLOTS;
}

/* A disk that fails or hangs is tried again for ever: a paused guest goes on where it was. */
static void slots_read(struct writer *writer, uint64_t slot, size_t count)
{
        while (pread(writer->disk, writer->buffer, count * SLOT_BYTES, (off_t)(slot * SLOT_BYTES)) !=
               (ssize_t)(count * SLOT_BYTES)) {
                say("cannot read slot %llu: %s", (unsigned long long)slot, strerror(errno));
                sleep(1);
        }
}

static void slot_write(struct writer *writer, uint64_t slot, const struct record *record)
{
        record_encode(record, writer->buffer);
        while (pwrite(writer->disk, writer->buffer, SLOT_BYTES, (off_t)(slot * SLOT_BYTES)) != SLOT_BYTES) {
                say("cannot write slot %llu: %s", (unsigned long long)slot, strerror(errno));
                sleep(1);
        }
}

static uint64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Proof of a second writer: say so where it outlives us, and write nothing more. */
static void writer_mark(struct writer *writer, enum mark_reason reason, const struct record *other)
{
        struct record mark = {
                .sequence = writer->next_sequence,
                .counter = writer->counter,
                .time_ns = now_ns(),
                .kind = RECORD_MARK,
                .reason = reason,
        };

        memcpy(mark.boot, writer->boot, BOOT_BYTES);
        if (other) {
                memcpy(mark.other_boot, other->boot, BOOT_BYTES);
                mark.other_sequence = other->sequence;
        }
        slot_write(writer, 0, &mark);
        writer->has_stopped = true;
        say("INTERLEAVED at sequence %llu, reason %d", (unsigned long long)writer->next_sequence,
            (int)reason);
}

/* Go on after the highest sequence found anywhere in the log. */
static void writer_scan(struct writer *writer)
{
        struct record record;

        slots_read(writer, 0, 1);
        if (record_decode(writer->buffer, &record)) {
                writer->has_stopped = true;
                say("the disk is marked as interleaved; nothing is written");
        }
        for (uint64_t slot = 0; slot < SLOTS; slot += SCAN_SLOTS) {
                slots_read(writer, slot, SCAN_SLOTS);
                for (size_t i = slot ? 0 : 1; i < SCAN_SLOTS; i++)
                        if (record_decode(writer->buffer + i * SLOT_BYTES, &record) &&
                            record.sequence >= writer->next_sequence)
                                writer->next_sequence = record.sequence + 1;
        }
}

/* Our own last record must still be there. */
static bool writer_previous_is_ours(struct writer *writer)
{
        struct record found;
        uint64_t sequence = writer->next_sequence - 1;

        if (writer->counter == 0)
                return true;
        slots_read(writer, slot_of(sequence), 1);
        if (!record_decode(writer->buffer, &found)) {
                writer_mark(writer, MARK_PREVIOUS_CHANGED, NULL);
                return false;
        }
        if (found.sequence == sequence && !memcmp(found.boot, writer->boot, BOOT_BYTES))
                return true;
        writer_mark(writer, MARK_PREVIOUS_CHANGED, &found);
        return false;
}

/* The slot we are about to fill may hold the record of one round earlier, nothing newer. */
static bool writer_next_is_free(struct writer *writer)
{
        struct record found;

        slots_read(writer, slot_of(writer->next_sequence), 1);
        if (!record_decode(writer->buffer, &found) || found.sequence < writer->next_sequence)
                return true;
        writer_mark(writer, MARK_NEXT_TAKEN, &found);
        return false;
}

static void writer_step(struct writer *writer)
{
        struct record record = { .kind = RECORD_DATA };

        if (writer->has_stopped || !writer_previous_is_ours(writer) || !writer_next_is_free(writer))
                return;
        record.sequence = writer->next_sequence;
        record.counter = writer->counter;
        record.time_ns = now_ns();
        memcpy(record.boot, writer->boot, BOOT_BYTES);
        slot_write(writer, slot_of(record.sequence), &record);
        writer->next_sequence++;
        writer->counter++;
}

static size_t inputs_open(struct pollfd *inputs)
{
        size_t count = 0;

        for (int i = 0; i < INPUTS_MAX; i++) {
                char path[32];
                int fd;

                snprintf(path, sizeof(path), "/dev/input/event%d", i);
                fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
                if (fd >= 0)
                        inputs[count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
        }
        return count;
}

static bool power_key_was_pressed(struct pollfd *inputs, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                struct input_event event;

                while (inputs[i].revents && read(inputs[i].fd, &event, sizeof(event)) == sizeof(event))
                        if (event.type == EV_KEY && event.code == KEY_POWER && event.value)
                                return true;
        }
        return false;
}

static int64_t monotonic_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for the next write while listening to the power button. */
static void pause_until(int64_t deadline_ms, struct pollfd *inputs, size_t count)
{
        int64_t left;

        while ((left = deadline_ms - monotonic_ms()) > 0) {
                if (poll(inputs, count, (int)left) <= 0)
                        continue;
                if (power_key_was_pressed(inputs, count)) {
                        say("power button");
                        reboot(RB_POWER_OFF);
                }
        }
}

static void writer_open(struct writer *writer, const char *path)
{
        while ((writer->disk = open(path, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC)) < 0) {
                say("%s: %s", path, strerror(errno));
                sleep(1);
        }
        if (posix_memalign((void **)&writer->buffer, SLOT_BYTES, SCAN_SLOTS * SLOT_BYTES))
                abort();
        while (getrandom(writer->boot, BOOT_BYTES, 0) != BOOT_BYTES)
                continue;
}

int main(int argc, char **argv)
{
        struct pollfd inputs[INPUTS_MAX];
        struct writer writer = { 0 };
        size_t count = inputs_open(inputs);

        if (argc != 3)
                return 2;
        writer.interval_ms = atoi(argv[2]);
        writer_open(&writer, argv[1]);
        writer_scan(&writer);
        say("boot %02x%02x%02x%02x goes on at sequence %llu", writer.boot[0], writer.boot[1], writer.boot[2],
            writer.boot[3], (unsigned long long)writer.next_sequence);
        for (;;) {
                int64_t next_ms = monotonic_ms() + writer.interval_ms;

                writer_step(&writer);
                pause_until(next_ms, inputs, count);
        }
}
