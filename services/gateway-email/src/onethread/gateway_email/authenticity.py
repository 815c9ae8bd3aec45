"""Who a mail is really from: pure. Only a relay that the operator named may say so (RFC 8601); all else is a claim."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

import authres
from authres.core import AuthenticationResult

from onethread.contracts.messages import Trust
from onethread.gateway_email.addresses import domain_of, normal_domain

FIELD_CHARACTERS = 4000
FIELD = "Authentication-Results: "
Outcome = Literal["aligned_pass", "aligned_spf_only", "unaligned", "fail", "unknown", "none"]


@dataclass(frozen=True, slots=True)
class Edge:
    """The relays that are believed, and the name under which they speak."""

    relays: tuple[IPv4Network | IPv6Network, ...] = ()
    authserv_id: str = ""

    @classmethod
    def parse(cls, relays: str, authserv_id: str) -> Edge:
        """Raises ValueError for what is no network."""
        networks = (ip_network(part.strip()) for part in relays.split(",") if part.strip())
        return cls(tuple(networks), authserv_id.strip().lower())

    def believes(self, peer: str) -> bool:
        address = _address(peer)
        return bool(self.authserv_id) and address is not None and any(address in relay for relay in self.relays)


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    evidence: str

    @property
    def trust(self) -> Trust:
        return "verified" if self.outcome == "aligned_pass" else "asserted"


NOBODY = Verdict("none", "nobody vouched for this mail")


def judge(headers: list[tuple[str, str]], peer: str, sender: str, edge: Edge) -> Verdict:
    """The verdict of the relay at `peer` on a mail from `sender`; `headers` from the top down.

    Only the topmost field counts, and only above the first `Received`: whatever is below came with the mail.
    """
    if not edge.believes(peer):
        return NOBODY
    for name, value in headers:
        if name.lower() == "received":
            break
        if name.lower() == "authentication-results":
            return _read(value, domain_of(sender), edge.authserv_id)
    return NOBODY


def _read(field: str, domain: str, authserv_id: str) -> Verdict:
    try:
        parsed = authres.AuthenticationResultsHeader.parse(FIELD + " ".join(field[:FIELD_CHARACTERS].split()))
    except (authres.AuthResError, ValueError, RecursionError):
        return NOBODY
    if str(parsed.authserv_id).lower() != authserv_id:
        return NOBODY
    results = [r for r in parsed.results or [] if isinstance(r, AuthenticationResult)]
    outcome, why = _by_dmarc(results, domain) or _by_alignment(results, domain)
    return Verdict(outcome, f"{why}, says {authserv_id}")


def _by_dmarc(results: list[AuthenticationResult], domain: str) -> tuple[Outcome, str] | None:
    found = [r for r in results if r.method.lower() == "dmarc" and r.result.lower() not in ("none", "bestguesspass")]
    if not found:
        return None
    said = {r.result.lower() for r in found}
    about = {normal_domain(_property(r, "header", "from")) for r in found}
    if said <= {"temperror", "permerror"}:
        return "unknown", f"DMARC could not be checked for {domain}"
    if said != {"pass"}:
        return "fail", f"forged: failed DMARC for {domain}"
    if about != {domain}:
        return "fail", f"forged: the DMARC result is not about {domain}"
    return "aligned_pass", f"passed DMARC for {domain}"


def _by_alignment(results: list[AuthenticationResult], domain: str) -> tuple[Outcome, str]:
    """Where the relay gives no DMARC result. A parent domain does not count here: it may be a public suffix."""
    passed = [r for r in results if r.result.lower() == "pass"]
    signers = {normal_domain(_property(r, "header", "d")) for r in passed if r.method.lower() == "dkim"} - {None}
    senders = [_property(r, "smtp", "mailfrom") for r in passed if r.method.lower() == "spf"]
    envelopes = {normal_domain(domain_of(sender)) for sender in senders} - {None}
    if domain in signers:
        return "aligned_pass", f"signed by {domain}"
    if domain in envelopes:
        return "aligned_spf_only", f"sent by a server of {domain}, but not signed"
    if signers | envelopes:
        return "unaligned", f"signed or sent by others than {domain}"
    return "none", "nobody vouched for this mail"


def _property(result: AuthenticationResult, kind: str, name: str) -> str:
    for found in result.properties:
        if (found.type.lower(), found.name.lower()) == (kind, name):
            return str(found.value or "")
    return ""


def _address(peer: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
