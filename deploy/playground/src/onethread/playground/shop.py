"""The shop Pine & Paper: its page, and who is signed in there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import escape
from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import APIRouter, Cookie, Query
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, StringConstraints

from onethread.playground.identity import LIFETIME_SECONDS, identity_token
from onethread.playground.pages import render
from onethread.playground.settings import Settings

COOKIE = "pine_account"
# The script may fail before the page's own module has run: the mark waits for it.
_NOTE_FAILURE = " onerror=\"this.dataset.failed=''\""
Email = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class Account(BaseModel):
    """Somebody who is signed in at the shop."""

    email: Email
    name: Name


def router(settings: Settings) -> APIRouter:
    routes = APIRouter()

    def token_for(account: Account) -> str:
        return identity_token(settings.widget_secret, email=account.email, name=account.name, now=datetime.now(UTC))

    @routes.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def shop(pine_account: Annotated[str, Cookie()] = "") -> str:
        account = _remembered(pine_account)
        return render(
            "shop",
            settings,
            widget=_widget_tag(settings.widget_url, token_for(account) if account else None),
            account_name=escape(account.name if account else ""),
            account_email=escape(account.email if account else ""),
        )

    @routes.get("/shop/identity")
    async def identity(email: Annotated[Email, Query()], name: Annotated[Name, Query()]) -> dict[str, str | int]:
        """What the shop's server signs for one of its customers: `{identity_token, expires_in}`."""
        token = token_for(Account(email=email, name=name))
        return {"identity_token": token, "expires_in": LIFETIME_SECONDS}

    @routes.post("/shop/sign-in", include_in_schema=False)
    async def sign_in(account: Account) -> JSONResponse:
        answer = JSONResponse({"identity_token": token_for(account)})
        answer.set_cookie(COOKIE, quote(account.model_dump_json()), httponly=True, samesite="lax")
        return answer

    @routes.post("/shop/sign-out", include_in_schema=False)
    async def sign_out() -> Response:
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE)
        return answer

    return routes


def _widget_tag(widget_url: str, identity: str | None) -> str:
    signed_in = f' data-identity="{identity}"' if identity else ""
    return (
        f'<script src="{escape(widget_url)}/widget.js" data-channel="local"{signed_in} async{_NOTE_FAILURE}></script>'
    )


def _remembered(cookie: str) -> Account | None:
    try:
        return Account.model_validate(json.loads(unquote(cookie)))
    except ValueError:
        return None
