# SPDX-License-Identifier: GPL-2.0-or-later
"""Stop every process of a node at once, as a hung machine would be, and let it go on.

A cgroup (version 2) holds a node's processes: freezing it cannot race with fork, and a frozen process
can still be killed. Without one, SIGSTOP is sent until two rounds over the PID namespace agree.
"""

import os
import signal
import time

from clulab.errors import LabError

CGROUP_ROOTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
SETTLE_S = 5.0


def freezer_for(lab, node):
    """The best freezer that works on this machine."""
    for root in CGROUP_ROOTS:
        if os.path.exists(f"{root}/cgroup.procs") and os.path.exists(f"{root}/cgroup.controllers"):
            try:
                return CgroupFreezer(f"{root}/clu-lab-{lab}-{node}")
            except OSError:
                break
    return SignalFreezer()


class CgroupFreezer:
    """One cgroup per node."""

    def __init__(self, path):
        self.path = path
        os.makedirs(path, exist_ok=True)

    def _write(self, name, text):
        with open(f"{self.path}/{name}", "w", encoding="ascii") as stream:
            stream.write(text)

    def join(self):
        """The calling process, and all that it will start, belongs to the node."""
        self._write("cgroup.procs", "0")

    def freeze(self, _pid):
        """Return once every process has stopped."""
        self._write("cgroup.freeze", "1")
        deadline = time.monotonic() + SETTLE_S
        while not self._is_frozen():
            if time.monotonic() > deadline:
                raise LabError(f"{self.path} did not freeze within {SETTLE_S} s")
            time.sleep(0.001)

    def _is_frozen(self):
        with open(f"{self.path}/cgroup.events", encoding="ascii") as stream:
            return "frozen 1" in stream.read()

    def thaw(self, _pid):
        """Let them all go on."""
        self._write("cgroup.freeze", "0")

    def remove(self):
        """Kill what is left (nothing, unless the lab itself broke) and remove the cgroup."""
        deadline = time.monotonic() + SETTLE_S
        while True:
            try:
                os.rmdir(self.path)
                return
            except FileNotFoundError:
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                if os.path.exists(f"{self.path}/cgroup.kill"):
                    self._write("cgroup.kill", "1")
                time.sleep(0.005)


class SignalFreezer:
    """For machines without a writable cgroup v2."""

    path = None

    def join(self):
        """Nothing: membership is the PID namespace."""

    def freeze(self, pid):
        """SIGSTOP until a round finds nobody new."""
        stopped = set()
        deadline = time.monotonic() + SETTLE_S
        while True:
            found = set(namespace_processes(pid)) - stopped
            if not found:
                return
            if time.monotonic() > deadline:
                raise LabError("the node forks faster than it can be stopped")
            send_to_all(found, signal.SIGSTOP)
            stopped |= found

    def thaw(self, pid):
        """SIGCONT to everybody, if anybody is left."""
        if pid is not None:
            send_to_all(namespace_processes(pid), signal.SIGCONT)

    def remove(self):
        """Nothing to remove."""


def namespace_processes(pid):
    """Every process in the PID namespace of which PID is number 1."""
    wanted = os.readlink(f"/proc/{pid}/ns/pid")
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.readlink(f"/proc/{entry}/ns/pid") == wanted:
                    found.append(int(entry))
            except OSError:
                continue
    return found


def send_to_all(pids, number):
    """Processes that ended meanwhile need no signal."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
