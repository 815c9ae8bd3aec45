"""Who a mail is really from, where it comes straight to us: what its signatures, its way here and the DNS say of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Network, IPv6Network, ip_network

from onethread.gateway_email.names import Names, NotAnsweredError
from onethread.gateway_email.parsing import addresses
from onethread.gateway_email.parsing.mime import Mail
from onethread.gateway_email.sender import authenticity, dmarc, signatures
from onethread.gateway_email.sender.authenticity import Verdict
from onethread.gateway_email.sender.dmarc import Policies, Wish
from onethread.gateway_email.sender.signatures import Chain, Keys, Signature
from onethread.gateway_email.sender.spf import Sent, sent

SECONDS = 15.0
"""For all look-ups of a mail. Its sender waits for our answer."""
AGE, AHEAD = timedelta(days=7), timedelta(days=1)
CHECKED = 5
"""Signatures of one mail. Each takes the time to hash all of it."""
NEAR: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(near)
    for near in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "100.64.0.0/10",
        "fc00::/7",
        "fe80::/10",
    )
)
"""Behind such an address stands a load balancer or a relay of ours. Who gave it the mail is not known."""
PARTLY = "anybody may add to what it says"
WISHES: dict[Wish, str] = {
    "none": "",
    "quarantine": ", which asks to set such mail aside",
    "reject": ", which asks to refuse such mail",
}


@dataclass(frozen=True, slots=True)
class Findings:
    domain: str
    """That From names."""
    sent: Sent | None
    """By which server; None where that is not known."""
    signatures: list[Signature] = field(default_factory=list[Signature])
    policies: Policies = field(default_factory=Policies)
    chain: Chain | None = None


class Checks:
    """`sealers`: forwarders whose word on what they passed on is believed."""

    def __init__(self, names: Names, sealers: Iterable[str] = ()) -> None:
        self._names, self._sealers = names, frozenset(sealers)

    async def find(self, raw: bytes, *, peer: str, greeting: str, sender: str) -> Findings | None:
        """None for a mail that names no sender, or several. Never raises.

        `peer` is who brought the mail, empty where that is not known; `sender` is that of the envelope.
        """
        mail = Mail.head(raw)
        fields = mail.fields("From")
        author = addresses.sole(fields[0]) if len(fields) == 1 else None
        if author is None:
            return None
        domain = addresses.domain_of(author[1])
        try:
            async with asyncio.timeout(SECONDS):
                found = await self._find(mail, domain, peer, greeting, sender)
                return await self._with_chain(mail, found)
        except TimeoutError:
            return Findings(domain, None, policies=Policies(silent=frozenset({domain})))

    async def _find(self, mail: Mail, domain: str, peer: str, greeting: str, sender: str) -> Findings:
        made = _worth_checking(signatures.listed(mail.headers), domain)
        envelope = addresses.normal_domain(addresses.domain_of(sender) or greeting)
        others = {one.domain for one in made} | ({envelope} if envelope else set())
        related = [other for other in others if dmarc.may_align(domain, other)]
        came, keys, policies = await asyncio.gather(
            self._sent(peer, greeting, sender), self._keys(one.key_name for one in made),
            dmarc.policies([domain, *related], self._names),
        )  # fmt: skip
        if made:
            made = await asyncio.to_thread(signatures.checked, mail.raw, made, keys)
        return Findings(domain, came, made, policies)

    async def _sent(self, peer: str, greeting: str, sender: str) -> Sent | None:
        address = authenticity.address_of(peer)
        if address is None:
            return None
        found = await sent(str(address), greeting, sender, self._names)
        return None if found.result != "pass" and any(address in near for near in NEAR) else found

    async def _with_chain(self, mail: Mail, found: Findings) -> Findings:
        """Looks at who passed it on, where nothing else vouches for it."""
        sealers, key_names = signatures.seal_keys(mail.headers)
        if not sealers or not sealers <= self._sealers or _signed(found) or _came_from_there(found):
            return found
        keys = await self._keys(key_names)
        chain = await asyncio.to_thread(signatures.chain, mail.raw, keys)
        return Findings(found.domain, found.sent, found.signatures, found.policies, chain)

    async def _keys(self, key_names: Iterable[str]) -> Keys:
        wanted = list(dict.fromkeys(key_names))
        return dict(zip(wanted, await asyncio.gather(*map(self._key, wanted)), strict=True))

    async def _key(self, name: str) -> bytes | None:
        try:
            return signatures.key(await self._names.find(name, "TXT"))
        except NotAnsweredError:
            return None


def judge(found: Findings, mail: Mail, is_ours: Callable[[str], bool], at: datetime) -> Verdict:
    """`is_ours` knows the addresses of the desk that has the mail: what was signed for others is no word to us."""
    doubts = {one.domain: _doubt(one, mail, is_ours, at) for one in _signed(found)}
    return (
        _proven(found, mail, is_ours, at, doubts)
        or _doubtful(found, doubts)
        or _failed(found, mail)
        or _without_policy(found)
    )


def weighed(told: Verdict, domain: str, mail: Mail, is_ours: Callable[[str], bool], at: datetime) -> Verdict:
    """What a relay says, where that rests on a signature: with the doubts that we have where we check it ourselves. It
    may have found any of the domain's signatures good, so that all of them have to be beyond doubt.
    """
    if not told.by_signature or told.outcome != "aligned_pass":
        return told
    made = [one for one in signatures.listed(mail.headers) if dmarc.may_align(domain, one.domain)]
    doubt = next((doubt for one in made if (doubt := _doubt(one, mail, is_ours, at))), "")
    return Verdict("unknown", f"{told.evidence}, but {doubt}") if doubt else told


def _proven(
    found: Findings, mail: Mail, is_ours: Callable[[str], bool], at: datetime, doubts: Mapping[str, str]
) -> Verdict | None:
    signed, came = [domain for domain, doubt in doubts.items() if not doubt], _came_from_there(found)
    if signed:
        return Verdict("aligned_pass", f"signed by {signed[0]}")
    if came and found.policies.policy(found.domain):
        return Verdict("aligned_pass", f"sent by a server of {came.domain}, and passed DMARC for {found.domain}")
    if found.chain and not doubts and _passed_on(found.chain, found, mail, is_ours, at):
        by = min(found.chain.sealers)
        return Verdict("aligned_pass", f"passed DMARC for {found.domain} before {by} passed it on")
    return None


def _doubtful(found: Findings, doubts: Mapping[str, str]) -> Verdict | None:
    came = _came_from_there(found)
    if doubts:
        domain, doubt = next(iter(doubts.items()))
        return Verdict("unknown", f"signed by {domain}, but {doubt}")
    if _is_unsure(found):
        return Verdict("unknown", f"could not be checked: the name service of {found.domain} did not answer")
    if came:
        return Verdict("aligned_spf_only", f"sent by a server of {came.domain}, but not signed")
    if (way := found.sent) and way.from_anywhere and _is_theirs(way, found):
        return Verdict("unknown", f"not signed, and {way.domain} lets every server send its mail")
    return None


def _failed(found: Findings, mail: Mail) -> Verdict | None:
    """Neither its signatures nor its server are the domain's, which says that all its mail has one of them."""
    policy = found.policies.policy(found.domain)
    if policy is None or found.sent is None:
        return None
    by = authenticity.by_whom(_others(found), authenticity.list_of(mail.headers))
    return Verdict("fail", f"failed DMARC for {found.domain}{WISHES[policy[1]]}{by}")


def _without_policy(found: Findings) -> Verdict:
    for one in _signed(found, partly=True):
        return Verdict("unknown", f"signed by {one.domain}, but {PARTLY}")
    if others := _others(found):
        return Verdict("unaligned", f"signed or sent by {others[0]}, not by {found.domain}")
    if found.sent is None:
        return Verdict("none", f"not signed by {found.domain}, and who sent it is not known")
    if found.sent.result == "fail" and found.sent.domain == found.domain:
        return Verdict("none", f"sent by a server that is none of {found.domain}")
    return Verdict("none", "nobody vouched for this mail")


def _others(found: Findings) -> list[str]:
    """Whose word the mail has, where that is not the domain's."""
    signers = [one.domain for one in found.signatures if one.state == "pass" and not one.is_partial]
    return [*signers, *([found.sent.domain] if found.sent and found.sent.result == "pass" else [])]


def _worth_checking(listed: list[Signature], domain: str) -> list[Signature]:
    """Those that could speak for the domain, and one of whoever else."""
    near = [one for one in listed if dmarc.may_align(domain, one.domain)]
    return [*near[: CHECKED - 1], *[one for one in listed if one not in near][:1]]


def _signed(found: Findings, *, partly: bool = False) -> list[Signature]:
    """By the domain. What is signed in part is not: anybody may add to it, and hide the part that was signed."""
    passed = [one for one in found.signatures if one.state == "pass" and _speaks(one, found)]
    return [one for one in passed if one.is_partial == partly]


def _speaks(one: Signature, found: Findings) -> bool:
    policy = found.policies.policy(found.domain)
    return found.policies.aligned(found.domain, one.domain, strict=bool(policy and policy[0].strict_dkim))


def _came_from_there(found: Findings) -> Sent | None:
    came = found.sent
    proves = came and came.result == "pass" and not came.from_anywhere and _is_theirs(came, found)
    return came if proves else None


def _is_theirs(came: Sent, found: Findings) -> bool:
    policy = found.policies.policy(found.domain)
    return found.policies.aligned(found.domain, came.domain, strict=bool(policy and policy[0].strict_spf))


def _is_unsure(found: Findings) -> bool:
    """Whether what got no answer could have proven it. All else is the sender's to choose, and to silence."""
    silent = [one for one in found.signatures if one.state == "unknown" and _speaks(one, found)]
    way = found.sent if found.sent and found.sent.result == "temperror" else None
    return bool(silent) or found.policies.unsure(found.domain) or bool(way and _is_theirs(way, found))


def _doubt(one: Signature, mail: Mail, is_ours: Callable[[str], bool], at: datetime) -> str:
    """Why a good signature does not prove that its owner wrote this to us; empty where it does.

    It says nothing of the envelope: whoever once got a mail can send it on to anybody.
    """
    if one.is_partial:
        return PARTLY
    if not _is_addressed(one.covers, mail, is_ours):
        return "not to this address; somebody may have sent it on"
    opened = [name for name in ("Subject", "Date", "Message-ID") if not _covers(one.covers, name, mail)]
    return f"anybody may change its {opened[0]}" if opened else _age(one, mail, at)


def _age(one: Signature, mail: Mail, at: datetime) -> str:
    made = datetime.fromtimestamp(one.made, UTC) if one.made else _date(mail)
    if made is None:
        return "nobody knows when; somebody may have sent it again"
    if made - at > AHEAD:
        return "dated in the future, so that nobody knows when it was sent"
    if at - made > AGE:
        return f"{(at - made).days} days ago; somebody may have sent it again"
    return ""


def _is_addressed(covers: tuple[str, ...], mail: Mail, is_ours: Callable[[str], bool]) -> bool:
    fields = [field for name in ("To", "Cc") if _covers(covers, name, mail) for field in mail.fields(name)]
    return any(is_ours(address) for address in addresses.several(fields))


def _covers(covers: tuple[str, ...], name: str, mail: Mail) -> bool:
    """Whether every field of that name is signed. Those that are not could be anybody's."""
    return covers.count(name.lower()) >= len(mail.fields(name))


def _passed_on(chain: Chain, found: Findings, mail: Mail, is_ours: Callable[[str], bool], at: datetime) -> bool:
    before = authenticity.read(chain.first_results, found.domain, None)
    return before.outcome == "aligned_pass" and not _doubt(chain.last, mail, is_ours, at)


def _date(mail: Mail) -> datetime | None:
    try:
        made = parsedate_to_datetime(mail.header("Date"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return made if made.tzinfo else made.replace(tzinfo=UTC)
