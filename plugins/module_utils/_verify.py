# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check that the hub's host runs by itself: ``python -m …module_utils._verify``, by gaia-vre-verify.timer.

It tries what is on offer, as the playbook verify does, prints the report and ends with 1 when something failed, and
with 3 when the cluster was too busy to check all of it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ansible_collections.gaia_data.vre.plugins.module_utils import _check, _state
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._hub import Bounds, Hub


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run a line in every kernel on offer.")
    parser.add_argument("--hub-url", required=True, help="the hub's public address, without /hub")
    parser.add_argument("--user", required=True, help="the check's own user")
    parser.add_argument("--manifest", required=True, help="the manifest; former results are in checks.json beside it")
    parser.add_argument("--token-file", required=True, help="token of the check's service")
    parser.add_argument("--ca-file", help="authority of the hub's certificate, if it is not one of the system's")
    parser.add_argument("--timeout", type=int, default=120, help="seconds for a session, and for a kernel")
    parser.add_argument("--parallel", type=int, default=4, help="kernels at a time")
    parser.add_argument("--patience", type=int, default=10, help="minutes for all kernels of one image")
    parser.add_argument("--results", required=True, help="where to write the results")
    return parser.parse_args()


def main() -> int:
    """Check, write the results, report; gives the exit code."""
    wanted = _arguments()
    try:
        token = _check.token(wanted.token_file)
        hub = Hub(wanted.hub_url, wanted.user, token, wanted.timeout, wanted.ca_file)
        state = _state.Folder(Path(wanted.manifest))
        with _check.alone():
            data, outcome = _check.settled(state, "offered", hub, Bounds(wanted.parallel, 60 * wanted.patience))
            before = state.read().get(_state.CHECKS, "")
            _state.write(Path(wanted.results), _check.record(data, "offered", outcome, before))
    except VreError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("\n".join(outcome.report) + "\n")
    if outcome.failed:
        return 1
    return 3 if outcome.unchecked else 0


if __name__ == "__main__":
    raise SystemExit(main())
