# SPDX-License-Identifier: GPL-2.0-or-later
"""LUNs of an iSCSI target as guests' disks: proven, moved, lost and found again."""

import signal
import time

from clulab import roles, settings, target
from clulab.testing import CLU_REFUSED, Stopwatch, check, check_equal, holds_for, lab_test, wait_until

MOVES = 10
OUTAGE_S = 3
UNCONFIRMED_S = 4


def add_volume(lab, password=target.PASSWORD, exit_code=0):
    """`clu volume add`, with the password on standard input."""
    portal = settings.outside_address(lab.place.load_shape()["index"])
    words = ["clu", "volume", "add", "san", "--kind", "iscsi", "--portal", portal, "--target", target.IQN, "--user",
             target.USER, "--json"]
    done = lab.run("n1", *words, stdin=f"{password}\n", check_exit=False)
    check_equal(done.returncode, exit_code, f"exit code of volume add ({done.stdout} {done.stderr})")
    return done.stdout + done.stderr


def start_on_a_lun(lab):
    """vm01, writing to LUN 1 on n1."""
    lab.target("start")
    vm01 = lab.guest("vm01")
    target.on_lun(lab, vm01, 1)
    add_volume(lab)
    roles.add(lab, vm01, "n1")
    return vm01


def gateways(lab, node):
    """Process ids of those that run there."""
    return lab.run(node, "pgrep", "-x", "nbdkit", check_exit=False).stdout.split()


def check_is_secret(lab):
    """The password is nowhere that people look, nor in an argument."""
    for node in lab.nodes:
        for words in (("volume", "show", "san"), ("volume", "list"), ("ledger", "list")):
            check(target.PASSWORD not in str(lab.clu(node, *words)), f"{' '.join(words)} shows the password")
        found = lab.run(node, "grep", "-r", "-l", target.PASSWORD, "/var/log", check_exit=False).stdout
        check_equal(found, "", "logs with the password")
        check(target.PASSWORD not in lab.run(node, "ps", "-ef").stdout, "a command line shows the password")


def outage(lab, guest):
    """The target dies under a writing guest, and is back with nothing but its LUNs: the disk stood still meanwhile."""
    begun = time.monotonic()
    lab.target("signal", number=int(signal.SIGKILL))
    wait_until(lambda: time.monotonic() > begun + OUTAGE_S, OUTAGE_S + 1, "the outage lasts", poll_s=0.1)
    lab.target("start")
    with Stopwatch() as back:
        guest.wait_writes()
    return back.ms


@lab_test(nodes=3, fresh=True)
def test_a_guest_on_a_lun_moves_survives_its_target_and_a_power_cut(lab):
    roles.add_fence_device(lab)
    lab.target("start")
    check("Authentication failure" in add_volume(lab, "wrong", CLU_REFUSED), "a wrong password is told")
    vm01 = start_on_a_lun(lab)
    check_equal(lab.clu("n1", "volume", "show", "san")["direct"], lab.nodes, "who reaches it")
    check_equal(roles.show(lab, "n1", "vm01")["volumes"], ["san"], "volumes of the role")
    (reserved,) = roles.show(lab, "n1", "vm01")["reserved"]
    check_equal((reserved["volume"], reserved["keys_begin"][-2:]), ("san", "01"), "where its disk is reserved, and for whom")
    shown = lab.run("n1", "clu", "role", "show", "vm01").stdout
    check(f"those of n1 begin with {reserved['keys_begin']}" in shown, f"role show: {shown}")
    check_is_secret(lab)

    with vm01.ping() as ping:
        for number in range(MOVES):
            goal = lab.nodes[(number + 1) % len(lab.nodes)]
            roles.move(lab, lab.nodes[number % len(lab.nodes)], "vm01", goal)
        silence_ms = ping.longest_silence_ms()
    check_equal([len(gateways(lab, node)) for node in lab.nodes], [0, 1, 0], "gateways")
    vm01.wait_writes()  # its last gateway has taken over: who has not lets others go first when keys are forgotten

    # Neither clusterd nor the target need be there all the time.
    before = gateways(lab, "n2")
    lab.kill("n2", "clusterd")
    roles.wait_answering(lab)
    check_equal(gateways(lab, "n2"), before, "the gateway outlives clusterd")
    back_ms = outage(lab, vm01)

    # What the target has forgotten is registered anew, and nothing is written before clusterd has confirmed that.
    lab.daemon_stop("n2", "clusterd")
    lab.target("signal", number=int(signal.SIGKILL))
    last = vm01.check_disk().last.sequence
    lab.target("start")
    holds_for(lambda: vm01.check_disk().last.sequence == last, UNCONFIRMED_S, "vm01 waits to be confirmed")
    lab.daemon_start("n2", "clusterd")
    with Stopwatch() as confirmed:
        vm01.wait_writes()
    wait_until(lambda: lab.clu("n1", "volume", "show", "san")["direct"] == lab.nodes, 15, "all reach it again")
    vm01.require_whole_disk(boots=1)

    lab.power_off("n2")
    with Stopwatch() as recovery:
        roles.wait_recovered(lab, "n1", "vm01", "n2")
    vm01.wait_writes()
    vm01.require_whole_disk(boots=2)

    lab.clu("n1", "role", "stop", "vm01", "--force")
    check_equal([gateways(lab, node) for node in ("n1", "n3")], [[], []], "gateways of a guest that is stopped")
    lab.clu("n1", "role", "remove", "vm01")
    lab.clu("n1", "volume", "remove", "san")
    lab.figures.note(moves=MOVES, silence_max_ms=silence_ms,
                     writes_after_target_is_back_ms=back_ms, writes_after_clusterd_is_back_ms=confirmed.ms, recovery_ms=recovery.ms)


def refusals(lab, node):
    """Writes of vm01 on that node that the target refused, as the guest saw it."""
    return lab.run(node, "grep", "-c", "not permitted\\|I/O error\\|Input/output error", "/var/log/vm01.console.log",
                   check_exit=False).stdout.strip() not in ("", "0")


@lab_test(nodes=3, fresh=True)
def test_the_target_refuses_what_an_owner_still_writes_that_was_wrongly_taken_for_dead(lab):
    roles.wait_answering(lab)
    vm01 = start_on_a_lun(lab)

    # n1 reaches the target and nobody else, and an operator looks at the wrong power lamp.
    cut = lab.partition(["n1"], ["n2", "n3"])
    wait_until(lambda: lab.clu("n2", "node", "show", "n1")["state"] == "lost", 10, "n1 is lost")
    lab.clu("n2", "node", "confirm-off", "n1")
    roles.wait_recovered(lab, "n2", "vm01", "n1", timeout_s=20)
    recovery_ms = (time.monotonic() - cut) * 1000
    check("vm01" in lab.domains("n1"), "vm01 still runs on n1")
    with Stopwatch() as refusal:
        wait_until(lambda: refusals(lab, "n1"), 10, "a write of vm01 on n1 is refused")
    vm01.wait_writes()
    vm01.require_whole_disk(boots=2)
    lab.figures.note(running_elsewhere_ms=recovery_ms, refusal_ms=refusal.ms)


def start_with_nothing_to_fence(lab):
    """start_on_a_lun() in a cluster with short times: nothing but the target can keep anybody out."""
    roles.wait_answering(lab)
    roles.shorten_guard(lab)
    roles.without_watchdogs(lab)
    vm01 = start_on_a_lun(lab)
    roles.wait_guard_is_short(lab)
    return vm01


def wait_preempted(lab, lost_at):
    """Until vm01 runs elsewhere by that evidence; milliseconds since, and those of the evidence since the loss."""
    roles.wait_recovered(lab, "n2", "vm01", "n1", timeout_s=40)
    running_ms = (time.monotonic() - lost_at) * 1000
    proof = lab.clu("n2", "node", "show", "n1")["evidence"]
    check_equal(proof["kind"], "reservation-preempted", "evidence against n1")
    chain = lab.clu("n2", "role", "why", "vm01")["chain"]
    proofs = [entry for entry in chain if entry.get("evidence") == "reservation-preempted"]
    check(proofs, f"role why names no such evidence: {chain}")
    stop_ms = roles.guard_ms(lab, "isolation_hold", "stop_grace", "margin", node="n2")
    check(proofs[0]["after_ms"] >= stop_ms, f"the evidence came {proofs[0]['after_ms']} ms after the loss, n1 has {stop_ms}")
    lab.run("n2", "clu", "ledger", "verify")
    return running_ms, proofs[0]["after_ms"]


@lab_test(nodes=3, fresh=True)
def test_the_keys_of_an_owner_that_freezes_are_taken_away_and_what_it_writes_is_refused(lab):
    vm01 = start_with_nothing_to_fence(lab)
    frozen = time.monotonic()
    lab.freeze("n1")
    running_ms, evidence_ms = wait_preempted(lab, frozen)
    vm01.wait_writes()
    lab.thaw("n1")
    wait_until(lambda: lab.clu("n2", "node", "show", "n1")["state"] == "up", 30, "n1 is back")
    wait_until(lambda: "vm01" not in lab.domains("n1"), 20, "n1 has stopped what it ran")
    vm01.wait_writes()
    vm01.require_whole_disk(boots=2)
    lab.figures.note(loss_to_running_ms=running_ms, loss_to_evidence_ms=evidence_ms)


@lab_test(nodes=3, fresh=True)
def test_an_owner_that_is_cut_off_and_cannot_stop_its_guest_is_refused_by_the_target(lab):
    vm01 = start_with_nothing_to_fence(lab)
    # It reaches the target and nobody else, and nobody there stops anything.
    for daemon in ("clusterd", "libvirtd"):
        lab.kill("n1", daemon, signal.SIGSTOP)
    cut = lab.partition(["n1"], ["n2", "n3"])
    running_ms, evidence_ms = wait_preempted(lab, cut)
    with Stopwatch() as refusal:
        wait_until(lambda: refusals(lab, "n1"), 10, "a write of vm01 on n1 is refused", poll_s=0.02)
    vm01.wait_writes()
    lab.heal()
    for daemon in ("libvirtd", "clusterd"):
        lab.kill("n1", daemon, signal.SIGCONT)
    wait_until(lambda: "vm01" not in lab.domains("n1"), 30, "n1 has stopped what it ran")
    vm01.wait_writes()
    vm01.require_whole_disk(boots=2)
    lab.figures.note(loss_to_running_ms=running_ms, loss_to_evidence_ms=evidence_ms, refusal_seen_ms=refusal.ms)
