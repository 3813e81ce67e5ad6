# SPDX-License-Identifier: GPL-2.0-or-later
"""clusterd frozen (SIGSTOP): the watchdog follows the right to run, not the daemon."""

import signal
import time

from clulab import roles
from clulab.testing import check, check_equal, holds_for, lab_test, wait_until
from clulab.watch import DomainWatch

# clusterd/guard/README.md: the last contact is up to a probe and two round trips old.
CONTACT_AGE_MS = 700
# The keeper pets every fifth of the watchdog's time, so the last petting was up to that long before the end.
PET_SHARE = 5
FIRING_LATE_MS = 500
START_TIMEOUT_S = 30


@lab_test(nodes=3, fresh=True)
def test_a_frozen_clusterd_in_contact_costs_nothing(lab):
    """Nobody is fenced, reset or given up for it, the leader neither; with times short enough to be passed."""
    roles.add_fence_device(lab)
    roles.shorten_guard(lab)
    guests = roles.add_roles(lab, {f"vm{node[1:]}": node for node in lab.nodes})
    roles.wait_guard_is_short(lab)
    frozen_ms = roles.guard_ms(lab) + 1000
    leader = lab.clu("n1", "cluster", "status")["leader"]
    other = next(node for node in lab.nodes if node != leader)
    with roles.Undisturbed(lab, guests) as watch:
        for node in (other, leader):
            lab.kill(node, "clusterd", signal.SIGSTOP)
            try:
                holds_for(lambda: all(row["power"] == "on" and row["watchdog"] == "armed"
                                      for row in lab.status().values()),
                          frozen_ms / 1000, f"clu-guard keeps every node alive while clusterd of {node} is frozen",
                          poll_s=0.2)
            finally:
                lab.kill(node, "clusterd", signal.SIGCONT)
            roles.wait_answering(lab)
    lab.figures.note(frozen_ms=frozen_ms, silence_ms=watch.longest_ms)


@lab_test(nodes=3, fresh=True)
def test_a_frozen_clusterd_out_of_contact_is_ended_by_the_watchdog(lab):
    """It cannot stop its guests when the guard lapses. The watchdog does, not before, and before others start them."""
    roles.wait_answering(lab)
    roles.shorten_guard(lab)
    guest, = roles.add_roles(lab, {"vm01": "n3"})
    roles.wait_guard_is_short(lab)
    lapsed_ms = roles.guard_ms(lab, "isolation_hold", "stop_grace")
    watchdog_ms = roles.guard_ms(lab, "watchdog")
    least_ms = lapsed_ms + watchdog_ms - watchdog_ms / PET_SHARE - CONTACT_AGE_MS
    lab.kill("n3", "clusterd", signal.SIGSTOP)
    with DomainWatch(lab, ["n1", "n2"]) as watch:
        cut = time.monotonic()
        lab.network("n3", False)
        wait_until(lambda: lab.status()["n3"]["power"] == "off", START_TIMEOUT_S, "the watchdog of n3 fires")
        started, owner = watch.wait("Started", guest.name, cut, START_TIMEOUT_S)
    fired = lab.events("off", "n3")[-1]
    fired_ms = (fired["monotonic"] - cut) * 1000
    check_equal(fired["why"], "watchdog", "why n3 went off")
    check(least_ms <= fired_ms <= lapsed_ms + watchdog_ms + FIRING_LATE_MS,
          f"the watchdog fired {fired_ms:.0f} ms after the cut; the guard lapses after {lapsed_ms} ms")
    check(started > fired["monotonic"], "the guest was started before its host was reset")
    check_equal(lab.clu(owner, "node", "show", "n3")["evidence"]["kind"], "guard-expired", "evidence")
    lab.figures.note(guard_lapsed_ms=lapsed_ms, fired_ms=fired_ms, running_ms=(started - cut) * 1000)
    lab.network("n3", True)
    roles.bring_back(lab, guest, "n3", boots=2)
    roles.check_ledgers_agree(lab)
