"""What `make demo` ends with: where the hub is, who may log in, and that it answers."""

from __future__ import annotations

import json
import os
from pathlib import Path

from gaia_lab.session import lab_client


def main() -> None:
    """Log in as the first test user, then print address and logins."""
    state = Path(os.environ["GAIA_LAB_STATE"])
    lab = json.loads((state / "lab.json").read_text())
    first = next(iter(lab["users"]))
    client = lab_client(first)
    client.login()
    client.launch_page()
    hub = lab["hub_url"].removeprefix("https://")
    address = lab["hosts"][hub]["address"]
    print(f"\nThe centre runs at https://{address}/ (as {hub}; its certificate is of the demo's own authority).\n")
    for user, data in lab["users"].items():
        print(f"  {user:8} {data['password']:16} groups: {', '.join(data['groups'])}")
    print(
        f"""
From another computer: ssh -L 8443:{address}:443 <this machine>, then https://localhost:8443/
Look around on its host: molecule/lab/lab ssh --name {lab["name"]} hub
Its inventory, to change: {state}/inventory
Remove everything: make demo-down
"""
    )


if __name__ == "__main__":
    main()
