"""Which company an address belongs to, and which mailboxes are shared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.conversation import companies

PUBLIC = """
    gmail.com googlemail.com outlook.com hotmail.co.uk icloud.com yahoo.de gmx.net web.de mail.gmx.de t-online.de qq.com
    mail.ru proton.me mailbox.org hey.com duck.com privaterelay.appleid.com abc.privaterelay.appleid.com
"""


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("ana@acme.com", "acme.com"),
        ("ana@mail.eu.acme.co.uk", "acme.co.uk"),
        ("ana@xn--exmple-cua.com", "xn--exmple-cua.com"),
        ("ana@acme.internal", "acme.internal"),
        ("ana@acme.github.io", "acme.github.io"),
    ],
)
def test_an_address_belongs_to_the_company_that_registered_its_domain(address: str, domain: str) -> None:
    assert companies.company_domain(address) == domain


@pytest.mark.parametrize(
    "domain",
    PUBLIC.split(),
)
def test_a_public_mail_provider_is_nobodys_company(domain: str) -> None:
    assert companies.company_domain(f"ana@{domain}") is None


@pytest.mark.parametrize(
    "address", ["ana@co.uk", "ana@localhost", "ana@10.0.0.1", "ana@[10.0.0.1]", "ana", "ana@", "@"]
)
def test_what_no_company_can_register_is_none(address: str) -> None:
    assert companies.company_domain(address) is None


@given(st.text(max_size=40))
def test_any_text_is_answered(text: str) -> None:
    companies.company_domain(text)
    companies.is_role_address(text)


@pytest.mark.parametrize("address", ["info@acme.com", "Support@acme.com", "support+eu@acme.com", "family@ruiz.example"])
def test_a_shared_mailbox_is_known_by_its_name(address: str) -> None:
    assert companies.is_role_address(address)


@pytest.mark.parametrize("address", ["ana@acme.com", "information.desk.ana@acme.com", "itai@acme.com", "info"])
def test_a_persons_mailbox_is_not_a_shared_one(address: str) -> None:
    assert not companies.is_role_address(address)
