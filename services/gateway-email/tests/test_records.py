"""What the DNS of a domain says, and what an administrator is told to put there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import dns.message
import dns.rcode
import dns.rrset
import pytest

from onethread.contracts.mail import CheckRecords, PublicKey
from onethread.gateway_email.names import Names
from onethread.gateway_email.outgoing import records
from onethread.gateway_email.outgoing.records import Records

KEY = "MIIB" + "x" * 380
RIGHT = f"v=DKIM1; k=rsa; p={KEY}"


class Zone(asyncio.DatagramProtocol):
    """A name server. What it does not have does not exist; `broken`: it fails."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.broken = False

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr) -> None:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        [asked] = query.question
        name, type_ = asked.name.to_text(omit_final_dot=True).lower(), asked.rdtype.name
        found = self.records.get((name, type_), [])
        if self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif found:
            answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", type_, *found))
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), addr)

    def txt(self, name: str, *texts: str) -> None:
        pieces = [" ".join(f'"{text[n : n + 250]}"' for n in range(0, len(text), 250)) for text in texts]
        self.records[name, "TXT"] = pieces


@pytest.fixture
async def zone() -> AsyncIterator[Zone]:
    transport, zone = await asyncio.get_running_loop().create_datagram_endpoint(Zone, local_addr=("127.0.0.1", 0))
    zone.server = "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1])
    yield zone
    transport.close()


async def check(zone: Zone, domain: str = "shop.example", host: str = "mx.desk.example", spf: str = "ip4:203.0.113.7"):
    asked = CheckRecords(domain=domain, keys=[PublicKey(selector="ot1", public=KEY)])
    found = await Records(Names(zone.server), host, spf)(asked)
    return {record.kind: record for record in found.items}


async def test_the_domain_for_what_comes_back_is_told_with_its_own_records(zone: Zone, settings):
    known = settings.model_copy(update={"bounce_domains": "bounces.acme.example, bounces.shop.example"})
    zone.records["bounces.shop.example", "MX"] = ["10 mx.desk.example."]
    answers = Records(Names(zone.server), "mx.desk.example", "ip4:203.0.113.7", known.bounce_domain)
    found = (await answers(CheckRecords(domain="shop.example"))).items
    theirs = [(one.kind, one.state, one.value) for one in found if one.name == "bounces.shop.example"]
    assert theirs == [("spf", "missing", "v=spf1 ip4:203.0.113.7 ~all"), ("mx", "right", "10 mx.desk.example.")]
    plain = (await answers(CheckRecords(domain="other.example"))).items
    assert {one.name for one in plain} == {"other.example", "_dmarc.other.example"}


async def test_a_domain_without_records_is_told_each_one_to_add(zone: Zone):
    found = await check(zone)
    assert {kind: record.state for kind, record in found.items()} == dict.fromkeys(found, "missing")
    assert {kind: (record.name, record.type, record.value) for kind, record in found.items()} == {
        "dkim": ("ot1._domainkey.shop.example", "TXT", RIGHT),
        "spf": ("shop.example", "TXT", "v=spf1 ip4:203.0.113.7 ~all"),
        "dmarc": ("_dmarc.shop.example", "TXT", "v=DMARC1; p=none"),
        "mx": ("shop.example", "MX", "10 mx.desk.example."),
    }


async def test_a_domain_that_is_set_up_is_all_right(zone: Zone):
    zone.txt("ot1._domainkey.shop.example", RIGHT)
    zone.txt("shop.example", "other=1", "v=spf1 a IP4:203.0.113.7 -all")
    zone.txt("_dmarc.shop.example", "v=DMARC1; p=reject")
    zone.records["shop.example", "MX"] = ["20 other.example.", "10 MX.desk.example."]
    found = await check(zone)
    assert {record.state for record in found.values()} == {"right"}
    assert found["mx"].found == ["MX.desk.example", "other.example"]


async def test_a_key_longer_than_a_string_of_the_dns_is_read_whole(zone: Zone):
    zone.txt("ot1._domainkey.shop.example", RIGHT)
    assert (await check(zone))["dkim"].state == "right"
    zone.txt("ot1._domainkey.shop.example", RIGHT[:255])
    cut = (await check(zone))["dkim"]
    assert (cut.state, "cut off" in cut.words) == ("wrong", True)


async def test_a_policy_of_the_domain_above_holds(zone: Zone):
    zone.txt("_dmarc.shop.example", "v=DMARC1; p=quarantine")
    found = (await check(zone, "help.eu.shop.example"))["dmarc"]
    assert (found.state, found.name) == ("right", "_dmarc.shop.example")
    assert (await check(zone, "shop.other"))["dmarc"].name == "_dmarc.shop.other"


async def test_a_name_server_that_fails_or_is_not_there_says_nothing_about_the_records(zone: Zone, monkeypatch):
    monkeypatch.setattr("onethread.gateway_email.names.ONE_LOOK_UP", 0.3)
    zone.broken = True
    for _ in range(2):
        found = await check(zone)
        assert {record.state for record in found.values()} == {"unknown"}
        assert found["dkim"].value == RIGHT
        zone.server = "127.0.0.1:1"


async def test_mail_that_goes_elsewhere_may_be_handed_on_to_us(zone: Zone):
    zone.records["shop.example", "MX"] = ["1 smtp.google.com."]
    found = (await check(zone))["mx"]
    assert (found.state, "smtp.google.com" in found.words) == ("unknown", True)


@pytest.mark.parametrize(
    ("found", "state", "value"),
    [
        (["v=spf1 include:a.example ~all"], "wrong", "v=spf1 include:a.example ip4:203.0.113.7 ~all"),
        (["v=spf1 mx redirect=b.example"], "wrong", "v=spf1 mx ip4:203.0.113.7 redirect=b.example"),
        (["v=spf1 a"], "wrong", "v=spf1 a ip4:203.0.113.7"),
        (["v=spf1 +ip4:203.0.113.7 -all"], "right", "v=spf1 +ip4:203.0.113.7 -all"),
        (["v=spf1 -ip4:203.0.113.7 ?all"], "wrong", "v=spf1 -ip4:203.0.113.7 ip4:203.0.113.7 ?all"),
        (["v=spf1 -all", "v=spf1 ~all"], "wrong", ""),
    ],
)
def test_our_server_is_added_to_the_spf_record_that_is_there(found, state, value):
    assert records.judge_spf(found, "ip4:203.0.113.7")[:2] == (state, value)


def test_where_nobody_said_by_what_mail_leaves_no_spf_record_is_made_up():
    assert records.judge_spf([], "")[:2] == ("unknown", "")


@pytest.mark.parametrize(
    "shown",
    [
        ["v=DKIM1; p="], ["v=DKIM1; k=rsa; p=other"], [RIGHT, RIGHT], [f"k=ed25519; p={KEY}"],
        [f"v=DKIM1; h=sha1; p={KEY}"],
    ],
)  # fmt: skip
def test_a_key_record_that_receivers_cannot_use_is_wrong(shown):
    assert records.judge_key(shown, KEY)[0] == "wrong"


@pytest.mark.parametrize("shown", [f"p={KEY}", f"v=DKIM1;h=sha256;k=rsa;p={KEY[:100]} {KEY[100:]};"])
def test_a_key_record_in_another_spelling_is_right(shown):
    assert records.judge_key([shown], KEY)[0] == "right"


@pytest.mark.parametrize("shown", [["v=DMARC1"], ["v=DMARC1; p=maybe"], ["v=DMARC1; p=none", "v=DMARC1; p=reject"]])
def test_a_policy_that_cannot_be_read_is_wrong(shown):
    assert records.judge_dmarc(shown)[0] == "wrong"
