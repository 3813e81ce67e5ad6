# SPDX-License-Identifier: GPL-2.0-or-later
"""Who votes, as clu and corosync say it, and what tests of that have in common."""

import time

from clulab import roles
from clulab.testing import check_equal, holds_for, wait_until

FOLLOW_TIMEOUT_S = 40
RETURN_TIMEOUT_S = 60
# For as long must nothing happen that quorum forbids: a round, a fence agent and a start together take 3 s.
SILENCE_S = 6
# clusterd tells votequorum once a second; of a qnetd that is away, when it has been so for 8 s.
MIRROR_TIMEOUT_S = 12


def quorum(lab, node):
    """`clu quorum show`."""
    return lab.clu(node, "quorum", "show")


def elapsed_ms(since):
    """From a moment of time.monotonic()."""
    return (time.monotonic() - since) * 1000


def is_level(lab, name, state="up"):
    """By the account of the first node that is on and of NAME itself."""
    asked = {name, next(node for node, row in lab.status().items() if row["power"] == "on")}
    lists = [(lab.clu(node, "node", "list", exit_code=None) or {}).get("nodes", []) for node in asked]
    return all(any(row["name"] == name and row["state"] == state and row["level"] for row in rows) for rows in lists)


def wait_mirrored(lab, without=()):
    """Until corosync-quorumtool says on every node that is on what `clu quorum show` says there."""
    on = [node for node, row in lab.status().items() if row["power"] == "on" and node not in without]
    wait_until(lambda: all(lab.is_quorate(node) == quorum(lab, node)["quorate"] for node in on), MIRROR_TIMEOUT_S,
               "corosync-quorumtool agrees", poll_s=0.1)


def add_fence_devices(lab):
    """One for each node."""
    roles.wait_answering(lab)
    for node in lab.nodes:
        lab.clu("n1", "fence", "add", f"power-{node}", "--agent", "fence_lab", "--nodes", node, "--timeout", "10000",
                "--no-wait")


def cuts_by_fencing(lab, after):
    """Nodes that a fence agent switched off since AFTER."""
    return [event["node"] for event in lab.events("off") if event["monotonic"] > after and event["why"] == "fenced"]


def wait_votes(lab, node, voters, witness):
    """Until NODE says that these vote and that there is quorum; what it says."""
    def settled():
        found = quorum(lab, node)
        votes = bool(found["witness"] and found["witness"]["vote"])
        whole = found["voters"] == voters and votes == witness and not found["voters_before"] and found["quorate"]
        return found if whole else None

    return wait_until(settled, FOLLOW_TIMEOUT_S, f"{' '.join(voters)} vote, the witness {witness}", poll_s=0.05)


def lose_power_in_turn(lab, return_of):
    """n2, which returns, then n1: each time the other goes on with the witness, and runs vm01."""
    verdict_ms, running_ms = [], []
    for lost, left in (("n2", "n1"), ("n1", "n2")):
        cut = lab.power_off(lost)
        wait_votes(lab, left, [left], False)
        verdict_ms.append(elapsed_ms(cut))
        roles.wait_online(lab, left, "vm01", left)
        running_ms.append(elapsed_ms(cut))
        wait_mirrored(lab)
        if lost == "n2":
            return_of(lab, lost)
    lab.figures.note(cut_to_votes_ms=" ".join(f"{ms:.0f}" for ms in verdict_ms),
                     cut_to_running_ms=" ".join(f"{ms:.0f}" for ms in running_ms))


def return_from_the_past(lab, is_refused):
    """n2 went on alone and dies; n1, which knows nothing of that, comes back first, and is refused until n2 is there."""
    lab.clu("n2", "role", "set", "vm01", "--note", "decided while n1 slept")
    lab.power_off("n2")
    lab.power_on("n1")
    wait_until(is_refused, RETURN_TIMEOUT_S, "n1 has heard of the witness", poll_s=0.1)
    holds_for(lambda: not quorum(lab, "n1")["quorate"] and not lab.domains("n1"), SILENCE_S, "n1 starts nothing",
              poll_s=0.2)
    wait_mirrored(lab)
    lab.power_on("n2")
    wait_until(lambda: is_level(lab, "n1") and is_level(lab, "n2"), RETURN_TIMEOUT_S, "both are level", poll_s=0.1)
    check_equal(roles.show(lab, "n1", "vm01")["note"], "decided while n1 slept", "the note")


def wait_shot(lab, cut):
    """Who does not hear the other is shot: survivor and loser, and the time from CUT."""
    wait_until(lambda: cuts_by_fencing(lab, cut), FOLLOW_TIMEOUT_S, "one is shot", poll_s=0.05)
    shot_ms = elapsed_ms(cut)
    loser, = cuts_by_fencing(lab, cut)
    survivor = "n1" if loser == "n2" else "n2"
    for role in ("vm01", "vm02"):
        roles.wait_online(lab, survivor, role, survivor)
    holds_for(lambda: lab.status()[survivor]["power"] == "on", SILENCE_S, f"{survivor} is not shot", poll_s=0.2)
    lab.figures.note(cut_to_shot_ms=shot_ms, survivor=survivor)
    return survivor, loser
