"""What is known of Google and Microsoft: pure."""

from __future__ import annotations

import pytest

from onethread.conversation import mail_apps
from onethread.conversation.mail_apps import PROVIDERS, App, mailbox, tenant_of

GOOGLE, MICROSOFT = PROVIDERS["google"], PROVIDERS["microsoft"]
TENANT = "11111111-2222-4333-8444-555555555555"
AT = "https://login.microsoftonline.com"


@pytest.mark.parametrize("issuer", ["https://accounts.google.com", "accounts.google.com"])
def test_google_calls_itself_by_two_names(issuer: str) -> None:
    assert GOOGLE.is_issuer(issuer)


@pytest.mark.parametrize(
    "issuer",
    [
        "https://accounts.google.com.evil.example", "https://evil.example", "", "https://accountsXgoogle.com",
        f"{AT}/{TENANT}/v2.0",
    ],
)  # fmt: skip
def test_nobody_else_is_google(issuer: str) -> None:
    assert not GOOGLE.is_issuer(issuer)


def test_an_organisation_at_microsoft_is_told_by_its_id_alone() -> None:
    assert MICROSOFT.is_issuer(f"{AT}/{TENANT}/v2.0")
    for wrong in (f"{AT}/evil.example/v2.0", f"{AT}/{TENANT}/x/v2.0", f"https://evil.example/{TENANT}/v2.0"):
        assert not MICROSOFT.is_issuer(wrong)


def test_the_tenant_is_read_in_the_token_url_of_microsoft_and_no_other() -> None:
    for tenant in ("common", TENANT, "shop.example"):
        assert tenant_of(MICROSOFT, MICROSOFT.token_url(tenant)) == tenant
    for other in ("https://evil.example/token", "", f"{AT}/a/b/oauth2/v2.0/token", GOOGLE.token_url("common")):
        assert tenant_of(MICROSOFT, other) is None
    assert tenant_of(GOOGLE, GOOGLE.token_url("common")) == "common"
    assert tenant_of(GOOGLE, "https://evil.example/token") is None


def test_the_scope_for_mail_is_known_by_whatever_machine_microsoft_names() -> None:
    assert MICROSOFT.reads_mail("openid https://outlook.office365.com/imap.accessasuser.all")
    assert not MICROSOFT.reads_mail("openid https://outlook.office.com/SMTP.Send")
    assert GOOGLE.reads_mail("openid https://mail.google.com/")
    assert not GOOGLE.reads_mail("openid https://www.googleapis.com/auth/userinfo.email")


def test_what_is_said_of_another_servers_mailbox_is_not_taken_over() -> None:
    elsewhere = {"host": "imap.shop.example", "user": "x", "folder": "Support", "after": "deleted"}
    made = mailbox(GOOGLE, App("an-app", ""), "help@shop.example", "help@shop.example", elsewhere)
    assert (made.host, made.folder, made.after) == ("imap.gmail.com", "INBOX", "nothing")


def test_no_secret_is_in_a_repr() -> None:
    assert "canary" not in repr(mail_apps.App("an-app", "canary"))
