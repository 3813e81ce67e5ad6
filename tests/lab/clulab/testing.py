# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of real clusters are written with. See README.md, "Writing a test"."""

import json
import signal
import statistics
import subprocess
import threading
import time

from clulab import check_disk, client, enter, guest, life, qnetd, settings
from clulab.errors import LabError
from clulab.ping import Ping
from clulab.writes import Writes

POLL_S = 0.02
MIGRATE_TIMEOUT_S = 60

# Codes of `clu` (architecture: exit codes).
CLU_DONE, CLU_FAILED, CLU_USAGE, CLU_REFUSED, CLU_NO_QUORUM, CLU_NO_OBJECT, CLU_TIMED_OUT, CLU_UNREACHABLE = range(8)


class Skip(Exception):
    """Raise it in a test that cannot run here; the reason is printed."""


def lab_test(nodes=3, bare=False, fresh=False, volume_faults=False, alone=False):
    """Marks a test function, which gets a Lab of that shape; FRESH means a lab that nobody used before,
    VOLUME_FAULTS one whose nodes can lose their paths to the volume, ALONE that no other test runs meanwhile.
    """

    def mark(function):
        function.lab_needs = {"nodes": nodes, "bare": bare, "fresh": fresh, "volume_faults": volume_faults,
                              "alone": alone}
        return function

    return mark


def check(condition, message):
    """assert with a message of its own; also under python -O."""
    if not condition:
        raise AssertionError(message)


def check_equal(found, expected, what):
    """Both values in the message."""
    check(found == expected, f"{what}: {found!r}, expected {expected!r}")


def wait_until(condition, timeout_s, what, poll_s=POLL_S):
    """Call CONDITION until it returns something true, and return that; a LabError counts as not yet."""
    deadline = time.monotonic() + timeout_s
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except LabError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what} (last: {last!r})")
        time.sleep(poll_s)


def holds_for(condition, duration_s, what, poll_s=POLL_S):
    """CONDITION must stay true that long: for what must not happen."""
    deadline = time.monotonic() + duration_s
    while time.monotonic() < deadline:
        check(condition(), f"did not hold for {duration_s} s: {what}")
        time.sleep(poll_s)


def median(values):
    """The middle one."""
    return statistics.median(values)


def percentile(values, percent):
    """Nearest rank: a value that was really measured."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


class Stopwatch:
    """`with Stopwatch() as watch: ...`, then watch.ms."""

    def __enter__(self):
        self.started = time.monotonic()
        self.ms = None
        return self

    def __exit__(self, *_):
        self.ms = (time.monotonic() - self.started) * 1000


class Figures:
    """What a test measured, printed with its result."""

    def __init__(self):
        self.values = {}

    def note(self, **values):
        """lab.figures.note(migration_ms=812.0)"""
        self.values.update(values)

    def __str__(self):
        return " ".join(f"{name}={format_figure(value)}" for name, value in self.values.items())


def format_figure(value):
    """Short numbers."""
    return f"{value:.1f}" if isinstance(value, float) else str(value)


class Guest:
    """A guest of the lab; where it runs is the cluster's business."""

    def __init__(self, lab, name, definition, address):
        self.lab = lab
        self.name = name
        self.definition = definition
        self.address = address

    def ping(self, interval_s=0.02):
        """A Ping from outside; use it as a context manager."""
        return Ping(self.lab.place, self.address, interval_s)

    def writes(self):
        """When it writes to its disk; use it as a context manager."""
        return Writes(f"{self.lab.place.csv_dir}/{self.name}.img")

    def wait_answers(self, timeout_s=30):
        """Until it answers a ping sent from now on; returns the milliseconds it took."""
        begun = time.monotonic()
        with self.ping() as ping:
            wait_until(lambda: ping.replies, timeout_s, f"{self.name} answers at {self.address}")
        return (ping.replies[0] - begun) * 1000

    def console(self, node):
        """What it has said there."""
        return self.lab.run(node, "cat", f"/var/log/{self.name}.console.log").stdout

    def check_disk(self):
        """The checker's Report."""
        return check_disk.check_image(f"{self.lab.place.csv_dir}/{self.name}.img")

    def record(self, sequence):
        """What stands where that record was written."""
        with open(f"{self.lab.place.csv_dir}/{self.name}.img", "rb") as stream:
            stream.seek(check_disk.slot_of(sequence) * check_disk.SLOT_BYTES)
            record = check_disk.decode(stream.read(check_disk.SLOT_BYTES))
        check(record is not None and record.sequence == sequence, f"{self.name}: record {sequence} is not there: {record}")
        return record

    def require_whole_disk(self, boots=None):
        """Fails the test when the disk shows two writers, or another number of boots than expected."""
        report = self.check_disk()
        check(report.is_ok(), f"{self.name}: {'; '.join(report.problems)}")
        if boots is not None:
            check_equal(len(report.boots), boots, f"boots of {self.name}")
        return report

    def require_unaware(self, node):
        """It heard there of no error of its disk."""
        check("cannot" not in self.console(node), f"{self.name} saw an error on {node}: {self.console(node)}")

    def wait_writes(self, timeout_s=30):
        """Until its disk has a record that it has not now."""
        last = self.check_disk().last
        before = last.sequence if last else -1
        wait_until(
            lambda: (found := self.check_disk().last) and found.sequence > before, timeout_s,
            f"{self.name} writes to its disk", poll_s=0.1,
        )

    def running_on(self):
        """Nodes on which libvirt has it running or paused right now."""
        return [node for node in self.lab.nodes if self.name in self.lab.domains(node)]


class Lab:
    """One lab, from the outside. Methods raise LabError when the lab (not the cluster) fails."""

    def __init__(self, name=None):
        self.place = settings.Settings(name)
        self.figures = Figures()
        self.nodes = []

    # Life

    def up(self, nodes=3, bare=False, volume_faults=False):
        """See `lab up`; returns self."""
        shape = life.up(self.place, nodes, bare, volume_faults)
        self.nodes = [node for _, node in settings.nodes_of(shape)]
        return self

    def down(self):
        """See `lab down`."""
        life.down(self.place)

    def repair(self):
        """Back to all on and no fault, without guests: for the next test. Raises when that fails."""
        client.ask(self.place, "partition", sides=[])
        client.ask(self.place, "fence", node=None, mode="ok")
        client.ask(self.place, "qnetd", state="stop")
        client.ask(self.place, "target", state="stop")
        for node, row in self.status().items():
            self.network(node, True)
            if row["volume"] != "up":
                self.volume("up", node)
            if row["frozen"]:
                self.thaw(node)
            self.power_on(node)
        self.wait_ready()
        for node in self.nodes:
            for name in self.domains(node):
                self.run(node, "virsh", "destroy", name)

    def wait_ready(self, nodes=None, timeout_s=60):
        """Until the ring has all nodes and the daemons answer on NODES (default all)."""
        life.wait_ready(self.place, nodes or self.nodes, timeout_s)

    # Commands

    def run(self, node, *command, check_exit=True, timeout_s=60, stdin=None):
        """A command in a node (or "outside"); CompletedProcess with text. Fails the test on exit codes."""
        done = life.run_in(self.place, node, list(command), timeout_s, input=stdin)
        if check_exit and done.returncode != 0:
            raise AssertionError(
                f"{node}: {' '.join(command)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}"
            )
        return done

    def clu(self, node, *words, exit_code=CLU_DONE, timeout_s=60):
        """`clu WORDS --json` on a node; the document, or None when there is none. EXIT_CODE None: any."""
        done = self.run(node, "clu", *words, "--json", check_exit=False, timeout_s=timeout_s)
        if exit_code is not None and done.returncode != exit_code:
            raise AssertionError(
                f"{node}: clu {' '.join(words)} ended with {done.returncode}, expected {exit_code}:"
                f" {(done.stderr or done.stdout).strip()}"
            )
        return json.loads(done.stdout) if done.stdout.strip() else None

    def start_in_background(self, node, *command):
        """A Popen with text pipes, for what runs while the test goes on."""
        return subprocess.Popen(
            enter.command_line(self.place, node, list(command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=enter.environment(self.place),
        )

    def domains(self, node):
        """Names of the domains that libvirt has on a node; empty for a node that is off."""
        if self.status()[node]["power"] == "off":
            return []
        return self.run(node, "virsh", "list", "--name").stdout.split()

    def migrate(self, name, source, target):
        """Live, by virsh: for tests of the lab itself."""
        self.run(
            source, "virsh", "migrate", "--live", "--unsafe", name, f"qemu+tcp://{target}/system", "--migrateuri",
            f"tcp://{target}-migration", timeout_s=MIGRATE_TIMEOUT_S,
        )

    # Hardware and its faults

    def status(self):
        """Node to power, pid, frozen, networks, side, watchdog, fence."""
        return client.ask(self.place, "status")

    def events(self, what=None, node=None):
        """What the hardware did: dicts with time, monotonic, event, node, ..."""
        found = client.ask(self.place, "events")
        return [e for e in found if what in (None, e["event"]) and node in (None, e.get("node"))]

    def power_off(self, node):
        """Power cut; returns the moment (monotonic seconds) just before."""
        moment = time.monotonic()
        client.ask(self.place, "power", node=node, state="off")
        return moment

    def power_on(self, node):
        """Starts to boot; wait_ready() waits for the end of it."""
        client.ask(self.place, "power", node=node, state="on")

    def freeze(self, node):
        """Hang; returns the moment just before."""
        moment = time.monotonic()
        client.ask(self.place, "freeze", node=node)
        return moment

    def thaw(self, node):
        """Go on."""
        client.ask(self.place, "thaw", node=node)

    def network(self, node, is_up, net=None):
        """Plug or pull one cable of a node, or all."""
        client.ask(self.place, "network", node=node, nets=[net] if net else list(settings.NETS), is_up=is_up)

    def partition(self, *sides):
        """partition(["n1", "n2"], ["n3"]); returns the moment just before."""
        moment = time.monotonic()
        client.ask(self.place, "partition", sides=[list(side) for side in sides])
        return moment

    def heal(self):
        """No partition."""
        client.ask(self.place, "partition", sides=[])

    def volume(self, state, node=None):
        """The path of NODE, or of all, to the volume: up, down or hang. Returns the moment just before."""
        moment = time.monotonic()
        client.ask(self.place, "volume", node=node, state=state)
        return moment

    def fence_mode(self, mode, node=None, line=None):
        """One of settings.FENCE_MODES: how the power controller answers about a node, by one line (default: all)."""
        client.ask(self.place, "fence", node=node, mode=mode, line=line)

    def qnetd_start(self):
        """A corosync-qnetd at the address of `outside`, with certificates for it and all nodes."""
        qnetd.certificates(self.place, self.nodes)
        client.ask(self.place, "qnetd", state="start")

    def qnetd_signal(self, number=signal.SIGKILL):
        """Nobody starts it again. Returns the moment just before."""
        moment = time.monotonic()
        client.ask(self.place, "qnetd", state="signal", number=int(number))
        return moment

    def target(self, state, **what):
        """The iSCSI target (clulab.target): "start", "stop", "add" a LUN of a path, or "signal" it a number."""
        client.ask(self.place, "target", state=state, **what)

    def kill(self, node, daemon, number=signal.SIGKILL):
        """A signal to a supervised daemon, which is started again when it ends."""
        client.ask_supervisor(self.place, node, "signal", daemon=daemon, number=int(number))

    def daemon_stop(self, node, daemon):
        """Ended, and left so."""
        client.ask_supervisor(self.place, node, "stop", daemon=daemon)

    def daemon_start(self, node, daemon):
        """Wanted again."""
        client.ask_supervisor(self.place, node, "start", daemon=daemon)

    def daemons(self, node):
        """Daemon to {"pid", "starts"}."""
        return client.ask_supervisor(self.place, node, "status")

    def is_quorate(self, node):
        """By corosync's own account."""
        return "Quorate:          Yes" in self.run(node, "corosync-quorumtool", "-s", check_exit=False).stdout

    def members(self, node):
        """Number of nodes in this node's ring, or 0."""
        for line in self.run(node, "corosync-quorumtool", "-s", check_exit=False).stdout.splitlines():
            if line.startswith("Nodes:"):
                return int(line.split()[1])
        return 0

    # Guests

    def guest(self, name, memory=guest.MEMORY_MIB_DEFAULT, address=None, write_ms=guest.WRITE_MS_DEFAULT):
        """Disk and definition; nothing is started. It writes a record each WRITE_MS, if it can."""
        definition = guest.define(self.place, name, memory, address, write_ms)
        return Guest(self, name, definition, guest.load_addresses(self.place)[name])

    def forget_guests(self):
        """Remove disks and definitions, so that the next test's guests start from nothing."""
        guest.forget_all(self.place)


def in_parallel(function, items):
    """Call FUNCTION with each item at once; the first error is raised after all have ended."""
    errors = []

    def call(item):
        try:
            function(item)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=call, args=(item,)) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
