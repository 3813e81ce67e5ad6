# SPDX-License-Identifier: GPL-2.0-or-later
"""The verbs of `lab`: one table, one small function each."""

import argparse
import json
import os
import signal
import sys

from clulab import check_disk, client, enter, guest, life, settings
from clulab.errors import EXIT_FAILED, EXIT_USAGE, LabError

DAEMONS = ("corosync", "libvirtd", "clu-guard", "clusterd")
LOG_FILES = {"corosync": "corosync/corosync.log"}


def do_up(place, options):
    """start the lab and wait until it is ready"""
    shape = life.up(place, options.nodes, options.bare, options.volume_faults)
    print(f"lab '{place.name}' is up: {shape['nodes']} nodes, networks 10.{100 + shape['index']}.1-3.0/24")


def do_down(place, _options):
    """stop the lab and remove everything of it"""
    print(f"lab '{place.name}' is {'down' if life.down(place) else 'not up'}")


def do_status(place, options):
    """power, cables and faults of every node"""
    enter.require_room(place)
    status = client.ask(place, "status")
    if options.json:
        print(json.dumps({"schema": "clu-lab/status/1", "lab": place.load_shape(), "nodes": status}))
        return
    print(f"{'node':6} {'power':6} {'pid':>8} {'side':>4} {'watchdog':9} {'fence':6} faults")
    for node, row in status.items():
        faults = [f"{net} down" for net, state in row["networks"].items() if state == "down"]
        faults += ["frozen"] if row["frozen"] else []
        faults += [f"volume {row['volume']}"] if row["volume"] != "up" else []
        hardware = f"{row['power']:6} {row['pid'] or '-':>8} {row['side']:>4} {row['watchdog']:9} {row['fence']:6}"
        print(f"{node:6} {hardware} {', '.join(faults) or '-'}")


def do_events(place, _options):
    """what the hardware did, as JSON lines"""
    for event in client.ask(place, "events"):
        print(json.dumps(event))


def do_run(place, options):
    """run a command in a node, or in the switch's network as `outside`"""
    if not options.command:
        raise LabError("run what?", EXIT_USAGE)
    life.require_root()
    enter.run(place, options.node, options.command)


def log_file(daemon):
    """Below a node's /var/log."""
    return LOG_FILES.get(daemon, f"{daemon}.log")


def do_log(place, options):
    """print a daemon's log, or the ends of all"""
    directory = f"{place.node_disk_dir(options.node)}/var/log"
    if not os.path.isdir(directory):
        raise LabError(f"no such node '{options.node}', or it never booted")
    if options.daemon:
        path = f"{directory}/{log_file(options.daemon)}"
        if not os.path.exists(path):
            raise LabError(f"{options.node} has no log of '{options.daemon}'")
        with open(path, encoding="utf-8", errors="replace") as stream:
            sys.stdout.writelines(stream)
        return
    print(f"== boot\n{life.tail(f'{place.node_disk_dir(options.node)}/boot.log')}")
    for daemon in DAEMONS:
        print(f"== {daemon}\n{life.tail(f'{directory}/{log_file(daemon)}')}")


def do_power(place, options):
    """cut a node's power, or give it back"""
    client.ask(place, "power", node=options.node, state=options.state)


def do_freeze(place, options):
    """hang a node: nothing runs, cables stay alive"""
    client.ask(place, "freeze", node=options.node)


def do_thaw(place, options):
    """let a frozen node go on"""
    client.ask(place, "thaw", node=options.node)


def do_network(place, options):
    """pull or plug a node's cables"""
    nets = [options.net] if options.net else list(settings.NETS)
    client.ask(place, "network", node=options.node, nets=nets, is_up=options.state == "up")


def do_partition(place, options):
    """divide the nodes, as in n1,n2/n3 (cluster and migration networks)"""
    sides = [[node for node in side.split(",") if node] for side in options.sides.split("/")]
    named = [node for side in sides for node in side]
    if len(sides) < 2 or not all(sides) or len(named) != len(set(named)):
        raise LabError("a partition looks like n1,n2/n3, every node once", EXIT_USAGE)
    client.ask(place, "partition", sides=sides)


def do_heal(place, _options):
    """undo the partition"""
    client.ask(place, "partition", sides=[])


def do_fence(place, options):
    """how the power controller answers the fence agent"""
    client.ask(place, "fence", node=options.node, mode=options.mode, line=options.line)


def do_kill(place, options):
    """send a signal (default KILL) to a daemon; the supervisor starts it again"""
    name = options.signal.upper().removeprefix("SIG")
    try:
        number = int(name) if name.isdigit() else signal.Signals[f"SIG{name}"].value
    except KeyError:
        raise LabError(f"no such signal '{options.signal}'", EXIT_USAGE) from None
    client.ask_supervisor(place, options.node, "signal", daemon=options.daemon, number=number)


def do_daemon(place, options):
    """stop a daemon for good, start it, or show the pids"""
    if options.action == "status":
        print(json.dumps(client.ask_supervisor(place, options.node, "status")))
        return
    if options.daemon is None:
        raise LabError(f"{options.action} which daemon?", EXIT_USAGE)
    client.ask_supervisor(place, options.node, options.action, daemon=options.daemon)


def do_volume(place, options):
    """let a node's path to the volume fail or hang"""
    client.ask(place, "volume", node=None if options.node == "all" else options.node, state=options.state)


def do_guest(place, options):
    """make a guest's disk and definition; prints the definition's path in the nodes"""
    life.require_root()
    print(guest.define(place, options.name, options.memory, options.address))


def do_check_disk(place, options):
    """prove from a guest's disk that it never ran twice at once"""
    names = sorted(guest.load_addresses(place)) if options.all else [options.name]
    if names == [None]:
        raise LabError("check which guest's disk? (NAME or --all)", EXIT_USAGE)
    reports = {}
    for name in names:
        image = name if "/" in name else f"{place.csv_dir}/{name}.img"
        if not os.path.exists(image):
            raise LabError(f"there is no disk {image}")
        reports[name] = check_disk.check_image(image)
    if options.json:
        print(json.dumps({name: report.as_dict() for name, report in reports.items()}))
    else:
        for name, report in reports.items():
            print_report(name, report)
    return 0 if all(report.is_ok() for report in reports.values()) else EXIT_FAILED


def print_report(name, report):
    """For people."""
    print(f"{name}: {'ok' if report.is_ok() else 'NOT OK'}, {report.records} records, {len(report.boots)} boots")
    if report.last:
        print(f"  sequence {report.first.sequence} to {report.last.sequence}, current boot {report.last.boot}")
    for problem in report.problems:
        print(f"  {problem}")


def do_room(place, options):
    """(internal) the hardware process"""
    from clulab import room

    room.main(place, options.ready)


def do_boot(place, options):
    """(internal) what runs in a node"""
    from clulab import boot

    boot.main(place, options.node)


def argument(*names, **options):
    """Arguments of a verb, kept for argparse."""
    return names, options


NODE = argument("node", metavar="NODE")
JSON = argument("--json", action="store_true")
VERBS = {
    "up": (do_up, [
        argument("--nodes", type=int, help=f"how many (default {life.NODES_DEFAULT})"),
        argument("--bare", action="store_true", help="without clu-guard and clusterd"),
        argument("--storage", choices=("directory", "iscsi"), default="directory"),
        argument("--volume-faults", action="store_true", help="lab volume can let nodes' paths to the volume fail"),
    ]),
    "down": (do_down, []),
    "status": (do_status, [JSON]),
    "events": (do_events, []),
    "run": (do_run, [NODE, argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")]),
    "log": (do_log, [NODE, argument("daemon", nargs="?", metavar="DAEMON")]),
    "power": (do_power, [NODE, argument("state", choices=("on", "off"))]),
    "freeze": (do_freeze, [NODE]),
    "thaw": (do_thaw, [NODE]),
    "network": (do_network, [
        NODE, argument("state", choices=("up", "down")), argument("--net", choices=settings.NETS),
    ]),
    "partition": (do_partition, [argument("sides", metavar="A,B/C")]),
    "heal": (do_heal, []),
    "fence": (do_fence, [
        argument("mode", choices=settings.FENCE_MODES), argument("node", nargs="?", metavar="NODE"),
        argument("--line", choices=settings.POWER_LINES),
    ]),
    "kill": (do_kill, [
        NODE, argument("daemon", choices=DAEMONS), argument("signal", nargs="?", default="KILL", metavar="SIGNAL"),
    ]),
    "daemon": (do_daemon, [
        NODE, argument("action", choices=("start", "stop", "status")), argument("daemon", nargs="?", choices=DAEMONS),
    ]),
    "volume": (do_volume, [
        argument("node", metavar="NODE|all"), argument("state", choices=tuple(settings.VOLUME_STATES)),
    ]),
    "guest": (do_guest, [
        argument("name", metavar="NAME"),
        argument("--memory", type=int, default=guest.MEMORY_MIB_DEFAULT, metavar="MIB"),
        argument("--address", metavar="IP"),
    ]),
    "check-disk": (do_check_disk, [
        argument("name", nargs="?", metavar="NAME", help="a guest, or the path of an image"),
        argument("--all", action="store_true"), JSON,
    ]),
    "room": (do_room, [argument("ready", type=int, metavar="DESCRIPTOR")]),
    "boot": (do_boot, [NODE]),
}


def make_parser():
    """argparse over the table."""
    parser = argparse.ArgumentParser(prog="lab", description="a real cluster on one machine, for tests")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, (function, arguments) in VERBS.items():
        verb = verbs.add_parser(name, help=function.__doc__, description=function.__doc__)
        for names, options in arguments:
            verb.add_argument(*names, **options)
    return parser


def main(argv):
    """Exit code of the lab command."""
    try:
        options = make_parser().parse_args(argv)
        if getattr(options, "storage", "directory") == "iscsi":
            raise LabError("--storage iscsi: not yet; use directory")
        return VERBS[options.verb][0](settings.Settings(), options) or 0
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return error.exit_code
