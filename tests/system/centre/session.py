"""What the test hub starts as a session: a web server that shows the environment that it was started with.

It is not ready while there is a file ``slow`` beside the hub's database, and fails where there is one ``broken``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit


class Handler(BaseHTTPRequestHandler):
    """Answers every GET with the process's environment, but for its secrets."""

    def do_GET(self) -> None:
        body = json.dumps({k: v for k, v in os.environ.items() if "TOKEN" not in k}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay quiet."""


if __name__ == "__main__":
    hub = Path(os.environ["TEST_HUB"])
    while (hub / "slow").exists():
        time.sleep(0.1)
    if (hub / "broken").exists():
        sys.exit("broken")
    address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    HTTPServer((address.hostname or "127.0.0.1", address.port or 0), Handler).serve_forever()
