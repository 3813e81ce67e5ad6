# SPDX-License-Identifier: GPL-2.0-or-later
"""Proof from a guest's disk alone that no two guests ever wrote to it at the same time.

The guest (guest_writer.c) writes records of increasing sequence number, each with the random id of its
boot and a counter that starts at 0 with that boot. If the guest ran only once at a time, then along the
sequence each boot is one unbroken run. The layout is in README.md.
"""

import struct
import zlib

SLOTS = 16384
SLOT_BYTES = 4096
LOG_SLOTS = SLOTS - 1
HEADER_BYTES = 96
BODY_WORDS = (SLOT_BYTES - HEADER_BYTES) // 8
MAGIC = b"CLULAB\x00\x01"
KIND_DATA = 1
KIND_MARK = 2
MARK_REASONS = {1: "its last record was replaced", 2: "the slot to write next held a newer record"}

_HEADER = struct.Struct("<8sQ16sQQII16sQ12xI")
assert _HEADER.size == HEADER_BYTES


class Record:
    """One decoded slot."""

    def __init__(self, fields, is_torn):
        self.sequence, boot, self.counter, self.time_ns = fields[1:5]
        self.kind, self.reason, other, self.other_sequence = fields[5:9]
        self.boot = boot.hex()
        self.other_boot = other.hex()
        self.is_torn = is_torn

    def __str__(self):
        return f"sequence {self.sequence} (boot {self.boot[:8]}, counter {self.counter})"


class Report:
    """What the disk says; `problems` is empty when all is well."""

    def __init__(self):
        self.problems = []
        self.boots = []
        self.records = 0
        self.first = None
        self.last = None

    def is_ok(self):
        """No sign of a second writer."""
        return not self.problems

    def as_dict(self):
        """For --json."""
        return {
            "schema": "clu-lab/check-disk/1",
            "ok": self.is_ok(),
            "problems": self.problems,
            "boots": self.boots,
            "records": self.records,
            "first_sequence": self.first.sequence if self.first else None,
            "last_sequence": self.last.sequence if self.last else None,
            "last_time_ns": self.last.time_ns if self.last else None,
            "current_boot": self.last.boot if self.last else None,
        }


def encode(sequence, boot, counter, time_ns=0, kind=KIND_DATA, reason=0, other=bytes(16), other_sequence=0):
    """A slot's bytes; the guest's C code does the same. Here for tests."""
    header = _HEADER.pack(MAGIC, sequence, boot, counter, time_ns, kind, reason, other, other_sequence, 0)
    header = header[:-4] + struct.pack("<I", zlib.crc32(header[:-4]))
    return header + struct.pack("<Q", sequence) * BODY_WORDS


def decode(slot):
    """The record in a slot's bytes, or None when it was never written (or its header is torn)."""
    header = slot[:HEADER_BYTES]
    if not header.startswith(MAGIC) or zlib.crc32(header[:-4]) != struct.unpack("<I", header[-4:])[0]:
        return None
    fields = _HEADER.unpack(header)
    return Record(fields, slot[HEADER_BYTES:] != struct.pack("<Q", fields[1]) * BODY_WORDS)


def slot_of(sequence):
    """Slot 0 is the mark's; the log goes round in the rest."""
    return 1 + sequence % LOG_SLOTS


def read_records(stream):
    """(mark or None, data records by slot, problems) of a whole image."""
    mark = None
    records = []
    problems = []
    for slot in range(SLOTS):
        block = stream.read(SLOT_BYTES)
        if len(block) < SLOT_BYTES:
            problems.append(f"the image ends at slot {slot} of {SLOTS}")
            break
        record = decode(block)
        if slot == 0:
            mark = record
        elif record is not None:
            if slot_of(record.sequence) != slot:
                problems.append(f"slot {slot} holds {record}, which belongs into slot {slot_of(record.sequence)}")
            records.append(record)
        elif any(block[:HEADER_BYTES]):
            problems.append(f"slot {slot} holds neither a record nor zeros")
    return mark, records, problems


def check_stream(stream):
    """Everything that one image can tell."""
    report = Report()
    mark, records, report.problems = read_records(stream)
    if mark is not None:
        reason = MARK_REASONS.get(mark.reason, f"reason {mark.reason}")
        report.problems.append(
            f"INTERLEAVED mark: boot {mark.boot[:8]} stopped before {mark.sequence}, {reason}"
            f" (boot {mark.other_boot[:8]}, sequence {mark.other_sequence})"
        )
    records.sort(key=lambda record: record.sequence)
    report.records = len(records)
    if records:
        report.first, report.last = records[0], records[-1]
        check_run(records, report)
    return report


def check_run(records, report):
    """Along the sequence: no gap, no boot twice, every counter without a jump and from 0."""
    wrapped = records[-1].sequence >= LOG_SLOTS
    expected_first = records[-1].sequence - LOG_SLOTS + 1 if wrapped else 0
    if records[0].sequence != expected_first:
        report.problems.append(f"the log starts at sequence {records[0].sequence}, not {expected_first}")
    previous = None
    for record in records:
        if record.is_torn:
            report.problems.append(f"{record} is torn: its body belongs to another record")
        if previous is None:
            check_boot_start(record, report, may_be_inside=wrapped)
        elif record.sequence != previous.sequence + 1:
            report.problems.append(f"gap: {record} follows {previous}")
            note_boot(record, report)
        elif record.boot != previous.boot:
            check_boot_start(record, report, may_be_inside=False)
        elif record.counter != previous.counter + 1:
            report.problems.append(f"counter jumps: {record} follows {previous}")
        previous = record


def check_boot_start(record, report, may_be_inside):
    """A boot begins at counter 0, and only once."""
    if record.boot in report.boots:
        report.problems.append(f"boot {record.boot[:8]} writes again at {record}: two writers at once")
    if record.counter != 0 and not may_be_inside:
        report.problems.append(f"boot {record.boot[:8]} starts with {record}: its first records were overwritten")
    note_boot(record, report)


def note_boot(record, report):
    """Boots in the order of their first record."""
    if record.boot not in report.boots:
        report.boots.append(record.boot)


def check_image(path):
    """Check a file. A guest may be writing meanwhile, so only what is seen twice counts as a problem:
    a read that takes longer than a write may see a later record without the one before it."""
    report = None
    seen = None
    for _ in range(3):
        with open(path, "rb") as stream:
            report = check_stream(stream)
        if report.is_ok() or report.problems == seen:
            break
        seen = report.problems
    return report
