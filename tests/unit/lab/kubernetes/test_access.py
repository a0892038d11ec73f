"""The cluster's certificates, and the files by which people log in."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gaia_lab import tls
from gaia_lab.kubernetes import access
from gaia_lab.lab import Lab
from gaia_lab.spec import load_spec


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lab")
    tls.make_ca(path)
    _registry, manager, *nodes = Lab("x", load_spec("kubernetes"), 7, path).hosts
    access.make(path, manager, nodes)
    return path


@pytest.mark.parametrize(
    ("name", "user", "group"),
    [
        ("admin", "admin", "system:masters"),
        ("deployer", "gaia-vre-deployer", None),
        ("kubelet-node2", "system:node:node2", "system:nodes"),
    ],
)
def test_clients(folder: Path, name: str, user: str, group: str | None) -> None:
    certificate = x509.load_pem_x509_certificate((folder / f"kubernetes/{name}.pem").read_bytes())
    said = {attribute.oid: attribute.value for attribute in certificate.subject}
    assert said.pop(NameOID.COMMON_NAME) == user
    assert said.pop(NameOID.ORGANIZATION_NAME, None) == group
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


@pytest.mark.parametrize(
    ("name", "names", "addresses"),
    [
        ("apiserver", {"hub.example.org", "kubernetes.default.svc"}, {"10.99.7.10", "10.96.0.1"}),
        ("node1", {"node1"}, {"10.99.7.31"}),
    ],
)
def test_servers(folder: Path, name: str, names: set[str], addresses: set[str]) -> None:
    certificate = x509.load_pem_x509_certificate((folder / f"kubernetes/{name}.pem").read_bytes())
    said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names <= set(said.get_values_for_type(x509.DNSName))
    assert {str(address) for address in said.get_values_for_type(x509.IPAddress)} == addresses


@pytest.mark.parametrize(
    ("file", "user", "namespace"), [("kubeconfig", "admin", None), ("kubeconfig-deployer", "deployer", "jupyterhub")]
)
def test_kubeconfig(folder: Path, file: str, user: str, namespace: str | None) -> None:
    data = yaml.safe_load((folder / file).read_text())
    assert data["clusters"][0]["cluster"]["server"] == "https://10.99.7.10:6443"
    authority = data["clusters"][0]["cluster"]["certificate-authority-data"]
    assert base64.b64decode(authority) == (folder / "ca.pem").read_bytes()
    assert data["contexts"][0]["context"].get("namespace") == namespace
    key = base64.b64decode(data["users"][0]["user"]["client-key-data"])
    assert key == (folder / f"kubernetes/{user}.key").read_bytes()


def test_keys_are_for_root_only(folder: Path) -> None:
    keys = [*(folder / "kubernetes").glob("*.key"), folder / "kubeconfig", folder / "kubeconfig-deployer"]
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}
