"""Every role says the same in its defaults, its argument specification and its README."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path.name for path in (ROOT / "roles").glob("*") if path.is_dir())
PROMISED = {"hub", "docker", "batch", "kubernetes", "images", "check", "build"}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None


def defaults_of(role: str) -> dict[str, Any]:
    return load(ROOT / "roles" / role / "defaults/main.yml") or {}


def options_of(role: str) -> dict[str, dict[str, Any]]:
    """Collect the options of all entry points of the role."""
    specs = load(ROOT / "roles" / role / "meta/argument_specs.yml") or {}
    entry_points = specs.get("argument_specs", {}).values()
    return {name: option for entry in entry_points for name, option in (entry.get("options") or {}).items()}


def is_template(value: Any) -> bool:
    return "{{" in yaml.safe_dump(value)


def test_the_promised_roles_are_there() -> None:
    assert set(ROLES) >= PROMISED


@pytest.mark.parametrize("role", ROLES)
def test_role_has_a_specification(role: str) -> None:
    specs = load(ROOT / "roles" / role / "meta/argument_specs.yml")
    assert specs, f"roles/{role}/meta/argument_specs.yml is missing or empty"
    assert "main" in specs["argument_specs"], "its entry point main is not described"


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_specification_name_the_same_variables(role: str) -> None:
    """A variable without a default is a required one; every other one is in both files."""
    optional = {name for name, option in options_of(role).items() if not option.get("required")}
    required = set(options_of(role)) - optional
    defaults = set(defaults_of(role))
    assert defaults - required == optional, "defaults/main.yml and argument_specs.yml differ"
    assert not defaults & required, "a required variable has a default"


@pytest.mark.parametrize("role", ROLES)
def test_specification_tells_the_real_defaults(role: str) -> None:
    options = options_of(role)
    for name, value in defaults_of(role).items():
        told = options.get(name, {}).get("default")
        if is_template(value):
            assert told is None or told == value, f"{name}: the specification tells another default"
        elif value not in (None, "", [], {}) or told is not None:
            assert told == value, f"{name}: the default is {value!r}, the specification tells {told!r}"


@pytest.mark.parametrize("role", ROLES)
def test_variables_have_their_prefix_type_and_text(role: str) -> None:
    for name, option in options_of(role).items():
        assert name.startswith((f"{role}_", "vre_")), f"{name} does not begin with {role}_ or vre_"
        assert option.get("description"), f"{name} is not described"
        assert option.get("type"), f"{name} has no type"


@pytest.mark.parametrize("role", ROLES)
def test_role_has_a_readme(role: str) -> None:
    readme = ROOT / "roles" / role / "README.md"
    assert readme.is_file(), f"roles/{role}/README.md is missing"
    assert len(readme.read_text(encoding="utf-8")) > 200, f"roles/{role}/README.md says nothing"
