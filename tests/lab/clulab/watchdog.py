# SPDX-License-Identifier: GPL-2.0-or-later
"""A hardware watchdog as the node's /dev/watchdog: a FIFO whose reading end stands outside the node.

The kernel's protocol in plain writes: the first byte arms it, every byte is a pet, and a 'V' as the
last byte disarms it until the next one. A FIFO cannot tell a close without 'V', which is right: the
kernel's watchdog keeps counting after such a close too.
"""

import os


class Watchdog:
    """Pure apart from reading its FIFO; time is handed in as monotonic seconds."""

    def __init__(self, path, timeout_s):
        self.timeout_s = timeout_s
        self.deadline = None
        # Both ways, so that a writer never blocks in open() and closing never shows as end of file.
        self.descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def close(self):
        """The power is off: nothing counts any more."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.descriptor = -1
        self.deadline = None

    def read(self, now):
        """Take in what was written."""
        last = b""
        while True:
            try:
                block = os.read(self.descriptor, 4096)
            except BlockingIOError:
                break
            last = block[-1:]
        if last == b"V":
            self.deadline = None
        elif last:
            self.deadline = now + self.timeout_s

    def is_expired(self, now):
        """Reads once more before it says yes: our own lateness is not the node's."""
        if self.deadline is None or now < self.deadline:
            return False
        self.read(now)
        return self.deadline is not None and now >= self.deadline
