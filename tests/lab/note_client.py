#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes one role as fast as clu can, in a node, and says what was acknowledged: `note_client.py ROLE CLIENT`.

One line each: `sent NOTE`, then `acknowledged NOTE INDEX` or `failed NOTE EXIT`. It ends with its node.
"""

import itertools
import json
import subprocess
import sys


def main(role, client):
    """Never returns."""
    for number in itertools.count():
        note = f"{client}-{number}"
        print(f"sent {note}", flush=True)
        command = ["clu", "role", "set", role, "--note", note, "--json"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            print(f"acknowledged {note} {json.loads(done.stdout)['index']}", flush=True)
        else:
            print(f"failed {note} {done.returncode}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
