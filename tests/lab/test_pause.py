# SPDX-License-Identifier: GPL-2.0-or-later
"""Storage is gone for everybody, or full: guests stand still and go on, and nothing is started anew."""

import time

from clulab import roles, volume
from clulab.testing import Stopwatch, check, check_equal, in_parallel, lab_test, wait_until

GONE_S = 60  # longer than a lease, a guard and every look
WRITE_MS = 5
OWNERS = {"vm01": "n1", "vm02": "n2"}
CSV_MIB = 48  # less than a guest's disk, which takes space as it is written


def stalls(lab):
    """As a node says it that runs none of them."""
    return [role["stall"] for role in lab.clu("n3", "role", "list")["roles"] if "stall" in role]


@lab_test(nodes=3, fresh=True, volume_faults=True)
def test_storage_that_is_gone_for_everybody_costs_no_guest(lab):
    roles.add_fence_device(lab)
    volume.add(lab)
    guests = roles.add_roles(lab, OWNERS, write_ms=WRITE_MS)
    with roles.Undisturbed(lab, guests, silence_ms=(GONE_S + 10) * 1000) as undisturbed, guests[0].writes() as writes:
        gone = lab.volume("down")
        wait_until(lambda: len(stalls(lab)) == len(guests), 20, "both have stalled", poll_s=0.1)
        stalled_ms = (time.monotonic() - gone) * 1000
        check("/csv/vm01.img" in stalls(lab)[0]["text"], f"why vm01 has stalled: {stalls(lab)}")

        # Neither daemon has to live to the end of it.
        lab.kill("n1", "libvirtd")
        lab.kill("n2", "clusterd")
        wait_until(lambda: time.monotonic() > gone + GONE_S, GONE_S + 1, "the time has passed", poll_s=0.1)
        check_equal(writes.since(gone + 1), 0, "writes while the volume was gone")
        back = lab.volume("up")
        in_parallel(lambda guest: guest.wait_writes(), guests)
        resumed_ms = (time.monotonic() - back) * 1000
        wait_until(lambda: not stalls(lab), 10, "both are told to go on", poll_s=0.1)
    for guest, node in zip(guests, OWNERS.values()):
        guest.require_unaware(node)
    lab.figures.note(told_ms=stalled_ms, resumed_ms=resumed_ms, stall_ms=writes.longest_stall_ms(),
                     silence_ms=undisturbed.longest_ms)


@lab_test(nodes=3, fresh=True)
def test_a_guest_on_a_full_volume_goes_on_when_there_is_space(lab):
    volume.boot_with(lab, CSV_MIB)
    roles.wait_answering(lab)
    volume.add(lab)
    (guest,) = roles.add_roles(lab, {"vm01": "n1"})
    with roles.Undisturbed(lab, [guest], silence_ms=60000):
        volume.fill(lab)
        wait_until(lambda: stalls(lab), 20, "vm01 has stalled", poll_s=0.1)
        check("no space left: /csv/vm01.img" in stalls(lab)[0]["text"], f"why vm01 has stalled: {stalls(lab)}")
        volume.unfill(lab)
        with Stopwatch() as resumed:
            guest.wait_writes(40)
    guest.require_unaware("n1")
    lab.figures.note(resumed_ms=resumed.ms)


def warnings(lab, node):
    return " | ".join(lab.clu(node, "cluster", "status")["warnings"])


@lab_test(nodes=3, fresh=True, volume_faults=True)
def test_a_guest_whose_path_hangs_goes_on_elsewhere_when_its_node_is_off(lab):
    roles.add_fence_device(lab)
    volume.add(lab)
    (guest,) = roles.add_roles(lab, {"vm01": "n1"}, write_ms=WRITE_MS)
    hung = lab.volume("hang", "n1")
    wait_until(lambda: "vm01 may stand still: volume csv does not answer on n1" in warnings(lab, "n2"), 30,
               "an operator is told", poll_s=0.1)
    told_ms = (time.monotonic() - hung) * 1000
    check_equal(guest.running_on(), ["n1"], "where vm01 is: what was sent there may be written yet")

    with Stopwatch() as recovery:
        lab.clu("n2", "node", "fence", "n1")
        wait_until(lambda: guest.running_on() in (["n2"], ["n3"]), 60, "vm01 runs elsewhere", poll_s=0.1)
        guest.wait_writes(60)
    lab.volume("up", "n1")
    check("may stand still" not in warnings(lab, "n2"), warnings(lab, "n2"))
    guest.require_whole_disk(boots=2)
    lab.figures.note(told_ms=told_ms, recovery_ms=recovery.ms)
