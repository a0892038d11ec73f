# Copyright (c) 2026, Gaia Data
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the hub's certificate and key, told before the proxy would end over them."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible.errors import AnsibleFilterError

from ansible_collections.gaia_data.vre.plugins.module_utils._errors import VreError

try:  # ansible-core itself needs it
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
except ImportError:
    x509 = None  # type: ignore[assignment] # told where it is used, as sanity imports plugins without it


def tls_problems(
    texts: Mapping[str, str], pair: Mapping[str, str], url: str, now: datetime.datetime | None = None
) -> list[str]:
    """Sentences on a certificate and its key.

    :param texts: content of the PEM files ``certificate`` and ``key``.
    :param pair: their paths, for the sentences.
    :param url: address of the hub, whose name the certificate must have.
    :param now: with its time zone; the present time unless given.
    """
    if not pair:
        return []
    if x509 is None:
        raise AnsibleFilterError(
            "hub_tls cannot be checked without cryptography. Remedy: install it where ansible-core is installed."
        )
    try:
        certificate = x509.load_pem_x509_certificate(texts["certificate"].encode())
    except ValueError:
        remedy = "give the PEM file that begins with -----BEGIN CERTIFICATE-----"
        return [_say("this is no certificate", "certificate", pair, remedy)]
    try:
        key = serialization.load_pem_private_key(texts["key"].encode(), None)
    except TypeError:
        return [_say("the key needs a password", "key", pair, "give a key without; the proxy cannot ask")]
    except ValueError:
        remedy = "give the PEM file that begins with -----BEGIN PRIVATE KEY-----"
        return [_say("this is no private key", "key", pair, remedy)]
    found = []
    if key.public_key() != certificate.public_key():
        message = f"the key does not belong to the certificate {pair['certificate']}"
        found.append(_say(message, "key", pair, "give the two that were made together"))
    now = now or datetime.datetime.now(datetime.timezone.utc)
    begin, end = _date(certificate, "not_valid_before"), _date(certificate, "not_valid_after")
    if not begin <= now <= end:
        dates = f"{begin:%Y-%m-%d} to {end:%Y-%m-%d}"
        found.append(_say(f"the certificate is valid from {dates}", "certificate", pair, "have it renewed"))
    name = urlsplit(url).hostname or ""
    names = _names(certificate)
    if not any(_covers(pattern, name) for pattern in names):
        message = f"the certificate is for {', '.join(names) or 'no name'}, not for {name}"
        found.append(_say(message, "certificate", pair, f"have it made for the name in hub_url ({url})"))
    return found


def _say(message: str, key: str, pair: Mapping[str, str], remedy: str) -> str:
    return str(VreError(message, f"hub_tls.{key}", pair[key], remedy))


def _date(certificate: Any, name: str) -> datetime.datetime:
    """A date of the certificate; cryptography before 42 has it without its time zone, which is UTC."""
    if hasattr(certificate, f"{name}_utc"):
        found: datetime.datetime = getattr(certificate, f"{name}_utc")
        return found
    naive: datetime.datetime = getattr(certificate, name)
    return naive.replace(tzinfo=datetime.timezone.utc)


def _names(certificate: Any) -> list[str]:
    """Names and addresses that the certificate is for; browsers look at these only."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names if isinstance(name, (x509.DNSName, x509.IPAddress))]


def _covers(pattern: str, name: str) -> bool:
    """Whether a name of a certificate is for ``name``. Source: RFC 9525, 6.3 (one label for a leading star)."""
    try:
        return ipaddress.ip_address(pattern) == ipaddress.ip_address(name)
    except ValueError:
        pass
    pattern, name = pattern.lower(), name.lower()
    return pattern == name or (pattern.startswith("*.") and "." in name and pattern[2:] == name.partition(".")[2])


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Any]:
        """As Ansible asks for them."""
        return {"tls_problems": tls_problems}
