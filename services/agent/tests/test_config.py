"""The settings of a workspace, on a bus that is played."""

import asyncio
from dataclasses import dataclass, field

import pytest

from onethread.agent.config import KEPT_SECONDS, Configs
from onethread.contracts.agent import AgentConfig, AgentConfigOf, AgentSettings
from onethread.contracts.subjects import CONVERSATION_AGENT
from onethread.runtime.bus import RefusedError, UnavailableError


@dataclass
class Conversation:
    """Answers with its `confidence`, or fails."""

    confidence: float = 0.7
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)
    now: float = 0.0

    async def ask(self, subject, question, answer, timeout=5.0) -> AgentConfig:
        assert subject == CONVERSATION_AGENT
        assert isinstance(question, AgentConfigOf)
        self.asked.append(question.workspace)
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return AgentConfig(workspace=question.workspace, settings=AgentSettings(confidence=self.confidence))

    def configs(self) -> Configs:
        return Configs(self, now=lambda: self.now)


async def test_settings_are_asked_once_for_some_seconds_and_then_again() -> None:
    conversation = Conversation()
    configs = conversation.configs()
    await asyncio.gather(*(configs.of("acme") for _ in range(5)))
    assert conversation.asked == ["acme"]
    conversation.confidence, conversation.now = 0.8, KEPT_SECONDS
    assert (await configs.of("acme")).settings.confidence == 0.8


async def test_each_workspace_has_its_own_settings() -> None:
    conversation = Conversation()
    configs = conversation.configs()
    assert (await configs.of("acme")).workspace == "acme"
    assert (await configs.of("local")).workspace == "local"


@pytest.mark.parametrize("error", [UnavailableError("x"), RefusedError("x")])
async def test_without_an_answer_the_last_known_or_the_defaults_hold(error) -> None:
    conversation = Conversation(error=error)
    configs = conversation.configs()
    assert await configs.of("acme") == AgentConfig(workspace="acme")
    assert await configs.of("acme") == AgentConfig(workspace="acme")
    assert conversation.asked == ["acme"]  # an absent service is not asked for each customer
    conversation.error, conversation.now = None, KEPT_SECONDS
    assert (await configs.of("acme")).settings.confidence == 0.7
    conversation.error, conversation.now = error, 2 * KEPT_SECONDS
    assert (await configs.of("acme")).settings.confidence == 0.7
