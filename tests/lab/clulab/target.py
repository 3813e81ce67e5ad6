# SPDX-License-Identifier: GPL-2.0-or-later
"""A real iSCSI target (tgt) beside the nodes, on the guests' network as `outside` is: a partition does not reach it."""

import os
import re
import signal
import subprocess
import time

from clulab import namespaces, settings
from clulab.errors import LabError

IQN = "iqn.2026-11.lab:san"
USER, PASSWORD = "clu", "lab-secret-1"
READY_S = 5
POLL_S = 0.02
DISK = re.compile(r"<disk type='file'.*?</disk>", re.DOTALL)
LUN_DISK = """<disk type='network' device='disk'>
      <driver name='qemu' type='raw' cache='none'/>
      <source protocol='iscsi' name='{iqn}/{lun}'>
        <host name='{address}' port='3260'/>
      </source>
      <target dev='vda' bus='virtio'/>
    </disk>"""


class Target:
    """The process. Owned by the room, whose end is its own, and in whose network it stands."""

    def __init__(self, place, shape):
        self.place = place
        self.address = settings.outside_address(shape["index"])
        self.child = None
        self.luns = {}
        self.environment = {**os.environ, "TGT_IPC_SOCKET": f"{place.run_dir}/tgtd.sock"}

    def start(self):
        """With the LUNs that it had. Does nothing to one that runs."""
        if self.child is not None and self.child.poll() is None:
            return
        with open(f"{self.place.run_dir}/tgtd.log", "ab") as log:
            self.child = subprocess.Popen(
                ["tgtd", "-f", "--iscsi", f"portal={self.address}:3260"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.environment, preexec_fn=lambda: namespaces.die_with_parent(signal.SIGKILL),
            )
        until = time.monotonic() + READY_S
        while self.ask("--mode", "target", "--op", "show").returncode != 0:
            if time.monotonic() > until:
                raise LabError(f"tgtd is not up after {READY_S} s: see {self.place.run_dir}/tgtd.log")
            time.sleep(POLL_S)
        self.set_up()

    def set_up(self):
        """Nobody may log in before the LUNs are there."""
        self.tell("--mode", "target", "--op", "new", "--tid", "1", "--targetname", IQN)
        self.tell("--mode", "account", "--op", "new", "--user", USER, "--password", PASSWORD)
        self.tell("--mode", "account", "--op", "bind", "--tid", "1", "--user", USER)
        for lun, path in self.luns.items():
            self.attach(lun, path)
        self.tell("--mode", "target", "--op", "bind", "--tid", "1", "--initiator-address", "ALL")

    def add(self, lun, path):
        """A file as a LUN."""
        self.attach(lun, path)
        self.luns[lun] = path

    def attach(self, lun, path):
        """As add(), of a target that was just started."""
        self.tell("--mode", "logicalunit", "--op", "new", "--tid", "1", "--lun", str(lun), "--backing-store", path)

    def ask(self, *words):
        """tgtadm."""
        return subprocess.run(["tgtadm", "--lld", "iscsi", *words], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, env=self.environment)

    def tell(self, *words):
        """tgtadm, which must do it."""
        done = self.ask(*words)
        if done.returncode != 0:
            raise LabError(f"tgtadm {' '.join(words)}: {done.stderr.strip()}")

    def signal(self, number):
        """SIGKILL is its crash; SIGSTOP leaves everybody waiting."""
        if self.child is None or self.child.poll() is not None:
            raise LabError("the target is not running")
        self.child.send_signal(number)
        if number == signal.SIGKILL:
            self.child.wait()

    def stop(self):
        """Whatever it does at the time; its LUNs are forgotten."""
        if self.child is not None and self.child.poll() is None:
            self.signal(signal.SIGKILL)
        self.luns = {}


def on_lun(lab, guest, lun):
    """The guest's disk is that LUN from now on: its definition says so in libvirt's own words."""
    shape = lab.place.load_shape()
    lab.target("add", lun=lun, path=f"{lab.place.csv_dir}/{guest.name}.img")
    path = f"{lab.place.csv_dir}/{guest.name}.xml"
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    disk = LUN_DISK.format(iqn=IQN, lun=lun, address=settings.outside_address(shape["index"]))
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(DISK.sub(disk, text))
