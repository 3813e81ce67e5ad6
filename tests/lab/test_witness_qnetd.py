# SPDX-License-Identifier: GPL-2.0-or-later
"""Two nodes and a qnetd: its vote decides, and counts for nobody of the past."""

import time

from clulab import roles, settings
from clulab.testing import CLU_USAGE, check, check_equal, holds_for, lab_test, wait_until
from clulab.votes import (RETURN_TIMEOUT_S, add_fence_devices, cuts_by_fencing, elapsed_ms, is_level, quorum,
                          wait_mirrored, wait_online)

FOLLOW_TIMEOUT_S = 40
# corosync-qdevice takes its time to connect again: mostly seconds, sometimes half a minute.
CONNECT_TIMEOUT_S = 120
SILENCE_S = 6


def set_witness(lab):
    """And wait until its vote would count on both."""
    host = settings.outside_address(lab.place.load_shape()["index"])
    lab.qnetd_start()
    lab.clu("n1", "quorum", "witness", "set", "qnetd", "--host", f"{host}:none", exit_code=CLU_USAGE)
    lab.clu("n1", "quorum", "witness", "set", "qnetd", "--host", host)
    wait_armed(lab)


def votes(lab, node, voters, witness):
    """Do these vote, as NODE says, and is there quorum?"""
    found = quorum(lab, node)
    voted = bool(found["witness"] and found["witness"]["vote"])
    return found["voters"] == voters and voted == witness and not found["voters_before"] and found["quorate"]


def answers(lab, node):
    """Has NODE its vote? Nothing while it boots."""
    found = lab.clu(node, "quorum", "show", exit_code=None) or {}
    return (found.get("witness") or {}).get("answers")


def wait_votes(lab, node, voters, witness):
    wait_until(lambda: votes(lab, node, voters, witness), FOLLOW_TIMEOUT_S,
               f"{' '.join(voters)} vote, the witness {witness}", poll_s=0.05)


def wait_armed(lab):
    wait_until(lambda: all(votes(lab, node, ["n1", "n2"], True) and quorum(lab, node)["witness"]["armed"]
                           for node in lab.nodes), CONNECT_TIMEOUT_S, "its vote would count on both", poll_s=0.1)


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
    verdict_ms, running_ms = [], []
    for lost, left in (("n2", "n1"), ("n1", "n2")):
        cut = lab.power_off(lost)
        wait_votes(lab, left, [left], False)
        verdict_ms.append(elapsed_ms(cut))
        wait_online(lab, left, "vm01", left)
        running_ms.append(elapsed_ms(cut))
        wait_mirrored(lab)
        if lost == "n2":
            return_of(lab, lost)

    # n2 went on alone and dies; n1, which knows nothing of that, comes back first, and qnetd votes for it.
    lab.clu("n2", "role", "set", "vm01", "--note", "decided while n1 slept")
    lab.power_off("n2")
    lab.power_on("n1")
    wait_until(lambda: answers(lab, "n1"), RETURN_TIMEOUT_S, "n1 has qnetd's vote", poll_s=0.1)
    holds_for(lambda: not quorum(lab, "n1")["quorate"] and not lab.domains("n1"), SILENCE_S, "n1 starts nothing",
              poll_s=0.2)
    lab.power_on("n2")
    wait_until(lambda: is_level(lab, "n1") and is_level(lab, "n2"), RETURN_TIMEOUT_S, "both are level", poll_s=0.1)
    check_equal(roles.show(lab, "n1", "vm01")["note"], "decided while n1 slept", "the note")
    wait_armed(lab)
    wait_mirrored(lab)
    roles.check_ledgers_agree(lab)
    guest.wait_writes(60)
    guest.require_whole_disk()
    lab.figures.note(cut_to_votes_ms=" ".join(f"{ms:.0f}" for ms in verdict_ms),
                     cut_to_running_ms=" ".join(f"{ms:.0f}" for ms in running_ms))


@lab_test(nodes=2, fresh=True)
def test_two_nodes_and_a_qnetd_that_is_lost(lab):
    """A partition: it votes for one, which shoots the other. Then it is lost, then a node; and it may be removed."""
    add_fence_devices(lab)
    set_witness(lab)
    guests = roles.add_roles(lab, {"vm01": "n2", "vm02": "n1"})
    cut = lab.partition(["n1"], ["n2"])
    wait_until(lambda: cuts_by_fencing(lab, cut), FOLLOW_TIMEOUT_S, "one is shot", poll_s=0.05)
    shot_ms = elapsed_ms(cut)
    loser, = cuts_by_fencing(lab, cut)
    survivor = "n1" if loser == "n2" else "n2"
    for role in ("vm01", "vm02"):
        wait_online(lab, survivor, role, survivor)
    holds_for(lambda: lab.status()[survivor]["power"] == "on", SILENCE_S, f"{survivor} is not shot", poll_s=0.2)
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
    wait_votes(lab, "n1", ["n1"], False)
    for role in ("vm01", "vm02"):
        wait_online(lab, "n1", role, "n1")
    running_ms = elapsed_ms(cut)
    lab.qnetd_start()  # without it corosync-quorumtool says no: votequorum expects the vote of a device that it knows
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
    lab.figures.note(cut_to_shot_ms=shot_ms, survivor=survivor, lost_to_withdrawn_ms=withdrawn_ms,
                     cut_to_running_ms=running_ms, back_to_armed_ms=armed_ms)
