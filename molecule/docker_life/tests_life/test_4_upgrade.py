"""Another JupyterHub, with sessions running: forwards, backwards, and back by itself when it does not come up."""

from __future__ import annotations

import pytest
from testinfra.host import Host

from gaia_lab.centre import processes, run
from gaia_lab.client import HubClient
from gaia_lab.session import lab_client

DATABASE = "/var/lib/gaia-vre/jupyterhub.sqlite"
ENDS_AT_START = "raise SystemExit('it ends here')"


def runs(host: Host) -> str:
    """The JupyterHub that runs, by its process."""
    python = host.check_output("readlink /opt/gaia-vre/hub")
    return str(host.check_output(f"/opt/gaia-vre/{python}/bin/jupyterhub --version"))


def schema(host: Host) -> str:
    """The revision of the database's schema."""
    program = (
        "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('select version_num from alembic_version'))"
    )
    return str(host.check_output(f'python3 -c "{program}" {DATABASE}'))


def works(user: HubClient) -> None:
    """A user who comes back, and one who comes anew."""
    assert user.server() is not None
    fresh = lab_client("bob")
    fresh.login()
    assert 'name="business"' in fresh.launch_page()


@pytest.mark.usefixtures("survives")
def test_backwards(host: Host, alice: HubClient, former: dict[str, str]) -> None:
    before, proxy = schema(host), processes(host)["gaia-vre-proxy"]
    run(variables=former)
    assert runs(host) == "5.5.4"
    assert schema(host) != before
    assert processes(host)["gaia-vre-proxy"] == proxy
    works(alice)


@pytest.mark.usefixtures("survives")
def test_a_new_hub_that_does_not_come_up_gives_way_to_the_former(
    host: Host, alice: HubClient, former: dict[str, str]
) -> None:
    before, proxy, link = (
        schema(host),
        processes(host)["gaia-vre-proxy"],
        host.check_output("readlink /opt/gaia-vre/hub"),
    )
    done = run(variables={"hub_extra_config": ENDS_AT_START, "hub_health_retries": 12}, fails=True)
    for words in ("did not answer", "it ends here", "The former hub runs again", "deploy again"):
        assert words in done.text, done.text[-4000:]
    assert host.check_output("readlink /opt/gaia-vre/hub") == link
    assert schema(host) == before
    assert "it ends here" not in host.file("/etc/gaia-vre/hub.d/90-centre.py").content_string
    assert processes(host)["gaia-vre-proxy"] == proxy
    works(alice)
    assert run(variables=former).changed == 0, "all is as it was"


@pytest.mark.usefixtures("survives")
def test_forwards_with_the_mended_configuration(host: Host, alice: HubClient) -> None:
    before, proxy = schema(host), processes(host)["gaia-vre-proxy"]
    assert "JupyterHub 5.5.4" in run(check=True).text
    assert runs(host) == "5.5.4"
    run()
    assert runs(host).startswith("6.")
    assert schema(host) != before
    assert processes(host)["gaia-vre-proxy"] == proxy
    file = host.file(f"{DATABASE}.former")
    assert (file.user, file.mode) == ("gaia-vre", 0o600)
    assert len(host.check_output("ls -d /opt/gaia-vre/hub-*").split()) == 2, "the former release stays, older ones went"
    works(alice)
