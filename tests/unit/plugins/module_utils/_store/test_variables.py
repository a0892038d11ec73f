"""The variables of an image as Apptainer reads them."""

from __future__ import annotations

import subprocess
import tarfile

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError
from ansible_collections.gaia_data.vre.plugins.module_utils._store import variables


def test_a_shell_gets_them_as_they_are() -> None:
    values = {"PATH": "/opt/conda/bin:/usr/bin", "QUOTED": "it's $HOME `id`", "LINES": "a\nb", "EMPTY": ""}
    stream = variables.layer([f"{name}={value}" for name, value in values.items()], "r/lab:1")
    with tarfile.open(fileobj=stream) as archive:
        assert archive.getnames() == [".singularity.d", ".singularity.d/env", ".singularity.d/env/99-base.sh"]
        found = archive.extractfile(".singularity.d/env/99-base.sh")
        assert found
        script = found.read().decode()
    shown = "\n".join(f'printf "%s\\0" "${name}"' for name in values)
    done = subprocess.run(["/bin/sh", "-c", f"{script}\n{shown}"], capture_output=True, text=True, check=True)
    assert done.stdout.split("\0")[:-1] == list(values.values())


def test_an_image_without_any_has_nothing_more_in_it() -> None:
    with tarfile.open(fileobj=variables.layer([], "r/ocean:1")) as archive:
        assert archive.getnames() == []


@pytest.mark.parametrize("variable", ["", "PATH", "A B=1", "X;id=1", "=1", "1A=1", "A=\0", "Ä=1"])
def test_what_is_no_variable(variable: str) -> None:
    with pytest.raises(VreError, match="a variable of the image is none"):
        variables.layer([variable], "r/lab:1")
