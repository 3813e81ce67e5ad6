# SPDX-License-Identifier: GPL-2.0-or-later
"""Nodes that are cut off and keep their storage: their guests run on, and nobody takes them for dead."""

import time

from clulab import roles, volume
from clulab.testing import Stopwatch, check, check_equal, lab_test, wait_until
from clulab.watch import DomainWatch

# Without a lease guests are stopped 10 s after the last contact, and hosts are reset 7 s later.
CUT_OFF_S = 20


def begin(lab, owners):
    """{name: node} as roles that run there and may go by their nodes' leases; returns their guests."""
    roles.wait_answering(lab)
    volume.add(lab)
    return roles.add_roles(lab, owners)


def evidence(lab, kind):
    """What was said of n3, which has to be of this kind and stand in the chain of vm01; after so long."""
    chain = [entry for entry in lab.clu("n1", "role", "why", "vm01")["chain"] if entry.get("evidence")]
    check_equal([entry["evidence"] for entry in chain], [kind], "evidence that n3 runs vm01 no more")
    check_equal(lab.clu("n1", "node", "show", "n3")["evidence"]["kind"], kind, "evidence about n3")
    return chain[0]["after_ms"]


def wait_for(seconds):
    """Nothing to look at meanwhile: that nothing happens is what is tested."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end, seconds + 1, "the time has passed", poll_s=0.5)


@lab_test(nodes=3, fresh=True)
def test_the_whole_network_is_lost_and_no_guest_stops(lab):
    guests = begin(lab, {"vm01": "n1", "vm02": "n2", "vm03": "n3"})
    boots = {guest.name: len(guest.check_disk().boots) for guest in guests}
    before = len(lab.events())

    cut = lab.partition(["n1"], ["n2"], ["n3"])
    wait_for(CUT_OFF_S)
    for guest, node in zip(guests, lab.nodes):
        check(guest.name in lab.domains(node), f"{guest.name} does not run on {node} any more")
    lab.heal()
    with Stopwatch() as whole:
        roles.wait_answering(lab, 60)
    for guest, node in zip(guests, lab.nodes):
        roles.wait_online(lab, "n1", guest.name, node, timeout_s=30)
        guest.wait_writes()
        guest.require_whole_disk(boots=boots[guest.name])
    roles.require_untouched_hardware(lab, before)
    lab.figures.note(cut_off_s=time.monotonic() - cut, whole_again_ms=whole.ms)


@lab_test(nodes=3, fresh=True)
def test_an_isolated_owner_is_left_alone_and_goes_on(lab):
    (guest,) = begin(lab, {"vm01": "n3"})
    before = len(lab.events())
    generation = roles.show(lab, "n1", "vm01")["generation"]

    lab.partition(["n1", "n2"], ["n3"])
    wait_until(lambda: lab.clu("n1", "node", "show", "n3")["state"] == "isolated", 20, "n3 is isolated")
    wait_for(CUT_OFF_S)
    lab.kill("n3", "clusterd")
    wait_for(CUT_OFF_S)
    shown = roles.show(lab, "n1", "vm01")
    check_equal((shown["state"], shown["owner"]), ("recovering", "n3"), "vm01, as the others see it")
    check("its guard and its lease have to expire" in shown["waits_for"], shown["waits_for"])
    check_equal(guest.running_on(), ["n3"], "vm01")
    lab.heal()
    check_equal(roles.wait_online(lab, "n1", "vm01", "n3")["generation"], generation, "generation of vm01")
    guest.require_whole_disk(boots=1)
    roles.require_untouched_hardware(lab, before)


def revoke_isolated_owner(lab, period_s):
    """vm01 runs elsewhere when n3 has stopped it as it was asked to, and not before; by its own word."""
    roles.wait_answering(lab)
    lab.clu("n1", "cluster", "set", "--resiliency-period", str(period_s * 1000))
    (guest,) = begin(lab, {"vm01": "n3"})
    before = len(lab.events())

    with DomainWatch(lab, lab.nodes) as watch:
        cut = lab.partition(["n1", "n2"], ["n3"])
        roles.wait_recovered(lab, "n1", "vm01", "n3", timeout_s=period_s + 40)
        stopped = watch.wait("Stopped", "vm01", cut, 5)[0]
        started = watch.wait("Started", "vm01", cut, 5)[0]
    check(stopped > cut + period_s, f"revoked {stopped - cut:.1f} s after the cut, before {period_s} s had passed")
    check(started > stopped, "it was started before it had stopped")
    guest.wait_writes(60)
    guest.require_whole_disk(boots=2)
    roles.require_untouched_hardware(lab, before)
    lab.figures.note(evidence="lease-released", evidence_ms=evidence(lab, "lease-released"),
                     stopped_after_ms=(stopped - cut) * 1000, stopped_to_started_ms=(started - stopped) * 1000)


@lab_test(nodes=3, fresh=True)
def test_an_isolated_owner_that_does_not_return_is_revoked(lab):
    revoke_isolated_owner(lab, 20)


@lab_test(nodes=3, fresh=True)
def test_an_isolated_owner_without_a_watchdog_is_revoked(lab):
    """Its guard could expire for ever without proving anything."""
    roles.wait_answering(lab)
    roles.without_watchdogs(lab)
    revoke_isolated_owner(lab, 20)


@lab_test(nodes=3, fresh=True)
def test_a_dead_owner_is_recovered_without_a_device_when_all_has_expired(lab):
    (guest,) = begin(lab, {"vm01": "n3"})
    bound_ms = roles.guard_ms(lab)
    with Stopwatch() as recovery:
        lab.power_off("n3")
        roles.wait_recovered(lab, "n1", "vm01", "n3")
    check(recovery.ms >= bound_ms, f"recovered after {recovery.ms:.0f} ms, before {bound_ms} ms had passed")
    check(recovery.ms <= bound_ms + 10000, f"recovered after {recovery.ms:.0f} ms")
    guest.wait_writes(60)
    guest.require_whole_disk(boots=2)
    lab.figures.note(evidence="guard-expired", evidence_ms=evidence(lab, "guard-expired"),
                     recovery_ms=recovery.ms, bound_ms=bound_ms)
