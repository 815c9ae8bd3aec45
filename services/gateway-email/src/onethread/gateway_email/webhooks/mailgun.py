"""Mailgun: forms of routes and JSON of events, proven by an HMAC over a timestamp and a token, which covers no body.

A route to an address that ends in `/mime` brings the mail itself; another brings fields; `store()` brings where it is.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog

from onethread.gateway_email import written
from onethread.gateway_email.parsing import addresses
from onethread.gateway_email.webhooks import forms
from onethread.gateway_email.webhooks.provider import Call, Fetch, Heard, Posted, Told, check_time, is_at, not_proven
from onethread.runtime.bus import UnavailableError

HOSTS = re.compile(r"([a-z0-9-]+\.)*mailgun\.(net|org)")
REMEDY = "Compare the signing key at the provider (Sending, Webhooks) with the one here."
STATES = {"failed": "failed", "rejected": "failed", "delivered": "delivered"}

log = structlog.get_logger()


class Mailgun:
    """`key` is the signing key for webhooks; where mails are stored, a comma and an API key that may read them."""

    refusal = 406

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def read(self, call: Call, key: str) -> Heard:
        signing_key, _, api_key = key.partition(",")
        if call.headers.get("content-type", "").startswith("application/json"):
            [said, *_] = forms.objects(call.body)
            once = _check(forms.inner(said, "signature").get, signing_key.strip(), call.at)
            told = _told(forms.inner(said, "event-data"))
            return Heard([told] if told else [], once)
        form = forms.form(call.headers.get("content-type", ""), call.body)
        once = _check(form.text, signing_key.strip(), call.at)
        return Heard([self._posted(form, api_key.strip())], once)

    def _posted(self, form: forms.Form, api_key: str) -> Posted:
        raw = form.raw("body-mime") or (self._stored(form, api_key) if form.text("message-url") else _written(form))
        recipients = addresses.several([form.text("recipient")])
        return Posted(raw, form.text("sender").strip().strip("<>"), tuple(recipients))

    def _stored(self, form: forms.Form, api_key: str) -> bytes:
        url = form.text("message-url")
        if not is_at(url, HOSTS):
            raise forms.malformed("it names a mail that is not at Mailgun")
        if not api_key:
            log.error("webhook.no_api_key", provider="mailgun")
            raise UnavailableError("a stored mail can't be read without an API key: add it to the signing key")
        login = base64.b64encode(f"api:{api_key}".encode()).decode()
        [said, *_] = forms.objects(self._fetch(url, {"Authorization": f"Basic {login}", "Accept": "message/rfc2822"}))
        return str(said.get("body-mime", "")).encode("utf-8", "replace")


def _check(said: Callable[[str], Any], key: str, now: datetime) -> str:
    """Returns the token. Raises a 401 `Problem`."""
    stamp, token, signature = (str(said(name) or "") for name in ("timestamp", "token", "signature"))
    if not (stamp and token and signature):
        raise not_proven("it is not signed", REMEDY)
    expected = hmac.digest(key.encode(), f"{stamp}{token}".encode(), "sha256").hex()
    if not hmac.compare_digest(expected.encode(), signature.encode()) or not re.fullmatch(r"[0-9]{1,12}", stamp):
        raise not_proven("its signature is wrong", REMEDY)
    check_time(datetime.fromtimestamp(int(stamp), UTC), now)
    return token


def _written(form: forms.Form) -> bytes:
    ids = {str(part): name.strip("<>") for name, part in _json(form, "content-id-map").items()}
    files = [written.File(f.file or "unnamed", f.type, f.value, ids.get(f.name, "")) for f in form.files]
    return written.mail(_headers(form), form.text("body-plain"), form.text("body-html"), files)


def _headers(form: forms.Form) -> list[tuple[str, str]]:
    try:
        listed = json.loads(form.text("message-headers") or "[]")
        return [(str(name), str(value)) for name, value in listed]
    except (ValueError, TypeError, RecursionError) as error:
        raise forms.malformed("its message-headers are no list of names and values") from error


def _told(said: dict[str, Any]) -> Told | None:
    """None: it says nothing of a delivery."""
    event, recipient = str(said.get("event")), str(said.get("recipient") or "")
    about = tuple(written.ids_in(str(forms.inner(forms.inner(said, "message"), "headers").get("message-id", ""))))
    if event == "complained":
        return Told(written.complaint(about, recipient, "abuse"), about)
    action = "delayed" if said.get("severity") == "temporary" else STATES.get(event)
    if action is None:
        return None
    status = forms.inner(said, "delivery-status")
    words = " ".join(str(status.get(name) or "") for name in ("code", "enhanced-code", "message", "description"))
    return Told(written.report(about, recipient, action, str(status.get("enhanced-code") or ""), words), about)


def _json(form: forms.Form, name: str) -> dict[str, Any]:
    text = form.text(name)
    return forms.objects(text)[0] if text else {}
