# SPDX-License-Identifier: GPL-2.0-or-later
"""The node's init system: starts the daemons, and starts again what exits, as Restart=always does."""

import json
import os
import select
import signal
import socket
import subprocess
import time

from clulab import process
from clulab.errors import LabError

RESTART_DELAY_S = 0.2

# The shell becomes the daemon (exec), so the recorded pid stays right. A ledger that is lost later is not
# made anew: such a node must be brought level by the others before it counts.
CREATE_THEN_RUN = """\
state=/var/lib/clu
if ! test -e "$state/created"; then
    until corosync-cmapctl -g runtime.votequorum.this_node_id >/dev/null 2>&1; do sleep 0.05; done
    "$1" --create --state-dir "$state" || exit 1
    touch "$state/created"
fi
exec "$@"
"""


def after_creation(argv):
    """clusterd makes its ledger from corosync's node list, once in a node's life."""
    return ["/bin/sh", "-c", CREATE_THEN_RUN, "clusterd", *argv]


class Daemon:
    """One supervised program."""

    def __init__(self, name, argv):
        self.name = name
        self.argv = argv
        self.is_wanted = True
        self.child = None
        self.pidfd = -1
        self.restart_at = 0.0
        self.starts = 0

    def start(self):
        """Output goes to the node's /var/log; the pid is recorded with its start time."""
        with open(f"/var/log/{self.name}.log", "ab") as log:
            self.child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        self.pidfd = os.pidfd_open(self.child.pid)
        self.starts += 1
        process.write_json(f"/run/lab/{self.name}.json", process.identity(self.child.pid))

    def on_exit(self):
        """Its parent alone may reap it; the next start is due in a moment."""
        self.child.wait()
        with open(f"/var/log/{self.name}.log", "a", encoding="utf-8") as log:
            stamp = time.strftime("%H:%M:%S")
            log.write(f"{stamp} supervisor: {self.name} (pid {self.child.pid}) ended with {self.child.returncode}\n")
        os.close(self.pidfd)
        self.child = None
        self.pidfd = -1
        self.restart_at = time.monotonic() + RESTART_DELAY_S


class Supervisor:
    """One loop over the daemons' pidfds and a control socket."""

    def __init__(self, daemons):
        self.daemons = {daemon.name: daemon for daemon in daemons}

    def run(self, socket_path):
        """Never returns."""
        if os.path.exists(socket_path):
            os.unlink(socket_path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(socket_path)
        listener.listen(16)
        while True:
            self._start_due()
            poller = select.poll()
            poller.register(listener, select.POLLIN)
            running = {daemon.pidfd: daemon for daemon in self.daemons.values() if daemon.child}
            for descriptor in running:
                poller.register(descriptor, select.POLLIN)
            for descriptor, _ in poller.poll(self._timeout_ms()):
                if descriptor in running:
                    running[descriptor].on_exit()
                else:
                    self._serve(listener)

    def _start_due(self):
        for daemon in self.daemons.values():
            if daemon.child is None and daemon.is_wanted and time.monotonic() >= daemon.restart_at:
                daemon.start()

    def _timeout_ms(self):
        due = [d.restart_at for d in self.daemons.values() if d.child is None and d.is_wanted]
        if not due:
            return None
        return max(0, int((min(due) - time.monotonic()) * 1000) + 1)

    def _serve(self, listener):
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(1)
            try:
                line = connection.makefile("r").readline()
                connection.sendall(json.dumps(self._answer(line)).encode() + b"\n")
            except OSError:
                return

    def _answer(self, line):
        try:
            request = json.loads(line)
            verbs = {"status": self.do_status, "signal": self.do_signal, "stop": self.do_stop, "start": self.do_start}
            return {"ok": verbs[request.pop("verb")](**request)}
        except (LabError, KeyError, TypeError, ValueError, OSError) as error:
            return {"error": str(error)}

    def _daemon(self, name):
        if name not in self.daemons:
            raise LabError(f"no such daemon '{name}' (there are {', '.join(self.daemons)})")
        return self.daemons[name]

    def do_status(self):
        """Pids as the node sees them, and how often each was started."""
        return {
            daemon.name: {"pid": daemon.child.pid if daemon.child else None, "starts": daemon.starts}
            for daemon in self.daemons.values()
        }

    def do_signal(self, daemon, number):
        """We are its parent: until we reap it, the pid is nobody else's."""
        target = self._daemon(daemon)
        if target.child is None:
            raise LabError(f"{daemon} is not running")
        os.kill(target.child.pid, number)
        return target.child.pid

    def do_stop(self, daemon):
        """Ended and left so."""
        target = self._daemon(daemon)
        target.is_wanted = False
        if target.child is not None:
            os.kill(target.child.pid, signal.SIGTERM)

    def do_start(self, daemon):
        """Wanted again."""
        target = self._daemon(daemon)
        target.is_wanted = True
        target.restart_at = 0.0
