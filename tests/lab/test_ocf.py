# SPDX-License-Identifier: GPL-2.0-or-later
"""Roles of OCF agents: an address that the world can reach, kept by Debian's own resource agents."""

import json
import os
import time

from clulab import roles, settings
from clulab.ping import Ping
from clulab.testing import CLU_NO_OBJECT, CLU_REFUSED, Skip, check, check_equal, holds_for, lab_test, wait_until

AGENTS = "/usr/lib/ocf/resource.d/heartbeat"
ROLE = "address"
STATE_FILE = "/run/clu-lab-dummy.state"
MONITOR_MS = 1000
ADDRESS_NUMBER = 200
# A monitor each second, its own run, stop and start of two agents written in shell; on a busy machine.
RESTART_S = 15


def definition(address):
    """The address first, then what would listen on it."""
    return {"agents": [
        {"agent": "ocf:heartbeat:IPaddr2", "parameters": {"ip": address, "cidr_netmask": 24, "nic": "br0"},
         "monitor_interval_ms": MONITOR_MS},
        {"agent": "ocf:heartbeat:Dummy", "parameters": {"state": STATE_FILE}, "monitor_interval_ms": MONITOR_MS},
    ]}


def write_definition(lab, name, content):
    """On the shared volume; its path in the nodes."""
    with open(f"{lab.place.csv_dir}/{name}.json", "w", encoding="utf-8") as stream:
        stream.write(content if isinstance(content, str) else json.dumps(content))
    return f"/csv/{name}.json"


def holders(lab, address):
    """Nodes that have it right now."""
    on = [node for node, row in lab.status().items() if row["power"] == "on"]
    return [node for node in on
            if f" {address}/" in lab.run(node, "ip", "-o", "-4", "addr", "show", "dev", "br0").stdout]


def wait_online(lab, node, timeout_s=60):
    """Returns the row."""
    def row():
        found = roles.show(lab, node, ROLE)
        return found if found["state"] == "online" else None

    return wait_until(row, timeout_s, f"{ROLE} is online", poll_s=0.1)


def require_runs_on(lab, node, address):
    """The address and the state file there, and nowhere else."""
    check_equal(holders(lab, address), [node], f"nodes that have {address}")
    files = [n for n, row in lab.status().items() if row["power"] == "on"
             and lab.run(n, "test", "-e", STATE_FILE, check_exit=False).returncode == 0]
    check_equal(files, [node], "nodes on which Dummy runs")


def require_restart(lab, address, breaking):
    """BREAKING(owner), and the role runs again; returns the milliseconds until the address answers and all is online."""
    owner = roles.show(lab, "n1", ROLE)["owner"]
    before = roles.last_index(lab)
    begun = time.monotonic()
    breaking(owner)

    def is_again():
        found = [e for e in roles.entries(lab, "n1", before) if e["command"] == "role-report"]
        reports = [e["command_json"]["report"] for e in found]
        return "failed" in reports and reports[-1] == "running"

    wait_until(is_again, RESTART_S, "the failure is noticed and the role runs again", poll_s=0.1)
    row = wait_online(lab, "n1")
    took_ms = (time.monotonic() - begun) * 1000
    require_runs_on(lab, row["owner"], address)
    with Ping(lab.place, address) as ping:
        wait_until(lambda: ping.replies, 10, f"{address} answers")
    return took_ms


@lab_test(nodes=3, fresh=True)
def test_an_address_of_ocf_agents_is_kept(lab):
    if not os.access(f"{AGENTS}/IPaddr2", os.X_OK):
        raise Skip("resource-agents is not installed")
    roles.add_fence_device(lab)
    address = f"{settings.subnet(lab.place.load_shape()['index'], 'guest')}.{ADDRESS_NUMBER}"
    path = write_definition(lab, ROLE, definition(address))
    lab.clu("n2", "role", "add", ROLE, "--ocf", path)
    row = wait_online(lab, "n1")
    require_runs_on(lab, row["owner"], address)

    with Ping(lab.place, address) as ping:
        wait_until(lambda: ping.replies, 10, f"{address} answers")
        target = next(node for node in lab.nodes if node != row["owner"])
        moved = time.monotonic()
        lab.clu(row["owner"], "role", "move", ROLE, "--node", target)
        wait_until(lambda: ping.is_answered_since(moved), 10, f"{address} answers from {target}")
    require_runs_on(lab, target, address)
    move_silence_ms = ping.longest_silence_ms()

    dummy_ms = require_restart(lab, address, lambda owner: lab.run(owner, "rm", STATE_FILE))
    lab.clu("n1", "role", "start", ROLE)  # forgives the failure, so that the next is tried at once again
    address_ms = require_restart(
        lab, address, lambda owner: lab.run(owner, "ip", "addr", "del", f"{address}/24", "dev", "br0"))

    survivor_ms, evidence = lose_owner(lab, address)
    require_stop_and_remove(lab, address)
    lab.figures.note(move_silence_ms=move_silence_ms, dummy_restart_ms=dummy_ms, address_restart_ms=address_ms,
                     failover_ms=survivor_ms, evidence=evidence)


def lose_owner(lab, address):
    """Power cut of the owner: elsewhere, with evidence. Returns the silence and the evidence."""
    owner = roles.show(lab, "n1", ROLE)["owner"]
    survivor = next(node for node in lab.nodes if node != owner)
    with Ping(lab.place, address) as ping:
        wait_until(lambda: ping.replies, 10, f"{address} answers")
        cut = lab.power_off(owner)
        wait_until(lambda: ping.is_answered_since(cut + 0.5), 60, f"{address} answers again")
    row = wait_online(lab, survivor)
    check(row["owner"] != owner, f"{ROLE} is still on {owner}, which is off")
    require_runs_on(lab, row["owner"], address)
    chain = lab.clu(survivor, "role", "why", ROLE)["chain"]
    evidence = [link["evidence"] for link in chain if "evidence" in link]
    check(evidence and evidence[-1] in ("powered-off", "guard-expired"), f"evidence in role why: {chain}")
    lab.power_on(owner)
    roles.wait_answering(lab, 60)
    require_runs_on(lab, roles.show(lab, owner, ROLE)["owner"], address)
    return ping.longest_silence_ms(), evidence[-1]


def require_stop_and_remove(lab, address):
    """Stopped is stopped everywhere, started is started, removed is forgotten."""
    lab.clu("n1", "role", "stop", ROLE)
    check_equal(holders(lab, address), [], "nodes that have the address of a stopped role")
    holds_for(lambda: roles.show(lab, "n1", ROLE)["state"] == "offline", 2 * MONITOR_MS / 1000, "it stays stopped",
              poll_s=0.2)
    lab.clu("n2", "role", "start", ROLE)
    require_runs_on(lab, wait_online(lab, "n3")["owner"], address)
    lab.clu("n3", "role", "stop", ROLE)
    lab.clu("n3", "role", "remove", ROLE)
    check_equal(holders(lab, address), [], "nodes that have the address of a removed role")
    lab.clu("n1", "role", "show", ROLE, exit_code=CLU_NO_OBJECT)


@lab_test(nodes=3, fresh=True)
def test_broken_ocf_definitions_are_refused_by_name(lab):
    roles.wait_answering(lab)
    before = roles.last_index(lab)
    cases = (
        ("{", "line 1 column 1"),
        ({"agents": []}, "agent"),
        ({"agents": [{"agent": "IPaddr2"}]}, "IPaddr2"),
        ({"agents": [{"agent": "ocf:heartbeat:NoSuchAgent"}]}, "NoSuchAgent"),
        ({"agents": [{"agent": "ocf:heartbeat:Dummy", "monitor_interval_ms": 1}]}, "monitor_interval_ms"),
        ({"agents": [{"agent": "ocf:heartbeat:Dummy", "parameters": {"a b": 1}}]}, "a b"),
        ({"agents": [{"agent": "ocf:heartbeat:Dummy", "colour": "red"}]}, "colour"),
    )
    for number, (content, word) in enumerate(cases):
        path = write_definition(lab, f"broken{number}", content)
        answer = lab.clu("n1", "role", "add", "broken", "--ocf", path, exit_code=CLU_REFUSED)
        check(word in answer["error"]["message"], f"'{word}' is not in: {answer['error']['message']}")
    check_equal(roles.last_index(lab), before, "entries after broken definitions")
    lab.clu("n1", "role", "show", "broken", exit_code=CLU_NO_OBJECT)
    lab.figures.note(refused=len(cases))
