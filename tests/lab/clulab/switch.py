# SPDX-License-Identifier: GPL-2.0-or-later
"""The switch: one bridge per network, in a network namespace that belongs to the room's process.

A partition moves ports of the cluster and migration networks to bridges of their own, so that frames
between the sides vanish while every node keeps its carrier, as behind a broken link between switches.
"""

import fcntl
import os
import socket
import struct
import subprocess

from clulab import settings
from clulab.errors import LabError

SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
PARTITIONED_NETS = ("cluster", "migration")


def ip_batch(lines, force=False):
    """Many changes by one process; with FORCE what cannot be done is passed over."""
    command = ["ip"] + (["-force"] if force else []) + ["-batch", "-"]
    done = subprocess.run(command, input="\n".join(lines) + "\n", text=True, capture_output=True, check=False)
    if done.returncode != 0 and not force:
        raise LabError(f"ip: {done.stderr.strip()} (while doing: {'; '.join(lines)})")


def network_card_address(node, net):
    """The same after every boot, as a real card's: with a new one the others' ARP caches would swallow connections
    for up to a minute (seen as moves that hang in libvirt's connect() to a node that is just back)."""
    return f"02:c1:00:00:{settings.NET_NUMBERS[net]:02x}:{int(node[1:]):02x}"


def switch_address(net):
    """Of `outside`. Left to itself a bridge takes the lowest of its ports, which come and go: the same swallowing."""
    return f"02:c1:00:00:{settings.NET_NUMBERS[net]:02x}:fe"


class Switch:
    """Runs inside the switch's network namespace."""

    def __init__(self, index):
        self.control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.bridges = set()
        lines = ["link set lo up"]
        for net in settings.NETS:
            lines += self._bridge_lines(net)
            lines.append(f"link set {net} address {switch_address(net)}")
        lines.append(f"addr add {settings.outside_address(index)}/24 dev guest")
        ip_batch(lines)

    def _bridge_lines(self, bridge):
        self.bridges.add(bridge)
        return [
            # Learning and forwarding start at once; no spanning tree, no snooping, no surprises.
            f"link add {bridge} type bridge forward_delay 0 mcast_snooping 0",
            f"link set {bridge} up",
        ]

    def connect(self, node, pid, side_of_node):
        """New cables to a node that has just been given its network namespace."""
        ports = [settings.port_name(node, net) for net in settings.NETS]
        ip_batch([f"link del {port}" for port in ports if self.has_port(port)], force=True)
        lines = []
        for net, port in zip(settings.NETS, ports):
            address = network_card_address(node, net)
            lines.append(f"link add {port} type veth peer name {net} address {address} netns {pid}")
            lines.append(f"link set {port} master {self._bridge_of(net, side_of_node)}")
        ip_batch(lines)

    def has_port(self, port):
        """Whether the port still exists: it dies with the node's namespace, a little later."""
        try:
            socket.if_nametoindex(port)
        except OSError:
            return False
        return True

    @staticmethod
    def _bridge_of(net, side):
        if side == 0 or net not in PARTITIONED_NETS:
            return net
        return f"{net}-{side}"

    def set_port(self, port, is_up):
        """One system call, because a power cut takes the cables first."""
        request = struct.pack("16sH22x", port.encode(), 0)
        try:
            (flags,) = struct.unpack_from("H", fcntl.ioctl(self.control, SIOCGIFFLAGS, request), 16)
            flags = flags | IFF_UP if is_up else flags & ~IFF_UP
            fcntl.ioctl(self.control, SIOCSIFFLAGS, struct.pack("16sH22x", port.encode(), flags))
        except OSError:
            if is_up:
                raise

    def divide(self, side_of):
        """Put every node's ports on the bridges of its side. SIDE_OF maps node to 0, 1, ..."""
        lines = []
        for net in PARTITIONED_NETS:
            for side in sorted(set(side_of.values())):
                if self._bridge_of(net, side) not in self.bridges:
                    lines += self._bridge_lines(self._bridge_of(net, side))
        for net in PARTITIONED_NETS:
            for node, side in side_of.items():
                if self.has_port(settings.port_name(node, net)):
                    lines.append(f"link set {settings.port_name(node, net)} master {self._bridge_of(net, side)}")
        ip_batch(lines)


def namespace_path():
    """What others join in order to stand outside the nodes."""
    return f"/proc/{os.getpid()}/ns/net"
