# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of the tests, in the order in which they were begun, whichever ended first."""

import dataclasses
import time

SLOWEST = 10


@dataclasses.dataclass
class Result:
    """Of one test: passed, failed or skipped, and the lines that say more; KEEPS_LAB when its lab is to stay."""

    name: str
    outcome: str
    lines: list
    seconds: float = 0.0
    figures: str = ""
    keeps_lab: bool = False


def processor_ticks():
    """Of all processors since the machine was started: how many went to work, and all."""
    with open("/proc/stat", encoding="ascii") as stream:
        user, nice, system, idle, waiting, *interrupts = map(int, stream.readline().split()[1:9])
    work = user + nice + system + sum(interrupts)
    return work, work + idle + waiting


class Report:
    """Prints the results of NAMES in that order, each whole and as soon as all before it are there."""

    def __init__(self, names):
        self.names = names
        self.told = 0
        self.found = {}
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.started, self.ticks = time.monotonic(), processor_ticks()
        self.begin()

    def begin(self):
        """The next one's line: it may take a while."""
        if self.told < len(self.names):
            print(f"{self.names[self.told]} ...", end=" ", flush=True)

    def add(self, result):
        """Each test once. Nothing comes after one that keeps its lab."""
        self.found[result.name] = result
        self.counts[result.outcome] += 1
        if result.keeps_lab:
            self.names = self.names[:self.names.index(result.name) + 1]
        while self.told < len(self.names) and self.names[self.told] in self.found:
            self.tell(self.found[self.names[self.told]])
            self.told += 1
            self.begin()

    @staticmethod
    def tell(result):
        """The rest of the line, and what more there is."""
        print(f"{result.outcome} in {result.seconds:.1f} s  {result.figures}".rstrip())
        for line in result.lines:
            print(f"    {line}")

    def interrupt(self):
        """Counts as a failure; what waited for its turn is told, of the rest nothing is known."""
        print("interrupted")
        self.counts["failed"] += 1
        for name in self.names[self.told:]:
            if name in self.found:
                print(f"{name} ...", end=" ")
                self.tell(self.found[name])

    def close(self):
        """Where the time went; then the line that is read by others."""
        work, every = (after - before for after, before in zip(processor_ticks(), self.ticks))
        print(f"{time.monotonic() - self.started:.0f} s, processors busy {100 * work / max(every, 1):.0f} %; the slowest:")
        for result in sorted(self.found.values(), key=lambda result: -result.seconds)[:SLOWEST]:
            print(f"{result.seconds:8.1f} s  {result.name}")
        counts = self.counts
        skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
        print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}", flush=True)
