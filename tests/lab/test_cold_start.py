# SPDX-License-Identifier: GPL-2.0-or-later
"""Power cut of everything: what was acknowledged is there, and roles come back by themselves."""

import threading
import time

from clulab import roles, settings
from clulab.testing import check, check_equal, in_parallel, lab_test, wait_until

CHANGES_EACH = 30
CLIENT = f"{settings.LAB_DIR}/note_client.py"


class Changes:
    """One client in a node that changes one role, and what it said until its node died."""

    def __init__(self, lab, node, role, name):
        self.role = role
        self.sent = []
        self.acknowledged = {}
        self.failed = 0
        self.process = lab.start_in_background(node, "python3", CLIENT, role, name)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        """Until the pipe ends, with the node."""
        for line in self.process.stdout:
            words = line.split()
            if not line.endswith("\n"):
                return
            if words[0] == "sent":
                self.sent.append(words[1])
            elif words[0] == "acknowledged":
                self.acknowledged[words[1]] = int(words[2])
            else:
                self.failed += 1

    def end(self):
        """After the power cut."""
        self.thread.join(10)
        check(not self.thread.is_alive(), "a client outlived its node")
        self.process.wait(10)


def require_history(changes, found):
    """Every acknowledged note stands at the index that was promised, and nothing overtook it."""
    by_index = {entry["index"]: entry for entry in found}
    for client in changes:
        for note, index in client.acknowledged.items():
            entry = by_index.get(index)
            check(entry is not None, f"{note} was acknowledged as entry {index}, which is gone")
            check_equal(entry["command_json"].get("note"), note, f"note in entry {index}")
        stored = [e["command_json"]["note"] for e in found
                  if e["command"] == "role-set" and e["command_json"].get("note") in set(client.sent)]
        check_equal(stored, [note for note in client.sent if note in set(stored)], "order of the notes")
        check_equal(len(stored), len(set(stored)), "notes that are there twice")


def expected_note(found, role):
    """What the last change in the ledger says."""
    notes = [e["command_json"]["note"] for e in found
             if e["command"] == "role-set" and e["subject"] == f"role:{role}" and "note" in e["command_json"]]
    return notes[-1]


@lab_test(nodes=3, fresh=True)
def test_power_cut_of_all_nodes_loses_no_acknowledged_change(lab):
    roles.add_fence_device(lab)
    guests = roles.add_roles(lab, {"vm1": "n1", "vm2": "n2"})
    for name in ("spare1", "spare2"):
        lab.clu("n3", "role", "add", name, "--definition", lab.guest(name).definition, "--stopped")
    places = [("n1", "vm1"), ("n2", "spare1"), ("n3", "vm2"), ("n3", "spare2")]
    changes = [Changes(lab, node, role, f"client{i}") for i, (node, role) in enumerate(places)]
    begun = time.monotonic()
    wait_until(lambda: all(len(client.acknowledged) >= CHANGES_EACH for client in changes), 60,
               f"{CHANGES_EACH} changes by each client")
    changing_s = time.monotonic() - begun
    in_parallel(lab.power_off, lab.nodes)
    for client in changes:
        client.end()
    hardware = len(lab.events())
    acknowledged = sum(len(client.acknowledged) for client in changes)
    check_equal(sum(client.failed for client in changes), 0, "changes that failed before the power cut")

    begun = time.monotonic()
    in_parallel(lab.power_on, lab.nodes)
    roles.wait_answering(lab, 60)
    level_ms = (time.monotonic() - begun) * 1000

    def all_online():
        return all(roles.show(lab, "n1", guest.name)["state"] == "online" for guest in guests)

    wait_until(all_online, 60, "the roles run again by themselves", poll_s=0.1)
    online_ms = (time.monotonic() - begun) * 1000
    in_parallel(lambda guest: guest.wait_answers(60), guests)
    answer_ms = (time.monotonic() - begun) * 1000
    for guest in guests:
        guest.wait_writes()
        guest.require_whole_disk(boots=2)

    end = roles.check_ledgers_agree(lab)
    histories = [roles.entries(lab, node) for node in lab.nodes]
    check(histories[0] == histories[1] == histories[2], "the nodes tell different histories")
    require_history(changes, histories[0])
    for _, role in places:
        for node in lab.nodes:
            check_equal(roles.show(lab, node, role)["note"], expected_note(histories[0], role), f"note of {role}")
    check_equal([roles.show(lab, "n2", name)["state"] for name in ("spare1", "spare2")], ["offline"] * 2,
                "roles that were stopped")
    roles.require_untouched_hardware(lab, hardware)
    lab.figures.note(acknowledged=acknowledged, per_s=acknowledged / changing_s, entries=end["last"],
                     level_ms=level_ms, online_ms=online_ms, answer_ms=answer_ms)
