"""Slack teams of several workspaces on one gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from onethread.contracts.channels import ChannelConfig
from onethread.contracts.ids import received_id
from onethread.contracts.messages import Channel
from onethread.runtime.bus import UnavailableError

from .conftest import BOT, SECRET, FakeSlack, Gateway, envelope, fixture, said, started
from .test_outbound import IN_CHANNEL, requested

ACME, ZETA = "acme-signing-secret", "zeta-signing-secret"


def a_team(team: str, workspace: str, secret: str, **more: Any) -> ChannelConfig:
    secrets = {"bot_token": f"xoxb-{workspace}", "signing_secret": secret}
    settings = {"team_id": team, **more}
    return ChannelConfig(
        id=f"{workspace}-slack", workspace=workspace, kind="slack", name=workspace, settings=settings, secrets=secrets
    )


TEAMS = [
    a_team("T222", "acme", ACME, own_domains=["PineAndPaper.example"]),
    a_team("T333", "zeta", ZETA),
    a_team("T444", "shared", SECRET),
]


def at(team: str, event: dict[str, Any]) -> dict[str, Any]:
    authorizations = [{"team_id": team, "user_id": BOT, "is_bot": True}]
    return envelope({**event, "team": team}, team_id=team, authorizations=authorizations)


@pytest.fixture
async def gateway(slack: FakeSlack) -> AsyncIterator[Gateway]:
    async with started(slack, TEAMS) as running:
        yield running


@pytest.mark.parametrize(
    ("team", "secret", "channel", "workspace"),
    [
        ("T111", SECRET, "slack-local", "local"),
        ("T222", ACME, "acme-slack", "acme"),
        ("T333", ZETA, "zeta-slack", "zeta"),
        ("T444", SECRET, "shared-slack", "shared"),
    ],
)
async def test_an_event_goes_to_the_channel_and_workspace_of_its_team(
    gateway: Gateway, team: str, secret: str, channel: str, workspace: str
):
    assert (await gateway.send(at(team, said("hello")), secret=secret)).status_code == 200
    (event,) = gateway.bus.published
    assert (event.data.channel.id, event.workspaceid) == (channel, workspace)
    assert event.id == received_id(workspace, channel, "D1:1700000001.000100")
    assert event.data.identities[0].value == f"{team}/U111"


@pytest.mark.parametrize(("team", "secret"), [("T222", ZETA), ("T222", SECRET), ("T111", ACME), ("T999", ACME)])
async def test_the_secret_of_one_team_signs_nothing_for_another(gateway: Gateway, team: str, secret: str):
    answer = await gateway.send(at(team, said("hello")), secret=secret)
    assert answer.status_code == 401
    assert gateway.bus.published == []


async def test_a_team_that_nobody_connected_is_told_so_and_slack_does_not_send_again(gateway: Gateway):
    answer = await gateway.send(at("T999", said("hello")))  # the app is in that team too, under one secret
    assert (answer.status_code, answer.json()["title"]) == (404, "This Slack team is not connected")
    assert answer.headers["x-slack-no-retry"] == "1"
    assert gateway.bus.published == []


async def test_a_team_that_was_removed_is_never_taken_for_our_own(gateway: Gateway):
    gateway.bus.channels = []
    await gateway.bus.handlers["live.*.channels.slack"](None)
    await asyncio.sleep(0.3)
    assert (await gateway.send(at("T444", said("hello")))).status_code == 404
    assert (await gateway.send(at("T222", said("hello")), secret=ACME)).status_code == 401
    assert (await gateway.send(at("T111", said("hello")))).status_code == 200
    assert [event.workspaceid for event in gateway.bus.published] == ["local"]


async def test_until_conversation_has_told_the_teams_slack_is_to_send_again_and_ours_is_taken(slack: FakeSlack):
    async with started(slack, None) as gateway:
        assert (await gateway.send(at("T222", said("hello")), secret=ACME)).status_code == 503
        assert (await gateway.send(at("T111", said("hello")))).status_code == 200
        with pytest.raises(UnavailableError):
            await gateway.deliver(reply("acme-slack", "acme"))
    assert len(gateway.bus.published) == 1


async def test_every_app_can_verify_the_url(gateway: Gateway):
    body = fixture("events/url_verification.json")
    assert (await gateway.send(body, secret=ZETA)).json() == {"challenge": body["challenge"]}


@pytest.mark.parametrize(
    ("team", "secret", "trust", "words"),
    [("T222", ACME, "verified", "you trust"), ("T333", ZETA, "asserted", "not trusted here")],
)
async def test_a_profile_email_counts_where_its_domain_was_named_as_own(
    gateway: Gateway, team: str, secret: str, trust: str, words: str
):
    gateway.slack.users["U111"] = {**gateway.slack.users["U111"], "team_id": team}
    await gateway.send(at(team, said("hello")), secret=secret)
    email = gateway.bus.published[0].data.identities[1]
    assert (email.kind, email.trust) == ("email", trust)
    assert words in email.evidence


async def test_an_email_of_another_domain_than_the_teams_own_is_asserted(gateway: Gateway):
    profile = {"email": "ana@gmail.example"}
    gateway.slack.users["U111"] = {**gateway.slack.users["U111"], "team_id": "T222", "profile": profile}
    await gateway.send(at("T222", said("hello")), secret=ACME)
    assert gateway.bus.published[0].data.identities[1].trust == "asserted"


async def test_who_wrote_is_asked_with_the_token_of_the_team(gateway: Gateway):
    for team, secret in (("T222", ACME), ("T333", ZETA)):
        await gateway.send(at(team, said("hello")), secret=secret)
    tokens = list(gateway.slack.tokens)
    assert tokens == ["xoxb-acme", "xoxb-zeta"]


async def test_in_a_channel_that_teams_share_each_bot_hears_what_is_for_it(gateway: Gateway):
    mention = said(f"<@{BOT}> hi", channel="C1")
    more = said("more", channel="C1", ts="1700000002.000100", thread_ts="1700000001.000100")
    await gateway.send(at("T222", mention), secret=ACME)
    for team, secret in (("T222", ACME), ("T333", ZETA), ("T111", SECRET)):
        assert (await gateway.send(at(team, more), secret=secret)).status_code == 200
    assert [(event.workspaceid, event.data.text) for event in gateway.bus.published] == [
        ("acme", "hi"),
        ("acme", "more"),
    ]


def reply(channel: str, workspace: str) -> Any:
    event = requested(route=IN_CHANNEL)
    data = event.data.model_copy(update={"channel": Channel(id=channel, kind="slack")})
    return event.model_copy(update={"workspaceid": workspace, "data": data})


@pytest.mark.parametrize(
    ("channel", "workspace", "token"),
    [("slack-local", "local", "xoxb-test"), ("acme-slack", "acme", "xoxb-acme"), ("zeta-slack", "zeta", "xoxb-zeta")],
)
async def test_a_reply_is_posted_by_the_bot_of_its_channel(gateway: Gateway, channel: str, workspace: str, token: str):
    await gateway.deliver(reply(channel, workspace))
    assert gateway.slack.tokens == [token]
    (told,) = gateway.bus.published
    assert (told.workspaceid, told.data.state) == (workspace, "sent")


@pytest.mark.parametrize(("channel", "workspace"), [("gone", "acme"), ("acme-slack", "zeta"), ("slack-local", "acme")])
async def test_a_reply_through_a_channel_that_is_gone_or_anothers_fails_in_words(
    gateway: Gateway, channel: str, workspace: str
):
    await gateway.deliver(reply(channel, workspace))
    (told,) = gateway.bus.published
    assert (told.workspaceid, told.data.state) == (workspace, "failed")
    assert told.data.reason == "This Slack workspace is no longer connected. Answer on another channel."
    assert gateway.slack.calls == []
