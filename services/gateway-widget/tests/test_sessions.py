"""Who a browser is."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest

from onethread.contracts.envelope import now
from onethread.gateway_widget.sessions import (
    LIFETIME,
    IdentityRefusedError,
    Person,
    Session,
    continue_session,
    read_identity,
    read_session,
    session_token,
)
from onethread.gateway_widget.sites import Site

SECRET = "session-secret-of-thirty-two-bytes"
SITE = "widget-secret-of-thirty-two-bytes!"
SHOP = Site("local", "local", "Support", "Hello!", None, ("*",), SITE)
ANA, BEN = Person("ana", "ana@shop.example", "Ana"), Person("ben", "ben@shop.example", "Ben")


def new() -> str:
    return "new"


@pytest.mark.parametrize("person", [None, ANA, Person("ana")])
def test_a_session_survives_the_way_through_the_browser(person):
    session = Session("local", "local", "v-1", person)
    assert read_session(session_token(session, SECRET, now()), SECRET) == session


def test_a_session_that_is_too_old_forged_or_unsigned_is_no_session():
    session = Session("local", "local", "v-1")
    old = session_token(session, SECRET, now() - LIFETIME - timedelta(seconds=1))
    forged = session_token(session, "another-secret-of-thirty-two-bytes", now())
    unsigned = jwt.encode(jwt.decode(forged, options={"verify_signature": False}), None, algorithm="none")
    assert [read_session(token, SECRET) for token in (old, forged, unsigned, "", None, "x.y.z")] == [None] * 6


def test_an_identity_token_is_no_session_even_under_the_same_secret():
    token = jwt.encode({"sub": "ana", "v": "v-1", "ch": "local", "exp": now() + timedelta(hours=1)}, SITE)
    assert read_session(token, SITE) is None


def test_a_session_token_is_no_identity_even_under_the_same_secret():
    with pytest.raises(IdentityRefusedError):
        read_identity(session_token(Session("local", "local", "v-1", ANA), SITE, now()), SITE)


def test_a_visitor_who_signs_in_stays_the_same_visitor():
    assert continue_session(SHOP, Session("local", "local", "v-1"), ANA, new) == Session("local", "local", "v-1", ANA)


def test_another_person_on_the_same_browser_is_another_visitor():
    assert continue_session(SHOP, Session("local", "local", "v-1", ANA), BEN, new) == Session(
        "local", "local", "new", BEN
    )


def test_the_same_person_with_news_keeps_the_visitor_and_the_news():
    renamed = Person("ana", "ana@new.example", "Ana R.")
    assert continue_session(SHOP, Session("local", "local", "v-1", ANA), renamed, new) == Session(
        "local", "local", "v-1", renamed
    )


def test_a_session_goes_on_without_a_fresh_identity():
    session = Session("local", "local", "v-1", ANA)
    assert continue_session(SHOP, session, None, new) == session


def test_a_session_of_another_channel_is_not_continued():
    assert continue_session(SHOP, Session("local", "other", "v-1", ANA), None, new) == Session("local", "local", "new")


def test_a_session_of_a_channel_of_the_same_name_elsewhere_says_nothing_here():
    assert continue_session(SHOP, Session("acme", "local", "v-1", ANA), None, new) == Session("local", "local", "new")


def test_what_a_session_proves_comes_strongest_first():
    signed_in = [(one.kind, one.value, one.trust) for one in Session("local", "local", "v-1", ANA).identities]
    assert signed_in == [
        ("site_user", "ana", "verified"),
        ("email", "ana@shop.example", "verified"),
        ("visitor", "v-1", "verified"),
    ]
    assert [one.kind for one in Session("local", "local", "v-1", Person("ana")).identities] == ["site_user", "visitor"]
    assert [one.kind for one in Session("local", "local", "v-1").identities] == ["visitor"]


def test_an_identity_is_read_with_its_address_in_lower_case(vouch):
    assert read_identity(vouch("u-1"), SITE) == Person("u-1", "ana@shop.example", "Ana Ruiz")
    assert read_identity(vouch("u-1", email=None, name="  A\n\x00B "), SITE) == Person("u-1", None, "A B")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"seconds": -1}, "expired"),
        ({"secret": "another-secret-of-thirty-two-bytes"}, "not signed"),
        ({"sub": " "}, "sub"),
        ({"sub": 42}, "not a string"),
        ({"email": "not an address"}, "email"),
        ({"email": "a@b, c@d"}, "email"),
        ({"email": 7}, "email"),
    ],
)
def test_an_identity_that_proves_nothing_is_refused_with_its_reason(vouch, claims, reason):
    with pytest.raises(IdentityRefusedError, match=reason):
        read_identity(vouch(**claims), SITE)


@pytest.mark.parametrize("lacking", ["exp", "sub"])
def test_an_identity_needs_its_claims(lacking):
    claims = {"sub": "u-1", "exp": now() + timedelta(hours=1)}
    del claims[lacking]
    with pytest.raises(IdentityRefusedError, match=lacking):
        read_identity(jwt.encode(claims, SITE), SITE)


def test_the_algorithm_is_pinned(vouch):
    claims = jwt.decode(vouch(), options={"verify_signature": False})
    for token in (jwt.encode(claims, None, algorithm="none"), jwt.encode(claims, SITE * 2, algorithm="HS512")):
        with pytest.raises(IdentityRefusedError):
            read_identity(token, SITE)
