"""Settings of the agent."""

from typing import ClassVar

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from onethread.runtime.settings import Settings as RuntimeSettings


class Settings(RuntimeSettings):
    default_port: ClassVar[int] = 8040

    api_key: SecretStr = Field(description="The bearer key of the HTTP API.")
    agent_confidence: float = Field(0.78, ge=0, le=1, description="Belief from which the agent answers by itself.")
    agent_settle_ms: int = Field(
        2500, ge=0, le=10_000, description="Longest pause in which more of a burst of messages is waited for."
    )
    llm_provider: str = Field("extractive", description="`extractive` (no model) or `openai`.", validate_default=True)
    llm_url: str | None = Field(
        None, description="Of an OpenAI-compatible server: `https://host/v1`.", validate_default=True
    )
    llm_api_key: SecretStr | None = None
    llm_model: str | None = Field(None, validate_default=True)
    llm_timeout: float = Field(30.0, gt=0, description="Seconds for a whole answer.")

    @field_validator("llm_provider")
    @classmethod
    def _known(cls, provider: str) -> str:
        if provider in ("anthropic", "ollama"):
            raise ValueError(
                f"{provider} is not supported yet; use openai with the URL of an OpenAI-compatible server "
                "(Ollama has one)"
            )
        if provider not in ("extractive", "openai"):
            raise ValueError("say extractive or openai")
        return provider

    @field_validator("llm_url", "llm_model")
    @classmethod
    def _given(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("llm_provider") == "openai" and not value:
            raise ValueError("the provider openai needs it")
        return value
