# SPDX-License-Identifier: GPL-2.0-or-later
"""Which process is ours: a pid alone may have been given to somebody else since."""

import json
import os
import select
import signal


def start_time(pid):
    """Clock ticks since boot at which the process started, or None if there is none (or only its corpse)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            # The name stands in parentheses and may itself hold any character.
            fields = stream.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def identity(pid):
    """What to record about a process in order to find it again, and only it."""
    return {"pid": pid, "start": start_time(pid)}


def write_json(path, value):
    """Whole or not at all: readers never see half a file."""
    temporary = f"{path}.new.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as stream:
        json.dump(value, stream)
    os.rename(temporary, path)


def read_identity(path):
    """The recorded process's pid if that very process still lives, else None."""
    try:
        with open(path, encoding="utf-8") as stream:
            recorded = json.load(stream)
    except (FileNotFoundError, ValueError):
        return None
    if start_time(recorded["pid"]) != recorded["start"]:
        return None
    return recorded["pid"]


def wait_for_exit(pidfd, timeout_ms):
    """True once the process (for a PID 1: with all of its namespace) has gone."""
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(timeout_ms))


def kill_recorded(path, timeout_ms=5000):
    """SIGKILL the recorded process if it still lives; True when it is gone."""
    pid = read_identity(path)
    if pid is None:
        return True
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        if read_identity(path) is None:
            return True
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        return wait_for_exit(pidfd, timeout_ms)
    except ProcessLookupError:
        return True
    finally:
        os.close(pidfd)
