# SPDX-License-Identifier: GPL-2.0-or-later
"""A node is emptied for maintenance and gets its roles back; --plan said before what would happen."""

import threading
import time

from clulab import roles
from clulab.testing import Stopwatch, check, check_equal, in_parallel, lab_test, wait_until
from clulab.votes import RETURN_TIMEOUT_S, add_fence_devices, elapsed_ms, is_level, wait_mirrored, wait_votes

ROLES = 8
MEMORY_MIB = 96
HOME = "n1"
SAMPLE_S = 0.05
# Eight emulated guests on one small machine, and live moves between them.
BOOT_TIMEOUT_S = 240
WORK_TIMEOUT_S = 400


class MoveSampler:
    """A context manager: how many roles of a node were on the move at once, by `role list` of another node."""

    def __init__(self, lab, node):
        self.lab = lab
        self.node = node
        self.most = 0
        self.samples = 0
        self.lost = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.wait(SAMPLE_S):
            rows = self.lab.clu(self.node, "role", "list")["roles"]
            self.samples += 1
            self.most = max(self.most, sum(row["state"] == "moving" for row in rows))
            self.lost += [(row["name"], row["state"]) for row in rows if row["state"] not in ("online", "moving")]


def add_roles_on(lab, node):
    """Roles without any preference, all on one node, because the others are drained for that moment."""
    others = [other for other in lab.nodes if other != node]
    for other in others:
        lab.clu(other, "node", "drain", other)
    guests = [lab.guest(f"vm{number:02}", memory=MEMORY_MIB) for number in range(1, ROLES + 1)]
    for guest in guests:
        lab.clu(node, "role", "add", guest.name, "--definition", guest.definition, "--no-wait")
    in_parallel(lambda guest: guest.wait_answers(BOOT_TIMEOUT_S), guests)
    wait_until(lambda: owners(lab) == {guest.name: node for guest in guests}, BOOT_TIMEOUT_S, "all roles are online")
    for other in others:
        lab.clu(other, "node", "resume", other)
    in_parallel(lambda guest: guest.wait_writes(BOOT_TIMEOUT_S), guests)
    return guests


def owners(lab):
    """Role to owner, of those that are online."""
    return {row["name"]: row["owner"] for row in lab.clu("n2", "role", "list")["roles"] if row["state"] == "online"}


def planned_moves(lab, *words):
    """Role to target, as --plan says."""
    plan = lab.clu("n2", *words, "--plan")
    check_equal(plan["cut"], False, "the plan is cut")
    return {
        step["subject"].removeprefix("role:"): step["to"] for step in plan["steps"] if step["command"] == "role-move"
    }


def work(lab, guests, *words):
    """Drain or resume, watched: what happened is what was planned, gently, and no guest noticed."""
    before = roles.last_index(lab, "n2")
    planned = planned_moves(lab, *words)
    check_equal(roles.last_index(lab, "n2"), before, "last entry after --plan")
    check_equal(len(planned), ROLES, "moves in the plan")
    limit = lab.clu("n2", "cluster", "status")["settings"]["max_moves"]
    pings = [guest.ping(interval_s=0.1).__enter__() for guest in guests]
    try:
        with MoveSampler(lab, "n3") as sampler, Stopwatch() as watch:
            lab.clu("n2", *words, timeout_s=WORK_TIMEOUT_S)
        ended = time.monotonic()
        in_parallel(lambda ping: wait_until(lambda: ping.is_answered_since(ended), 30, "it still answers"), pings)
    finally:
        for ping in pings:
            ping.__exit__()
    check_happened(lab, before, planned)
    check_equal(sampler.lost, [], "roles neither online nor moving")
    check(1 <= sampler.most <= limit, f"{sampler.most} roles moved at once, allowed are {limit}")
    check_whole(lab, guests, planned)
    verb = words[1]
    lab.figures.note(**{
        f"{verb}_ms": watch.ms, f"{verb}_moves": len(planned), f"{verb}_at_once": sampler.most,
        f"{verb}_samples": sampler.samples, f"{verb}_silence_max_ms": max(p.longest_silence_ms() for p in pings),
    })


def check_happened(lab, before, planned):
    """The ledger's moves are the plan's, each of them once."""
    moves = [entry for entry in roles.entries(lab, "n2", before) if entry["command"] == "role-move"]
    done = [(e["subject"].removeprefix("role:"), e["command_json"]["target"]) for e in moves]
    numbers = {name: int(node[1:]) for name, node in planned.items()}
    check_equal(sorted(done), sorted(numbers.items()), "moves in the ledger, as planned")


def check_whole(lab, guests, where):
    """Owner and domain agree, no failure, and no guest was booted again."""
    check_equal(owners(lab), where, "owners")
    check_equal([row["failures"] for row in lab.clu("n2", "role", "list")["roles"]], [0] * ROLES, "failures")
    for node in lab.nodes:
        there = sorted(name for name, owner in where.items() if owner == node)
        check_equal(sorted(lab.domains(node)), there, f"domains of {node}")
    in_parallel(lambda guest: guest.wait_writes(BOOT_TIMEOUT_S), guests)
    for guest in guests:
        guest.require_whole_disk(boots=1)


@lab_test(nodes=3, fresh=True)
def test_drain_of_eight_roles_and_resume_with_failback(lab):
    guests = add_roles_on(lab, HOME)
    boots = {guest.name: guest.check_disk().boots for guest in guests}
    work(lab, guests, "node", "drain", HOME)
    node = lab.clu("n2", "node", "show", HOME)
    check_equal((node["state"], node["roles"], node["returning"]), ("drained", 0, ROLES), "the drained node")
    work(lab, guests, "node", "resume", HOME)
    node = lab.clu("n2", "node", "show", HOME)
    check_equal((node["state"], node["roles"], node["returning"]), ("up", ROLES, 0), "the resumed node")
    check_equal({guest.name: guest.check_disk().boots for guest in guests}, boots, "boot ids before and after")
    roles.check_ledgers_agree(lab)


@lab_test(nodes=2, fresh=True)
def test_a_node_is_shut_down(lab):
    """The one of two that votes: its role moves, the other gets the vote, and nobody is fenced."""
    add_fence_devices(lab)
    guest, = roles.add_roles(lab, {"vm01": "n1"})
    planned = lab.clu("n2", "node", "shut-down", "n1", "--plan")["quorum"]
    check(planned["after"].startswith("n2 may not be lost"), f"the plan says {planned}")
    begun = time.monotonic()
    lab.clu("n2", "node", "shut-down", "n1", "--reason", "new fans")
    down_ms = elapsed_ms(begun)
    wait_until(lambda: lab.status()["n1"]["power"] == "off", 10, "n1 is off", poll_s=0.05)
    shown = lab.clu("n2", "node", "show", "n1")
    check_equal((shown["state"], shown["shut_down"]), ("down", "off"), "n1")
    wait_votes(lab, "n2", ["n2"], False)
    wait_mirrored(lab)
    fenced = [event for event in lab.clu("n2", "fence", "history")["events"] if "device" in event]
    check_equal(fenced, [], "what fence devices did")
    lab.power_on("n1")
    wait_until(lambda: is_level(lab, "n1", "drained"), RETURN_TIMEOUT_S, "n1 is back, and drained", poll_s=0.1)
    lab.clu("n1", "node", "resume", "n1")
    guest.wait_writes()
    guest.require_whole_disk(boots=1)
    lab.figures.note(asked_to_down_ms=down_ms)
