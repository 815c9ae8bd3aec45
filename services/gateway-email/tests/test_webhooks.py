"""Mail that providers bring by HTTP."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from httpx import ASGITransport, AsyncClient, Response

from onethread.contracts.channels import ChannelConfig
from onethread.gateway_email.app import create_app
from onethread.gateway_email.settings import Settings
from onethread.gateway_email.tokens import Signer
from onethread.runtime.bus import UnavailableError

DESK, HELP = "support@desk.example", "help@acme.example"
LOGIN, SIGNING_KEY, TOPIC = "hook:correct-horse", "key-of-a-mailgun-account", "arn:aws:sns:eu-west-1:1:mail"
MAIL = (
    "From: Ann <ann@customer.example>\r\nTo: support@desk.example\r\nSubject: My order\r\n"
    "Message-ID: <1@customer.example>\r\nDate: Mon, 02 Nov 2026 09:59:58 +0000\r\n\r\nWhere is it?\r\n"
)
SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
AMAZON_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"


class MemoryTokens:
    def __init__(self) -> None:
        self.used: set[str] = set()

    async def is_used(self, provider: str, token: str) -> bool:
        return token in self.used

    async def use(self, provider: str, token: str) -> None:
        self.used.add(token)


class Elsewhere:
    """The addresses of providers that are asked."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {CERTIFICATE_URL: a_certificate()}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def __call__(self, url: str, headers: Mapping[str, str]) -> bytes:
        self.asked.append((url, dict(headers)))
        if url not in self.pages:
            raise UnavailableError("it did not answer in time")
        return self.pages[url]


def a_certificate(since: timedelta = timedelta(days=-1), until: timedelta = timedelta(days=1)) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(AMAZON_KEY.public_key())
    dated = made.serial_number(1).not_valid_before(now + since).not_valid_after(now + until)
    return dated.sign(AMAZON_KEY, SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def with_keys(settings: Settings) -> Settings:
    public = SENDGRID_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return settings.model_copy(
        update={
            "inbound_postmark": LOGIN,
            "inbound_mailgun": f"{SIGNING_KEY},an-api-key",
            "inbound_sendgrid": base64.b64encode(public).decode(),
            "inbound_ses": TOPIC,
            "ses_buckets": "s3://other, s3://mails/inbound",
        }
    )


@pytest.fixture
async def http(with_keys, bus, memory_ledger, elsewhere) -> AsyncIterator[AsyncClient]:
    secrets = {
        "inbound_postmark": "acme:another-horse", "inbound_sendgrid": "acme:another-horse", "inbound_ses": TOPIC,
    }  # fmt: skip
    bus.channels = [
        ChannelConfig(
            id="acme-help", workspace="acme", kind="email", name="Help", settings={"address": HELP}, secrets=secrets
        )
    ]
    app = create_app(with_keys, bus, memory_ledger, MemoryTokens(), elsewhere)
    transport = ASGITransport(app)
    async with app.router.lifespan_context(app), AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


def by_mailgun(fields: dict[str, str], *, key: str = SIGNING_KEY, at: float | None = None) -> dict[str, str]:
    stamp, token = str(int(at or time.time())), uuid4().hex
    signature = hmac.digest(key.encode(), f"{stamp}{token}".encode(), "sha256").hex()
    return {"recipient": DESK, "sender": "ann@customer.example", **fields} | {
        "timestamp": stamp, "token": token, "signature": signature,
    }  # fmt: skip


def by_sendgrid(body: bytes, at: float | None = None) -> dict[str, str]:
    stamp = str(int(at or time.time()))
    signature = SENDGRID_KEY.sign(stamp.encode() + body, ec.ECDSA(SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
    }


def by_amazon(message: dict[str, Any], **changed: str) -> dict[str, str]:
    said = {
        "Type": "Notification",
        "MessageId": "m1",
        "TopicArn": TOPIC,
        "Message": json.dumps(message),
        "Timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE_URL,
    } | changed
    names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    signed = "".join(f"{name}\n{said[name]}\n" for name in names if name in said).encode()
    hashed = SHA1() if said["SignatureVersion"] == "1" else SHA256()
    return {"Signature": base64.b64encode(AMAZON_KEY.sign(signed, PKCS1v15(), hashed)).decode()} | said


def a_receipt(**verdicts: str) -> dict[str, Any]:
    receipt: dict[str, Any] = {"recipients": [DESK], "action": {"type": "SNS", "encoding": "BASE64"}}
    receipt |= {f"{name}Verdict": {"status": status} for name, status in verdicts.items()}
    common = {"from": ["Ann <ann@customer.example>"]}
    content = base64.b64encode(MAIL.encode()).decode()
    mail = {"source": "ann@customer.example", "commonHeaders": common}
    return {"notificationType": "Received", "mail": mail, "receipt": receipt, "content": content}


def a_form(*fields: tuple[str, str, str]) -> tuple[bytes, dict[str, str]]:
    """Of (name, file name or nothing, content)."""
    parts = [
        f'--xYzZY\r\nContent-Disposition: form-data; name="{name}"'
        + (f'; filename="{file}"' if file else "")
        + f"\r\n\r\n{content}\r\n"
        for name, file, content in fields
    ]
    return ("".join(parts) + "--xYzZY--\r\n").encode(), {"Content-Type": "multipart/form-data; boundary=xYzZY"}


async def post_mime(http: AsyncClient, **how: Any) -> Response:
    return await http.post("/inbound/mailgun/mime", data=by_mailgun({"body-mime": MAIL}, **how))


async def test_a_raw_mail_of_mailgun_is_the_mail_that_was_sent(http, bus):
    answer = await post_mime(http)
    [(event, _)] = bus.published
    assert (answer.status_code, answer.json()) == (200, {"kept": [str(event.id)]})
    assert (event.data.external_id.partition(":")[0], event.data.text) == ("<1@customer.example>", "Where is it?")
    assert event.data.identities[0].trust == "asserted"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"signature": ""}, "It is not signed"),
        ({"signature": "0" * 64}, "Its signature is wrong"),
        ({"token": "another"}, "Its signature is wrong"),
        ({"timestamp": "yesterday"}, "Its signature is wrong"),
    ],
)
async def test_what_mailgun_did_not_sign_is_refused_in_words(http, bus, wrong, reason):
    answer = await http.post("/inbound/mailgun/mime", data=by_mailgun({"body-mime": MAIL}) | wrong)
    assert answer.status_code == 401
    assert answer.json()["detail"].startswith(f"Nothing was kept. {reason}.")
    assert not bus.published


@pytest.mark.parametrize("at", [time.time() - 4 * 86400, time.time() + 3600], ids=["too old", "not yet"])
async def test_a_signature_of_another_time_is_refused(http, bus, at):
    answer = await post_mime(http, at=at)
    assert answer.status_code == 401
    assert "timestamp" in answer.json()["detail"]


async def test_a_mail_that_comes_hours_late_is_taken(http, bus):
    assert (await post_mime(http, at=time.time() - 8 * 3600)).json()["kept"]


async def test_a_signature_that_covers_no_body_is_good_for_one(http, bus):
    signed = by_mailgun({"body-mime": MAIL})
    assert (await http.post("/inbound/mailgun/mime", data=signed)).json()["kept"]
    forged = signed | {"body-mime": MAIL.replace("Ann", "Eve").replace("<1@", "<2@")}
    again = await http.post("/inbound/mailgun/mime", data=forged)
    assert (again.status_code, again.json()) == (200, {"kept": []})
    assert len(bus.published) == 1


async def test_a_signature_is_used_only_by_what_was_kept(http, bus):
    signed = by_mailgun({"body-mime": MAIL})
    bus.away = True
    away = await http.post("/inbound/mailgun/mime", data=signed)
    assert (away.status_code, away.headers["retry-after"]) == (503, "30")
    bus.away = False
    assert (await http.post("/inbound/mailgun/mime", data=signed)).json()["kept"]


async def test_fields_become_a_mail_and_the_same_fields_the_same_mail(http, bus):
    fields = {
        "message-headers": json.dumps(
            [["From", "Änn <ann@customer.example>"], ["To", DESK], ["Subject", "My order"],
             ["Message-Id", "<7@customer.example>"], ["In-Reply-To", "<6@desk.example>"],
             ["Date", "Mon, 02 Nov 2026 09:59:58 +0000"], ["Content-Type", "text/plain"],
             ["X-Evil", "a\r\nBcc: eve@evil.example"]]
        ),
        "body-plain": "Where is it? Grüße",
        "body-html": "<p>Where is it? <b>Grüße</b></p>",
    }  # fmt: skip
    for _ in range(2):
        await http.post("/inbound/mailgun", data=by_mailgun(fields), files={"attachment-1": ("a.txt", b"Lorem\r\n")})
    [(first, _), (second, _)] = bus.published
    assert first.id == second.id
    message = first.data
    assert (message.subject, message.text, message.name) == ("My order", "Where is it? Grüße", "Änn")
    assert "<b>Grüße</b>" in message.html
    assert message.answers == ["<6@desk.example>"]
    assert [(a.name, a.size) for a in message.attachments] == [("a.txt", 7)]


async def test_a_stored_mail_is_fetched_from_mailgun_and_nowhere_else(http, bus, elsewhere):
    url = "https://storage-eu.api.mailgun.net/v3/domains/desk.example/messages/1"
    elsewhere.pages[url] = json.dumps({"body-mime": MAIL}).encode()
    assert (await http.post("/inbound/mailgun", data=by_mailgun({"message-url": url}))).json()["kept"]
    [(_, headers)] = elsewhere.asked
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"api:an-api-key").decode()
    for other in (
        "http://storage.api.mailgun.net/1", "https://mailgun.net.evil.example/1", "https://evil.example/.mailgun.net",
        "https://mailgun.net@evil.example/1", "https://xmailgun.net/1", "https://api.mailgun.net:8443/1", "https://169.254.169.254/",
    ):  # fmt: skip
        answer = await http.post("/inbound/mailgun", data=by_mailgun({"message-url": other}))
        assert answer.status_code == 400, other
    assert len(elsewhere.asked) == 1


async def test_a_stored_mail_that_cannot_be_read_is_asked_for_again(http, bus):
    gone = {"message-url": "https://storage.api.mailgun.net/v3/gone"}
    assert (await http.post("/inbound/mailgun", data=by_mailgun(gone))).status_code == 503


@pytest.mark.parametrize(("name", "form"), [("mailgun__raw__valid", False), ("mailgun__parsed__valid", True)])
async def test_the_requests_of_mailgun_are_read_as_expected(http, bus, email_fixtures, name, form):
    headers, body, expected = a_request(email_fixtures, name)
    signed = by_mailgun({})
    for field in ("timestamp", "token", "signature"):
        body = with_field(body, field, signed[field], multipart=form)
    answer = await http.post("/inbound/mailgun/email-local", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    has_read(bus, expected)


@pytest.mark.parametrize("form", ["raw", "parsed"])
@pytest.mark.parametrize("signature", ["missing", "invalid"])
async def test_the_unsigned_requests_of_mailgun_are_refused(http, bus, email_fixtures, form, signature):
    headers, body, _ = a_request(email_fixtures, f"mailgun__{form}__{signature}")
    assert (await http.post("/inbound/mailgun", content=body, headers=headers)).status_code == 401
    assert not bus.published


async def test_the_requests_of_postmark_are_read_as_expected(http, bus, email_fixtures):
    headers, body, expected = a_request(email_fixtures, "postmark__valid")
    answer = await http.post("/inbound/postmark/email-local", content=body, headers=headers, auth=login(LOGIN))
    assert answer.status_code == 200, answer.text
    has_read(bus, expected)


@pytest.mark.parametrize("name", ["sendgrid__valid", "sendgrid__encoding"])
async def test_the_requests_of_sendgrid_are_read_as_expected(http, bus, email_fixtures, name):
    headers, body, expected = a_request(email_fixtures, name)
    answer = await http.post("/inbound/sendgrid/email-local", content=body, headers=headers | by_sendgrid(body))
    assert answer.status_code == 200, answer.text
    has_read(bus, expected)


async def test_a_raw_mail_of_postmark_is_the_mail_that_was_sent(http, bus):
    said = {"RawEmail": MAIL, "OriginalRecipient": DESK, "From": "other@customer.example", "TextBody": "other"}
    answer = await http.post("/inbound/postmark", json=said, auth=login(LOGIN))
    assert answer.status_code == 200, answer.text
    [(event, _)] = bus.published
    assert (event.data.identities[0].value, event.data.text) == ("ann@customer.example", "Where is it?")
    assert not event.data.automatic


@pytest.mark.parametrize(
    ("given", "reason"), [(None, "It has no user name"), ("hook:wrong-horse", "Its user name or password is wrong")]
)
async def test_a_login_that_is_missing_or_wrong_is_refused_in_words(http, bus, given, reason):
    answer = await http.post("/inbound/postmark", json={"RawEmail": MAIL}, auth=login(given) if given else None)
    assert answer.status_code == 401
    assert reason in answer.json()["detail"]
    assert not bus.published


async def test_the_key_of_one_address_speaks_for_no_other(http, bus):
    said = {"RawEmail": MAIL, "OriginalRecipient": DESK}
    answer = await http.post("/inbound/postmark/acme-help", json=said, auth=login("acme:another-horse"))
    assert answer.status_code == 200
    [(event, _)] = bus.published
    assert (event.workspaceid, event.data.channel.id) == ("acme", "acme-help")
    assert (await http.post("/inbound/postmark/acme-help", json=said, auth=login(LOGIN))).status_code == 401
    assert (await http.post("/inbound/postmark", json=said, auth=login("acme:another-horse"))).status_code == 401
    assert len(bus.published) == 1


async def test_what_an_administrator_sets_for_the_own_address_speaks_for_it_alone(http, bus):
    """The operator's key speaks for every address of every workspace."""
    mine = {"inbound_postmark": "mine:a-third-horse"}
    settings = {"address": DESK}
    own = ChannelConfig(id="email-local", workspace="local", kind="email", name="Own", settings=settings, secrets=mine)
    bus.channels = [*bus.channels, own]
    await bus.handlers["live.*.channels.email"](None)
    await asyncio.sleep(0.3)
    login_of_own = login("mine:a-third-horse")
    for_acme, for_us = ({"RawEmail": MAIL, "OriginalRecipient": to} for to in (HELP, DESK))
    assert (await http.post("/inbound/postmark", json=for_acme, auth=login_of_own)).status_code == 401
    assert (await http.post("/inbound/postmark/email-local", json=for_us, auth=login(LOGIN))).status_code == 401
    assert (await http.post("/inbound/postmark/email-local", json=for_acme, auth=login_of_own)).status_code == 200
    assert [event.data.channel.id for event, _ in bus.published] == ["email-local"]
    assert (await http.post("/inbound/postmark", json=for_acme, auth=login(LOGIN))).status_code == 200


async def test_a_reply_token_comes_through_an_address_of_the_provider(http, bus):
    thread = uuid4()
    token = Signer(("a secret of a test",), "acme", "acme-help").token(thread, "ann@customer.example")
    said = {"RawEmail": MAIL, "OriginalRecipient": f"hash+{token}@inbound.postmarkapp.com", "MailboxHash": token}
    await http.post("/inbound/postmark/acme-help", json=said, auth=login("acme:another-horse"))
    [(event, _)] = bus.published
    assert event.data.thread_token == thread


@pytest.mark.parametrize("path", ["/inbound/mandrill", "/inbound/mailgun/acme-help", "/inbound/postmark/nobodys"])
async def test_what_is_not_set_up_says_so(http, bus, path):
    answer = await http.post(path, content=b"{}")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("Nothing was kept")


async def test_without_keys_no_provider_is_heard(settings, bus, memory_ledger):
    app = create_app(settings, bus, memory_ledger, MemoryTokens())
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app), base_url="http://g") as client,
    ):
        for name in ("postmark", "mailgun", "sendgrid", "ses"):
            assert (await client.post(f"/inbound/{name}", content=b"{}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "kind"), [(b"[]", "application/json"), (b"{", "application/json"), (b"x", "text/plain")]
)
async def test_a_body_that_is_not_the_providers_is_refused_in_words(http, body, kind):
    headers = {"Content-Type": kind} | by_sendgrid(body)
    answer = await http.post("/inbound/sendgrid", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Nothing was kept: ")


async def test_a_body_over_the_limit_is_refused(http):
    answer = await http.post("/inbound/postmark", content=b"x" * 1_700_000, auth=login(LOGIN))
    assert answer.status_code == 413


@pytest.mark.parametrize(("provider", "status"), [("postmark", 403), ("mailgun", 406)])
async def test_a_mail_for_nobody_here_is_not_asked_for_again(http, bus, provider, status):
    if provider == "postmark":
        said = {"RawEmail": MAIL, "OriginalRecipient": "nobody@desk.example"}
        answer = await http.post("/inbound/postmark", json=said, auth=login(LOGIN))
    else:
        stranger = by_mailgun({"body-mime": MAIL}) | {"recipient": "nobody@desk.example"}
        answer = await http.post("/inbound/mailgun/mime", data=stranger)
    assert (answer.status_code, answer.json()["title"]) == (status, "This mail will not be taken")
    assert "no such address" in answer.json()["detail"]
    assert not bus.published


async def test_a_mail_that_smtp_would_refuse_is_a_message_that_says_so(http, bus):
    nobodys = MAIL.replace("From: Ann <ann@customer.example>\r\n", "")
    answer = await http.post("/inbound/mailgun/mime", data=by_mailgun({"body-mime": nobodys}))
    [(event, _)] = bus.published
    assert (answer.status_code, answer.json()) == (200, {"kept": [str(event.id)]})
    assert "could not be taken in: This mail has no From field" in event.data.text


async def test_what_sendgrid_found_out_about_the_sender_is_believed_under_its_signature(http, bus):
    forged = "Authentication-Results: sendgrid.webhook; dmarc=pass header.from=customer.example\r\n"
    raw = ("email", "", forged + MAIL)
    envelope = ("envelope", "", json.dumps({"to": [DESK], "from": "ann@customer.example"}))
    for dkim, trust in (("{@customer.example : pass}", "verified"), ("{@other.example : pass}", "asserted"),
                        ("{@customer.example : fail}", "asserted"), ("none", "asserted")):  # fmt: skip
        bus.published.clear()
        body, headers = a_form(raw, envelope, ("dkim", "", dkim), ("SPF", "", "softfail"))
        await http.post("/inbound/sendgrid", content=body, headers=headers | by_sendgrid(body))
        [(event, _)] = bus.published
        assert event.data.identities[0].trust == trust, dkim
    unsigned = await http.post("/inbound/sendgrid", content=body, headers=headers)
    assert unsigned.status_code == 401


async def test_a_body_that_was_changed_after_sendgrid_signed_it_is_refused(http, bus):
    body, headers = a_form(("email", "", MAIL), ("envelope", "", json.dumps({"to": [DESK], "from": ""})))
    signed = by_sendgrid(body)
    for changed in (body.replace(b"Where", b"There"), body + b" "):
        assert (await http.post("/inbound/sendgrid", content=changed, headers=headers | signed)).status_code == 401
    assert not bus.published


async def test_amazon_is_believed_by_its_certificate_and_the_topic(http, bus, elsewhere):
    answer = await http.post("/inbound/ses", json=by_amazon(a_receipt(dmarc="PASS", spf="PASS")))
    assert answer.status_code == 200, answer.text
    [(event, _)] = bus.published
    assert (event.data.text, event.data.identities[0].trust) == ("Where is it?", "verified")
    assert (await http.post("/inbound/ses", json=by_amazon(a_receipt(), SignatureVersion="1"))).status_code == 200
    assert [url for url, _ in elsewhere.asked] == [CERTIFICATE_URL], "it is fetched once"


@pytest.mark.parametrize(
    ("verdict", "trust"), [("FAIL", "asserted"), ("GRAY", "asserted"), ("PROCESSING_FAILED", "asserted")]
)
async def test_what_amazon_did_not_prove_is_not_verified(http, bus, verdict, trust):
    await http.post("/inbound/ses", json=by_amazon(a_receipt(dmarc=verdict, spf="PASS")))
    [(event, _)] = bus.published
    assert event.data.identities[0].trust == trust


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"TopicArn": "arn:aws:sns:eu-west-1:2:evil"}, "another topic"),
        ({"Signature": ""}, "not signed"),
        ({"SignatureVersion": "3"}, "not signed"),
        ({"Message": "{}"}, "signature is wrong"),
        ({"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem"}, "certificate is not at Amazon"),
        ({"SigningCertURL": "https://evil.s3.amazonaws.com/a.pem"}, "certificate is not at Amazon"),
        ({"SigningCertURL": "http://sns.eu-west-1.amazonaws.com/a.pem"}, "certificate is not at Amazon"),
    ],
)
async def test_what_amazon_did_not_sign_for_us_is_refused_in_words(http, bus, elsewhere, changed, reason):
    answer = await http.post("/inbound/ses", json=by_amazon(a_receipt()) | changed)
    assert answer.status_code == 401
    assert reason in answer.json()["detail"]
    assert not bus.published
    assert {url for url, _ in elsewhere.asked} <= {CERTIFICATE_URL}


async def test_a_certificate_of_another_time_proves_nothing(http, bus, elsewhere):
    elsewhere.pages[CERTIFICATE_URL] = a_certificate(since=timedelta(days=-3), until=timedelta(days=-2))
    assert (await http.post("/inbound/ses", json=by_amazon(a_receipt()))).status_code == 401


async def test_a_certificate_that_cannot_be_fetched_makes_amazon_try_again(http, elsewhere):
    del elsewhere.pages[CERTIFICATE_URL]
    assert (await http.post("/inbound/ses", json=by_amazon(a_receipt()))).status_code == 503


async def test_a_subscription_is_confirmed_at_amazon_and_nowhere_else(http, elsewhere):
    for url, status in (
        ("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription", 200),
        ("https://evil.example/", 400),
    ):
        elsewhere.pages[url] = b""
        said = by_amazon({}, Type="SubscriptionConfirmation", SubscribeURL=url, Token="t")
        assert (await http.post("/inbound/ses", json=said)).status_code == status
    assert [url for url, _ in elsewhere.asked][1:] == [
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
    ]


def reports(message_id: str) -> list[tuple[str, Any]]:
    gone = "550 5.1.1 <ann@customer.example>: no such user"
    ann = "ann@customer.example"
    mailgun = {
        "event": "failed", "severity": "permanent", "recipient": ann, "delivery-status": {"code": 550, "message": gone},
        "message": {"headers": {"message-id": message_id.strip("<>")}},
    }  # fmt: skip
    signed = by_mailgun({})
    headers = [{"name": "References", "value": f"<x@y.example> {message_id}"}]
    people = [{"emailAddress": ann, "status": "5.1.1", "diagnosticCode": f"smtp; {gone}"}]
    bounce = {"bounceType": "Permanent", "bouncedRecipients": people}
    amazon = {"notificationType": "Bounce", "bounce": bounce, "mail": {"headers": headers}}
    sendgrid = [{"event": "bounce", "email": ann, "status": "5.1.1", "reason": gone, "smtp-id": message_id}]
    postmark = {"RecordType": "Bounce", "Type": "HardBounce", "Email": ann, "Details": gone}
    postmark["Content"] = f"Message-ID: {message_id}"
    return [
        ("mailgun", {"signature": {k: signed[k] for k in ("timestamp", "token", "signature")}, "event-data": mailgun}),
        ("ses", by_amazon(amazon)),
        ("sendgrid", sendgrid),
        ("postmark", postmark),
    ]


async def tell(http: AsyncClient, provider: str, said: Any) -> Response:
    body = json.dumps(said).encode()
    headers = {"Content-Type": "application/json"} | (by_sendgrid(body) if provider == "sendgrid" else {})
    auth = login(LOGIN) if provider == "postmark" else None
    return await http.post(f"/inbound/{provider}", content=body, headers=headers, auth=auth)


def in_a_bucket(key: str = "inbound/k-1", bucket: str = "mails") -> dict[str, Any]:
    said = a_receipt(dmarc="PASS", spf="PASS")
    said.pop("content")
    said["receipt"]["action"] = {"type": "S3", "topicArn": TOPIC, "bucketName": bucket, "objectKey": key}
    return said


def put(s3: str, key: str, content: bytes = MAIL.encode()) -> None:
    import boto3

    boto3.client("s3", endpoint_url=s3, region_name="us-east-1").put_object(Bucket="mails", Key=key, Body=content)


async def test_a_mail_that_amazon_put_into_a_bucket_is_fetched_from_there(http, bus, s3: str):
    put(s3, "inbound/k-1")
    answer = await http.post("/inbound/ses", json=by_amazon(in_a_bucket()))
    assert (answer.status_code, len(answer.json()["kept"])) == (200, 1)
    [(event, _)] = bus.published
    assert (event.data.text, event.data.identities[0].trust) == ("Where is it?", "verified")


@pytest.mark.parametrize(
    ("path", "key", "bucket"),
    [
        ("/inbound/ses", "inbound/not-there", "mails"),
        ("/inbound/ses", "local/of-somebody-else", "mails"),
        ("/inbound/ses", "inbound-not/k-1", "mails"),
        ("/inbound/ses", "inbound/../local/of-somebody-else", "mails"),
        ("/inbound/ses", "inbound/k-1", "not-ours"),
        ("/inbound/ses/acme-help", "inbound/k-1", "mails"),
    ],
    ids=[
        "it is not there",
        "of our own store",
        "a folder of like name",
        "a way out of the folder",
        "another bucket",
        "by an address's own topic",
    ],
)
async def test_a_mail_in_a_bucket_that_no_operator_named_is_not_read(
    http, bus, s3: str, path: str, key: str, bucket: str
):
    """Our login reads more than those mails. It is brought again, should it be our setting that is wrong."""
    for known in ("inbound/k-1", "local/of-somebody-else", "inbound-not/k-1"):
        put(s3, known)
    answer = await http.post(path, json=by_amazon(in_a_bucket(key, bucket)))
    assert answer.status_code == 503
    assert bus.published == []


@pytest.mark.parametrize("provider", ["mailgun", "ses", "sendgrid", "postmark"])
async def test_a_bounce_that_a_provider_tells_marks_the_reply_it_is_about(http, bus, provider):
    message = uuid4()
    message_id = Signer(("a secret of a test",), "local").message_id(message, "desk.example")
    said = dict(reports(message_id))[provider]
    assert (await tell(http, provider, said)).status_code == 200
    [(event, _)] = bus.published
    assert (event.type, event.data.message_id, event.data.state) == ("onethread.reply.failed.v1", message, "failed")
    assert event.data.reason


@pytest.mark.parametrize("provider", ["mailgun", "ses", "sendgrid", "postmark"])
async def test_a_bounce_of_a_mail_that_is_not_ours_is_nothing(http, bus, provider):
    answer = await tell(http, provider, dict(reports(f"<{uuid4()}.aaaaaaaaaaaaaaaa@desk.example>"))[provider])
    assert (answer.status_code, answer.json()) == (200, {"kept": []})
    assert not bus.published


def login(said: str) -> tuple[str, str]:
    user, _, password = said.partition(":")
    return user, password


def a_request(fixtures, name: str) -> tuple[dict[str, str], bytes, dict[str, Any]]:
    raw = (fixtures / "webhooks" / f"{name}.txt").read_bytes()
    end = b"\r\n\r\n" if raw.partition(b"\n")[0].endswith(b"\r") else b"\n\n"
    head, _, body = raw.partition(end)
    lines = [line.split(": ", 1) for line in head.decode().splitlines()[1:]]
    kept = {name: value for name, value in lines if name.lower() in ("content-type", "user-agent")}
    return kept, body, json.loads((fixtures / "webhooks" / "expected.json").read_text())[f"{name}.txt"]


def with_field(body: bytes, name: str, value: str, *, multipart: bool) -> bytes:
    if not multipart:
        kept = [pair for pair in body.split(b"&") if not pair.startswith(f"{name}=".encode())]
        return b"&".join([*kept, urlencode({name: value}).encode()])
    start = body.index(b"\r\n\r\n", body.index(f'name="{name}"'.encode())) + 4
    return body[:start] + value.encode() + body[body.index(b"\r\n--", start) :]


def has_read(bus, expected: dict[str, Any]) -> None:
    [(event, _)] = bus.published
    message = event.data
    if "text_contains" in expected:
        assert expected["text_contains"] in message.text
        return
    assert message.identities[0].value == expected["from_address"]
    assert message.subject == expected["subject"]
    # The fixture's text ends in a quote and a signature, which are not new words.
    assert " ".join(message.text.split()).startswith("bold text some more bold text some italic text")
    assert set(expected["attachments"]) <= {a.name for a in message.attachments}
