# SPDX-License-Identifier: GPL-2.0-or-later
"""Fence devices that fail in every way they know, one after the other and beside the guard; a node that flaps; devices tested."""

import time

from clulab import roles, settings
from clulab.testing import CLU_FAILED, CLU_REFUSED, check, check_equal, lab_test, wait_until

DEVICE_TIMEOUT_MS = 3000
LOSSES = 2


def add_device(lab, name, level, *options):
    """One fence_lab device for all nodes."""
    words = [word for option in options for word in ("--option", option)]
    lab.clu("n1", "fence", "add", name, "--agent", "fence_lab", "--nodes", ",".join(lab.nodes), "--level", str(level),
            "--timeout", str(DEVICE_TIMEOUT_MS), *words)


def add_guest(lab, preferred):
    """A role, and its guest writes."""
    (guest,) = roles.add_roles(lab, {"vm01": preferred})
    return guest


def wait_recovered(lab, guest, lost):
    """Until it is online elsewhere; returns the evidence against LOST."""
    roles.wait_recovered(lab, "n1", guest.name, lost)
    return lab.clu("n1", "node", "show", lost)["evidence"]


def answers(lab, node):
    """{device: text of its newest answer} by the history."""
    events = lab.clu("n1", "fence", "history", node)["events"]
    return {event["device"]: event["text"] for event in events if event["command"] == "fence-report"}


def bring_back(lab, guest, node, boots):
    """The node and all lines as they were."""
    lab.fence_mode("ok")
    lab.network(node, True)
    roles.bring_back(lab, guest, node, boots)


@lab_test(nodes=3, fresh=True)
def test_a_dead_bmc_is_no_dead_end(lab):
    """It fails, hangs, or lost its address with the node's power: the guard expires beside it."""
    roles.wait_answering(lab)
    lab.clu("n1", "cluster", "set", "--quarantine-losses", "0")
    roles.shorten_guard(lab)
    add_device(lab, "bmc", 1)
    guest = add_guest(lab, "n3")
    roles.wait_guard_is_short(lab)
    for boots, (mode, said) in enumerate((("fail", "does not do as it is told"), ("hang", "no answer"),
                                          ("gone", "no answer")), 2):
        lost = roles.show(lab, "n1", guest.name)["owner"]
        if lost == "n1":
            lab.clu("n1", "role", "move", guest.name, "--node", "n3")
            lost = "n3"
        lab.fence_mode(mode, lost)
        cut = lab.power_off(lost)
        evidence = wait_recovered(lab, guest, lost)
        lab.figures.note(**{f"{mode}_recovered_ms": (time.monotonic() - cut) * 1000})
        check_equal(evidence["kind"], "guard-expired", f"evidence while the BMC is {mode}")
        check(said in answers(lab, lost).get("bmc", ""), f"history while the BMC is {mode}: {answers(lab, lost)}")
        bring_back(lab, guest, lost, boots)
    roles.check_ledgers_agree(lab)


@lab_test(nodes=3, fresh=True)
def test_a_board_that_goes_with_its_node(lab):
    """Its address is in the node's own network: when the node has no power, or no cable, the next level does it."""
    roles.wait_answering(lab)
    address = lab.clu("n1", "node", "show", "n3")["address"]
    agent = lab.run("n2", "sh", "-c", "command -v fence_lab").stdout.strip()
    lab.run("n2", "mount", "--bind", "/dev/null", agent)
    added = lab.clu("n1", "fence", "add", "board", "--agent", "fence_lab", "--nodes", "n3", "--level", "1", "--timeout",
                    "5000", "--option", f"ip={address}")
    check_equal(added["missing"], ["n2"], "nodes that lack the agent")
    check(any("n2 lacks the fence agent fence_lab" in text for text in lab.clu("n1", "cluster", "status")["warnings"]),
          "the status warns of it")
    lab.run("n2", "umount", agent)
    add_device(lab, "strip", 2, "line=pdu")
    guest = add_guest(lab, "n3")
    wait_until(lambda: not lab.clu("n1", "fence", "show", "board")["missing"], 20, "n2 has it again")
    tests = {row["device"]: row["answers"] for row in lab.clu("n1", "fence", "test", "n3")["devices"]}
    check_equal(tests, {"board": True, "strip": True}, "which devices answer while n3 is up")
    for boots, cause in enumerate(("power", "cable"), 2):
        if boots > 2:
            lab.clu("n1", "role", "move", guest.name, "--node", "n3")
        cut = lab.power_off("n3") if cause == "power" else time.monotonic()
        lab.network("n3", cause == "power")
        evidence = wait_recovered(lab, guest, "n3")
        lab.figures.note(**{f"no_{cause}_recovered_ms": (time.monotonic() - cut) * 1000})
        check_equal((evidence["kind"], evidence["by"]), ("powered-off", "strip"), f"evidence for want of {cause}")
        said = answers(lab, "n3")["board"]
        check("No route to host" in said or "no answer" in said or "timed out" in said, f"the board: {said}")
        bring_back(lab, guest, "n3", boots)
    roles.check_ledgers_agree(lab)


@lab_test(nodes=3, fresh=True)
def test_levels_until_one_is_believed(lab):
    """Wrong password, then an agent that says off while the node runs, then a power strip that does it."""
    roles.wait_answering(lab)
    add_device(lab, "board", 1, "password=wr0ng-secret")
    add_device(lab, "liar", 2, "line=bmc")
    add_device(lab, "strip", 3, "line=pdu", f"password={settings.POWER_PASSWORD}")
    guest = add_guest(lab, "n3")
    lab.fence_mode("lie", "n3", line="bmc")
    cut = time.monotonic()
    lab.network("n3", False)
    evidence = wait_recovered(lab, guest, "n3")
    lab.figures.note(recovered_ms=(time.monotonic() - cut) * 1000)
    check_equal((evidence["kind"], evidence["by"]), ("powered-off", "strip"), "evidence")
    said = answers(lab, "n3")
    check("login denied" in said["board"], f"the wrong password: {said}")
    check("could not turn off" in said["liar"], f"the liar is believed: {said}")
    check("has turned off" in said["strip"], f"the strip: {said}")
    text = lab.run("n1", "clu", "fence", "history", "n3").stdout + lab.run("n1", "clu", "ledger", "list").stdout
    for node in lab.nodes[:2]:
        text += lab.run(node, "cat", "/var/log/clusterd.log", check_exit=False).stdout
    check("wr0ng-secret" not in text, "a password is shown or logged")
    bring_back(lab, guest, "n3", boots=2)
    roles.check_ledgers_agree(lab)


@lab_test(nodes=3, fresh=True)
def test_a_flapping_node_is_quarantined_until_released(lab):
    roles.add_fence_device(lab)
    lab.clu("n1", "cluster", "set", "--quarantine-losses", str(LOSSES))
    guest = add_guest(lab, "n3")
    for _ in range(LOSSES):
        lab.power_off("n3")
        wait_until(lambda: lab.clu("n1", "node", "show", "n3")["state"] == "down", 30, "n3 is down")
        lab.power_on("n3")
        lab.wait_ready()
        wait_until(lambda: lab.clu("n1", "node", "show", "n3")["member"], 30, "n3 is a member")
    shown = wait_until(lambda: (row if (row := lab.clu("n1", "node", "show", "n3"))["state"] == "quarantined" else None),
                       30, "n3 is quarantined")
    said = [event["text"] for event in shown["history"]]
    check(sum("is lost" in text for text in said) == LOSSES, f"its losses: {said}")
    check(any(f"lost {LOSSES} times" in text for text in said), f"why it is quarantined: {said}")
    lab.clu("n1", "role", "move", guest.name, "--node", "n3", exit_code=CLU_REFUSED)
    lab.clu("n1", "node", "release", "n3")
    lab.clu("n1", "role", "move", guest.name, "--node", "n3")
    check_equal(guest.running_on(), ["n3"], "where it runs")
    guest.wait_writes()
    guest.require_whole_disk(boots=2)


def tested(lab, node):
    """[(level, off or on, whether it was)] by the history."""
    events = lab.clu("n1", "fence", "history", node)["events"]
    return [(event["level"], event["turned"], event["succeeded"]) for event in events
            if event["command"] == "fence-tested"]


@lab_test(nodes=3, fresh=True)
def test_devices_are_tested_for_real(lab):
    """Each level turns an empty node off and on; who runs a role or is not meant is left alone."""
    roles.wait_answering(lab)
    add_device(lab, "board", 1)
    add_device(lab, "strip", 2, "line=pdu", f"password={settings.POWER_PASSWORD}")
    guest = add_guest(lab, "n2")
    lab.clu("n1", "fence", "test", "n3", "--really", exit_code=CLU_REFUSED)  # nobody could be asked whether that is meant
    lab.clu("n1", "fence", "test", "n2", "--really", "--yes", exit_code=CLU_REFUSED)
    steps = lab.clu("n1", "fence", "test", "n3", "--really", "--plan")["steps"]
    check_equal([step["command"] for step in steps], ["fence-test", "node-evidence"] + 4 * ["fence-tested"], "the plan")
    check_equal({node: row["power"] for node, row in lab.status().items()}, dict.fromkeys(lab.nodes, "on"), "power")
    begun = time.monotonic()
    done = lab.clu("n1", "fence", "test", "n3", "--really", "--yes", timeout_s=120)
    lab.figures.note(tested_ms=(time.monotonic() - begun) * 1000)
    check_equal((done["state"], done["test"]["failed"]), ("up", 0), "the node after its test")
    check_equal(tested(lab, "n3"), [(1, "off", True), (1, "on", True), (2, "off", True), (2, "on", True)], "its steps")
    lab.fence_mode("fail", "n3", line="pdu")
    lab.clu("n1", "fence", "test", "n3", "--really", "--yes", exit_code=CLU_FAILED, timeout_s=120)
    check_equal(tested(lab, "n3")[-2:], [(2, "off", False), (2, "on", False)],
                "the steps of the broken strip")
    wait_until(lambda: lab.clu("n1", "node", "show", "n3")["state"] == "up", 60, "n3 is up again")

    lab.fence_mode("ok", "n3")
    lab.clu("n1", "node", "power-on", "n3", exit_code=CLU_REFUSED)  # it is up
    check_equal(lab.clu("n1", "node", "fence", "n3", timeout_s=60)["state"], "down", "n3")
    begun = time.monotonic()
    check_equal(lab.clu("n1", "node", "power-on", "n3", timeout_s=120)["state"], "up", "n3 once it is wanted on")
    lab.figures.note(on_to_member_ms=(time.monotonic() - begun) * 1000)
    guest.require_whole_disk(boots=1)
    roles.check_ledgers_agree(lab)
