"""SPF (RFC 7208), DKIM (RFC 6376, 8301, 8463), DMARC (RFC 9989) and ARC (RFC 8617), case by case as they say it."""

from __future__ import annotations

import time
from base64 import b64encode
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from plugins.senders import MAIL, key, sealed, signed, verdict

from onethread.gateway_email.desks import Desk
from onethread.gateway_email.names import Names
from onethread.gateway_email.parsing import mime
from onethread.gateway_email.sender import dmarc, signatures
from onethread.gateway_email.sender.signatures import chain, checked, listed, seal_keys
from onethread.gateway_email.sender.spf import sent

# RFC 7208. A mail from ann@t.example, by the server `mx.t.example` at 192.0.2.1 unless a case says otherwise.

HERE = "192.0.2.1"
KNOWN = {
    ("mx.t.example", "A"): [HERE],
    ("v6.t.example", "AAAA"): ["2001:db8::1"],
    ("m.t.example", "MX"): ["10 mx.t.example."],
    ("null.t.example", "MX"): ["0 ."],
    ("many.t.example", "MX"): [f"{n} h{n}.t.example." for n in range(11)],
    ("alias.t.example", "CNAME"): ["mx.t.example."],
    ("ann._l.t.example", "A"): ["127.0.0.2"],
    ("1.2.0.192.v.t.example", "A"): ["127.0.0.2"],
    ("192.0.2.1.in.t.example", "A"): ["127.0.0.2"],
    ("example.d2.t.example", "A"): ["127.0.0.2"],
    ("1.2.0.192.in-addr.arpa", "PTR"): ["mx.t.example."],
    **{(f"h{n}.t.example", "A"): [f"198.18.0.{n}"] for n in range(11)},
}
TEXTS = {
    "yes.t.example": "v=spf1 ip4:192.0.2.1 -all",
    "no.t.example": "v=spf1 -all",
    "soft.t.example": "v=spf1 ~all",
    "none.t.example": "no record of this kind",
    "bad.t.example": "v=spf1 ip4:none",
    "loop.t.example": "v=spf1 include:loop.t.example -all",
    "ten.t.example": "v=spf1 " + " ".join(f"a:h{n}.t.example" for n in range(10)) + " ip4:192.0.2.1 -all",
}
CASES = [
    # 4.5, 4.6.1: what is a record
    ("v=spf1 +all", "pass"),
    ("V=SPF1 +ALL", "pass"),
    ("v=spf10 +all", "none"),
    ("v=spf1", "neutral"),
    ("v=spf1 all;", "permerror"),
    ("v=spf1  ip4:192.0.2.1   -all ", "pass"),
    # 4.6.2, 4.7: qualifiers, and what is left when nothing matches
    ("v=spf1 -all", "fail"),
    ("v=spf1 ~all", "softfail"),
    ("v=spf1 ?all", "neutral"),
    ("v=spf1 ip4:198.51.100.1", "neutral"),
    ("v=spf1 -ip4:192.0.2.1 +all", "fail"),
    ("v=spf1 all ip4:none", "permerror"),
    ("v=spf1 -all:x", "permerror"),
    ("v=spf1 unknown", "permerror"),
    ("v=spf1 unknown=x ip4:192.0.2.1 -all", "pass"),
    # 5.2: include
    ("v=spf1 include:yes.t.example -all", "pass"),
    ("v=spf1 include:no.t.example ~all", "softfail"),
    ("v=spf1 include:soft.t.example -all", "fail"),
    ("v=spf1 include:none.t.example -all", "permerror"),
    ("v=spf1 include:bad.t.example +all", "permerror"),
    ("v=spf1 include -all", "permerror"),
    ("v=spf1 include:loop.t.example +all", "permerror"),
    # 5.3, 5.4: a, mx
    ("v=spf1 a:mx.t.example -all", "pass"),
    ("v=spf1 a:alias.t.example -all", "pass"),
    ("v=spf1 a:h1.t.example -all", "fail"),
    ("v=spf1 a:h1.t.example/0 -all", "pass"),
    ("v=spf1 a:mx.t.example/33 -all", "permerror"),
    ("v=spf1 a:mx.t.example//129 -all", "permerror"),
    ("v=spf1 a: -all", "permerror"),
    ("v=spf1 a:111.222.33.44 -all", "permerror"),
    ("v=spf1 mx:m.t.example -all", "pass"),
    ("v=spf1 mx:null.t.example -all", "fail"),
    ("v=spf1 mx:many.t.example +all", "permerror"),
    # 5.5: ptr
    ("v=spf1 ptr -all", "pass"),
    ("v=spf1 ptr:t.example -all", "pass"),
    ("v=spf1 ptr:evil.example -all", "fail"),
    # 5.6: ip4, ip6
    ("v=spf1 ip4:192.0.2.0/24 -all", "pass"),
    ("v=spf1 ip4:192.0.3.0/24 -all", "fail"),
    ("v=spf1 ip4:192.0.2.1/ -all", "permerror"),
    ("v=spf1 ip4:192.0.2 -all", "permerror"),
    ("v=spf1 ip4:192.0.2.1/33 -all", "permerror"),
    ("v=spf1 ip6:::FFFF:C000:201 -all", "fail"),
    ("v=spf1 ip6:2001:db8::/129 -all", "permerror"),
    # 5.7, 7: exists, and what macros say
    ("v=spf1 exists:mx.t.example -all", "pass"),
    ("v=spf1 exists:v6.t.example -all", "fail"),
    ("v=spf1 exists:%{l}._l.%{d} -all", "pass"),
    ("v=spf1 exists:%{ir}.v.%{d} -all", "pass"),
    ("v=spf1 exists:%{i}.in.%{o} -all", "pass"),
    ("v=spf1 exists:%{d1r}.d2.%{d} -all", "fail"),
    ("v=spf1 exists:%{d1}.d2.%{d} -all", "pass"),
    ("v=spf1 exists:%{h} -all", "pass"),
    ("v=spf1 exists:%(d) -all", "permerror"),
    ("v=spf1 exists:%", "permerror"),
    ("v=spf1 exists:%{c}.x -all", "permerror"),
    # 6: redirect, exp
    ("v=spf1 redirect=yes.t.example", "pass"),
    ("v=spf1 redirect=no.t.example", "fail"),
    ("v=spf1 redirect=none.t.example", "permerror"),
    ("v=spf1 redirect=nowhere.t.example", "permerror"),
    ("v=spf1 redirect=yes.t.example -all", "fail"),
    ("v=spf1 redirect=yes.t.example redirect=yes.t.example", "permerror"),
    ("v=spf1 redirect=", "permerror"),
    ("v=spf1 exp=a.t.example exp=b.t.example +all", "permerror"),
    ("v=spf1 exp=nowhere.t.example -all", "fail"),
    # 4.6.4: how much may be asked
    ("v=spf1 include:ten.t.example -all", "permerror"),
    ("v=spf1 redirect=ten.t.example", "permerror"),
    ("v=spf1 " + " ".join(f"a:h{n}.t.example" for n in range(9)) + " a:mx.t.example -all", "pass"),
    ("v=spf1 " + " ".join(f"a:h{n}.t.example" for n in range(10)) + " a:mx.t.example -all", "permerror"),
    ("v=spf1 a:x1.example a:x2.example a:mx.t.example -all", "pass"),
    ("v=spf1 a:x1.example a:x2.example a:x3.example a:mx.t.example -all", "permerror"),
]  # fmt: skip


@pytest.fixture
def spf_zone(name_server: Any) -> Any:
    name_server.records |= KNOWN
    for name, text in TEXTS.items():
        name_server.text(name, text)
    return name_server


@pytest.mark.parametrize(("record", "result"), CASES)
async def test_spf_says_what_the_record_says(record: str, result: str, spf_zone: Any):
    spf_zone.text("t.example", record)
    found = await sent(HERE, "mx.t.example", "ann@t.example", Names(spf_zone.address))
    assert (found.result, found.domain) == (result, "t.example")


@pytest.mark.parametrize(("peer", "result"), [("2001:db8::1", "pass"), ("2001:db9::1", "fail"), (HERE, "fail")])
@pytest.mark.parametrize("record", ["v=spf1 ip6:2001:db8::/32 -all", "v=spf1 a:v6.t.example//64 -all"])
async def test_spf_knows_servers_with_long_addresses(peer: str, result: str, record: str, spf_zone: Any):
    spf_zone.text("t.example", record)
    assert (await sent(peer, "mx.t.example", "ann@t.example", Names(spf_zone.address))).result == result


@pytest.mark.parametrize(
    ("sender", "greeting", "result", "domain"),
    [
        ("", "yes.t.example", "pass", "yes.t.example"),
        ("", "no.t.example", "fail", "no.t.example"),
        ("", "[192.0.2.1]", "none", ""),
        ("", "localhost", "none", "localhost"),
        ("@yes.t.example", "no.t.example", "pass", "yes.t.example"),
        ("a@b@yes.t.example", "no.t.example", "none", "yes.t.example"),
        ("ann@nowhere.example", "yes.t.example", "none", "nowhere.example"),
        ("ann@YES.T.Example.", "no.t.example", "pass", "yes.t.example"),
        ("ann@" + "a" * 64 + ".example", "yes.t.example", "none", "a" * 64 + ".example"),
        ("ann@yes..t.example", "yes.t.example", "none", ""),
    ],
)
async def test_spf_asks_for_the_envelopes_domain_and_the_greeting_where_there_is_none(
    sender: str, greeting: str, result: str, domain: str, spf_zone: Any
):
    found = await sent(HERE, greeting, sender, Names(spf_zone.address))
    assert (found.result, found.domain) == (result, domain)


@pytest.mark.parametrize("records", [["v=spf1 +all", "v=spf1 -all"], ["v=spf1", "V=spf1 ?all"]])
async def test_two_spf_records_are_an_error_and_other_texts_are_none(records: list[str], spf_zone: Any):
    spf_zone.text("t.example", *records)
    assert (await sent(HERE, "", "ann@t.example", Names(spf_zone.address))).result == "permerror"
    spf_zone.records["t.example", "TXT"] = ['"v=spf1 ip4:192." "0.2.1 -all"', '"google-site-verification=x"']
    assert (await sent(HERE, "", "ann@t.example", Names(spf_zone.address))).result == "pass"


async def test_spf_tells_a_name_that_is_not_there_from_one_that_does_not_answer(spf_zone: Any):
    spf_zone.text("t.example", "v=spf1 a:mx.t.example -all")
    spf_zone.failing = {"mx.t.example"}
    assert (await sent(HERE, "", "ann@t.example", Names(spf_zone.address))).result == "temperror"
    spf_zone.failing = {"t.example"}
    assert (await sent(HERE, "", "ann@t.example", Names(spf_zone.address))).result == "temperror"
    assert (await sent(HERE, "", "ann@no-such-name.example", Names(spf_zone.address))).result == "none"


# RFC 8463, appendix A: one mail with a signature of each kind, and the keys as they stand there.

DINNER = b"""\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
""".replace(b"\n", b"\r\n")
BRISBANE = b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
TEST = (
    b"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16"
    b"JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w"
    b"3QIDAQAB"
)
NAMES = ("brisbane._domainkey.football.example.com", "test._domainkey.football.example.com")


def states(raw: bytes, **keys: bytes | None) -> list[str]:
    records = (keys.get("brisbane", BRISBANE), keys.get("test", TEST))
    found = {name: None if one is None else signatures.key([one]) for name, one in zip(NAMES, records, strict=True)}
    return [one.state for one in checked(raw, listed(mime.parse(raw).headers), found)]


def test_the_example_of_rfc_8463_holds_by_both_of_its_signatures():
    assert states(DINNER) == ["pass", "pass"]
    assert states(DINNER.replace(b"hungry", b"thirsty")) == ["fail", "fail"]
    assert states(DINNER.replace(b"Is dinner", b"Was dinner")) == ["fail", "fail"]


def test_a_field_that_was_signed_once_more_than_it_stands_there_cannot_be_added():
    for added in (b"From: Eve <eve@evil.example>\r\n", b"Subject: Pay\r\n", b"Date: today\r\n"):
        assert states(added + DINNER) == ["fail", "fail"]
    assert states(b"To: eve@evil.example\r\n" + DINNER) == ["pass", "pass"]  # who relies on it counts the fields


def test_what_the_relaxed_forms_leave_open_may_change_and_nothing_else():
    """RFC 6376, 3.4.2 and 3.4.4."""
    for old, new in (
        (b"Subject: Is dinner ready?", b"SUBJECT :\tIs  dinner\r\n\tready?  ".replace(b" :", b":")),
        (b"the game.  Are", b"the game. Are"),
        (b"yet?\r\n", b"yet? \t\r\n"),
        (b"Joe.\r\n", b"Joe.\r\n\r\n\r\n"),
    ):
        assert states(DINNER.replace(old, new)) == ["pass", "pass"], new
    for old, new in ((b"yet?\r\n", b"yet ?\r\n"), (b"Hi.\r\n", b"\r\nHi.\r\n"), (b"dinner ready", b"dinnerready")):
        assert states(DINNER.replace(old, new)) == ["fail", "fail"], new


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (TEST.removeprefix(b"v=DKIM1; "), "pass"),
        (TEST.replace(b"k=rsa; ", b""), "pass"),
        (TEST.replace(b"k=rsa;", b"k=rsa; n=a note; t=y; g=*;"), "pass"),
        (TEST.replace(b"k=rsa;", b"k=rsa; s=email;"), "pass"),
        (TEST.replace(b"k=rsa;", b"k=rsa; s=*;"), "pass"),
        (TEST.replace(b"k=rsa;", b"k=rsa; h=sha256;"), "pass"),
        (TEST.replace(b"k=rsa;", b"k=rsa; h=sha1:sha256;"), "pass"),
        (TEST.replace(b"k=rsa;", b"k=rsa; h=sha1;"), "fail"),
        (TEST.replace(b"k=rsa;", b"k=rsa; s=other;"), "fail"),
        (TEST.replace(b"k=rsa;", b"k=rsa; s=tlsrpt;"), "fail"),
        (TEST.replace(b"k=rsa", b"k=dsa"), "fail"),
        (TEST.replace(b"k=rsa", b"k=ed25519"), "fail"),
        (TEST.replace(b"DKIM1", b"DKIM2"), "fail"),
        (b"v=DKIM1; k=rsa; p=", "fail"),
        (b"v=DKIM1; k=rsa", "fail"),
        (b"", "fail"),
        (b"v=DKIM1; k=rsa; p=!!!", "fail"),
        (BRISBANE, "fail"),
        (None, "unknown"),
    ],
)
def test_a_key_is_read_as_rfc_6376_has_it(record: bytes | None, state: str):
    assert states(DINNER, test=record) == ["pass", state]


@pytest.mark.parametrize(
    "tag", [b"v=2;", b"v=1; x=9999999999;", b"v=1; q=dns/other;", b"v=1; v=1;", b"v=1; d=evil.example;"]
)
def test_a_tag_that_was_added_changed_or_doubled_ends_a_signature(tag: bytes):
    assert "pass" not in states(DINNER.replace(b"v=1;", tag))


@pytest.mark.parametrize("missing", [b"d=football.example.com; ", b"s=test; ", b"a=rsa-sha256; ", b"c=relaxed/relaxed"])
def test_without_a_tag_that_must_be_there_it_is_none(missing: bytes):
    raw = DINNER.replace(missing, b"")
    assert "pass" not in states(raw)[1:]


@pytest.mark.parametrize(("seconds", "word"), [(-40_000, "forged"), (3600, "verified")])
async def test_a_signature_ends_when_it_says(seconds: int, word: str, zone: Any, desk: Desk):
    ends = int(time.time()) + seconds
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dkim.time.time", lambda: ends - 60)
        raw = expiring(MAIL, ends)
    assert (await verdict(raw, zone, desk)).word == word


def expiring(raw: bytes, ends: int) -> bytes:
    """dkimpy does not write x=; the tag is put among those that it signs."""

    class Signer(dkim.DKIM):
        def gen_header(self, fields: Any, *rest: Any, **options: Any) -> Any:
            return super().gen_header([*fields[:-1], (b"x", str(ends).encode()), fields[-1]], *rest, **options)

    headers = [b"from", b"to", b"subject", b"date", b"message-id"]
    return Signer(raw).sign(b"k1", b"customer.example", key()[0], include_headers=headers) + raw


async def test_a_short_key_and_a_modern_one_are_told_apart(zone: Any, desk: Desk):
    private = ed25519.Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    zone.records["k1._domainkey.customer.example", "TXT"] = [f'"v=DKIM1; k=ed25519; p={b64encode(public).decode()}"']
    raw = private.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    mail = signed(MAIL, private=b64encode(raw), signature_algorithm=b"ed25519-sha256")
    assert (await verdict(mail, zone, desk)).word == "verified"
    assert (await verdict(mail.replace(b"Where", b"There"), zone, desk)).word == "forged"


# RFC 9989: whose policy, and which names are one organisation. (domain, records at _dmarc, its organisation, its wish)

TREES = [
    ("a.example", {"a.example": "p=reject"}, "a.example", "reject"),
    ("m.a.example", {"a.example": "p=reject"}, "a.example", "reject"),
    ("m.a.example", {"a.example": "p=reject; sp=none"}, "a.example", "none"),
    ("m.a.example", {"a.example": "p=none; sp=reject"}, "a.example", "reject"),
    ("m.a.example", {"m.a.example": "p=none", "a.example": "p=reject"}, "a.example", "none"),
    ("m.a.example", {"m.a.example": "p=none; psd=n", "a.example": "p=reject"}, "m.a.example", "none"),
    ("a.co.example", {"co.example": "p=reject; psd=y"}, "a.co.example", "reject"),
    ("m.a.co.example", {"co.example": "p=reject; psd=y"}, "a.co.example", "reject"),
    ("m.a.co.example", {"a.co.example": "p=none", "co.example": "p=reject; psd=y"}, "a.co.example", "none"),
    ("co.example", {"co.example": "p=none; psd=y"}, "co.example", "none"),
    ("a.example", {"example": "p=reject"}, "a.example", None),  # a registry that does not say so speaks for nobody
    ("a.example", {"example": "p=reject; psd=y"}, "a.example", "reject"),
    ("a.example", {"a.example": "p=nonsense; rua=mailto:r@a.example"}, "a.example", "none"),
    ("a.example", {"a.example": "p=nonsense"}, "a.example", None),
    ("a.example", {"a.example": "p=REJECT; P=none"}, "a.example", "reject"),
    ("a.example", {"a.example": "p=quarantine; pct=0; ri=1; fo=1; unknown=x"}, "a.example", "quarantine"),
    ("a.example", {}, "a.example", None),
]  # fmt: skip


@pytest.mark.parametrize(("domain", "records", "organisation", "wish"), TREES)
async def test_dmarc_walks_up_to_who_owns_the_name(
    domain: str, records: dict[str, str], organisation: str, wish: str | None, name_server: Any
):
    for name, tags in records.items():
        name_server.text(f"_dmarc.{name}", f"v=DMARC1; {tags}")
    found = await dmarc.policies([domain], Names(name_server.address))
    policy = found.policy(domain)
    assert (found.organisation(domain), policy and policy[1]) == (organisation, wish)


# RFC 8617


def whole(raw: bytes, *domains: str) -> bool:
    names = seal_keys(mime.parse(raw).headers)[1]
    return (
        chain(raw, {name: key()[1].encode() for name in names if name.split("._domainkey.")[1] in domains}) is not None
    )


def test_a_chain_of_one_or_more_seals_is_whole_until_somebody_touches_it():
    once = sealed(MAIL, "one.example", "dmarc=pass")
    twice = sealed(once, "two.example", "arc=pass")
    for raw in (once, twice):
        assert whole(raw, "one.example", "two.example")
        for old, new in (
            (b"Where", b"There"),
            (b"cv=none", b"cv=pass"),
            (b"dmarc=pass", b"dmarc=fail"),
            (b"i=1;", b"i=2;"),
        ):
            assert old in raw
            assert not whole(raw.replace(old, new), "one.example", "two.example"), new
    assert not whole(twice, "two.example")


def test_a_chain_that_a_sealer_found_broken_stays_so():
    broken = sealed(MAIL, "one.example", "dmarc=pass").replace(b"Where", b"There")
    again = sealed(broken, "two.example", "arc=fail")
    assert not whole(again, "one.example", "two.example")


def test_no_chain_has_more_seals_than_one_would_check():
    raw = sealed(MAIL, "one.example", "dmarc=pass")
    for _ in range(10):
        raw = sealed(raw, "one.example", "arc=pass")
    assert seal_keys(mime.parse(raw).headers) == (frozenset(), [])
