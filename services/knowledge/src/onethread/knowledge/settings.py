"""Settings of the knowledge service."""

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from onethread.knowledge.gaps import COVERED_FROM
from onethread.knowledge.models import ENGLISH, MANY, Offer, own
from onethread.knowledge.own_model import Chosen
from onethread.runtime.fetching import Guard
from onethread.runtime.settings import Settings as RuntimeSettings


class Settings(RuntimeSettings):
    default_port: ClassVar[int] = 8050

    api_key: SecretStr = Field(description="The bearer key of the HTTP API.")
    knowledge_dir: Path | None = Field(None, description="A folder of articles on the server, read at start.")
    knowledge_allowed_networks: str = Field(
        "", description="CIDRs of own networks that websites and repositories may be in, with commas between."
    )
    knowledge_allowed_ports: str = Field("80,443", description="Ports of websites and repositories.")

    agent_confidence: float = Field(
        COVERED_FROM, ge=0, le=1, description="As the agent has it: from this belief on an article covers a gap."
    )
    embedding: Literal["english", "multilingual", "own"] = Field(
        "english", description="The embedding model that new workspaces begin with; `own` is the one named below."
    )
    embedding_provider: Literal["openai", "ollama", "sentence_transformers"] | None = Field(
        None, description="Brings an embedding of your own along: whatever is compatible with OpenAI's API, or Ollama."
    )
    embedding_model: str = Field("", description="Its name there, or the folder of a sentence-transformers model.")
    embedding_url: str | None = Field(None, pattern=r"^https?://\S+$", description="Where it is, up to `/v1`.")
    embedding_api_key: SecretStr | None = Field(None, description="The provider's key.")
    embedding_query_prefix: str = Field("", description="What the model wants to see before a question.")
    embedding_passage_prefix: str = Field("", description="What the model wants to see before a passage.")
    chroma_url: str | None = Field(
        None, pattern=r"^https?://[^/\s]+$",
        description="A Chroma server (`chroma run`) that keeps the index; without one it is kept in this process.",
    )  # fmt: skip

    @field_validator("knowledge_allowed_networks", "knowledge_allowed_ports")
    @classmethod
    def _can_be_read(cls, value: str, info: ValidationInfo) -> str:
        Guard.of(**{"networks": "", "ports": "", str(info.field_name).removeprefix("knowledge_allowed_"): value})
        return value

    @model_validator(mode="after")
    def _names_its_model(self) -> Self:
        if self.embedding_provider and not self.embedding_model:
            raise ValueError("ONETHREAD_EMBEDDING_PROVIDER needs ONETHREAD_EMBEDDING_MODEL")
        if self.embedding == "own" and not self.embedding_provider:
            raise ValueError("ONETHREAD_EMBEDDING=own needs ONETHREAD_EMBEDDING_PROVIDER")
        return self

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The embedding models that workspaces may choose of."""
        return (ENGLISH, MANY, own(self._own)) if self._own else (ENGLISH, MANY)

    @property
    def first_model(self) -> str:
        first = {"english": ENGLISH.model_id, "multilingual": MANY.model_id}
        return self._own.model_id if self.embedding == "own" and self._own else first[self.embedding]

    @property
    def _own(self) -> Chosen | None:
        if self.embedding_provider is None:
            return None
        key = self.embedding_api_key.get_secret_value() if self.embedding_api_key else None
        return Chosen(
            self.embedding_provider, self.embedding_model, self.embedding_url, key,
            self.embedding_query_prefix, self.embedding_passage_prefix,
        )  # fmt: skip

    @property
    def folder(self) -> Path:
        """Owned by one process at a time."""
        return self.home / "knowledge"

    @property
    def guard(self) -> Guard:
        """What may be fetched."""
        return Guard.of(self.knowledge_allowed_networks, self.knowledge_allowed_ports)
