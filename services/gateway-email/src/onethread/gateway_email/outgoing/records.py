"""What the DNS of an address's domain must say, so that others take our mail for genuine, and what it does say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from onethread.contracts.mail import CheckRecords, DnsRecord, PublicKey, RecordKind, RecordsChecked, RecordState
from onethread.gateway_email.names import Names
from onethread.runtime.bus import UnavailableError

NOT_ASKED = "The DNS could not be asked just now. Check again in a minute."
DMARC_TO_BEGIN_WITH = "v=DMARC1; p=none"
LABELS = 8
"""As far as a policy is looked for up the tree (RFC 9989)."""

Judge = Callable[[Sequence[str]], tuple[RecordState, str, str]]
"""State, what is to be there, and what follows, of what was found."""


@dataclass(frozen=True, slots=True)
class Records:
    """Answers `svc.gateway-email.records`. `host` takes our mail, `spf` names who sends it; both may be unknown."""

    names: Names
    host: str
    spf: str
    bounce_domain: Callable[[str], str] = lambda _: ""
    """To which what comes back of a domain's mails is sent; empty: to the domain itself."""

    async def __call__(self, asked: CheckRecords) -> RecordsChecked:
        domain = asked.domain
        keys = [self._key(domain, key) for key in asked.keys]
        bounces = self.bounce_domain(domain)
        returns = [self._spf(bounces), self._mx(bounces)] if bounces else []
        items = await asyncio.gather(*keys, self._spf(domain), self._dmarc(domain), self._mx(domain), *returns)
        return RecordsChecked(items=list(items))

    async def _mx(self, domain: str) -> DnsRecord:
        return await self._look("mx", "MX", domain, self.names.mx(domain), lambda found: judge_mx(found, self.host))

    async def _spf(self, domain: str) -> DnsRecord:
        return await self._look("spf", "TXT", domain, self._spf_of(domain), lambda found: judge_spf(found, self.spf))

    async def _spf_of(self, domain: str) -> list[str]:
        return [text for text in await self.names.txt(domain) if text.lower().split(" ")[0] == "v=spf1"]

    async def _key(self, domain: str, key: PublicKey) -> DnsRecord:
        name = f"{key.selector}._domainkey.{domain}"
        record = await self._look("dkim", "TXT", name, self.names.txt(name), lambda found: judge_key(found, key.public))
        return record.model_copy(update={"selector": key.selector})

    async def _dmarc(self, domain: str) -> DnsRecord:
        """A policy may stand at the domain itself or at one above it."""
        own = await self._policy(domain)
        parts, record = domain.split(".")[-LABELS:], own
        while record.state == "missing" and len(parts) > 2:  # noqa: PLR2004 a top-level domain has none for others
            parts = parts[1:]
            record = await self._policy(".".join(parts))
        return own if record.state == "missing" else record

    async def _policy(self, domain: str) -> DnsRecord:
        name = f"_dmarc.{domain}"
        return await self._look("dmarc", "TXT", name, self._policies(name), judge_dmarc)

    async def _policies(self, name: str) -> list[str]:
        return [text for text in await self.names.txt(name) if text.replace(" ", "").lower().startswith("v=dmarc1")]

    async def _look(
        self, kind: RecordKind, type_: Literal["MX", "TXT"], name: str, asking: Awaitable[list[str]], judge: Judge
    ) -> DnsRecord:
        try:
            found = await asking
        except UnavailableError:
            _, value, _ = judge([])
            return DnsRecord(kind=kind, type=type_, name=name, value=value, state="unknown", words=NOT_ASKED)
        state, value, words = judge(found)
        return DnsRecord(kind=kind, type=type_, name=name, value=value, found=found, state=state, words=words)


def judge_key(found: Sequence[str], public: str) -> tuple[RecordState, str, str]:
    value = f"v=DKIM1; k=rsa; p={public}"
    if not found:
        return "missing", value, "Add this record. Until the DNS shows it, mail is not signed with this key."
    shown = [_tags(text) for text in found]
    if len(shown) > 1:
        return "wrong", value, "More than one record stands here, and receivers believe none. Keep this one alone."
    if shown[0].get("p") == "":
        return "wrong", value, "This key is shown as withdrawn. Put this record in its place, or make a new key."
    if shown[0].get("p") != public:
        return "wrong", value, "Another key stands here. Put this record in its place; mind that none of it is cut off."
    if shown[0].get("k", "rsa") != "rsa" or "sha256" not in shown[0].get("h", "sha256"):
        return "wrong", value, "The key is there, and is said to be of another kind. Put this record in its place."
    return "right", value, "Receivers can check our signature."


def judge_spf(found: Sequence[str], ours: str) -> tuple[RecordState, str, str]:
    """`ours`: a mechanism, such as `include:spf.relay.example` or `ip4:203.0.113.7`."""
    if len(found) > 1:
        return "wrong", "", "There are several SPF records, and receivers then believe none. Put all into one."
    if not ours:
        words = "Which server our mail leaves by is not known here: whoever runs this installation sets ONETHREAD_SPF."
        return "unknown", "", words
    if not found:
        return (
            "missing",
            f"v=spf1 {ours} ~all",
            "Add this record: it says that our mail server may send for the domain.",
        )
    terms = found[0].split()
    if ours.lower() in (term.lower().removeprefix("+") for term in terms):
        return "right", found[0], "Our mail server may send for the domain."
    ends = [n for n, term in enumerate(terms) if term.lower().lstrip("+-~?") == "all" or "redirect=" in term.lower()]
    at = ends[0] if ends else len(terms)
    value = " ".join([*terms[:at], ours, *terms[at:]])
    return "wrong", value, "Our mail server is not named. Change the record to this one; the others named there stay."


def judge_dmarc(found: Sequence[str]) -> tuple[RecordState, str, str]:
    if not found:
        words = "Add this record. Large providers refuse or hide mail from domains without one."
        return "missing", DMARC_TO_BEGIN_WITH, words
    policy = _tags(found[0]).get("p", "").lower()
    if len(found) > 1 or policy not in ("none", "quarantine", "reject"):
        words = (
            "It cannot be read, so receivers pass over it: there must be one record, with p=none, quarantine or reject."
        )
        return "wrong", DMARC_TO_BEGIN_WITH, words
    if policy == "none":
        return (
            "right",
            found[0],
            "It is there, and asks for nothing: once all else is right, p=quarantine stops forgers.",
        )
    return "right", found[0], "Receivers are told what to do with mail that others forge in your name."


def judge_mx(found: Sequence[str], host: str) -> tuple[RecordState, str, str]:
    value = f"10 {host}." if host else ""
    servers = ", ".join(found)
    if not found:
        how = "Add this record" if host else "Add one that names the mail server of this installation"
        return "missing", value, f"No mail for this domain arrives anywhere. {how}."
    if host and host.lower() in (server.lower().rstrip(".") for server in found):
        return "right", value, "Mail for this domain comes to us."
    return "unknown", value, f"Mail goes to {servers}. That is right if it hands the mail for this address on to us."


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs if name.strip()}
