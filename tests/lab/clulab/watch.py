# SPDX-License-Identifier: GPL-2.0-or-later
"""When did it happen? Moments at which libvirt and corosync saw a change, on the test's own clock.

Both write wall-clock times themselves, so reading them costs the nodes next to nothing and is not late.
All moments are time.monotonic() seconds, as in Lab.events().
"""

import calendar
import contextlib
import os
import re
import signal
import subprocess
import threading
import time

from clulab.testing import check, wait_until

EVENT = re.compile(r"(\S+ \S+)\.(\d{3})\+0000: event 'lifecycle' for domain '([^']*)': (\S+)")
START = re.compile(r"(\w{3} \d\d \S+)\.(\d{3}) .*\bstart: .*\| role=(\S+) ")
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
            # virsh registers within some 20 ms, long before anything of interest; it prints nothing until then.
            child = self.lab.start_in_background(
                node, "stdbuf", "-oL", "virsh", "-r", "event", "--event", "lifecycle", "--loop", "--timestamp",
            )
            thread = threading.Thread(target=self._read, args=(node, child), daemon=True)
            thread.start()
            self.children.append(child)
            self.threads.append(thread)
        for child in self.children:
            wait_until(lambda child=child: process_children(child.pid), 10, "virsh watches")
        return self

    def __exit__(self, *_):
        for child in self.children:
            # What stands in the node is nsenter's child and would outlive it; both are gone when the power was cut.
            for pid in process_children(child.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            child.terminate()
            child.wait()
        for child, thread in zip(self.children, self.threads):
            thread.join()
            child.stdout.close()
            child.stderr.close()

    def _read(self, node, child):
        for line in child.stdout:
            match = EVENT.match(line)
            if match:
                stamp, milliseconds, name, what = match.groups()
                seconds = calendar.timegm(time.strptime(stamp, "%Y-%m-%d %H:%M:%S"))
                self.found.append((on_our_clock(seconds, milliseconds), node, name, what))

    def all(self, what, name=None, after=0.0, node=None):
        """[(moment, node)] of events such as Started, Stopped, Resumed, Suspended; oldest first."""
        return sorted(
            (moment, where) for moment, where, guest, event in list(self.found)
            if event == what and moment > after and name in (None, guest) and node in (None, where)
        )

    def wait(self, what, name, after, timeout_s):
        """The first (moment, node)."""
        return wait_until(lambda: self.all(what, name, after), timeout_s, f"{name}: {what}", poll_s=0.01)[0]


def process_children(pid):
    """By pgrep: the kernel's list of children is an option that not all have."""
    done = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in done.stdout.split()]


def log_matches(lab, node, pattern):
    """(moment, the other groups) of the lines of clusterd's log that begin like PATTERN."""
    with open(f"{lab.place.node_disk_dir(node)}/var/log/clusterd.log", encoding="utf-8", errors="replace") as stream:
        for match in filter(None, map(pattern.match, stream)):
            stamp, milliseconds, *rest = match.groups()
            seconds = time.mktime(time.strptime(f"{time.localtime().tm_year} {stamp}", "%Y %b %d %H:%M:%S"))
            yield on_our_clock(seconds, milliseconds), *rest


def views(lab, node):
    """[(moment, members, connected)] as clusterd of this node logged them; sets of node names."""
    return [
        (moment, names(lab, members), names(lab, connected))
        for moment, members, connected in log_matches(lab, node, VIEW)
    ]


def start_begun(lab, node, name, after):
    """When clusterd of NODE, entitled by a committed entry, told libvirt to start the guest."""
    moments = [moment for moment, role in log_matches(lab, node, START) if role == name and moment > after]
    check(moments, f"{node} logged no start of {name}")
    return moments[0]


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
