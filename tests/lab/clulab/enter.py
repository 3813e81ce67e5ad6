# SPDX-License-Identifier: GPL-2.0-or-later
"""Standing where a command should run. Kept light: `lab run` imports this and nothing else."""

import json
import os

from clulab import process
from clulab.errors import LabError

OUTSIDE = "outside"
NODE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a developer may want to reach the daemons in the nodes, besides a plain environment.
PASSED_PREFIXES = ("CLU_", "LAB_", "ASAN_", "UBSAN_", "LSAN_", "TSAN_")
# First into the node's cgroup, so that a frozen node freezes this command too.
JOIN_THEN_RUN = 'echo 0 >"$0"; exec "$@"'


def node_environment(build):
    """The environment of everything that runs in a node."""
    environment = {key: value for key, value in os.environ.items() if key.startswith(PASSED_PREFIXES)}
    environment["PATH"] = f"{build}/clusterd:{build}/cli:{NODE_PATH}"
    environment["HOME"] = "/root"
    environment["LANG"] = "C.UTF-8"
    return environment


def room_pid(place):
    """The room's process, or None."""
    return process.read_identity(place.room_file)


def require_room(place):
    """The room's process, or the error that every command gives without one."""
    pid = room_pid(place)
    if pid is None:
        raise LabError(f"lab '{place.name}' is not up (try: lab up)")
    return pid


def require_on(place, node):
    """The pid of a node's PID 1, or an error that says what is wrong."""
    pid = process.read_identity(f"{place.node_run_dir(node)}/init.json")
    if pid is not None:
        return pid
    require_room(place)
    if not os.path.isdir(place.node_disk_dir(node)) or "/" in node or node == "csv":
        raise LabError(f"no such node '{node}' (there are n1 to n{place.load_shape()['nodes']})")
    raise LabError(f"{node} is off")


def command_line(place, node, command):
    """argv that runs COMMAND in a node, or in the switch's network for `outside`."""
    if node == OUTSIDE:
        return ["/usr/bin/nsenter", "-t", str(require_room(place)), "-n", "--", *command]
    pid = require_on(place, node)
    inside = ["/usr/bin/nsenter", "-t", str(pid), "-m", "-u", "-i", "-n", "-p", "--", *command]
    with open(f"{place.node_run_dir(node)}/init.json", encoding="utf-8") as stream:
        cgroup = json.load(stream).get("cgroup")
    return ["/bin/sh", "-c", JOIN_THEN_RUN, f"{cgroup}/cgroup.procs", *inside] if cgroup else inside


def environment(place):
    """The environment for command_line()."""
    found = node_environment(place.load_shape()["build"])
    if "TERM" in os.environ:
        found["TERM"] = os.environ["TERM"]
    return found


def run(place, node, command):
    """Become the command; its exit code is ours. Does not return."""
    argv = command_line(place, node, command)
    os.execve(argv[0], argv, environment(place))
