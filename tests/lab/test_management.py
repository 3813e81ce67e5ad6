# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever happens to clusterd and libvirtd, healthy guests never notice."""

import signal
import time

from clulab import roles
from clulab.testing import Stopwatch, check, check_equal, holds_for, in_parallel, lab_test, wait_until

LIBVIRTD_HANG_S = 30  # its keepalive gives a connection up after 15 to 20 s
# A live move itself is silent for about 0.3 s.
MOVE_SILENCE_MS = 3000


def prepare(lab):
    """One guest on each node, and a fence device that could be misused."""
    roles.add_fence_device(lab)
    return roles.add_roles(lab, {f"vm{node[1:]}": node for node in lab.nodes})


def leader(lab, node):
    """By this node's account."""
    return lab.clu(node, "cluster", "status")["leader"]


def begin_move(lab, node, name, target):
    """Returns when the move is under way, that is decided and not done."""
    lab.clu(node, "role", "move", name, "--node", target, "--no-wait")
    wait_until(lambda: roles.show(lab, node, name)["state"] == "moving", 10, f"{name} is moving")
    wait_until(lambda: name in lab.run(target, "virsh", "list", "--all", "--name").stdout.split(), 10,
               f"the domain of {name} arrives on {target}")


@lab_test(nodes=3, fresh=True)
def test_clusterd_is_killed_on_each_node(lab):
    guests = prepare(lab)
    with roles.Undisturbed(lab, guests) as watch:
        back_ms = []
        for node in lab.nodes:
            before = lab.daemons(node)["clusterd"]
            with Stopwatch() as stopwatch:
                lab.kill(node, "clusterd")
                wait_until(lambda node=node, before=before: lab.daemons(node)["clusterd"]["starts"] > before["starts"],
                           10, f"clusterd of {node} is started again")
                roles.wait_answering(lab)
            back_ms.append(stopwatch.ms)
        # All at once, as a bad update would do it.
        in_parallel(lambda node: lab.kill(node, "clusterd"), lab.nodes)
        roles.wait_answering(lab)
    lab.figures.note(back_ms=max(back_ms), silence_ms=watch.longest_ms)


@lab_test(nodes=3, fresh=True)
def test_clusterd_is_away_while_guests_run(lab):
    roles.wait_answering(lab)
    roles.shorten_guard(lab)
    guests = prepare(lab)
    roles.wait_guard_is_short(lab)
    away_s = roles.guard_ms(lab) / 1000 + 1
    with roles.Undisturbed(lab, guests) as watch:
        # The one that leads; then nobody is left that could decide.
        for away in (["n1"], lab.nodes):
            for node in away:
                lab.daemon_stop(node, "clusterd")
            holds_for(lambda: all(row["power"] == "on" and row["watchdog"] == "armed"
                                  for row in lab.status().values()),
                      away_s, f"clu-guard keeps every node alive without clusterd on {away}", poll_s=0.2)
            for node in away:
                lab.daemon_start(node, "clusterd")
            roles.wait_answering(lab)
    lab.figures.note(away_s=away_s, silence_ms=watch.longest_ms)


@lab_test(nodes=3, fresh=True)
def test_the_leader_is_killed_in_the_middle_of_moves(lab):
    guests = prepare(lab)
    succeeded = 0
    cases = 0
    longest_ms = 0.0
    for case in ("source", "target", "bystander"):
        first = leader(lab, "n1")
        others = [node for node in lab.nodes if node != first]
        source, target = {"source": (first, others[0]), "target": (others[0], first), "bystander": others}[case]
        guest = wait_until(lambda source=source: [g for g in guests if g.running_on() == [source]], 5,
                           f"a guest runs on {source}")[0]
        with roles.Undisturbed(lab, guests, moves=1, silence_ms=MOVE_SILENCE_MS) as watch:
            begin_move(lab, others[1], guest.name, target)
            lab.kill(first, "clusterd")
        cases += 1
        owner = roles.show(lab, "n1", guest.name)["owner"]
        check(owner in (source, target), f"{guest.name} moved from {source} to {target} and is on {owner}")
        succeeded += owner == target
        longest_ms = max(longest_ms, watch.longest_ms)
        if owner == target:
            with roles.Undisturbed(lab, guests, moves=1, silence_ms=MOVE_SILENCE_MS):
                lab.clu("n2", "role", "move", guest.name, "--node", source)
    lab.figures.note(moves=cases, arrived=succeeded, silence_ms=longest_ms)


def wait_switch(lab, node, name):
    """Until the guest stands still there for the end of its move, or is gone."""
    stands = f"while state=$(virsh domstate {name} --reason) && [ \"${{state#paused}}\" = \"$state\" ]; do :; done"
    lab.run(node, "sh", "-c", stands)


@lab_test(nodes=3, fresh=True)
def test_libvirtd_is_killed_during_moves(lab):
    guests = prepare(lab)
    longest_ms = 0.0
    arrived = {}
    for end, moment in (("source", "begin"), ("target", "begin"), ("source", "switch"), ("target", "switch")):
        guest = guests[0]
        source = roles.show(lab, "n3", guest.name)["owner"]
        target = "n2" if source == "n1" else "n1"
        victim = source if end == "source" else target
        with roles.Undisturbed(lab, guests, moves=1, silence_ms=MOVE_SILENCE_MS) as watch:
            begin_move(lab, "n3", guest.name, target)
            if moment == "switch":
                wait_switch(lab, source, guest.name)
            lab.kill(victim, "libvirtd")
        owner = roles.show(lab, "n1", guest.name)["owner"]
        check(owner in (source, target), f"{guest.name} moved from {source} to {target} and is on {owner}")
        arrived[f"arrived_{end}_killed_at_{moment}"] = owner == target
        longest_ms = max(longest_ms, watch.longest_ms)
    # The road is free again.
    with roles.Undisturbed(lab, guests, moves=1, silence_ms=MOVE_SILENCE_MS):
        source = roles.show(lab, "n3", guests[0].name)["owner"]
        lab.clu("n3", "role", "move", guests[0].name, "--node", "n3" if source != "n3" else "n1")
    lab.figures.note(**arrived, silence_ms=longest_ms)


@lab_test(nodes=3, fresh=True)
def test_libvirtd_hangs(lab):
    guests = prepare(lab)
    slowest = 0.0
    with roles.Undisturbed(lab, guests) as watch:
        lab.kill("n2", "libvirtd", signal.SIGSTOP)
        try:
            until = time.monotonic() + LIBVIRTD_HANG_S
            while time.monotonic() < until:
                # The daemon itself must not hang with it.
                with Stopwatch() as stopwatch:
                    rows = lab.clu("n2", "role", "list")["roles"]
                slowest = max(slowest, stopwatch.ms)
                check_equal([row["state"] for row in rows], ["online"] * 3, "states while libvirtd of n2 hangs")
                time.sleep(0.5)
        finally:
            lab.kill("n2", "libvirtd", signal.SIGCONT)
    check(slowest < 2000, f"clu took {slowest:.0f} ms while libvirtd hung")
    lab.figures.note(hang_s=LIBVIRTD_HANG_S, slowest_clu_ms=slowest, silence_ms=watch.longest_ms)
