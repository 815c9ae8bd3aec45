"""A visitor proves their address in the widget; conversation is a stand-in."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from onethread.contracts.proofs import CodeTried, ProofAsked, ProofStarted
from onethread.gateway_widget.outbound import ASKED
from onethread.runtime.bus import RefusedError

PROVE, CODE = "svc.conversation.prove", "svc.conversation.prove.code"


@pytest.fixture
def asked(running):
    """The questions that conversation gets, and its answers: a proof of `123456` with three tries."""
    questions, proof, tries = [], uuid4(), iter((2, 1, 0))

    def start(question):
        questions.append(question)
        return ProofStarted(proof_id=proof, sent=True)

    def try_code(question):
        questions.append(question)
        proven = question.code == "123456"
        return CodeTried(proven=proven, left=0 if proven else next(tries))

    running.bus.answers |= {PROVE: start, CODE: try_code}
    return questions


async def test_a_visitor_asks_for_a_code_and_proves_their_address_with_it(
    running, asked, visitor_of, a_history, a_message
):
    token = (await running.session())["session_token"]
    async with running.browser(token) as browser:
        await browser.send(type="prove", email=" ana@shop.example ")
        sent = await browser.hear()
        assert (sent["type"], sent["state"]) == ("prove", "sent")
        assert sent["message"].endswith(".")
        running.bus.history = lambda question: a_history(*([a_message(1), a_message(2)] if not question.after else []))
        await browser.send(type="code", proof_id=sent["proof_id"], code=" 123456 ")
        answer = await browser.hear()
        assert (answer["type"], answer["state"], answer["proof_id"]) == ("code", "proven", sent["proof_id"])
        again = [await browser.hear() for _ in range(2)]
    start, code = asked
    assert [frame["message"]["text"] for frame in again] == ["said 1", "said 2"], "the thread comes anew"
    assert (start.workspace, start.channel_id, start.email) == ("local", "local", "ana@shop.example")
    assert start.place == f"widget:{visitor_of(token)}"
    assert [(one.kind, one.value) for one in start.identities] == [("visitor", visitor_of(token))]
    assert (code.code, str(code.proof_id), code.identities) == ("123456", sent["proof_id"], start.identities)


async def test_a_wrong_code_is_told_so_until_the_proof_is_over(running, asked):
    async with running.browser() as browser:
        await browser.send(type="prove", email="ana@shop.example")
        proof_id = (await browser.hear())["proof_id"]
        states = []
        for _ in range(3):
            await browser.send(type="code", proof_id=proof_id, code="000000")
            states.append((await browser.hear())["state"])
        assert states == ["wrong", "wrong", "over"]
        assert await browser.hears_nothing(), "nothing of the thread comes"


@pytest.mark.parametrize(
    ("started", "message", "seconds"),
    [
        (ProofStarted(sent=False, reason="That was a lot. Wait a minute.", retry_after=60), "That was a lot.", 60),
        (ProofStarted(proof_id=uuid4(), sent=False), "We could not send a code just now.", None),
        (RefusedError("x"), "We could not send a code just now.", None),
    ],
)
async def test_a_code_that_is_not_sent_is_refused_in_words(running, started, message, seconds):
    def answer(_):
        if isinstance(started, Exception):
            raise started
        return started

    running.bus.answers[PROVE] = answer
    async with running.browser() as browser:
        await browser.send(type="prove", email="ana@shop.example")
        frame = await browser.hear()
    assert (frame["state"], frame["retry_after"]) == ("refused", seconds)
    assert frame["message"].startswith(message)


async def test_while_conversation_is_away_both_are_answered_in_words(running):
    async with running.browser() as browser:
        await browser.send(type="prove", email="ana@shop.example")
        assert (await browser.hear())["state"] == "refused"
        await browser.send(type="code", proof_id=str(uuid4()), code="123456")
        assert (await browser.hear())["state"] == "wrong"


async def test_the_talk_goes_on_while_a_code_is_being_sent(running, asked):
    sending = asyncio.Event()
    answer = running.bus.ask

    async def slowly(subject, *more):
        if subject == PROVE:
            await sending.wait()
        return await answer(subject, *more)

    running.bus.ask = slowly
    async with running.browser() as browser:
        for _ in range(5):
            await browser.send(type="prove", email="ana@shop.example")
        assert (await browser.hear())["code"] == "slow_down", "so many at once are too many"
        await browser.say("Hi")
        assert (await browser.hear())["type"] == "ack"
        sending.set()
        assert [(await browser.hear())["type"] for _ in range(4)] == ["prove"] * 4


@pytest.mark.parametrize(
    "frame", [{"type": "prove"}, {"type": "prove", "email": "x" * 255}, {"type": "code", "code": "1"}]
)
async def test_a_malformed_proof_is_told_so(running, frame):
    async with running.browser() as browser:
        await browser.send(**frame)
        assert (await browser.hear())["code"] == "malformed"


async def test_a_teammate_who_asks_for_proof_opens_the_form_where_the_customer_chats(running, asked, visitor_of):
    token = (await running.session())["session_token"]
    async with running.browser(token) as browser, running.browser() as stranger:
        await running.settled(2)
        proof = ProofAsked(place=f"widget:{visitor_of(token)}", proof_id=uuid4())
        await running.bus.hears(ASKED, proof.model_dump_json().encode())
        frame = await browser.hear()
        assert (frame["type"], frame["state"], frame["by_teammate"]) == ("prove", "sent", True)
        await browser.send(type="code", proof_id=frame["proof_id"], code="123456")
        assert (await browser.hear())["state"] == "proven"
        assert await stranger.hears_nothing()
