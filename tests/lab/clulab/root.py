# SPDX-License-Identifier: GPL-2.0-or-later
"""The root directory of a node, built inside its own mount namespace.

A tmpfs with the host's directories bound into it, so that what a node needs of its own (/etc, /var,
/run, /dev, /tmp, /csv) never shows on the host and nothing has to be made there to mount upon.
"""

import os
import shutil
import subprocess

from clulab import settings
from clulab.namespaces import MS_BIND, MS_PRIVATE, MS_RDONLY, MS_REC, MS_REMOUNT, change_root, mount

OWN_DIRECTORIES = {"etc", "var", "run", "dev", "proc", "sys", "tmp", "csv", "lab", "lost+found"}
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "kvm", "fuse", "vhost-net", "net/tun", "userfaultfd")
VAR_DIRECTORIES = (
    "lib/clu", "lib/corosync", "lib/libvirt", "lib/misc", "cache/libvirt", "log/libvirt/qemu", "log/corosync",
    "tmp", "spool",
)
RUN_DIRECTORIES = ("clu", "lock", "lab", "lab-power", "resource-agents", "libvirt")


def make_persistent(place, node):
    """The node's disk, once: a copy of the host's /etc, and a /var of its own."""
    disk = place.node_disk_dir(node)
    if not os.path.isdir(f"{disk}/etc"):
        subprocess.run(["cp", "-a", "/etc", f"{disk}/etc.new"], check=True)
        os.rename(f"{disk}/etc.new", f"{disk}/etc")
    for directory in VAR_DIRECTORIES:
        os.makedirs(f"{disk}/var/{directory}", exist_ok=True)
    for name, target in (("run", "/run"), ("lock", "/run/lock")):
        if not os.path.islink(f"{disk}/var/{name}"):
            os.symlink(target, f"{disk}/var/{name}")


def bind(source, target, flags=MS_REC):
    """Make SOURCE appear at TARGET."""
    mount(source, target, None, MS_BIND | flags)


def enter(place, node, build):
    """Build the root and change into it. Afterwards only what is listed here can be seen."""
    root = f"{place.node_run_dir(node)}/root"
    disk = place.node_disk_dir(node)
    os.makedirs(root, exist_ok=True)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", root, "tmpfs", 0, "mode=755,size=64m")
    _bind_host(root)
    for name in ("etc", "var"):
        os.mkdir(f"{root}/{name}")
        bind(f"{disk}/{name}", f"{root}/{name}")
    for name, mode in (("run", "0755"), ("tmp", "1777")):
        os.mkdir(f"{root}/{name}")
        mount("tmpfs", f"{root}/{name}", "tmpfs", 0, f"mode={mode}")
    for name in RUN_DIRECTORIES:
        os.mkdir(f"{root}/run/{name}")
    _bind_lab(root, place, node)
    _bind_trees(root, build)
    _make_devices(root, f"{place.node_run_dir(node)}/watchdog")
    _own_sbin(root, place)
    for name, kind in (("proc", "proc"), ("sys", "sysfs")):
        os.mkdir(f"{root}/{name}")
        mount(kind, f"{root}/{name}", kind)
    change_root(root)


def mount_faulty_volume(build):
    """Over the shared directory; the process is one of the node's."""
    subprocess.run([f"{build}/tests/lab/faulty_volume", "/run/lab/volume", "/csv"], check=True)


def _bind_host(root):
    for name in os.listdir("/"):
        if name in OWN_DIRECTORIES:
            continue
        if os.path.islink(f"/{name}"):
            os.symlink(os.readlink(f"/{name}"), f"{root}/{name}")
        elif os.path.isdir(f"/{name}"):
            os.mkdir(f"{root}/{name}")
            bind(f"/{name}", f"{root}/{name}")


def _bind_lab(root, place, node):
    bind(place.node_run_dir(node), f"{root}/run/lab", 0)
    bind(place.power_dir, f"{root}/run/lab-power")
    os.mkdir(f"{root}/csv")
    bind(place.csv_dir, f"{root}/csv")
    os.mkdir(f"{root}/lab")
    bind(settings.CACHE_DIR, f"{root}/lab")
    mount(None, f"{root}/lab", None, MS_BIND | MS_REMOUNT | MS_RDONLY)


def _bind_trees(root, build):
    """The sources and the build, should they lie below a directory that nodes have of their own."""
    for tree in (settings.SOURCE_DIR, build):
        if tree.split("/")[1] in OWN_DIRECTORIES:
            os.makedirs(f"{root}{tree}", exist_ok=True)
            bind(tree, f"{root}{tree}")


def _make_devices(root, watchdog):
    dev = f"{root}/dev"
    os.mkdir(dev)
    mount("tmpfs", dev, "tmpfs", 0, "mode=755,size=1m")
    for name in DEVICES:
        if os.path.exists(f"/dev/{name}"):
            os.makedirs(os.path.dirname(f"{dev}/{name}"), exist_ok=True)
            _bind_file(f"/dev/{name}", f"{dev}/{name}")
    _bind_file(watchdog, f"{dev}/watchdog")
    for name in ("pts", "shm"):
        os.mkdir(f"{dev}/{name}")
    mount("devpts", f"{dev}/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620")
    mount("tmpfs", f"{dev}/shm", "tmpfs", 0, "mode=1777")
    os.symlink("pts/ptmx", f"{dev}/ptmx")
    os.symlink("/proc/self/fd", f"{dev}/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{dev}/{name}")


def _bind_file(source, target):
    with open(target, "wb"):
        pass
    bind(source, target, 0)


def _own_sbin(root, place):
    """/usr/local/sbin of the node: the fence agent, without touching the host's."""
    target = f"{root}/usr/local/sbin"
    mount("tmpfs", target, "tmpfs", 0, "mode=755,size=16m")
    for name in os.listdir(place.tools_dir):
        shutil.copy(f"{place.tools_dir}/{name}", f"{target}/{name}")
