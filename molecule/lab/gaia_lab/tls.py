"""The lab's own certificate authority."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 30


def _write_key(key: ec.EllipticCurvePrivateKey, path: Path) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _builder(common_name: str, issuer: x509.Name | None = None, group: str = "") -> x509.CertificateBuilder:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    attributes += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
    name = x509.Name(attributes)
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer or name)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
    )


def make_ca(folder: Path) -> None:
    """Write ``ca.pem`` and ``ca.key`` of a new authority to ``folder``."""
    key = ec.generate_private_key(ec.SECP256R1())
    ski = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _builder("gaia-vre lab CA")
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(ski, critical=False)
        .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_key(key, folder / "ca.key")


def make_certificate(folder: Path, name: str, names: list[str], addresses: list[str]) -> tuple[Path, Path]:
    """Write a server's ``<name>.pem`` and ``<name>.key``, signed by the authority in ``folder``; gives both paths."""
    alternatives: list[x509.GeneralName] = [x509.DNSName(n) for n in names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
    builder = _builder(names[0], _authority(folder)[0].subject)
    builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return _sign(folder, name, builder, ExtendedKeyUsageOID.SERVER_AUTH)


def make_client(folder: Path, name: str, user: str, group: str = "") -> tuple[Path, Path]:
    """Write a client's ``<name>.pem`` and ``<name>.key``, which say which user it is; gives both paths."""
    return _sign(folder, name, _builder(user, _authority(folder)[0].subject, group), ExtendedKeyUsageOID.CLIENT_AUTH)


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    authority_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority has an elliptic curve key")
    return authority, authority_key


def _sign(folder: Path, name: str, builder: x509.CertificateBuilder, usage: x509.ObjectIdentifier) -> tuple[Path, Path]:
    _certificate, authority_key = _authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        builder.public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_key(key, folder / f"{name}.key")
    return folder / f"{name}.pem", folder / f"{name}.key"
