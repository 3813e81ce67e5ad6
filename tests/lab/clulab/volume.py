# SPDX-License-Identifier: GPL-2.0-or-later
"""The volume that all nodes share, and what befalls it: it is small and gets full, its lease area is damaged or another's.

And the wall clocks of the nodes, which no lease may go by.
"""

import contextlib
import errno
import os
import shutil
import struct

from clulab import cache, namespaces, settings
from clulab.testing import Skip, in_parallel, wait_until

SECTOR_BYTES = 4096
# csv-storage/README.md, "The lease area".
NODE_AT = 96
CHECKSUM_AT = 504
HEADER = struct.Struct("<8sII64s16sI")
VERSION, KIND_HEADER, NODES_MAX, SECTORS = 1, 1, 64, 193
FILLER = "filler"


def add(lab):
    """`clu volume add`; every node has said that it holds its lease: its guests may go by it."""
    lab.clu("n1", "volume", "add", "csv", "--kind", "directory", "--path", "/csv")
    wait_until(lambda: lab.clu("n1", "volume", "show", "csv")["leased"] == lab.nodes, 20, "all leases are told")


def boot_with(lab, csv_mib):
    """Every node anew, with a volume of that size and a wall clock that step_clock() sets."""
    library = cache.compiled(f"{settings.LAB_DIR}/clock_step.c", "-shared", "-fPIC")
    shutil.copy(library, f"{lab.place.tools_dir}/clock_step.so")
    for node in lab.nodes:
        etc = f"{lab.place.node_disk_dir(node)}/etc"
        with open(f"{etc}/clock-step", "wb") as stream:
            stream.write(bytes(8))
        with open(f"{etc}/ld.so.preload", "w", encoding="ascii") as stream:
            stream.write("/usr/local/sbin/clock_step.so\n")
    in_parallel(lab.power_off, lab.nodes)
    namespaces.mount("tmpfs", lab.place.csv_dir, "tmpfs", 0, f"mode=755,size={csv_mib}m")
    require_direct_io(lab.place.csv_dir)
    in_parallel(lab.power_on, lab.nodes)
    lab.wait_ready()


def require_direct_io(directory):
    """Memory as a file system has it since Linux 6.6."""
    try:
        os.close(os.open(f"{directory}/probe", os.O_WRONLY | os.O_CREAT | os.O_DIRECT))
    except OSError as error:
        raise Skip(f"a file system in memory takes no direct I/O here: {error}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{directory}/probe")


def step_clock(lab, node, seconds):
    """The wall clock of NODE is now that far from the others'."""
    with open(f"{lab.place.node_disk_dir(node)}/etc/clock-step", "r+b") as stream:
        stream.write(struct.pack("<q", seconds))


def fill(lab):
    """Until nothing can be written any more."""
    block = bytes(1 << 16)
    with open(f"{lab.place.csv_dir}/{FILLER}", "wb", buffering=0) as stream:
        for size in (len(block), SECTOR_BYTES, 1):
            with contextlib.suppress(OSError):
                while stream.write(block[:size]):
                    pass
    try:
        with open(f"{lab.place.csv_dir}/probe", "wb", buffering=0) as stream:
            stream.write(block)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return
        raise
    finally:
        with contextlib.suppress(OSError):
            os.unlink(f"{lab.place.csv_dir}/probe")
    raise AssertionError("the volume does not get full")


def unfill(lab):
    """There is space again."""
    os.unlink(f"{lab.place.csv_dir}/{FILLER}")


def checksum(record):
    """FNV-1a."""
    summary = 0xCBF29CE484222325
    for byte in record[:CHECKSUM_AT]:
        summary = (summary ^ byte) * 0x100000001B3 % (1 << 64)
    return struct.pack("<Q", summary)


def header_of(cluster, volume=b"another volume's"):
    """The first sector of a lease area of that cluster."""
    record = HEADER.pack(b"CLULEASE", VERSION, KIND_HEADER, cluster.encode(), volume, NODES_MAX)
    record = record.ljust(CHECKSUM_AT, b"\0")
    return (record + checksum(record)).ljust(SECTOR_BYTES, b"\0")


class LeaseArea:
    """The lease area of /csv, as somebody sees and changes it who has no business there."""

    def __init__(self, lab):
        self.path = f"{lab.place.csv_dir}/.clu-lease"

    def make_foreign(self, cluster):
        """There was none: now it is another cluster's."""
        with open(self.path, "xb") as stream:
            stream.write(header_of(cluster).ljust(SECTORS * SECTOR_BYTES, b"\0"))

    def read(self, sector, count=1):
        """Bytes of a sector; 0 is the header."""
        with open(self.path, "rb") as stream:
            stream.seek(sector * SECTOR_BYTES)
            return stream.read(count * SECTOR_BYTES)

    def write(self, sector, content):
        """Over what is there, in place."""
        with open(self.path, "r+b") as stream:
            stream.seek(sector * SECTOR_BYTES)
            stream.write(content)

    def all(self):
        """Everything."""
        return self.read(0, SECTORS)

    def damage(self, sector):
        """As a disk does it that has a bad day."""
        self.write(sector, b"\xa5" * SECTOR_BYTES)

    def swap(self, one, other):
        """Two sectors, each in the other's place."""
        first, second = self.read(one), self.read(other)
        self.write(one, second)
        self.write(other, first)

    def node_of(self, sector):
        """Whose record lies in a lease's sector."""
        return struct.unpack_from("<I", self.read(sector), NODE_AT)[0]

    def put_back(self, content):
        """As a backup tool does it: another file of the same name."""
        with open(f"{self.path}.copy", "wb") as stream:
            stream.write(content)
        os.rename(f"{self.path}.copy", self.path)


def lease_sector(number):
    """Of node nNUMBER."""
    return 1 + 2 * (number - 1)
