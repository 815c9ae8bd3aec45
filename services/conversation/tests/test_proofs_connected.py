"""A customer proves an address: by a code typed in the widget, or by the link of a mail that a teammate asked for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from plugins.conversation_world import asserted, behind_its_back, received, verified
from psycopg.rows import namedtuple_row

from onethread.contracts import subjects
from onethread.contracts.messages import Identity
from onethread.contracts.proofs import (
    CodeTried,
    ProofAsked,
    ProofMail,
    ProofMailSent,
    ProofStarted,
    StartProof,
    TryCode,
)
from onethread.contracts.questions import History, HistoryOfVisitor
from onethread.conversation import proofs
from onethread.conversation.replay import verify
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus

pytestmark = pytest.mark.connected

ANA = verified("email", "ana@customers.example")
FORGED = asserted("email", ANA.value)
V, W = verified("visitor", "v-1"), verified("visitor", "w-2")
SITE_USER = verified("site_user", "u-9")


class Mailbox:
    """Every mail with a code, in place of gateway-email."""

    def __init__(self) -> None:
        self.mails: list[ProofMail] = []
        self.refuses = ""

    async def __call__(self, mail: ProofMail) -> ProofMailSent:
        if self.refuses:
            return ProofMailSent(sent=False, reason=self.refuses)
        self.mails.append(mail)
        return ProofMailSent(sent=True)

    @property
    def path(self) -> str:
        """Of the latest link."""
        return re.sub("^http://[^/]+", "", str(self.mails[-1].link))


@asynccontextmanager
async def answering(nats_url: str, mailbox: Any) -> AsyncIterator[None]:
    gateway = Bus("gateway-email", ConversationSettings(nats_url=nats_url, api_key="key", admin_password="pw"))
    gateway.answer(subjects.EMAIL_PROVE, ProofMail, mailbox)
    await gateway.start()
    yield
    await gateway.stop()


@pytest.fixture
async def mailbox(outside: Any, nats_url: str, database_url: str) -> AsyncIterator[Mailbox]:
    box = Mailbox()
    async with answering(nats_url, box):
        yield box
    assert [one async for one in verify(database_url, "local")] == [], "the event log does not tell everything"


@pytest.fixture
async def forms(outside: Any) -> list[ProofAsked]:
    """What widgets are told to ask for."""
    heard: list[ProofAsked] = []

    async def on_asked(message: Any) -> None:
        heard.append(ProofAsked.model_validate_json(message.data))

    await outside.bus.listen("live.*.prove.widget", on_asked)
    await outside.bus.broker.config.broker_config.connection_state.connection.flush()
    return heard


@pytest.fixture
def database(database_url: str) -> Iterator[Any]:
    with psycopg.connect(database_url, autocommit=True, row_factory=namedtuple_row) as connection:
        yield connection


async def start(outside: Any, *who: Identity, email: str = ANA.value, workspace: str = "local") -> ProofStarted:
    asked = StartProof(
        workspace=workspace, identities=list(who), channel_id="local", place=f"widget:{who[-1].value}", email=email
    )
    return await outside.bus.ask(subjects.CONVERSATION_PROVE, asked, ProofStarted)


@pytest.mark.parametrize("scope", ["all", "automatic"])
async def test_no_code_goes_to_an_address_that_is_dead_or_whose_owner_complained(
    outside: Any, mailbox: Mailbox, database: Any, scope: str
) -> None:
    """In the words of the gateway for any address that is refused: it tells nobody that this one is known here."""
    database.execute(
        "insert into suppression (id, workspace_id, address, scope, report, reason, since)"
        " values (gen_random_uuid(), 'local', %s, %s, 'hard', 'x', now())",
        [ANA.value, scope],
    )
    started = await start(outside, V, email=ANA.value.upper())
    assert (started.sent, started.reason) == (False, proofs.TAKES_NONE)
    assert mailbox.mails == []
    assert (await start(outside, V, email="other@customers.example")).sent


async def type_code(outside: Any, proof_id: Any, code: str, *who: Identity, workspace: str = "local") -> CodeTried:
    asked = TryCode(workspace=workspace, proof_id=proof_id, code=code, identities=list(who))
    return await outside.bus.ask(subjects.CONVERSATION_PROVE_CODE, asked, CodeTried)


async def prove(outside: Any, mailbox: Mailbox, *who: Identity, email: str = ANA.value) -> CodeTried:
    started = await start(outside, *who, email=email)
    assert started.sent, started.reason
    return await type_code(outside, started.proof_id, mailbox.mails[-1].code, *who)


async def seen(outside: Any, *who: Identity) -> list[str]:
    asked = HistoryOfVisitor(workspace="local", identities=list(who))
    return [m.text for m in (await outside.bus.ask(subjects.CONVERSATION_VISITOR, asked, History)).messages]


async def customer_of(outside: Any, added: Any) -> dict[str, Any]:
    thread = (await outside.api.get(f"/api/v1/threads/{added.threadid}")).json()
    return (await outside.api.get(f"/api/v1/customers/{thread['customer']['id']}")).json()


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


async def ask(outside: Any, customer: dict[str, Any], value: str = ANA.value) -> Any:
    return await outside.api.post(f"/api/v1/customers/{customer['id']}/prove", json={"value": value})


def merges(database: Any) -> list[Any]:
    return database.execute("select * from act where kind = 'merge' order by created_at").fetchall()


def known(customer: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((one["kind"], one["trust"]) for one in customer["identities"])


# By a code, in the widget


async def test_who_reads_the_code_sees_in_the_widget_what_was_said_by_mail(
    outside: Any, mailbox: Mailbox, database: Any
):
    mail = await outside.hear(received("email", "My lamp broke", ANA))
    chat = await outside.hear(received("widget", "Hello?", V))
    assert await seen(outside, V) == ["Hello?"]
    assert (await prove(outside, mailbox, V)).proven
    assert await seen(outside, V) == ["My lamp broke", "Hello?"]
    one, other = await customer_of(outside, mail), await customer_of(outside, chat)
    assert one["id"] == other["id"]
    assert known(one) == [("email", "verified"), ("visitor", "verified")]
    (merge,) = merges(database)
    assert merge.how == "proof"
    assert re.fullmatch(rf"Both use {ANA.value}\. Proven by a one-time code, \d+ \w+ \d+\.", merge.reason)
    actions = (await outside.api.get("/api/v1/audit")).json()["items"]
    assert "customer.address_proven" in [one["action"] for one in actions]


async def test_an_unmerge_takes_back_what_the_proof_joined(outside: Any, mailbox: Mailbox, database: Any):
    mail = await outside.hear(received("email", "My lamp broke", ANA))
    chat = await outside.hear(received("widget", "Hello?", V))
    await prove(outside, mailbox, V)
    customer = await customer_of(outside, mail)
    act = {"act_id": str(merges(database)[0].id)}
    undone = await outside.api.post(f"/api/v1/customers/{customer['id']}/unmerge", json=act)
    assert undone.status_code == 200, undone.text
    assert await seen(outside, V) == ["Hello?"]
    assert known(await customer_of(outside, chat)) == [("visitor", "verified")]


async def test_an_address_that_nobody_has_is_linked_to_who_proved_it(outside: Any, mailbox: Mailbox):
    chat = await outside.hear(received("widget", "Hello?", V))
    assert (await prove(outside, mailbox, V, email="Ana@Customers.example ")).proven
    customer = await customer_of(outside, chat)
    assert customer["email"] == ANA.value
    (email,) = [one for one in customer["identities"] if one["kind"] == "email"]
    assert (email["value"], email["trust"]) == (ANA.value, "verified")
    assert email["evidence"].startswith("one-time code, ")
    later = await outside.hear(received("email", "By mail", ANA))
    assert later.threadid == chat.threadid


async def test_the_link_of_an_address_is_told_with_the_whole_new_profile(outside: Any, mailbox: Mailbox, database: Any):
    await outside.hear(received("widget", "Hello?", V))
    await prove(outside, mailbox, V)
    query = "select body::jsonb as event from outbox where type like '%%identity_linked%%'"
    (told,) = database.execute(query).fetchall()
    assert told.event["data"]["identity"]["value"] == ANA.value
    assert told.event["data"]["how"] == "proof"
    assert {one["kind"] for one in told.event["data"]["customer"]["identities"]} == {"visitor", "email"}


@pytest.mark.parametrize("has_written", [True, False])
async def test_a_visitor_who_has_said_nothing_yet_can_prove_an_address(
    outside: Any, mailbox: Mailbox, has_written: bool
):
    if has_written:
        await outside.hear(received("email", "My lamp broke", ANA))
    assert (await prove(outside, mailbox, V)).proven
    assert await seen(outside, V) == (["My lamp broke"] if has_written else [])
    chat = await outside.hear(received("widget", "Hello?", V))
    assert known(await customer_of(outside, chat)) == [("email", "verified"), ("visitor", "verified")]


async def test_a_visitor_who_only_asked_for_a_code_leaves_no_customer(outside: Any, mailbox: Mailbox):
    await start(outside, V)
    assert (await outside.api.get("/api/v1/customers")).json()["items"] == []


async def test_the_answer_and_the_mail_are_the_same_for_known_and_unknown_addresses(outside: Any, mailbox: Mailbox):
    await outside.hear(received("email", "My lamp broke", ANA))
    first, second = await start(outside, V), await start(outside, V, email="who@customers.example")
    own = {"proof_id"}
    assert first.model_dump(exclude=own) == second.model_dump(exclude=own) == {
        "sent": True, "reason": "", "retry_after": None,
    }  # fmt: skip
    known, unknown = (mail.model_dump(exclude={"to", "code"}) for mail in mailbox.mails)
    assert known == unknown


async def test_three_wrong_codes_end_it_and_the_right_one_then_fails(outside: Any, mailbox: Mailbox):
    started = await start(outside, V)
    code = mailbox.mails[0].code
    tried = [await type_code(outside, started.proof_id, wrong(code), V) for _ in range(3)]
    assert [(one.proven, one.left) for one in tried] == [(False, 2), (False, 1), (False, 0)]
    last = await type_code(outside, started.proof_id, code, V)
    assert (last.proven, last.left, last.reason) == (False, 0, proofs.OVER)


async def test_many_wrong_codes_at_once_cost_a_try_each(outside: Any, mailbox: Mailbox):
    started = await start(outside, V)
    code = wrong(mailbox.mails[0].code)
    tried = await asyncio.gather(*(type_code(outside, started.proof_id, code, V) for _ in range(8)))
    assert sorted(one.left for one in tried) == [0, 0, 0, 0, 0, 0, 1, 2]
    assert sum(one.reason == proofs.OVER for one in tried) == 5


async def test_two_right_codes_at_once_are_one_merge(outside: Any, mailbox: Mailbox, database: Any):
    await outside.hear(received("email", "My lamp broke", ANA))
    await outside.hear(received("widget", "Hello?", V))
    started = await start(outside, V)
    code = mailbox.mails[0].code
    tried = await asyncio.gather(*(type_code(outside, started.proof_id, code, V) for _ in range(2)))
    assert sorted(one.proven for one in tried) == [False, True]
    assert len(merges(database)) == 1


async def test_a_code_is_used_once(outside: Any, mailbox: Mailbox):
    started = await start(outside, V)
    code = mailbox.mails[0].code
    assert (await type_code(outside, started.proof_id, f" {code[:3]} {code[3:]} ", V)).proven
    again = await type_code(outside, started.proof_id, code, V)
    assert (again.proven, again.reason) == (False, proofs.USED)


async def test_a_code_is_good_only_for_who_asked_for_it(outside: Any, mailbox: Mailbox):
    started = await start(outside, V)
    code = mailbox.mails[0].code
    claimed = V.model_copy(update={"trust": "asserted"})
    for thief, workspace in ((W, "local"), (claimed, "local"), (V, "other")):
        stolen = await type_code(outside, started.proof_id, code, thief, workspace=workspace)
        assert (stolen.proven, stolen.left) == (False, 0)
    assert not (await type_code(outside, uuid4(), code, V)).proven
    assert (await type_code(outside, started.proof_id, code, SITE_USER, V)).proven  # signed in meanwhile


async def test_a_code_holds_ten_minutes(outside: Any, mailbox: Mailbox, database: Any, database_url: str):
    started = await start(outside, V)
    minutes = "select extract(epoch from expires_at - created_at) / 60 as minutes from proof"
    assert database.execute(minutes).fetchone().minutes == mailbox.mails[0].minutes == 10
    await behind_its_back(database_url, "update proof set expires_at = now() - interval '1 second'")
    late = await type_code(outside, started.proof_id, mailbox.mails[0].code, V)
    assert (late.proven, late.reason) == (False, proofs.OVER)


async def test_a_new_code_ends_the_earlier_one(outside: Any, mailbox: Mailbox):
    first, second = await start(outside, V), await start(outside, V)
    old, new = (mail.code for mail in mailbox.mails)
    assert not (await type_code(outside, first.proof_id, old, V)).proven
    assert (await type_code(outside, second.proof_id, new, V)).proven


async def test_an_address_gets_three_mails_an_hour_whoever_asks(outside: Any, mailbox: Mailbox, database_url: str):
    for number in range(3):
        assert (await start(outside, verified("visitor", f"v-{number}"))).sent
    refused = await start(outside, W)
    assert (refused.sent, refused.proof_id, refused.reason) == (False, None, proofs.TOO_MANY)
    assert 3500 < refused.retry_after <= 3600
    assert len(mailbox.mails) == 3
    await behind_its_back(database_url, "update proof set created_at = created_at - interval '1 hour'")
    assert (await start(outside, W)).sent


async def test_ten_mails_a_day_and_six_from_one_visitor_an_hour(
    outside: Any, mailbox: Mailbox, database: Any, database_url: str
):
    for number in range(10):
        assert (await start(outside, verified("visitor", f"v-{number}"))).sent
        await behind_its_back(database_url, "update proof set created_at = created_at - interval '1 hour'")
    refused = await start(outside, W)
    assert 13 * 3600 < refused.retry_after <= 14 * 3600
    for number in range(6):
        assert (await start(outside, V, email=f"{number}@customers.example")).sent
    assert not (await start(outside, V, email="7@customers.example")).sent
    await behind_its_back(database_url, "update proof set created_at = created_at - interval '1 day'")
    assert (await start(outside, W)).sent
    assert database.execute("select count(*) from proof").fetchone()[0] == 1  # what is over is not kept


async def test_many_who_ask_at_once_get_no_more_mails(outside: Any, mailbox: Mailbox):
    asked = await asyncio.gather(*(start(outside, verified("visitor", f"v-{number}")) for number in range(8)))
    assert sum(one.sent for one in asked) == len(mailbox.mails) == 3


async def test_without_a_way_to_send_mail_it_is_refused_in_words_and_counts_for_nobody(
    outside: Any, nats_url: str, database: Any
):
    refused = await start(outside, V)
    assert (refused.sent, refused.proof_id, refused.reason) == (False, None, proofs.AWAY)
    assert database.execute("select count(*) from proof").fetchone()[0] == 0


async def test_a_mail_that_was_not_taken_leaves_no_code(outside: Any, mailbox: Mailbox, database: Any):
    mailbox.refuses = "The mail server says that this address takes no mail."
    refused = await start(outside, V)
    assert (refused.sent, refused.reason) == (False, mailbox.refuses)
    assert database.execute("select expires_at <= now() from proof").fetchone()[0]


async def test_what_is_no_address_is_refused(outside: Any, mailbox: Mailbox):
    for email in ("", "ana", "@x.example", "ana@", "a b@x.example", "a\x00@x.example", "a@x\n@y", "<a@x>"):
        refused = await start(outside, V, email=email)
        assert (refused.sent, refused.reason) == (False, proofs.NO_ADDRESS), email
    assert mailbox.mails == []


async def test_a_workspace_without_a_support_address_says_so(outside: Any, mailbox: Mailbox, database: Any):
    database.execute("insert into workspace (id, name, settings, created_at) values ('acme', 'Acme', '{}', now())")
    assert (await start(outside, V, workspace="acme")).reason == proofs.NO_CHANNEL
    database.execute(
        "insert into channel (id, workspace_id, kind, name, settings, active, created_at)"
        " values ('acme-help', 'acme', 'email', 'Help', '{}', true, now())"
    )
    started = await start(outside, V, workspace="acme")
    assert (mailbox.mails[-1].workspace, mailbox.mails[-1].channel_id) == ("acme", "acme-help")
    assert (await type_code(outside, started.proof_id, mailbox.mails[-1].code, V, workspace="acme")).proven
    assert (await outside.api.get("/api/v1/customers")).json()["items"] == []


async def test_neither_the_code_nor_the_address_is_found_where_it_does_not_belong(
    outside: Any, mailbox: Mailbox, database: Any, capsys: Any
):
    chat = await outside.hear(received("email", "Hello?", FORGED))
    await ask(outside, await customer_of(outside, chat))
    token = mailbox.path.rsplit("/", 1)[1]
    started = await start(outside, W, email="someone@customers.example")
    code = mailbox.mails[-1].code
    await type_code(outside, started.proof_id, wrong(code), W)
    tables = [row[0] for row in database.execute("select tablename from pg_tables where schemaname = 'public'")]
    for table in tables:
        rows = str(database.execute(f"select * from {table}").fetchall())
        for secret in (f"'{code}'", token.partition(".")[2]):
            assert secret not in rows, table
        assert ("someone@customers.example" in rows) == (table == "proof"), table
    streams = b"".join([m.data async for m in everything(outside)])
    assert b"Hello?" in streams
    printed = "".join(capsys.readouterr())
    for said in (streams.decode(), printed):
        assert not re.search(rf"(?<![\w.]){code}(?!\w)", said)  # by chance it may be part of an id or of a second
        for secret in (token, "someone@customers.example"):
            assert secret not in said
    assert ANA.value not in printed


async def everything(outside: Any) -> AsyncIterator[Any]:
    js = outside.bus.js
    for stream in await js.streams_info():
        for sequence in range(1, stream.state.messages + 1):
            yield await js.get_msg(stream.config.name, sequence)


async def test_what_a_teammate_joined_is_open_to_the_customer_once_they_prove_it(
    outside: Any, mailbox: Mailbox, database: Any
):
    mail = await outside.hear(received("email", "My lamp broke", ANA))
    chat = await outside.hear(received("widget", "Hello?", V))
    owner, own = await customer_of(outside, mail), await customer_of(outside, chat)
    url = f"/api/v1/customers/{owner['id']}/merge"
    assert (await outside.api.post(url, json={"other_id": own["id"], "reason": "By phone."})).status_code == 200
    assert await seen(outside, V) == ["Hello?"]
    assert (await prove(outside, mailbox, V)).proven
    assert await seen(outside, V) == ["My lamp broke", "Hello?"]
    (merge,) = merges(database)
    assert (merge.how, merge.reason.startswith("By phone. Proven by a one-time code, ")) == ("proof", True)


# What speaks against it


async def test_who_has_another_account_is_not_merged_and_a_teammate_sees_why(outside: Any, mailbox: Mailbox):
    owner = await outside.hear(received("widget", "mine", verified("site_user", "u-1"), ANA, W))
    chat = await outside.hear(received("widget", "Hello?", SITE_USER, V))
    tried = await prove(outside, mailbox, SITE_USER, V)
    assert (tried.proven, tried.left, tried.reason) == (False, 0, proofs.UNCLEAR)
    customer, other = await customer_of(outside, chat), await customer_of(outside, owner)
    assert customer["id"] != other["id"]
    (maybe,) = customer["maybe"]
    assert maybe["id"] == other["id"]
    assert "different accounts" in maybe["reason"]
    assert await seen(outside, SITE_USER, V) == ["Hello?"]


async def test_whom_a_teammate_keeps_apart_no_proof_merges(outside: Any, mailbox: Mailbox, database: Any):
    owner = await customer_of(outside, await outside.hear(received("email", "My lamp broke", ANA)))
    chat = await outside.hear(received("widget", "Hello?", V))
    own = await customer_of(outside, chat)
    url = f"/api/v1/customers/{own['id']}/dismiss"
    assert (await outside.api.post(url, json={"other_id": owner["id"]})).status_code == 204
    assert (await prove(outside, mailbox, V)).reason == proofs.UNCLEAR
    assert await seen(outside, V) == ["Hello?"]
    assert merges(database) == []


async def test_a_second_address_in_one_browser_is_a_teammates_to_judge(
    outside: Any, mailbox: Mailbox, forms: list[ProofAsked]
):
    chat = await outside.hear(received("widget", "Hello?", V))
    assert (await prove(outside, mailbox, V)).proven
    assert (await prove(outside, mailbox, V, email="bob@customers.example")).reason == proofs.UNCLEAR
    customer = await customer_of(outside, chat)
    assert customer["claims"] == [{"kind": "email", "value": "bob@customers.example"}]
    assert (await ask(outside, customer, "bob@customers.example")).status_code == 202
    [form] = await outside.wait(lambda: forms or None)
    assert (await type_code(outside, form.proof_id, mailbox.mails[-1].code, V)).proven
    customer = await customer_of(outside, chat)
    assert customer["claims"] == []
    assert {one["value"] for one in customer["identities"]} == {"v-1", ANA.value, "bob@customers.example"}


# By a link that a teammate asks for


async def test_a_teammate_asks_whoever_chats_to_type_a_code_there_for_a_link_could_be_followed_for_somebody_else(
    outside: Any, mailbox: Mailbox, forms: list[ProofAsked]
):
    await outside.hear(received("email", "My lamp broke", ANA))
    chat = await outside.hear(received("widget", "Hello?", V, asserted("email", ANA.value)))
    assert (await ask(outside, await customer_of(outside, chat))).status_code == 202
    assert mailbox.mails[0].link is None
    [form] = await outside.wait(lambda: forms or None)
    assert form.place == "widget:v-1"
    assert (await type_code(outside, form.proof_id, mailbox.mails[0].code, V)).proven
    assert await seen(outside, V) == ["My lamp broke", "Hello?"]


async def test_a_teammate_asks_for_the_proof_of_a_claim_and_the_customer_follows_the_link(
    outside: Any, mailbox: Mailbox, database: Any
):
    mail = await outside.hear(received("email", "My lamp broke", ANA))
    chat = await outside.hear(received("email", "Hello?", FORGED))
    asked = await ask(outside, await customer_of(outside, chat))
    assert (asked.status_code, asked.json()) == (202, {"sent": True})
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/prove/local\.[\w-]{43}", str(mailbox.mails[0].link))
    for _ in range(2):  # a mail scanner, then the customer
        page = await outside.api.get(mailbox.path)
        assert (page.status_code, "a•••@customers.example" in page.text) == (200, True)
        assert ANA.value not in page.text
    assert merges(database) == []
    done = await outside.api.post(mailbox.path)
    assert (done.status_code, "Thank you" in done.text) == (200, True)
    assert (await customer_of(outside, mail))["id"] == (await customer_of(outside, chat))["id"]
    for again in (await outside.api.post(mailbox.path), await outside.api.get(mailbox.path)):
        assert (again.status_code, "no longer holds" in again.text) == (410, True)
    assert len(merges(database)) == 1


async def test_a_request_for_a_proof_that_is_repeated_sends_no_second_mail_unless_the_first_failed(
    outside: Any, mailbox: Mailbox, database: Any
):
    customer = await customer_of(outside, await outside.hear(received("email", "hi", FORGED)))
    path = f"/api/v1/customers/{customer['id']}/prove"
    asked = {"json": {"value": ANA.value}, "headers": {"Idempotency-Key": "k1"}}
    mailbox.refuses = "The mail server is away."
    assert (await outside.api.post(path, **asked)).status_code == 409
    mailbox.refuses = ""
    answers = [await outside.api.post(path, **asked) for _ in range(2)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(202, {"sent": True})] * 2
    assert len(mailbox.mails) == 1
    assert database.execute("select answer from idempotency").fetchall() == [({"customer_id": customer["id"]},)]


async def test_a_repetition_while_the_first_mail_is_on_its_way_is_refused(
    outside: Any, nats_url: str, database: Any
) -> None:
    sending, may_end = asyncio.Event(), asyncio.Event()

    async def slow(_: ProofMail) -> ProofMailSent:
        sending.set()
        await may_end.wait()
        return ProofMailSent(sent=True)

    customer = await customer_of(outside, await outside.hear(received("email", "hi", FORGED)))
    path = f"/api/v1/customers/{customer['id']}/prove"
    asked = {"json": {"value": ANA.value}, "headers": {"Idempotency-Key": "k1"}}
    async with answering(nats_url, slow):
        first = asyncio.create_task(outside.api.post(path, **asked))
        await sending.wait()
        again = await outside.api.post(path, **asked)
        may_end.set()
        assert (await first).status_code == 202
        assert (await outside.api.post(path, **asked)).status_code == 202
    assert (again.status_code, again.json()["title"]) == (
        409, "The first request with this Idempotency-Key has not ended",
    )  # fmt: skip
    assert len(database.execute("select id from proof").fetchall()) == 1


async def test_two_clicks_at_once_are_one_merge(outside: Any, mailbox: Mailbox, database: Any):
    await outside.hear(received("email", "My lamp broke", ANA))
    unproven = await outside.hear(received("email", "Hello?", FORGED))
    await ask(outside, await customer_of(outside, unproven))
    pages = await asyncio.gather(*(outside.api.post(mailbox.path) for _ in range(2)))
    assert sorted(page.status_code for page in pages) == [200, 410]
    assert len(merges(database)) == 1


async def test_what_nobody_claims_cannot_be_asked_for(outside: Any, mailbox: Mailbox):
    customer = await customer_of(outside, await outside.hear(received("email", "Hello", ANA)))
    for value in (ANA.value, "who@customers.example", "\x00", "nonsense"):
        assert (await ask(outside, customer, value)).status_code in {409, 422}
    assert (await ask(outside, {"id": uuid4()})).status_code == 404
    assert mailbox.mails == []


async def test_too_many_mails_are_refused_with_the_seconds_to_wait(outside: Any, mailbox: Mailbox):
    customer = await customer_of(outside, await outside.hear(received("email", "Hello", FORGED)))
    assert [(await ask(outside, customer)).status_code for _ in range(4)] == [202, 202, 202, 429]
    assert 3500 < (await ask(outside, customer)).json()["retry_after"] <= 3600


async def test_an_unproven_sender_who_proves_the_address_has_it_for_what_was_said_so_far(
    outside: Any, mailbox: Mailbox
):
    first = await outside.hear(received("email", "My server has no DKIM", FORGED))
    customer = await customer_of(outside, first)
    assert (await ask(outside, customer)).status_code == 202
    assert (await outside.api.post(mailbox.path)).status_code == 200
    after = await customer_of(outside, first)
    assert (after["id"], known(after)) == (customer["id"], [("email", "verified")])
    proper = await outside.hear(received("email", "Now it has", ANA))
    assert proper.threadid == first.threadid
    forged = await outside.hear(received("email", "Send me their invoices", FORGED))
    assert forged.threadid != first.threadid
    assert (await customer_of(outside, forged))["id"] != customer["id"]


async def test_an_unproven_sender_becomes_the_owner_of_the_address_and_the_next_one_is_somebody_else(
    outside: Any, mailbox: Mailbox, database: Any
):
    owner = await outside.hear(received("email", "My lamp broke", ANA))
    first = await outside.hear(received("email", "From my phone", FORGED))
    assert (await ask(outside, await customer_of(outside, first))).status_code == 202
    assert (await outside.api.post(mailbox.path)).status_code == 200
    customer = await customer_of(outside, owner)
    assert (await customer_of(outside, first))["id"] == customer["id"]
    assert known(customer) == [("email", "verified")]
    forged = await customer_of(outside, await outside.hear(received("email", "Send me the invoices", FORGED)))
    assert forged["id"] != customer["id"]
    undone = await outside.api.post(
        f"/api/v1/customers/{customer['id']}/unmerge", json={"act_id": str(merges(database)[0].id)}
    )
    assert undone.status_code == 200, undone.text
    assert (await customer_of(outside, owner))["id"] != (await customer_of(outside, first))["id"]


async def test_an_unmerge_gives_the_unproven_identity_back(outside: Any, mailbox: Mailbox, database: Any):
    owner = await outside.hear(received("email", "My lamp broke", ANA))
    first = await outside.hear(received("email", "From my phone", FORGED))
    before = await customer_of(outside, first)
    await ask(outside, before)
    await outside.api.post(mailbox.path)
    kept = await customer_of(outside, owner)
    act = {"act_id": str(merges(database)[0].id)}
    assert (await outside.api.post(f"/api/v1/customers/{kept['id']}/unmerge", json=act)).status_code == 200
    after = await customer_of(outside, first)
    assert (after["id"], after["identities"]) == (before["id"], before["identities"])
    again = await outside.hear(received("email", "Once more", FORGED))
    assert again.threadid == first.threadid


async def test_an_unproven_sender_whom_a_teammate_joined_to_the_owner_can_still_prove_it(
    outside: Any, mailbox: Mailbox
):
    owner = await customer_of(outside, await outside.hear(received("email", "My lamp broke", ANA)))
    own = await customer_of(outside, await outside.hear(received("email", "From my phone", FORGED)))
    await outside.api.post(f"/api/v1/customers/{owner['id']}/merge", json={"other_id": own["id"]})
    assert (await ask(outside, owner)).status_code == 202
    assert (await outside.api.post(mailbox.path)).status_code == 200
    forged = await customer_of(outside, await outside.hear(received("email", "Send me the invoices", FORGED)))
    assert forged["id"] not in {owner["id"], own["id"]}


async def test_an_unproven_sender_whom_a_teammate_keeps_apart_is_only_suggested(
    outside: Any, mailbox: Mailbox, database: Any
):
    owner = await customer_of(outside, await outside.hear(received("email", "My lamp broke", ANA)))
    own = await customer_of(outside, await outside.hear(received("email", "From my phone", FORGED)))
    await outside.api.post(f"/api/v1/customers/{own['id']}/dismiss", json={"other_id": owner["id"]})
    await ask(outside, own)
    page = await outside.api.post(mailbox.path)
    assert (page.status_code, "a teammate will look" in page.text) == (200, True)
    assert merges(database) == []


async def test_a_link_that_never_was_looks_like_one_that_is_over(outside: Any):
    for path in ("x", "local.x", "other.x", "a%00b.c", "a" * 150):
        for page in (await outside.api.get(f"/prove/{path}"), await outside.api.post(f"/prove/{path}")):
            assert (page.status_code, "no longer holds" in page.text) == (410, True), path


async def test_the_page_runs_no_script_is_in_no_index_and_tells_nobody_where_it_is(outside: Any):
    page = await outside.api.get("/prove/local.x")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self'; base-uri 'none'; frame-ancestors 'none'" in policy
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
