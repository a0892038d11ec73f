"""The option registries."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.gaia_data.vre.plugins.module_utils import _registries_option
from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreErrors


def module(registries: Any) -> Any:
    return SimpleNamespace(params={"registries": registries}, no_log_values=set())


def test_passwords_are_hidden() -> None:
    asked = module({"r.example.org": {"username": "vre", "password": "secret", "mirrors": ["m.example.org"]}})
    assert _registries_option.check(asked)["r.example.org"]["username"] == "vre"
    assert asked.no_log_values == {"secret"}


@pytest.mark.parametrize(
    ("registries", "words"),
    [
        ({"r.example.org": None}, "registries: r.example.org: must be a mapping"),
        ({"r.example.org": {"passwrd": "secret"}}, "unknown key passwrd"),
        ({"r.example.org": {"plain_http": "yes"}}, "plain_http must be of type bool"),
        ({"r.example.org": {"mirrors": "m"}}, "mirrors must be of type list"),
        ({"r.example.org": {"password": 123456}}, "password must be of type str"),
    ],
)
def test_what_is_wrong_is_told_without_secrets(registries: Any, words: str) -> None:
    with pytest.raises(VreErrors) as caught:
        _registries_option.check(module(registries))
    assert words in str(caught.value)
    assert "123456" not in str(caught.value)
    assert "secret" not in str(caught.value)
