# SPDX-License-Identifier: GPL-2.0-or-later
"""Things that are the same for every lab and take a while to make: built once, kept by their content."""

import contextlib
import fcntl
import hashlib
import os
import subprocess

from clulab.errors import LabError
from clulab.settings import CACHE_DIR


@contextlib.contextmanager
def locked(directory, name="lock"):
    """One process at a time; a lock dies with its holder."""
    os.makedirs(directory, exist_ok=True)
    with open(f"{directory}/{name}", "w", encoding="ascii") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def digest(*parts):
    """A short name for contents."""
    summary = hashlib.sha256()
    for part in parts:
        summary.update(hashlib.sha256(part).digest())
    return summary.hexdigest()[:16]


def read_bytes(path):
    """A whole file."""
    with open(path, "rb") as stream:
        return stream.read()


def run(command, what, **options):
    """A program that must succeed; its own words are part of the error."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)
    except FileNotFoundError:
        raise LabError(f"{what}: {command[0]} is not installed") from None
    if done.returncode != 0:
        raise LabError(f"{what}: {' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def compiled(source, *flags):
    """Path of the program made of one C file: a static one, unless FLAGS say otherwise."""
    flags = flags or ("-static",)
    name = os.path.splitext(os.path.basename(source))[0]
    with locked(CACHE_DIR):
        program = f"{CACHE_DIR}/{name}-{digest(read_bytes(source), ' '.join(flags).encode())}"
        if not os.path.exists(program):
            command = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", *flags, "-o", f"{program}.new", source]
            run(command, f"cannot compile {source}")
            os.rename(f"{program}.new", program)
    return program
