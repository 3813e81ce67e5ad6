# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the lab itself, without clusterd: does the simulated hardware do what it says?"""

import glob
import os
import re
import subprocess
import time

from clulab import enter, process, settings
from clulab.testing import (
    Lab, Stopwatch, check, check_equal, holds_for, in_parallel, lab_test, median, percentile, wait_until,
)

MIGRATIONS = 3
FENCE_CALLS = 20


def start(lab, name, node):
    """A guest that answers and writes."""
    guest = lab.guest(name)
    lab.run(node, "virsh", "create", guest.definition)
    boot_ms = guest.wait_answers()
    guest.wait_writes()
    return guest, boot_ms


@lab_test(bare=True, fresh=True)
def test_up_is_quorate_and_down_leaves_nothing(lab):
    other = Lab(f"b{os.getpid()}")
    try:
        with Stopwatch() as watch:
            other.up(2, bare=True)
        lab.figures.note(up_of_2_beside_ms=watch.ms)
        check_equal([other.members(node) for node in other.nodes], [2, 2], "rings of the second lab")
        check_equal([lab.members(node) for node in lab.nodes], [3, 3, 3], "rings of the first lab")
        pids = [row["pid"] for row in other.status().values()]
        with Stopwatch() as watch:
            other.up(2, bare=True)
        lab.figures.note(up_again_ms=watch.ms)
        check_equal([row["pid"] for row in other.status().values()], pids, "nodes after a second up")
    finally:
        with Stopwatch() as watch:
            other.down()
    lab.figures.note(down_ms=watch.ms)
    left = [path for path in (other.place.run_dir, other.place.disk_dir) if os.path.exists(path)]
    left += glob.glob(f"/sys/fs/cgroup/**/clu-lab-{other.place.name}-*", recursive=True)
    left += [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
    check_equal(left, [], "what the second lab left behind")
    check_equal([lab.members(node) for node in lab.nodes], [3, 3, 3], "rings of the first lab afterwards")


@lab_test(nodes=2, bare=True, fresh=True)
def test_up_and_down_after_the_room_died(lab):
    pids = [row["pid"] for row in lab.status().values()]
    subprocess.run(["kill", "-9", str(room_pid(lab))], check=True)
    wait_until(lambda: not any(is_alive(pid) for pid in pids), 5, "the nodes die with their room")
    lab.up(2, bare=True)
    check_equal(lab.members("n1"), 2, "ring after the repair")


def room_pid(lab):
    """Of the process that plays the hardware."""
    return enter.require_room(lab.place)


def is_alive(pid):
    """A corpse that nobody has reaped yet is not alive."""
    return process.start_time(pid) is not None


@lab_test(bare=True)
def test_nodes_share_nothing_but_the_volume(lab):
    lab.run("n1", "sh", "-c", "echo from-n1 >/csv/shared; touch /var/lib/clu/own /run/own /tmp/own /etc/own")
    check_equal(lab.run("n2", "cat", "/csv/shared").stdout.strip(), "from-n1", "file on the volume")
    for path in ("/var/lib/clu/own", "/run/own", "/tmp/own", "/etc/own"):
        check(lab.run("n2", "test", "-e", path, check_exit=False).returncode == 1, f"{path} of n1 shows on n2")
        check(not os.path.exists(path), f"{path} of n1 shows on the host")
    lab.power_off("n1")
    # A node that boots while the others still gather may need 10 s to get into the ring.
    wait_until(lambda: lab.members("n2") == 2, 10, "the others notice")
    lab.power_on("n1")
    lab.wait_ready()
    check(lab.run("n1", "test", "-e", "/var/lib/clu/own", check_exit=False).returncode == 0, "/var/lib/clu was lost")
    check(lab.run("n1", "test", "-e", "/run/own", check_exit=False).returncode == 1, "/run outlived the power cut")
    check_equal(lab.run("n1", "hostname").stdout.strip(), "n1", "hostname")
    lab.run("n1", "ping", "-c1", "-W1", "n2-migration")


@lab_test(bare=True, alone=True)
def test_run_passes_exit_code_and_input(lab):
    check_equal(lab.run("n1", "sh", "-c", "exit 7", check_exit=False).returncode, 7, "exit code")
    check_equal(lab.run("n1", "cat", stdin="hello").stdout, "hello", "standard input")
    command = [f"{settings.LAB_DIR}/lab", "run", "n1", "true"]
    times = []
    for _ in range(10):
        with Stopwatch() as watch:
            subprocess.run(command, check=True, env={**os.environ, "LAB_NAME": lab.place.name})
        times.append(watch.ms)
    lab.figures.note(run_median_ms=median(times))
    check(median(times) < 100, f"lab run takes {median(times)} ms")


@lab_test(bare=True)
def test_guest_boots_migrates_live_and_keeps_one_writer(lab):
    guest, boot_ms = start(lab, "mover", "n1")
    times, silences = [], []
    nodes = ["n1", "n2"]
    for number in range(MIGRATIONS):
        source, target = nodes[number % 2], nodes[(number + 1) % 2]
        with guest.ping() as ping:
            wait_until(lambda: len(ping.replies) > 10, 5, "the guest answers before it moves")
            with Stopwatch() as watch:
                lab.migrate("mover", source, target)
            moved = time.monotonic()
            wait_until(lambda: ping.is_answered_since(moved + 0.3), 5, "the guest answers after it moved")
        times.append(watch.ms)
        silences.append(ping.longest_silence_ms())
        check_equal(guest.running_on(), [target], "where it runs")
    guest.wait_writes()
    report = guest.require_whole_disk(boots=1)
    lab.figures.note(
        boot_ms=boot_ms, migration_median_ms=median(times), silence_median_ms=median(silences),
        silence_p99_ms=percentile(silences, 99), records=report.records,
    )


@lab_test(bare=True)
def test_guest_obeys_the_power_button_and_goes_on_after_a_new_boot(lab):
    guest, _ = start(lab, "again", "n1")
    with Stopwatch() as watch:
        lab.run("n1", "virsh", "shutdown", "again")
        wait_until(lambda: not guest.running_on(), 20, "the guest has shut down")
    lab.run("n2", "virsh", "create", guest.definition)
    guest.wait_writes()
    guest.require_whole_disk(boots=2)
    lab.figures.note(shutdown_ms=watch.ms)


@lab_test(bare=True)
def test_power_cut_is_noticed_and_the_node_comes_back(lab):
    guest, _ = start(lab, "victim", "n3")
    pid = lab.status()["n3"]["pid"]
    cut = lab.power_off("n3")
    check(not is_alive(pid), "PID 1 is still there after the power cut")
    wait_until(lambda: lab.members("n1") == 2, 10, "n1 notices the loss of n3")
    lab.figures.note(view_after_ms=(time.monotonic() - cut) * 1000, cut_ms=lab.events("off", "n3")[-1]["took_ms"])
    before = guest.check_disk().last.sequence
    holds_for(lambda: guest.check_disk().last.sequence == before, 0.5, "nothing is written after the cut", 0.1)
    with Stopwatch() as watch:
        lab.power_on("n3")
        lab.wait_ready()
    lab.figures.note(back_ms=watch.ms)
    check_equal(lab.domains("n3"), [], "domains after the boot")


@lab_test(bare=True)
def test_watchdog_fires_when_pets_stop_and_not_before(lab):
    timeout_s = lab.place.load_shape()["watchdog_ms"] / 1000
    pet = "exec 3>/dev/watchdog; for i in $(seq 30); do printf x >&3; sleep 0.1; done"
    for node, last in (("n1", "; printf V >&3"), ("n2", "")):
        lab.run(node, "sh", "-c", f"{pet}{last}")
    stopped = time.monotonic()
    check_equal([lab.status()[node]["watchdog"] for node in ("n1", "n2", "n3")], ["idle", "armed", "idle"], "watchdogs")
    holds_for(lambda: lab.status()["n2"]["power"] == "on", timeout_s - 0.5, "n2 lives until its timeout")
    wait_until(lambda: lab.status()["n2"]["power"] == "off", 2, "the watchdog of n2 fires")
    fired = lab.events("off", "n2")[-1]
    check_equal(fired["why"], "watchdog", "why n2 went off")
    lab.figures.note(fired_after_ms=(fired["monotonic"] - stopped) * 1000)
    check_equal(lab.status()["n1"]["power"], "on", "n1, whose watchdog was disarmed")


@lab_test(bare=True)
def test_watchdog_fires_on_a_frozen_node(lab):
    lab.run("n1", "sh", "-c", "(while :; do printf x; sleep 0.1; done) >/dev/watchdog 2>/dev/null </dev/null &")
    wait_until(lambda: lab.status()["n1"]["watchdog"] == "armed", 2, "the watchdog is armed")
    frozen = lab.freeze("n1")
    timeout_s = lab.place.load_shape()["watchdog_ms"] / 1000
    wait_until(lambda: lab.status()["n1"]["power"] == "off", timeout_s + 2, "the watchdog fires")
    fired = lab.events("off", "n1")[-1]
    lab.figures.note(fired_after_ms=(fired["monotonic"] - frozen) * 1000)


@lab_test(bare=True, alone=True)
def test_fence_agent_is_quick_and_honest(lab):
    agent = ["fence_lab", "-n", "n3", "-o"]
    check_equal(lab.run("n1", *agent, "status", check_exit=False).returncode, 0, "status of a node that is on")
    lab.run("n1", "fence_lab", stdin="action=off\nplug=n3\nunknown=1\n")
    check_equal(lab.status()["n3"]["power"], "off", "n3 after off")
    check_equal(lab.events("off", "n3")[-1]["why"], "fenced", "why")
    check_equal(lab.run("n1", *agent, "status", check_exit=False).returncode, 2, "status of a node that is off")
    lab.run("n1", *agent, "on")
    lab.wait_ready()
    check_equal(lab.run("n1", *agent, "status", check_exit=False).returncode, 0, "status after on")
    lab.run("n1", "fence_lab", "-o", "monitor")
    check("fence_lab" in lab.run("n1", "fence_lab", "-o", "metadata").stdout, "metadata")
    check_equal(lab.run("n1", "fence_lab", "-o", "list").stdout, "n1,\nn2,\nn3,\n", "list")
    # The shell's own clock inside the node: entering it is not the agent's fault.
    loop = f"i=0; while [ $i -lt {FENCE_CALLS} ]; do fence_lab -n n3 -o status >/dev/null; i=$((i+1)); done"
    timed = lab.run("n1", "bash", "-c", f"TIMEFORMAT=%R; time {{ {loop}; }}").stderr
    status_ms = float(timed) * 1000 / FENCE_CALLS
    timed = lab.run("n1", "bash", "-c", "TIMEFORMAT=%R; time fence_lab -n n3 -o off >/dev/null").stderr
    lab.figures.note(status_ms=status_ms, off_ms=float(timed) * 1000)
    check(status_ms < 15, f"status takes {status_ms} ms")


@lab_test(bare=True)
def test_fence_faults(lab):
    status = ["fence_lab", "-n", "n3", "-o", "off", "--power-timeout", "1"]
    for mode in ("fail", "hang"):
        lab.fence_mode(mode, "n3")
        check_equal(lab.run("n1", *status, check_exit=False).returncode, 1, f"off while the BMC is told to {mode}")
        check_equal(lab.status()["n3"]["power"], "on", f"n3 while the BMC is told to {mode}")
        check_equal(lab.run("n1", "fence_lab", "-n", "n2", "-o", "status").returncode, 0, "the others' BMC")
    lab.fence_mode("ok")
    lab.run("n1", *status)


@lab_test(bare=True)
def test_partition_and_heal(lab):
    divided = lab.partition(["n1", "n2"], ["n3"])
    check(lab.run("n1", "ping", "-c1", "-W1", "n2", check_exit=False).returncode == 0, "n1 does not reach n2")
    for name in ("n1", "n1-migration"):
        check(lab.run("n3", "ping", "-c1", "-W1", name, check_exit=False).returncode != 0, f"n3 still reaches {name}")
    check(lab.run("n3", "ping", "-c1", "-W1", "n1-guest", check_exit=False).returncode == 0, "the guests' net is cut")
    wait_until(lambda: lab.members("n1") == 2 and lab.members("n3") == 1, 10, "both sides notice")
    lab.figures.note(view_after_ms=(time.monotonic() - divided) * 1000)
    check(lab.is_quorate("n1") and not lab.is_quorate("n3"), "the larger side alone is quorate")
    # A power cycle does not plug a node into the other side.
    lab.power_off("n3")
    lab.power_on("n3")
    wait_until(lambda: lab.members("n3") == 1, 20, "n3 boots alone")
    holds_for(lambda: lab.members("n1") == 2, 2, "n3 stays on its side", 0.2)
    healed = time.monotonic()
    lab.heal()
    wait_until(lambda: all(lab.members(node) == 3 for node in lab.nodes), 20, "one ring again")
    lab.figures.note(whole_after_ms=(time.monotonic() - healed) * 1000)


@lab_test(bare=True)
def test_cables(lab):
    lab.network("n3", False, "cluster")
    wait_until(lambda: lab.members("n1") == 2, 10, "n1 notices that n3's cluster cable is out")
    lab.run("n3", "ping", "-c1", "-W1", "n1-migration")
    check("NO-CARRIER" in lab.run("n3", "ip", "link", "show", "cluster").stdout, "n3 sees no carrier")
    lab.network("n3", True, "cluster")
    wait_until(lambda: lab.members("n1") == 3, 20, "n3 is back")


@lab_test(bare=True)
def test_freeze_and_thaw(lab):
    guest, _ = start(lab, "sleeper", "n2")
    lab.freeze("n2")
    before = guest.check_disk().last.sequence
    with guest.ping() as ping:
        wait_until(lambda: lab.members("n1") == 2, 10, "n1 notices")
    check_equal(ping.replies, [], "answers of a guest on a frozen node")
    check_equal(guest.check_disk().last.sequence, before, "last record of a guest on a frozen node")
    lab.thaw("n2")
    wait_until(lambda: lab.members("n1") == 3, 20, "n2 is back")
    guest.wait_writes()
    guest.require_whole_disk(boots=1)


@lab_test(bare=True)
def test_supervisor_starts_again_what_was_killed(lab):
    guest, _ = start(lab, "survivor", "n1")
    before = lab.daemons("n1")["libvirtd"]
    lab.kill("n1", "libvirtd")
    wait_until(lambda: (now := lab.daemons("n1")["libvirtd"])["pid"] and now["starts"] > before["starts"], 5, "restart")
    wait_until(lambda: lab.run("n1", "virsh", "list", check_exit=False).returncode == 0, 10, "libvirtd answers")
    check_equal(guest.running_on(), ["n1"], "the guest after libvirtd was killed")
    guest.require_whole_disk(boots=1)
    lab.daemon_stop("n1", "corosync")
    wait_until(lambda: lab.daemons("n1")["corosync"]["pid"] is None, 5, "corosync ends")
    wait_until(lambda: lab.members("n2") == 2, 10, "n2 notices that corosync left")
    holds_for(lambda: lab.daemons("n1")["corosync"]["pid"] is None, 1, "a stopped daemon stays stopped")
    lab.daemon_start("n1", "corosync")
    lab.wait_ready()


@lab_test(bare=True)
def test_qemu_refuses_a_second_writer(lab):
    guest, _ = start(lab, "single", "n1")
    refused = lab.run("n2", "virsh", "create", guest.definition, check_exit=False)
    check("Failed to get" in refused.stderr and "lock" in refused.stderr, f"n2 said: {refused.stderr}")
    guest.wait_writes()
    guest.require_whole_disk(boots=1)


FAST_MS = 5
STOP = "cache='none' error_policy='stop' rerror_policy='stop'"


def start_stopping(lab, name, node):
    """As start(), 200 times a second; an error of its disk stops it."""
    guest = lab.guest(name, write_ms=FAST_MS)
    path = f"{lab.place.csv_dir}/{name}.xml"
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text.replace("cache='none'", STOP))
    lab.run(node, "virsh", "create", guest.definition)
    guest.wait_answers()
    guest.wait_writes()
    return guest


@lab_test(nodes=2, bare=True, volume_faults=True)
def test_a_path_to_the_volume_fails_and_hangs(lab):
    guest = start_stopping(lab, "path", "n1")
    with guest.writes() as writes:
        began = time.monotonic()
        holds_for(lambda: True, 3, "it writes")
    lab.figures.note(writes_a_second=writes.since(began) / 3)

    # An error stops the guest, which hears of none; other nodes go on.
    lab.volume("down", "n1")
    state = ["virsh", "domstate", "--reason", "path"]
    wait_until(lambda: "I/O error" in lab.run("n1", *state).stdout, 10, "the guest stands still")
    failed = lab.run("n1", "ls", "/csv", check_exit=False)
    check("Input/output error" in failed.stderr, f"n1 said: {failed.stderr}")
    check("path.img" in lab.run("n2", "ls", "/csv").stdout, "n2 sees the volume")
    before = guest.check_disk().last.sequence
    lab.volume("up", "n1")
    check_equal(guest.check_disk().last.sequence, before, "last record, before it goes on")
    lab.run("n1", "virsh", "resume", "path")
    guest.wait_writes()

    # What hangs is done when the path is back.
    with guest.writes() as writes:
        lab.volume("hang")
        holds_for(lambda: True, 2, "it hangs")
        lab.volume("up")
        guest.wait_writes()
    check(writes.longest_stall_ms() > 1500, f"the guest stood still for {writes.longest_stall_ms():.0f} ms")
    check("running" in lab.run("n1", *state).stdout, "the guest runs")
    console = lab.run("n1", "cat", "/var/log/path.console.log").stdout
    check("cannot" not in console, f"the guest saw an error: {console}")
    guest.require_whole_disk(boots=1)


@lab_test(bare=True)
def test_checker_sees_two_real_writers(lab):
    """libvirt has no setting to write without QEMU's image lock, so the second QEMU is started by hand."""
    guest, _ = start(lab, "twin", "n1")
    initramfs = re.search("<initrd>(.*)</initrd>", lab.run("n1", "cat", guest.definition).stdout).group(1)
    qemu = [
        "qemu-system-x86_64", "-accel", "tcg", "-m", "128", "-nodefaults", "-display", "none", "-pidfile",
        "/run/second.pid", "-serial", "file:/var/log/second.console.log", "-kernel", "/lab/guest/vmlinuz", "-initrd",
        initramfs, "-append", "console=ttyS0 quiet clu.write_ms=66", "-drive",
        "file=/csv/twin.img,format=raw,if=virtio,cache=none,file.locking=off",
    ]
    second = lab.start_in_background("n2", *qemu)
    try:
        with Stopwatch() as watch:
            wait_until(lambda: not guest.check_disk().is_ok(), 30, "the checker sees the second writer", 0.2)
        lab.figures.note(seen_after_ms=watch.ms)
        wait_until(lambda: "INTERLEAVED" in str(guest.check_disk().problems), 10, "a writer leaves its mark", 0.2)
        command = [f"{settings.LAB_DIR}/lab", "check-disk", "twin"]
        environment = {**os.environ, "LAB_NAME": lab.place.name}
        done = subprocess.run(command, check=False, capture_output=True, env=environment)
        check_equal(done.returncode, 1, "exit code of lab check-disk")
    finally:
        lab.run("n2", "sh", "-c", "kill -KILL $(cat /run/second.pid)")
        second.wait()


@lab_test(nodes=2, bare=True)
def test_several_guests_at_once(lab):
    guests = [lab.guest(f"many{number}") for number in range(4)]
    with Stopwatch() as watch:
        in_parallel(lambda guest: lab.run("n1", "virsh", "create", guest.definition), guests)
        in_parallel(lambda guest: guest.wait_answers(60), guests)
    lab.figures.note(boot_of_4_ms=watch.ms, idle_cpu_percent=guest_cpu_percent(lab, "n1"))
    for guest in guests:
        guest.wait_writes()
        guest.require_whole_disk(boots=1)


def guest_cpu_percent(lab, node):
    """Of one processor, for all guests of a node together, over two seconds."""

    def ticks():
        text = lab.run(node, "sh", "-c", "cat $(grep -l qemu /proc/[0-9]*/comm | sed s/comm/stat/)").stdout
        return sum(sum(map(int, line.rpartition(")")[2].split()[11:13])) for line in text.splitlines())

    time.sleep(2)
    before, started = ticks(), time.monotonic()
    time.sleep(2)
    return (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - started) * 100


@lab_test(bare=True)
def test_the_demo_holds_to_its_end(lab):
    """The first command of README.md, in a lab of its own beside this one."""
    with Stopwatch() as whole:
        done = subprocess.run([f"{settings.LAB_DIR}/demo"], env={**os.environ, "LAB_NAME": f"d{os.getpid()}"},
                              capture_output=True, text=True, check=False)
    check_equal(done.returncode, 0, f"the demo's exit code: {done.stderr[-2000:]}{done.stdout[-2000:]}")
    lab.figures.note(whole_ms=whole.ms)
