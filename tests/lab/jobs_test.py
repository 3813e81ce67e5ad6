#!/usr/bin/python3 -IS
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests at once, with runners that have no lab. Needs no root."""

import contextlib
import io
import os
import signal
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from clulab import jobs, life  # noqa: E402
from clulab.report import Result  # noqa: E402
from clulab.testing import holds_for, lab_test, wait_until  # noqa: E402

TIMEOUT_S = 10


class Place:
    """Where processes leave word for each other."""

    def __init__(self):
        self.directory = tempfile.mkdtemp()

    def say(self, word):
        """Once, for good."""
        with open(f"{self.directory}/{word}", "w", encoding="ascii"):
            pass

    def said(self):
        """All words, in order of the alphabet."""
        return sorted(os.listdir(self.directory))

    def wait(self, word):
        """Until somebody says it."""
        wait_until(lambda: word in self.said(), TIMEOUT_S, word)


class Runner:
    """A test is a function of the name of the lab, which returns lines."""

    def __init__(self, place, lab_name):
        self.place = place
        self.lab_name = lab_name

    def run(self, name, function):
        """Passed, or failed if there are lines."""
        lines = function(self.lab_name) or []
        return Result(name, "failed" if lines else "passed", lines, keeps_lab="keep" in lines)

    def discard(self):
        """The lab would go down."""
        self.place.say(f"discarded-{self.lab_name}-{os.getpid()}")


class Case(unittest.TestCase):
    """Tests are given as functions, named in their order."""

    def setUp(self):
        self.place = Place()
        self.down = []
        jobs.TELL_AGAIN_S, again_s = 0.2, jobs.TELL_AGAIN_S
        self.addCleanup(setattr, jobs, "TELL_AGAIN_S", again_s)
        life.down, before = lambda place: self.down.append(place.name), life.down
        self.addCleanup(setattr, life, "down", before)
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        self.addCleanup(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))

    def run_tests(self, limit, *functions):
        """The Report and what was printed."""
        tests = [(f"test_a.test_{number}", function) for number, function in enumerate(functions)]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            report = jobs.Jobs([Runner(self.place, name) for name in ("x", "x-2")[:limit]]).run(tests)
        return report, printed.getvalue()


def test_of(function, **needs):
    """As a test module has it."""
    return lab_test(**{"fresh": True, **needs})(function)


class Series(unittest.TestCase):
    """What is run in one process, and when."""

    @staticmethod
    def named(*needs):
        """Numbers of tests, series by series."""
        tests = [(f"{module}.{number}", test_of(lambda _: None, **need)) for number, (module, need) in enumerate(needs)]
        return [[int(name[2:]) for name, _ in series] for series in jobs.series_of(tests)]

    def test_those_of_a_module_share_a_lab_if_they_can(self):
        old = {"fresh": False}
        self.assertEqual(
            self.named(("a", old), ("a", {}), ("a", {}), ("a", old), ("a", {**old, "nodes": 2}), ("b", old)),
            [[0, 3], [1], [2], [4], [5]],
        )

    def test_alone_comes_first(self):
        self.assertEqual(self.named(("a", {}), ("a", {"alone": True}), ("a", {})), [[1], [0], [2]])


class AtOnce(Case):
    """Two processes."""

    def test_lines_are_in_order_whoever_ends_first(self):
        def slow(_):
            self.place.wait("second")

        def quick(_):
            self.place.say("second")
            return ["a reason"]

        report, printed = self.run_tests(2, test_of(slow), test_of(quick))
        lines = printed.splitlines()
        self.assertEqual(lines[:3], ["test_a.test_0 ... passed in 0.0 s", "test_a.test_1 ... failed in 0.0 s", "    a reason"])
        self.assertEqual(lines[-1], "1 passed, 1 failed")
        self.assertEqual(report.counts, {"passed": 1, "failed": 1, "skipped": 0})

    def test_labs_are_apart_and_gone(self):
        def noted(name):
            self.place.say(name)
            wait_until(lambda: {"x", "x-2"} <= set(self.place.said()), TIMEOUT_S, "both run")

        self.run_tests(2, test_of(noted), test_of(noted))
        self.assertEqual(sorted(self.down), ["x", "x", "x-2", "x-2"])  # before anything, and after each
        self.assertEqual(len([word for word in self.place.said() if word.startswith("discarded")]), 2)

    def test_alone_is_alone(self):
        def alone(_):
            holds_for(lambda: "other" not in self.place.said(), 0.3, "nobody else runs")

        def other(_):
            self.place.say("other")

        report, _ = self.run_tests(2, test_of(other), test_of(alone, alone=True), test_of(other))
        self.assertEqual(report.counts["failed"], 0)

    def test_a_process_that_dies_is_a_failure_and_the_others_go_on(self):
        report, printed = self.run_tests(
            2, test_of(lambda _: os.kill(os.getpid(), signal.SIGKILL)), test_of(lambda _: None), test_of(lambda _: None))
        self.assertEqual(report.counts, {"passed": 2, "failed": 1, "skipped": 0})
        self.assertIn("its process ended with -9", printed)

    def test_a_lab_that_is_kept_ends_it_all(self):
        report, printed = self.run_tests(1, test_of(lambda _: ["keep"]), test_of(lambda _: None))
        self.assertEqual(report.counts, {"passed": 0, "failed": 1, "skipped": 0})
        self.assertNotIn("test_1", printed)
        self.assertEqual((self.down, self.place.said()), (["x"], []))

    def test_a_signal_lets_all_clean_up(self):
        def endless(name):
            self.place.say(name)
            for _ in range(3):  # one of them is hard of hearing
                try:
                    time.sleep(TIMEOUT_S)
                    self.place.say("lived")
                except jobs.Interrupted:
                    if name == "x":
                        raise

        def end():
            self.place.wait("x")
            self.place.wait("x-2")
            os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=end)
        thread.start()
        report, printed = self.run_tests(2, test_of(lambda _: None), test_of(endless), test_of(endless), test_of(endless))
        thread.join()
        self.assertEqual(report.counts, {"passed": 1, "failed": 1, "skipped": 0})
        self.assertIn("interrupted\n", printed)
        self.assertNotIn("lived", self.place.said())
        self.assertEqual(len([word for word in self.place.said() if word.startswith("discarded")]), 3)


if __name__ == "__main__":
    unittest.main()
