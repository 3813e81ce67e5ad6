# SPDX-License-Identifier: GPL-2.0-or-later
"""A corosync-qnetd beside the nodes, on the guests' network as `outside` is, with real certificates."""

import json
import os
import signal
import subprocess
import threading

from clulab import enter, life, namespaces, settings
from clulab.errors import LabError

# corosync's own tools write here and nowhere else: it is theirs in a mount namespace only.
QNETD_ETC = "/etc/corosync/qnetd"
IN_QNETD_ETC = f'mount --make-rprivate / && mount --bind "$0" {QNETD_ETC} && exec "$@"'
NODE_DATABASE = "/etc/corosync/qdevice/net/nssdb"


def directory(place):
    """What a host of qnetd's own would have in /etc and /run."""
    return f"{place.run_dir}/qnetd"


class Qnetd:
    """The process. Owned by the room, whose end is its own, and in whose network it stands."""

    def __init__(self, place, shape):
        self.place = place
        self.address = settings.outside_address(shape["index"])
        self.child = None

    def start(self):
        """Does nothing to one that runs."""
        if self.child is not None and self.child.poll() is None:
            return
        own = directory(self.place)
        files = f"nss_db_dir={own}/nssdb,lock_file={own}/pid,local_socket_file={own}/sock"
        with open(f"{own}/log", "ab") as log:
            self.child = subprocess.Popen(
                ["corosync-qnetd", "-f", "-d", "-s", "req", "-l", self.address, "-S", files], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=lambda: namespaces.die_with_parent(signal.SIGKILL),
            )

    def signal(self, number):
        """SIGKILL is its crash; its memory goes with it."""
        if self.child is None or self.child.poll() is not None:
            raise LabError("qnetd is not running")
        self.child.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.child.wait()

    def stop(self):
        """Whatever it does at the time."""
        if self.child is not None and self.child.poll() is None:
            self.signal(signal.SIGKILL)


def certificates(place, nodes):
    """As `corosync-qdevice-net-certutil -Q` makes them, with files for ssh. Harmless when they are there."""
    own = directory(place)
    if os.path.exists(own):
        return
    os.makedirs(own)
    run_at_qnetd(place, "corosync-qnetd-certutil", "-i")
    for node in nodes:
        give(place, node, f"{own}/nssdb/qnetd-cacert.crt", "ca.crt")
        run_at_node(place, node, "-i", "-c", "/etc/ca.crt")
    first = nodes[0]
    run_at_node(place, first, "-r", "-n", place.name)
    take(place, first, f"{NODE_DATABASE}/qdevice-net-node.crq", f"{own}/node.crq")
    run_at_qnetd(place, "corosync-qnetd-certutil", "-s", "-c", f"{QNETD_ETC}/node.crq", "-n", place.name)
    give(place, first, f"{own}/nssdb/cluster-{place.name}.crt", "cluster.crt")
    run_at_node(place, first, "-M", "-c", "/etc/cluster.crt")
    take(place, first, f"{NODE_DATABASE}/qdevice-net-node.p12", f"{own}/node.p12")
    for node in nodes[1:]:
        give(place, node, f"{own}/node.p12", "node.p12")
        run_at_node(place, node, "-m", "-c", "/etc/node.p12")


def run_at_qnetd(place, *command):
    """With qnetd's own /etc/corosync/qnetd."""
    argv = ["unshare", "-m", "/bin/sh", "-c", IN_QNETD_ETC, directory(place), *command]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise LabError(f"{command[0]}: {(done.stderr or done.stdout).strip()}")


def run_at_node(place, node, *options):
    """corosync-qdevice-net-certutil."""
    done = life.run_in(place, node, ["corosync-qdevice-net-certutil", *options], 60)
    if done.returncode != 0:
        raise LabError(f"{node}: corosync-qdevice-net-certutil: {(done.stderr or done.stdout).strip()}")


def give(place, node, source, name):
    """A file into a node's /etc."""
    copy(source, f"{place.node_disk_dir(node)}/etc/{name}")


def take(place, node, path, target):
    """A file out of a node's /etc."""
    copy(f"{place.node_disk_dir(node)}{path}", target)


def copy(source, target):
    """By reading and writing: with the reader's rights."""
    with open(source, "rb") as reading, open(target, "wb") as writing:
        writing.write(reading.read())


class Probe:
    """`qnetd_probe` on a node: the node's adapter for a qnetd, without a cluster around it."""

    def __init__(self, lab, node):
        build = lab.place.load_shape()["build"]
        address = settings.outside_address(lab.place.load_shape()["index"])
        command = [f"{build}/tests/lab/qnetd_probe", node[1:], address]
        self.node = node
        self.last = None
        self.heard = []
        self.child = subprocess.Popen(
            enter.command_line(lab.place, node, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=enter.environment(lab.place),
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.child.stdout:
            if line.startswith("{"):
                self.last = json.loads(line)
                self.heard.append(self.last)

    def says(self, **wanted):
        """Its last word agrees with all of this."""
        return self.last is not None and all(self.last[key] == value for key, value in wanted.items())

    def arm(self):
        """As an active epoch with both nodes would."""
        self.child.stdin.write("arm\n")
        self.child.stdin.flush()

    def end(self):
        """Leaves corosync-qdevice running."""
        try:
            self.child.stdin.close()
        except BrokenPipeError:
            pass  # its node had no power any more
        self.child.wait(timeout=10)
        self.child.stdout.close()
