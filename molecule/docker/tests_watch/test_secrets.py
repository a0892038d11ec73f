"""No secret gets out: deploy, publish and verify at -vvv --diff, looked through with all that they leave behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path

import pytest
from testinfra.host import Host

from gaia_lab.centre import CENTRE
from gaia_lab.playbook import play

STATE = Path(os.environ["GAIA_LAB_STATE"])
CLIENT_SECRET = "s3cret-of-the-oidc-client-4711"
WORLD_READABLE = "find /etc /opt /var/lib/gaia-vre /run /var/log /tmp -xdev -type f -perm -o=r -size -2M"


def secrets(host: Host) -> dict[str, str]:
    """Every secret of the centre by name; the key's by each of its lines."""
    lab = json.loads((STATE / "lab.json").read_text())
    found = {"registry password": str(lab["registry"]["password"]), "oidc client secret": CLIENT_SECRET}
    for name in ("cookie_secret", "proxy_auth_token", "check_token"):
        found[name] = host.file(f"/etc/gaia-vre/secrets/{name}").content_string.strip()
    key = (STATE / "hub.key").read_text().splitlines()
    found |= {f"line {number} of the key": line for number, line in enumerate(key) if len(line) > 40}
    return found


def play_verbosely(name: str, more: Path) -> str:
    """All that a playbook says at -vvv --diff, with the variables of the file ``more``."""
    done = play(CENTRE, name, arguments=["-vvv", "--diff", "-e", f"@{more}"])
    assert done.code == 0, done.text[-4000:]
    return done.text


class Watcher(threading.Thread):
    """Samples the process lists of host and controller while plays run."""

    def __init__(self, host: Host) -> None:
        super().__init__(daemon=True)
        self.host, self.over, self.seen, self.samples = host, threading.Event(), "", 0

    def run(self) -> None:
        while not self.over.wait(0.3):
            here = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=False).stdout
            self.seen += self.host.run("ps -eww -o args").stdout + here
            self.samples += 1


@pytest.fixture(scope="module")
def traces(host: Host, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a whole deploy from changed files, a publish and a verify leave for others to read, by kind."""
    since = host.check_output("date +%s")
    watcher = Watcher(host)
    watcher.start()
    # As on a first deploy: the files with secrets, the units and the configuration are written again, and pulls log in.
    host.check_output(
        "rm -f /etc/gaia-vre/secrets/settings.json /etc/gaia-vre/jupyterhub_config.py /etc/gaia-vre-proxy/* "
        "/etc/gaia-vre/docker/config.json /etc/systemd/system/gaia-vre-*.service"
    )
    image = host.check_output("docker image ls --digests --format '{{.Repository}}@{{.Digest}}' | grep /vre/geo@")
    host.check_output(f"docker image rm {image}")
    more = tmp_path_factory.mktemp("vars") / "more.json"  # not on a command line, where ps shows it
    more.write_text(json.dumps({"hub_oidc": {"client_id": "vre", "client_secret": CLIENT_SECRET}}))
    output = "".join(play_verbosely(name, more) for name in ("deploy", "publish", "verify"))
    host.run("systemctl start gaia-vre-verify")
    time.sleep(1)
    watcher.over.set()
    watcher.join()
    units = "gaia-vre-hub gaia-vre-proxy gaia-vre-verify gaia-vre-verify.timer docker"
    assert watcher.samples > 10
    return {
        "output of the plays": output,
        "journal": host.check_output(f"journalctl --since=@{since} --no-pager -o cat"),
        "process lists": watcher.seen,
        "unit files": host.check_output(f"systemctl cat {units}"),
        "systemctl show": host.check_output(f"systemctl show {units}"),
    }


def test_nothing_that_people_read_has_a_secret(host: Host, traces: dict[str, str]) -> None:
    assert "1 brought: registry.example.org/vre/geo" in traces["output of the plays"]
    found = [
        f"{name} is in {where}: …{text[max(0, at - 300) : at]}"
        for where, text in traces.items()
        for name, secret in secrets(host).items()
        if (at := text.find(secret)) >= 0
    ]
    assert not found, "\n".join(found)


def test_no_file_that_everybody_may_read_has_a_secret(host: Host, traces: dict[str, str]) -> None:
    assert traces
    patterns = "\n".join(secrets(host).values())
    host.run("install -m 0600 /dev/null /root/patterns")
    host.check_output(f"cat > /root/patterns <<'END'\n{patterns}\nEND")
    try:
        hits = host.run(f"{WORLD_READABLE} -print0 | xargs -0 grep -lF -f /root/patterns --")
        assert hits.stdout.split() == []
    finally:
        host.check_output("rm /root/patterns")


def test_files_with_secrets_are_for_those_who_need_them(host: Host, traces: dict[str, str]) -> None:
    """Root alone; the certificate and its key are for the proxy, too."""
    assert traces
    wrong = host.check_output(
        r"find /etc/gaia-vre/secrets /etc/gaia-vre/docker -type f \( ! -user root -o ! -perm 0600 \); "
        r"find /etc/gaia-vre-proxy -type f \( ! -user root -o ! -group gaia-vre-proxy -o ! -perm 0640 \)"
    )
    assert wrong == ""


def test_sessions_know_none_of_them(host: Host, traces: dict[str, str]) -> None:
    """What the check's sessions got, as the engine tells it."""
    assert traces
    shown = host.run("docker inspect $(docker ps -aq)").stdout
    assert not [name for name, secret in secrets(host).items() if secret in shown]


def test_the_search_finds_what_is_there(host: Host) -> None:
    """Or it would prove nothing."""
    token = secrets(host)["check_token"]
    assert re.fullmatch(r"[0-9a-f]{64}", token)
    host.check_output(f"install -m 0644 /dev/null /etc/leak && echo {token} > /etc/leak")
    try:
        hits = host.run(f"{WORLD_READABLE} -print0 | xargs -0 grep -lF {token} --").stdout
        assert hits.split() == ["/etc/leak"]
    finally:
        host.check_output("rm /etc/leak")
