# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration files of a node, as text."""

import uuid

from clulab import settings

LIBVIRTD_CONF = """\
listen_tls = 0
listen_tcp = 1
auth_tcp = "none"
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_group = "root"
host_uuid = "{host_uuid}"
"""

# stdio_handler: virtlogd is not run. namespaces: QEMU sees the node's own /dev anyway.
QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
dynamic_ownership = 0
"""

# seqno_unchanged_const: rotations without a message after which the token rests instead of going round as fast
# as it can. With corosync's own 30, at real-time priority, three of them leave a small machine to nobody else.
COROSYNC_TOTEM = """\
totem {{
    version: 2
    cluster_name: {name}
    transport: knet
    crypto_cipher: none
    crypto_hash: none
    token: {token_ms}
    token_coefficient: 0
    seqno_unchanged_const: 2
}}
logging {{
    to_stderr: no
    to_syslog: no
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    timestamp: hires
}}
quorum {{
    provider: corosync_votequorum
}}
"""


def corosync_conf(name, shape):
    """The same on every node. The parser wants one setting a line."""
    text = COROSYNC_TOTEM.format(name=name, token_ms=shape["token_ms"])
    text += "nodelist {\n"
    for number, node in settings.nodes_of(shape):
        address = settings.node_address(shape["index"], "cluster", number)
        text += f"    node {{\n        ring0_addr: {address}\n        name: {node}\n        nodeid: {number}\n    }}\n"
    return text + "}\n"


def hosts(shape):
    """Every name that anything in a node may ask for: one that does not resolve costs libvirt 20 s."""
    lines = ["127.0.0.1 localhost"]
    for number, node in settings.nodes_of(shape):
        for suffix, net in (("", "cluster"), ("-migration", "migration"), ("-guest", "guest")):
            lines.append(f"{settings.node_address(shape['index'], net, number)} {node}{suffix}")
    lines.append(f"{settings.outside_address(shape['index'])} outside")
    return "\n".join(lines) + "\n"


def libvirtd_conf(name, node):
    """libvirt refuses to migrate between hosts of one UUID, so each node has its own, always the same."""
    return LIBVIRTD_CONF.format(host_uuid=uuid.uuid5(uuid.NAMESPACE_DNS, f"{node}.{name}.clu-lab"))


def files(name, node, shape):
    """Path to text of everything that a node's boot writes anew."""
    return {
        "/etc/hosts": hosts(shape),
        "/etc/hostname": f"{node}\n",
        "/etc/resolv.conf": "",
        "/etc/corosync/corosync.conf": corosync_conf(name, shape),
        "/etc/libvirt/libvirtd.conf": libvirtd_conf(name, node),
        "/etc/libvirt/qemu.conf": QEMU_CONF,
    }
