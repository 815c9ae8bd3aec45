"""The playground as the runner starts it: a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time

import httpx

SECRETS = {
    "ONETHREAD_WIDGET_SECRET": "w",
    "ONETHREAD_SLACK_BOT_TOKEN": "xoxb-1",
    "ONETHREAD_SLACK_SIGNING_SECRET": "s",
}
COMMAND = (sys.executable, "-m", "onethread.playground")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(**more: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ONETHREAD_")}
    return {**clean, **more}


def wait_until_ready(url: str) -> None:
    for _ in range(1_000):
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the playground did not become ready")


def test_without_its_secrets_it_refuses_in_one_sentence():
    refused = subprocess.run(COMMAND, env=environment(), capture_output=True, text=True, timeout=90, check=False)
    assert refused.returncode != 0
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "ONETHREAD_WIDGET_SECRET" in refused.stderr


def test_it_stops_at_once_though_a_page_is_open(tmp_path):
    port = free_port()
    where = {"ONETHREAD_HOME": str(tmp_path), "ONETHREAD_PORT": str(port)}
    smtp = {"ONETHREAD_PLAYGROUND_SMTP_PORT": str(free_port())}
    process = subprocess.Popen(COMMAND, env=environment(**SECRETS, **where, **smtp), stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}")
        opened = threading.Event()

        def look() -> None:
            with httpx.stream("GET", f"http://127.0.0.1:{port}/live", timeout=30) as stream:
                for _ in stream.iter_lines():
                    opened.set()

        page = threading.Thread(target=look)
        page.start()
        assert opened.wait(30)
        process.terminate()
        assert process.wait(5) == 0
        page.join(30)
    finally:
        process.kill()
        process.wait()
