"""What the lab's centre on Kubernetes has of its own."""

from __future__ import annotations

import ast
import base64
import json
from pathlib import Path

from gaia_lab.kubernetes import centre

USERS = {"alice": {"password": 'a"b', "groups": ["oceanographers"]}}


def test_the_chart_is_there() -> None:
    assert (centre.CHART / "Chart.yaml").is_file()


def test_files_that_are_named_are_in_the_labs_folder(tmp_path: Path) -> None:
    centre.write(tmp_path, USERS)
    found = centre.variables(tmp_path, "example.org")
    assert found["kubernetes_values_files"] == [str(tmp_path / "values.yml")]
    assert (tmp_path / "values.yml").stat().st_mode & 0o777 == 0o600
    assert found["kubernetes_kubeconfig"] == f"{tmp_path}/kubeconfig-deployer"


def test_the_logins_are_python_with_the_users() -> None:
    tree = ast.parse(centre.values(USERS)["hub"]["extraConfig"]["10-logins"])
    (users,) = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "USERS"
    ]
    assert ast.literal_eval(users) == USERS


def test_the_certificate_is_a_secret(tmp_path: Path) -> None:
    for name in ("hub.pem", "hub.key"):
        (tmp_path / name).write_text(name)
    secret = json.loads(centre.secret(tmp_path, "jupyterhub"))
    assert secret["metadata"] == {"name": "hub-tls", "namespace": "jupyterhub"}
    assert base64.b64decode(secret["data"]["tls.key"]) == b"hub.key"
