"""Postmark: JSON, proven by HTTP Basic. With "Include raw email content" it brings the mail itself."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from onethread.gateway_email import written
from onethread.gateway_email.parsing import addresses
from onethread.gateway_email.webhooks import forms
from onethread.gateway_email.webhooks.provider import Call, Heard, Posted, Told, check_login

GAVE_UP = {"Transient": "delayed", "DnsError": "delayed", "SoftBounce": "delayed"}
DEAD = {"HardBounce": "5.1.1", "BadEmailAddress": "5.1.3"}
IGNORED = ("Subscribe", "Unsubscribe", "AutoResponder", "AddressChange", "OpenRelayTest", "ChallengeVerification")


class Postmark:
    refusal = 403

    def read(self, call: Call, key: str) -> Heard:
        check_login(call, key)
        [said, *_] = forms.objects(call.body)
        record = forms.text(said, "RecordType") or "Inbound"
        if record == "Inbound":
            return Heard([_posted(said)])
        told = _told(said, record)
        return Heard([told] if told else [])


def _posted(said: dict[str, Any]) -> Posted:
    headers = _headers(said)
    raw = forms.text(said, "RawEmail").encode("utf-8", "replace")
    return Posted(
        raw or written.mail(headers, forms.text(said, "TextBody"), forms.text(said, "HtmlBody"), _files(said)),
        written.sender_of(headers),
        tuple(addresses.several([forms.text(said, name) for name in ("OriginalRecipient", "To", "Cc", "Bcc")])),
        hash=forms.text(said, "MailboxHash"),
    )


def _headers(said: dict[str, Any]) -> list[tuple[str, str]]:
    """Postmark leaves out of `Headers` what it has a field of its own for."""
    listed = [(forms.text(one, "Name"), forms.text(one, "Value")) for one in forms.listed(said, "Headers")]
    names = {name.lower() for name, _ in listed}
    own = [
        ("From", _person(forms.inner(said, "FromFull")) or forms.text(said, "From")),
        ("To", forms.text(said, "To")),
        ("Cc", forms.text(said, "Cc")),
        ("Reply-To", forms.text(said, "ReplyTo")),
        ("Subject", forms.text(said, "Subject")),
        ("Date", forms.text(said, "Date")),
        ("Message-ID", f"<{forms.text(said, 'MessageID')}@inbound.postmarkapp.com>"),
    ]
    return [*listed, *((name, value) for name, value in own if value and name.lower() not in names)]


def _person(full: dict[str, Any]) -> str:
    name = forms.text(full, "Name").translate({ord(sign): " " for sign in '"\\<>'})
    return f'"{name}" <{full["Email"]}>' if full.get("Email") else ""


def _files(said: dict[str, Any]) -> list[written.File]:
    return [
        written.File(
            forms.text(one, "Name"), forms.text(one, "ContentType"), _content(one), forms.text(one, "ContentID")
        )
        for one in forms.listed(said, "Attachments")
    ]


def _content(file: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(forms.text(file, "Content"))
    except (binascii.Error, ValueError) as error:
        raise forms.malformed("an attachment is not Base64") from error


def _told(said: dict[str, Any], record: str) -> Told | None:
    """None: it says nothing of a delivery. The mail it is about is named only where the content of bounces is sent."""
    about = tuple(written.ids_in(forms.text(said, "Content")))
    kind, recipient = forms.text(said, "Type"), forms.text(said, "Email") or forms.text(said, "Recipient")
    if record == "SpamComplaint" or kind in ("SpamComplaint", "SpamNotification"):
        return Told(written.complaint(about, recipient, "abuse"), about)
    if record == "Delivery":
        return Told(written.report(about, recipient, "delivered", "2.0.0", forms.text(said, "Details")), about)
    if record != "Bounce" or kind in IGNORED:
        return None
    action = GAVE_UP.get(kind, "failed")
    status = DEAD.get(kind, "4.0.0" if action == "delayed" else "5.0.0")
    words = forms.text(said, "Details") or forms.text(said, "Description")
    return Told(written.report(about, recipient, action, status, words), about)
