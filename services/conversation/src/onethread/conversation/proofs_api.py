"""The page behind the link of a mail, and the teammate's request for it.

The page needs no script. Mail scanners follow links, so that opening it changes nothing; its button does.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from onethread.conversation.access import CallerDep
from onethread.conversation.api import DatabaseDep
from onethread.conversation.once import OnceDep
from onethread.conversation.proofs import LONGEST_ADDRESS, Outcome, Proofs

router = APIRouter(prefix="/api/v1/customers", tags=["customers"])
pages = APIRouter(prefix="/prove", include_in_schema=False)
"""For whoever holds a link."""

STYLE = """:root{color-scheme:light dark;--text:#1b1f24;--soft:#57606a;--back:#f4f5f7;--card:#fff;--line:#d8dce1;
--button:#0b5fad;--on-button:#fff}
@media (prefers-color-scheme:dark){:root{--text:#e8eaed;--soft:#a9b1ba;--back:#15181c;--card:#1f2329;--line:#3a4048;
--button:#8ec2ff;--on-button:#0b1a2b}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:16px;background:var(--back);color:var(--text);
font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:440px;padding:24px;background:var(--card);border:1px solid var(--line);border-radius:12px}
h1{margin:0 0 12px;font-size:22px;line-height:1.3;overflow-wrap:anywhere}
p{margin:0 0 12px;color:var(--soft)}
p:last-child{margin:0}
strong{color:var(--text);overflow-wrap:anywhere}
label{display:block;color:var(--soft)}
textarea{width:100%;margin:4px 0 0;padding:8px 12px;font:inherit;color:inherit;background:var(--back);
border:1px solid var(--line);border-radius:8px}
button{width:100%;min-height:48px;margin:8px 0 16px;padding:12px 16px;font:inherit;font-weight:600;border:0;
border-radius:8px;background:var(--button);color:var(--on-button);cursor:pointer}
button:focus-visible{outline:3px solid var(--text);outline-offset:2px}"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<title>{title}</title>
<style>{style}</style>
</head>
<body><main>
<h1>{title}</h1>
{body}
</main></body>
</html>
"""
ASK = """<p>Somebody who wrote to us says that <strong>{address}</strong> is their address. If that was you, confirm it:
you are then known to us by this address, also for what you wrote before.</p>
<form method="post"><button>Yes, this is my address</button></form>
<p>If you did not write to us, do not confirm it: somebody else would be taken for you. Close this page, and nothing
happens.</p>"""
PROVEN = """<p>We now know that this address is yours. You can close this page.</p>"""
UNCLEAR = """<p>We have your word. We cannot tell by ourselves how it fits together: a teammate will look at it. You can
close this page.</p>"""
OVER = """<p>A link holds for ten minutes and can be used once. If you still want to confirm your address, write to us,
and we send you a new one.</p>"""
AFTER: dict[Outcome, tuple[str, str, int]] = {
    "proven": ("Thank you", PROVEN, 200),
    "unclear": ("Thank you", UNCLEAR, 200),
    "over": ("This link no longer holds", OVER, 410),
}

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}

Token = Annotated[str, Path(max_length=200)]


class Prove(BaseModel):
    model_config = ConfigDict(extra="forbid")

    value: str = Field(max_length=LONGEST_ADDRESS, examples=["ana@acme.example"], description="The address.")


class Asked(BaseModel):
    sent: bool = True


@router.post("/{customer_id}/prove", status_code=202)
async def ask_for_proof(
    customer_id: UUID, body: Prove, request: Request, caller: CallerDep, database: DatabaseDep, once: OnceDep
) -> Asked:
    """Mails a one-time link, and a code, to an address that the customer says is theirs and has not proven."""
    proofs = _proofs(request)
    about = {"customer_id": customer_id}
    await once.outside(database, caller.workspace, about, lambda: proofs.ask(caller, customer_id, body.value))
    return Asked()


@pages.get("/{token}")
async def show(token: Token, request: Request) -> HTMLResponse:
    proof = await _proofs(request).by_link(token)
    if proof is None:
        return page(*AFTER["over"])
    return page("Is this your address?", ASK.format(address=escape(masked(proof.value))))


@pages.post("/{token}")
async def confirm(token: Token, request: Request) -> HTMLResponse:
    return page(*AFTER[await _proofs(request).follow(token)])


def masked(address: str) -> str:
    """`a•••@example.com`: its owner knows it again, and nobody else learns it."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(PAGE.format(title=title, style=STYLE, body=body), status, HEADERS)


def _proofs(request: Request) -> Proofs:
    state: Any = request.app.state
    return state.proofs
