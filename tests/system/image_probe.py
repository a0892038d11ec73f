"""Runs in the system image: starts its JupyterLab, lists kernels, runs a line in each, prints one line of JSON.

Only what the image has is used. ``python image_probe.py SECONDS [CODE]``: without CODE kernels are only listed.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
import uuid
from typing import Any

TOKEN = "probe"


def call(method: str, path: str, data: dict[str, Any] | None = None) -> Any:
    """One request to the server's REST API."""
    text = read(f"/lab-user{path}", method, None if data is None else json.dumps(data).encode())
    return json.loads(text) if text else None


def read(path: str, method: str = "GET", data: bytes | None = None) -> str:
    """What the server answers."""
    connection = http.client.HTTPConnection("127.0.0.1", 8888, timeout=60)
    connection.request(method, path, data, {"Authorization": f"token {TOKEN}"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.status >= 400:
        raise OSError(f"{method} {path}: {answer.status} {text[:500]}")
    return text


def run(kernel: str, code: str, seconds: float) -> dict[str, Any]:
    """Start a kernel, run ``code``, which prints JSON, stop the kernel."""
    import websocket

    started = time.monotonic()
    identity = call("POST", "/api/kernels", {"name": kernel})["id"]
    socket = websocket.create_connection(
        f"ws://127.0.0.1:8888/lab-user/api/kernels/{identity}/channels?token={TOKEN}", timeout=seconds
    )
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "username": "",
        "session": "",
        "version": "5.3",
    }
    message = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}
    socket.send(json.dumps(message))
    said, error = "", None
    while True:
        answer = json.loads(socket.recv())
        if answer.get("parent_header", {}).get("msg_id") != header["msg_id"]:
            continue
        if answer["msg_type"] == "stream":
            said += answer["content"]["text"]
        elif answer["msg_type"] == "error":
            error = answer["content"]["evalue"]
        elif answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
            break
    socket.close()
    call("DELETE", f"/api/kernels/{identity}")
    return {"said": json.loads(said) if said else None, "error": error, "seconds": time.monotonic() - started}


def main(seconds: float, code: str | None) -> dict[str, Any]:
    """Start the server, ask it, stop it."""
    started = time.monotonic()
    options = ["--no-browser", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=8888", "--ServerApp.base_url=/lab-user/"]
    server = subprocess.Popen(["tini", "-g", "--", "jupyter-lab", *options, f"--IdentityProvider.token={TOKEN}"])
    try:
        while True:
            try:
                call("GET", "/api/status")
                break
            except OSError:
                if server.poll() is not None or time.monotonic() - started > seconds:
                    raise
                time.sleep(0.05)
        ready = time.monotonic()
        specs = call("GET", "/api/kernelspecs")["kernelspecs"]
        listed = time.monotonic()
        names = sorted(name for name in specs if name.startswith("conda-env-"))
        logo = specs[names[0]]["resources"].get("logo-svg") if names else None
        return {
            "uid": os.getuid(),
            "start_seconds": ready - started,
            "list_seconds": listed - ready,
            "kernels": {name: specs[name]["spec"]["display_name"] for name in names},
            "logo": logo and read(logo)[:60],
            "ran": {name: run(name, code, seconds) for name in names} if code else {},
            "writable": [path for path in ("/opt/conda", "/opt/gaia", "/usr") if os.access(path, os.W_OK)],
        }
    finally:
        server.terminate()
        server.wait(20)


if __name__ == "__main__":
    print("PROBE " + json.dumps(main(float(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)))
