# SPDX-License-Identifier: GPL-2.0-or-later
"""Names, paths and addresses of one lab: everything that two labs side by side must not share."""

import json
import os
import re

from clulab.errors import EXIT_USAGE, LabError

RUN_ROOT = "/run/clu-lab"
DISK_ROOT = "/var/tmp/clu-lab"
CACHE_DIR = "/var/cache/clu-lab"
LAB_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCE_DIR = os.path.dirname(os.path.dirname(LAB_DIR))

# A node can be turned off by its own board and by the power strip of its rack.
POWER_LINES = ("bmc", "pdu")
# As faulty_volume.c reads them: requests are done, fail, or wait.
VOLUME_STATES = {"up": "u", "down": "d", "hang": "h"}
# ok; says that it failed; never answers; says that it is done and does nothing; silent while the node is off
FENCE_MODES = ("ok", "fail", "hang", "lie", "gone")
POWER_PASSWORD = "right"

NETS = ("cluster", "migration", "guest")
NET_NUMBERS = {"cluster": 1, "migration": 2, "guest": 3}
OUTSIDE_NUMBER = 254
FIRST_GUEST_NUMBER = 100
# Node numbers are the last byte of an address and must stay below the guests'.
NODES_MAX = 64
INDEX_MAX = 100


def build_dir():
    """Where clusterd and clu were built: $CLU_BUILD, or the source tree itself."""
    return os.path.abspath(os.environ.get("CLU_BUILD") or SOURCE_DIR)


def milliseconds_from_environment(name, default):
    """A knob of the lab, as a whole number of milliseconds."""
    text = os.environ.get(name, str(default))
    if not text.isdigit() or int(text) == 0:
        raise LabError(f"{name} must be a number of milliseconds above 0, not '{text}'", EXIT_USAGE)
    return int(text)


class Settings:
    """Where one lab keeps its things. Holds no state: what a lab is like stands in its lab.json."""

    def __init__(self, name=None):
        self.name = name or os.environ.get("LAB_NAME") or "lab"
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,15}", self.name):
            raise LabError(
                f"LAB_NAME '{self.name}' must be 1 to 16 of a-z, 0-9 and -, starting with a letter",
                EXIT_USAGE,
            )
        self.run_dir = f"{RUN_ROOT}/{self.name}"
        self.disk_dir = f"{DISK_ROOT}/{self.name}"
        self.csv_dir = f"{self.disk_dir}/csv"
        self.control_socket = f"{self.run_dir}/control.sock"
        self.power_dir = f"{self.run_dir}/power"
        self.tools_dir = f"{self.run_dir}/tools"
        self.room_file = f"{self.run_dir}/room.json"
        self.room_log = f"{self.run_dir}/room.log"
        self.lab_file = f"{self.run_dir}/lab.json"
        self.guests_file = f"{self.run_dir}/guests.json"

    def node_run_dir(self, node):
        """Seen by the node as /run/lab: its supervisor's socket and its watchdog."""
        return f"{self.run_dir}/{node}"

    def volume_switch(self, node):
        """What its path to the volume is like, in a lab in which that can fail; it outlives a power cycle."""
        return f"{self.node_run_dir(node)}/volume"

    def node_disk_dir(self, node):
        """What survives a power cut of this node."""
        return f"{self.disk_dir}/{node}"

    def load_shape(self):
        """What `lab up` recorded (index, nodes, bare), or None when this lab is not up."""
        try:
            with open(self.lab_file, encoding="utf-8") as stream:
                return json.load(stream)
        except FileNotFoundError:
            return None


def subnet(index, net):
    """The first three bytes of a network's addresses."""
    return f"10.{100 + index}.{NET_NUMBERS[net]}"


def node_address(index, net, number):
    """The address of node nNUMBER on a network."""
    return f"{subnet(index, net)}.{number}"


def outside_address(index):
    """The address on the guests' network from which the world looks at them."""
    return f"{subnet(index, 'guest')}.{OUTSIDE_NUMBER}"


def node_name(number):
    """Nodes are n1, n2, ... in the order of their corosync node ids."""
    return f"n{number}"


def nodes_of(shape):
    """(number, name) of every node of a lab."""
    return [(number, node_name(number)) for number in range(1, shape["nodes"] + 1)]


def port_name(node, net):
    """The switch's end of a node's cable. Linux allows 15 characters: n64-migration has 13."""
    return f"{node}-{net}"
