import gzip
import ipaddress
import socket
import ssl
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as some
from plugins.local_site import serving

from onethread.runtime.fetching import Fetcher, Guard, RefusedError, UnreachableError, normal

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture
def site():
    with serving() as site:
        yield site


def guard(site, resolve=lambda _host, _port: ["127.0.0.1"], allowed=LOOPBACK):
    return Guard(allowed, frozenset({80, 443, site.port}), resolve)


def fetch(site, url, seconds=30.0, size=100_000, **of_guard):
    with Fetcher(guard(site, **of_guard), seconds, size) as fetcher:
        return fetcher.get(url)


def test_a_name_is_resolved_by_us_and_sent_along_as_the_host(site):
    site.article("/", "Hello")
    answer = fetch(site, f"http://help.example:{site.port}/")
    assert (answer.status, answer.media_type, answer.charset) == (200, "text/html", "utf-8")
    assert site.asked[0][1]["host"] == f"help.example:{site.port}"


def test_without_leave_this_machine_is_not_asked(site):
    for url in (f"{site.url}/", f"http://localhost:{site.port}/", f"http://[::ffff:127.0.0.1]:{site.port}/"):
        with pytest.raises(RefusedError, match="may not be asked"):
            fetch(site, url, allowed=(), resolve=None)
    for odd in ("0x7f.1", "2130706433", "0177.0.0.1", "127.1"):
        with pytest.raises((RefusedError, UnreachableError)):
            fetch(site, f"http://{odd}:{site.port}/", allowed=(), resolve=None)
    assert site.asked == []


def test_a_name_with_one_private_address_among_public_ones_is_refused(site):
    with pytest.raises(RefusedError):
        fetch(site, f"http://two.example:{site.port}/", resolve=lambda *_: ["93.184.216.34", "10.0.0.1"])


def test_a_name_that_changes_between_check_and_use_gains_nothing(site):
    """DNS rebinding: allowed at first, this machine afterwards. Only what was checked is connected to."""
    asked = []

    def rebinding(host, _port):
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    rebound = Guard((), frozenset({site.port}), rebinding)
    first = rebound.addresses("evil.example", site.port)
    assert first == ["93.184.216.34"]
    with Fetcher(rebound) as fetcher, pytest.raises(RefusedError):
        fetcher.get(f"http://evil.example:{site.port}/")
    assert site.asked == []


def test_each_redirect_is_checked_again(site):
    site.put("/", "", 302, location="http://169.254.169.254/latest/meta-data/")
    with pytest.raises(RefusedError):
        fetch(site, f"{site.url}/", resolve=lambda host, _: [host])
    site.put("/", "", 302, location="file:///etc/passwd")
    with pytest.raises(RefusedError, match="only http"):
        fetch(site, f"{site.url}/")
    site.put("/", "", 302, location=f"http://127.0.0.1:{site.port + 1}/")
    with pytest.raises(RefusedError, match="port"):
        fetch(site, f"{site.url}/")


def test_five_redirects_are_followed_and_no_more(site):
    for n in range(9):
        site.put(f"/{n}", "", 301, location=f"/{n + 1}")
    site.article("/5", "There")
    assert fetch(site, f"{site.url}/0").url == f"{site.url}/5"
    site.put("/5", "", 301, location="/6")
    with pytest.raises(UnreachableError, match="redirects more than 5"):
        fetch(site, f"{site.url}/0")


def test_what_is_too_large_is_left(site):
    site.put("/", b"x" * 200_000)
    with pytest.raises(UnreachableError, match="larger"):
        fetch(site, f"{site.url}/")


def test_what_is_small_when_packed_and_large_when_unpacked_is_left(site):
    site.put("/", gzip.compress(b"\0" * 50_000_000), content_encoding="gzip")
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="larger"):
        fetch(site, f"{site.url}/")
    assert time.monotonic() - started < 20
    site.put("/", gzip.compress(b"<p>hello"), content_encoding="gzip")
    assert fetch(site, f"{site.url}/").content == b"<p>hello"


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_drip_of_bytes_does_not_outlast_the_time_for_the_request(site, part):
    released = threading.Event()

    def drip(request):
        start = b"HTTP/1.1 200 OK\r\nX-Slow: " if part == "head" else b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
        request.wfile.write(start)
        request.close_connection = True
        while not released.wait(0.05):
            try:
                request.wfile.write(b"x")
            except OSError:
                return

    site.pages["/"] = drip
    with pytest.raises(UnreachableError, match="in time"):
        fetch(site, f"{site.url}/", seconds=0.5)
    released.set()


def test_a_stop_does_not_wait_for_a_silent_server(site):
    asked, stopped = threading.Event(), threading.Event()

    def silent(request):
        asked.set()
        stopped.wait(20)
        request.close_connection = True

    site.pages["/"] = silent
    threading.Thread(target=lambda: asked.wait(20) and stopped.set(), daemon=True).start()
    started = time.monotonic()
    with Fetcher(guard(site), stopped=stopped.is_set) as fetcher, pytest.raises(UnreachableError):
        fetcher.get(f"{site.url}/")
    assert time.monotonic() - started < 9, "less than a silent server is otherwise given"


def test_proxies_of_the_environment_are_not_used(site, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    site.article("/", "Hello")
    assert fetch(site, f"{site.url}/").status == 200


def test_the_certificate_is_that_of_the_name(tmp_path, site):
    """TLS asks for the name and not for the address that it is connected to."""
    listening = socket.create_server(("127.0.0.1", 0))
    names = []

    def greet():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        connection, _ = listening.accept()
        try:
            context.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()

    threading.Thread(target=greet, daemon=True).start()
    port = listening.getsockname()[1]
    only = Guard(LOOPBACK, frozenset({port}), lambda *_: ["127.0.0.1"])
    with Fetcher(only, 5.0) as fetcher, pytest.raises(UnreachableError):
        fetcher.get(f"https://help.example:{port}/")
    listening.close()
    assert names == ["help.example"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://x.example/", "only http"),
        ("file:///etc/passwd", "only http"),
        ("javascript:alert(1)", "only http"),
        ("http:///path", "only http"),
        ("http://ana:secret@x.example/", "user name"),
        ("http://[::1/", "not a proper"),
        ("http://x.example:99999/", "not a proper"),
    ],
)
def test_what_is_no_address_of_a_page_is_refused(url, reason):
    with pytest.raises(RefusedError, match=reason):
        normal(url)


def test_an_address_has_one_spelling():
    assert normal("HTTP://X.Example.:80/a b?q=ü#part") == "http://x.example/a%20b?q=%C3%BC"
    assert normal("https://bücher.example") == "https://xn--bcher-kva.example/"


@given(some.text(max_size=80))
def test_any_text_is_an_address_or_refused(text):
    try:
        once = normal(f"http://{text}")
    except RefusedError:
        return
    assert normal(once) == once


def test_a_request_is_sent_once_and_its_redirect_is_not_followed(site):
    site.put("/orders", "", status=302, location="/elsewhere")
    with Fetcher(guard(site), 5.0, 1000) as fetcher:
        answer = fetcher.send("GET", f"http://shop.example:{site.port}/orders", {"Accept": "application/json"})
    assert answer.status in {301, 302, 307}
    assert [path for path, _ in site.asked] == ["/orders"]
    assert site.asked[0][1]["accept"] == "application/json"
