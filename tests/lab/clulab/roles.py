# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of clusterd share: guests as roles, where they run, and the proof that nothing touched them."""

from clulab.testing import CLU_DONE, check, check_equal, in_parallel, wait_until

FENCE_DEVICE = "power"
# The device's time-out is the lab's (LAB_WATCHDOG_MS), so that part stays.
SHORT_GUARD = {"isolation-hold": 6000, "stop-grace": 1000, "margin": 500}
# clusterd/core/README.md: they count once all have followed for ten seconds.
SHORT_GUARD_COUNTS_S = 30
# Commands that mean that somebody took a node or a role for broken.
ALARMS = {"node-lost", "node-evidence", "node-fence", "node-confirm-off", "role-assign", "role-stop"}
ALARM_REPORTS = {"stopped", "shut-down", "failed", "start-failed"}
ENTRIES_MAX = 1000000


def add_fence_device(lab):
    """One power controller for all nodes, as the lab has it."""
    wait_answering(lab)
    lab.clu(
        lab.nodes[0], "fence", "add", FENCE_DEVICE, "--agent", "fence_lab", "--nodes", ",".join(lab.nodes),
        "--timeout", "10000", "--no-wait",
    )


def shorten_guard(lab):
    """For tests that wait until it expires. The longer times count for whoever is lost before wait_guard_is_short()."""
    lab.clu("n1", "cluster", "set", *(word for name, ms in SHORT_GUARD.items() for word in (f"--{name}", str(ms))))


def wait_guard_is_short(lab):
    """Until the leader has written down that all follow the shorter times; meanwhile guests may boot."""
    wait_until(lambda: any("every node goes by the shorter times" in entry["text"] for entry in entries(lab, "n1")),
               SHORT_GUARD_COUNTS_S, "the shorter times count", poll_s=0.1)


def guard_ms(lab, *parts, node="n1"):
    """What survivors must wait for, or these PARTS of it, by the cluster's settings as NODE knows them."""
    settings = lab.clu(node, "cluster", "status")["settings"]
    return sum(settings[f"{part}_ms"] for part in parts or ("isolation_hold", "stop_grace", "watchdog", "margin"))


def add_roles(lab, owners, **options):
    """{name: node} as roles that run there; returns the guests when all answer and write to their disks."""
    guests = {name: lab.guest(name, **options) for name in owners}
    in_parallel(lambda name: add(lab, guests[name], owners[name]), list(owners))
    return list(guests.values())


def add(lab, guest, node):
    """As a role that runs there, until it answers and writes to its disk."""
    lab.clu(node, "role", "add", guest.name, "--definition", guest.definition, "--preferred", node)
    guest.wait_answers(60)
    guest.wait_writes()
    check_equal(show(lab, node, guest.name)["owner"], node, f"owner of {guest.name}")


def show(lab, node, name):
    """`clu role show`."""
    return lab.clu(node, "role", "show", name)


def wait_online(lab, asked, name, *owners, timeout_s=60):
    """Until ASKED says that it is, on one of OWNERS (default any node); returns the row."""
    def online():
        row = show(lab, asked, name)
        return row if row["state"] == "online" and row["owner"] in (owners or lab.nodes) else None

    return wait_until(online, timeout_s, f"{name} is online on {' or '.join(owners or lab.nodes)}", poll_s=0.05)


def wait_recovered(lab, asked, name, lost, timeout_s=60):
    """Until ASKED says that it runs on another node than LOST; returns the row."""
    return wait_online(lab, asked, name, *(node for node in lab.nodes if node != lost), timeout_s=timeout_s)


def move(lab, asked, name, node):
    """Live, and the answer says so; returns it."""
    row = lab.clu(asked, "role", "move", name, "--node", node)
    check_equal((row["state"], row["owner"]), ("online", node), f"{name} after its move")
    check_equal((row["last_move"]["to"], row["last_move"]["succeeded"]), (node, True), f"last move of {name}")
    return row


def bring_back(lab, guest, node, boots):
    """Power for the node until all are level, while the guest boots; then its disk."""
    if lab.status()[node]["power"] != "on":
        lab.power_on(node)

    def wait_whole():
        lab.wait_ready()
        wait_answering(lab)

    def wait_writing():
        guest.wait_answers(60)
        guest.wait_writes()

    in_parallel(lambda wait: wait(), [wait_whole, wait_writing])
    guest.require_whole_disk(boots=boots)


def without_watchdogs(lab):
    """Every node from now on: its guard proves nothing. Before anything runs, so that the keeper releases the device."""
    for node in lab.nodes:
        lab.daemon_stop(node, "clu-guard")
    wait_until(lambda: not any(row["watchdog"] for row in lab.clu("n1", "node", "list")["nodes"]), 20,
               "every node says that it has no watchdog", poll_s=0.1)


def answering(lab, nodes=None):
    """Whether clusterd answers on all NODES (default all) and says that the cluster is whole."""
    for node in nodes or lab.nodes:
        status = lab.clu(node, "cluster", "status", exit_code=None)
        if status is None or status.get("exit", CLU_DONE) != CLU_DONE or not status["active"]:
            return False
        level = [row for row in status["nodes"] if row["state"] == "up" and row["level"]]
        if len(level) != len(lab.nodes):
            return False
    return True


def wait_answering(lab, timeout_s=30):
    """Until every node's clusterd is an equal member again."""
    wait_until(lambda: answering(lab), timeout_s, "every clusterd is up, a member and level", poll_s=0.1)


def last_index(lab, node=None):
    """Of the last entry that this node applied."""
    return lab.clu(node or lab.nodes[0], "cluster", "status")["applied"]


def entries(lab, node, after=0):
    """Committed entries behind AFTER."""
    found = lab.clu(node, "ledger", "list", "--from", str(after + 1), "--limit", str(ENTRIES_MAX))
    return found["entries"]


def check_ledgers_agree(lab):
    """Every node's own file is sound, and all have the same end; returns it."""
    def ends():
        found = [lab.clu(node, "ledger", "verify") for node in lab.nodes]
        check(all(end["sound"] for end in found), f"a ledger is not sound: {found}")
        return found[0] if len({(end["last"], end["applied"], end["hash"]) for end in found}) == 1 else None

    return wait_until(ends, 10, "all ledgers have the same end")


class Undisturbed:
    """`with Undisturbed(lab, guests, moves=1): ...`: whatever happens inside, the guests never notice.

    Afterwards: same boots, disks whole, answered all the time, one owner and one domain each, no failure and no loss
    in the ledger, nothing fenced, generations grown by nothing but moves.
    """

    def __init__(self, lab, guests, moves=0, silence_ms=1000, settle_s=60):
        self.lab = lab
        self.guests = guests
        self.moves = moves
        self.silence_ms = silence_ms
        self.settle_s = settle_s
        self.longest_ms = 0.0

    def __enter__(self):
        lab = self.lab
        self.index = last_index(lab)
        self.events = len(lab.events())
        self.generations = {guest.name: show(lab, lab.nodes[0], guest.name)["generation"] for guest in self.guests}
        self.boots = {guest.name: len(guest.check_disk().boots) for guest in self.guests}
        self.pings = [guest.ping().__enter__() for guest in self.guests]
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.wait_settled()
                for guest in self.guests:
                    guest.wait_writes()
        finally:
            for ping in self.pings:
                ping.__exit__()
        if kind is None:
            self.check()

    def wait_settled(self):
        """All daemons are back, every role is online."""
        wait_answering(self.lab, self.settle_s)
        for guest in self.guests:
            wait_until(lambda guest=guest: self.is_settled(guest), self.settle_s,
                       f"{guest.name} is online with one owner and one domain", poll_s=0.1)

    def is_settled(self, guest):
        """Every node says the same owner, and the domain is there and nowhere else."""
        rows = [show(self.lab, node, guest.name) for node in self.lab.nodes]
        owners = {(row["owner"], row["state"], row["generation"]) for row in rows}
        return len(owners) == 1 and rows[0]["state"] == "online" and guest.running_on() == [rows[0]["owner"]]

    def check(self):
        """Raises with the first thing that was not as it should."""
        lab = self.lab
        found = entries(lab, lab.nodes[0], self.index)
        alarms = [entry["text"] for entry in found if is_alarm(entry)]
        check_equal(alarms, [], "alarms in the ledger")
        require_untouched_hardware(lab, self.events)
        for guest, ping in zip(self.guests, self.pings):
            moves = sum(e["command"] == "role-move" and e["subject"] == f"role:{guest.name}" for e in found)
            row = show(lab, lab.nodes[0], guest.name)
            check_equal(row["failures"], 0, f"failures of {guest.name}")
            grown = row["generation"] - self.generations[guest.name]
            check(grown == moves, f"{guest.name}: {moves} moves, but the generation grew by {grown}")
            self.longest_ms = max(self.longest_ms, ping.longest_silence_ms())
            check(ping.longest_silence_ms() <= self.silence_ms,
                  f"{guest.name} was silent for {ping.longest_silence_ms():.0f} ms, allowed are {self.silence_ms}")
            guest.require_whole_disk(boots=self.boots[guest.name])
        moves = sum(entry["command"] == "role-move" for entry in found)
        check_equal(moves, self.moves, "moves in the ledger")


def is_alarm(entry):
    """Somebody took a node or a role for broken."""
    if entry["command"] in ALARMS:
        return True
    return entry["command"] == "role-report" and entry["command_json"]["report"] in ALARM_REPORTS


def require_untouched_hardware(lab, before):
    """No cut by a fence agent or a watchdog since there were BEFORE events."""
    found = [event for event in lab.events()[before:] if event["event"] == "off"]
    check_equal(found, [], "hardware that was cut")
