# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs test functions against labs, prints what they measured, keeps the logs of what failed."""

import argparse
import glob
import importlib.util
import os
import shutil
import signal
import tempfile
import time
import traceback

from clulab import life, settings
from clulab.errors import EXIT_SKIP, LabError
from clulab.testing import Figures, Lab, Skip

LOGS_OF_NODE = ("log", "lib/clu")


class Interrupted(BaseException):
    """SIGTERM: clean up like for ^C."""


def on_terminate(_number, _frame):
    """Turn the signal into an exception, so that every `finally` runs."""
    raise Interrupted()


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
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}

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
        """One test; prints one line, or more when it failed."""
        print(f"{name} ...", end=" ", flush=True)
        started = time.monotonic()
        try:
            function(self.lab_for(function.lab_needs))
            result, trouble = "passed", None
        except Skip as reason:
            result, trouble = "skipped", str(reason)
        except Exception as error:
            result, trouble = "failed", describe(error)
        figures = self.lab.figures if self.lab else ""
        print(f"{result} in {time.monotonic() - started:.1f} s  {figures}".rstrip(), flush=True)
        self.counts[result] += 1
        if trouble:
            print("    " + trouble.replace("\n", "\n    "), flush=True)
        self.after(name, function, result)

    def after(self, name, function, result):
        """Keep logs of a failure; leave a lab that the next test can use, or none."""
        if result == "failed":
            print(f"    logs: {self.collect_logs(name)}", flush=True)
            if self.keep:
                raise KeptLab(self.lab_name)
        if result == "failed" or function.lab_needs["fresh"]:
            self.discard()
            return
        try:
            if self.lab is not None:
                self.lab.repair()
                self.lab.forget_guests()
        except (LabError, AssertionError) as error:
            print(f"    (the lab was not whole afterwards, the next test gets a new one: {error})", flush=True)
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


class KeptLab(Exception):
    """--keep: stop at the first failure and leave the lab as it is."""


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
    parser.add_argument("--keep", action="store_true", help="stop at the first failure and leave the lab up")
    parser.add_argument("--logs", metavar="DIR", help="where logs of failed tests go")
    return parser.parse_args(argv)


def main(argv):
    """Exit code: 0 all passed, 1 something failed, 77 nothing could run."""
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
    except LabError as error:
        print(f"skipped: {error}")
        return EXIT_SKIP
    signal.signal(signal.SIGTERM, on_terminate)
    logs = options.logs or tempfile.mkdtemp(prefix="clu-lab-logs-")
    lab_name = os.environ.get("LAB_NAME") or f"test-{os.getpid()}"
    return run_all(Runner(lab_name, logs, options.keep), tests, logs)


def run_all(runner, tests, logs):
    """Every test, and nothing left behind."""
    try:
        # What an earlier run of this name left when it was killed.
        life.down(settings.Settings(runner.lab_name))
        for name, function in tests:
            runner.run(name, function)
        runner.discard()
    except KeptLab as kept:
        print(f"the lab is still up: LAB_NAME={kept} {settings.LAB_DIR}/lab status")
    except (KeyboardInterrupt, Interrupted):
        print("interrupted", flush=True)
        runner.counts["failed"] += 1
        runner.discard()
    if os.path.isdir(logs) and not os.listdir(logs):
        os.rmdir(logs)
    counts = runner.counts
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}")
    return 1 if counts["failed"] or not counts["passed"] else 0
