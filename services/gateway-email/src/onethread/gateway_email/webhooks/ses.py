"""Amazon SES, by way of SNS: JSON that Amazon signs. The mail stands in it, or in a bucket of S3.

Whoever has an account at Amazon can make it sign: the topic is what proves that it is ours.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import Certificate, load_pem_x509_certificate

from onethread.gateway_email import written
from onethread.gateway_email.parsing import addresses
from onethread.gateway_email.webhooks import forms
from onethread.gateway_email.webhooks.provider import (
    FETCHED_BYTES,
    Call,
    Fetch,
    Heard,
    Posted,
    Read,
    Told,
    check_time,
    is_at,
    not_proven,
)
from onethread.runtime.bus import UnavailableError

HOSTS = re.compile(r"sns\.[a-z0-9-]{3,40}\.amazonaws\.com(\.cn)?")
HASHES = {"1": SHA1, "2": SHA256}
SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
SIGNED_OF_A_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
CERTIFICATES = 8
PASSED = {"PASS": "pass", "FAIL": "fail", "PROCESSING_FAILED": "temperror"}
BOUNCED = {"Permanent": "failed", "Undetermined": "failed", "Transient": "delayed"}

log = structlog.get_logger()


class Ses:
    """`key` is the topic's ARN; several with commas."""

    refusal = 422

    def __init__(self, fetch: Fetch, read_object: Read, buckets: Sequence[str] = ()) -> None:
        """`buckets`: `s3://bucket/folder`, where mails may lie that a notification names."""
        self._fetch, self._read_object, self._buckets = fetch, read_object, buckets
        self._certificates: dict[str, Certificate] = {}

    def read(self, call: Call, key: str) -> Heard:
        [said, *_] = forms.objects(call.body)
        self._check(said, key, call.at)
        if said.get("Type") == "SubscriptionConfirmation":
            self._confirm(forms.text(said, "SubscribeURL"))
            return Heard()
        if said.get("Type") != "Notification":
            return Heard()
        return Heard(self._items(forms.objects(forms.text(said, "Message"))[0], is_ours=call.is_ours))

    def _check(self, said: dict[str, Any], key: str, now: datetime) -> None:
        """Raises a 401 `Problem`."""
        if said.get("TopicArn") not in [arn.strip() for arn in key.split(",")]:
            raise not_proven("it comes from another topic", "Compare the topic's ARN at Amazon with the one here.")
        url, version = forms.text(said, "SigningCertURL"), forms.text(said, "SignatureVersion")
        if not said.get("Signature") or version not in HASHES:
            raise not_proven("it is not signed", "Let Amazon SNS deliver it, without raw message delivery.")
        if not (is_at(url, HOSTS) and url.endswith(".pem")):
            raise not_proven("its certificate is not at Amazon", "Nobody but Amazon SNS may send here.")
        try:
            public = cast("RSAPublicKey", self._certificate(url, now).public_key())
            public.verify(base64.b64decode(str(said["Signature"])), _signed(said), PKCS1v15(), HASHES[version]())
            stamp = datetime.fromisoformat(forms.text(said, "Timestamp")).astimezone(UTC)
        except (InvalidSignature, ValueError, TypeError, binascii.Error):
            raise not_proven("its signature is wrong", "Nobody but Amazon SNS may send here.") from None
        check_time(stamp, now)

    def _certificate(self, url: str, now: datetime) -> Certificate:
        """Raises ValueError for what is none, or not of this time."""
        if url not in self._certificates:
            if len(self._certificates) >= CERTIFICATES:
                self._certificates.clear()
            self._certificates[url] = load_pem_x509_certificate(self._fetch(url, {}))
        found = self._certificates[url]
        if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
            del self._certificates[url]
            raise ValueError("the certificate is not of this time")
        return found

    def _items(self, said: dict[str, Any], *, is_ours: bool) -> list[Posted | Told]:
        kind = forms.text(said, "notificationType") or forms.text(said, "eventType")
        if kind == "Received":
            return [self._posted(said, is_ours=is_ours)]
        headers = forms.listed(forms.inner(said, "mail"), "headers")
        about = tuple(written.ids_in(" ".join(forms.text(one, "value") for one in headers)))
        return [Told(raw, about) for raw in _reports(said, kind, about)]

    def _posted(self, said: dict[str, Any], *, is_ours: bool) -> Posted:
        receipt, mail = forms.inner(said, "receipt"), forms.inner(said, "mail")
        sender, action = forms.text(mail, "source"), forms.inner(receipt, "action")
        recipients = tuple(addresses.several([str(one) for one in receipt.get("recipients") or []]))
        raw = self._stored(action, is_ours=is_ours) if action.get("type") == "S3" else _raw(said, action)
        return Posted(raw, sender, recipients, _evidence(receipt, mail, sender))

    def _stored(self, action: dict[str, Any], *, is_ours: bool) -> bytes:
        """Only where an operator says that such mails lie: our login reads other buckets, too, and whoever has a topic
        for one address could name them.
        """
        url = f"s3://{forms.text(action, 'bucketName')}/{forms.text(action, 'objectKey')}"
        if not is_ours or not any(url.startswith(f"{bucket.rstrip('/')}/") for bucket in self._buckets):
            log.error("webhook.not_our_bucket", provider="ses")
            raise UnavailableError("the mail lies in a bucket that ONETHREAD_SES_BUCKETS does not name")
        return self._read_object(url, FETCHED_BYTES)

    def _confirm(self, url: str) -> None:
        if not is_at(url, HOSTS):
            raise forms.malformed("its SubscribeURL is not at Amazon")
        self._fetch(url, {})
        log.info("webhook.subscribed", provider="ses")


def _signed(said: dict[str, Any]) -> bytes:
    names = SIGNED if said.get("Type") == "Notification" else SIGNED_OF_A_CONFIRMATION
    return "".join(f"{name}\n{said[name]}\n" for name in names if said.get(name) is not None).encode()


def _reports(said: dict[str, Any], kind: str, about: tuple[str, ...]) -> list[bytes]:
    found = forms.inner(said, kind.lower())
    if kind == "Bounce":
        action = BOUNCED.get(forms.text(found, "bounceType"), "failed")
        return [_bounced(about, one, action) for one in forms.listed(found, "bouncedRecipients")]
    if kind == "Complaint":
        what = forms.text(found, "complaintFeedbackType") or "abuse"
        people = forms.listed(found, "complainedRecipients")
        return [written.complaint(about, forms.text(one, "emailAddress"), what) for one in people]
    if kind == "Delivery":
        answer = forms.text(found, "smtpResponse")
        return [written.report(about, str(one), "delivered", "2.0.0", answer) for one in found.get("recipients") or []]
    return []


def _bounced(about: tuple[str, ...], recipient: dict[str, Any], action: str) -> bytes:
    words = forms.text(recipient, "diagnosticCode").removeprefix("smtp;").strip()
    status = forms.text(recipient, "status")
    return written.report(about, forms.text(recipient, "emailAddress"), action, status, words)


def _raw(said: dict[str, Any], action: dict[str, Any]) -> bytes:
    content = said.get("content")
    if not isinstance(content, str):
        log.error("webhook.no_content", provider="ses")
        raise UnavailableError("the mail is not in the notification: let the rule's SNS or S3 action bring it")
    if forms.text(action, "encoding").upper() == "BASE64":
        return base64.b64decode(content)
    return content.encode("utf-8", "replace")


def _evidence(receipt: dict[str, Any], mail: dict[str, Any], sender: str) -> str:
    senders = addresses.several([str(one) for one in forms.inner(mail, "commonHeaders").get("from") or []])
    domain = addresses.domain_of(senders[0]) if len(senders) == 1 else None
    found: list[str] = []
    if (dmarc := _verdict(receipt, "dmarcVerdict")) and domain:
        found.append(f"dmarc={dmarc} header.from={domain}")
    if (spf := _verdict(receipt, "spfVerdict")) and addresses.normal(sender):
        found.append(f"spf={spf} smtp.mailfrom={sender}")
    return "; ".join(found)


def _verdict(receipt: dict[str, Any], name: str) -> str | None:
    return PASSED.get(forms.text(forms.inner(receipt, name), "status"))
