# SPDX-License-Identifier: GPL-2.0-or-later
"""A volume that is full, whose lease area somebody has spoilt or another cluster owns, and wall clocks that jump."""

import calendar
import os
import time

from clulab import roles, volume
from clulab.testing import CLU_REFUSED, check, check_equal, holds_for, lab_test, wait_until

CSV_MIB = 66  # a guest's disk of 64 MiB, its lease area, and little else
HOUR_S = 3600
CUT_OFF_S = 18  # without a lease the guest is stopped 10 s after the last contact
LOOK_S = 15  # every 5 s each node looks at the volume


def shown(lab, node="n1"):
    return lab.clu(node, "volume", "show", "csv")


def lease(lab, node):
    return shown(lab, node)["lease"] or {}


def wait_held(lab):
    """And were in contact since: what is cut off earlier has no lease to go by."""
    for node in lab.nodes:
        wait_until(lambda node=node: lease(lab, node).get("confirmed"), 20, f"{node} holds its lease", poll_s=0.1)


def add_role(lab):
    """Its disk has all its blocks: it needs no space any more."""
    lab.guest("vm01")
    path = f"{lab.place.csv_dir}/vm01.img"
    descriptor = os.open(path, os.O_RDWR)
    os.posix_fallocate(descriptor, 0, os.path.getsize(path))
    os.close(descriptor)
    (guest,) = roles.add_roles(lab, {"vm01": "n1"})
    return guest


def reasons(lab, node):
    """Node to what NODE says of its path."""
    return {path["node"]: (path["state"], path["reason"]) for path in shown(lab, node)["paths"]}


def wait_lost(lab, what):
    """All nodes have lost the volume, and say why."""
    def lost():
        found = reasons(lab, "n1")
        return all(state == "lost" and what in reason for state, reason in found.values()) and found
    return wait_until(lost, LOOK_S, f"every path is lost: {what}", poll_s=0.1)


def wait_direct(lab):
    wait_until(lambda: shown(lab)["direct"] == lab.nodes, LOOK_S, "every path is direct", poll_s=0.1)


@lab_test(nodes=3, fresh=True)
def test_what_a_volume_may_suffer_costs_no_guest(lab):
    area = volume.LeaseArea(lab)
    volume.boot_with(lab, CSV_MIB)
    roles.wait_answering(lab)

    # Another cluster has it: it is named, and nothing of it changes.
    area.make_foreign("eastern")
    before = area.all()
    refused = lab.clu("n1", "volume", "add", "csv", "--kind", "directory", "--path", "/csv", exit_code=CLU_REFUSED)
    check("cluster eastern" in refused["error"]["message"], refused["error"]["message"])
    check(area.all() == before, "the other cluster's lease area is as it was")
    os.unlink(area.path)

    volume.add(lab)
    guest = add_role(lab)
    generation = roles.show(lab, "n1", "vm01")["generation"]

    # Full: what is there is renewed in place, and taken anew, too.
    volume.fill(lab)
    wait_until(lambda: "0 %" in (shown(lab)["warning"] or ""), LOOK_S, "everybody is warned")
    lab.kill("n1", "clusterd")
    roles.wait_answering(lab)
    wait_held(lab)
    cut_off_with_clocks_that_jump(lab, guest)
    check_equal(roles.show(lab, "n1", "vm01")["generation"], generation, "generation")

    with roles.Undisturbed(lab, [guest]):
        spoil(lab, area)


def cut_off_with_clocks_that_jump(lab, guest):
    """The owner goes by its lease meanwhile."""
    cut = lab.partition(["n1"], ["n2", "n3"])
    wait_until(lambda: lab.clu("n2", "node", "show", "n1")["state"] == "isolated", 20, "n1 is isolated")
    for node, seconds in (("n1", HOUR_S), ("n2", -HOUR_S), ("n3", HOUR_S)):
        volume.step_clock(lab, node, seconds)
    lab.clu("n2", "role", "set", "vm01", "--note", "an hour ago")
    check_equal(wall_clock_hours(lab, "n2"), -1, "hours by which n2's clock was stepped")
    holds_for(lambda: guest.running_on() == ["n1"], CUT_OFF_S - (time.monotonic() - cut), "vm01 runs on n1", poll_s=0.5)
    check_equal(lease(lab, "n1")["state"], "held", "n1's lease")
    check_equal(lab.clu("n2", "node", "show", "n1")["state"], "isolated", "n1, as the others see it")
    for node in lab.nodes:
        volume.step_clock(lab, node, 0)
    lab.heal()
    roles.wait_answering(lab)
    volume.unfill(lab)
    roles.wait_online(lab, "n1", "vm01", "n1", timeout_s=30)
    guest.require_whole_disk(boots=1)


def wall_clock_hours(lab, node):
    """Between the time of the last entry, which NODE proposed a moment ago, and ours."""
    (entry,) = lab.clu(node, "ledger", "list", "--limit", "1")["entries"]
    stamp = calendar.timegm(time.strptime(entry["time"][:19], "%Y-%m-%dT%H:%M:%S"))
    return round((stamp - time.time()) / HOUR_S)


def spoil(lab, area):
    """The area, while everybody is in contact."""
    own, others = volume.lease_sector(1), volume.lease_sector(2)

    # A node writes over what is torn where its record was, and takes its lease anew where another's lies.
    area.damage(own)
    wait_until(lambda: area.node_of(own) == 1, 10, "n1 has written over what was damaged")
    area.swap(own, others)
    wait_until(lambda: (area.node_of(own), area.node_of(others)) == (1, 2), 20, "both leases are where they belong")
    wait_held(lab)

    # Older than what was read of it before, and another file: it is the one that is renewed.
    copy = area.all()
    area.put_back(copy)
    wait_until(lambda: all(area.read(sector) != copy_of(copy, sector) for sector in (own, others)), 10,
               "the copy is renewed")
    wait_held(lab)

    header = area.read(0)
    area.damage(0)
    wait_lost(lab, "its lease area is damaged")
    area.write(0, volume.header_of("eastern"))
    wait_lost(lab, "another cluster or volume has it")
    check("cluster eastern" in shown(lab)["last_trouble"], shown(lab)["last_trouble"])
    check("another cluster" in lease(lab, "n1")["error"], "the lease's error")
    before = area.all()
    holds_for(lambda: area.all() == before, 3, "nothing is written into another cluster's lease area", poll_s=0.2)
    area.write(0, header)
    wait_direct(lab)
    wait_held(lab)


def copy_of(copy, sector):
    return copy[sector * volume.SECTOR_BYTES:(sector + 1) * volume.SECTOR_BYTES]
