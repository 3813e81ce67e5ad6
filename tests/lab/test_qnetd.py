# SPDX-License-Identifier: GPL-2.0-or-later
"""A qnetd as two nodes' witness: the vote comes and goes, and counts for no node of the past."""

import signal
import time

from clulab.qnetd import Probe
from clulab.testing import check, check_equal, holds_for, lab_test, wait_until

START_TIMEOUT_S = 30
LOSS_TIMEOUT_S = 15
RETURN_TIMEOUT_S = 60
# qnetd would give its vote to another within 3 s.
SILENCE_S = 6


def elapsed_ms(since):
    """From a moment of time.monotonic()."""
    return (time.monotonic() - since) * 1000


class TwoNodes:
    """Each with its adapter; what they did to the nodes is undone."""

    def __init__(self, lab):
        self.lab = lab
        self.probes = {}

    def __enter__(self):
        self.lab.qnetd_start()
        for node in self.lab.nodes:
            self.begin(node)
        return self

    def begin(self, node):
        """On a node that has just booted, too."""
        self.probes[node] = Probe(self.lab, node)

    def __exit__(self, *_):
        for node, probe in self.probes.items():
            probe.end()
            if self.lab.status()[node]["power"] == "on":
                self.lab.run(node, f"{self.lab.place.load_shape()['build']}/tests/lab/qnetd_probe", "--remove")

    def wait_both(self, what, **wanted):
        """Until both say all of this."""
        wait_until(lambda: all(probe.says(**wanted) for probe in self.probes.values()), START_TIMEOUT_S, what)

    def wait_any(self, what, **wanted):
        """Until one says all of this."""
        wait_until(lambda: any(probe.says(**wanted) for probe in self.probes.values()), START_TIMEOUT_S, what)

    def wait_level(self):
        """One ring, a connection that stands, and both armed."""
        wait_until(lambda: all(self.lab.members(node) == 2 for node in self.lab.nodes), RETURN_TIMEOUT_S, "one ring")
        self.wait_both("both have a connection that stands", stands=True, voted=True)
        for probe in self.probes.values():
            probe.arm()
        self.wait_both("both are armed", claim="armed")

    def wait_says(self, node, timeout_s, **wanted):
        """Until this one says all of this."""
        wait_until(lambda: self.probes[node].says(**wanted), timeout_s, f"{node} says {wanted}")


def quorate(lab, *nodes):
    """corosync's account on those."""
    return [lab.is_quorate(node) for node in nodes]


@lab_test(nodes=2, bare=True)
def test_vote_comes_and_goes_with_qnetd(lab):
    """It is asked over TLS; a crash of qnetd or of corosync-qdevice costs the vote until it is back."""
    begun = time.monotonic()
    with TwoNodes(lab) as nodes:
        nodes.wait_both("both have the vote", connected=True, encrypted=True, voted=True)
        start_ms = elapsed_ms(begun)
        check("Qdevice" in lab.run("n1", "corosync-quorumtool", "-s").stdout, "corosync-quorumtool shows no device")
        killed = lab.qnetd_signal()
        nodes.wait_both("nobody has the vote", connected=False, voted=False)
        lost_ms = elapsed_ms(killed)
        check_equal(quorate(lab, "n1", "n2"), [True, True], "quorate by nodes alone")
        begun = time.monotonic()
        lab.qnetd_start()
        nodes.wait_both("both have the vote again", connected=True, voted=True)
        back_ms = elapsed_ms(begun)
        hung = lab.qnetd_signal(signal.SIGSTOP)
        nodes.wait_both("a qnetd that hangs is missed", connected=False, voted=False)
        hang_ms = elapsed_ms(hung)
        lab.qnetd_signal(signal.SIGCONT)
        nodes.wait_both("both have the vote again", connected=True, voted=True)
        begun = time.monotonic()
        lab.run("n2", "sh", "-c", "kill -KILL $(cat /run/corosync-qdevice/corosync-qdevice.pid)")
        nodes.wait_says("n2", LOSS_TIMEOUT_S, connected=False)
        nodes.wait_says("n2", START_TIMEOUT_S, connected=True, voted=True)
        lab.figures.note(start_ms=start_ms, qnetd_lost_ms=lost_ms, qnetd_back_ms=back_ms, qnetd_hung_ms=hang_ms,
                         qdevice_restarted_ms=elapsed_ms(begun))


@lab_test(nodes=2, bare=True)
def test_vote_counts_for_one_side_and_not_for_the_past(lab):
    """A partition; then the side that went on dies, and the other gets qnetd's vote, which does not count."""
    with TwoNodes(lab) as nodes:
        nodes.wait_level()
        cut = lab.partition(["n1"], ["n2"])
        nodes.wait_says("n1", LOSS_TIMEOUT_S, counts=True, voted=True)
        counts_ms = elapsed_ms(cut)
        nodes.wait_says("n2", LOSS_TIMEOUT_S, counts=False, claim="none")
        check_equal(quorate(lab, "n1", "n2"), [True, False], "quorate")
        lab.power_off("n1")
        nodes.probes.pop("n1").end()
        nodes.wait_says("n2", LOSS_TIMEOUT_S, voted=True)
        wait_until(lambda: lab.is_quorate("n2"), LOSS_TIMEOUT_S, "corosync gives n2 the vote")
        holds_for(lambda: nodes.probes["n2"].says(counts=False), SILENCE_S, "the vote does not count", poll_s=0.1)

        lab.heal()
        lab.power_on("n1")
        wait_until(lambda: lab.members("n1") == 2, RETURN_TIMEOUT_S, "n1 is back")
        nodes.begin("n1")
        nodes.wait_level()
        cut = lab.power_off("n1")
        nodes.probes.pop("n1").end()
        nodes.wait_says("n2", LOSS_TIMEOUT_S, counts=True, voted=True)
        lab.figures.note(partition_to_vote_ms=counts_ms, power_cut_to_vote_ms=elapsed_ms(cut))
        lab.power_on("n1")


@lab_test(nodes=2, bare=True)
def test_vote_does_not_count_after_qnetd_was_away(lab):
    """qnetd lost, then a node; and a node cut off from both, for which qnetd comes back first."""
    with TwoNodes(lab) as nodes:
        nodes.wait_level()
        lab.qnetd_signal()
        nodes.wait_both("nobody has the vote", voted=False)
        lab.partition(["n1"], ["n2"])
        wait_until(lambda: lab.members("n1") == 1 and lab.members("n2") == 1, LOSS_TIMEOUT_S, "a ring each")
        lab.qnetd_start()
        nodes.wait_any("one has the vote, whoever was back first", voted=True)
        holds_for(lambda: all(probe.says(counts=False) for probe in nodes.probes.values()), SILENCE_S,
                  "the vote counts for nobody", poll_s=0.1)
        lab.heal()

        nodes.wait_level()
        lab.network("n2", False)
        nodes.wait_says("n1", LOSS_TIMEOUT_S, counts=True, voted=True)
        nodes.wait_says("n2", LOSS_TIMEOUT_S, connected=False)
        lab.power_off("n1")
        nodes.probes.pop("n1").end()
        lab.network("n2", True, "guest")
        nodes.wait_says("n2", START_TIMEOUT_S, connected=True, voted=True)
        holds_for(lambda: nodes.probes["n2"].says(counts=False), SILENCE_S, "the vote does not count", poll_s=0.1)
        lab.network("n2", True)
        lab.power_on("n1")
