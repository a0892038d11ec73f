"""The certificate is renewed: what is open stays open, what is new gets the new one, nothing starts again."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import websocket
from testinfra.host import Host

from gaia_lab.centre import STATE, processes, run
from gaia_lab.client import HubClient
from gaia_lab.tls import make_certificate

HUB = "hub.example.org"


def given() -> str:
    """The certificate that a new connection gets."""
    return ssl.get_server_certificate((HUB, 443)).strip()


def renewed(name: str) -> dict[str, str]:
    """A new certificate and key, paths here."""
    certificate, key = make_certificate(STATE, name, [HUB], [])
    return {"certificate": str(certificate), "key": str(key)}


@contextmanager
def open_kernel(alice: HubClient) -> Iterator[websocket.WebSocket]:
    """A websocket to a kernel, and with it a connection through the proxy."""
    kernel = alice.api("POST", "kernels", {"name": "conda-env-ocean-ocean-py"})["id"]
    with closing(alice.connect(kernel)) as socket:
        yield socket
    alice.api("DELETE", f"kernels/{kernel}")


def still_open(socket: websocket.WebSocket) -> None:
    """The other end answers."""
    socket.ping("there?")
    while True:
        opcode, _ = socket.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_PONG:
            return


@pytest.mark.usefixtures("survives")
def test_a_new_certificate_of_the_inventory(host: Host, alice: HubClient) -> None:
    before, pair = processes(host), renewed("renewed")
    with open_kernel(alice) as socket:
        done = run(variables={"hub_tls": pair})
        assert done.changed == 2  # the two files, and the proxy that takes them
        still_open(socket)
    assert given() == Path(pair["certificate"]).read_text().strip()
    assert processes(host) == before


@pytest.mark.usefixtures("survives")
def test_a_certificate_that_the_host_renews(host: Host, alice: HubClient) -> None:
    """As certbot does it, whose hook says `systemctl reload gaia-vre-proxy`."""
    place = "/root/live"
    host.check_output(f"mkdir -p -m 0700 {place}")
    remote = {"certificate": f"{place}/fullchain.pem", "key": f"{place}/privkey.pem", "remote": True}

    def put(pair: dict[str, str]) -> str:
        for target, source in (("fullchain.pem", pair["certificate"]), ("privkey.pem", pair["key"])):
            text = Path(source).read_text()
            host.run_expect([0], f"umask 077; cat > {place}/{target} <<'END'\n{text}END\n")
        return Path(pair["certificate"]).read_text().strip()

    first = put(renewed("first"))
    run(variables={"hub_tls": remote})
    assert given() == first
    before = processes(host)
    second = put(renewed("second"))
    with open_kernel(alice) as socket:
        host.check_output("systemctl reload gaia-vre-proxy")
        for _ in range(50):
            if given() == second:
                break
        still_open(socket)
    assert given() == second
    assert processes(host) == before

    refused = host.run(f"cp {place}/fullchain.pem {place}/privkey.pem; systemctl reload gaia-vre-proxy")
    assert refused.rc != 0, "the tool that renews is told"
    assert "cannot be used together" in host.check_output("journalctl -u gaia-vre-proxy -n 20 -o cat")
    assert given() == second, "a pair that does not fit leaves the former one in use"
    assert host.file("/etc/gaia-vre-proxy/hub.crt").content_string.strip() == second, "also after a restart"
    alice.open_session()
    run()  # back to the inventory's own


def test_the_key_is_for_the_proxy_only(host: Host) -> None:
    file = host.file("/etc/gaia-vre-proxy/hub.key")
    assert (file.user, file.group, file.mode) == ("root", "gaia-vre-proxy", 0o640)
    hub = host.run("setpriv --reuid=gaia-vre --regid=gaia-vre --init-groups cat /etc/gaia-vre-proxy/hub.key")
    assert hub.rc != 0
    proxy = "$(systemctl show --value --property=MainPID gaia-vre-proxy)"
    groups = host.check_output(f"grep ^Groups: /proc/{proxy}/status").split()
    assert host.check_output("getent group gaia-vre | cut -d: -f3") not in groups, (
        "it cannot read the hub's configuration"
    )
    users = host.check_output("ps -o user= -p $(systemctl show --value --property=MainPID gaia-vre-proxy)")
    assert users.strip().startswith("gaia-vre-p") or users.strip().isdigit()
