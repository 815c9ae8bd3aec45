"""Is this request Slack's own? Checked before a byte of it is read as anything."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

from slack_sdk.signature import SignatureVerifier

from onethread.runtime.errors import Problem

OLDEST_SECONDS = 300
_KEPT = "Nothing was kept."


def check(secret: str, headers: Mapping[str, str], body: str, now: float) -> None:
    """Raises a 401 `Problem` that says what is wrong. An old timestamp is an event that somebody plays again."""
    stamp = headers.get("x-slack-request-timestamp", "")
    signature = headers.get("x-slack-signature", "")
    if not stamp or not signature:
        raise Problem(401, "The request is not signed", f"{_KEPT} Slack signs each event that it sends.")
    if not re.fullmatch(r"[0-9]{1,12}", stamp) or abs(now - int(stamp)) > OLDEST_SECONDS:
        detail = f"{_KEPT} It must be at most five minutes from now; check that this machine's clock is right."
        raise Problem(401, "The request's timestamp is too old", detail)
    expected = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    if not _same(signature, expected or ""):
        detail = f"{_KEPT} Check that the signing secret is the one of the Slack app."
        raise Problem(401, "The request's signature is wrong", detail)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
