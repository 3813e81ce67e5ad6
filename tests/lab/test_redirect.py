# SPDX-License-Identifier: GPL-2.0-or-later
"""One node loses its path to a volume: its guest goes on through another, and then home or away."""

import time

from clulab import roles, volume
from clulab.testing import Stopwatch, check, check_equal, lab_test, wait_until

WRITE_MS = 5


def begin(lab, possible):
    """vm01 on n1, which writes as fast as it may, and can run on POSSIBLE nodes."""
    roles.add_fence_device(lab)
    volume.add(lab)
    (guest,) = roles.add_roles(lab, {"vm01": "n1"}, write_ms=WRITE_MS)
    lab.clu("n1", "role", "set", "vm01", "--possible", ",".join(possible))
    return guest


def redirect(lab, node="n1"):
    return roles.show(lab, node, "vm01")["redirect"] or {}


def is_served_by(lab, *exporters, node="n1"):
    found = redirect(lab, node)
    return found.get("state") == "served" and found["by"] in exporters


def path_of(lab, node):
    (found,) = [path for path in lab.clu("n2", "volume", "show", "csv")["paths"] if path["node"] == node]
    return found


def require_unaware(guest, *nodes, boots=1):
    """It heard of no error, was started no more often, and its disk is whole."""
    for node in nodes:
        guest.require_unaware(node)
    guest.require_whole_disk(boots=boots)


def require_nothing_left(lab, nodes):
    """No export, and no way to one."""
    for node in nodes:
        found = lab.run(node, "pgrep", "-x", "-a", "qemu-nbd|socat", check_exit=False).stdout
        check_equal(found, "", f"what is left on {node}")
        found = lab.run(node, "find", "/run/clu/export", "-mindepth", "1").stdout
        check_equal(found, "", f"secrets that are left on {node}")


@lab_test(nodes=3, fresh=True, volume_faults=True)
def test_a_guest_goes_on_through_another_node_until_its_path_is_back(lab):
    guest = begin(lab, ["n1"])
    with guest.writes() as cut:
        lab.volume("down", "n1")
        wait_until(lambda: is_served_by(lab, "n2", "n3"), 20, "vm01 is redirected", poll_s=0.1)
        guest.wait_writes()
    exporter = redirect(lab)["by"]
    check_equal(path_of(lab, "n1")["state"], "redirected", "n1's path, as shown")
    shown = lab.run("n2", "clu", "volume", "show", "csv").stdout
    check(exporter in shown and "vm01" in shown, f"who is redirected by whom: {shown}")
    check("key" not in lab.run("n2", "clu", "role", "show", "vm01", "--json").stdout, "the key is shown")

    # It is nobody's business who manages it meanwhile.
    with guest.writes() as managed:
        for node, daemon in ((exporter, "clusterd"), ("n1", "clusterd"), ("n1", "libvirtd")):
            starts = lab.daemons(node)[daemon]["starts"]
            lab.kill(node, daemon)
            wait_until(lambda node=node, daemon=daemon, starts=starts: lab.daemons(node)[daemon]["starts"] > starts, 10,
                       f"{daemon} of {node} comes back")
        roles.wait_answering(lab)
        guest.wait_writes()
    check(is_served_by(lab, exporter), f"who serves it: {redirect(lab)}")

    # The exporter loses its path, too, and the next one its power: the other one takes the place of each.
    other = ({"n2", "n3"} - {exporter}).pop()
    with guest.writes() as handed:
        lab.volume("down", exporter)
        wait_until(lambda: is_served_by(lab, other), 40, f"{other} serves it", poll_s=0.1)
        guest.wait_writes()
    lab.volume("up", exporter)
    wait_until(lambda: path_of(lab, exporter)["state"] == "direct", 20, f"{exporter} has a path", poll_s=0.1)
    with guest.writes() as lost:
        lab.power_off(other)
        wait_until(lambda: is_served_by(lab, exporter), 40, f"{exporter} serves it", poll_s=0.1)
        guest.wait_writes()
    lab.power_on(other)
    roles.wait_answering(lab, 60)

    # Home again.
    with guest.writes() as home:
        began = lab.volume("up", "n1")
        wait_until(lambda: redirect(lab).get("state") == "none", 40, "it has its own files", poll_s=0.1)
        home_ms = (time.monotonic() - began) * 1000
        guest.wait_writes()
    require_nothing_left(lab, lab.nodes)
    check_equal(roles.show(lab, "n1", "vm01")["owner"], "n1", "owner of vm01")
    require_unaware(guest, "n1")
    roles.check_ledgers_agree(lab)
    lab.figures.note(cut_stall_ms=cut.longest_stall_ms(), managed_stall_ms=managed.longest_stall_ms(),
                     exporter_without_path_stall_ms=handed.longest_stall_ms(), exporter_without_power_stall_ms=lost.longest_stall_ms(), home_after_ms=home_ms,
                     home_stall_ms=home.longest_stall_ms())


@lab_test(nodes=3, fresh=True, volume_faults=True)
def test_a_redirected_guest_is_moved_to_where_the_path_is(lab):
    guest = begin(lab, lab.nodes)
    with guest.writes() as writes, guest.ping() as ping:
        cut = lab.volume("down", "n1")
        wait_until(lambda: roles.show(lab, "n2", "vm01")["owner"] != "n1", 60, "vm01 is moved", poll_s=0.1)
        wait_until(lambda: redirect(lab, "n2").get("state") == "none", 20, "the export is closed", poll_s=0.1)
        moved_ms = (time.monotonic() - cut) * 1000
        guest.wait_writes()
    owner = roles.show(lab, "n2", "vm01")["owner"]
    check_equal(guest.running_on(), [owner], "where vm01 runs")
    require_nothing_left(lab, lab.nodes)
    require_unaware(guest, "n1", owner)
    lab.figures.note(moved_after_ms=moved_ms, stall_ms=writes.longest_stall_ms(), silence_ms=ping.longest_silence_ms())


@lab_test(nodes=3, fresh=True, volume_faults=True)
def test_the_owner_of_a_redirected_guest_loses_power(lab):
    guest = begin(lab, ["n1", "n3"])
    lab.volume("down", "n3")  # so that it is not moved away first
    wait_until(lambda: path_of(lab, "n3")["state"] == "lost", 20, "n3 has lost its path", poll_s=0.1)
    lab.volume("down", "n1")
    wait_until(lambda: is_served_by(lab, "n2"), 20, "vm01 is redirected", poll_s=0.1)
    guest.wait_writes()

    # What n2 has received may be written yet: nobody starts the guest before that is over.
    lab.power_off("n1")
    lab.volume("up", "n3")
    with Stopwatch() as recovery:
        wait_until(lambda: guest.running_on() == ["n3"], 60, "vm01 runs on n3", poll_s=0.1)
    check_equal(redirect(lab, "n2")["state"], "none", "the redirect")
    guest.wait_answers(60)
    guest.wait_writes()
    require_nothing_left(lab, ["n2", "n3"])
    require_unaware(guest, "n3", boots=2)
    entries = [f"{e['command']} {(e.get('command_json') or {}).get('report', '')}" for e in roles.entries(lab, "n2")]
    closed, started = last(entries, "redirect-report"), last(entries, "role-assign")
    check(closed < started, f"the export was proven gone before vm01 was given away: {entries}")
    check(lab.clu("n2", "ledger", "verify")["sound"], "n2's ledger is sound")
    lab.figures.note(recovery_ms=recovery.ms)


def last(texts, word):
    """Where that comes last."""
    return max(at for at, text in enumerate(texts) if text.startswith(word))
