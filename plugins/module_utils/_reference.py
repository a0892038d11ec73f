# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""References to images: ``registry.example.org/vre/ocean:2026.1``, ``…@sha256:…``.

Stricter than what runtimes accept: the registry and a tag or digest must be there, so that nothing is completed by
somebody's default, and no character has a meaning to a shell or a template.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

HOST = r"(?:localhost|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+|[a-z0-9][a-z0-9.-]*(?=:))"
PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
REFERENCE = re.compile(
    rf"(?P<host>{HOST}(?::[0-9]{{1,5}})?)/(?P<path>{PATH})"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LONGEST = 512
REMEDY = "write registry/path:tag, such as registry.example.org/vre/ocean:2026.1"


@dataclass(frozen=True)
class Reference:
    """A reference in its parts; ``host`` has the port, ``tag`` or ``digest`` is there."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """The reference without tag and digest."""
        return f"{self.host}/{self.path}"

    def at(self, digest: str) -> str:
        """The same repository at a digest."""
        return f"{self.repository}@{digest}"

    @property
    def to_inspect(self) -> str:
        """What to ask the registry for: the digest where there is one, else the tag."""
        return self.at(self.digest) if self.digest else f"{self.repository}:{self.tag}"


def parse(text: Any, where: str = "") -> Reference:
    """Take a reference to pieces.

    :raises VreError: when it is not complete or not well-formed.
    """
    found = REFERENCE.fullmatch(text) if isinstance(text, str) and len(text) <= LONGEST else None
    if found is None:
        raise VreError("this is no complete image reference", where, text, REMEDY)
    reference = Reference(found["host"], found["path"], found["tag"] or "", found["digest"] or "")
    if not reference.tag and not reference.digest:
        raise VreError("the image reference has neither tag nor digest", where, text, REMEDY)
    return reference
