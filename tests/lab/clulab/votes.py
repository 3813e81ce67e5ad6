# SPDX-License-Identifier: GPL-2.0-or-later
"""Who votes, as clu and corosync say it, and what tests of that have in common."""

import time

from clulab import roles
from clulab.testing import wait_until

FOLLOW_TIMEOUT_S = 30
RETURN_TIMEOUT_S = 60
# clusterd tells votequorum once a second.
MIRROR_TIMEOUT_S = 5


def quorum(lab, node):
    """`clu quorum show`."""
    return lab.clu(node, "quorum", "show")


def elapsed_ms(since):
    """From a moment of time.monotonic()."""
    return (time.monotonic() - since) * 1000


def is_level(lab, name, state="up"):
    """By the account of the first node that is on and of NAME itself."""
    asked = {name, next(node for node, row in lab.status().items() if row["power"] == "on")}
    lists = [(lab.clu(node, "node", "list", exit_code=None) or {}).get("nodes", []) for node in asked]
    return all(any(row["name"] == name and row["state"] == state and row["level"] for row in rows) for rows in lists)


def wait_mirrored(lab, without=()):
    """Until corosync-quorumtool says on every node that is on what `clu quorum show` says there."""
    on = [node for node, row in lab.status().items() if row["power"] == "on" and node not in without]
    wait_until(lambda: all(lab.is_quorate(node) == quorum(lab, node)["quorate"] for node in on), MIRROR_TIMEOUT_S,
               "corosync-quorumtool agrees", poll_s=0.1)


def add_fence_devices(lab):
    """One for each node."""
    roles.wait_answering(lab)
    for node in lab.nodes:
        lab.clu("n1", "fence", "add", f"power-{node}", "--agent", "fence_lab", "--nodes", node, "--timeout", "10000",
                "--no-wait")


def cuts_by_fencing(lab, after):
    """Nodes that a fence agent switched off since AFTER."""
    return [event["node"] for event in lab.events("off") if event["monotonic"] > after and event["why"] == "fenced"]


def wait_online(lab, asked, name, owner):
    """Until ASKED says so."""
    def online():
        row = roles.show(lab, asked, name)
        return row["state"] == "online" and row["owner"] == owner

    wait_until(online, FOLLOW_TIMEOUT_S, f"{name} is online on {owner}", poll_s=0.05)
