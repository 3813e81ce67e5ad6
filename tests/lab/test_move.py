# SPDX-License-Identifier: GPL-2.0-or-later
"""Live moves, seen from outside: silence, owner, boot."""

import time

from clulab import roles
from clulab.testing import Stopwatch, check, check_equal, lab_test, median, wait_until

MOVES = 10
SILENCE_MAX_MS = 1000
# A guest that has moved must have answered that much later, before its silence counts as over.
SETTLE_S = 0.5


def check_runs_only_on(lab, guest, target):
    """Every node's clusterd and every node's libvirtd say the same."""
    for node in lab.nodes:
        # The others apply the same entry some milliseconds later.
        wait_until(lambda node=node: roles.show(lab, node, guest.name)["owner"] == target, 1,
                   f"{node} says that {guest.name} is on {target}")
    check_equal(guest.running_on(), [target], f"domains of {guest.name}")


def move(lab, guest, ping, asked, target):
    """Move and return what it cost: wall clock, downtime by libvirt, longest silence from outside."""
    begun = time.monotonic()
    with Stopwatch() as watch:
        last = roles.move(lab, asked, guest.name, target)["last_move"]
    ended = time.monotonic()
    check_runs_only_on(lab, guest, target)
    wait_until(lambda: ping.is_answered_since(ended + SETTLE_S), 5, f"{guest.name} answers after its move")
    silence = max((gap for start, end, gap in ping.silences() if end > begun), default=0.0)
    check(silence <= SILENCE_MAX_MS, f"{guest.name} was silent for {silence:.0f} ms while it moved to {target}")
    return watch.ms, last["duration_ms"], last["downtime_ms"], silence


@lab_test(nodes=3, fresh=True)
def test_ten_moves_between_three_nodes_under_ping_and_a_power_cut(lab):
    roles.add_fence_device(lab)
    lab.clu("n1", "volume", "add", "csv", "--kind", "directory", "--path", "/csv")
    (guest,) = roles.add_roles(lab, {"vm01": "n1"})
    check_equal(roles.show(lab, "n1", guest.name)["volumes"], ["csv"], "volumes of the role")
    boots = guest.check_disk().boots
    costs = []
    with guest.ping() as ping:
        wait_until(lambda: len(ping.replies) > 10, 5, "the guest answers before it moves")
        for number in range(MOVES):
            # Around the ring and, in the second half, back; asked on every node in turn.
            step = 1 if number < MOVES / 2 else -1
            owner = roles.show(lab, "n1", guest.name)["owner"]
            target = lab.nodes[(lab.nodes.index(owner) + step) % len(lab.nodes)]
            costs.append(move(lab, guest, ping, lab.nodes[number % len(lab.nodes)], target))
    clu_ms, duration_ms, downtime_ms, silence_ms = zip(*costs)
    lab.figures.note(
        moves=len(costs), silence_median_ms=median(silence_ms), silence_max_ms=max(silence_ms),
        duration_median_ms=median(duration_ms), duration_max_ms=max(duration_ms),
        downtime_median_ms=median(downtime_ms), downtime_max_ms=max(downtime_ms), clu_median_ms=median(clu_ms),
        answered_percent=100.0 * len(ping.replies) / ping.sent,
    )
    guest.wait_writes()
    check_equal(guest.require_whole_disk(boots=1).boots, boots, "boot ids before and after ten moves")
    roles.check_ledgers_agree(lab)
    lab.figures.note(recovery_ms=cut_power_of_owner(lab, guest))


def cut_power_of_owner(lab, guest):
    """What the guest knew to be written is there afterwards, behind it one more boot and nothing else."""
    owner = guest.running_on()[0]
    left = next(node for node in lab.nodes if node != owner)
    written = guest.check_disk().last
    # It writes one record after the other: this one was acknowledged when the next is there.
    wait_until(lambda: guest.check_disk().last.sequence > written.sequence, 10, f"{guest.name} writes", poll_s=0.01)
    with Stopwatch() as recovery:
        lab.power_off(owner)
        roles.wait_recovered(lab, left, guest.name, owner, timeout_s=40)
    guest.wait_writes(60)
    check_equal(guest.record(written.sequence).boot, written.boot, f"boot that wrote record {written.sequence}")
    guest.require_whole_disk(boots=2)
    return recovery.ms
