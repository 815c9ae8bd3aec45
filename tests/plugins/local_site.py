"""A website on this machine that tests write page by page."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Page = tuple[int, dict[str, str], bytes]
Handler = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class LocalSite:
    """`pages` are answered by path; `asked` are the requests so far, as path and headers."""

    port: int = 0
    pages: dict[str, Page | Handler] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    close: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, path: str, body: str | bytes, status: int = 200, **headers: str) -> None:
        content = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (status, {"content-type": "text/html; charset=utf-8", **named}, content)

    def article(self, path: str, title: str, text: str = "", head: str = "", **headers: str) -> None:
        text = text or f"All that there is to say about {title.lower()} is said here."
        self.put(path, f"<html><head>{head}</head><main><h1>{title}</h1><p>{text}</p></main></html>", **headers)

    def sitemap(self, *paths: str) -> None:
        urls = "".join(f"<url><loc>{self.url}{path}</loc></url>" for path in paths)
        self.put("/sitemap.xml", f"<urlset>{urls}</urlset>", content_type="application/xml")

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Whoever asked has gone: some tests mean it."""


@contextmanager
def serving(port: int = 0) -> Iterator[LocalSite]:
    site = LocalSite()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "Local"

        def do_GET(self) -> None:
            site.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            page = site.pages.get(self.path, (404, {"content-type": "text/html"}, b"not here"))
            if callable(page):
                page(self)
                return
            status, headers, body = page
            if headers.get("etag") and self.headers.get("If-None-Match") == headers["etag"]:
                status, body = 304, b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 the library's name

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = _Server(("127.0.0.1", port), Answer)
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()

    def close() -> None:
        server.shutdown()
        server.server_close()

    site.close = close
    try:
        yield site
    finally:
        close()
