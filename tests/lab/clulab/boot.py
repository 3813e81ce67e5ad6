# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs in a node from power-on: root directory, network, configuration, then the supervisor."""

import os
import socket
import sys

from clulab import configuration, root, settings, supervisor
from clulab.errors import LabError
from clulab.switch import ip_batch


def network_lines(shape, number):
    """Cables exist already; a bridge for guests, and the addresses."""
    lines = [
        "link set lo up",
        "link add br0 type bridge forward_delay 0 mcast_snooping 0",
        "link set guest master br0",
    ]
    for device, net in (("cluster", "cluster"), ("migration", "migration"), ("br0", "guest")):
        lines.append(f"addr add {settings.node_address(shape['index'], net, number)}/24 dev {device}")
    return lines + [f"link set {device} up" for device in ("guest", "br0", "cluster", "migration")]


def write_configuration(name, node, shape):
    """Anew at every boot: a link left by the host's own set-up is replaced, not followed."""
    for path, text in configuration.files(name, node, shape).items():
        if os.path.islink(path):
            os.unlink(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)


def daemons(shape, number):
    """What is supervised, in the order of starting."""
    found = [
        supervisor.Daemon("corosync", ["/usr/sbin/corosync", "-f"]),
        supervisor.Daemon("libvirtd", ["/usr/sbin/libvirtd", "--listen"]),
    ]
    if shape["bare"]:
        return found
    build = shape["build"]
    guard = [f"{build}/clusterd/clu-guard", "--foreground", "--run-dir", "/run/clu", "--watchdog", "/dev/watchdog"]
    clusterd = [
        f"{build}/clusterd/clusterd", "--foreground", "--state-dir", "/var/lib/clu", "--run-dir", "/run/clu",
        "--migration-address", settings.node_address(shape["index"], "migration", number),
        "--peer-uri", "qemu+tcp://%s/system", "--helpers", f"{build}/iscsi-gateway",
    ]
    return found + [
        supervisor.Daemon("clu-guard", guard),
        supervisor.Daemon("clusterd", supervisor.after_creation(clusterd)),
    ]


def main(place, node):
    """PID 1 is tini and this its only child; standard input says when the cables are in."""
    shape = place.load_shape()
    number = int(node[1:])
    root.make_persistent(place, node)
    if sys.stdin.readline() != "go\n":
        raise LabError("the power went off before the cables were in")
    root.enter(place, node, shape["build"])
    socket.sethostname(node)
    write_configuration(place.name, node, shape)
    ip_batch(network_lines(shape, number))
    if shape["volume_faults"]:
        root.mount_faulty_volume(shape["build"])
    supervisor.Supervisor(daemons(shape, number)).run("/run/lab/supervisor.sock")
