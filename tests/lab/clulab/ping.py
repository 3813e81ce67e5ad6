# SPDX-License-Identifier: GPL-2.0-or-later
"""A continuous ping from outside the nodes, by a thread of the test: how long was a guest silent?"""

import select
import socket
import struct
import threading
import time

from clulab import enter, namespaces

INTERVAL_S = 0.02
ECHO_REQUEST = 8
ECHO_REPLY = 0


def checksum(data):
    """RFC 1071, over an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo_request(identifier, sequence):
    """An ICMP echo request without a payload."""
    bare = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, identifier, sequence)
    return struct.pack("!BBHHH", ECHO_REQUEST, 0, checksum(bare), identifier, sequence)


class Ping:
    """A context manager: pings while its block runs, then answers questions.

    Times are time.monotonic() seconds, as in Lab.events().
    """

    def __init__(self, place, address, interval_s=INTERVAL_S):
        self.address = address
        self.interval_s = interval_s
        self.identifier = threading.get_native_id() & 0xFFFF
        self.sent = 0
        self.started = None
        self.ended = None
        self.replies = []
        self._namespace = f"/proc/{enter.require_room(place)}/ns/net"
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._error = None

    def __enter__(self):
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        try:
            # Only this thread changes its namespace, and it does nothing else in its life.
            namespaces.setns(self._namespace, namespaces.CLONE_NEWNET)
            connection = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        except OSError as error:
            self._error = error
            self._ready.set()
            return
        with connection:
            connection.setblocking(False)
            self.started = time.monotonic()
            self._ready.set()
            self._loop(connection)
            self.ended = time.monotonic()

    def _loop(self, connection):
        next_send = time.monotonic()
        while not self._stop.is_set():
            now = time.monotonic()
            if now >= next_send:
                self._send(connection)
                next_send = max(next_send + self.interval_s, now)
            if select.select([connection], [], [], max(0, next_send - time.monotonic()))[0]:
                self._receive(connection)

    def _send(self, connection):
        self.sent += 1
        try:
            connection.sendto(echo_request(self.identifier, self.sent & 0xFFFF), (self.address, 0))
        except OSError:
            # Nobody answers ARP: counted as sent, answered never.
            return

    def _receive(self, connection):
        try:
            packet, (source, _) = connection.recvfrom(2048)
        except OSError:
            return
        icmp = packet[(packet[0] & 15) * 4:]
        if source == self.address and icmp[0] == ECHO_REPLY and icmp[4:6] == struct.pack("!H", self.identifier):
            self.replies.append(time.monotonic())

    def is_answered_since(self, moment):
        """Whether a reply came after MOMENT."""
        return bool(self.replies) and self.replies[-1] > moment

    def silences(self, above_ms=0):
        """(from, to, milliseconds) between neighbouring replies and both ends, longest first."""
        moments = [self.started, *self.replies, self.ended or time.monotonic()]
        gaps = [(a, b, (b - a) * 1000) for a, b in zip(moments, moments[1:]) if (b - a) * 1000 >= above_ms]
        return sorted(gaps, key=lambda gap: -gap[2])

    def longest_silence_ms(self):
        """The figure that matters to whoever uses the guest."""
        return self.silences()[0][2]
