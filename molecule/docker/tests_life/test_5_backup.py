"""A backup of the running hub, restored on a plain host: the same users, tokens, offer and homes."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import requests
import testinfra
from testinfra.host import Host

from gaia_lab.centre import CENTRE, STATE, processes, run
from gaia_lab.client import HubClient
from gaia_lab.playbook import Played
from gaia_lab.session import lab_client

OCEAN = "conda-env-ocean-ocean-py"
SPARE = "spare.example.org"
WRITE = "import pathlib; (pathlib.Path.home() / 'work.txt').write_text('mine')"
READ = (
    "import os, pathlib; print((pathlib.Path.home() / 'work.txt').read_text(), os.access(pathlib.Path.home(), os.W_OK))"
)


@pytest.fixture(scope="module")
def spare(host: Host) -> Host:
    """A plain host, another one than the hub's."""
    assert host
    hosts: dict[str, Any] = {"vre_hubs": {"hosts": {SPARE: {}}}}
    (CENTRE / "spare.yml").write_text(json.dumps(hosts))
    return testinfra.get_host(f"ssh://root@{SPARE}", ssh_config=str(STATE / "ssh_config"))


@pytest.fixture(scope="module")
def token(alice: HubClient) -> str:
    """A token of alice's."""
    path = "/hub/api/users/alice/tokens"
    alice.http.get(f"{alice.url}/hub/home", timeout=30)
    answer = alice.http.post(
        f"{alice.url}{path}",
        json={"note": "script"},
        headers={"X-XSRFToken": alice._xsrf(path), "Referer": f"{alice.url}/hub/home"},
        timeout=30,
    )
    answer.raise_for_status()
    return str(answer.json()["token"])


@pytest.fixture(scope="module")
def told(alice: HubClient, token: str) -> Played:
    """A backup with homes, and what it said."""
    assert token
    assert not alice.run(OCEAN, WRITE).error
    return run("backup", {"homes": True})


@pytest.fixture(scope="module")
def archive(told: Played) -> Path:
    """The archive of the backup."""
    (path,) = made(told)
    return path


def made(done: Played) -> list[Path]:
    """The archives of which a backup said that it made them."""
    return [path for path in (CENTRE / "backups").glob("*.tar.gz") if path.name in done.text]


def restore(archive: Path, others: dict[str, Any] | None = None, **more: Any) -> Played:
    """Restore on the plain host, under its own name, as an admin types it in the inventory's folder."""
    tls = {"certificate": f"{STATE}/spare.pem", "key": f"{STATE}/spare.key"}
    variables = {
        "archive": str(archive.relative_to(CENTRE)),
        "hub_url": f"https://{SPARE}",
        "hub_tls": tls,
        **(others or {}),
    }
    return run("restore", variables, hosts="spare.yml", **more)


@pytest.mark.usefixtures("survives")
def test_a_backup_holds_everything_and_is_for_its_owner_only(host: Host, archive: Path) -> None:
    assert archive.stat().st_mode & 0o777 == 0o600
    assert archive.parent.stat().st_mode & 0o777 == 0o700
    assert (archive.parent / ".gitignore").read_text() == "*\n"
    with tarfile.open(archive) as tar:
        names = set(tar.getnames())
        about = json.loads((tar.extractfile("about.json") or archive.open("rb")).read())
    secrets = {f"secrets/{name}" for name in ("cookie_secret", "proxy_auth_token", "check_token")}
    assert {*secrets, "database.sqlite", "offer/manifest.json", "vre.lock.yml"} <= names
    assert "secrets/settings.json" not in names, "it is made from the inventory"
    assert "homes/gaia-vre-home-alice/work.txt" in names
    assert about["host"] == "hub.example.org"
    assert host.run("ls /tmp/gaia-vre-backup-* /opt/gaia-vre/.gaia-vre-*").stdout == "", (
        "nothing of it stays on the host"
    )


def test_no_secret_is_told(host: Host, told: Played, token: str) -> None:
    for name in ("cookie_secret", "proxy_auth_token", "check_token"):
        assert host.check_output(f"cat /etc/gaia-vre/secrets/{name}") not in told.text
    assert token not in told.text


def test_a_dry_run_of_a_backup(host: Host) -> None:
    before = processes(host)
    done = run("backup", check=True)
    assert "would go to" in done.text
    assert made(done) == []
    assert processes(host) == before


def test_a_hub_with_sessions_is_not_written_over(host: Host, archive: Path) -> None:
    before = processes(host)
    done = run("restore", {"archive": str(archive)}, fails=True)
    assert "session(s) run" in done.text
    assert done.changed == 0
    assert processes(host) == before


@pytest.mark.parametrize(("name", "words"), [("hosts.yml", "is no backup of"), ("nothing.tar.gz", "is no backup of")])
def test_something_else_is_refused(spare: Host, name: str, words: str) -> None:
    done = restore(CENTRE / name, fails=True)
    assert words in done.text
    assert done.changed == 0
    assert not spare.file("/etc/gaia-vre").exists


def test_a_dry_run_tells_and_changes_nothing(spare: Host, archive: Path) -> None:
    done = restore(archive, check=True)
    assert "would be restored from hub.example.org" in done.text
    assert not spare.file("/etc/gaia-vre").exists


def test_restored_on_another_host(host: Host, spare: Host, archive: Path, token: str) -> None:
    done = restore(archive)
    assert token not in done.text
    answer = requests.get(
        f"https://{SPARE}/hub/api/user",
        headers={"Authorization": f"token {token}"},
        verify=f"{STATE}/ca.pem",
        timeout=30,
    )
    assert (answer.status_code, answer.json().get("name")) == (200, "alice"), "a token goes on"

    path = "/etc/gaia-vre/manifest.json"
    here, there = (json.loads(h.file(path).content_string)["images"] for h in (host, spare))
    assert {name: image["offered"]["digest"] for name, image in there.items()} == {
        name: image["offered"]["digest"] for name, image in here.items()
    }

    alice = lab_client("alice")
    alice.url = f"https://{SPARE}"
    alice.login()
    alice.start({"choice": "free", "system": "lab", "business": ["ocean"]})
    assert alice.run(OCEAN, READ).stdout.split() == ["mine", "True"]
    alice.stop()
    assert not spare.file("/opt/gaia-vre/restore.tar.gz").exists


def test_what_deploy_would_refuse_stops_no_hub(spare: Host, archive: Path) -> None:
    before = processes(spare)
    done = restore(archive, {"hub_bind": "nowhere"}, fails=True)
    assert "hub_bind must be address:port" in done.text
    assert done.changed == 0
    assert processes(spare) == before


def test_each_restore_keeps_what_it_replaced(spare: Host, archive: Path, token: str) -> None:
    assert token not in restore(archive).text
    (kept,) = spare.check_output("find /var/backups/gaia-vre -type f -user root -perm 0600").split()
    assert "database.sqlite" in spare.check_output(f"tar tf {kept}").split()
    stamp = kept.removeprefix("/var/backups/gaia-vre/before-restore-").removesuffix(".tar.gz")
    assert spare.file(f"/var/lib/gaia-vre/jupyterhub.sqlite.before-restore-{stamp}").exists
