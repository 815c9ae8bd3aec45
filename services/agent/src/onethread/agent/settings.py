"""Settings of the agent."""

from typing import ClassVar, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from onethread.runtime.settings import Settings as RuntimeSettings

_NEEDED = {
    ("openai", "llm_url"),
    ("openai", "llm_model"),
    ("anthropic", "llm_api_key"),
    ("anthropic", "llm_model"),
    ("ollama", "llm_model"),
}


class Settings(RuntimeSettings):
    default_port: ClassVar[int] = 8040

    api_key: SecretStr = Field(description="The bearer key of the HTTP API.")
    agent_confidence: float = Field(0.8, ge=0, le=1, description="Belief from which the agent answers by itself.")
    agent_settle_ms: int = Field(
        2500, ge=0, le=10_000, description="Longest pause in which more of a burst of messages is waited for."
    )
    llm_provider: Literal["extractive", "openai", "anthropic", "ollama"] = Field(
        "extractive", description="`openai` is any server that speaks its protocol; `extractive` is no model at all."
    )
    llm_url: str | None = Field(
        None, description="`https://host/v1` for openai; the other two have one of their own.", validate_default=True
    )
    llm_api_key: SecretStr | None = Field(None, validate_default=True)
    llm_model: str | None = Field(None, validate_default=True)
    llm_timeout: float = Field(30.0, gt=0, description="Seconds for a whole answer, tries and waits included.")
    llm_first_token: float = Field(15.0, gt=0, description="Seconds until the first sign of an answer.")
    llm_between_tokens: float = Field(10.0, gt=0, description="Seconds from one sign to the next.")
    llm_at_once: int = Field(8, ge=1, description="Answers that are written at the same time.")
    llm_context: int = Field(16_000, ge=2_000, description="Tokens that the model can hold: prompt and answer.")
    llm_longest: int = Field(800, ge=50, description="Tokens of one answer, thoughts included.")
    llm_input_price: float = Field(0.0, ge=0, description="Of a million tokens read. The budget is in this currency.")
    llm_output_price: float = Field(0.0, ge=0, description="Of a million tokens written.")

    @field_validator("llm_url", "llm_model", "llm_api_key")
    @classmethod
    def _given(cls, value: object, info: ValidationInfo) -> object:
        provider = info.data.get("llm_provider", "extractive")
        if not value and (provider, info.field_name) in _NEEDED:
            raise ValueError(f"the provider {provider} needs it")
        return value
