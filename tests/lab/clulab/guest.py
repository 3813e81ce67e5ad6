# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests: a Debian kernel, an initramfs of busybox and the writer, and their domain definitions."""

import contextlib
import glob
import hashlib
import json
import os
import shutil
import stat
import tempfile
import uuid

from clulab import cache, check_disk, process, settings
from clulab.errors import EXIT_USAGE, LabError

KERNEL_METAPACKAGE = "linux-image-cloud-amd64"
GUEST_CACHE = f"{settings.CACHE_DIR}/guest"
# How nodes see GUEST_CACHE (see root.py).
GUEST_DIR_IN_NODE = "/lab/guest"
BUSYBOX = "/bin/busybox"
# In the order in which they must be loaded.
MODULES = (
    "virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "failover",
    "net_failover", "virtio_net", "virtio_blk", "button", "evdev",
)
DISK_BYTES = check_disk.SLOTS * check_disk.SLOT_BYTES
MEMORY_MIB_DEFAULT = 128
MEMORY_MIB_MIN = 96
# About 15 records a second: ten guests share two emulated processors.
WRITE_MS_DEFAULT = 66
GUESTS_MAX = settings.OUTSIDE_NUMBER - settings.FIRST_GUEST_NUMBER

INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
for module in {modules}; do /bin/busybox insmod /modules/$module.ko; done
for word in $(/bin/busybox cat /proc/cmdline); do
    case $word in
        clu.address=*) address=${{word#clu.address=}} ;;
        clu.write_ms=*) write_ms=${{word#clu.write_ms=}} ;;
    esac
done
/bin/busybox ip link set lo up
/bin/busybox ip link set eth0 up
/bin/busybox ip address add $address dev eth0
# The switch may still believe that this address lives on the node that ran us before.
/bin/busybox arping -q -c 2 -A -I eth0 ${{address%/*}} &
exec /guest_writer /dev/vda $write_ms
"""

# Slow parts are left out: no graphics, no USB, no boot ROM of the network card, no balloon.
DOMAIN = """\
<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
    <kernel>{directory}/{kernel}</kernel>
    <initrd>{directory}/{initramfs}</initrd>
    <cmdline>console=ttyS0 quiet loglevel=3 panic=1 nokaslr mitigations=off no_timer_check tsc=unstable \
cryptomgr.notests nowatchdog random.trust_bootloader=on clu.address={address}/24 \
clu.write_ms={write_ms}</cmdline>
  </os>
  <features>
    <acpi/>
  </features>
  <cpu mode='custom' match='exact' check='none'>
    <model fallback='forbid'>qemu64</model>
  </cpu>
  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='none' io='threads'/>
      <source file='{disk}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='bridge'>
      <mac address='{mac}'/>
      <source bridge='br0'/>
      <model type='virtio'/>
      <rom enabled='no'/>
    </interface>
    <serial type='file'>
      <source path='/var/log/{name}.console.log'/>
      <target port='0'/>
    </serial>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""


def kernel_package():
    """The package behind the metapackage: its name carries the kernel's version."""
    what = f"cannot find {KERNEL_METAPACKAGE}"
    for attempt in ("known", "after an update"):
        if attempt != "known":
            cache.run(["apt-get", "-qq", "update"], what)
        for line in cache.run(["apt-cache", "depends", KERNEL_METAPACKAGE], what).splitlines():
            word, _, package = line.strip().partition(": ")
            if word == "Depends" and package.startswith("linux-image-"):
                return package
    raise LabError(f"{what}: apt knows no such package")


def kernel_tree():
    """Directory with vmlinuz and the modules, downloaded and unpacked once (never installed)."""
    tree = f"{GUEST_CACHE}/linux"
    with cache.locked(settings.CACHE_DIR):
        if not os.path.isdir(tree):
            os.makedirs(GUEST_CACHE, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=GUEST_CACHE) as work:
                # apt downloads as its own user if that one may write here.
                os.chmod(work, 0o777)
                package = kernel_package()
                cache.run(["apt-get", "-qq", "download", package], f"cannot download {package}", cwd=work)
                (archive,) = glob.glob(f"{work}/*.deb")
                cache.run(["dpkg", "-x", archive, f"{work}/linux"], f"cannot unpack {package}")
                (kernel,) = glob.glob(f"{work}/linux/boot/vmlinuz-*")
                shutil.copy(kernel, f"{GUEST_CACHE}/vmlinuz")
                os.rename(f"{work}/linux", tree)
    return tree


def cpio_entry(name, mode, content=b""):
    """One file in the "newc" format, which the kernel unpacks itself."""
    encoded = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    padded_name = header + encoded + b"\0" * (-(len(header) + len(encoded)) % 4)
    return padded_name + content + b"\0" * (-len(content) % 4)


def initramfs_bytes(tree, writer):
    """Uncompressed: unpacking costs an emulated processor more than reading."""
    parts = [cpio_entry(name, stat.S_IFDIR | 0o755) for name in ("proc", "sys", "dev", "bin", "modules")]
    parts.append(cpio_entry("bin/busybox", stat.S_IFREG | 0o755, cache.read_bytes(BUSYBOX)))
    parts.append(cpio_entry("guest_writer", stat.S_IFREG | 0o755, cache.read_bytes(writer)))
    init = INIT.format(modules=" ".join(MODULES)).encode()
    parts.append(cpio_entry("init", stat.S_IFREG | 0o755, init))
    for module in MODULES:
        found = glob.glob(f"{tree}/lib/modules/*/kernel/**/{module}.ko", recursive=True)
        if len(found) != 1:
            raise LabError(f"the guest's kernel has no module {module}.ko; remove {GUEST_CACHE} to fetch it anew")
        parts.append(cpio_entry(f"modules/{module}.ko", stat.S_IFREG | 0o644, cache.read_bytes(found[0])))
    parts.append(cpio_entry("TRAILER!!!", 0))
    return b"".join(parts)


def boot_files():
    """Names of the kernel and the initramfs in the cache."""
    tree = kernel_tree()
    writer = cache.compiled(f"{settings.LAB_DIR}/guest_writer.c")
    key = cache.digest(cache.read_bytes(writer), INIT.encode(), " ".join(MODULES).encode())
    name = f"initramfs-{key}"
    with cache.locked(settings.CACHE_DIR):
        if not os.path.exists(f"{GUEST_CACHE}/{name}"):
            with open(f"{GUEST_CACHE}/{name}.new", "wb") as stream:
                stream.write(initramfs_bytes(tree, writer))
            os.rename(f"{GUEST_CACHE}/{name}.new", f"{GUEST_CACHE}/{name}")
    return "vmlinuz", name


def reserve_address(place, shape, name, wanted):
    """A guest keeps its address for the life of the lab; none is given twice."""
    with cache.locked(place.run_dir, "guests.lock"):
        taken = load_addresses(place)
        if wanted is None:
            wanted = taken.get(name) or first_free(shape, set(taken.values()))
        holder = next((guest for guest, address in taken.items() if address == wanted), name)
        if holder != name:
            raise LabError(f"address {wanted} belongs to guest {holder}")
        taken[name] = wanted
        process.write_json(place.guests_file, taken)
    return wanted


def load_addresses(place):
    """Guest to address."""
    if not os.path.exists(place.guests_file):
        return {}
    return json.loads(cache.read_bytes(place.guests_file))


def first_free(shape, taken):
    """Addresses of guests begin above the nodes'."""
    for offset in range(GUESTS_MAX):
        address = settings.node_address(shape["index"], "guest", settings.FIRST_GUEST_NUMBER + offset)
        if address not in taken:
            return address
    raise LabError("no address is left on the guests' network")


def mac_address(place, name):
    """Follows from the names, so the same guest has it on every node and after every start."""
    digest = hashlib.sha256(f"{place.name}/{name}".encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])


def define(place, name, memory=MEMORY_MIB_DEFAULT, address=None, write_ms=WRITE_MS_DEFAULT):
    """Make the disk (unless it exists) and the definition; returns the path as nodes see it."""
    shape = place.load_shape()
    if shape is None:
        raise LabError(f"lab '{place.name}' is not up (try: lab up)")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise LabError(f"'{name}' will not do as the name of a guest: letters, digits, - and _", EXIT_USAGE)
    if memory < MEMORY_MIB_MIN:
        raise LabError(f"a guest needs {MEMORY_MIB_MIN} MiB at least to boot", EXIT_USAGE)
    kernel, initramfs = boot_files()
    address = reserve_address(place, shape, name, address)
    image = f"{place.csv_dir}/{name}.img"
    if not os.path.exists(image):
        with open(image, "wb") as stream:
            stream.truncate(DISK_BYTES)
    text = DOMAIN.format(
        name=name, uuid=uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.{place.name}.clu-lab"), memory=memory,
        directory=GUEST_DIR_IN_NODE, kernel=kernel, initramfs=initramfs, address=address,
        disk=f"/csv/{name}.img", mac=mac_address(place, name), write_ms=write_ms,
    )
    with open(f"{place.csv_dir}/{name}.xml", "w", encoding="utf-8") as stream:
        stream.write(text)
    return f"/csv/{name}.xml"


def forget_all(place):
    """Remove every guest's disk and definition; none may be running."""
    with cache.locked(place.run_dir, "guests.lock"):
        for name in load_addresses(place):
            for suffix in ("img", "xml"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{place.csv_dir}/{name}.{suffix}")
        process.write_json(place.guests_file, {})
