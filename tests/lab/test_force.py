# SPDX-License-Identifier: GPL-2.0-or-later
"""Two of three are off, and an operator forces the quorum on the third."""

import time

from clulab import roles
from clulab.testing import CLU_NO_QUORUM, CLU_REFUSED, check, check_equal, lab_test, wait_until
from clulab.votes import RETURN_TIMEOUT_S, add_fence_devices, elapsed_ms, is_level, quorum


def said(found, words):
    """Does `quorum show` say that?"""
    return any(words in line for line in found["text"])


@lab_test(nodes=3, fresh=True)
def test_forced_on_the_last_one(lab):
    """It takes the roles of the others when these are proven off; they return at once, level, and nothing ran twice."""
    roles.wait_answering(lab)
    add_fence_devices(lab)
    role, = roles.add_roles(lab, {"vm01": "n1"})
    refused = lab.clu("n3", "quorum", "force", "--yes", exit_code=CLU_REFUSED)
    check("there is a quorum" in refused["error"]["message"], f"the refusal says {refused}")
    for node in ("n1", "n2"):
        lab.power_off(node)
    wait_until(lambda: not quorum(lab, "n3")["quorate"], RETURN_TIMEOUT_S, "n3 has no quorum", poll_s=0.1)
    lab.clu("n3", "role", "set", "vm01", "--note", "no quorum", exit_code=CLU_NO_QUORUM)
    refused = lab.clu("n3", "quorum", "force", exit_code=CLU_REFUSED)  # nobody has confirmed that
    check("goes on alone" in refused["error"]["message"], f"the risk is {refused}")
    planned = lab.clu("n3", "quorum", "force", "--plan")["quorum"]
    check(planned["after"].startswith("n3 alone votes"), f"the plan says {planned}")

    begun = time.monotonic()
    lab.clu("n3", "quorum", "force", "--yes", "--reason", "the others burned")
    forced_ms = elapsed_ms(begun)
    found = quorum(lab, "n3")
    check(found["quorate"] and found["voters"] == ["n3"], f"forced, it says {found}")
    check_equal(found["forced"]["not_back"], ["n1", "n2"], "without whom it was forced")
    check(said(found, "the quorum was forced by"), f"quorum show says {found['text']}")
    entries = lab.clu("n3", "ledger", "list")["entries"]
    check(any("the others burned" in entry["text"] for entry in entries), "the ledger does not say why")
    roles.wait_online(lab, "n3", "vm01", "n3")
    online_ms = elapsed_ms(begun)

    begun = time.monotonic()
    for node in ("n1", "n2"):
        lab.power_on(node)
    wait_until(lambda: is_level(lab, "n1") and is_level(lab, "n2"), RETURN_TIMEOUT_S, "n1 and n2 are level members",
               poll_s=0.1)
    back_ms = elapsed_ms(begun)
    wait_until(lambda: quorum(lab, "n1")["voters"] == ["n1", "n2", "n3"], RETURN_TIMEOUT_S, "all vote", poll_s=0.1)
    found = quorum(lab, "n1")
    check(found["forced"] is None and not said(found, "was forced"), f"all are back, and it says {found}")
    check_equal(role.running_on(), ["n3"], "where the role runs")
    role.wait_answers()
    role.wait_writes()
    role.require_whole_disk()
    lab.figures.note(forced_ms=forced_ms, forced_to_online_ms=online_ms, on_to_level_ms=back_ms)
