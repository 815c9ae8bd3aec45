"""What an administrator sets for the agent, and how the agent is told."""

from __future__ import annotations

from typing import Any

import pytest
from plugins.conversation_world import received, verified

from onethread.contracts.agent import AgentConfig, AgentConfigOf, Usage
from onethread.contracts.subjects import CONVERSATION_AGENT
from onethread.conversation.agent_config import AgentConfigs
from onethread.runtime.bus import RefusedError

pytestmark = pytest.mark.connected
EMAIL = verified("email", "ana@pineandpaper.example")
URL = "/api/v1/workspaces/local"
HOURS = {
    "timezone": "Europe/Berlin",
    "openings": [{"days": ["mon", "tue"], "opens": "09:00", "closes": "17:00"}],
    "closed_on": ["2026-12-25"],
}


async def refused(driver: Any, **choices: Any) -> dict[str, Any]:
    answer = await driver.api.patch(URL, json={"settings": {"agent": choices}})
    assert answer.status_code == 422, answer.text
    return answer.json()


async def config(driver: Any, workspace: str = "local") -> AgentConfig:
    return await AgentConfigs(driver.app.state.database)(AgentConfigOf(workspace=workspace))


async def test_what_is_set_is_what_the_agent_is_told_and_stands_in_the_audit(driver: Any) -> None:
    assert (await config(driver)) == AgentConfig(workspace="local")
    await driver.agent(modes={"email": "draft"}, confidence=0.8, reserved_topics=["legal"], hours=HOURS, max_turns=3)
    told = (await config(driver)).settings
    assert (told.modes, told.confidence, told.reserved_topics, told.max_turns) == (
        {"email": "draft"},
        0.8,
        ["legal"],
        3,
    )
    assert told.hours
    assert (told.hours.timezone, told.hours.openings[0].opens.hour) == ("Europe/Berlin", 9)
    [entry] = (await driver.api.get("/api/v1/audit")).json()["items"]
    assert (entry["action"], entry["detail"]["agent"]["confidence"]) == ("workspace.changed", 0.8)


async def test_only_what_is_given_changes_and_null_goes_back_to_the_installations(driver: Any) -> None:
    await driver.agent(modes={"email": "draft"}, confidence=0.8)
    await driver.agent(confidence=None, monthly_budget=20)
    told = (await config(driver)).settings
    assert (told.modes, told.confidence, told.monthly_budget) == ({"email": "draft"}, None, 20)
    await driver.patch("workspaces/local", settings={"agent": None})
    assert (await config(driver)) == AgentConfig(workspace="local")


async def test_a_change_from_an_older_version_is_refused(driver: Any) -> None:
    etag = (await driver.api.get(URL)).headers["etag"]
    await driver.agent(max_turns=3)
    body = {"settings": {"agent": {"max_turns": 5}}}
    assert (await driver.api.patch(URL, json=body, headers={"If-Match": etag})).status_code == 412


@pytest.mark.parametrize(
    "choices",
    [
        {"hours": {"timezone": "Berlin"}},
        {"hours": {"openings": [{"days": ["mon"], "opens": "17:00", "closes": "09:00"}]}},
        {"hours": {"openings": [{"days": [], "opens": "09:00", "closes": "17:00"}]}}, {"modes": {"email": "loud"}},
        {"confidence": 1.5}, {"max_turns": 0}, {"monthly_budget": -1}, {"reserved_topics": [" "]}, {"max_turn": 3},
    ],
)  # fmt: skip
async def test_what_cannot_be_meant_is_refused_and_nothing_changes(driver: Any, choices: dict[str, Any]) -> None:
    await refused(driver, **choices)
    assert (await config(driver)) == AgentConfig(workspace="local")


async def test_an_opening_may_end_with_the_day(driver: Any) -> None:
    await driver.agent(hours={"openings": [{"days": ["fri"], "opens": "18:00", "closes": "00:00"}]})
    assert (await config(driver)).settings.hours


async def test_a_mode_is_for_a_kind_an_own_channel_of_the_installation_or_one_that_was_made(driver: Any) -> None:
    problem = await refused(driver, modes={"widget": "off", "slack-local": "off", "no-such": "off"})
    assert problem["errors"] == [{"at": "settings.agent.modes.no-such", "problem": "no such channel"}]
    body = {"kind": "email", "name": "Sales", "id": "sales", "settings": {"address": "sales@shop.example"}}
    await driver.api.post("/api/v1/channels", json=body)
    await driver.agent(modes={"sales": "shadow", "email": "draft", "local": "off"})
    shown = (await driver.api.get("/api/v1/agent")).json()
    assert {one["id"]: (one["mode"], one["installation"]) for one in shown["channels"]} == {
        "local": ("off", True), "email-local": ("draft", True), "slack-local": ("auto", True),
        "sales": ("shadow", False),
    }  # fmt: skip


async def test_what_was_spent_this_month_is_told(driver: Any) -> None:
    question = await driver.hear(received("email", "How long?", EMAIL))
    usage = [Usage(model="small", input_tokens=900, output_tokens=80, cost=0.25), Usage(model="small", cost=0.5)]
    proposal = await driver.propose(question, "Three days.", usage=usage)
    assert (proposal["input_tokens"], proposal["output_tokens"]) == (900, 80)
    assert (await config(driver)).spent == 0.75
    assert (await driver.api.get("/api/v1/agent")).json()["spent"] == 0.75
    await driver.rows("update proposal set created_at = date_trunc('month', now(), 'UTC') - interval '1 second'")
    assert (await config(driver)).spent == 0


async def test_a_workspace_is_told_of_its_own_settings_and_spending_alone(driver: Any) -> None:
    await driver.agent(max_turns=3)
    question = await driver.hear(received("email", "How long?", EMAIL))
    await driver.propose(question, "Three days.", usage=[Usage(model="small", cost=0.25)])
    await driver.post("workspaces", slug="acme", name="Acme")
    assert (await config(driver, "acme")) == AgentConfig(workspace="acme")
    seen = await driver.api.get("/api/v1/agent", headers={"X-Onethread-Workspace": "acme"})
    assert seen.json()["spent"] == 0


async def test_only_administrators_see_and_change_how_the_agent_is_set_up(driver: Any) -> None:
    made = await driver.post("api-keys", name="reader", scopes=["read", "write"])
    own = {"Authorization": f"Bearer {made['key']}"}
    assert (await driver.api.get("/api/v1/agent", headers=own)).status_code == 403
    assert (await driver.api.patch(URL, json={"settings": {}}, headers=own)).status_code == 403
    assert (await driver.api.get("/api/v1/metrics/agent", headers=own)).status_code == 200


async def test_the_agent_asks_over_the_bus(outside: Any) -> None:
    await outside.api.patch(URL, json={"settings": {"agent": {"modes": {"email": "off"}}}})
    told = await outside.bus.ask(CONVERSATION_AGENT, AgentConfigOf(workspace="local"), AgentConfig)
    assert told.settings.modes == {"email": "off"}
    added = await outside.hear(received("email", "How long?", EMAIL))
    assert (added.data.agent_may_answer, added.data.agent_mode) == (False, "off")
    with pytest.raises(RefusedError):
        await outside.bus.ask(CONVERSATION_AGENT, AgentConfigOf(workspace="nobody"), AgentConfig)
