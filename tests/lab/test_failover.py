# SPDX-License-Identifier: GPL-2.0-or-later
"""The owner of a role loses its power: how soon does the guest run elsewhere, and on what evidence?"""

from clulab import roles
from clulab.testing import check, check_equal, holds_for, lab_test, median, wait_until
from clulab.watch import DomainWatch, start_begun, view_without

RUNS = 10
# Medians aimed at, on a machine that does nothing else. What the test insists on is twice that: other work on two
# shared processors must not make a good build look broken.
CUT_TO_RUNNING_AIM_MS = 2900
VIEW_TO_RUNNING_AIM_MS = 600
# After the guard has expired: evidence, two commits, the command to start. How long a start takes is not ours.
GUARD_TO_START_MAX_MS = 500
START_TIMEOUT_S = 30


class Cut:
    """One power cut of an owner, measured until libvirt says that the guest was started on a survivor."""

    def __init__(self, lab, guest, owner):
        self.was_leader = leader(lab) == owner
        self.lost = owner
        self.survivors = [node for node in lab.nodes if node != owner]
        with DomainWatch(lab, self.survivors) as watch:
            self.moment = lab.power_off(owner)
            started, self.target = watch.wait("Started", guest.name, self.moment, START_TIMEOUT_S)
        self.measure(lab, started, start_begun(lab, self.target, guest.name, self.moment))

    def measure(self, lab, started, begun):
        """Milliseconds between the cut, corosync's new view and the start."""
        view = view_without(lab, self.survivors, self.lost, self.moment)
        self.view_ms = (view - self.moment) * 1000
        self.running_ms = (started - self.moment) * 1000
        self.after_view_ms = (started - view) * 1000
        # The rest is libvirt's and QEMU's.
        self.decided_ms = (begun - view) * 1000


def leader(lab):
    """By the account of n1; all nodes are on."""
    return lab.clu("n1", "cluster", "status")["leader"]


def add_guest(lab):
    """A role that may run anywhere, and whose guest writes."""
    # A lab that has just come up may still be between two epochs.
    roles.wait_answering(lab)
    guest = lab.guest("vm01")
    lab.clu("n1", "role", "add", guest.name, "--definition", guest.definition)
    guest.wait_answers()
    guest.wait_writes()
    return guest


def place(lab, guest, on_leader):
    """The role's owner, which is the leader or is not; moves the role when it must."""
    owner, leading = roles.show(lab, "n1", guest.name)["owner"], leader(lab)
    if (owner == leading) == on_leader:
        return owner
    target = leading if on_leader else next(node for node in lab.nodes if node != leading)
    lab.clu("n1", "role", "move", guest.name, "--node", target)
    return target


def check_recovered(lab, guest, cut, kind, by):
    """One domain, where the ledger says, and the whole story in `role why`; returns the evidence's entry."""
    node = cut.survivors[-1]
    row = roles.wait_online(lab, node, guest.name, timeout_s=10)
    check_equal((row["owner"], row["target"]), (cut.target, None), "owner and target after the recovery")
    check_equal(guest.running_on(), [cut.target], f"domains of {guest.name}")
    chain = lab.clu(node, "role", "why", guest.name)["chain"]
    lost, evidence, assigned, runs = last_four(chain)
    check_equal(lost["subject"], f"node:{cut.lost[1:]}", "what was lost")
    check(cut.lost in lost["text"], f"'{lost['text']}' does not name {cut.lost}")
    check_equal((evidence["evidence"], by in evidence["by"]), (kind, True), f"evidence ({evidence['text']})")
    check(f"given to {cut.target}" in assigned["text"] and f"entry {evidence['index']}" in assigned["text"],
          f"'{assigned['text']}' does not say where to and on what evidence")
    check(cut.target in runs["text"], f"'{runs['text']}' does not name {cut.target}")
    said = lab.run(node, "clu", "role", "why", guest.name).stdout
    for entry in (lost, evidence, assigned):
        check(entry["text"] in said, f"clu role why does not say '{entry['text']}': {said}")
    return evidence


def last_four(chain):
    """Loss, evidence, assignment, start: in this order, and nothing after them; devices may have answered between."""
    found = [entry for entry in chain if entry["command"] != "fence-report"][-4:]
    commands = [entry["command"] for entry in found]
    check_equal(commands, ["node-lost", "node-evidence", "role-assign", "role-report"], "the chain of role why")
    return found


def note_cuts(lab, cuts):
    """Figures of a series; the leader's loss costs an election more."""
    for name, some in (("leader", [c for c in cuts if c.was_leader]), ("other", [c for c in cuts if not c.was_leader])):
        if some:
            lab.figures.note(**{
                f"{name}_cuts": len(some),
                f"{name}_running_median_ms": median([cut.running_ms for cut in some]),
                f"{name}_after_view_median_ms": median([cut.after_view_ms for cut in some]),
            })
    lab.figures.note(
        running_max_ms=max(cut.running_ms for cut in cuts), after_view_max_ms=max(cut.after_view_ms for cut in cuts),
        view_median_ms=median([cut.view_ms for cut in cuts]),
        view_to_start_command_median_ms=median([cut.decided_ms for cut in cuts]),
    )


@lab_test(nodes=3, fresh=True, alone=True)
def test_power_cut_of_the_owner_with_a_fence_device(lab):
    roles.add_fence_device(lab)
    guest = add_guest(lab)
    cuts = []
    for number in range(RUNS):
        cuts.append(Cut(lab, guest, place(lab, guest, on_leader=number % 2 == 0)))
        check_recovered(lab, guest, cuts[-1], "powered-off", roles.FENCE_DEVICE)
        roles.bring_back(lab, guest, cuts[-1].lost, boots=number + 2)
    running_ms, after_view_ms = median([c.running_ms for c in cuts]), median([c.after_view_ms for c in cuts])
    lab.figures.note(
        running_median_ms=running_ms, running_aim_ms=CUT_TO_RUNNING_AIM_MS,
        after_view_median_ms=after_view_ms, after_view_aim_ms=VIEW_TO_RUNNING_AIM_MS,
    )
    note_cuts(lab, cuts)
    roles.check_ledgers_agree(lab)
    check(running_ms <= 2 * CUT_TO_RUNNING_AIM_MS, f"from the cut to a running guest it takes {running_ms:.0f} ms")
    check(after_view_ms <= 2 * VIEW_TO_RUNNING_AIM_MS, f"of that {after_view_ms:.0f} ms after the view change")


@lab_test(nodes=3, fresh=True)
def test_power_cut_of_the_owner_without_a_fence_device(lab):
    guest = add_guest(lab)
    wait_ms = {"default": roles.guard_ms(lab)}
    cuts = {"default": guard_cut(lab, guest, on_leader=False, boots=2)}
    roles.shorten_guard(lab)
    roles.wait_guard_is_short(lab)
    wait_ms["short"] = wait_ms["short_leader"] = roles.guard_ms(lab)
    cuts["short_leader"] = guard_cut(lab, guest, on_leader=True, boots=3)
    cuts["short"] = guard_cut(lab, guest, on_leader=False, boots=4)
    for name, cut in cuts.items():
        lab.figures.note(**{f"{name}_guard_ms": wait_ms[name], f"{name}_after_cut_ms": cut.running_ms,
                            f"{name}_after_view_ms": cut.after_view_ms,
                            f"{name}_evidence_ms": cut.evidence_ms, f"{name}_start_command_ms": cut.decided_ms})
    roles.check_ledgers_agree(lab)


def guard_cut(lab, guest, on_leader, boots):
    """One cut that only time can prove."""
    least_ms = roles.guard_ms(lab)
    cut = Cut(lab, guest, place(lab, guest, on_leader))
    check_equal(cut.was_leader, on_leader, "the leader was cut")
    cut.evidence_ms = check_recovered(lab, guest, cut, "guard-expired", "no contact")["after_ms"]
    for what, ms in (("after the new view", cut.decided_ms), ("by the evidence", cut.evidence_ms)):
        check(ms >= least_ms, f"the guest was started {ms:.0f} ms {what}, its guard takes {least_ms} ms")
    check(cut.decided_ms <= least_ms + GUARD_TO_START_MAX_MS,
          f"libvirt was told to start it {cut.decided_ms:.0f} ms after the new view; {least_ms} ms were enough")
    roles.bring_back(lab, guest, cut.lost, boots)
    return cut


@lab_test(nodes=3, fresh=True)
def test_power_cut_without_fence_device_and_watchdog_waits_for_the_operator(lab):
    roles.wait_answering(lab)
    roles.shorten_guard(lab)
    roles.without_watchdogs(lab)
    guest = add_guest(lab)
    roles.wait_guard_is_short(lab)
    lost = roles.show(lab, "n1", guest.name)["owner"]
    node = next(node for node in lab.nodes if node != lost)
    survivors = [other for other in lab.nodes if other != lost]
    with DomainWatch(lab, survivors) as watch:
        cut = lab.power_off(lost)
        row = wait_until(lambda: (r if (r := roles.show(lab, node, guest.name))["state"] == "recovering" else None),
                         10, f"{guest.name} is recovering")
        holds_for(lambda: roles.show(lab, node, guest.name)["state"] == "recovering" and not watch.all("Started"),
                  roles.guard_ms(lab, node=node) / 1000 + 3, "nobody starts it without evidence", poll_s=0.2)
        row = roles.show(lab, node, guest.name)
        check(lost in row["reason"], f"the reason of a recovering role does not name {lost}: '{row['reason']}'")
        lab.clu(node, "node", "confirm-off", lost)
        started, target = watch.wait("Started", guest.name, cut, START_TIMEOUT_S)
    roles.wait_online(lab, node, guest.name, timeout_s=10)
    chain = lab.clu(node, "role", "why", guest.name)["chain"]
    vouched = [entry for entry in chain if entry["command"] == "node-confirm-off"]
    check(vouched and vouched[0]["actor"] == "root", f"role why does not say who confirmed: {chain}")
    check_equal(guest.running_on(), [target], f"domains of {guest.name}")
    roles.bring_back(lab, guest, lost, boots=2)
    lab.figures.note(waited_ms=(started - cut) * 1000, reason=f"'{row['reason']}'")
