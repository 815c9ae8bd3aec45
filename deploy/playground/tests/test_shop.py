"""What the shop vouches for."""

from __future__ import annotations

import time

import httpx
import jwt
import pytest

WIDGET = "widget-secret-of-thirty-two-bytes!"


def claims(token: str) -> dict:
    return jwt.decode(token, WIDGET, algorithms=["HS256"])


def test_an_identity_is_signed_for_one_hour(playground):
    who = {"email": "Ana@pineandpaper.example", "name": "Ana Ruiz"}
    answer = httpx.get(f"{playground.url}/shop/identity", params=who).json()
    said = claims(answer["identity_token"])
    assert (said["email"], said["name"]) == ("ana@pineandpaper.example", "Ana Ruiz")
    assert 3590 < said["exp"] - time.time() <= 3600
    again = httpx.get(f"{playground.url}/shop/identity", params={**who, "name": "Ana"}).json()
    assert claims(again["identity_token"])["sub"] == said["sub"]


@pytest.mark.parametrize("who", [{"email": "ana", "name": "Ana"}, {"email": "a@b", "name": " "}, {}])
def test_an_incomplete_identity_is_not_signed(playground, who):
    assert httpx.get(f"{playground.url}/shop/identity", params=who).status_code == 422


def test_the_page_hands_the_widget_who_is_signed_in_and_nothing_for_a_guest(playground):
    with httpx.Client(base_url=playground.url) as browser:
        assert "data-identity" not in browser.get("/").text
        browser.post("/shop/sign-in", json={"email": "ana@pineandpaper.example", "name": "Ana <b>Ruiz"})
        page = browser.get("/").text
        assert 'src="http://127.0.0.1:8010/widget.js" data-channel="local" data-identity="ey' in page
        assert "Ana <b>" not in page
        browser.post("/shop/sign-out")
        assert "data-identity" not in browser.get("/").text


@pytest.mark.parametrize("path", ["/", "/mail", "/slack", "/healthz", "/readyz", "/metrics"])
def test_every_page_and_probe_answers(playground, path):
    assert httpx.get(playground.url + path).status_code == 200


def test_a_strange_cookie_is_a_guest(playground):
    assert httpx.get(playground.url + "/", cookies={"pine_account": "%7B"}).status_code == 200
