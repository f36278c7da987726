# SPDX-License-Identifier: MIT
"""Why a cell, a row or a value cannot be reached."""


def observe(m, held, broken):
    pass


def why(goal, rows, table):
    return None
