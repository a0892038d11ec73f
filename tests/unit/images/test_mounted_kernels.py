"""The start-up of the system image: kernels of mounted environments, under the names of nb_conda_kernels."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils._contract import kernel_name

ROOT = Path(__file__).resolve().parents[3] / "images/lab/root"


@pytest.fixture(scope="module")
def mounted() -> ModuleType:
    path = ROOT / "opt/conda/share/gaia-vre/mounted_kernels.py"
    spec = importlib.util.spec_from_file_location("mounted_kernels", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def environment(root: Path, image: str, name: str, text: str | None = None, history: bool = True) -> Path:
    prefix = root / image / "envs" / name
    (prefix / "conda-meta").mkdir(parents=True)
    if history:
        (prefix / "conda-meta/history").touch()
    kernel = prefix / "share/jupyter/kernels/python3"
    kernel.mkdir(parents=True)
    spec = {"argv": ["python", "-m", "x"], "display_name": "Python 3 (ipykernel)", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec) if text is None else text)
    (kernel / "logo-svg.svg").write_text("<svg/>")
    return prefix


@pytest.mark.parametrize("kernel", ["python3", "python2", "ir", "julia-1.10", "éà", "a b", "x/y"])
@pytest.mark.parametrize(("image", "env"), [("ocean", "ocean"), ("atmos", "py")])
def test_names_are_those_that_the_lock_promises(mounted: ModuleType, image: str, env: str, kernel: str) -> None:
    assert mounted.kernel_name(image, env, kernel) == kernel_name(image, env, kernel)


def test_known_names(mounted: ModuleType) -> None:
    assert mounted.kernel_name("atmos", "py", "python3") == "conda-env-atmos-py-py"
    assert mounted.kernel_name("geo", "maps", "ir") == "conda-env-geo-maps-r"


def test_a_kernel_starts_through_its_environment(mounted: ModuleType, tmp_path: Path) -> None:
    prefix = environment(tmp_path, "ocean", "ocean")
    names = mounted.write_kernelspecs(f"{prefix.parent}", tmp_path / "out")
    assert names == ["conda-env-ocean-ocean-py"]
    folder = tmp_path / "out/kernels" / names[0]
    spec = json.loads((folder / "kernel.json").read_text())
    assert spec["argv"] == ["/usr/local/bin/gaia-vre-kernel", str(prefix), "python", "-m", "x"]
    assert spec["display_name"] == "Python 3 [ocean]"
    assert (folder / "logo-svg.svg").read_text() == "<svg/>"
    assert not (folder / "logo-svg.svg").is_symlink(), "the server would not hand it out"


def test_what_is_no_environment_or_no_kernelspec_is_left_out(mounted: ModuleType, tmp_path: Path) -> None:
    environment(tmp_path, "a", "none", history=False)
    environment(tmp_path, "b", "junk", text="{")
    environment(tmp_path, "c", "fine")
    path = f"{tmp_path}/a/envs:{tmp_path}/b/envs::{tmp_path}/missing/envs:{tmp_path}/c/envs"
    assert mounted.write_kernelspecs(path, tmp_path / "out") == ["conda-env-c-fine-py"]


def test_the_runner_activates_the_environment(tmp_path: Path) -> None:
    activate = tmp_path / "etc/conda/activate.d"
    activate.mkdir(parents=True)
    (activate / "data.sh").write_text('export GEO_DATA="$CONDA_PREFIX/share"\n')
    done = subprocess.run(
        [ROOT / "usr/local/bin/gaia-vre-kernel", tmp_path, "sh", "-c", 'echo "$GEO_DATA|$PATH|$CONDA_PREFIX"'],
        env={**os.environ, "PATH": "/opt/conda/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"{tmp_path}/share|{tmp_path}/bin:/usr/bin:/bin|{tmp_path}"
