# SPDX-License-Identifier: GPL-2.0-or-later
"""Two nodes and a qnetd: its vote decides, and counts for nobody of the past."""

import time

from clulab import roles, settings
from clulab.testing import CLU_USAGE, check, lab_test, wait_until
from clulab.votes import (FOLLOW_TIMEOUT_S, RETURN_TIMEOUT_S, add_fence_devices, elapsed_ms, is_level,
                          lose_power_in_turn, quorum, return_from_the_past, wait_mirrored, wait_shot, wait_votes)


def set_witness(lab):
    """And wait until its vote would count on both."""
    host = settings.outside_address(lab.place.load_shape()["index"])
    lab.qnetd_start()
    lab.clu("n1", "quorum", "witness", "set", "qnetd", "--host", f"{host}:none", exit_code=CLU_USAGE)
    lab.clu("n1", "quorum", "witness", "set", "qnetd", "--host", host)
    wait_armed(lab)


def waits_for_the_others(lab, node):
    """Does NODE know of the witness, and ask it for nothing? It knows nothing while it boots."""
    found = lab.clu(node, "quorum", "show", exit_code=None) or {}
    return "before the others are back" in ((found.get("witness") or {}).get("reason") or "")


def wait_armed(lab):
    wait_votes(lab, "n1", ["n1", "n2"], True)
    wait_until(lambda: all(quorum(lab, node)["witness"]["armed"] for node in lab.nodes), FOLLOW_TIMEOUT_S,
               "its vote would count on both", poll_s=0.1)


def return_of(lab, node):
    lab.power_on(node)
    wait_until(lambda: is_level(lab, node), RETURN_TIMEOUT_S, f"{node} is level", poll_s=0.1)
    wait_armed(lab)


@lab_test(nodes=2, fresh=True)
def test_two_nodes_and_a_qnetd_lose_their_power(lab):
    """Either may be lost, and the other goes on; a node that slept through what was decided is refused."""
    add_fence_devices(lab)
    set_witness(lab)
    wait_mirrored(lab)
    guest, = roles.add_roles(lab, {"vm01": "n2"})
    lose_power_in_turn(lab, return_of)
    return_from_the_past(lab, lambda: waits_for_the_others(lab, "n1"))
    wait_armed(lab)
    wait_mirrored(lab)
    roles.check_ledgers_agree(lab)
    guest.wait_writes(60)
    guest.require_whole_disk()


@lab_test(nodes=2, fresh=True)
def test_two_nodes_and_a_qnetd_that_is_lost(lab):
    """A partition: it votes for one, which shoots the other. Then it is lost, then a node; and it may be removed."""
    add_fence_devices(lab)
    set_witness(lab)
    guests = roles.add_roles(lab, {"vm01": "n2", "vm02": "n1"})
    survivor, loser = wait_shot(lab, lab.partition(["n1"], ["n2"]))
    wait_mirrored(lab)
    lab.heal()
    return_of(lab, loser)
    if survivor == "n1":
        lab.clu("n1", "role", "move", "vm01", "--node", "n2")

    lost = lab.qnetd_signal()
    wait_votes(lab, "n1", ["n1"], False)
    withdrawn_ms = elapsed_ms(lost)
    check(not quorum(lab, "n1")["witness"]["answers"], "it answers still")
    cut = lab.power_off("n2")
    for role in ("vm01", "vm02"):
        roles.wait_online(lab, "n1", role, "n1")
    running_ms = elapsed_ms(cut)
    wait_mirrored(lab)
    lab.qnetd_start()
    begun = time.monotonic()
    return_of(lab, "n2")
    armed_ms = elapsed_ms(begun)
    wait_mirrored(lab)

    lab.clu("n1", "quorum", "witness", "remove")
    wait_votes(lab, "n1", ["n1"], False)
    wait_until(lambda: not any("Qdevice" in lab.run(node, "corosync-quorumtool", "-s").stdout for node in lab.nodes),
               FOLLOW_TIMEOUT_S, "corosync has no device any more")
    wait_mirrored(lab)
    for guest in guests:
        guest.wait_writes()
        guest.require_whole_disk()
    lab.figures.note(lost_to_withdrawn_ms=withdrawn_ms, cut_to_running_ms=running_ms, back_to_armed_ms=armed_ms)
