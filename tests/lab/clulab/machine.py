# SPDX-License-Identifier: GPL-2.0-or-later
"""The hardware of one node, seen from outside: power, cables, watchdog and the freezer."""

import os
import shutil
import signal
import subprocess
import sys

from clulab import namespaces, process, settings
from clulab.enter import node_environment
from clulab.errors import LabError
from clulab.freezer import freezer_for
from clulab.watchdog import Watchdog

CUT_TIMEOUT_MS = 10000
NODE_NAMESPACES = (
    namespaces.CLONE_NEWNS | namespaces.CLONE_NEWUTS | namespaces.CLONE_NEWIPC | namespaces.CLONE_NEWNET
)


class Machine:
    """Owned by the room, whose child the node's PID 1 is."""

    def __init__(self, place, shape, number, switch):
        self.place = place
        self.shape = shape
        self.number = number
        self.name = settings.node_name(number)
        self.switch = switch
        self.freezer = freezer_for(place.name, self.name)
        self.enabled = {net: True for net in settings.NETS}
        self.side = 0
        self.is_frozen = False
        self.fence_modes = dict.fromkeys(settings.POWER_LINES, "ok")
        self.child = None
        self.pidfd = -1
        self.watchdog = None
        os.makedirs(place.node_run_dir(self.name), exist_ok=True)
        self.set_volume("up")

    def is_on(self):
        """Power, as a fence agent's status asks for it."""
        return self.child is not None

    def switch_on(self):
        """Start PID 1 in namespaces of its own, plug the cables in, let it go on."""
        if self.is_on():
            return
        self._plug_watchdog()
        try:
            self._start()
            self.switch.connect(self.name, self.child.pid, self.side)
            self._set_ports()
            self.child.stdin.write(b"go\n")
            self.child.stdin.close()
        except (OSError, LabError, subprocess.SubprocessError):
            self.cut()
            raise

    def _plug_watchdog(self):
        fifo = f"{self.place.node_run_dir(self.name)}/watchdog"
        if os.path.exists(fifo):
            os.unlink(fifo)
        os.mkfifo(fifo, 0o600)
        self.watchdog = Watchdog(fifo, self.shape["watchdog_ms"] / 1000)

    def _start(self):
        argv = ["tini", "--", sys.executable, "-IS", f"{settings.LAB_DIR}/lab", "boot", self.name]
        environment = node_environment(self.shape["build"])
        environment["LAB_NAME"] = self.place.name
        with open(f"{self.place.node_disk_dir(self.name)}/boot.log", "ab") as log:
            # Namespaces of processes are entered by children only; the room itself stays outside.
            namespaces.unshare(namespaces.CLONE_NEWPID)
            try:
                self.child = subprocess.Popen(
                    argv, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, cwd="/",
                    preexec_fn=self._enter, start_new_session=True,
                )
            finally:
                namespaces.setns("/proc/self/ns/pid", namespaces.CLONE_NEWPID)
        self.pidfd = os.pidfd_open(self.child.pid)
        process.write_json(self._identity_path(), {**process.identity(self.child.pid), "cgroup": self.freezer.path})

    def _enter(self):
        namespaces.die_with_parent(signal.SIGKILL)
        os.setpriority(os.PRIO_PROCESS, 0, 0)
        self.freezer.join()
        namespaces.unshare(NODE_NAMESPACES)

    def _identity_path(self):
        return f"{self.place.node_run_dir(self.name)}/init.json"

    def _set_ports(self):
        for net in settings.NETS:
            self.switch.set_port(settings.port_name(self.name, net), self.is_on() and self.enabled[net])

    def cut(self):
        """Power cut. The cables go first, or the dying kernel would tell its neighbours good-bye."""
        for net in settings.NETS:
            self.switch.set_port(settings.port_name(self.name, net), False)
        if self.child is not None:
            self.child.kill()
            if self.pidfd >= 0 and not process.wait_for_exit(self.pidfd, CUT_TIMEOUT_MS):
                raise LabError(f"{self.name} is still there {CUT_TIMEOUT_MS} ms after its power was cut")
            self.child.wait()
        self._forget()

    def on_exit(self):
        """PID 1 ended by itself; returns its exit status."""
        self.child.wait()
        status = self.child.returncode
        self._forget()
        return status

    def _forget(self):
        self.child = None
        if self.pidfd >= 0:
            os.close(self.pidfd)
        self.pidfd = -1
        if self.watchdog is not None:
            self.watchdog.close()
        self.watchdog = None
        if self.is_frozen:
            self.freezer.thaw(None)
            self.is_frozen = False
        if os.path.exists(self._identity_path()):
            os.unlink(self._identity_path())

    def freeze(self):
        """Hang the machine: no process of it runs, its cables stay alive."""
        self._require_power()
        self.freezer.freeze(self.child.pid)
        self.is_frozen = True

    def thaw(self):
        """Let it go on where it was."""
        self._require_power()
        self.freezer.thaw(self.child.pid)
        self.is_frozen = False

    def _require_power(self):
        if not self.is_on():
            raise LabError(f"{self.name} is off")

    def set_network(self, nets, is_up):
        """Pull or plug cables; the choice outlives a power cycle."""
        for net in nets:
            self.enabled[net] = is_up
        if self.is_on():
            self._set_ports()

    def set_volume(self, state):
        """The path to the volume; the choice outlives a power cycle."""
        self.volume = state
        switch = self.place.volume_switch(self.name)
        descriptor = os.open(switch, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.write(descriptor, settings.VOLUME_STATES[state].encode())
        os.close(descriptor)

    def remove(self):
        """The lab goes down: leave nothing behind."""
        self.cut()
        self.freezer.remove()
        shutil.rmtree(self.place.node_run_dir(self.name), ignore_errors=True)

    def describe(self):
        """One row of `lab status`."""
        return {
            "power": "on" if self.is_on() else "off",
            "pid": self.child.pid if self.is_on() else None,
            "frozen": self.is_frozen,
            "networks": {net: "up" if self.enabled[net] else "down" for net in settings.NETS},
            "side": self.side,
            "watchdog": "armed" if self.watchdog and self.watchdog.deadline is not None else "idle",
            "volume": self.volume,
            "fence": "/".join(sorted(set(self.fence_modes.values()))),
        }
