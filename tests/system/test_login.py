"""Logins of the deployed hub by a real directory and a real OpenID provider, as the examples of the role's README say.

The role's own tasks write the configuration; hub and proxy run without systemd. The directory is Debian's slapd in a
root of its own, the provider is the npm package oidc-provider.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
import yaml

from gaia_lab import tls
from gaia_lab.base import ensure_base
from gaia_lab.client import HubClient
from gaia_lab.small_hub import free_ports, manifest, npm_packages, proxy_program

HERE = Path(__file__).resolve().parent
ROLE = HERE.parents[1] / "roles/hub"
CHECK = "gaia-vre-check"
AUTHORITY = "/etc/ssl/certs/example.pem"
WRITTEN = ("Settings that hold secrets", "The hub's configuration", "The centre's own lines")
GROUPS = {"oceanographers": ["alice", CHECK], "coast": ["bob"], "vre-admins": ["carol"], "others": ["dave", "erin"]}
PEOPLE = ["alice", "bob", "carol", "dave", "erin", CHECK]
# Nothing starts here: there is no engine.
SPAWNER = 'c.JupyterHub.spawner_class = "docker"\nc.DockerSpawner.remove = True\n'
RESTRICTED = {
    "hub_allowed_groups": ["oceanographers"],
    "hub_allowed_users": ["bob"],
    "hub_admin_groups": ["vre-admins"],
    "hub_admin_users": ["erin"],
}


def groups_of(name: str) -> list[str]:
    return sorted(group for group, members in GROUPS.items() if name in members)


def example(authenticator: str, number: int, here: dict[str, str]) -> dict[str, Any]:
    """An example of the role's README, with what is elsewhere here: what it shows is what runs."""
    text = (ROLE / "README.md").read_text()
    for there, instead in here.items():
        text = text.replace(there, instead)
    blocks = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    found: list[dict[str, Any]] = [block for block in blocks if block.get("hub_authenticator") == authenticator]
    return found[number]


def until(what: Callable[[], Any], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for a process to be ready; what ends before is told by its log."""
    end = time.monotonic() + 60
    while not what():
        assert process.poll() is None, log.read_text()[-4000:]
        assert time.monotonic() < end, log.read_text()[-4000:]
        time.sleep(0.1)


@contextmanager
def started(log: Path, *argv: str | Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program of ours in a group of its own; node is a script that starts node, so the group is ended."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=log.parent,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


# -- a browser --------------------------------------------------------------------------------------


class Form(HTMLParser):
    """The first form of a page: where it goes, and its fields that have a value."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action, self.fields, self.inside = "", dict[str, str](), False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form" and not self.action:
            self.action, self.inside = found["action"] or "", True
        elif tag == "input" and self.inside and found.get("name"):
            self.fields[found["name"] or ""] = found.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "form"


def submit(http: requests.Session, page: requests.Response, **fields: str) -> requests.Response:
    """Send the form of a page as a browser does; gives the page that it leads to."""
    form = Form(page.text)
    assert form.action, page.text[:3000]
    return http.post(urljoin(page.url, form.action), data={**form.fields, **fields}, timeout=60)


# -- the hub ---------------------------------------------------------------------------------------


@dataclass
class Hub:
    """A running hub that the role has configured."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self.folder / "hub.log").read_text(errors="replace")

    @property
    def config(self) -> Path:
        return self.folder / "etc/jupyterhub_config.py"

    @property
    def credentials(self) -> Path:
        return self.folder / "secrets"

    def configure(self, variables: dict[str, Any]) -> None:
        """What the role does on the host, but for the services' units."""
        (self.folder / "etc/hub.d").mkdir(parents=True)
        self.credentials.mkdir()
        for name in ("cookie_secret", "proxy_auth_token", "check_token"):
            (self.credentials / name).write_text(secrets.token_hex(32))
        (self.folder / "manifest.json").write_text(json.dumps(manifest()))
        (self.folder / "templates").symlink_to(ROLE / "templates")
        tasks = [t for t in yaml.safe_load((ROLE / "tasks/configure.yml").read_text()) if t["name"] in WRITTEN]
        assert len(tasks) == len(WRITTEN)
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "vars_files": [str(ROLE / "defaults/main.yml"), str(ROLE / "vars/main.yml")],
            "tasks": [{key: value for key, value in task.items() if key != "notify"} for task in tasks],
        }
        (self.folder / "play.yml").write_text(yaml.safe_dump([play]))
        given = {
            "ansible_python_interpreter": sys.executable,
            "__hub_etc": str(self.folder / "etc"),
            "__hub_secrets": str(self.credentials),
            "__hub_user": "root",
            "__hub_release": sys.prefix,
            "hub_manifest_path": str(self.folder / "manifest.json"),
            "hub_db_url": f"sqlite:///{self.folder}/hub.sqlite",
            "hub_url": self.url,
            "hub_extra_config": SPAWNER,
            "hub_cull_timeout": 0,
            **variables,
        }
        (self.folder / "given.json").write_text(json.dumps(given))
        command = [
            "ansible-playbook",
            "-i",
            "localhost,",
            "-c",
            "local",
            "-e",
            f"@{self.folder}/given.json",
            "play.yml",
        ]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def client(self, name: str, password: str = "", language: str = "en") -> HubClient:
        return HubClient(self.url, name, password, language=language)


@contextmanager
def hub_with(
    folder: Path, variables: dict[str, Any], ports: list[int] | None = None, **environment: str
) -> Iterator[Hub]:
    public, internal, api = ports or free_ports(3)
    hub = Hub(f"http://127.0.0.1:{public}", folder)
    hub.configure({"hub_internal_bind": f"127.0.0.1:{internal}", "hub_proxy_api_port": api, **variables})
    token = (hub.credentials / "proxy_auth_token").read_text()
    with ExitStack() as stack:
        proxy = stack.enter_context(
            started(
                folder / "proxy.log",
                proxy_program(),
                *("--ip=127.0.0.1", f"--port={public}", "--api-ip=127.0.0.1", f"--api-port={api}"),
                CONFIGPROXY_AUTH_TOKEN=token,
            )
        )
        hub.process = stack.enter_context(
            started(
                folder / "hub.log",
                *("jupyterhub", "-f", hub.config),
                CREDENTIALS_DIRECTORY=str(hub.credentials),
                DOCKER_HOST=f"unix://{folder}/no-engine.sock",
                **environment,
            )
        )
        until(lambda: healthy(hub), hub.process, folder / "hub.log")
        yield hub
        assert hub.process.poll() is None, "the hub ended in the middle"
        assert proxy.poll() is None, "the proxy ended in the middle"


def healthy(hub: Hub) -> bool:
    try:
        return requests.get(f"{hub.url}/hub/health", timeout=5).ok
    except requests.ConnectionError:
        return False


def user_model(client: HubClient) -> dict[str, Any]:
    """What the hub knows of a user who is logged in."""
    answer = client.http.get(f"{client.url}/hub/api/user", headers={"Referer": f"{client.url}/hub/home"}, timeout=30)
    answer.raise_for_status()
    model: dict[str, Any] = answer.json()
    return model


def knows(client: HubClient) -> None:
    """The groups of a user are in the hub, and open what they are to open."""
    model = user_model(client)
    assert model["name"] == client.user
    assert sorted(model["groups"]) == groups_of(client.user)
    page = client.launch_page()
    assert 'name="choice"' in page
    assert ("Ocean modelling" in page) == (client.user == "alice")
    assert ("Shoreline" in page) == (client.user == "bob")
    assert model["admin"] == (client.user in ("carol", "erin"))


# -- a directory -----------------------------------------------------------------------------------

SLAPD = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile /srv/directory.pem
TLSCertificateKeyFile /srv/directory.key
# No password goes in the clear; a name without a password counts as nobody, as in many directories.
security simple_bind=128
allow bind_anon_cred
database mdb
suffix dc=example,dc=org
directory /srv/data
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
"""


@dataclass
class Directory:
    """A running slapd."""

    ldap: int
    ldaps: int
    ca: Path
    passwords: dict[str, str]
    process: subprocess.Popen[bytes]

    def settings(self, number: int, **more: Any) -> dict[str, Any]:
        """An example of the README for this directory."""
        found = example("ldap", number, {AUTHORITY: str(self.ca), "ldap.example.org": "localhost"})
        port = self.ldaps if found["hub_ldap"].get("tls_strategy") == "on_connect" else self.ldap
        found["hub_ldap"] |= {"server_port": port, **more}
        return {**found, "vault_ldap_password": self.passwords["vre"]}


def people(passwords: dict[str, str]) -> str:
    """The entries: all among people, and among staff too, by names that need quotes and are spelt otherwise."""

    def entry(dn: str, *lines: str) -> str:
        return "\n".join((f"dn: {dn},dc=example,dc=org", *lines))

    def staff(name: str) -> str:
        return rf"cn=Martin\, {name} (CNRS)\2A,ou=staff"

    person = ("objectClass: inetOrgPerson", "sn: Martin")
    entries = ["dn: dc=example,dc=org\nobjectClass: domain\ndc: example"]
    entries += [entry(f"ou={o}", "objectClass: organizationalUnit") for o in ("people", "staff", "groups", "services")]
    entries.append(entry("cn=vre,ou=services", *person, f"userPassword: {passwords['vre']}"))
    for name in PEOPLE:
        more = (*person, f"userPassword: {passwords[name]}")
        entries.append(entry(f"uid={name},ou=people", f"cn: {name}", *more))
        entries.append(entry(staff(name), f"uid: {name.capitalize()}", *more))
    for group, members in GROUPS.items():
        dns = [dn for name in members for dn in (f"uid={name},ou=people", staff(name))]
        lines = [f"member: {dn},dc=example,dc=org" for dn in dns]
        entries.append(entry(f"cn={group},ou=groups", "objectClass: groupOfNames", *lines))
    return "\n\n".join(entries) + "\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    folder = tmp_path_factory.mktemp("directory")
    tls.make_ca(folder)
    tls.make_certificate(folder, "directory", ["localhost"], ["127.0.0.1"])
    passwords = {name: secrets.token_urlsafe(12) for name in (*PEOPLE, "vre")}
    (folder / "slapd.conf").write_text(SLAPD)
    (folder / "people.ldif").write_text(people(passwords))
    (folder / "data").mkdir()
    ldap, ldaps = free_ports(2)
    # The base of the cache stays as it is: the folder is mounted for these two programs only.
    script = (
        'mount --bind "$1" "$2/srv" && chroot "$2" slapadd -f /srv/slapd.conf -l /srv/people.ldif &&'
        ' exec chroot "$2" slapd -d 0 -f /srv/slapd.conf -h "$3"'
    )
    urls = f"ldap://127.0.0.1:{ldap} ldaps://127.0.0.1:{ldaps}"
    argv = ["unshare", "--mount", "--propagation=private", "sh", "-c", script, "sh"]
    log = folder / "slapd.log"
    with started(log, *argv, folder, ensure_base("directory"), urls) as process:
        until(lambda: listens(ldaps), process, log)
        yield Directory(ldap, ldaps, folder / "ca.pem", passwords, process)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def ldap_login(hub: Hub, name: str, password: str, language: str = "en") -> tuple[HubClient, requests.Response]:
    """Fill in the hub's login form; gives the browser and the page after it."""
    client = hub.client(name, language=language)
    page = client.http.get(f"{hub.url}/hub/login?next=%2Fhub%2Fhome", timeout=30)
    return client, submit(client.http, page, username=name, password=password)


def refused(client: HubClient, page: requests.Response, status: int = 403) -> None:
    """A refusal is a page and no failure, and nobody is logged in by it."""
    assert page.status_code == status, page.text[:2000]
    home = client.http.get(f"{client.url}/hub/home", timeout=30, allow_redirects=False)
    assert home.status_code == 302
    assert "/hub/login" in home.headers["Location"]


@pytest.fixture(scope="module")
def open_hub(directory: Directory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """By the first example, open to everybody of the directory."""
    settings = directory.settings(0)
    with hub_with(tmp_path_factory.mktemp("open"), {**settings, "hub_admin_groups": ["vre-admins"]}) as hub:
        yield hub


@pytest.fixture(scope="module")
def closed_hub(directory: Directory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """By the second example, open to some; the directory's authority is one that the host trusts."""
    variables = {**directory.settings(1, use_lookup_dn_username=True), **RESTRICTED}
    with hub_with(tmp_path_factory.mktemp("closed"), variables, SSL_CERT_FILE=str(directory.ca)) as hub:
        yield hub


@pytest.fixture(scope="module", params=["open_hub", "closed_hub"])
def ldap_hub(request: pytest.FixtureRequest) -> Hub:
    hub: Hub = request.getfixturevalue(request.param)
    return hub


@pytest.mark.parametrize("name", ["alice", "bob", "carol"])
def test_groups_of_the_directory_reach_the_hub(ldap_hub: Hub, directory: Directory, name: str) -> None:
    client, page = ldap_login(ldap_hub, name, directory.passwords[name])
    assert page.status_code == 200, page.text
    knows(client)


@pytest.mark.parametrize("password", ["wrong", "", " ", "*", "\u0000"])
def test_a_wrong_password_is_refused(ldap_hub: Hub, password: str) -> None:
    refused(*ldap_login(ldap_hub, "alice", password))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "*",
            "al*",
            "alice)(uid=*",
            "alice)(|(uid=*",
            "*)(objectClass=*",
            "alice\\2a",
            "alice,ou=people",
            "{username}",
        ),
        *("uid=alice,ou=people,dc=example,dc=org", "vre", "nobody", "{0.__class__}", "a" * 10_000),
    ],
    ids=lambda name: repr(name)[:40],
)
def test_a_name_that_is_no_name_is_refused(ldap_hub: Hub, directory: Directory, name: str) -> None:
    refused(*ldap_login(ldap_hub, name, directory.passwords["alice"]))


@pytest.mark.parametrize("name", [CHECK, CHECK.upper(), f" {CHECK} "])
def test_nobody_logs_in_as_the_check(ldap_hub: Hub, directory: Directory, name: str) -> None:
    """The directory has that account, and the password is right."""
    refused(*ldap_login(ldap_hub, name, directory.passwords[CHECK]))


def test_a_hub_without_allowed_ones_is_open(open_hub: Hub, directory: Directory) -> None:
    client, _page = ldap_login(open_hub, "dave", directory.passwords["dave"])
    knows(client)


def test_who_is_not_allowed_is_refused(closed_hub: Hub, directory: Directory) -> None:
    refused(*ldap_login(closed_hub, "dave", directory.passwords["dave"]))


def test_administrators_may_always_enter(closed_hub: Hub, directory: Directory) -> None:
    client, _page = ldap_login(closed_hub, "erin", directory.passwords["erin"])
    knows(client)


def test_a_user_of_former_times_is_not_allowed_by_that(closed_hub: Hub, directory: Directory) -> None:
    """What the inventory no longer allows is closed, also to whom the hub's database knows."""
    carol, _page = ldap_login(closed_hub, "carol", directory.passwords["carol"])
    path = f"{closed_hub.url}/hub/api/users/dave"
    xsrf = max((c for c in carol.http.cookies if c.name == "_xsrf"), key=lambda c: len(c.path)).value or ""
    headers = {"X-XSRFToken": xsrf, "Referer": f"{closed_hub.url}/hub/home"}
    assert carol.http.post(path, headers=headers, timeout=30).status_code == 201
    refused(*ldap_login(closed_hub, "dave", directory.passwords["dave"]))


def test_the_search_password_is_in_no_file_but_one(closed_hub: Hub, directory: Directory) -> None:
    ldap_login(closed_hub, "alice", directory.passwords["alice"])
    settings = closed_hub.credentials / "settings.json"
    assert settings.stat().st_mode & 0o777 == 0o600
    for secret, places in ((directory.passwords["vre"], {settings}), (directory.passwords["alice"], set())):
        written = {
            closed_hub.config,
            settings,
            closed_hub.folder / "hub.log",
            *closed_hub.config.parent.glob("hub.d/*"),
        }
        assert {file for file in written if secret in file.read_text(errors="replace")} == places


def test_a_directory_that_cannot_prove_itself_gets_no_password(
    ldap_hub: Hub, directory: Directory, tmp_path: Path
) -> None:
    """Its certificate is of another authority. The page says that it is no fault of the user's."""
    trusted = directory.ca.read_text()
    tls.make_ca(tmp_path)
    directory.ca.write_text((tmp_path / "ca.pem").read_text())
    try:
        client, page = ldap_login(ldap_hub, "alice", directory.passwords["alice"], "fr")
        refused(client, page, 503)
    finally:
        directory.ca.write_text(trusted)
    assert "Prévenez les administrateurs" in page.content.decode()
    assert "CERTIFICATE_VERIFY_FAILED" in ldap_hub.log
    knows(ldap_login(ldap_hub, "alice", directory.passwords["alice"])[0])


def test_the_hub_answers_others_while_the_directory_does_not(open_hub: Hub, directory: Directory) -> None:
    landed: list[HubClient] = []
    login = threading.Thread(
        target=lambda: landed.append(ldap_login(open_hub, "alice", directory.passwords["alice"])[0])
    )
    directory.process.send_signal(signal.SIGSTOP)
    try:
        login.start()
        for _ in range(20):
            assert requests.get(f"{open_hub.url}/hub/login", timeout=20).ok
            time.sleep(0.1)
        assert not landed
    finally:
        directory.process.send_signal(signal.SIGCONT)
    login.join(60)
    knows(landed[0])


ENTER = """
import asyncio, json, sys
from traitlets.config import PyFileConfigLoader

config = PyFileConfigLoader(sys.argv[1]).load_config()
authenticator = config.JupyterHub.authenticator_class(config=config)

async def enters(name, password):
    return bool(await authenticator.get_authenticated_user(None, {"username": name, "password": password}))

print(json.dumps([name for name, password in json.load(sys.stdin).items() if asyncio.run(enters(name, password))]))
"""


@pytest.mark.parametrize(
    ("own", "library", "entering"),
    [
        ({}, {"allowed_groups": ["cn=coast,ou=groups,dc=example,dc=org"]}, ["bob"]),
        ({"hub_allowed_groups": ["coast"], "hub_admin_users": ["erin"]}, {}, ["bob", "erin"]),
        ({"hub_allowed_users": ["dave"], "hub_admin_groups": ["vre-admins"]}, {}, ["carol", "dave"]),
    ],
    ids=["allowed_groups of LDAPAuthenticator", "groups and an administrator", "a user and administrators"],
)
def test_who_enters(
    own: dict[str, Any],
    library: dict[str, Any],
    entering: list[str],
    directory: Directory,
    tmp_path: Path,
) -> None:
    """The configured authenticator itself, without a hub around it."""
    hub = Hub("http://127.0.0.1:1", tmp_path)
    hub.configure({**directory.settings(0, **library), **own})
    done = subprocess.run(
        [sys.executable, "-c", ENTER, hub.config],
        input=json.dumps({name: directory.passwords[name] for name in PEOPLE}),
        env={**os.environ, "CREDENTIALS_DIRECTORY": str(hub.credentials)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == entering


# -- an OpenID provider ----------------------------------------------------------------------------


CLAIMS: dict[str, dict[str, Any]] = {
    **{f"id-{name}": {"preferred_username": name, "groups": groups_of(name)} for name in PEOPLE},
    "id-loud": {"preferred_username": CHECK.upper(), "groups": ["oceanographers"]},
    "id-groupless": {"preferred_username": "frank"},
    "id-nameless": {"groups": ["oceanographers"]},
}


@dataclass
class Provider:
    """A running OpenID provider, and the ports of the hubs that it knows."""

    url: str
    ca: Path
    secret: str
    hubs: list[list[int]]

    def settings(self, secret: str) -> dict[str, Any]:
        """The example of the README for this provider."""
        found = example("oidc", 0, {AUTHORITY: str(self.ca), "https://login.example.org": self.url})
        return {**found, "vault_oidc_secret": secret}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("provider")
    tls.make_ca(folder)
    certificate, key = tls.make_certificate(folder, "provider", ["localhost"], ["127.0.0.1"])
    port, *rest = free_ports(7)
    hubs = [rest[:3], rest[3:]]
    provider = Provider(f"https://localhost:{port}", folder / "ca.pem", secrets.token_urlsafe(24), hubs)
    settings = {
        "issuer": provider.url,
        "port": port,
        "client_id": provider.settings("")["hub_oidc"]["client_id"],
        "client_secret": provider.secret,
        "redirect_uris": [f"http://127.0.0.1:{ports[0]}/hub/oauth_callback" for ports in hubs],
        "node_modules": str(npm_packages(HERE / "oidc")),
        "people": CLAIMS,
        "tls_key": str(key),
        "tls_certificate": str(certificate),
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    log = folder / "provider.log"
    with started(log, "node", HERE / "oidc/provider.mjs", folder / "settings.json") as process:
        until(lambda: listens(port), process, log)
        yield provider
        assert process.poll() is None, log.read_text()[-4000:]


@pytest.fixture(scope="module")
def oidc_hub(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    variables = {**provider.settings(provider.secret), **RESTRICTED}
    with hub_with(tmp_path_factory.mktemp("oidc"), variables, provider.hubs[0]) as hub:
        yield hub


def oidc_login(hub: Hub, provider: Provider, name: str, language: str = "en") -> tuple[HubClient, requests.Response]:
    """From the hub's login page to the provider's two pages and back."""
    client = HubClient(hub.url, name, "", ca_file=str(provider.ca), language=language)
    page = client.http.get(f"{hub.url}/hub/oauth_login?next=%2Fhub%2Fhome", timeout=30)
    assert page.url.startswith(provider.url), page.text
    page = submit(client.http, page, login=f"id-{name}", password="any")
    assert page.url.startswith(provider.url), page.text
    return client, submit(client.http, page)


def test_the_login_page_leads_to_the_provider(oidc_hub: Hub) -> None:
    page = requests.get(f"{oidc_hub.url}/hub/login", timeout=30)
    assert "/hub/oauth_login" in page.text
    assert 'type="password"' not in page.text


@pytest.mark.parametrize("name", ["alice", "bob", "carol", "erin"])
def test_groups_of_the_provider_reach_the_hub(oidc_hub: Hub, provider: Provider, name: str) -> None:
    client, page = oidc_login(oidc_hub, provider, name)
    assert page.url == f"{oidc_hub.url}/hub/home", page.text
    knows(client)


@pytest.mark.parametrize("name", ["dave", "groupless", CHECK, "loud"])
def test_the_provider_alone_opens_nothing(oidc_hub: Hub, provider: Provider, name: str) -> None:
    """Somebody in no allowed group, somebody in none, and two who are called as the check's user."""
    client, page = oidc_login(oidc_hub, provider, name)
    refused(client, page)
    assert "not currently authorized" in page.text


def test_a_provider_that_tells_no_name_is_told(oidc_hub: Hub, provider: Provider) -> None:
    client, page = oidc_login(oidc_hub, provider, "nameless", "fr")
    refused(client, page, 503)
    assert "Prévenez les administrateurs" in page.content.decode()
    assert "No preferred_username found" in oidc_hub.log


def test_a_wrong_client_secret_is_told_but_not_shown(provider: Provider, tmp_path: Path) -> None:
    wrong = secrets.token_urlsafe(24)
    with hub_with(tmp_path, provider.settings(wrong), provider.hubs[1]) as hub:
        client, page = oidc_login(hub, provider, "alice")
        refused(client, page, 503)
        assert "Tell the administrators" in page.text
        assert "invalid_client" in hub.log
        for text in (page.text, hub.log, hub.config.read_text()):
            assert wrong not in text
