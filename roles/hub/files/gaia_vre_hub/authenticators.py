"""Authenticators that give a user's groups to the hub, and let nobody in as the check's user.

For the hub that the collection deploys; a hub that was there before keeps its own authenticator.
"""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import ssl
from functools import partial
from typing import Any

from tornado.httpclient import HTTPClientError
from tornado.web import HTTPError
from traitlets import Set, Unicode, default, validate

from gaia_vre_hub.locale import language, say


def unix_groups(name: str) -> list[str]:
    """Names of the groups that a user has on this host; KeyError when there is no such account."""
    found = []
    for number in os.getgrouplist(name, pwd.getpwnam(name).pw_gid):
        try:
            found.append(grp.getgrgid(number).gr_name)
        except KeyError:  # a number that has no name here
            continue
    return sorted(found)


def pam() -> type[Any]:
    """Accounts and groups of the host. What changes in the groups is seen when the hub refreshes a login."""
    from jupyterhub.auth import PAMAuthenticator

    class VrePAMAuthenticator(PAMAuthenticator):  # type: ignore[misc]
        """PAM, with the user's groups."""

        reserved = Set(Unicode(), help="Names that nobody may log in as.").tag(config=True)

        def check_blocked_users(self, username: str, authentication: Any = None) -> bool:
            return username not in self.reserved and super().check_blocked_users(username, authentication)

        async def run_post_auth_hook(self, handler: Any, auth_model: dict[str, Any]) -> Any:
            auth_model["groups"] = await _in_thread(unix_groups, auth_model["name"])
            return await super().run_post_auth_hook(handler, auth_model)

        async def refresh_user(self, user: Any, handler: Any = None) -> Any:  # noqa: ARG002 - JupyterHub's signature
            try:
                return {"name": user.name, "groups": await _in_thread(unix_groups, user.name)}
            except KeyError:  # the account is gone
                return user.name in self.reserved

    return VrePAMAuthenticator


def oidc() -> type[Any]:
    """OpenID Connect; OAuthenticator brings the groups."""
    from oauthenticator.generic import GenericOAuthenticator

    class VreOAuthenticator(GenericOAuthenticator):  # type: ignore[misc]
        """OpenID Connect, but not for the check's user."""

        reserved = Set(Unicode(), help="Names that nobody may log in as.").tag(config=True)

        def check_blocked_users(self, username: str, authentication: Any = None) -> bool:
            return username not in self.reserved and super().check_blocked_users(username, authentication)

        async def authenticate(self, handler: Any, data: Any = None, **more: Any) -> Any:
            try:
                return await super().authenticate(handler, data, **more)
            except (HTTPClientError, OSError, ValueError) as error:  # a refusal, no answer, an answer without the name
                raise _no_login(self, handler, error) from None

    return VreOAuthenticator


def ldap() -> type[Any]:
    """A directory. LDAPAuthenticator itself gives the hub no groups, so they are read here, as the user who logs in."""
    from ldap3 import SUBTREE
    from ldap3.core.exceptions import LDAPException
    from ldap3.utils.conv import escape_filter_chars
    from ldapauthenticator import LDAPAuthenticator

    key = "gaia-vre groups"

    class VreLDAPAuthenticator(LDAPAuthenticator):  # type: ignore[misc]
        """LDAP, with the user's groups by their names."""

        reserved = Set(Unicode(), help="Names that nobody may log in as.").tag(config=True)
        group_search_base = Unicode("", help="Where groups are looked for; empty: users have none.").tag(config=True)
        group_name_attribute = Unicode("cn", help="Attribute of a group that is its name in the hub.").tag(config=True)
        allowed_group_names = Set(Unicode(), help="Groups whose members may log in.").tag(config=True)
        admin_group_names = Set(Unicode(), help="Groups whose members administrate the hub.").tag(config=True)

        @default("tls_kwargs")
        def _authorities_of_the_host(self) -> dict[str, Any]:
            return {"validate": ssl.CERT_REQUIRED}

        @validate("tls_kwargs")
        def _only_with_certificate(self, proposal: Any) -> dict[str, Any]:
            """Passwords go to the directory itself. ldap3 alone would take any certificate."""
            return {"validate": ssl.CERT_REQUIRED, **proposal.value}

        def check_blocked_users(self, username: str, authentication: Any = None) -> bool:
            return username not in self.reserved and super().check_blocked_users(username, authentication)

        def get_user_attributes(self, conn: Any, userdn: str) -> dict[str, Any]:
            """The one place where the library shows its connection: the groups ride along to `authenticate`."""
            return {**super().get_user_attributes(conn, userdn), key: self._groups(conn, userdn)}

        def _groups(self, conn: Any, userdn: str) -> list[str]:
            if not self.group_search_base:
                return []
            uid = self.user_attribute or "uid"
            conn.search(userdn, "(objectClass=*)", attributes=[uid])
            names = [str(value) for entry in conn.entries for value in entry.entry_attributes_as_dict.get(uid, [])]
            wanted = self.group_search_filter.format(
                userdn=escape_filter_chars(userdn), uid=escape_filter_chars(names[0] if names else userdn)
            )
            conn.search(self.group_search_base, wanted, search_scope=SUBTREE, attributes=[self.group_name_attribute])
            rows = [entry.entry_attributes_as_dict.get(self.group_name_attribute, []) for entry in conn.entries]
            return sorted({str(name) for row in rows for name in row})

        async def authenticate(self, handler: Any, data: dict[str, str]) -> Any:
            try:  # the library waits for the directory without giving way to others
                found = await _in_thread(asyncio.run, super().authenticate(handler, data))
            except LDAPException as error:
                raise _no_login(self, handler, error) from None
            if found:
                found["groups"] = found["auth_state"]["user_attributes"].pop(key)
                if self.admin_group_names:
                    name = self.normalize_username(found["name"])
                    found["admin"] = name in self.admin_users or not self.admin_group_names.isdisjoint(found["groups"])
            return found

        async def check_allowed(self, username: str, auth_model: dict[str, Any]) -> bool:
            allowed = await super().check_allowed(username, auth_model)
            return allowed or not self.allowed_group_names.isdisjoint(auth_model["groups"])

    return VreLDAPAuthenticator


def _no_login(authenticator: Any, handler: Any, error: Exception) -> HTTPError:
    """What is told when nobody can log in: a page in the user's language, the reason in the log."""
    authenticator.log.error("Nobody can log in: %s: %s", type(error).__name__, error)
    sentence = say("no_login", language(handler.request.headers.get("Accept-Language", "")))
    return HTTPError(503, sentence)


async def _in_thread(function: Any, *arguments: Any) -> Any:
    """Directories behind NSS can be slow; the hub goes on meanwhile."""
    return await asyncio.get_running_loop().run_in_executor(None, partial(function, *arguments))
