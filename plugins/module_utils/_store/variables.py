# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of an image's configuration as a script in it, where Apptainer looks for them: it reads no OCI image.

Source: Apptainer user guide, "Environment and Metadata": each ``/.singularity.d/env/*.sh`` is read at start. What the
caller gives by ``APPTAINERENV_…`` is set after the one of this name only (measured with 1.4.5).
"""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Sequence
from typing import IO

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store import tar

FOLDERS = (".singularity.d", ".singularity.d/env")
SCRIPT = ".singularity.d/env/99-base.sh"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def layer(variables: Sequence[str], reference: str) -> IO[bytes]:
    """A layer with the script, to lie over the others; with nothing for an image without variables.

    :param variables: ``NAME=value`` each, as ``Env`` of the image's configuration has them.
    :param reference: for messages.
    :raises VreError: for one that is none.
    """
    lines = []
    for variable in variables:
        name, sign, value = str(variable).partition("=")
        if not NAME.fullmatch(name) or not sign or "\0" in value:
            raise VreError("a variable of the image is none", reference, variable, "build the image again, without it")
        lines.append(f"export {name}={shlex.quote(value)}\n")
    found = b""
    if lines:
        script = "".join(lines).encode()
        found = b"".join(tar.header(folder, tar.FOLDER, 0o755, 0) for folder in FOLDERS)
        found += tar.header(SCRIPT, tar.FILE, 0o644, 0, len(script)) + script + bytes(-len(script) % tar.BLOCK)
    return io.BytesIO(found + 2 * tar.END)
