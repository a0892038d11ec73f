"""What a scientist sees and may do, over the wire: the session is a job of the user's own on a node."""

from __future__ import annotations

import json
from typing import Any

import pytest
from testinfra.host import Host

from gaia_lab.client import ClientError, HubClient
from gaia_lab.hostile import FORGED, HOSTILE
from gaia_lab.session import lab_client

OCEAN = "conda-env-ocean-ocean-py"
ATMOSPHERE = "conda-env-atmosphere-atmosphere-py"
BOTH = {"choice": "free", "system": "lab", "business": ["ocean", "atmosphere"]}
ONE = {"choice": "free", "system": "lab", "business": ["atmosphere"]}
SHOW = "import json, os, sys, numpy; print(json.dumps([numpy.__version__, sys.prefix, os.getuid(), os.uname()[1]]))"
JOBS = "squeue --noheader --user=alice --format='%u %P %T'"


def shown(client: HubClient, kernel: str, code: str) -> Any:
    done = client.run(kernel, code)
    assert not done.error, done.error
    return json.loads(done.stdout)


def jobs(host: Host) -> list[str]:
    """The jobs of sessions: user, partition, state."""
    return str(host.check_output(JOBS)).splitlines()


def test_two_ticked_images_give_kernels_of_both_under_the_users_own_uid(host: Host, alice: HubClient) -> None:
    alice.start(BOTH)
    assert jobs(host) == ["alice short RUNNING"]
    specs = set(alice.kernelspecs())
    assert {OCEAN, ATMOSPHERE} <= specs
    assert not any("biodiversity" in name or "geo" in name for name in specs)
    ocean, atmosphere = shown(alice, OCEAN, SHOW), shown(alice, ATMOSPHERE, SHOW)
    assert ocean[0] != atmosphere[0], "the two images hold different versions of numpy"
    assert ocean[1:3] == ["/opt/gaia/ocean/envs/ocean", int(host.check_output("id -u alice"))]
    assert atmosphere[1] == "/opt/gaia/atmosphere/envs/atmosphere"
    assert ocean[3].split(".")[0] in {"node1", "node2"}
    record = shown(alice, OCEAN, "import os; print(os.environ['GAIA_VRE_SESSION'])")
    assert set(record["images"]) == {"lab", "ocean", "atmosphere"}


def test_the_session_is_apart_from_its_node(host: Host, alice: HubClient) -> None:
    alice.start(ONE)
    code = """
import json, os, pathlib
def listed(path):
    return sorted(found.name for found in pathlib.Path(path).iterdir())
print(json.dumps({
    "home": [str(pathlib.Path.home()), os.access(pathlib.Path.home(), os.W_OK)],
    "homes": listed("/home"),
    "shared": pathlib.Path("/shared").exists(),
    "written": os.access("/opt/gaia/atmosphere", os.W_OK),
    "variables": [name for name in os.environ if name.startswith(("SUDO", "SLURM", "APPTAINERENV"))],
    "ends": int(os.environ["GAIA_VRE_ENDS"]),
    "tmp": os.access("/tmp", os.W_OK),
}))
"""
    found = shown(alice, ATMOSPHERE, code)
    assert found["home"] == ["/home/alice", True]
    assert "bob" not in found["homes"]
    assert not found["shared"]
    assert not found["written"]
    assert found["tmp"]
    assert set(found["variables"]) <= {"SLURM_JOB_ID", "SLURM_CPUS_PER_TASK", "SLURM_MEM_PER_NODE"}
    assert 0 < found["ends"] - int(host.check_output("date +%s")) <= 600, "the time limit of its resources"


def test_what_the_user_chose_is_what_the_job_asks_for(host: Host, alice: HubClient) -> None:
    alice.start({**ONE, "resources": "long"})
    assert jobs(host) == ["alice long RUNNING"]
    job = host.check_output("squeue --noheader --user=alice --format='%l %C %m'")
    assert job.split() == ["1:00:00", "1", "1G"]


def test_a_stopped_session_leaves_nothing(host: Host, alice: HubClient) -> None:
    alice.start(ONE)
    node = shown(alice, ATMOSPHERE, "import json, os; print(json.dumps(os.uname().nodename))")
    alice.stop()
    assert jobs(host) == []
    left = f"ssh -o StrictHostKeyChecking=no {node} 'ls -d /tmp/gaia-vre-*' 2>/dev/null"
    assert host.run(left).stdout == ""


def test_no_token_is_in_a_process_list_a_job_or_a_log(host: Host, alice: HubClient) -> None:
    alice.start(ONE)
    token = shown(alice, ATMOSPHERE, "import json, os; print(json.dumps(os.environ['JUPYTERHUB_API_TOKEN']))")
    job = host.check_output("squeue --noheader --user=alice --format=%i")
    seen = [
        host.check_output(f"scontrol show job {job}; scontrol write batch_script {job} -"),
        host.check_output("journalctl --unit=gaia-vre-hub --no-pager"),
        host.check_output(f"cat /home/alice/.gaia-vre-session-{job}.log"),
        host.check_output("ps axww -o args"),
    ]
    assert all(token not in text for text in seen)
    assert host.run(f"runuser -u bob -- cat /home/alice/.gaia-vre-session-{job}.log").rc != 0


def test_a_wrong_password_is_refused() -> None:
    client = lab_client("alice")
    client.password = "not-it"
    with pytest.raises(ClientError):
        client.login()


def test_nothing_hostile_is_submitted(host: Host, alice: HubClient) -> None:
    for name, options in HOSTILE.items():
        answer = alice.rest(options)
        assert 400 <= answer.status_code < 500, f"{name}: {answer.text[:500]}"
    assert jobs(host) == []


@pytest.mark.parametrize(
    "more",
    [
        {"options": "--comment=INJECTED"},
        {"partition": "long"},
        {"prologue": "touch /tmp/gaia-hostile"},
        {"cmd": "touch /tmp/gaia-hostile"},
        {"account": "$(touch /tmp/gaia-hostile)"},
        {"resources": "short\n#SBATCH --comment=INJECTED"},
    ],
)
def test_no_variable_of_a_template_can_be_sent(host: Host, alice: HubClient, more: dict[str, str]) -> None:
    """batchspawner 1.3.0 puts user options over the template's variables."""
    answer = alice.rest({"system": "lab", "business": ["atmosphere"], **more})
    assert 400 <= answer.status_code < 500, answer.text[:500]
    assert jobs(host) == []
    log = host.check_output("journalctl --unit=gaia-vre-hub --no-pager")
    assert not [line for line in log.splitlines() if line.startswith(FORGED)]


def test_a_session_can_set_nothing_of_its_spawner(host: Host, alice: HubClient) -> None:
    """batchspawner 1.3.0 lets a session set any attribute, the commands that the hub runs among them."""
    alice.start(ONE)
    code = """
import json, os, urllib.error, urllib.request
def post(data):
    headers = {"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}", "Content-Type": "application/json"}
    url = os.environ["JUPYTERHUB_API_URL"] + "/batchspawner"
    try:
        return urllib.request.urlopen(urllib.request.Request(url, json.dumps(data).encode(), headers)).status
    except urllib.error.HTTPError as error:
        return error.code
print(json.dumps([post(data) for data in (
    {"exec_prefix": "touch /var/lib/gaia-vre/hostile; true"},
    {"port": 8888},
    {"port": 8888, "job_id": "1; touch /var/lib/gaia-vre/hostile"},
    {"mem_limit": 1},
    [],
    {"port": "8888"},
)]))
"""
    assert shown(alice, ATMOSPHERE, code) == [400] * 6
    assert not host.file("/var/lib/gaia-vre/hostile").exists
    assert shown(alice, ATMOSPHERE, "print(42)") == 42
