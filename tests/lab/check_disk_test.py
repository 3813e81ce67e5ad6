#!/usr/bin/python3 -IS
# SPDX-License-Identifier: GPL-2.0-or-later
"""The checker against disks made by hand. Needs neither root nor a lab."""

import io
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from clulab import check_disk  # noqa: E402
from clulab.check_disk import KIND_MARK, LOG_SLOTS, SLOT_BYTES, SLOTS, encode, slot_of  # noqa: E402

A, B, C = (bytes([byte]) * 16 for byte in b"abc")


class Disk:
    """An image in memory that remembers who wrote last, as the guest's writer does."""

    def __init__(self):
        self.image = bytearray(SLOTS * SLOT_BYTES)
        self.next_sequence = 0
        self.counters = {}

    def put(self, sequence, boot, counter):
        """One record wherever its sequence belongs."""
        self.put_slot(slot_of(sequence), encode(sequence, boot, counter))

    def put_slot(self, slot, content):
        """Raw bytes."""
        self.image[slot * SLOT_BYTES:slot * SLOT_BYTES + len(content)] = content

    def write(self, boot, count):
        """COUNT records of one boot, one after the other."""
        for _ in range(count):
            counter = self.counters.get(boot, 0)
            self.put(self.next_sequence, boot, counter)
            self.counters[boot] = counter + 1
            self.next_sequence += 1
        return self

    def report(self):
        """What the checker says."""
        return check_disk.check_stream(io.BytesIO(self.image))


class WholeDisk(unittest.TestCase):
    """Disks that one guest at a time wrote."""

    def require_ok(self, disk, boots, records):
        report = disk.report()
        self.assertEqual(report.problems, [])
        self.assertEqual(report.boots, [boot.hex() for boot in boots])
        self.assertEqual(report.records, records)
        return report

    def test_an_empty_disk_is_whole(self):
        report = self.require_ok(Disk(), [], 0)
        self.assertIsNone(report.as_dict()["current_boot"])

    def test_one_boot(self):
        report = self.require_ok(Disk().write(A, 5), [A], 5)
        self.assertEqual(report.as_dict()["last_sequence"], 4)

    def test_boots_after_each_other(self):
        report = self.require_ok(Disk().write(A, 5).write(B, 3).write(C, 1), [A, B, C], 9)
        self.assertEqual(report.as_dict()["current_boot"], C.hex())

    def test_a_full_log(self):
        self.require_ok(Disk().write(A, LOG_SLOTS), [A], LOG_SLOTS)

    def test_a_log_that_went_round(self):
        report = self.require_ok(Disk().write(A, LOG_SLOTS - 2).write(B, 10), [A, B], LOG_SLOTS)
        self.assertEqual(report.first.sequence, 8)

    def test_a_log_whose_first_boot_was_overwritten(self):
        self.require_ok(Disk().write(A, 10).write(B, LOG_SLOTS), [B], LOG_SLOTS)


class BrokenDisk(unittest.TestCase):
    """Disks that prove a second writer, or a lost write."""

    def require_problem(self, disk, words):
        problems = disk.report().problems
        self.assertTrue(any(words in problem for problem in problems), f"no '{words}' in {problems}")

    def test_two_boots_taking_turns(self):
        disk = Disk().write(A, 3).write(B, 2).write(A, 1)
        self.require_problem(disk, "two writers at once")

    def test_two_boots_taking_turns_around_the_end_of_the_log(self):
        disk = Disk().write(A, LOG_SLOTS - 1).write(B, 2).write(A, 2)
        self.require_problem(disk, "two writers at once")

    def test_a_late_record_of_the_old_boot_over_the_new_boots_first(self):
        disk = Disk().write(A, 5).write(B, 4)
        disk.put(5, A, 5)
        self.require_problem(disk, "its first records were overwritten")

    def test_a_late_record_of_the_old_boot_within_the_new_boots_run(self):
        disk = Disk().write(A, 5).write(B, 4)
        disk.put(7, A, 7)
        self.require_problem(disk, "two writers at once")

    def test_a_late_record_of_the_old_boot_at_the_end(self):
        disk = Disk().write(A, 5).write(B, 4)
        disk.put(9, A, 5)
        self.require_problem(disk, "two writers at once")

    def test_a_lost_record(self):
        disk = Disk().write(A, 5)
        disk.put_slot(slot_of(2), bytes(SLOT_BYTES))
        self.require_problem(disk, "gap")

    def test_lost_first_records(self):
        disk = Disk().write(A, 5)
        disk.put_slot(slot_of(0), bytes(SLOT_BYTES))
        self.require_problem(disk, "the log starts at sequence 1, not 0")

    def test_an_old_record_left_in_a_log_that_went_round(self):
        disk = Disk().write(A, LOG_SLOTS + 20)
        disk.put(10, A, 10)
        self.require_problem(disk, "gap")

    def test_a_counter_that_jumps(self):
        disk = Disk().write(A, 3)
        disk.put(3, A, 7)
        self.require_problem(disk, "counter jumps")

    def test_a_boot_that_does_not_begin_at_zero(self):
        disk = Disk().write(A, 3)
        disk.put(3, B, 1)
        self.require_problem(disk, "boot 62626262 starts with")

    def test_the_guests_own_mark(self):
        disk = Disk().write(A, 3)
        disk.put_slot(0, encode(3, A, 3, kind=KIND_MARK, reason=1, other=B, other_sequence=2))
        self.require_problem(disk, "INTERLEAVED mark: boot 61616161 stopped before 3")

    def test_a_torn_body(self):
        disk = Disk().write(A, 3)
        disk.image[slot_of(1) * SLOT_BYTES + 2048] ^= 1
        self.require_problem(disk, "is torn")

    def test_every_bit_of_a_header(self):
        for bit in range(check_disk.HEADER_BYTES * 8):
            with self.subTest(bit=bit):
                slot = bytearray(encode(7, A, 7))
                slot[bit // 8] ^= 1 << bit % 8
                self.assertIsNone(check_disk.decode(bytes(slot)))

    def test_a_record_in_the_wrong_slot(self):
        disk = Disk().write(A, 3)
        disk.put_slot(9, encode(3, A, 3))
        self.require_problem(disk, "which belongs into slot 4")

    def test_a_short_image(self):
        report = check_disk.check_stream(io.BytesIO(Disk().write(A, 3).image[:SLOT_BYTES * 8]))
        self.assertEqual(report.problems, ["the image ends at slot 8 of 16384"])


class Live(unittest.TestCase):
    """The checker and the guest's own program agree on the bytes."""

    def test_round_trip(self):
        record = check_disk.decode(encode(2**40, B, 12, 99, KIND_MARK, 2, A, 2**41))
        self.assertEqual(
            (record.sequence, record.boot, record.counter, record.time_ns, record.kind, record.reason,
             record.other_boot, record.other_sequence, record.is_torn),
            (2**40, B.hex(), 12, 99, KIND_MARK, 2, A.hex(), 2**41, False),
        )


if __name__ == "__main__":
    unittest.main()
