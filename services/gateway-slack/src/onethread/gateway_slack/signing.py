"""Is this request Slack's own? Checked before a byte of it is believed."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

from slack_sdk.signature import SignatureVerifier

from onethread.runtime.errors import Problem

OLDEST_SECONDS = 300
_KEPT = "Nothing was kept."


def check_fresh(headers: Mapping[str, str], now: float) -> None:
    """Raises a 401 `Problem` that says what is wrong. An old timestamp is an event that somebody plays again."""
    stamp = headers.get("x-slack-request-timestamp", "")
    if not stamp or not headers.get("x-slack-signature", ""):
        raise Problem(401, "The request is not signed", f"{_KEPT} Slack signs each event that it sends.")
    if not re.fullmatch(r"[0-9]{1,12}", stamp) or abs(now - int(stamp)) > OLDEST_SECONDS:
        detail = f"{_KEPT} It must be at most five minutes from now; check that this machine's clock is right."
        raise Problem(401, "The request's timestamp is too old", detail)


def is_signed(secret: str, headers: Mapping[str, str], body: str) -> bool:
    stamp, signature = headers["x-slack-request-timestamp"], headers["x-slack-signature"]
    expected = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body) or ""
    return hmac.compare_digest(signature.encode(), expected.encode())


def wrong() -> Problem:
    detail = f"{_KEPT} Check that the signing secret is the one of the Slack app."
    return Problem(401, "The request's signature is wrong", detail)
