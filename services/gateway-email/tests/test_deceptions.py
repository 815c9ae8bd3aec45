from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from onethread.gateway_email import convert
from onethread.gateway_email.convert import Arrival
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.parsing import addresses, mime
from onethread.gateway_email.sender.deceptions import warnings

MALLORY = "mallory@evil.example"


@pytest.mark.parametrize(
    "name",
    [
        "ann@customer.example",
        "Ann (ann@customer.example)",
        '"Ann" <ANN@Customer.example>',
        "ann@customer.example via Desk",
    ],
)
def test_a_name_that_is_another_address_is_told(name: str):
    told = "The sender's name is another address, ann@customer.example. The mail is from mallory@evil.example."
    assert warnings(name, MALLORY, []) == [told]


@pytest.mark.parametrize("name", ["Ann Ruiz", "mallory@evil.example", "Mallory@Evil.Example", "", "@ann", "Ann @ Work"])
def test_an_ordinary_name_is_not(name: str):
    assert warnings(name, MALLORY, []) == []


@pytest.mark.parametrize(
    ("domain", "reads"),
    [
        ("\u0430\u0440\u0440l\u0435.example", "apple.example"),
        ("p\u0430ypal.example", "paypal.example"),
        ("g\u03bfogle.example", "google.example"),
    ],
)
def test_a_domain_of_look_alike_letters_is_told_and_shown_as_it_is(domain: str, reads: str):
    sender = addresses.normal(f"billing@{domain}")
    assert sender
    assert sender.partition("@")[2].startswith("xn--")
    [told] = warnings("Billing", sender, [])
    assert told == f"The sender's domain reads like {reads} and is another: {addresses.domain_of(sender)}."


@pytest.mark.parametrize(
    "domain",
    [
        "b\u00fccher.example",
        "\u4f8b\u3048.example",
        "\u043f\u043e\u0447\u0442\u0430.example",
        "customer.example",
        "xn--a.example",
    ],
)
def test_a_domain_in_letters_of_its_own_is_no_deception(domain: str):
    assert warnings("Ann", addresses.normal(f"ann@{domain}") or f"ann@{domain}", []) == []


def test_answers_that_are_asked_for_elsewhere_are_told():
    told = "It asks for answers to another domain, ann@private.example. Yours goes to ann@customer.example."
    assert warnings("Ann", "ann@customer.example", ["ann@private.example"]) == [told]
    assert warnings("Ann", "ann@customer.example", ["sales@customer.example"]) == []


def test_the_known_mails_are_told_as_they_deceive(email_fixtures: Path, arrival: Arrival, desk: Desk):
    told = {}
    for name in json.loads((email_fixtures / "own" / "expected.json").read_text()):
        try:
            told[name] = convert.received(
                mime.parse((email_fixtures / "own" / name).read_bytes()), arrival, desk
            ).warnings
        except convert.RefusedMailError:
            continue
    assert "another address" in told["display_name_is_an_address.eml"][0]
    assert "reads like" in told["homoglyph_domain.eml"][0]
    assert "another domain" in told["reply_to_other_domain.eml"][0]
    assert told["genuine_pass.eml"] == []


def test_an_endless_name_is_read_in_no_time():
    started = time.process_time()
    warnings("a@" * 100_000 + "b" * 100_000, MALLORY, [])
    assert time.process_time() - started < 10
