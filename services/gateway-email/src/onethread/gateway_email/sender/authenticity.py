"""Who a mail is really from, as a relay says that the operator named (RFC 8601): pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

import authres
from authres.core import AuthenticationResult, AuthenticationResultsHeader

from onethread.contracts import messages as m
from onethread.gateway_email.parsing.addresses import domain_of, normal_domain

FIELD_CHARACTERS = 4000
FIELD = "Authentication-Results: "
DKIM, SPF = ("dkim", "pass"), ("spf", "pass")
Outcome = Literal["aligned_pass", "aligned_spf_only", "unaligned", "fail", "unknown", "none"]


@dataclass(frozen=True)
class Edge:
    """The relays that are believed, the name under which they speak, and whether they do so below their own
    `Received`, as rspamd does, and not above it, as OpenDKIM and OpenDMARC do.
    """

    relays: tuple[IPv4Network | IPv6Network, ...] = ()
    authserv_id: str = ""
    below: bool = False

    @classmethod
    def parse(cls, relays: str, authserv_id: str, *, below: bool = False) -> Edge:
        """Raises ValueError for what is no network."""
        networks = (ip_network(part.strip()) for part in relays.split(",") if part.strip())
        return cls(tuple(networks), authserv_id.strip().lower(), below)

    def believes(self, peer: str) -> bool:
        return bool(self.authserv_id) and self.is_relay(peer)

    def is_relay(self, peer: str) -> bool:
        address = address_of(peer)
        return address is not None and any(address in relay for relay in self.relays)


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    evidence: str
    by_signature: bool = False
    """It rests on a signature, since the way here was another's: whoever once got the mail may have sent it on."""

    @property
    def trust(self) -> m.Trust:
        return "verified" if self.outcome == "aligned_pass" else "asserted"

    @property
    def word(self) -> m.Verdict:
        return "forged" if self.outcome == "fail" else self.trust


_BEGINS_A_COMMENT = (" ", "(")
NOBODY = Verdict("none", "nobody vouched for this mail")


class _Field(AuthenticationResultsHeader):
    def _parse_rfc5322_cfws(self) -> None:
        """The library looks for blanks and comments before everything that it reads, and takes long to find none."""
        if self._parse_text[:1] in _BEGINS_A_COMMENT:
            super()._parse_rfc5322_cfws()


def judge(headers: list[tuple[str, str]], peer: str, sender: str, edge: Edge, vouching: str = "") -> Verdict:
    """The verdict of the relay at `peer` on a mail from `sender`; `headers` from the top down. `vouching`: who brought
    it in the relay's place, and is believed.

    Only the topmost field counts, and only above the first `Received`: whatever is below came with the mail. Where the
    relay writes it below, the second one ends the search, and that the relay takes away what others wrote is its word.
    """
    authserv_id = vouching or (edge.authserv_id if edge.believes(peer) else "")
    if not authserv_id:
        return NOBODY
    own = headers if vouching else _written_by(edge, headers)
    results = next((value for name, value in own if name.lower() == "authentication-results"), None)
    return NOBODY if results is None else read(results, domain_of(sender), authserv_id, list_of(headers))


def _written_by(edge: Edge, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The fields that stand where those of the relay do."""
    traces = [place for place, (name, _) in enumerate(headers) if name.lower() == "received"]
    return headers[: ([*traces, len(headers), len(headers)])[edge.below]]


def read(field: str, domain: str, authserv_id: str | None, by_list: str = "") -> Verdict:
    """What one field says of mail from `domain`; None: whoever says it. `by_list` passed it on, as the mail has it."""
    try:
        parsed = _Field.parse(authres.core_features(), FIELD + " ".join(field[:FIELD_CHARACTERS].split()))
    except (authres.AuthResError, ValueError, RecursionError):
        return NOBODY
    if authserv_id is not None and str(parsed.authserv_id).lower() != authserv_id:
        return NOBODY
    results = [r for r in parsed.results or [] if isinstance(r, AuthenticationResult)]
    outcome, why = _by_dmarc(results, domain, by_list) or _by_alignment(results, domain)
    return Verdict(outcome, f"{why}, says {authserv_id or parsed.authserv_id}", _is_by_signature(results, domain))


def _is_by_signature(results: list[AuthenticationResult], domain: str) -> bool:
    ways = _envelopes(results)
    is_theirs = any(f".{one}".endswith(f".{other}") for way in ways for one, other in ((way, domain), (domain, way)))
    return not is_theirs and any(result.method.lower() == "spf" for result in results)


def list_of(headers: Iterable[tuple[str, str]]) -> str:
    """The name of the mailing list that the mail says it came by; empty where it names none."""
    said = next((value for name, value in headers if name.lower() == "list-id"), "")
    return normal_domain(said[:FIELD_CHARACTERS].rpartition("<")[2].partition(">")[0]) or ""


def by_whom(others: Iterable[str], by_list: str) -> str:
    """Who vouches for a mail that failed, as more of that sentence. A list proves as little as anybody: whoever reads
    it shall know that its changes break the signatures of honest people too.
    """
    others = list(others)
    if any(by_list == other or by_list.endswith(f".{other}") for other in others):
        return f"; the mailing list {by_list} passed it on, and lists often change what they pass on"
    return f"; {others[0]} signed or sent it" if others else ""


def _by_dmarc(results: list[AuthenticationResult], domain: str, by_list: str) -> tuple[Outcome, str] | None:
    found = [r for r in results if r.method.lower() == "dmarc" and r.result.lower() not in ("none", "bestguesspass")]
    if not found:
        return None
    said = {r.result.lower() for r in found}
    about = {normal_domain(_property(r, "header", "from")) for r in found}
    if said <= {"temperror", "permerror"}:
        return "unknown", f"DMARC could not be checked for {domain}"
    if said != {"pass"}:
        return "fail", f"failed DMARC for {domain}{by_whom(_vouching(results), by_list)}"
    if about != {domain}:
        return "fail", f"the DMARC result is not about {domain}"
    return "aligned_pass", f"passed DMARC for {domain}"


def _by_alignment(results: list[AuthenticationResult], domain: str) -> tuple[Outcome, str]:
    """Where the relay gives no DMARC result. A parent domain does not count here: it may be a public suffix."""
    signers, envelopes = _signers(results), _envelopes(results)
    if domain in signers:
        return "aligned_pass", f"signed by {domain}"
    if domain in envelopes:
        return "aligned_spf_only", f"sent by a server of {domain}, but not signed"
    if others := _vouching(results):
        return "unaligned", f"signed or sent by {others[0]}, not by {domain}"
    return "none", "nobody vouched for this mail"


def _vouching(results: list[AuthenticationResult]) -> list[str]:
    return list(dict.fromkeys([*_signers(results), *_envelopes(results)]))


def _signers(results: list[AuthenticationResult]) -> list[str]:
    return _domains(_property(r, "header", "d") for r in results if (r.method.lower(), r.result.lower()) == DKIM)


def _envelopes(results: list[AuthenticationResult]) -> list[str]:
    said = (_property(r, "smtp", "mailfrom") for r in results if (r.method.lower(), r.result.lower()) == SPF)
    return _domains(domain_of(sender) for sender in said)


def _domains(said: Iterable[str]) -> list[str]:
    return [domain for one in said if (domain := normal_domain(one))]


def _property(result: AuthenticationResult, kind: str, name: str) -> str:
    for found in result.properties:
        if (found.type.lower(), found.name.lower()) == (kind, name):
            return str(found.value or "")
    return ""


def address_of(peer: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
