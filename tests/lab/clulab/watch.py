# SPDX-License-Identifier: GPL-2.0-or-later
"""When did it happen? Moments at which libvirt and corosync saw a change, on the test's own clock.

Both write wall-clock times themselves, so reading them costs the nodes next to nothing and is not late.
All moments are time.monotonic() seconds, as in Lab.events().
"""

import calendar
import re
import threading
import time

from clulab.testing import check, wait_until

EVENT = re.compile(r"(\S+ \S+)\.(\d{3})\+0000: event 'lifecycle' for domain '([^']*)': (\S+)")
VIEW = re.compile(r"(\w{3} \d\d \S+)\.(\d{3}) .*the group changed\| members=0x([0-9a-f]+) connected=0x([0-9a-f]+)")


def on_our_clock(seconds, milliseconds):
    """Wall clock to time.monotonic()."""
    return seconds + int(milliseconds) / 1000 - (time.time() - time.monotonic())


class DomainWatch:
    """A context manager: libvirt's lifecycle events of all domains of some nodes."""

    def __init__(self, lab, nodes):
        self.lab = lab
        self.nodes = nodes
        self.found = []
        self.children = []
        self.threads = []

    def __enter__(self):
        for node in self.nodes:
            # --loop prints nothing until something happens, and then at once only to a line buffer.
            child = self.lab.start_in_background(
                node, "stdbuf", "-oL", "virsh", "-r", "event", "--event", "lifecycle", "--loop", "--timestamp",
            )
            thread = threading.Thread(target=self._read, args=(node, child), daemon=True)
            thread.start()
            self.children.append(child)
            self.threads.append(thread)
        for node in self.nodes:
            wait_until(lambda node=node: self._is_registered(node), 10, f"virsh watches on {node}")
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.terminate()
        for child, thread in zip(self.children, self.threads):
            child.wait()
            thread.join()
            child.stdout.close()
            child.stderr.close()

    def _is_registered(self, node):
        """As near as one can see: it runs. It registers within some 20 ms, long before anything of interest."""
        done = self.lab.run(node, "pgrep", "-x", "virsh", check_exit=False)
        return bool(done.stdout.strip())

    def _read(self, node, child):
        for line in child.stdout:
            match = EVENT.match(line)
            if match:
                stamp, milliseconds, name, what = match.groups()
                seconds = calendar.timegm(time.strptime(stamp, "%Y-%m-%d %H:%M:%S"))
                self.found.append((on_our_clock(seconds, milliseconds), node, name, what))

    def all(self, what, name=None, after=0.0):
        """[(moment, node)] of events such as Started, Stopped, Resumed, Suspended; oldest first."""
        return sorted((e[0], e[1]) for e in list(self.found) if e[3] == what and name in (None, e[2]) and e[0] > after)

    def wait(self, what, name, after, timeout_s):
        """The first (moment, node)."""
        return wait_until(lambda: self.all(what, name, after), timeout_s, f"{name}: {what}", poll_s=0.01)[0]


def views(lab, node):
    """[(moment, members, connected)] as clusterd of this node logged them; sets of node names."""
    found = []
    with open(f"{lab.place.node_disk_dir(node)}/var/log/clusterd.log", encoding="utf-8", errors="replace") as stream:
        for line in stream:
            match = VIEW.match(line)
            if match:
                stamp, milliseconds, members, connected = match.groups()
                seconds = time.mktime(time.strptime(f"{time.localtime().tm_year} {stamp}", "%Y %b %d %H:%M:%S"))
                found.append((on_our_clock(seconds, milliseconds), names(lab, members), names(lab, connected)))
    return found


def names(lab, mask):
    """Bit 0 is node 1."""
    return {node for number, node in enumerate(lab.nodes) if int(mask, 16) >> number & 1}


def view_without(lab, nodes, lost, after):
    """When the first of NODES learned that LOST had left, be it by corosync's ring or by the group."""
    moments = [
        moment for node in nodes for moment, members, connected in views(lab, node)
        if moment > after and (lost not in members or lost not in connected)
    ]
    check(moments, f"none of {nodes} logged a view without {lost}")
    return min(moments)
