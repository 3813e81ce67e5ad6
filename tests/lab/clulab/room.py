# SPDX-License-Identifier: GPL-2.0-or-later
"""The room: the process that plays the hardware around the nodes.

It is the parent of every node's PID 1, holds the switch's network namespace, reads the watchdogs and
answers two sockets: control.sock for the lab command (one JSON line each way), and power/power.sock,
seen by every node as /run/lab-power/power.sock, for the fence agent ("off n1" and the like). One
thread, one loop; whatever it does takes milliseconds. When it dies, the kernel kills the nodes.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

from clulab import namespaces, process, settings
from clulab.errors import LabError
from clulab.machine import Machine
from clulab.qnetd import Qnetd
from clulab.target import Target
from clulab.switch import Switch

# A late room is a wrong watchdog and a slow BMC; guests may keep both processors busy.
NICENESS = -15
EVENTS_KEPT = 1000
REQUEST_BYTES_MAX = 65536
REPLY_TIMEOUT_S = 1


class Room:
    """State of the hardware; everything else is the nodes' own business."""

    def __init__(self, place, shape):
        self.place = place
        self.shape = shape
        self.switch = Switch(shape["index"])
        self.qnetd = Qnetd(place, shape)
        self.target = Target(place, shape)
        self.events = []
        self.is_closing = False
        self.poller = select.poll()
        self.handlers = {}
        self.machines = {}
        for number in range(1, shape["nodes"] + 1):
            machine = Machine(place, shape, number, self.switch)
            self.machines[machine.name] = machine

    # The loop

    def watch(self, descriptor, handler):
        """Call HANDLER when DESCRIPTOR can be read."""
        self.handlers[descriptor] = handler
        self.poller.register(descriptor, select.POLLIN)

    def unwatch(self, descriptor):
        """Before the descriptor is closed."""
        if self.handlers.pop(descriptor, None) is not None:
            self.poller.unregister(descriptor)

    def listen(self, path, on_line):
        """A stream socket whose clients send lines."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if os.path.exists(path):
            os.unlink(path)
        listener.bind(path)
        listener.listen(64)
        listener.setblocking(False)
        self.watch(listener.fileno(), lambda: self._accept(listener, on_line))

    def _accept(self, listener, on_line):
        connection, _ = listener.accept()
        connection.setblocking(False)
        pending = bytearray()
        self.watch(connection.fileno(), lambda: self._receive(connection, pending, on_line))

    def _receive(self, connection, pending, on_line):
        try:
            block = connection.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            block = b""
        pending += block
        is_too_long = len(pending) > REQUEST_BYTES_MAX
        while b"\n" in pending and not is_too_long:
            line, _, rest = bytes(pending).partition(b"\n")
            pending[:] = rest
            self._reply(connection, on_line(line.decode(errors="replace").strip()))
        if not block or is_too_long:
            self.unwatch(connection.fileno())
            connection.close()

    @staticmethod
    def _reply(connection, text):
        if text is None:
            return
        connection.settimeout(REPLY_TIMEOUT_S)
        try:
            connection.sendall(text.encode() + b"\n")
        except OSError:
            # The asker has gone; what was asked for is done all the same.
            return
        finally:
            connection.setblocking(False)

    def run(self):
        """Until the lab goes down."""
        while not self.is_closing:
            for descriptor, _ in self.poller.poll(self._timeout_ms()):
                handler = self.handlers.get(descriptor)
                if handler is not None:
                    handler()
            self._check_watchdogs()

    def _timeout_ms(self):
        deadlines = [
            machine.watchdog.deadline
            for machine in self.machines.values()
            if machine.watchdog is not None and machine.watchdog.deadline is not None
        ]
        if not deadlines:
            return None
        return max(0, int((min(deadlines) - time.monotonic()) * 1000) + 1)

    # Power and watchdogs

    def note(self, what, **details):
        """Remember what the hardware did and when, for tests and people."""
        event = {"time": time.time(), "monotonic": time.monotonic(), "event": what, **details}
        self.events = self.events[-EVENTS_KEPT:] + [event]
        print(json.dumps(event), flush=True)

    def power_on(self, machine):
        """Does nothing to a machine that is on."""
        if machine.is_on():
            return
        machine.switch_on()
        self.watch(machine.pidfd, lambda: self._on_exit(machine))
        self.watch(machine.watchdog.descriptor, lambda: machine.watchdog.read(time.monotonic()))
        self.note("on", node=machine.name)

    def power_off(self, machine, why):
        """Does nothing to a machine that is off."""
        if not machine.is_on():
            return
        self._unwatch_machine(machine)
        started = time.monotonic()
        machine.cut()
        self.note("off", node=machine.name, why=why, took_ms=round((time.monotonic() - started) * 1000, 1))

    def _unwatch_machine(self, machine):
        self.unwatch(machine.pidfd)
        self.unwatch(machine.watchdog.descriptor)

    def _on_exit(self, machine):
        self._unwatch_machine(machine)
        self.note("off", node=machine.name, why=f"its PID 1 ended with {machine.on_exit()}")

    def _check_watchdogs(self):
        for machine in self.machines.values():
            if machine.watchdog is not None and machine.watchdog.is_expired(time.monotonic()):
                self.power_off(machine, "watchdog")

    # The BMC: what the nodes can reach

    def on_power_line(self, line):
        """One reply line, or None from a BMC that hangs."""
        verb, node, power_line, password = (line.split(" ") + [""] * 3)[:4]
        if verb == "list":
            return " ".join(self.machines)
        if password not in ("", settings.POWER_PASSWORD):
            return "error login denied"
        machine = self.machines.get(node)
        if machine is None:
            return f"error no such node '{node}'"
        mode = machine.fence_modes.get(power_line or settings.POWER_LINES[0])
        if mode == "hang" or (mode == "gone" and not machine.is_on()):
            return None
        if mode == "fail":
            return "error the power controller does not do as it is told"
        if mode == "lie" and verb in ("on", "off"):
            return verb
        return self._power_reply(verb, machine)

    def _power_reply(self, verb, machine):
        try:
            if verb == "off":
                self.power_off(machine, "fenced")
            elif verb == "on":
                self.power_on(machine)
            elif verb != "status":
                return f"error unknown request '{verb}'"
        except (OSError, LabError, subprocess.SubprocessError) as error:
            return f"error {error}"
        return "on" if machine.is_on() else "off"

    # The lab command

    def on_control_line(self, line):
        """{"verb": ..., ...} in, {"ok": ...} or {"error": ...} out."""
        try:
            request = json.loads(line)
            verb = CONTROL_VERBS.get(request.pop("verb", None))
            if verb is None:
                return json.dumps({"error": "unknown request"})
            return json.dumps({"ok": verb(self, **request)})
        except (OSError, LabError, subprocess.SubprocessError, TypeError, ValueError) as error:
            return json.dumps({"error": str(error)})

    def machine(self, node):
        """By name, or an error that lists the names."""
        if node not in self.machines:
            raise LabError(f"no such node '{node}' (there are {', '.join(self.machines)})")
        return self.machines[node]

    def do_status(self):
        """Everything the room knows."""
        return {name: machine.describe() for name, machine in self.machines.items()}

    def do_events(self):
        """What the hardware did, oldest first."""
        return self.events

    def do_power(self, node, state):
        """The lab's own hand on the switch: works while the BMC is told to fail."""
        if state == "on":
            self.power_on(self.machine(node))
        else:
            self.power_off(self.machine(node), "power cut")

    def do_freeze(self, node):
        """See Machine.freeze."""
        self.machine(node).freeze()
        self.note("frozen", node=node)

    def do_thaw(self, node):
        """See Machine.thaw."""
        self.machine(node).thaw()
        self.note("thawed", node=node)

    def do_network(self, node, nets, is_up):
        """See Machine.set_network."""
        self.machine(node).set_network(nets, is_up)
        self.note("network", node=node, nets=nets, up=is_up)

    def do_volume(self, node, state):
        """NODE's path to the volume, or all nodes' if it is None."""
        if not self.shape["volume_faults"]:
            raise LabError("the volume of this lab cannot fail: lab up --volume-faults")
        for machine in self.machines.values() if node is None else [self.machine(node)]:
            machine.set_volume(state)
        self.note("volume", node=node, state=state)

    def do_partition(self, sides):
        """SIDES is a list of lists of nodes; nodes not named join the first side."""
        side_of = {name: 0 for name in self.machines}
        for side, nodes in enumerate(sides):
            for node in nodes:
                side_of[self.machine(node).name] = side
        self.switch.divide(side_of)
        for name, side in side_of.items():
            self.machines[name].side = side
        self.note("partition", sides=sides)

    def do_fence(self, node, mode, line=None):
        """How the power controller behaves; NODE and LINE may be None for all."""
        for machine in self.machines.values() if node is None else [self.machine(node)]:
            machine.fence_modes.update(dict.fromkeys([line] if line else settings.POWER_LINES, mode))
        self.note("fence", node=node, mode=mode, line=line)

    def do_qnetd(self, state, number=0):
        """start, stop, or a signal."""
        if state == "signal":
            self.qnetd.signal(number)
        else:
            {"start": self.qnetd.start, "stop": self.qnetd.stop}[state]()
        self.note("qnetd", state=state, number=number)

    def do_target(self, state, number=0, lun=0, path=None):
        """start, stop, a signal, or a LUN more."""
        if state == "signal":
            self.target.signal(number)
        elif state == "add":
            self.target.add(lun, path)
        else:
            {"start": self.target.start, "stop": self.target.stop}[state]()
        self.note("target", state=state, number=number)

    def do_close(self):
        """Everything off; the process ends after its reply."""
        self.qnetd.stop()
        self.target.stop()
        for machine in self.machines.values():
            if machine.is_on():
                self._unwatch_machine(machine)
            machine.remove()
        self.is_closing = True


CONTROL_VERBS = {
    "status": Room.do_status,
    "events": Room.do_events,
    "power": Room.do_power,
    "freeze": Room.do_freeze,
    "thaw": Room.do_thaw,
    "network": Room.do_network,
    "volume": Room.do_volume,
    "partition": Room.do_partition,
    "fence": Room.do_fence,
    "qnetd": Room.do_qnetd,
    "target": Room.do_target,
    "close": Room.do_close,
}


def main(place, ready):
    """Started by `lab up`; says "ready" on that descriptor and goes on without a terminal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    namespaces.unshare(namespaces.CLONE_NEWNET)
    process.write_json(place.room_file, process.identity(os.getpid()))
    room = Room(place, place.load_shape())
    room.listen(place.control_socket, room.on_control_line)
    room.listen(f"{place.power_dir}/power.sock", room.on_power_line)
    print(json.dumps({"event": "ready", "time": time.time()}), flush=True)
    os.write(ready, b"ready\n")
    os.close(ready)
    room.run()
    sys.exit(0)
