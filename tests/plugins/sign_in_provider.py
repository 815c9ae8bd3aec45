"""A look-alike of Google and Microsoft at which people sign in: OAuth 2.0 with PKCE, OpenID Connect, rotated tokens."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from plugins.certificates import a_certificate

from onethread.conversation import mail_apps, mail_tokens
from onethread.conversation.mail_apps import Provider, ProviderName
from onethread.runtime.fetching import Guard

TENANT = "11111111-2222-4333-8444-555555555555"
PAGE = """<!doctype html><html lang="en"><title>Sign in</title><main><h1>Sign in</h1><p>{who} lets {app} read mail?</p>
<p><a href="{yes}">Allow</a> <a href="{no}">Cancel</a></p></main></html>"""


@dataclass
class LookAlike:
    port: int = 0
    account: str = "help@shop.example"
    """Who is signed in there."""
    clients: dict[str, str] = field(default_factory=lambda: {"an-app": "its secret"})
    redirect_uris: set[str] = field(default_factory=set[str])
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    refresh_tokens: set[str] = field(default_factory=set[str])
    claims: dict[str, Any] = field(default_factory=dict[str, Any])
    """What its id tokens say otherwise than they should."""
    said: dict[str, Any] = field(default_factory=dict[str, Any])
    """What its token endpoint does; None takes a field away."""
    is_away: bool = False
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    signs_with: rsa.RSAPrivateKey | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def instead_of(self, name: ProviderName, real: Provider) -> Provider:
        if name == "google":
            return replace(
                real, authorize=f"{self.url}/authorize", token=f"{self.url}/token", keys=f"{self.url}/keys",
                issuer=self.url,
            )  # fmt: skip
        at = f"{self.url}/{{tenant}}"
        return replace(
            real, authorize=f"{at}/authorize", token=f"{at}/token", keys=f"{at}/keys", issuer=f"{self.url}/{{tid}}/v2.0"
        )

    def allow(self, url: str) -> dict[str, str]:
        """What somebody who allows it brings back, of where the browser was sent."""
        return self._choose(url, "yes")

    def cancel(self, url: str) -> dict[str, str]:
        return self._choose(url, "no")

    def _choose(self, url: str, choice: str) -> dict[str, str]:
        with httpx.Client(verify=False) as browser:
            answer = browser.get(f"{url}&{choice}=1")
        assert answer.status_code == 302, answer.text
        return {name: value for name, value in query_of(answer.headers["location"]).items() if name != "scope"}

    def authorize(self, query: dict[str, str]) -> tuple[int, str]:
        """Where to go, or a page."""
        redirect = query.get("redirect_uri", "")
        if query.get("client_id") not in self.clients or redirect not in self.redirect_uris:
            return 400, "redirect_uri_mismatch"
        if query.get("code_challenge_method") != "S256" or query["response_type"] != "code":
            return 400, "invalid_request"
        self.asked.append(query)
        back: dict[str, str] = {"state": query["state"]}
        if "no" in query:
            return 302, f"{redirect}?{urlencode(back | {'error': 'access_denied'})}"
        if "yes" in query:
            code = secrets.token_urlsafe(16)
            self.codes[code] = query
            return 302, f"{redirect}?{urlencode(back | {'code': code, 'scope': query['scope']})}"
        return 200, ""

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if self.clients.get(form.get("client_id", "")) != form.get("client_secret", ""):
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret. <b>"}
        asked = self.codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        if asked is None or (asked["redirect_uri"], asked["code_challenge"]) != (form["redirect_uri"], challenge):
            return 400, {"error": "invalid_grant"}
        refresh = secrets.token_urlsafe(16)
        self.refresh_tokens.add(refresh)
        said = {
            "access_token": "access-canary", "expires_in": 3600, "token_type": "Bearer", "scope": asked["scope"],
            "refresh_token": refresh, "id_token": self._id_token(asked),
        } | self.said  # fmt: skip
        return 200, {name: value for name, value in said.items() if value is not None}

    def keys(self) -> dict[str, Any]:
        public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [public | {"kid": "one", "use": "sig", "alg": "RS256"}]}

    def _id_token(self, asked: dict[str, str]) -> str:
        now, issuer = int(time.time()), self.url
        claims: dict[str, Any] = {"email": self.account, "email_verified": True}
        if "offline_access" in asked["scope"]:
            claims, issuer = {"preferred_username": self.account, "tid": TENANT}, f"{self.url}/{TENANT}/v2.0"
        claims |= {
            "iss": issuer, "aud": asked["client_id"], "sub": "1", "iat": now, "exp": now + 300, "nonce": asked["nonce"],
        }  # fmt: skip
        said = {name: value for name, value in (claims | self.claims).items() if value is not None}
        return jwt.encode(said, self.signs_with or self.key, "RS256", {"kid": "one"})


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


@contextmanager
def look_alike(folder: Path) -> Iterator[LookAlike]:
    told = LookAlike()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query, what = query_of(self.path), urlsplit(self.path).path.rpartition("/")[2]
            if what == "keys":
                self._answer(200, json.dumps(told.keys()), "application/json")
                return
            status, words = told.authorize(query)
            here = html.escape(self.path)
            page = PAGE.format(
                who=told.account, app=query.get("client_id"), yes=f"{here}&amp;yes=1", no=f"{here}&amp;no=1"
            )
            self._answer(status, words if status != 200 else page, "text/html", words if status == 302 else None)

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            status, said = (503, {}) if told.is_away else told.token(form)
            self._answer(status, json.dumps(said), "application/json")

        def _answer(self, status: int, body: str, kind: str, location: str | None = None) -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None: ...

    a_certificate(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    told.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


@pytest.fixture
def sign_in_provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LookAlike]:
    """Stands for both providers."""
    with look_alike(tmp_path) as told:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        monkeypatch.setattr(mail_tokens, "GUARD", Guard.of("127.0.0.0/8,::1/128", str(told.port)))
        for name, real in list(mail_apps.PROVIDERS.items()):
            monkeypatch.setitem(mail_apps.PROVIDERS, name, told.instead_of(name, real))
        yield told
