# SPDX-License-Identifier: GPL-2.0-or-later
"""A node is taken out of the cluster: one that is gone, which comes back all the same, and one that leaves."""

import time

from clulab import roles
from clulab.testing import CLU_NO_OBJECT, CLU_REFUSED, check, check_equal, lab_test, wait_until
from test_quorum import elapsed_ms, is_level, quorum, wait_voters

RETURN_TIMEOUT_S = 60


def knows_it_is_out(lab, node):
    """It says so itself, and what to do."""
    warnings = (lab.clu(node, "cluster", "status", exit_code=None) or {}).get("warnings", [])
    return any("this node was evicted" in text and "/var/lib/clu" in text for text in warnings)


def names_in(lab, node):
    """Of `clu node list`."""
    return [row["name"] for row in lab.clu(node, "node", "list")["nodes"]]


@lab_test(nodes=3, fresh=True)
def test_evicted_comes_back_and_joins_as_a_new_one(lab):
    """Told so, runs nothing; with its ledger removed it is a new node, and takes roles. Another leaves in order."""
    roles.wait_answering(lab)
    for node in lab.nodes:
        lab.clu("n1", "fence", "add", f"power-{node}", "--agent", "fence_lab", "--nodes", node, "--timeout", "10000",
                "--no-wait")
    role, = roles.add_roles(lab, {"vm01": "n3"})
    refused = lab.clu("n1", "node", "evict", "n3", "--yes", exit_code=CLU_REFUSED)
    check("drain it first" in refused["error"]["message"], f"the refusal says {refused}")
    lab.power_off("n3")
    roles.wait_online(lab, "n1", "vm01", "n1")
    planned = lab.clu("n1", "node", "evict", "n3", "--plan")["quorum"]
    check_equal(planned["after"], "n1 may not be lost; n2 has no vote and may be lost", "the plan")
    lab.clu("n1", "node", "evict", "n3", exit_code=CLU_REFUSED)  # nobody has confirmed that
    lab.clu("n1", "node", "evict", "n3", "--yes", "--reason", "sold")
    check_equal(names_in(lab, "n1"), ["n1", "n2"], "the nodes")
    check_equal([device["name"] for device in lab.clu("n1", "fence", "list")["devices"]], ["power-n1", "power-n2"],
                "the fence devices")
    check_equal(lab.clu("n1", "node", "show", "n3")["state"], "evicted", "n3 is")

    begun = time.monotonic()
    lab.power_on("n3")
    wait_until(lambda: knows_it_is_out(lab, "n3"), RETURN_TIMEOUT_S, "n3 knows that it was evicted", poll_s=0.1)
    told_ms = elapsed_ms(begun)
    check_equal(lab.domains("n3"), [], "what runs on n3")
    refused = lab.clu("n3", "role", "stop", "vm01", exit_code=CLU_REFUSED)
    check("was evicted" in refused["error"]["message"], f"the refusal says {refused}")
    lab.clu("n1", "role", "set", "vm01", "--preferred", "n3", exit_code=CLU_REFUSED)

    lab.daemon_stop("n3", "clusterd")
    lab.run("n3", "sh", "-c", "rm /var/lib/clu/ledger.db*")
    begun = time.monotonic()
    lab.daemon_start("n3", "clusterd")
    wait_until(lambda: is_level(lab, "n3"), RETURN_TIMEOUT_S, "n3 is a member again", poll_s=0.05)
    joined_ms = elapsed_ms(begun)
    wait_voters(lab, "n1", ["n1", "n2", "n3"])
    role.wait_writes(60)  # a kernel that boots is not moved: under emulation it may hang afterwards
    lab.clu("n1", "role", "move", "vm01", "--node", "n3", timeout_s=120)

    lab.clu("n1", "node", "drain", "n2", timeout_s=120)
    begun = time.monotonic()
    lab.clu("n1", "node", "evict", "n2", "--yes")
    wait_until(lambda: [row["name"] for row in quorum(lab, "n1")["nodes"]] == ["n1", "n3"], RETURN_TIMEOUT_S,
               "n2 has left", poll_s=0.1)
    left_ms = elapsed_ms(begun)
    check(knows_it_is_out(lab, "n2"), "n2 does not know that it was evicted")
    wait_voters(lab, "n1", ["n1"])
    lab.clu("n1", "node", "drain", "n2", exit_code=CLU_REFUSED)
    lab.clu("n1", "node", "evict", "n4", "--yes", exit_code=CLU_NO_OBJECT)
    role.wait_answers()
    role.wait_writes()
    role.require_whole_disk()
    lab.figures.note(on_to_told_ms=told_ms, start_to_member_ms=joined_ms, evicted_to_left_ms=left_ms)
