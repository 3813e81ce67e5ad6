# SPDX-License-Identifier: GPL-2.0-or-later
"""One node is cut off from two: the majority recovers its roles on evidence, it starts and changes nothing itself."""

from clulab import roles
from clulab.testing import CLU_NO_QUORUM, Stopwatch, check, check_equal, in_parallel, lab_test, wait_until
from clulab.watch import DomainWatch, view_without

# What an operator may try on the wrong side; none of it may happen.
REFUSED = (
    ("role", "stop", "vm03"),
    ("role", "start", "vm04"),
    ("role", "move", "vm01"),
    ("node", "drain", "n2"),
    ("cluster", "set", "--margin", "1"),
)
RECOVERY_TIMEOUT_S = 40


class Cluster:
    """Two roles on the node that will be alone, one with the others, and one that is stopped."""

    def __init__(self, lab, cut_leader):
        self.lab = lab
        # A lab that has just come up is still choosing: whoever was there first may lead.
        roles.wait_answering(lab)
        leader = lab.clu("n1", "cluster", "status")["leader"]
        self.alone = leader if cut_leader else next(node for node in reversed(lab.nodes) if node != leader)
        self.others = [node for node in lab.nodes if node != self.alone]
        roles.add_fence_device(lab)
        self.guests = roles.add_roles(lab, {"vm01": self.alone, "vm02": self.alone, "vm03": self.others[1]})
        self.cut_off = self.guests[:2]
        stopped = lab.guest("vm04")
        lab.clu("n1", "role", "add", "vm04", "--definition", stopped.definition, "--stopped")

    def recovered(self):
        """Whether the majority says that all roles run there."""
        rows = {row["name"]: row for row in self.lab.clu(self.others[0], "role", "list")["roles"]}
        return all(rows[g.name]["state"] == "online" and rows[g.name]["owner"] in self.others for g in self.guests)

    def evidence(self, guest):
        """Of the last entry of its chain that is evidence."""
        chain = self.lab.clu(self.others[0], "role", "why", guest.name)["chain"]
        found = [entry for entry in chain if entry["command"] == "node-evidence"]
        check(found, f"{guest.name}: no evidence in {chain}")
        return found[-1]

    def check_one_domain_each(self):
        """Where the ledger says, on every node that is on; the stopped role nowhere."""
        for guest in self.guests:
            owner = roles.show(self.lab, self.others[0], guest.name)["owner"]
            check_equal(guest.running_on(), [owner], f"domains of {guest.name}")
        everywhere = [name for node in self.lab.nodes for name in self.lab.domains(node)]
        check("vm04" not in everywhere, "the stopped role runs")

    def check_whole(self):
        """All level by themselves, ledgers equal, disks whole: two guests were booted twice, one only once."""
        roles.wait_answering(self.lab)
        end = roles.check_ledgers_agree(self.lab)
        in_parallel(lambda guest: guest.wait_writes(60), self.guests)
        self.check_one_domain_each()
        for guest in self.guests:
            guest.require_whole_disk(boots=2 if guest in self.cut_off else 1)
        return end


def partition_with_fencing(lab, cut_leader):
    """The power controller works: the node is off before it knows that it is alone."""
    cluster = Cluster(lab, cut_leader)
    alone = cluster.alone
    with DomainWatch(lab, cluster.others) as watch:
        cut = lab.partition(cluster.others, [alone])
        wait_until(cluster.recovered, RECOVERY_TIMEOUT_S, "the majority runs all roles", poll_s=0.1)
        starts = [watch.wait("Started", guest.name, cut, 1)[0] for guest in cluster.cut_off]
    off = [event for event in lab.events("off", alone) if event["monotonic"] > cut]
    check_equal([event["why"] for event in off], ["fenced"], f"why {alone} is off")
    check(min(starts) > off[0]["monotonic"], "a guest was started before the other side was off")
    for guest in cluster.cut_off:
        check_equal(cluster.evidence(guest)["evidence"], "powered-off", f"evidence for {guest.name}")
    cluster.check_one_domain_each()
    view = view_without(lab, cluster.others, alone, cut)
    lab.heal()
    lab.power_on(alone)
    lab.wait_ready()
    cluster.check_whole()
    lab.figures.note(view_ms=(view - cut) * 1000, fenced_ms=(off[0]["monotonic"] - cut) * 1000,
                     running_ms=(max(starts) - cut) * 1000)


def partition_without_fencing(lab, cut_leader):
    """The power controller fails: the node must stop its guests itself, and the others must wait for that."""
    roles.wait_answering(lab)
    roles.shorten_guard(lab)
    cluster = Cluster(lab, cut_leader)
    alone = cluster.alone
    lab.fence_mode("fail", alone)
    with DomainWatch(lab, lab.nodes) as watch:
        cut = lab.partition(cluster.others, [alone])
        wait_until(lambda: not lab.clu(alone, "cluster", "status")["active"], 10, f"{alone} knows that it is alone")
        applied = lab.clu(alone, "cluster", "status")["applied"]
        for words in REFUSED:
            lab.clu(alone, *words, exit_code=CLU_NO_QUORUM)
        wait_until(cluster.recovered, RECOVERY_TIMEOUT_S, "the majority runs all roles", poll_s=0.1)
        lab.clu(alone, "role", "start", "vm04", exit_code=CLU_NO_QUORUM)
        status = lab.clu(alone, "cluster", "status")
        check_equal((status["quorate"], status["applied"]), (False, applied), f"{alone} after the refusals")
        check_equal(watch.all("Started", after=cut, node=alone), [], f"starts on {alone}")
        stops = [stopped_at(watch, guest, cut, alone) for guest in cluster.cut_off]
        starts = [watch.all("Started", guest.name, cut)[0][0] for guest in cluster.cut_off]
    gaps = [start - stop for stop, start in zip(stops, starts)]
    check(min(gaps) > 0, f"started before they were stopped on the other side; seconds between: {gaps}")
    for guest in cluster.cut_off:
        check_equal(cluster.evidence(guest)["evidence"], "guard-expired", f"evidence for {guest.name}")
    cluster.check_one_domain_each()
    check_equal([e for e in lab.events("off", alone) if e["monotonic"] > cut], [], f"{alone} was switched off")
    lab.fence_mode("ok")
    with Stopwatch() as level:
        lab.heal()
        wait_until(lambda: roles.answering(lab), 30, f"{alone} is level again by itself", poll_s=0.1)
    cluster.check_whole()
    check_equal([e for e in lab.events("off", alone) if e["monotonic"] > cut], [], f"{alone} was switched off")
    lab.figures.note(stopped_ms=(max(stops) - cut) * 1000, running_ms=(max(starts) - cut) * 1000,
                     stop_to_start_ms=min(gaps) * 1000, level_after_heal_ms=level.ms)


def stopped_at(watch, guest, cut, node):
    """When the guest ended there, which must have happened by itself and once."""
    found = watch.all("Stopped", guest.name, cut, node) or watch.all("Shutdown", guest.name, cut, node)
    check_equal(len(found), 1, f"ends of {guest.name} on {node}")
    return found[0][0]


@lab_test(nodes=3, fresh=True)
def test_partition_of_the_leader_with_fencing(lab):
    partition_with_fencing(lab, cut_leader=True)


@lab_test(nodes=3, fresh=True)
def test_partition_of_another_node_with_fencing(lab):
    partition_with_fencing(lab, cut_leader=False)


@lab_test(nodes=3, fresh=True)
def test_partition_of_the_leader_without_fencing(lab):
    partition_without_fencing(lab, cut_leader=True)


@lab_test(nodes=3, fresh=True)
def test_partition_of_another_node_without_fencing(lab):
    partition_without_fencing(lab, cut_leader=False)
