# SPDX-License-Identifier: GPL-2.0-or-later
"""How the lab says no."""

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_SKIP = 77


class LabError(Exception):
    """Something a person can act on; the message is the whole output, never a traceback."""

    def __init__(self, message, exit_code=EXIT_FAILED):
        super().__init__(message)
        self.exit_code = exit_code
