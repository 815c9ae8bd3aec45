"""SendGrid: Inbound Parse as a form, events as JSON, proven by its signature or by HTTP Basic.

"POST the raw, full MIME message" brings the mail itself.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Any, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from onethread.gateway_email import written
from onethread.gateway_email.parsing import addresses, charsets
from onethread.gateway_email.webhooks import forms
from onethread.gateway_email.webhooks.provider import Call, Heard, Posted, Told, check_login, check_time, not_proven

SIGNATURE, STAMP = "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"
REMEDY = "Compare the verification key at the provider with the one here."
ACTIONS = {"bounce": "failed", "dropped": "failed", "deferred": "delayed", "delivered": "delivered"}
_SIGNERS = re.compile(r"@([\w.-]{1,253})\s{0,3}:\s{0,3}(\w{1,20})")


class SendGrid:
    """`key` is the verification key (Base64), or `user:password` where requests are not signed."""

    refusal = 406

    def read(self, call: Call, key: str) -> Heard:
        check_login(call, key) if ":" in key else _check_signature(call, key)
        if call.headers.get("content-type", "").startswith("application/json"):
            return Heard([told for event in forms.objects(call.body) if (told := _told(event))])
        return Heard([_posted(forms.form(call.headers.get("content-type", ""), call.body))])


def _check_signature(call: Call, key: str) -> None:
    signature, stamp = call.headers.get(SIGNATURE, ""), call.headers.get(STAMP, "")
    if not (signature and stamp):
        raise not_proven("it is not signed", "Switch the signature on at the provider.")
    try:
        public = cast("EllipticCurvePublicKey", load_der_public_key(base64.b64decode(key)))
        public.verify(base64.b64decode(signature), stamp.encode() + call.body, ECDSA(SHA256()))
        said = datetime.fromtimestamp(int(stamp), UTC)
    except (InvalidSignature, UnsupportedAlgorithm, binascii.Error, ValueError, OverflowError, TypeError):
        raise not_proven("its signature is wrong", REMEDY) from None
    check_time(said, call.at)


def _posted(form: forms.Form) -> Posted:
    envelope = forms.objects(form.text("envelope") or "{}")[0]
    sender, to = str(envelope.get("from") or ""), envelope.get("to")
    recipients = addresses.several([str(one) for one in to]) if isinstance(to, list) else []
    raw = form.raw("email") or _written(form)
    return Posted(raw, sender, tuple(recipients), _evidence(form, sender))


def _written(form: forms.Form) -> bytes:
    """Each field is in the charset that another field tells."""
    told = forms.objects(form.text("charsets") or "{}")[0]
    text, html = (form.text(name, str(told.get(name, ""))) for name in ("text", "html"))
    ids = {str(part): str(id_) for id_, part in forms.objects(form.text("content-ids") or "{}")[0].items()}
    files = [written.File(f.file or "unnamed", f.type, f.value, ids.get(f.name, "")) for f in form.files]
    return written.mail(written.header_of(form.raw("headers")), text, html, files)


def _evidence(form: forms.Form, sender: str) -> str:
    """`dkim` names who signed. Both are fields of SendGrid's own: those of the mail stand in `headers`."""
    found = [f"dkim={result.lower()} header.d={domain}" for domain, result in _SIGNERS.findall(form.text("dkim"))]
    if form.text("SPF") and addresses.normal(sender):
        found.append(f"spf={charsets.clean(form.text('SPF')).split()[0].lower()} smtp.mailfrom={sender}")
    return "; ".join(found[:20])


def _told(event: dict[str, Any]) -> Told | None:
    """None: it says nothing of a delivery."""
    kind, recipient = str(event.get("event")), str(event.get("email") or "")
    about = tuple(written.ids_in(str(event.get("smtp-id") or "")))
    if kind == "spamreport":
        return Told(written.complaint(about, recipient, "abuse"), about)
    if kind not in ACTIONS:
        return None
    words = str(event.get("reason") or event.get("response") or "")
    return Told(written.report(about, recipient, ACTIONS[kind], str(event.get("status") or ""), words), about)
