# SPDX-License-Identifier: GPL-2.0-or-later
"""A real cluster on one machine: nodes are namespaces, the hardware around them is simulated."""
