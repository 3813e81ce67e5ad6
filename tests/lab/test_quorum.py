# SPDX-License-Identifier: GPL-2.0-or-later
"""Votes that follow the losses: five nodes down to one and back, two nodes that lose each other in every way."""

import signal
import time

from clulab import roles
from clulab.testing import CLU_NO_QUORUM, CLU_REFUSED, check, check_equal, holds_for, lab_test, wait_until
from clulab.votes import (FOLLOW_TIMEOUT_S, RETURN_TIMEOUT_S, SILENCE_S, add_fence_devices, cuts_by_fencing, elapsed_ms,
                          is_level, quorum, wait_mirrored)


def wait_voters(lab, node, voters, timeout_s=FOLLOW_TIMEOUT_S):
    """Until NODE says that these vote, that no change is under way, and that there is quorum; what it says."""
    def settled():
        found = quorum(lab, node)
        whole = found["voters"] == voters and not found["voters_before"] and found["quorate"]
        return found if whole else None

    return wait_until(settled, timeout_s, f"{' '.join(voters)} vote", poll_s=0.05)


def gone(found, lost, voters):
    """What `quorum show` says, once LOST is not heard and these vote."""
    settled = found["quorate"] and found["voters"] == voters and not found["voters_before"]
    return found if settled and rows_of(found)[lost]["seen"] == "not heard" else None


def there(lab, back, voters):
    """What n1's `quorum show` says once BACK is a level member, with a vote or (of two) without."""
    if not is_level(lab, back):
        return None
    found = quorum(lab, "n1")
    settled = found["quorate"] and found["voters"] == voters and not found["voters_before"]
    return found if settled else None


def rows_of(found):
    """By name."""
    return {row["name"]: row for row in found["nodes"]}


# The next to be lost, who votes then, and what is said of that.
DESCENT = (
    ("n5", ["n1", "n2", "n3"], "n1, n2 or n3 may be lost; two of them together may not; n4 has no vote and may be lost"),
    ("n4", ["n1", "n2", "n3"], "n1, n2 or n3 may be lost; two of them together may not"),
    ("n3", ["n1"], "n1 may not be lost; n2 has no vote and may be lost"),
    ("n2", ["n1"], "n1 may not be lost"),
)
ASCENT = (
    ("n2", ["n1"], "n1 may not be lost; n2 has no vote and may be lost"),
    ("n3", ["n1", "n2", "n3"], "n1, n2 or n3 may be lost; two of them together may not"),
    ("n4", ["n1", "n2", "n3"], "n1, n2 or n3 may be lost; two of them together may not; n4 has no vote and may be lost"),
    ("n5", ["n1", "n2", "n3", "n4", "n5"],
     "any 2 of n1, n2, n3, n4 and n5 may be lost together; 3 may not"),
)


@lab_test(nodes=5, fresh=True, alone=True)
def test_five_nodes_down_to_one_and_back(lab):
    """By power cuts, one after the other. The last one still takes commands and runs what was on the others."""
    roles.add_fence_device(lab)
    role, = roles.add_roles(lab, {"vm01": "n5"})
    first = wait_voters(lab, "n1", list(lab.nodes))
    check_equal(first["text"][0], ASCENT[-1][2], "what five nodes can afford")
    follow_ms, return_ms = [], []
    for lost, voters, text in DESCENT:
        foretold = rows_of(quorum(lab, "n1"))[lost]
        check_equal((foretold["if_lost"], foretold["voters_then"]), ("holds", voters), f"foretold of {lost}")
        cut = lab.power_off(lost)
        found = wait_until(lambda voters=voters, lost=lost: gone(quorum(lab, "n1"), lost, voters), FOLLOW_TIMEOUT_S,
                           f"{' '.join(voters)} vote without {lost}", poll_s=0.05)
        follow_ms.append(elapsed_ms(cut))
        check_equal(found["text"][0], text, f"said after the loss of {lost}")
        wait_mirrored(lab)
        check_equal(rows_of(found)[lost]["seen"], "not heard", f"{lost} is")
        lab.clu("n1", "role", "set", "vm01", "--note", f"without {lost}")
    role.wait_answers()
    check_equal(role.running_on(), ["n1"], "where the role runs")
    refused = lab.clu("n1", "node", "drain", "n1", exit_code=CLU_REFUSED)
    check("without n1 there would be no quorum" in refused["error"]["message"], f"the refusal says {refused}")
    for back, voters, text in ASCENT:
        begun = time.monotonic()
        lab.power_on(back)
        found = wait_until(lambda voters=voters, back=back: there(lab, back, voters),
                           RETURN_TIMEOUT_S, f"{' '.join(voters)} vote with {back}", poll_s=0.05)
        return_ms.append(elapsed_ms(begun))
        check_equal(found["text"][0], text, f"said after the return of {back}")
        wait_mirrored(lab)
    roles.wait_answering(lab)
    roles.check_ledgers_agree(lab)
    role.wait_writes()
    role.require_whole_disk()
    lab.figures.note(cut_to_votes_ms=" ".join(f"{ms:.0f}" for ms in follow_ms),
                     power_to_votes_ms=" ".join(f"{ms:.0f}" for ms in return_ms))


@lab_test(nodes=2, fresh=True)
def test_two_nodes_lose_their_power(lab):
    """Without its vote the second cannot go on alone, says so, and does nothing; drained, the first hands its vote on."""
    add_fence_devices(lab)
    second, first = roles.add_roles(lab, {"vm01": "n2", "vm02": "n1"})
    wait_voters(lab, "n1", ["n1"])
    cut = lab.power_off("n2")
    roles.wait_online(lab, "n1", "vm01", "n1")
    recovered_ms = elapsed_ms(cut)
    wait_mirrored(lab)
    lab.power_on("n2")
    roles.wait_answering(lab, RETURN_TIMEOUT_S)
    roles.wait_online(lab, "n1", "vm01", "n1")

    cut = lab.power_off("n1")
    found = wait_until(lambda: (show := quorum(lab, "n2")) and not show["quorate"] and show, FOLLOW_TIMEOUT_S,
                       "n2 knows that it is alone", poll_s=0.05)
    verdict_ms = elapsed_ms(cut)
    check_equal(found["text"], ["0 of 1 votes are here, 1 is needed: n1 has to come back",
                                "n1 is not heard here; that does not say that it is down"], "what n2 says")
    lab.clu("n2", "role", "stop", "vm01", exit_code=CLU_NO_QUORUM)
    wait_mirrored(lab)
    holds_for(lambda: not lab.domains("n2"), SILENCE_S, "n2 starts nothing", poll_s=0.2)
    lab.power_on("n1")
    roles.wait_answering(lab, RETURN_TIMEOUT_S)

    # A kernel that boots is not moved: under emulation it may hang afterwards.
    for guest in (first, second):
        guest.wait_writes(60)
    lab.clu("n1", "node", "drain", "n1", timeout_s=120)
    wait_voters(lab, "n2", ["n2"])
    lab.power_off("n1")
    wait_until(lambda: gone(quorum(lab, "n2"), "n1", ["n2"]), FOLLOW_TIMEOUT_S, "n2 goes on without n1", poll_s=0.05)
    holds_for(lambda: quorum(lab, "n2")["quorate"], SILENCE_S, "n2 has quorum without n1", poll_s=0.2)
    wait_mirrored(lab)
    check_equal(sorted(lab.domains("n2")), ["vm01", "vm02"], "what runs on n2")
    lab.power_on("n1")
    wait_until(lambda: is_level(lab, "n1", "drained"), RETURN_TIMEOUT_S, "n1 is level, and drained", poll_s=0.1)
    lab.clu("n2", "node", "resume", "n1", timeout_s=120)
    wait_voters(lab, "n2", ["n1"])
    roles.check_ledgers_agree(lab)
    for guest in (first, second):
        guest.wait_writes()
        guest.require_whole_disk()
    lab.figures.note(cut_to_running_ms=recovered_ms, cut_to_verdict_ms=verdict_ms)


@lab_test(nodes=2, fresh=True)
def test_two_nodes_shut_down_in_order(lab):
    """The one that votes hands that on; a restart of its clusterd alone moves the vote there and back, and no guest."""
    add_fence_devices(lab)
    first, second = roles.add_roles(lab, {"vm01": "n1", "vm02": "n2"})
    wait_voters(lab, "n1", ["n1"])
    lab.kill("n1", "clusterd", signal.SIGTERM)
    wait_until(lambda: lab.daemons("n1")["clusterd"]["starts"] == 2, FOLLOW_TIMEOUT_S, "clusterd starts again")
    roles.wait_answering(lab)
    wait_voters(lab, "n1", ["n1"])
    moved = [event["text"] for event in lab.clu("n1", "event", "list", "--limit", "1000")["events"]
             if event["command"] == "voter-set"][-2:]
    check("the other's clusterd is about to end" in moved[0], f"the last changes of the voters: {moved}")
    check_equal((first.running_on(), second.running_on()), (["n1"], ["n2"]), "what runs where")

    begun = time.monotonic()
    lab.daemon_stop("n1", "clusterd")
    wait_until(lambda: lab.daemons("n1")["clusterd"]["pid"] is None, FOLLOW_TIMEOUT_S, "clusterd has ended", poll_s=0.02)
    ended_ms = elapsed_ms(begun)
    wait_voters(lab, "n2", ["n2"])
    cut = lab.power_off("n1")
    roles.wait_online(lab, "n2", "vm01", "n2")
    recovered_ms = elapsed_ms(cut)
    lab.power_on("n1")
    wait_until(lambda: is_level(lab, "n1"), RETURN_TIMEOUT_S, "n1 is level", poll_s=0.1)
    wait_voters(lab, "n1", ["n1"])
    roles.check_ledgers_agree(lab)
    first.wait_writes(60)
    for guest, boots in ((first, 2), (second, 1)):
        guest.wait_writes()
        guest.require_whole_disk(boots=boots)
    lab.figures.note(told_to_ended_ms=ended_ms, cut_to_running_ms=recovered_ms)


def partition_of_two(lab, survivor, loser):
    """Both can shoot; only who votes does. Returns the times of that."""
    wait_voters(lab, survivor, [survivor])
    cut = lab.partition(["n1"], ["n2"])
    roles.wait_online(lab, survivor, "vm01", survivor)
    running_ms = elapsed_ms(cut)
    holds_for(lambda: lab.status()[survivor]["power"] == "on", SILENCE_S, f"{survivor} is not shot", poll_s=0.2)
    check_equal(cuts_by_fencing(lab, cut), [loser], "who was shot")
    why = lab.clu(survivor, "role", "why", "vm01")["chain"]
    evidence = [entry for entry in why if entry["command"] == "node-evidence"][-1]
    check_equal((evidence["evidence"], evidence["by"]), ("powered-off", f"power-{loser}"), "evidence")
    off = [event for event in lab.events("off", loser) if event["monotonic"] > cut][-1]
    lab.heal()
    lab.power_on(loser)
    roles.wait_answering(lab, RETURN_TIMEOUT_S)
    return (off["monotonic"] - cut) * 1000, running_ms


def says_why(lab, node, word):
    """The last change of the voters stands in the ledger, with its reason."""
    events = lab.clu(node, "event", "list", "--limit", "1000")["events"]
    text = [event["text"] for event in events if event["command"] == "voter-set"][-1]
    check(word in text, f"'{text}' does not say '{word}'")
    return text


@lab_test(nodes=2, fresh=True)
def test_two_nodes_that_could_shoot_each_other(lab):
    """One survives, the one that was foretold, and the ledger says why it and not the other."""
    add_fence_devices(lab)
    guest, = roles.add_roles(lab, {"vm01": "n2"})
    wait_voters(lab, "n1", ["n1"])
    by_id = says_why(lab, "n1", "are left, and one has to decide: it has the lower id")
    id_shot_ms, id_running_ms = partition_of_two(lab, "n1", "n2")

    lab.clu("n1", "role", "set", "vm01", "--preferred", "")
    planned = lab.clu("n1", "quorum", "set", "--node", "n2", "--priority", "5", "--plan")["quorum"]
    check_equal((planned["before"], planned["after"]),
                ("n1 may not be lost; n2 has no vote and may be lost",
                 "n2 may not be lost; n1 has no vote and may be lost"), "the plan")
    lab.clu("n1", "quorum", "set", "--node", "n2", "--priority", "5", "--reason", "on the better power supply")
    roles.wait_online(lab, "n1", "vm01", "n1")
    wait_voters(lab, "n1", ["n2"])
    by_priority = says_why(lab, "n2", "it has the higher quorum priority")
    priority_shot_ms, priority_running_ms = partition_of_two(lab, "n2", "n1")
    roles.check_ledgers_agree(lab)
    guest.wait_writes()
    guest.require_whole_disk()
    lab.figures.note(id_cut_to_shot_ms=id_shot_ms, id_cut_to_running_ms=id_running_ms,
                     priority_cut_to_shot_ms=priority_shot_ms, priority_cut_to_running_ms=priority_running_ms,
                     why=f"'{by_id}' '{by_priority}'")
