"""HTTP: scripts and sessions."""

from __future__ import annotations

import gzip

import pytest

from onethread.contracts.messages import Channel
from onethread.contracts.replies import ReplyDelivered
from onethread.gateway_widget import api


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    for name in ("widget.js", "panel.js"):
        (tmp_path / name).write_text(f"// {name}")
    monkeypatch.setattr(api, "STATIC", tmp_path)
    api._script.cache_clear()
    yield
    api._script.cache_clear()


async def test_a_new_browser_gets_a_session_and_nobody_is_asked(running, visitor_of):
    answer = await running.session()
    assert answer["thread"] is None
    assert answer["messages"] == []
    assert answer["history"] == "complete"
    assert answer["config"] == {"name": "Support", "greeting": "Hello! How can we help?", "brand": None}
    assert len(visitor_of(answer["session_token"])) == 32
    assert running.bus.asked == []


async def test_a_stored_session_goes_on_with_its_history(running, visitor_of, a_history, a_message):
    token = (await running.session())["session_token"]
    running.bus.history = lambda _: a_history(a_message(1), a_message(2, "teammate", Channel(id="e", kind="email")))
    answer = await running.session(session_token=token)
    assert visitor_of(answer["session_token"]) == visitor_of(token)
    assert answer["thread"] == {"id": "00000000-0000-0000-0000-000000000007", "status": "open"}
    assert [m["text"] for m in answer["messages"]] == ["said 1", "said 2"]
    assert [m["channel"] for m in answer["messages"]] == ["widget", "email"]
    assert answer["messages"][1]["author"] == {"kind": "teammate", "name": "Mara"}
    assert [one.kind for one in running.bus.asked[0].identities] == ["visitor"]


async def test_a_person_who_signs_in_keeps_the_visitor_and_shows_what_they_may_see(running, visitor_of, vouch):
    token = (await running.session())["session_token"]
    answer = await running.session(session_token=token, identity_token=vouch("u-1"))
    assert visitor_of(answer["session_token"]) == visitor_of(token)
    asked = [(one.kind, one.value) for one in running.bus.asked[0].identities]
    assert asked[:2] == [("site_user", "u-1"), ("email", "ana@shop.example")]


async def test_another_person_on_the_same_browser_is_another_visitor(running, visitor_of, vouch):
    ana = (await running.session(identity_token=vouch("ana")))["session_token"]
    ben = (await running.session(session_token=ana, identity_token=vouch("ben")))["session_token"]
    assert visitor_of(ana) != visitor_of(ben)


@pytest.mark.parametrize("claims", [{"seconds": -5}, {"secret": "another-secret-of-thirty-two-bytes"}])
async def test_an_identity_that_proves_nothing_is_refused(running, vouch, claims):
    asked = {"channel_id": "local", "identity_token": vouch(**claims)}
    answer = await running.http.post("/v1/session", json=asked)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "identity token" in answer.json()["detail"]


async def test_a_bad_session_token_is_a_new_session(running, visitor_of):
    assert visitor_of((await running.session(session_token="nonsense"))["session_token"])


async def test_an_unknown_channel_is_not_found(running):
    answer = await running.http.post("/v1/session", json={"channel_id": "nowhere"})
    assert answer.status_code == 404


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"channel_id":7}'])
async def test_a_malformed_request_is_told_so(running, body):
    answer = await running.http.post("/v1/session", content=body)
    assert answer.status_code == 422
    assert answer.json()["title"] == "The request is not valid"


async def test_a_request_that_is_too_large_is_refused(running):
    answer = await running.http.post("/v1/session", content=b'{"channel_id":"' + b"x" * 17_000)
    assert answer.status_code == 413


async def test_the_chat_opens_without_its_history_while_conversation_is_away(running):
    token = (await running.session())["session_token"]
    running.bus.history = None
    answer = await running.session(session_token=token)
    assert answer["history"] == "unavailable"
    assert answer["messages"] == []


async def test_a_reply_that_the_session_hands_out_is_delivered(running, a_history, a_message):
    token = (await running.session())["session_token"]
    reply = a_message(2, "agent", state="sent")
    running.bus.history = lambda _: a_history(a_message(1), reply)
    await running.session(session_token=token)
    assert [event.data.message_id for event in running.bus.events(ReplyDelivered)] == [reply.id]


async def test_any_site_may_ask_for_a_session_by_default(running):
    asked = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    preflight = await running.http.options(
        "/v1/session", headers=asked | {"access-control-request-headers": "content-type"}
    )
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "content-type" in preflight.headers["access-control-allow-headers"].lower()


async def test_the_scripts_are_cached_by_their_content(running, scripts):
    first = await running.http.get("/widget.js", headers={"origin": "https://shop.example"})
    assert first.text == "// widget.js"
    assert first.headers["content-type"].startswith("text/javascript")
    assert first.headers["x-content-type-options"] == "nosniff"
    assert first.headers["access-control-allow-origin"] == "*"
    again = await running.http.get("/widget.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await running.http.head("/widget/panel.js")).status_code == 200
    raw = await running.http.get("/widget/panel.js", headers={"accept-encoding": "identity"})
    assert raw.content == b"// panel.js"
    assert gzip.decompress(api._script("panel.js").packed) == b"// panel.js"


async def test_a_widget_that_was_not_built_says_so(running, scripts):
    (api.STATIC / "panel.js").unlink()
    answer = await running.http.get("/widget/panel.js")
    assert answer.status_code == 503
    assert "not built" in answer.json()["title"]


async def test_the_probes_answer(running):
    assert (await running.http.get("/readyz")).status_code == 200
    running.bus.away = True
    assert (await running.http.get("/readyz")).status_code == 503
    assert (await running.http.get("/healthz")).status_code == 200
    assert "onethread_widget_sockets" in (await running.http.get("/metrics")).text
