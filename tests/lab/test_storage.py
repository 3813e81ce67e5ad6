# SPDX-License-Identifier: GPL-2.0-or-later
"""The storage of a role goes to another volume while its guest writes: one image at any end of it, and nothing lost."""

import hashlib
import os
import re

from clulab import check_disk, roles
from clulab.testing import CLU_FAILED, CLU_REFUSED, Stopwatch, check, check_equal, lab_test, wait_until

DISK_BYTES = 1 << 30
WRITER_BYTES = check_disk.SLOTS * check_disk.SLOT_BYTES
PIECE = 1 << 20
SECOND_DISK = (
    "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/csv/b/more.img'/>"
    "<target dev='vdb' bus='virtio'/></disk>"
)


def image(lab, where, name="vm01.img"):
    return f"{lab.place.csv_dir}/{where}/{name}"


def tail_digest(path):
    """Of what the guest does not write to."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        stream.seek(WRITER_BYTES)
        while piece := stream.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def require_whole(lab, where, digest):
    report = check_disk.check_image(image(lab, where))
    check(report.is_ok(), "; ".join(report.problems))
    check_equal(tail_digest(image(lab, where)), digest, f"what lies behind the records of the guest on {where}")
    return report


def last_record(lab, where):
    last = check_disk.check_image(image(lab, where)).last
    return last.sequence if last else -1


def wait_writes(lab, where):
    before = last_record(lab, where)
    wait_until(lambda: last_record(lab, where) > before, 30, f"vm01 writes to its image on {where}", poll_s=0.1)


def images(lab):
    """All that lies on both volumes, the lease areas apart."""
    return sorted(
        f"{where}/{name}" for where in ("a", "b") for name in os.listdir(f"{lab.place.csv_dir}/{where}")
        if name != ".clu-lease"
    )


def add_volumes(lab):
    """a and b, two directories."""
    for name in ("a", "b"):
        os.mkdir(f"{lab.place.csv_dir}/{name}")
        lab.clu("n1", "volume", "add", name, "--kind", "directory", "--path", f"/csv/{name}")


def add_role(lab):
    """vm01 runs on n1 from an image on volume a that has all its blocks."""
    guest = lab.guest("vm01")
    definition = f"{lab.place.csv_dir}/vm01.xml"
    with open(definition, encoding="utf-8") as stream:
        text = stream.read()
    with open(definition, "w", encoding="utf-8") as stream:
        stream.write(re.sub("/csv/vm01.img", "/csv/a/vm01.img", text))
    os.unlink(f"{lab.place.csv_dir}/vm01.img")
    with open(image(lab, "a"), "wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, WRITER_BYTES)
        stream.seek(WRITER_BYTES)
        for _ in range((DISK_BYTES - WRITER_BYTES) // PIECE):
            stream.write(os.urandom(PIECE))
    lab.clu("n1", "role", "add", "vm01", "--definition", guest.definition, "--preferred", "n1")
    guest.wait_answers(60)
    wait_writes(lab, "a")
    return guest


def define(lab, text):
    with open(f"{lab.place.csv_dir}/next.xml", "w", encoding="utf-8") as stream:
        stream.write(text)
    lab.clu("n1", "role", "set", "vm01", "--definition", "/csv/next.xml")


def move(lab, where, *words, node="n2", exit_code=0):
    return lab.clu(node, "role", "move", "vm01", "--storage", where, *words, exit_code=exit_code, timeout_s=180)


def copy(lab, node="n2"):
    return roles.show(lab, node, "vm01")["copy"]


def progress(lab, node):
    shown = roles.show(lab, node, "vm01")
    return (shown["progress"] or {}).get("percent", 0) if shown["copy"]["state"] == "running" else None


def begin_slowly(lab, where, node, mib_s):
    """A copy that takes long enough for something to happen meanwhile; NODE runs the guest."""
    move(lab, where, "--no-wait", node="n1")
    wait_until(
        lambda: lab.run(node, "virsh", "blockjob", "vm01", "vda", "--bandwidth", str(mib_s), check_exit=False).returncode == 0,
        10, "the copy has begun", poll_s=0.02,
    )
    wait_until(lambda: progress(lab, node), 30, "a part of it is copied")


@lab_test(nodes=3, fresh=True)
def test_a_storage_moves_under_a_writing_guest_and_a_power_cut_finds_one_image(lab):
    roles.add_fence_device(lab)
    add_volumes(lab)
    guest = add_role(lab)
    digest = tail_digest(image(lab, "a"))

    # There and back. The guest is not started anew, and nobody but who runs it has to be asked.
    with guest.ping() as ping, Stopwatch() as there:
        moved = move(lab, "b")
    check_equal((moved["copy"]["state"], moved["copy"]["succeeded"], moved["owner"]), ("none", True, "n1"), "the storage")
    check_equal(images(lab), ["b/vm01.img"], "images")
    check_equal(roles.show(lab, "n3", "vm01")["volumes"], ["b"], "volumes of the role")
    wait_writes(lab, "b")
    figures = {"copy_1gib_ms": there.ms, "held_ms": moved["copy"]["held_ms"], "silence_ms": ping.longest_silence_ms()}

    # What is taken or does not exist is refused by name, and nothing is left of the try.
    with open(image(lab, "a", "taken.img"), "wb"):
        pass
    failed = move(lab, "a/taken.img", exit_code=CLU_FAILED)
    check("/csv/a/taken.img is there already" in failed["error"]["message"], failed["error"]["message"])
    os.unlink(image(lab, "a", "taken.img"))
    check_equal(images(lab), ["b/vm01.img"], "images")
    refused = move(lab, "b/vm01.img", exit_code=CLU_REFUSED)
    check("is that disk already" in refused["error"]["message"], refused["error"]["message"])

    # So is a disk that its guest does not have, because that runs by the definition of before.
    whole = lab.clu("n1", "role", "show", "vm01", "--definition")["definition"]
    define(lab, whole.replace("</devices>", SECOND_DISK + "</devices>"))
    failed = move(lab, "a", "--disk", "vdb", exit_code=CLU_FAILED)
    check("its disk vdb is not there" in failed["error"]["message"], failed["error"]["message"])
    check_equal(images(lab), ["b/vm01.img"], "images")
    define(lab, whole)

    # Ended half-way; meanwhile nobody moves the role, and both daemons are restarted.
    begin_slowly(lab, "a", "n1", 20)
    refused = lab.clu("n2", "role", "move", "vm01", "--node", "n2", exit_code=CLU_REFUSED)
    check("storage of role 'vm01' is being moved" in refused["error"]["message"], refused["error"]["message"])
    for daemon in ("clusterd", "libvirtd"):
        lab.kill("n1", daemon)
    roles.wait_answering(lab)
    wait_until(lambda: progress(lab, "n1"), 30, "it goes on")
    lab.clu("n2", "role", "move", "vm01", "--abort")
    check_equal((copy(lab)["state"], copy(lab)["succeeded"]), ("none", False), "the storage")
    check_equal(images(lab), ["b/vm01.img"], "images")
    wait_writes(lab, "b")

    # Live to another node, and on from there by the new image; then its owner loses power in the middle of a copy.
    roles.move(lab, "n2", "vm01", "n2")
    wait_writes(lab, "b")
    require_whole(lab, "b", digest)
    begin_slowly(lab, "a", "n2", 20)
    lab.power_off("n2")
    with Stopwatch() as recovery:
        roles.wait_recovered(lab, "n1", "vm01", "n2", timeout_s=40)
    wait_until(lambda: copy(lab, "n1")["state"] == "none", 10, "what was half copied is removed")
    check_equal(images(lab), ["b/vm01.img"], "images")
    wait_writes(lab, "b")
    report = require_whole(lab, "b", digest)
    check_equal(len(report.boots), 2, "boots of vm01")
    lab.figures.note(**figures, recovery_ms=recovery.ms)
