"""A hub with PostgreSQL, by the commands of docs/operating.md: another schema and its way back, backup, restore."""

from __future__ import annotations

from typing import Any

import pytest
from testinfra.host import Host

from gaia_lab.centre import CENTRE, run
from gaia_lab.spare import HOSTS, VARIABLES, owner, spare_client

WORD = "a-pass-word"
SQL = f"create role vre login password '{WORD}'; create database jupyterhub owner vre"
ENDS_AT_START = "raise SystemExit('it ends here')"


@pytest.fixture(scope="module")
def postgres(spare: Host) -> dict[str, Any]:
    """Variables of a hub whose database is PostgreSQL on its own host."""
    spare.check_output("apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes postgresql")
    for statement in SQL.split("; "):
        spare.check_output("runuser -u postgres -- psql --quiet --command=%s", statement)
    return {
        **VARIABLES,
        "hub_db_url": f"postgresql+psycopg://vre:{WORD}@localhost/jupyterhub",
        "hub_db_backup_command": "runuser -u postgres -- pg_dump --format=custom jupyterhub",
        "hub_db_restore_command": "runuser -u postgres -- pg_restore --clean --create --if-exists --dbname=postgres",
    }


@pytest.fixture(scope="module")
def token(postgres: dict[str, Any], former: dict[str, str]) -> str:
    """A token of alice's, in a database of JupyterHub 5."""
    run(variables={**postgres, **former}, hosts=HOSTS)
    return spare_client("alice").token()


def ask(spare: Host, sql: str) -> str:
    """What the database answers."""
    return str(
        spare.check_output("cd / && runuser -u postgres -- psql --tuples-only --no-align jupyterhub --command=%s", sql)
    )


def schema(spare: Host) -> str:
    """The revision of the database's schema."""
    return ask(spare, "select version_num from alembic_version")


def test_a_new_hub_that_does_not_come_up_leaves_the_database_as_it_was(
    spare: Host, postgres: dict[str, Any], token: str
) -> None:
    before = schema(spare)
    done = run(
        variables={**postgres, "hub_extra_config": ENDS_AT_START, "hub_health_retries": 12}, hosts=HOSTS, fails=True
    )
    assert "The former hub runs again, with its configuration and its database" in done.text
    assert schema(spare) == before
    assert owner(token) == "alice"


def test_another_schema(spare: Host, postgres: dict[str, Any], token: str) -> None:
    before = schema(spare)
    done = run(variables=postgres, hosts=HOSTS)
    assert WORD not in done.text
    assert schema(spare) != before
    assert owner(token) == "alice"
    assert run(variables=postgres, hosts=HOSTS).changed == 0


def test_backup_and_restore(spare: Host, postgres: dict[str, Any], token: str) -> None:
    done = run("backup", postgres, hosts=HOSTS)
    (archive,) = [path for path in (CENTRE / "backups").glob("spare*.tar.gz") if path.name in done.text]
    ask(spare, "delete from users where name = 'alice'")
    assert ask(spare, "select count(*) from api_tokens join users on user_id = users.id where name = 'alice'") == "0"
    done = run("restore", {**postgres, "archive": str(archive)}, hosts=HOSTS)
    assert WORD not in done.text
    assert owner(token) == "alice"
