"""A service that only answers its probes. `python fake_service.py NAME PORT`; its last words go to $ORDER_FILE.

A request for /hang makes it miss its health checks from then on.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

hanging = threading.Event()


class Probes(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/hang":
            hanging.set()
        answers = not (hanging.is_set() and self.path == "/healthz")
        self.send_response(200 if answers else 503)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode() if self.path == "/environment" else b"")

    def log_message(self, *_: object) -> None:
        pass


def bus_is_there() -> bool:
    address = urlsplit(os.environ["NATS_URL"])
    try:
        socket.create_connection((address.hostname, address.port), 1).close()
    except OSError:
        return False
    return True


def main(name: str, port: int) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", port + int(os.environ.get("ONETHREAD_PORT_OFFSET", "0"))), Probes)

    def drain(*_: object) -> None:
        with Path(os.environ["ORDER_FILE"]).open("a") as order:
            order.write(f"{name} drained with bus: {bus_is_there()}\n")
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, drain)
    sys.stdout.write(json.dumps({"event": "listening", "level": "info", "port": port}) + "\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
