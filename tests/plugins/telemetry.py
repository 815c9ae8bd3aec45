"""A collector of traces that speaks OTLP over HTTP: a stand-in for the operator's."""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace: str
    id: str
    parent: str
    start: int
    """Nanoseconds."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A service that is killed breaks off in the middle: the test's output is for the test."""


class Collector:
    """Listens on a free port from `with` on, and keeps what it is sent."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def spans(self) -> list[Span]:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        requests = [ExportTraceServiceRequest.FromString(body) for body in list(self._bodies)]
        return [
            Span(_service(group), span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(),
                 span.start_time_unix_nano)
            for request in requests for group in request.resource_spans
            for scope in group.scope_spans for span in scope.spans
        ]  # fmt: skip

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        bodies = self._bodies

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path == "/v1/traces":
                    bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """The test's output is for the test."""

        return Handler


def _service(group: Any) -> str:
    return next((a.value.string_value for a in group.resource.attributes if a.key == "service.name"), "")
