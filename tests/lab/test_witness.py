# SPDX-License-Identifier: GPL-2.0-or-later
"""Two nodes and a witness on a share or on a volume: what it is for, and what it must never do.

LAB_WITNESS=share or disk tells all of it with that kind."""

import os
import time

from clulab import roles
from clulab.testing import CLU_REFUSED, check, check_equal, holds_for, lab_test, wait_until
from clulab.votes import (RETURN_TIMEOUT_S, add_fence_devices, cuts_by_fencing, elapsed_ms, is_level, quorum,
                          wait_mirrored, wait_online)

FOLLOW_TIMEOUT_S = 40
SILENCE_S = 8
SHARE = "/csv/witness"
VOLUME = "quorum"


def make_witness(lab, usual):
    """What the nodes mount from elsewhere, and a witness there that votes; the words that set it."""
    kind = os.environ.get("LAB_WITNESS", usual)
    os.makedirs(f"{lab.place.csv_dir}/witness", exist_ok=True)
    if kind == "disk":
        lab.clu("n1", "volume", "add", VOLUME, "--kind", "directory", "--path", SHARE)
    words = [kind] + (["--volume", VOLUME] if kind == "disk" else ["--path", SHARE])
    lab.figures.note(kind=kind)
    set_witness(lab, words)
    return words


def set_witness(lab, words):
    """And wait until it votes, if the nodes are an even number."""
    planned = lab.clu("n1", "quorum", "witness", "set", *words, "--plan")["quorum"]
    check("may be lost" in planned["after"], f"the plan says {planned}")
    lab.clu("n1", "quorum", "witness", "set", *words)
    return wait_votes(lab, "n1", lab.nodes, len(lab.nodes) % 2 == 0)


def wait_votes(lab, node, voters, witness):
    """Until NODE says that these vote and that there is quorum; what it says."""
    def settled():
        found = quorum(lab, node)
        votes = bool(found["witness"] and found["witness"]["vote"])
        whole = found["voters"] == voters and votes == witness and not found["voters_before"] and found["quorate"]
        return found if whole else None

    return wait_until(settled, FOLLOW_TIMEOUT_S, f"{' '.join(voters)} vote, the witness {witness}", poll_s=0.05)


def said_of_witness(lab, node):
    """Why it does not vote; nothing while the node boots."""
    shown = lab.clu(node, "quorum", "show", exit_code=None) or {}
    return (shown.get("witness") or {}).get("reason", "")


def lose_share(lab):
    """On every node something else is mounted there."""
    for node in lab.nodes:
        lab.run(node, "mkdir", "-p", "/var/elsewhere")
        lab.run(node, "mount", "--bind", "/var/elsewhere", SHARE)


def find_share(lab):
    for node in lab.nodes:
        lab.run(node, "umount", SHARE)


def return_of(lab, node):
    lab.power_on(node)
    wait_until(lambda: is_level(lab, node), RETURN_TIMEOUT_S, f"{node} is level", poll_s=0.1)
    return wait_votes(lab, "n1", ["n1", "n2"], True)


@lab_test(nodes=2, fresh=True)
def test_two_nodes_and_a_witness_lose_their_power(lab):
    """Either may be lost, and the other goes on; a node that slept through what was decided is refused."""
    add_fence_devices(lab)
    make_witness(lab, "share")
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

    # n2 went on alone and dies; n1, which knows nothing of that, comes back first.
    lab.clu("n2", "role", "set", "vm01", "--note", "decided while n1 slept")
    lab.power_off("n2")
    lab.power_on("n1")
    wait_until(lambda: "newer history" in said_of_witness(lab, "n1"), RETURN_TIMEOUT_S, "n1 is refused by the witness",
               poll_s=0.1)
    holds_for(lambda: not quorum(lab, "n1")["quorate"] and not lab.domains("n1"), SILENCE_S, "n1 starts nothing",
              poll_s=0.2)
    wait_mirrored(lab)
    lab.power_on("n2")
    wait_until(lambda: is_level(lab, "n1") and is_level(lab, "n2"), RETURN_TIMEOUT_S, "both are level", poll_s=0.1)
    check_equal(roles.show(lab, "n1", "vm01")["note"], "decided while n1 slept", "the note")
    wait_votes(lab, "n1", ["n1", "n2"], True)
    wait_mirrored(lab)
    roles.check_ledgers_agree(lab)
    guest.wait_writes(60)
    guest.require_whole_disk()
    lab.figures.note(cut_to_votes_ms=" ".join(f"{ms:.0f}" for ms in verdict_ms),
                     cut_to_running_ms=" ".join(f"{ms:.0f}" for ms in running_ms))


@lab_test(nodes=2, fresh=True)
def test_two_nodes_and_a_witness_do_not_hear_each_other(lab):
    """It votes for one, and that one shoots the other."""
    add_fence_devices(lab)
    make_witness(lab, "share")
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
    wait_mirrored(lab)
    for guest in guests:
        guest.wait_writes()
        guest.require_whole_disk()
    lab.figures.note(cut_to_shot_ms=shot_ms, survivor=survivor)


@lab_test(nodes=2, fresh=True)
def test_a_witness_that_is_lost(lab):
    """One of the two gives up its vote and may be lost; the witness has its vote again when it is back, and may be removed."""
    add_fence_devices(lab)
    words = make_witness(lab, "disk")
    guest, = roles.add_roles(lab, {"vm01": "n2"})
    begun = time.monotonic()
    lose_share(lab)
    found = wait_votes(lab, "n1", ["n1"], False)
    withdrawn_ms = elapsed_ms(begun)
    check(not found["witness"]["answers"] and "mounted" in found["witness"]["reason"], f"it says {found['witness']}")
    wait_mirrored(lab)
    cut = lab.power_off("n2")
    wait_online(lab, "n1", "vm01", "n1")
    running_ms = elapsed_ms(cut)
    wait_mirrored(lab)
    lab.power_on("n2")
    wait_until(lambda: is_level(lab, "n2"), RETURN_TIMEOUT_S, "n2 is level", poll_s=0.1)
    lab.run("n1", "umount", SHARE)  # n2 has booted without
    begun = time.monotonic()
    wait_votes(lab, "n1", ["n1", "n2"], True)
    given_ms = elapsed_ms(begun)

    wait_mirrored(lab)
    lab.clu("n1", "quorum", "witness", "set", *words, exit_code=CLU_REFUSED)
    if "disk" in words:
        check_equal(quorum(lab, "n2")["witness"]["volume"], VOLUME, "its volume")
        refused = lab.clu("n1", "volume", "remove", VOLUME, exit_code=CLU_REFUSED)
        check("witness" in refused["error"]["message"], refused["error"]["message"])
    lab.clu("n1", "quorum", "witness", "remove")
    wait_votes(lab, "n1", ["n1"], False)
    wait_until(lambda: not os.path.exists(f"{lab.place.csv_dir}/witness/.clu-witness"), 5, "nothing is left there")
    set_witness(lab, words)
    wait_mirrored(lab)
    guest.wait_writes()
    guest.require_whole_disk()
    lab.figures.note(lost_to_withdrawn_ms=withdrawn_ms, cut_to_running_ms=running_ms, back_to_vote_ms=given_ms)


@lab_test(nodes=3, fresh=True)
def test_nodes_leave_in_order_beside_a_witness(lab):
    """Stopped and back, then evicted: the third, then the second; the witness votes while two do."""
    roles.wait_answering(lab)
    make_witness(lab, "share")
    figures = {}
    for leaver, voters in (("n3", ["n1", "n2"]), ("n2", ["n1"])):
        even = len(voters) == 2
        before = sorted(voters + [leaver])
        begun = time.monotonic()
        lab.daemon_stop(leaver, "clusterd")
        wait_until(lambda leaver=leaver: lab.daemons(leaver)["clusterd"]["pid"] is None, FOLLOW_TIMEOUT_S,
                   f"clusterd of {leaver} has ended", poll_s=0.02)
        lab.daemon_stop(leaver, "corosync")
        wait_votes(lab, "n1", voters, even)
        figures[f"{leaver}_stopped_ms"] = elapsed_ms(begun)
        gone = [node for node in lab.nodes if node not in voters]
        wait_mirrored(lab, without=gone)
        lab.clu("n1", "quorum", "set", "--node", "n1", "--priority", "1")
        lab.daemon_start(leaver, "corosync")
        lab.daemon_start(leaver, "clusterd")
        wait_until(lambda leaver=leaver: is_level(lab, leaver), RETURN_TIMEOUT_S, f"{leaver} is level", poll_s=0.1)
        wait_votes(lab, "n1", before, not even)
        wait_mirrored(lab, without=[node for node in gone if node != leaver])

        lab.clu("n1", "node", "drain", leaver)
        planned = lab.clu("n1", "node", "evict", leaver, "--plan")["quorum"]
        check_equal(planned["after"], "n1, n2 or the witness may be lost; two of them together may not" if even
                    else "n1 may not be lost", "the plan")
        begun = time.monotonic()
        lab.clu("n1", "node", "evict", leaver, "--yes")
        wait_votes(lab, "n1", voters, even)
        figures[f"{leaver}_evicted_ms"] = elapsed_ms(begun)
        wait_mirrored(lab, without=gone)
    lab.figures.note(**figures)
