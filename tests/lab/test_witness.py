# SPDX-License-Identifier: GPL-2.0-or-later
"""Two nodes and a witness on a share or on a volume: what it is for, and what it must never do.

LAB_WITNESS=share or disk tells all of it with that kind."""

import os
import time

from clulab import roles
from clulab.testing import CLU_REFUSED, check, check_equal, lab_test, wait_until
from clulab.votes import (FOLLOW_TIMEOUT_S, RETURN_TIMEOUT_S, add_fence_devices, elapsed_ms, is_level,
                          lose_power_in_turn, quorum, return_from_the_past, wait_mirrored, wait_shot, wait_votes)

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
    lose_power_in_turn(lab, return_of)
    return_from_the_past(lab, lambda: "newer history" in said_of_witness(lab, "n1"))
    wait_votes(lab, "n1", ["n1", "n2"], True)
    wait_mirrored(lab)
    roles.check_ledgers_agree(lab)
    guest.wait_writes(60)
    guest.require_whole_disk()


@lab_test(nodes=2, fresh=True)
def test_two_nodes_and_a_witness_do_not_hear_each_other(lab):
    """It votes for one, and that one shoots the other."""
    add_fence_devices(lab)
    make_witness(lab, "share")
    guests = roles.add_roles(lab, {"vm01": "n2", "vm02": "n1"})
    _, loser = wait_shot(lab, lab.partition(["n1"], ["n2"]))
    wait_mirrored(lab)
    lab.heal()
    return_of(lab, loser)
    wait_mirrored(lab)
    for guest in guests:
        guest.wait_writes()
        guest.require_whole_disk()


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
    roles.wait_online(lab, "n1", "vm01", "n1")
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
