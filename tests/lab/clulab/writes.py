# SPDX-License-Identifier: GPL-2.0-or-later
"""When a guest's image changed, seen from outside: its own clock stands still while it is paused."""

import os
import threading
import time

LOOK_S = 0.002


class Writes:
    """`with Writes(path) as writes: ...`: looks at the image's time of change in a thread."""

    def __init__(self, path):
        self.path = path
        self.moments = []
        self.is_over = False
        self.thread = threading.Thread(target=self._look)

    def __enter__(self):
        self.moments = [time.monotonic()]
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()
        self.moments.append(time.monotonic())

    def _look(self):
        last = os.stat(self.path).st_mtime_ns
        while not self.is_over:
            found = os.stat(self.path).st_mtime_ns
            if found != last:
                last = found
                self.moments.append(time.monotonic())
            time.sleep(LOOK_S)

    def since(self, moment):
        """How many were seen since then."""
        return sum(at > moment for at in self.moments)

    def longest_stall_ms(self):
        """Between two that were seen; its begin and end count as well."""
        return max(b - a for a, b in zip(self.moments, self.moments[1:])) * 1000
