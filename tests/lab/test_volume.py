# SPDX-License-Identifier: GPL-2.0-or-later
"""A directory that the nodes share as a volume: proven by each, the only place for its roles."""

import os
import time

from clulab import roles
from clulab.testing import CLU_DONE, CLU_FAILED, CLU_REFUSED, Stopwatch, check, check_equal, lab_test, wait_until


def lease_is_held(lab, node):
    """Its own lease, and it sees those of the others move."""
    volume = lab.clu(node, "volume", "show", "csv")
    others = [other for other in lab.nodes if other != node]
    return (volume["lease"] or {}).get("state") == "held" and sorted(volume["renewing"]) == others


def lease_state(lab, node):
    return lab.clu(node, "volume", "show", "csv")["lease"]["state"]


def state(lab, asked, node):
    return lab.clu(asked, "node", "show", node)["state"]


def lose(lab, node):
    """What is mounted there is not the volume any more."""
    lab.run(node, "mkdir", "-p", "/var/elsewhere")
    lab.run(node, "mount", "--bind", "/var/elsewhere", "/csv")


@lab_test(nodes=3, fresh=True)
def test_a_volume_is_proven_by_every_node_and_its_role_goes_only_where_it_is(lab):
    area = f"{lab.place.csv_dir}/.clu-lease"
    roles.add_fence_device(lab)

    # n3 sees a directory of its own: it is named, and nothing is left behind.
    lose(lab, "n3")
    refused = lab.clu("n1", "volume", "add", "csv", "--kind", "directory", "--path", "/csv", exit_code=CLU_REFUSED)
    check("n3: it is not the one that the other nodes see" in refused["error"]["message"], refused["error"]["message"])
    wait_until(lambda: not os.path.exists(area), 5, "the lease area is gone")
    wait_until(lambda: not lab.run("n3", "ls", "-A", "/csv").stdout.strip(), 5, "n3's own directory is empty")
    lab.run("n3", "umount", "/csv")

    with Stopwatch() as proof:
        shown = lab.clu("n1", "volume", "add", "csv", "--kind", "directory", "--path", "/csv")
    check_equal((shown["state"], shown["direct"]), ("ready", lab.nodes), "the volume")
    check(shown["size_bytes"] > 0, "its size is known")

    for node in lab.nodes:
        wait_until(lambda node=node: lease_is_held(lab, node), 10, f"{node} holds its lease and sees the others renew theirs")

    let_another_coordinate(lab)
    (guest,) = roles.add_roles(lab, {"vm01": "n1"})
    check_equal(roles.show(lab, "n1", "vm01")["volumes"], ["csv"], "volumes of the role")
    check_equal(lab.clu("n1", "volume", "remove", "csv", exit_code=CLU_REFUSED)["exit"], CLU_REFUSED, "remove")

    work_on_images(lab)

    # n2 loses its path; n1 loses its power: n3 is the only place.
    lose(lab, "n2")
    wait_until(lambda: lab.clu("n1", "volume", "show", "csv")["lost"] == ["n2"], 15, "n2 has lost the volume")
    refused = lab.clu("n1", "role", "move", "vm01", "--node", "n2", exit_code=CLU_REFUSED)
    check("n2 has no path to volume csv" in refused["error"]["message"], refused["error"]["message"])
    lab.power_off("n1")
    with Stopwatch() as recovery:
        roles.wait_online(lab, "n2", "vm01", "n3", timeout_s=40)
    guest.require_whole_disk()

    lab.run("n2", "umount", "/csv")
    work_on_it(lab, area)
    lab.clu("n2", "role", "stop", "vm01", "--force")
    lab.clu("n2", "role", "remove", "vm01")
    lab.clu("n2", "volume", "remove", "csv")
    wait_until(lambda: not os.path.exists(area), 5, "the lease area is gone")
    lab.figures.note(proof_ms=proof.ms, recovery_ms=recovery.ms)


def coordinator(lab, node):
    return lab.clu(node, "volume", "show", "csv")["coordinator"]


def let_another_coordinate(lab):
    """As asked, and not while that one is drained."""
    wait_until(lambda: coordinator(lab, "n1") == "n1", 5, "n1 coordinates it")
    lab.clu("n1", "volume", "move", "csv", "--node", "n3")
    check_equal(coordinator(lab, "n1"), "n3", "coordinator")
    lab.clu("n1", "node", "drain", "n3")
    wait_until(lambda: coordinator(lab, "n1") in ("n1", "n2"), 5, "another coordinates it")
    lab.clu("n1", "node", "resume", "n3")


def image(lab, node, verb, *words, exit_code=CLU_DONE):
    return lab.clu(node, "volume", "image", verb, "csv", *words, exit_code=exit_code)


def images(lab, node):
    return {row["name"]: row["size_bytes"] >> 20 for row in image(lab, node, "list")["images"]}


def work_on_images(lab):
    """By who coordinates it; vm01 runs from an image there."""
    node = coordinator(lab, "n1")
    other = next(name for name in lab.nodes if name != node)
    refused = image(lab, other, "list", exit_code=CLU_REFUSED)
    check_equal(refused["error"]["message"], f"volume csv is coordinated by {node}", "answer of another node")
    image(lab, node, "create", "--image", "a.raw", "--size", "8")
    check_equal(images(lab, node), {"vm01.img": 64, "a.raw": 8}, "images")
    failed = image(lab, node, "create", "--image", "a.raw", "--size", "16", exit_code=CLU_FAILED)
    check("File exists" in failed["error"]["message"], failed["error"]["message"])
    image(lab, node, "resize", "--image", "a.raw", "--size", "16")
    image(lab, node, "resize", "--image", "a.raw", "--size", "4", exit_code=CLU_FAILED)
    image(lab, node, "create", "--image", "b.qcow2", "--size", "8")
    image(lab, node, "snapshot", "--image", "b.qcow2", "--tag", "before")
    check_equal(images(lab, node)["a.raw"], 16, "size of a.raw")
    for verb, words in (("delete", ()), ("resize", ("--size", "128"))):
        refused = image(lab, node, verb, "--image", "vm01.img", *words, exit_code=CLU_REFUSED)
        check("is a disk of role vm01" in refused["error"]["message"], refused["error"]["message"])
    image(lab, node, "create", "--image", "huge.raw", "--size", str(1 << 24), exit_code=CLU_REFUSED)
    image(lab, node, "delete", "--image", "a.raw")
    image(lab, node, "delete", "--image", "b.qcow2")
    check_equal(images(lab, node), {"vm01.img": 64}, "images")
    check_equal([name for name in os.listdir(lab.place.csv_dir) if name.endswith("-part")], [], "what was left half done")


def is_open(lab, node):
    """Whether a process there has anything of the volume open."""
    return lab.run(node, "sh", "-c", "ls -l /proc/[0-9]*/fd 2>/dev/null | grep /csv/", check_exit=False).returncode == 0


def work_on_it(lab, area):
    """n2 and n3 are left. Its lease area is lost meanwhile, and made anew by the proof."""
    check_equal(coordinator(lab, "n2") in ("n2", "n3"), True, "somebody who is left coordinates it")
    refused = lab.clu("n2", "volume", "maintenance", "on", "csv", exit_code=CLU_REFUSED)
    check("role 'vm01' has a disk on it" in refused["error"]["message"], refused["error"]["message"])
    lab.clu("n2", "role", "stop", "vm01", "--force")
    lab.clu("n2", "volume", "maintenance", "on", "csv")
    for node in ("n2", "n3"):
        wait_until(lambda node=node: not is_open(lab, node), 10, f"{node} has nothing open there")
    os.unlink(area)
    shown = lab.clu("n2", "volume", "maintenance", "off", "csv")
    check_equal((shown["state"], shown["direct"]), ("ready", ["n2", "n3"]), "the volume")
    lab.clu("n2", "role", "start", "vm01")


@lab_test(nodes=3, fresh=True)
def test_a_node_that_is_cut_off_is_isolated_and_one_without_power_is_not(lab):
    lab.clu("n1", "volume", "add", "csv", "--kind", "directory", "--path", "/csv")
    roles.add_roles(lab, {"vm01": "n3", "vm02": "n2"})

    cut = lab.partition(["n1", "n2"], ["n3"])
    wait_until(lambda: state(lab, "n1", "n3") == "isolated", 20, "n3 is isolated")
    isolated_ms = (time.monotonic() - cut) * 1000
    check(lease_state(lab, "n3") == "held", "n3 holds its lease without quorum")
    lab.power_off("n3")
    wait_until(lambda: state(lab, "n1", "n3") == "lost", 5, "n3 is dead")
    lab.figures.note(isolated_ms=isolated_ms)
