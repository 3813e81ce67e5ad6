# SPDX-License-Identifier: GPL-2.0-or-later
"""How a lab comes up and goes away again."""

import concurrent.futures
import json
import os
import select
import shutil
import subprocess
import sys
import time

from clulab import cache, client, enter, namespaces, process, settings
from clulab.errors import EXIT_SKIP, EXIT_USAGE, LabError
from clulab.freezer import CgroupFreezer, freezer_for

READY_TIMEOUT_S = 60
POLL_S = 0.05
WATCHDOG_MS_DEFAULT = 5000
TOKEN_MS_DEFAULT = 1000
NODES_DEFAULT = 3
# Fails (7: not reachable, 4: no quorum) for as long as the cluster is not there.
CLU_READY_COMMAND = ["clu", "node", "list", "--json"]
NEEDED_PROGRAMS = {
    "corosync": "corosync", "corosync-quorumtool": "corosync", "corosync-qdevice": "corosync-qdevice",
    "corosync-qnetd": "corosync-qnetd", "certutil": "libnss3-tools", "libvirtd": "libvirt-daemon",
    "virsh": "libvirt-clients", "qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils", "tini": "tini", "ip": "iproute2",
    "tgtd": "tgt", "nbdkit": "nbdkit", "qemu-nbd": "qemu-utils", "socat": "socat",
    "nsenter": "util-linux", "cc": "gcc", "busybox": "busybox-static",
}


def require_root():
    """Namespaces of this kind are root's."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root (it makes namespaces, bridges and mounts)", EXIT_SKIP)


def require_programs():
    """All at once, so that one installation is enough."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = sorted({package for program, package in NEEDED_PROGRAMS.items() if not shutil.which(program, path=path)})
    if missing:
        raise LabError(f"the lab needs these packages: {' '.join(missing)}", EXIT_SKIP)


def needed_builds(build, bare, volume_faults):
    """What must have been built."""
    needed = [] if bare else [f"{build}/clusterd/clusterd", f"{build}/clusterd/clu-guard", f"{build}/cli/clu"]
    return needed + ([f"{build}/tests/lab/faulty_volume"] if volume_faults else [])


def require_build(programs):
    """Without clusterd and its like only --bare makes sense."""
    missing = [program for program in programs if not os.access(program, os.X_OK)]
    if missing:
        raise LabError(f"not built yet: {' '.join(missing)} (run make, set CLU_BUILD, or use lab up --bare)")


def choose_index():
    """The lowest number that no other lab uses; called under the lock of all labs."""
    taken = set()
    for name in os.listdir(settings.RUN_ROOT):
        if os.path.isdir(f"{settings.RUN_ROOT}/{name}"):
            shape = settings.Settings(name).load_shape()
            if shape is not None:
                taken.add(shape["index"])
    for index in range(settings.INDEX_MAX):
        if index not in taken:
            return index
    raise LabError(f"there are {settings.INDEX_MAX} labs already")


def record_shape(place, nodes, bare, volume_faults):
    """Write lab.json, or return the one of a lab that is up already."""
    with cache.locked(settings.RUN_ROOT):
        shape = place.load_shape()
        if shape is not None:
            same_kind = (shape["bare"], shape["volume_faults"]) == (bare, volume_faults) and nodes in (None, shape["nodes"])
            if not same_kind:
                raise LabError(f"lab '{place.name}' is up already, and different; run lab down first")
            return shape
        shape = {
            "index": choose_index(),
            "nodes": nodes or NODES_DEFAULT,
            "bare": bare,
            "volume_faults": volume_faults,
            "build": settings.build_dir(),
            "watchdog_ms": settings.milliseconds_from_environment("LAB_WATCHDOG_MS", WATCHDOG_MS_DEFAULT),
            "token_ms": settings.milliseconds_from_environment("LAB_TOKEN_MS", TOKEN_MS_DEFAULT),
        }
        for directory in (place.run_dir, place.power_dir, place.tools_dir, place.csv_dir):
            os.makedirs(directory, exist_ok=True)
        for _, node in settings.nodes_of(shape):
            os.makedirs(place.node_disk_dir(node), exist_ok=True)
        process.write_json(place.lab_file, shape)
    return shape


def start_room(place):
    """Start the hardware unless it runs; returns when it answers."""
    if enter.room_pid(place) is not None:
        return
    reading, writing = os.pipe()
    room = [sys.executable, "-IS", f"{settings.LAB_DIR}/lab", "room", str(writing)]
    with open(place.room_log, "ab") as log:
        subprocess.Popen(
            room, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=(writing,), cwd="/",
            env={**os.environ, "LAB_NAME": place.name},
        )
    os.close(writing)
    is_readable = select.select([reading], [], [], 10)[0]
    said = os.read(reading, 16) if is_readable else b""
    os.close(reading)
    if said != b"ready\n":
        raise LabError(f"the lab's hardware did not start:\n{tail(place.room_log)}")


def tail(path, lines=8):
    """The end of a log, for an error message."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return "".join(stream.readlines()[-lines:]).rstrip()
    except FileNotFoundError:
        return "(no log)"


def up(place, nodes=None, bare=False, volume_faults=False):
    """Everything on and ready. Harmless when it is so already; repairs a half failed start."""
    require_root()
    require_programs()
    if nodes is not None and not 1 <= nodes <= settings.NODES_MAX:
        raise LabError(f"--nodes must be 1 to {settings.NODES_MAX}", EXIT_USAGE)
    require_build(needed_builds(settings.build_dir(), bare, volume_faults))
    agent = cache.compiled(f"{settings.LAB_DIR}/fence_lab.c")
    shape = record_shape(place, nodes, bare, volume_faults)
    shutil.copy(agent, f"{place.tools_dir}/fence_lab")
    shutil.copy(f"{settings.LAB_DIR}/shutdown", place.tools_dir)
    start_room(place)
    for _, node in settings.nodes_of(shape):
        client.ask(place, "power", node=node, state="on")
    wait_ready(place, [node for _, node in settings.nodes_of(shape)])
    return shape


def wait_ready(place, nodes, timeout_s=READY_TIMEOUT_S):
    """Until the ring is quorate on these nodes with all of the lab's, and the daemons answer."""
    shape = place.load_shape()
    with concurrent.futures.ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(lambda node: wait_node_ready(place, shape, node, timeout_s), nodes))


def node_checks(shape, node):
    """What must succeed on a node, in this order: (words for an error, test of one try)."""
    checks = [
        ("libvirtd", ["virsh", "-r", "list", "--name"], lambda done: done.returncode == 0),
        (
            f"a corosync ring of {shape['nodes']}", ["corosync-quorumtool", "-s"],
            lambda done: done.returncode == 0 and f"Total votes:      {shape['nodes']}\n" in done.stdout,
        ),
    ]
    if not shape["bare"]:
        checks.append(("level clusterd", CLU_READY_COMMAND, lambda done: is_level(done, node)))
    return checks


def is_level(done, node):
    """The ledger knows this boot of the node, and its daemon follows the epoch."""
    if done.returncode != 0:
        return False
    return any(one["name"] == node and one["level"] for one in json.loads(done.stdout)["nodes"])


def wait_node_ready(place, shape, node, timeout_s):
    """Polls, because none of the daemons tells when it is ready."""
    deadline = time.monotonic() + timeout_s
    for what, command, is_ready in node_checks(shape, node):
        while True:
            done = run_in(place, node, command)
            if is_ready(done):
                break
            if time.monotonic() > deadline:
                said = (done.stderr or done.stdout).strip()
                raise LabError(f"{node}: no {what} within {timeout_s} s (see lab log {node}); last: {said}")
            time.sleep(POLL_S)


def run_in(place, node, command, timeout_s=20, **options):
    """A command in a node, with its output caught."""
    options.setdefault("stdin", subprocess.DEVNULL)
    if options.get("input") is not None:
        del options["stdin"]
    try:
        return subprocess.run(
            enter.command_line(place, node, command), capture_output=True, text=True, check=False,
            timeout=timeout_s, env=enter.environment(place), **options,
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{node}: {' '.join(command)} took longer than {timeout_s} s") from error


def down(place):
    """Leave nothing, whatever state the lab is in. Returns False when there was nothing to do."""
    require_root()
    if not os.path.exists(place.run_dir) and not os.path.exists(place.disk_dir):
        return False
    close_room(place)
    shape = place.load_shape()
    for _, node in settings.nodes_of(shape) if shape else []:
        # Only what a room that died left behind; otherwise all this is gone already.
        if not process.kill_recorded(f"{place.node_run_dir(node)}/init.json"):
            raise LabError(f"{node} does not die")
        freezer = freezer_for(place.name, node)
        if isinstance(freezer, CgroupFreezer):
            freezer.remove()
    if os.path.ismount(place.csv_dir):
        namespaces.unmount(place.csv_dir)
    shutil.rmtree(place.disk_dir, ignore_errors=True)
    # Last: it holds the index and the records by which a second try would find things.
    shutil.rmtree(place.run_dir, ignore_errors=True)
    with cache.locked(settings.RUN_ROOT):  # or a lab that comes up just then finds it gone
        if os.path.isdir(settings.DISK_ROOT) and not os.listdir(settings.DISK_ROOT):
            os.rmdir(settings.DISK_ROOT)
    return True


def close_room(place):
    """Politely, then not."""
    pid = enter.room_pid(place)
    if pid is None:
        return
    pidfd = os.pidfd_open(pid)
    try:
        client.ask(place, "close")
    except LabError as error:
        print(f"lab: {error}; killing it", file=sys.stderr)
    if not process.wait_for_exit(pidfd, 5000) and not process.kill_recorded(place.room_file):
        raise LabError(f"the room (pid {pid}) does not die")
    os.close(pidfd)
