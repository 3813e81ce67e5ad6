# SPDX-License-Identifier: GPL-2.0-or-later
"""What is broken, forged, too large or full is refused by name, and changes nothing."""

import json
import os
import sqlite3

from clulab import roles
from clulab.testing import (
    CLU_DONE, CLU_FAILED, CLU_NO_OBJECT, CLU_REFUSED, CLU_UNREACHABLE, CLU_USAGE, Skip, Stopwatch, check, check_equal,
    lab_test, wait_until,
)

DEFINITION_BYTES = 256 * 1024
IPC_FRAMES = 300
CPG_MESSAGES = 500
SEEDS = (1, 2)
STATE_DIR = "/var/lib/clu"
LEDGER = f"{STATE_DIR}/ledger.db"
SMALL_DISK = "8m"

# clu's words, its exit code, and what its error must name.
BAD_WORDS = (
    ("frob", CLU_USAGE, "frob"),
    ("role frobnicate", CLU_USAGE, "frobnicate"),
    ("role add vm9", CLU_USAGE, "--definition"),
    ("role add bad!name --definition /csv/vm1.xml", CLU_USAGE, "bad!name"),
    (f"role add {'a' * 64} --definition /csv/vm1.xml", CLU_USAGE, "63"),
    ("role set vm1", CLU_USAGE, "something to change"),
    ("role set vm1 --colour red", CLU_USAGE, "--colour"),
    ("role set vm1 --priority high", CLU_USAGE, "high"),
    (f"role set vm1 --note {'x' * 300}", CLU_USAGE, "--note"),
    ("role move vm1 --node", CLU_USAGE, "--node"),
    ("cluster set --max-moves 0", CLU_USAGE, "1 and 64"),
    ("cluster set --max-moves 99999999999999999999", CLU_USAGE, "99999999999999999999"),
    ("role list --limit 3", CLU_USAGE, "--limit"),
    ("role add vm9 --definition /csv/vm1.xml --ocf /csv/vm1.xml", CLU_USAGE, "both"),
    ("role add vm9 --definition /no/such/file", CLU_FAILED, "/no/such/file"),
    ("role add vm9 --definition /etc", CLU_FAILED, "directory"),
    ("role add vm1 --definition /csv/vm1.xml", CLU_REFUSED, "already"),
    ("role add vm9 --definition /csv/vm1.xml", CLU_REFUSED, "vm1"),
    ("role remove vm1", CLU_REFUSED, "stop it first"),
    ("role move vm1 --node n1", CLU_REFUSED, "already"),
    ("fence add power --agent fence_lab --nodes n1", CLU_REFUSED, "already"),
    ("fence add other --agent fence_nope --nodes n1", CLU_REFUSED, "fence_nope"),
    ("fence add other --agent fence_lab --nodes n9", CLU_NO_OBJECT, "n9"),
    ("role set vm1 --preferred n1,n9", CLU_NO_OBJECT, "n9"),
    ("role show nope", CLU_NO_OBJECT, "nope"),
    ("role move nope", CLU_NO_OBJECT, "nope"),
    ("role move vm1 --node n9", CLU_NO_OBJECT, "n9"),
    ("role remove nope", CLU_NO_OBJECT, "nope"),
    ("node drain n9", CLU_NO_OBJECT, "n9"),
    ("node confirm-off n9", CLU_NO_OBJECT, "n9"),
    ("fence remove nope", CLU_NO_OBJECT, "nope"),
    ("fence test n9", CLU_NO_OBJECT, "n9"),
)

# Text on the IPC socket as clu would never write it, and what the answer must name.
BAD_REQUESTS = (
    ("", "Bad message"),
    ("{", "JSON"),
    ("[" * 100000, "JSON"),
    ("[]", "object"),
    ("{}", "verb"),
    ('{"verb":5}', "verb"),
    ('{"verb":"role.nope"}', "role.nope"),
    ('{"verb":"role.move","arguments":[]}', "arguments"),
    ('{"verb":"role.move","arguments":{"name":5}}', "name"),
    ('{"verb":"role.move","arguments":{"name":"vm1","node":7}}', "node"),
    ('{"verb":"role.move","arguments":{"name":"vm1","node":"n2"},"plan":3}', "plan"),
    ('{"verb":"role.set","arguments":{"name":"vm1","priority":1e300}}', "priority"),
    ('{"verb":"role.set","arguments":{"name":"vm1","note":["x"]}}', "note"),
    ('{"verb":"role.show","arguments":{"name":"vm1","extra":1}}', "extra"),
    ('{"verb":"role.show","arguments":{"name":"../../etc/passwd"}}', "name"),
    ('{"verb":"role.set","arguments":{"name":"vm1","note":"' + "x" * (770 * 1024) + '"}}', "too long"),
)


def probe(lab, name):
    """A small C program of the build."""
    path = f"{lab.place.load_shape()['build']}/tests/lab/{name}"
    if not os.access(path, os.X_OK):
        raise Skip(f"{path} is not built")
    return path


class Unchanged:
    """`with Unchanged(lab): ...`: no object and no process of clusterd is another one afterwards.

    Entries may have come: a command that a rule refuses when it is applied stays in the history, with its refusal.
    """

    def __init__(self, lab):
        self.lab = lab

    def __enter__(self):
        self.before = self.picture()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            roles.wait_answering(self.lab)
            after = self.picture()
            changed = [(node, key, self.before[node][key], after[node][key])
                       for node in after for key in after[node] if after[node][key] != self.before[node][key]]
            check_equal(changed, [], "changed in what the cluster says of itself (node, what, before, after)")
            roles.check_ledgers_agree(self.lab)

    def picture(self):
        """Roles, devices and settings, by every node; and which processes say so."""
        found = {}
        for node in self.lab.nodes:
            names = [row["name"] for row in self.lab.clu(node, "role", "list")["roles"]]
            status = self.lab.clu(node, "cluster", "status")
            found[node] = {
                "roles": [roles.show(self.lab, node, name) for name in names],
                "fence": self.lab.clu(node, "fence", "list"),
                "settings": status["settings"], "epoch": status["epoch"],
                "daemons": self.lab.daemons(node),
            }
        return found


def prepare(lab):
    """Two guests that could be hurt."""
    roles.add_fence_device(lab)
    return roles.add_roles(lab, {"vm1": "n1", "vm2": "n2"})


@lab_test(nodes=3, fresh=True)
def test_bad_words_definitions_and_messages_change_nothing(lab):
    guests = prepare(lab)
    with Unchanged(lab):
        for words, code, named in BAD_WORDS:
            require_error(lab.clu("n1", *words.split(), exit_code=code), named, words)
    before = roles.last_index(lab)
    with roles.Undisturbed(lab, guests) as watch, Unchanged(lab):
        definitions = bad_definitions(lab)
        ipc = bad_ipc(lab)
        cpg = bad_cpg(lab)
    check_equal(roles.last_index(lab), before, "entries after bad definitions and noise")
    lab.figures.note(words=len(BAD_WORDS), definitions=definitions, requests=len(BAD_REQUESTS), ipc_frames=ipc,
                     cpg_messages=cpg, silence_ms=watch.longest_ms)


def require_error(answer, named, what):
    """An error in words that names its cause."""
    message = answer["error"]["message"]
    check(named in message, f"{what}: '{named}' is not in: {message}")


def bad_definitions(lab):
    """Broken, foreign, hostile and too large; returns how many."""
    with open(f"{lab.place.csv_dir}/vm1.xml", encoding="utf-8") as stream:
        good = stream.read().replace("<name>vm1</name>", "<name>bad</name>")
    padding = "<!--" + "x" * DEFINITION_BYTES + "-->"
    cases = (
        (b"", "empty"),
        (good[:200].encode(), "line "),
        (b"\x00\xff\xfe" + os.urandom(500), "not"),
        (good.encode("utf-16"), ""),
        (b"<network><name>bad</name></network>", "network"),
        (good.replace("<name>bad</name>", "").encode(), "name"),
        (good.replace("<name>bad</name>", "<name>other</name>").encode(), "other"),
        (b'<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + good.encode(), "DOCTYPE"),
        (good.replace("</domain>", padding + "</domain>").encode(), "256 KiB"),
    )
    for content, named in cases:
        with open(f"{lab.place.csv_dir}/bad.xml", "wb") as stream:
            stream.write(content)
        for verb in ("add", "set"):
            answer = lab.clu("n2", "role", verb, "bad" if verb == "add" else "vm1", "--definition", "/csv/bad.xml",
                             exit_code=None)
            check(answer["exit"] in (CLU_USAGE, CLU_REFUSED), f"{verb} of {content[:40]}: {answer}")
            if verb == "add":
                require_error(answer, named, f"{verb} of {content[:40]}")
    return len(cases)


def bad_ipc(lab):
    """Requests that clu would not send, and frames that are none."""
    program = probe(lab, "ipc_noise")
    for text, named in BAD_REQUESTS:
        said = lab.run("n1", program, "clusterd", "text", stdin=text).stdout
        check(named in said, f"answer to {text[:60]}: '{named}' is not in: {said[:300]}")
    for node in ("n1", "n3"):
        counts = json.loads(lab.run(node, program, "clusterd", "random", node[1:], str(IPC_FRAMES)).stdout)
        check_equal(counts["silent"], 0, f"frames that were never answered: {counts}")
    return 2 * IPC_FRAMES


def bad_cpg(lab):
    """Noise in clusterd's own group."""
    program = probe(lab, "cpg_noise")
    sent = 0
    for seed, node in enumerate(("n1", "n3")):
        counts = json.loads(lab.run(node, program, str(seed + SEEDS[0]), str(CPG_MESSAGES)).stdout)
        check(counts["heard"] > 0, "the noise heard nothing that it could spoil")
        sent += CPG_MESSAGES
    for node in lab.nodes:
        wait_until(lambda node=node: "a message that cannot be read was ignored" in clusterd_log(lab, node), 10,
                   f"{node} says that it ignored messages")
    return sent


def clusterd_log(lab, node):
    """All of it."""
    return lab.run(node, "cat", "/var/log/clusterd.log").stdout


def ledger_file(lab, node):
    """As the host sees it."""
    return f"{lab.place.node_disk_dir(node)}{LEDGER}"


@lab_test(nodes=3, fresh=True)
def test_a_ledger_that_cannot_be_used_is_named_and_stays_as_it_is(lab):
    guests = prepare(lab)
    with roles.Undisturbed(lab, guests) as watch:
        for what, spoil, repair, named in (
            ("garbage", spoil_all, None, "not a database"),
            ("cut off", spoil_end, None, ""),
            ("a forged entry", spoil_entry, None, "entry"),
            ("read-only", make_read_only, make_writable, "Read-only"),
        ):
            require_refused_start(lab, "n2", what, spoil, repair, named)
    roles.check_ledgers_agree(lab)
    # An old entry hurts nobody; whoever asks is told which it is.
    forge(ledger_file(lab, "n3"), "kind = 'fence-add'")
    forged = next(e for e in roles.entries(lab, "n1") if e["command"] == "fence-add")["index"]
    answer = lab.clu("n3", "ledger", "verify", exit_code=CLU_FAILED)
    require_error(answer, f"entry {forged}", "ledger verify")
    lab.figures.note(cases=5, silence_ms=watch.longest_ms)


def require_refused_start(lab, node, what, spoil, repair, named):
    """clusterd does not start with such a ledger, says why, touches nothing; healed, it is back."""
    lab.daemon_stop(node, "clusterd")
    wait_until(lambda: lab.daemons(node)["clusterd"]["pid"] is None, 10, "clusterd has ended")
    path = ledger_file(lab, node)
    with open(path, "rb") as stream:
        good = stream.read()
    spoil(lab, node, path)
    with open(path, "rb") as stream:
        spoilt = stream.read()
    before = len(clusterd_log(lab, node))
    lab.daemon_start(node, "clusterd")
    wait_until(lambda: "the ledger cannot be opened" in clusterd_log(lab, node)[before:], 10,
               f"clusterd says that a ledger with {what} cannot be opened")
    line = next(l for l in clusterd_log(lab, node)[before:].splitlines() if "the ledger cannot be opened" in l)
    check(LEDGER in line and named in line, f"{what}: '{named}' or the file is not in: {line}")
    lab.clu(node, "role", "list", exit_code=CLU_UNREACHABLE)
    # The others go on, and notice.
    lab.clu("n1", "role", "set", "vm1", "--note", f"while n2 has {what}")
    lab.daemon_stop(node, "clusterd")
    wait_until(lambda: lab.daemons(node)["clusterd"]["pid"] is None, 10, "clusterd has ended")
    with open(path, "rb") as stream:
        check(stream.read() == spoilt, f"{what}: the file is not as it was")
    if repair:
        repair(lab, node, path)
    with open(path, "wb") as stream:
        stream.write(good)
    lab.daemon_start(node, "clusterd")
    roles.wait_answering(lab)


def spoil_all(_lab, _node, path):
    """Not a database any more."""
    with open(path, "r+b") as stream:
        stream.write(os.urandom(os.path.getsize(path)))


def spoil_end(_lab, _node, path):
    """As a filesystem leaves it that lost its last blocks."""
    os.truncate(path, os.path.getsize(path) // 2 // 4096 * 4096)


def spoil_entry(_lab, _node, path):
    """A sound database whose newest entry somebody wrote anew."""
    forge(path, "idx = (SELECT max(idx) FROM entry)")


def forge(path, which):
    """The actor of the entries WHICH; everything else stays."""
    with sqlite3.connect(path) as database:
        changed = database.execute(f"UPDATE entry SET actor = 'mallory' WHERE {which}").rowcount
    database.close()
    check(changed > 0, "no entry was forged")


def make_read_only(lab, node, _path):
    """Root writes whatever the mode says, so the mount has to be read-only."""
    lab.run(node, "mount", "--bind", STATE_DIR, STATE_DIR)
    lab.run(node, "mount", "-o", "remount,bind,ro", STATE_DIR)


def make_writable(lab, node, _path):
    """The bind mount goes."""
    lab.run(node, "umount", STATE_DIR)


@lab_test(nodes=3, fresh=True)
def test_a_full_disk_costs_nothing_but_that_nodes_vote(lab):
    guests = prepare(lab)
    with roles.Undisturbed(lab, guests) as watch:
        for node in ("n2", "n3"):
            make_small_disk(lab, node)
        pids = {node: lab.daemons(node)["clusterd"] for node in lab.nodes}
        fill(lab, "n2")
        for number in range(5):
            lab.clu("n1", "role", "set", "vm1", "--note", f"n2 is full {number}")
        wait_until(lambda: "the ledger cannot be written" in clusterd_log(lab, "n2"), 10, "n2 names its full disk")
        line = next(l for l in clusterd_log(lab, "n2").splitlines() if "the ledger cannot be written" in l)
        check("full" in line or "No space" in line, f"the cause is not in: {line}")
        warnings = lab.clu("n2", "cluster", "status")["warnings"]

        fill(lab, "n3")
        # A change triggers n3's first failing write; n1 alone is no majority.
        answer = lab.clu("n1", "role", "set", "vm1", "--note", "nobody may promise this", exit_code=None)
        check(answer["exit"] not in (CLU_DONE,), f"a change was acknowledged with two of three disks full: {answer}")
        for guest in guests:
            guest.wait_writes()

        with Stopwatch() as stopwatch:
            for node in ("n2", "n3"):
                lab.run(node, "rm", f"{STATE_DIR}/filler")
            roles.wait_answering(lab)
            lab.clu("n2", "role", "set", "vm1", "--note", "room again")
        check_equal({node: lab.daemons(node)["clusterd"] for node in lab.nodes}, pids, "processes of clusterd")
    end = roles.check_ledgers_agree(lab)
    for node in lab.nodes:
        check_equal(roles.show(lab, node, "vm1")["note"], "room again", f"note of vm1 on {node}")
    lab.figures.note(exit_without_majority=answer["exit"], level_again_ms=stopwatch.ms, entries=end["last"],
                     warnings=len(warnings), silence_ms=watch.longest_ms)


def make_small_disk(lab, node):
    """The state directory on a filesystem of its own that can be filled without hurting anybody."""
    lab.daemon_stop(node, "clusterd")
    wait_until(lambda: lab.daemons(node)["clusterd"]["pid"] is None, 10, "clusterd has ended")
    lab.run(node, "sh", "-ec", f"cp -a {STATE_DIR} /tmp/ledger; mount -t tmpfs -o size={SMALL_DISK},mode=700 tmpfs"
                               f" {STATE_DIR}; cp -a /tmp/ledger/. {STATE_DIR}/")
    lab.daemon_start(node, "clusterd")
    roles.wait_answering(lab)


def fill(lab, node):
    """To the last block."""
    lab.run(node, "sh", "-c", f"cat /dev/zero >{STATE_DIR}/filler", check_exit=False)
    check("0" == lab.run(node, "stat", "-f", "-c", "%a", STATE_DIR).stdout.strip(), f"the disk of {node} is not full")
