# SPDX-License-Identifier: GPL-2.0-or-later
"""Asking the room, and the supervisors in the nodes."""

import json
import socket

from clulab import enter
from clulab.errors import LabError

ANSWER_TIMEOUT_S = 60


def ask(place, verb, **arguments):
    """One request to the room; its answer or its error."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_TIMEOUT_S)
        try:
            connection.connect(place.control_socket)
            answer = exchange(connection, {"verb": verb, **arguments})
        except (FileNotFoundError, ConnectionError):
            raise LabError(f"lab '{place.name}' is not up (try: lab up)") from None
        except TimeoutError:
            raise LabError(f"the room of lab '{place.name}' does not answer; see {place.room_log}") from None
    if "error" in answer:
        raise LabError(answer["error"])
    return answer["ok"]


def ask_supervisor(place, node, verb, **arguments):
    """One request to the supervisor inside a node."""
    enter.require_on(place, node)
    if ask(place, "status")[node]["frozen"]:
        raise LabError(f"{node} is frozen")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        try:
            connection.connect(f"{place.node_run_dir(node)}/supervisor.sock")
            answer = exchange(connection, {"verb": verb, **arguments})
        except (FileNotFoundError, ConnectionError):
            raise LabError(f"{node} has not booted yet (see {place.node_disk_dir(node)}/boot.log)") from None
        except TimeoutError:
            raise LabError(f"the supervisor of {node} does not answer") from None
    if "error" in answer:
        raise LabError(answer["error"])
    return answer["ok"]


def exchange(connection, request):
    """A JSON line out, a JSON line in."""
    connection.sendall(json.dumps(request).encode() + b"\n")
    pending = b""
    while not pending.endswith(b"\n"):
        block = connection.recv(65536)
        if not block:
            raise ConnectionResetError("closed before it answered")
        pending += block
    return json.loads(pending)
