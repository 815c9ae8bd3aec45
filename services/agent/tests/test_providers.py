"""Each provider through LlamaIndex, against a server that speaks its protocol on a real port."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from plugins.language_model import Act, saying

from onethread.agent.llm import LanguageModel, Limits
from onethread.agent.prompt import Line
from onethread.agent.providers import ModelError, Provider
from onethread.agent.spending import Prices
from onethread.contracts.agent import Usage

NAMES = ("openai", "anthropic", "ollama")
TEXT = "You may return anything within 30 days [1]. Ink is an exception [1]."
LINES = [Line("system", "Answer from the passages."), Line("user", "What is your return policy?")]
PATIENT = {"first": 20.0, "between": 20.0, "whole": 40.0}
"""On a busy machine nothing else may end an answer than what the test is about."""
QUICK = Limits(**PATIENT, pause=0.01)


@pytest.fixture
def language_model(model) -> Callable[..., LanguageModel]:
    def make(name: str = "openai", limits: Limits = QUICK, **fields: object) -> LanguageModel:
        url = f"{model.url}/v1" if name == "openai" else model.url
        return LanguageModel(Provider(name, "m", url, "secret", 10.0, **fields), limits, Prices(3.0, 15.0))

    return make


async def written(language_model: LanguageModel, used: list[Usage] | None = None) -> tuple[str, list[str]]:
    pieces: list[str] = []

    async def heard(piece: str) -> None:
        pieces.append(piece)

    return await language_model.write(LINES, heard, [] if used is None else used), pieces


async def failed(language_model: LanguageModel, used: list[Usage] | None = None) -> str:
    with pytest.raises(ModelError) as error:
        await written(language_model, used)
    return str(error.value)


@pytest.mark.parametrize("name", NAMES)
async def test_each_provider_streams_and_tells_what_was_used(model, language_model, name) -> None:
    model.says(TEXT)
    used: list[Usage] = []
    text, pieces = await written(language_model(name), used)
    assert text == TEXT
    assert len(pieces) > 5
    assert [(usage.model, usage.input_tokens, usage.output_tokens) for usage in used] == [("m", 100, 20)]
    assert used[0].cost == pytest.approx(0.0006)
    assert "secret" in model.heads[0]
    assert "Answer from the passages." in str(model.requests[0])


@pytest.mark.parametrize("name", NAMES)
async def test_what_a_provider_does_not_tell_is_counted(model, language_model, name) -> None:
    model.says(TEXT, usage=None)
    used: list[Usage] = []
    await written(language_model(name), used)
    (usage,) = used
    # Anthropic always tells; a zero is what it says.
    assert usage.output_tokens in ((0,) if name == "anthropic" else range(10, 30))


async def test_a_model_that_the_library_does_not_know_yet_is_asked(model) -> None:
    model.says(TEXT)
    provider = Provider("anthropic", "claude-of-next-year", model.url, "k", 5.0)
    text, _ = await written(LanguageModel(provider, QUICK))
    assert text == TEXT
    assert model.requests[0]["model"] == "claude-of-next-year"
    assert "temperature" not in model.requests[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("status", [429, 500, 503, 529])
async def test_what_may_pass_is_tried_again(model, language_model, name, status) -> None:
    model.acts = [Act(status=status), Act(status=status), saying(TEXT)]
    text, _ = await written(language_model(name))
    assert text == TEXT
    assert len(model.requests) == 3


@pytest.mark.parametrize("name", NAMES)
async def test_a_refusal_for_good_is_not_tried_again(model, language_model, name) -> None:
    model.acts = [Act(status=401)]
    used: list[Usage] = []
    assert await failed(language_model(name), used) == "The language model refused with HTTP 401"
    assert len(model.requests) == 1
    assert used == []


async def test_the_provider_s_own_wait_is_kept(model, language_model) -> None:
    model.acts = [Act(status=429, headers={"Retry-After": "1"}), saying(TEXT)]
    began = asyncio.get_running_loop().time()
    await written(language_model())
    assert asyncio.get_running_loop().time() - began >= 1


async def test_nobody_waits_for_a_provider_that_asks_for_more_time_than_there_is(model, language_model) -> None:
    model.acts = [Act(status=429, headers={"Retry-After": "60"})]
    began = asyncio.get_running_loop().time()
    assert "HTTP 429" in await failed(language_model())
    assert asyncio.get_running_loop().time() - began < 2


@pytest.mark.parametrize("name", NAMES)
async def test_nothing_is_tried_again_after_the_first_word(model, language_model, name) -> None:
    model.says(TEXT[:-8], breaks=True)
    used: list[Usage] = []
    assert "broke off" in await failed(language_model(name), used)
    assert len(model.requests) == 1
    assert used[0].output_tokens


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (Act(), "answered nothing"),
        (Act(["  \n"]), "answered nothing"),
        (saying(TEXT, finish="length"), "did not come to an end"),
        (Act([], wait=5), "did not begin within 0.4 seconds"),
        (saying(TEXT, hangs=True), "fell silent"),
        (Act(["Ah, "] * 200, between=0.02), "did not finish within 1 seconds"),
        (Act([f"Number {n} " for n in range(9_000)]), "did not come to an end"),
        (Act(["All pens can be returned to us within thirty days of delivery. "] * 9), "circles"),
        (Act(raw=b"\x00\x01\x02 not http at all\r\n\r\n"), "could not be reached"),
        (Act(raw=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>"), ""),
        (Act(raw=b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: {"nope": [}\n\n'), ""),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) and value else "",
)
async def test_whatever_a_provider_does_has_a_reason_in_words(model, language_model, name, act, reason) -> None:
    if "did not finish" in reason:
        act.pieces = [f"word{n} " for n in range(200)]
    model.acts = [act]
    short = {"did not begin": {"first": 0.4}, "fell silent": {"between": 0.4}, "did not finish": {"whole": 1.0}}
    own = next((limit for sign, limit in short.items() if sign in reason), {})
    limits = Limits(**PATIENT | own, tries=1)
    said = await failed(language_model(name, limits))
    assert reason in said
    assert said.startswith("The language model ")


@pytest.mark.parametrize(("name", "finish"), [("openai", "content_filter"), ("anthropic", "refusal")])
async def test_a_provider_that_refuses_to_answer_says_so(model, language_model, name, finish) -> None:
    model.says("I can", finish=finish)
    assert "refused to answer" in await failed(language_model(name))


@pytest.mark.parametrize("name", NAMES)
async def test_a_server_that_is_not_there_has_a_reason(name) -> None:
    provider = Provider(name, "m", "http://127.0.0.1:9", "k", 2.0)
    assert "could not be reached" in await failed(LanguageModel(provider, QUICK))


async def test_a_provider_that_fails_again_and_again_is_let_alone_and_then_tried_once(model, language_model) -> None:
    model.acts = [Act(status=401)]
    one = language_model(limits=Limits(failures=2, rest=60))
    assert "HTTP 401" in await failed(one)
    assert "HTTP 401" in await failed(one)
    assert "out of order" in await failed(one)
    assert len(model.requests) == 2
    one._breaker._clock = lambda: time.monotonic() + 61
    model.says(TEXT, wait=0.2)
    both = await asyncio.gather(written(one), failed(one))
    assert both[0][0] == TEXT
    assert "out of order" in both[1]
    await written(one)


async def test_no_more_answers_are_written_at_once_than_may_be(model, language_model) -> None:
    model.says(TEXT, wait=0.1)
    one = language_model(limits=Limits(at_once=2))
    await asyncio.gather(*(written(one) for _ in range(6)))
    assert model.most_busy == 2


async def test_who_finds_no_room_in_time_is_told_so(model, language_model) -> None:
    model.says(TEXT, between=0.25)
    one = language_model(limits=Limits(at_once=1, first=1.5, whole=20))
    results = await asyncio.gather(*(written(one) for _ in range(2)), return_exceptions=True)
    assert "no room" in str(results[1])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("act", [saying(TEXT, hangs=True), Act(wait=9)], ids=["while-writing", "before"])
async def test_who_stops_an_answer_closes_the_request(model, language_model, name, act) -> None:
    model.acts = [act]
    used: list[Usage] = []
    writing = asyncio.create_task(written(language_model(name), used))
    while not model.requests:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    for _ in range(1_000):
        if model.left:
            break
        await asyncio.sleep(0.02)
    assert model.left == 1
    assert bool(used) == bool(act.pieces)


def test_only_the_chosen_provider_is_imported() -> None:
    code = (
        "import sys, asyncio, onethread.agent.app\n"
        "from onethread.agent.providers import Provider\n"
        "assert 'llama_index.core' not in sys.modules\n"
        "asyncio.run(Provider('ollama', 'm', None, None, 1.0).warm())\n"
        "assert 'openai' not in sys.modules and 'anthropic' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_first_customer_waits_for_no_import() -> None:
    script = (
        "import asyncio, sys\n"
        "from onethread.agent.providers import Provider\n"
        "asyncio.run(Provider('openai', 'm', 'http://127.0.0.1:9/v1', None, 1).warm())\n"
        "assert 'openai.resources.chat' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


async def test_a_server_that_never_says_why_it_stops_is_believed_where_a_sentence_ends(model, language_model) -> None:
    model.says(TEXT, finish=None)
    assert (await written(language_model()))[0] == TEXT
