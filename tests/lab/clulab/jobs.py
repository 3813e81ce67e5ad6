# SPDX-License-Identifier: GPL-2.0-or-later
"""Several tests at once: each series in a process of its own with a lab of its own, told in one order."""

import multiprocessing
import multiprocessing.connection
import os
import signal

from clulab import life, namespaces, settings
from clulab.report import Report, Result

FORK = multiprocessing.get_context("fork")
TELL_AGAIN_S = 5


class Interrupted(BaseException):
    """SIGTERM: take the lab down."""


def on_terminate(_number, _frame):
    """Turn the signal into an exception, so that every `finally` runs."""
    raise Interrupted()


def on_ignored(_number, _frame):
    """Unlike SIG_IGN this is not inherited by the programs that a test starts."""


def series_of(tests):
    """[[(name, function)]]: those of a module that can use one lab stay together; those that have to be alone come first."""
    found = {}
    for name, function in tests:
        needs = function.lab_needs
        kind = name if needs["fresh"] else (name.partition(".")[0], *needs.values())
        found.setdefault(kind, []).append((name, function))
    return sorted(found.values(), key=lambda series: not is_alone(series))


def is_alone(series):
    """Nothing else may run meanwhile."""
    return series[0][1].lab_needs["alone"]


def work(runner, series, connection):
    """In the process of a series, which ends in it: a Result for each test."""
    signal.signal(signal.SIGINT, on_ignored)  # a terminal's ^C reaches all; the first process says what comes of it
    signal.signal(signal.SIGTERM, on_terminate)
    namespaces.die_with_parent(signal.SIGTERM)
    try:
        try:
            for name, function in series:
                result = runner.run(name, function)
                connection.send(result)
                if result.keeps_lab:
                    os._exit(0)
        finally:
            signal.signal(signal.SIGTERM, on_ignored)
            runner.discard()
    except Interrupted:
        os._exit(1)
    os._exit(0)  # whatever the threads of a test that failed still wait for


class Job:
    """One series, and the process that runs it."""

    def __init__(self, runner, series):
        self.runner = runner
        self.series = series
        self.untold = [name for name, _ in series]
        self.connection, other = FORK.Pipe(duplex=False)
        self.process = FORK.Process(target=work, args=(runner, series, other), daemon=True)
        self.process.start()
        other.close()

    def stop(self):
        """Before its time. It is told until it hears: Python drops an exception that comes in a destructor."""
        while self.process.is_alive():
            self.process.terminate()
            self.process.join(TELL_AGAIN_S)

    def end(self):
        """Its process has ended, or is about to; its lab is gone afterwards in any case."""
        self.process.join()
        self.connection.close()
        life.down(settings.Settings(self.runner.lab_name))


class Jobs:
    """Runs all tests, a series with each of RUNNERS at once."""

    def __init__(self, runners):
        self.free = list(runners)
        self.waiting = []
        self.running = {}
        self.interrupted, self.interrupt = FORK.Pipe(duplex=False)

    def on_interrupt(self, _number, _frame):
        """^C or SIGTERM."""
        self.interrupt.send(None)

    def run(self, tests):
        """Every test, and nothing left behind; the Report."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_interrupt)
        for runner in self.free:
            life.down(settings.Settings(runner.lab_name))  # what an earlier run of this name left when it was killed
        self.waiting = series_of(tests)
        report = Report([name for series in self.waiting for name, _ in series])
        try:
            while self.waiting or self.running:
                while self.waiting and self.has_room_for(self.waiting[0]):
                    job = Job(self.free.pop(0), self.waiting.pop(0))
                    self.running[job.connection] = job
                ready = multiprocessing.connection.wait([self.interrupted, *self.running])
                if self.interrupted in ready:
                    report.interrupt()
                    break
                for connection in ready:
                    self.hear(self.running[connection], report)
        finally:
            self.stop()
        report.close()
        return report

    def has_room_for(self, series):
        """Those that have to be alone are."""
        jobs = self.running.values()
        return self.free and not (jobs and (is_alone(series) or any(is_alone(job.series) for job in jobs)))

    def hear(self, job, report):
        """A result, or the end of the series: what its process did not live to tell is a failure."""
        try:
            said = job.connection.recv()
        except EOFError:
            job.end()
            for name in job.untold:
                report.add(Result(name, "failed", [f"its process ended with {job.process.exitcode} before it was told of"]))
            del self.running[job.connection]
            self.free.append(job.runner)
            return
        job.untold.remove(said.name)
        report.add(said)
        if said.keeps_lab:
            self.waiting = []
            del self.running[job.connection]

    def stop(self):
        """All at once, and wait until they have cleaned up."""
        for job in self.running.values():
            job.process.terminate()
        for job in self.running.values():
            job.stop()
            job.end()
