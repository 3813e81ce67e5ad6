# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs test functions against labs, tells what they measured, keeps the logs of what failed."""

import argparse
import glob
import importlib.util
import os
import shutil
import tempfile
import time
import traceback

from clulab import jobs, life, settings
from clulab.errors import EXIT_SKIP, EXIT_USAGE, LabError
from clulab.report import Result
from clulab.testing import Figures, Lab, Skip

LOGS_OF_NODE = ("log", "lib/clu")
# More labs at once than this nobody has tried.
JOBS_MAX = 4


def load_tests(directory, names):
    """[(name, function)] of all test_*.py, in the order of the files; NAMES are parts of names."""
    tests = []
    for path in sorted(glob.glob(f"{directory}/test_*.py")):
        module_name = os.path.basename(path)[:-3]
        spec = importlib.util.spec_from_file_location(module_name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, function in vars(module).items():
            if hasattr(function, "lab_needs") and name.startswith("test_"):
                tests.append((f"{module_name}.{name}", function))
    return [test for test in tests if not names or any(name in test[0] for name in names)]


class Runner:
    """One lab at a time, used again by the next test when it fits and is whole."""

    def __init__(self, lab_name, logs, keep):
        self.lab_name = lab_name
        self.logs = logs
        self.keep = keep
        self.lab = None
        self.shape = None

    def lab_for(self, needs):
        """A lab of the wanted shape, without faults and guests."""
        shape = (needs["nodes"], needs["bare"], needs["volume_faults"])
        if self.lab is not None and (needs["fresh"] or shape != self.shape):
            self.discard()
        if self.lab is None:
            self.lab = Lab(self.lab_name)
            self.shape = shape
            self.lab.up(*shape)
        self.lab.figures = Figures()
        return self.lab

    def discard(self):
        """The next test gets a new lab."""
        if self.lab is not None:
            lab, self.lab = self.lab, None
            lab.down()

    def run(self, name, function):
        """One test; its Result."""
        started = time.monotonic()
        try:
            function(self.lab_for(function.lab_needs))
            outcome, trouble = "passed", []
        except Skip as reason:
            outcome, trouble = "skipped", str(reason).split("\n")
        except Exception as error:
            outcome, trouble = "failed", describe(error).split("\n")
        figures = str(self.lab.figures) if self.lab else ""
        result = Result(name, outcome, trouble, time.monotonic() - started, figures)
        self.after(function, result)
        return result

    def after(self, function, result):
        """Keep logs of a failure; leave a lab that the next test can use, or none, or (--keep) this one as it is."""
        if result.outcome == "failed":
            result.lines.append(f"logs: {self.collect_logs(result.name)}")
            if self.keep:
                result.lines.append(f"the lab is still up: LAB_NAME={self.lab_name} {settings.LAB_DIR}/lab status")
                result.keeps_lab = True
                return
        if result.outcome == "failed" or function.lab_needs["fresh"]:
            self.discard()
            return
        try:
            if self.lab is not None:
                self.lab.repair()
                self.lab.forget_guests()
        except (LabError, AssertionError) as error:
            result.lines.append(f"(the lab was not whole afterwards, the next test gets a new one: {error})")
            self.discard()

    def collect_logs(self, name):
        """Copies what the nodes and the hardware wrote; returns the directory."""
        target = f"{self.logs}/{name}"
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        place = settings.Settings(self.lab_name)
        copy_quietly(place.room_log, f"{target}/room.log")
        shape = place.load_shape()
        for _, node in settings.nodes_of(shape) if shape else []:
            copy_quietly(f"{place.node_disk_dir(node)}/boot.log", f"{target}/{node}/boot.log")
            for part in LOGS_OF_NODE:
                copy_quietly(f"{place.node_disk_dir(node)}/var/{part}", f"{target}/{node}/{os.path.basename(part)}")
        if shape and self.lab is not None:
            self._collect_views(shape, place, target)
        return target

    @staticmethod
    def _collect_views(shape, place, target):
        """What corosync and libvirt of every node say at that moment."""
        for _, node in settings.nodes_of(shape):
            with open(f"{target}/{node}/view", "w", encoding="utf-8") as stream:
                for command in (["corosync-quorumtool", "-s"], ["virsh", "list", "--all"], ["ps", "aux"]):
                    try:
                        done = life.run_in(place, node, command, timeout_s=5)
                        stream.write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}\n")
                    except LabError as error:
                        stream.write(f"$ {' '.join(command)}\n{error}\n")


def copy_quietly(source, target):
    """A log that is not there is not worth a second failure."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        if os.path.isdir(source):
            shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)
        else:
            shutil.copy(source, target)
    except (OSError, shutil.Error):
        return


def describe(error):
    """The message, and where in the test it came from."""
    where = [frame for frame in traceback.extract_tb(error.__traceback__) if "/test_" in frame.filename]
    at = f" ({os.path.basename(where[-1].filename)}:{where[-1].lineno})" if where else ""
    text = str(error) or repr(error)
    if not isinstance(error, (AssertionError, LabError)):
        text = "".join(traceback.format_exception(error)).rstrip()
    return f"{text}{at}"


def parse(argv):
    """Options of `run`."""
    parser = argparse.ArgumentParser(prog="run", description="run the lab's tests")
    parser.add_argument("names", nargs="*", metavar="NAME", help="parts of names of tests; default all")
    parser.add_argument("--list", action="store_true", help="print the names of the tests")
    parser.add_argument("--bare", action="store_true", help="only the tests of the lab itself, without clusterd")
    parser.add_argument("--jobs", type=int, metavar="N", default=min(len(os.sched_getaffinity(0)), JOBS_MAX),
                        help="so many at once, each in a lab of its own; default one for each processor (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="one at a time; stop at the first failure and leave the lab up")
    parser.add_argument("--logs", metavar="DIR", help="where logs of failed tests go")
    return parser.parse_args(argv)


def places_for(number):
    """Of the labs that may stand at once."""
    if number < 1:
        raise LabError("--jobs must be 1 at least", EXIT_USAGE)
    name = os.environ.get("LAB_NAME") or f"test-{os.getpid()}"
    return [settings.Settings(name if job == 1 else f"{name}-{job}") for job in range(1, number + 1)]


def main(argv):
    """Exit code: 0 all passed, 1 something failed, 2 wrong words, 77 nothing could run."""
    options = parse(argv)
    tests = load_tests(settings.LAB_DIR, options.names)
    if options.bare:
        tests = [test for test in tests if test[1].lab_needs["bare"]]
    if options.list:
        print("\n".join(name for name, _ in tests))
        return 0
    try:
        life.require_root()
        life.require_programs()
        places = places_for(1 if options.keep else options.jobs)
    except LabError as error:
        print(f"skipped: {error}" if error.exit_code == EXIT_SKIP else f"run: {error}")
        return error.exit_code
    logs = options.logs or tempfile.mkdtemp(prefix="clu-lab-logs-")
    report = jobs.Jobs([Runner(place.name, logs, options.keep) for place in places]).run(tests)
    if os.path.isdir(logs) and not os.listdir(logs):
        os.rmdir(logs)
    return 1 if report.counts["failed"] or not report.counts["passed"] else 0
