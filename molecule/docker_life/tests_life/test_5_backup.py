"""A backup of the running hub, restored on a plain host: the same users, tokens, offer and homes."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from gaia_lab.centre import CENTRE, processes, run
from gaia_lab.client import HubClient
from gaia_lab.playbook import Played
from gaia_lab.spare import HOSTS, NAME, VARIABLES, owner, spare_client

OCEAN = "conda-env-ocean-ocean-py"
FREE = {"choice": "free", "system": "lab", "business": ["ocean"]}
WRITE = "import pathlib; (pathlib.Path.home() / 'work.txt').write_text('mine')"
READ = (
    "import os, pathlib; print((pathlib.Path.home() / 'work.txt').read_text(), os.access(pathlib.Path.home(), os.W_OK))"
)


@pytest.fixture(scope="module")
def token(alice: HubClient) -> str:
    """A token of alice's."""
    return alice.token()


@pytest.fixture(scope="module")
def told(alice: HubClient, token: str) -> Played:
    """A backup with homes, made while no new session starts, and what it said."""
    assert token
    assert not alice.run(OCEAN, WRITE).error
    run("maintenance", {"state": "drain", "text": "We move."})
    try:
        return run("backup", {"homes": True})
    finally:
        run("maintenance", {"state": "off"})


@pytest.fixture(scope="module")
def archive(told: Played) -> Path:
    """The archive of the backup."""
    (path,) = made(told)
    return path


def made(done: Played) -> list[Path]:
    """The archives of which a backup said that it made them."""
    return [path for path in (CENTRE / "backups").glob("*.tar.gz") if path.name in done.text]


def restore(archive: Path, others: dict[str, Any] | None = None, hosts: str = HOSTS, **more: Any) -> Played:
    """Restore on the plain host, under its own name, as an admin types it in the inventory's folder."""
    variables = {"archive": str(archive.relative_to(CENTRE)), **VARIABLES, **(others or {})}
    return run("restore", variables, hosts=hosts, **more)


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


def test_it_says_that_there_is_an_announcement(told: Played) -> None:
    assert "lock, announcement, " in " ".join(told.text.split())


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
    done = restore(archive, hosts="hosts.yml", fails=True)
    assert "1 session(s) run, of alice." in done.text
    assert "maintenance -e state=drain" in done.text
    assert done.changed == 0
    assert processes(host) == before


def test_the_archive_is_looked_at_before_the_sessions() -> None:
    assert "-e archive=… is missing" in run("restore", fails=True).text
    assert "archive: no such file" in run("restore", {"archive": "nothing.tar.gz"}, fails=True).text


def test_a_host_without_a_hub_has_nothing_to_verify(spare: Host) -> None:
    assert not spare.file("/etc/gaia-vre").exists
    assert (
        f"{NAME}: there is no hub here. Remedy: run gaia_data.vre.deploy" in run("verify", hosts=HOSTS, fails=True).text
    )


@pytest.fixture(scope="module")
def encrypted(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive as ansible-vault encrypts it."""
    target = archive.with_name("encrypted.tar.gz")
    word = tmp_path_factory.mktemp("vault") / "word"
    word.write_text("pass-word")
    argv = ["ansible-vault", "encrypt", f"--vault-password-file={word}", f"--output={target}", str(archive)]
    subprocess.run(argv, check=True, capture_output=True)
    return target


def test_something_else_is_refused(spare: Host, archive: Path, encrypted: Path) -> None:
    for path, words in (
        (archive.parents[1] / "hosts.yml", "not in gzip format"),
        (encrypted, "ansible-vault encrypted it"),
    ):
        done = restore(path, fails=True)
        assert "is no backup of" in done.text
        assert words in done.text
        assert done.changed == 0
    assert not spare.file("/etc/gaia-vre").exists


def test_a_newer_hub_is_refused_before_anything_changes(spare: Host, archive: Path, former: dict[str, str]) -> None:
    done = restore(archive, former, fails=True)
    assert f"{archive.name} is of JupyterHub 6." in done.text
    assert "JupyterHub 5.5.4 would be installed" in done.text
    assert done.changed == 0
    assert not spare.file("/etc/gaia-vre").exists
    assert not spare.file("/opt/gaia-vre").exists


def test_a_dry_run_tells_and_changes_nothing(spare: Host, archive: Path) -> None:
    lock = CENTRE / "no.lock.yml"
    done = restore(archive, {"vre_lock_file": str(lock)}, check=True)
    assert "would be restored from hub.example.org" in done.text
    assert "The lock would be the backup's" in done.text
    assert re.search(r"home\(s\) would be restored: [^.]*gaia-vre-home-alice", done.text)
    assert not spare.file("/etc/gaia-vre").exists
    assert not lock.exists()


def test_restored_on_another_host(host: Host, spare: Host, archive: Path, token: str) -> None:
    done = restore(archive)
    assert token not in done.text
    assert re.search(r"home\(s\) restored: [^.]*gaia-vre-home-alice", done.text)
    began = "systemctl show gaia-vre-hub --property=ExecMainStartTimestamp --value"
    file = "/var/lib/docker/volumes/gaia-vre-home-alice/_data/work.txt"
    assert int(spare.check_output(f"stat -c %Z {file}")) <= int(spare.check_output(f'date -d "$({began})" +%s')), (
        "a user who is back before the home would get an empty one"
    )
    assert "no new session starts, as an announcement says so, which the backup brought" in done.text
    run("maintenance", {"state": "off"}, hosts=HOSTS)

    assert owner(token) == "alice", "a token goes on"

    path = "/etc/gaia-vre/manifest.json"
    here, there = (json.loads(h.file(path).content_string)["images"] for h in (host, spare))
    assert {name: image["offered"]["digest"] for name, image in there.items()} == {
        name: image["offered"]["digest"] for name, image in here.items()
    }

    alice = spare_client("alice")
    alice.start(FREE)
    assert alice.run(OCEAN, READ).stdout.split() == ["mine", "True"]
    alice.stop()
    assert not spare.file("/opt/gaia-vre/restore.tar.gz").exists


def test_what_deploy_would_refuse_stops_no_hub(spare: Host, archive: Path) -> None:
    before = processes(spare)
    done = restore(archive, {"hub_bind": "nowhere"}, fails=True)
    assert "hub_bind must be address:port" in done.text
    assert done.changed == 0
    assert processes(spare) == before


def test_who_begins_to_work_meanwhile_loses_nothing(spare: Host, archive: Path) -> None:
    """A container in the network of sessions, once the play keeps what is there."""
    image = spare.check_output("docker image ls --quiet --filter=reference=*/*/lab").split()[0]
    late = f"docker run --rm --network=gaia-vre --name=gaia-vre-late --entrypoint=sleep {image} 300"
    kept = "ls /var/backups/gaia-vre | grep -q before-restore"
    spare.check_output(f"systemd-run --collect --unit=late sh -c 'until {kept}; do sleep 0.1; done; {late}'")
    try:
        done = restore(archive, fails=True)
        assert "1 session(s) run, of late." in done.text
        assert "The hub as it was goes on" in done.text
        assert spare.check_output("docker ps --quiet --filter name=gaia-vre-late")
    finally:
        spare.run("docker rm --force gaia-vre-late; systemctl stop late")
    assert spare.service("gaia-vre-hub").is_running
    assert not spare.file("/opt/gaia-vre/restore.tar.gz").exists
    spare.check_output("rm /var/backups/gaia-vre/*")


def test_each_restore_keeps_what_it_replaced_and_ends_sessions_when_told(
    spare: Host, archive: Path, token: str
) -> None:
    bob = spare_client("bob")
    bob.start(FREE | {"business": ["atmosphere"]})
    done = restore(archive, {"docker_remove_sessions": True})
    assert token not in done.text
    assert "1 session(s) end, of bob." in done.text
    assert re.search(r"Left as they are, since they exist: [^.]*gaia-vre-home-alice", done.text)
    assert spare.check_output("docker ps --all --quiet --filter network=gaia-vre") == ""
    run("maintenance", {"state": "off"}, hosts=HOSTS)
    bob = spare_client("bob")
    bob.start(FREE | {"business": ["atmosphere"]})
    bob.stop()

    (kept,) = spare.check_output("find /var/backups/gaia-vre -type f -user root -perm 0600").split()
    assert "database.sqlite" in spare.check_output(f"tar tf {kept}").split()
    stamp = kept.removeprefix("/var/backups/gaia-vre/before-restore-").removesuffix(".tar.gz")
    assert spare.file(f"/var/lib/gaia-vre/jupyterhub.sqlite.before-restore-{stamp}").exists
