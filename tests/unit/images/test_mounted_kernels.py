"""The system image's start-up: names, activation, tolerance and speed, over folders as a mount shows them."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._contract import kernel_name

ROOT = Path(__file__).resolve().parents[3]
IMAGE_ROOT = ROOT / "images/lab/root"
RUNNER = IMAGE_ROOT / "usr/local/bin/gaia-vre-kernel"


@pytest.fixture
def start_up() -> ModuleType:
    file = IMAGE_ROOT / "opt/conda/share/gaia-vre/mounted_kernels.py"
    spec = importlib.util.spec_from_file_location("mounted_kernels", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kernel", ["python3", "python2", "ir", "julia-1.10", "éà", "a b", "x/y"])
@pytest.mark.parametrize(("image", "env"), [("ocean", "ocean"), ("atmos", "py")])
def test_names_are_those_that_the_lock_promises(start_up: ModuleType, image: str, env: str, kernel: str) -> None:
    assert start_up.kernel_name(image, env, kernel) == kernel_name(image, env, kernel)


def environment(envs: Path, name: str, *kernels: str, spec: Any = None) -> Path:
    prefix = envs / name
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta/history").write_text("")
    for kernel in kernels:
        folder = prefix / "share/jupyter/kernels" / kernel
        folder.mkdir(parents=True)
        found = spec or {
            "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "metadata": {"debugger": True},
        }
        (folder / "kernel.json").write_text(found if isinstance(found, str) else json.dumps(found))
        (folder / "logo-svg.svg").write_text("<svg/>")
    return prefix


def specs(target: Path) -> dict[str, dict[str, Any]]:
    return {file.parent.name: json.loads(file.read_text()) for file in sorted(target.glob("kernels/*/kernel.json"))}


def test_kernels_of_mounted_environments(start_up: ModuleType, tmp_path: Path) -> None:
    ocean = environment(tmp_path / "ocean/envs", "ocean", "python3")
    environment(tmp_path / "bio/envs", "species", "python3", "ir")
    environment(tmp_path / "bio/envs", "empty")
    (tmp_path / "bio/envs/no-environment").mkdir()
    names = start_up.write_kernelspecs(f"{tmp_path}/ocean/envs::{tmp_path}/bio/envs", tmp_path / "out")
    assert names == ["conda-env-ocean-ocean-py", "conda-env-bio-species-r", "conda-env-bio-species-py"]
    found = specs(tmp_path / "out")["conda-env-ocean-ocean-py"]
    assert found["argv"] == [
        start_up.RUNNER,
        str(ocean),
        "python",
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
    ]
    assert found["display_name"] == "Python 3 [ocean]"
    assert found["language"] == "python"
    assert found["metadata"] == {
        "debugger": True,
        "conda_env_name": "ocean-ocean",
        "conda_env_path": str(ocean),
        "conda_raw_kernel_name": "python3",
    }
    assert specs(tmp_path / "out")["conda-env-bio-species-py"]["display_name"] == "Python 3 [bio: species]"
    logo = tmp_path / "out/kernels/conda-env-ocean-ocean-py/logo-svg.svg"
    assert logo.read_text() == "<svg/>"
    assert not logo.is_symlink(), "the server would not hand it out"


def test_labels_are_those_of_nb_conda_kernels(start_up: ModuleType, tmp_path: Path) -> None:
    """A folder that is not called envs gives no prefix; a label that is taken gets a number."""
    for folder in ("a/envs", "b/envs", "other", "more", "x/a/envs"):
        environment(tmp_path / folder, "py", "python3")
    folders = ":".join(f"{tmp_path}/{name}" for name in ("a/envs", "b/envs", "other", "more", "x/a/envs", "a/envs"))
    assert list(start_up.environments(folders)) == ["a-py", "b-py", "py", "py-2", "a-py-2"]


@pytest.mark.parametrize("spec", ["{", "[]", "null", {"argv": "x"}, {"display_name": 1, "argv": []}])
def test_a_broken_kernel_hides_no_other(
    start_up: ModuleType, tmp_path: Path, spec: Any, caplog: pytest.LogCaptureFixture
) -> None:
    environment(tmp_path / "bad/envs", "bad", "python3", spec=spec)
    environment(tmp_path / "good/envs", "good", "python3")
    with caplog.at_level(logging.WARNING):
        names = start_up.write_kernelspecs(
            f"{tmp_path}/gone:{tmp_path}/bad/envs:{tmp_path}/good/envs", tmp_path / "out"
        )
    assert names == ["conda-env-good-good-py"]
    assert "gone cannot be read, its kernels are missing: No such file" in caplog.text
    assert "bad/share/jupyter/kernels/python3/kernel.json is no kernelspec" in caplog.text


def test_variables_of_environment_and_packages(start_up: ModuleType, tmp_path: Path) -> None:
    prefix = environment(tmp_path / "geo/envs", "geo", "python3")
    (prefix / "etc/conda/env_vars.d").mkdir(parents=True)
    (prefix / "etc/conda/env_vars.d/a.json").write_text('{"A": "package", "B": "package"}')
    (prefix / "etc/conda/env_vars.d/broken.json").write_text("[")
    (prefix / "conda-meta/state").write_text('{"env_vars": {"B": "environment"}}')
    start_up.write_kernelspecs(f"{tmp_path}/geo/envs", tmp_path / "out")
    assert specs(tmp_path / "out")["conda-env-geo-geo-py"]["env"] == {"A": "package", "B": "environment"}


def test_twenty_environments_take_no_time(start_up: ModuleType, tmp_path: Path) -> None:
    for number in range(20):
        environment(tmp_path / f"image{number}/envs", "science", "python3")
    started = time.monotonic()
    names = start_up.write_kernelspecs(":".join(f"{tmp_path}/image{n}/envs" for n in range(20)), tmp_path / "out")
    assert time.monotonic() - started < 0.2
    assert len(names) == 20


OFFER = f"""
import json, os, sys
sys.path.insert(0, {str(IMAGE_ROOT / "opt/conda/share/gaia-vre")!r})
import mounted_kernels
mounted_kernels.offer()
path = os.environ.get("JUPYTER_PATH", "")
mounted_kernels.offer()
assert os.environ.get("JUPYTER_PATH", "") == path
first = path.split(":")[0]
print(json.dumps([path, sorted(os.listdir(first + "/kernels")) if first.startswith({{tmp!r}}) else []]))
"""


def offer(tmp_path: Path, **variables: str) -> tuple[str, list[str], str]:
    (tmp_path / "tmp").mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", OFFER.format(tmp=str(tmp_path / "tmp"))],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path / "tmp"), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    path, names = json.loads(done.stdout)
    return path, names, done.stderr


def test_offer_at_the_servers_start(tmp_path: Path) -> None:
    environment(tmp_path / "ocean/envs", "ocean", "python3")
    path, names, said = offer(tmp_path, CONDA_ENVS_PATH=f"{tmp_path}/ocean/envs", JUPYTER_PATH="/former")
    assert path.endswith(":/former")
    assert names == ["conda-env-ocean-ocean-py"]
    assert "1 kernels of mounted environments in" in said
    assert not list((tmp_path / "tmp").iterdir()), "kernelspecs are left after the server's end"


def test_nothing_mounted_changes_nothing(tmp_path: Path) -> None:
    assert offer(tmp_path, JUPYTER_PATH="/former")[:2] == ("/former", [])


def test_it_steps_aside_for_nb_conda_kernels(tmp_path: Path) -> None:
    environment(tmp_path / "ocean/envs", "ocean", "python3")
    (tmp_path / "lib/nb_conda_kernels").mkdir(parents=True)
    (tmp_path / "lib/nb_conda_kernels/__init__.py").write_text("")
    found = offer(tmp_path, CONDA_ENVS_PATH=f"{tmp_path}/ocean/envs", PYTHONPATH=str(tmp_path / "lib"))
    assert found[:2] == ("", [])


def test_no_place_for_files_does_not_stop_the_server(tmp_path: Path) -> None:
    environment(tmp_path / "ocean/envs", "ocean", "python3")
    full = "import tempfile\ndef fail(**_): raise OSError(28, 'No space left on device')\ntempfile.mkdtemp = fail\n"
    code = full + OFFER.format(tmp="/nowhere")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"CONDA_ENVS_PATH": f"{tmp_path}/ocean/envs"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "no kernels of mounted environments: [Errno 28]" in done.stderr


def run_kernel(prefix: Path, *command: str, **variables: str) -> str:
    done = subprocess.run(
        [RUNNER, prefix, *command],
        env={"PATH": "/opt/conda/bin:/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_kernel_starts_activated(tmp_path: Path) -> None:
    prefix = environment(tmp_path / "a b/envs", "geo", "python3")
    (prefix / "bin").mkdir()
    (prefix / "bin/program").write_text("#!/bin/sh\nenv\nprintf '%s\\n' \"$@\"\n")
    (prefix / "bin/program").chmod(0o755)
    (prefix / "etc/conda/activate.d").mkdir(parents=True)
    (prefix / "etc/conda/activate.d/a.sh").write_text('export GEO="$CONDA_PREFIX/share"\nfalse\n')
    (prefix / "etc/conda/activate.d/b.sh").write_text("export SECOND=2\n")
    hidden = {"JUPYTER_PATH": "/x", "PYTHONPATH": "/x", "GAIA_VRE_KERNELS": "/x"}
    said = run_kernel(prefix, "program", "two words", "$HOME", HOME="/home/me", **hidden).splitlines()
    assert f"GEO={prefix}/share" in said
    assert "SECOND=2" in said
    assert f"PATH={prefix}/bin:/usr/bin:/bin" in said
    assert f"CONDA_PREFIX={prefix}" in said
    assert said[-2:] == ["two words", "$HOME"]
    assert not [line for line in said if line.split("=")[0] in hidden]


def test_a_kernel_without_activation_scripts(tmp_path: Path) -> None:
    assert run_kernel(tmp_path, "echo", "hello") == "hello\n"
