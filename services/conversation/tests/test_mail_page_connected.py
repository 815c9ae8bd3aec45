"""A mail as a page for the inbox's frame, and its pictures, fetched in the name of nobody."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from plugins.conversation_world import received, verified
from plugins.local_site import LocalSite, serving

from onethread.conversation.pictures import Kept, Picture, Pictures, kind_of
from onethread.runtime.fetching import Guard

pytestmark = pytest.mark.connected
ANA = verified("email", "ana@fern.example")
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100
SHOP = "http://shop.example"


@pytest.fixture
def site() -> Iterator[LocalSite]:
    with serving() as site:
        site.put("/p.png", PNG, content_type="text/plain")
        yield site


@pytest.fixture
def shop(driver: Any, site: LocalSite) -> str:
    """A website that mails show pictures of. It stands on this machine, which the guard is told to let pass."""
    allowed = (ipaddress.ip_network("127.0.0.1"),)
    names = {"shop.example": ["127.0.0.1"], "router.example": ["10.0.0.1"]}
    guard = Guard(allowed, frozenset({80, 443, site.port}), lambda host, _: names.get(host, [host]))
    driver.app.state.pictures = Pictures(guard)
    return f"{SHOP}:{site.port}"


async def mailed(driver: Any, html: str) -> str:
    return str((await driver.hear(received("email", "Hi", ANA, html=html)))["id"])


async def picture(driver: Any, message: str, url: str) -> Any:
    return await driver.api.get(f"/api/v1/messages/{message}/pictures", params={"url": url})


def showing(*urls: str) -> str:
    return "".join(f'<img data-picture="{url}" alt="A lamp">' for url in urls)


async def test_a_page_runs_nothing_and_has_nothing_from_elsewhere(driver: Any) -> None:
    message = await mailed(driver, showing("https://shop.example/p.png") + "<p>Hi</p>")
    page = await driver.api.get(f"/api/v1/messages/{message}/page")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "script-src" not in policy
    assert " src=" not in page.text
    assert "<p>Hi</p>" in page.text


async def test_pictures_come_by_way_of_us_once_asked_for(driver: Any) -> None:
    url = "https://shop.example/p.png?a=1&amp;b=2"
    message = await mailed(driver, showing(url) + f'<img data-file="{"a" * 64}">')
    page = (await driver.api.get(f"/api/v1/messages/{message}/page", params={"pictures": "true"})).text
    through = quote("https://shop.example/p.png?a=1&b=2", safe="")
    assert f'src="/api/v1/messages/{message}/pictures?url={through}"' in page
    assert f'src="/api/v1/messages/{message}/attachments/{"a" * 64}"' in page


async def test_what_was_stored_under_older_rules_is_made_harmless_when_it_is_shown(driver: Any) -> None:
    stored = '<p onclick="alert(1)">Hi</p><script>alert(1)</script><img src="https://spy.example/o.gif"><form>x</form>'
    message = await mailed(driver, stored)
    page = (await driver.api.get(f"/api/v1/messages/{message}/page", params={"pictures": "true"})).text
    for gone in ("alert", "spy.example", "<form", "<script"):
        assert gone not in page


@pytest.mark.parametrize(
    ("html", "is_paper"),
    [('<p style="color:red">Hi</p>', True), ('<table bgcolor="#eee"><tr><td>Hi</td></tr></table>', True),
     ('<p style="margin:0;background-color:#fff">Hi</p>', True), ("<p>The color: red</p>", False),
     ('<p style="border-color:red">Hi</p>', False)],
)  # fmt: skip
async def test_a_mail_with_colours_of_its_own_stands_on_white_paper(driver: Any, html: str, is_paper: bool) -> None:
    message = await mailed(driver, html)
    page = (await driver.api.get(f"/api/v1/messages/{message}/page")).text
    assert ('<html class="paper">' in page) == is_paper


async def test_a_picture_is_fetched_without_a_trace_of_who_reads_and_once(
    driver: Any, shop: str, site: LocalSite
) -> None:
    message = await mailed(driver, showing(f"{shop}/p.png"))
    for _ in range(2):
        found = await picture(driver, message, f"{shop}/p.png")
        assert found.status_code == 200
        assert found.headers["content-type"] == "image/png"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.content == PNG
    assert len(site.asked) == 1
    headers = site.asked[0][1]
    assert not {"cookie", "referer", "authorization", "x-forwarded-for"} & headers.keys()


async def test_only_pictures_of_that_message_are_fetched(driver: Any, shop: str, site: LocalSite) -> None:
    message = await mailed(driver, showing(f"{shop}/p.png"))
    other = await mailed(driver, f'<a href="{shop}/q.png">data-picture="{shop}/q.png"</a>')
    assert (await picture(driver, message, f"{shop}/q.png")).status_code == 404
    assert (await picture(driver, other, f"{shop}/q.png")).status_code == 404
    assert (await picture(driver, "00000000-0000-4000-8000-000000000000", f"{shop}/p.png")).status_code == 404
    assert site.asked == []


@pytest.mark.parametrize("host", ["router.example", "127.0.0.2", "169.254.169.254", "[::ffff:10.0.0.1]", "0x7f.2"])
async def test_inner_addresses_are_not_asked(driver: Any, shop: str, site: LocalSite, host: str) -> None:
    url = f"http://{host}:{site.port}/p.png"
    answer = await picture(driver, await mailed(driver, showing(url)), url)
    assert answer.status_code in (403, 502)
    assert "can be read without it" in answer.json()["detail"]
    assert site.asked == []


async def test_a_redirect_into_the_inner_network_is_not_followed(driver: Any, shop: str, site: LocalSite) -> None:
    site.put("/away", "", status=302, location=f"http://router.example:{site.port}/p.png")
    answer = await picture(driver, await mailed(driver, showing(f"{shop}/away")), f"{shop}/away")
    assert answer.status_code == 403
    assert site.paths() == ["/away"]


async def test_more_than_three_redirects_are_not_followed(driver: Any, shop: str, site: LocalSite) -> None:
    for number in range(5):
        site.put(f"/{number}", "", status=302, location=f"/{number + 1}")
    answer = await picture(driver, await mailed(driver, showing(f"{shop}/0")), f"{shop}/0")
    assert answer.status_code == 502
    assert len(site.asked) == 4


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"), (b"<html>", "no picture"), (b"", "no picture"),
     (PNG * 60_000, "larger than 5 MB")],
    ids=["svg", "html", "nothing", "too large"],
)  # fmt: skip
async def test_what_is_no_picture_is_not_passed_on(
    driver: Any, shop: str, site: LocalSite, content: bytes, why: str
) -> None:
    site.put("/x", content, content_type="image/png")
    answer = await picture(driver, await mailed(driver, showing(f"{shop}/x")), f"{shop}/x")
    assert answer.status_code == 502
    assert why in answer.json()["detail"]


async def test_a_message_without_html_has_no_page(driver: Any) -> None:
    message = (await driver.hear(received("email", "Hi", ANA)))["id"]
    assert (await driver.api.get(f"/api/v1/messages/{message}/page")).status_code == 404


async def test_whoever_is_not_signed_in_sees_neither(driver: Any, shop: str) -> None:
    message = await mailed(driver, showing(f"{shop}/p.png"))
    for path in (f"{message}/page", f"{message}/pictures?url={shop}/p.png"):
        answer = await driver.api.get(f"/api/v1/messages/{path}", headers={"Authorization": ""})
        assert answer.status_code == 401


def test_pictures_are_told_by_their_bytes() -> None:
    assert kind_of(b"\xff\xd8\xff\xe0") == "image/jpeg"
    assert kind_of(b"RIFF0000WEBPVP8 ") == "image/webp"
    assert kind_of(b"0000ftypavif") == "image/avif"
    assert kind_of(b"<svg>") is None


def test_pictures_that_were_asked_for_longest_ago_go_first() -> None:
    kept = Kept(size=300)
    for name in "abc":
        kept.add(name, Picture("image/png", b"0" * 100))
    assert kept.get("a")
    kept.add("d", Picture("image/png", b"0" * 100))
    assert [name for name in "abcd" if kept.get(name)] == ["a", "c", "d"]
    assert Kept(seconds=-1).get("a") is None
