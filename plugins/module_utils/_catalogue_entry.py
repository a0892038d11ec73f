# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One image of a catalogue. Apart from the reader, which needs PyYAML: hosts don't have it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ansible_collections.gaia_data.vre.plugins.module_utils._reference import Reference

MOUNT_PATH = re.compile(r"(?!.*(?:/\.|//))(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)+")
SUBPATH = re.compile(r"(?!.*(?:/\.|//))[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


@dataclass(frozen=True)
class Entry:
    """One image of a catalogue.

    :param where: file and line, for messages.
    """

    name: str
    where: str
    kind: str
    reference: Reference
    text: str  # the reference as written
    title: dict[str, str]
    description: dict[str, str] = field(default_factory=dict)
    keywords: tuple[str, ...] = ()
    documentation: str | None = None
    contact: str | None = None
    license: str | None = None
    mount_path: str | None = None
    subpath: str | None = None
