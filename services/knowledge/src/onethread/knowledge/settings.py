"""Settings of the knowledge service."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr, ValidationInfo, field_validator

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

    @field_validator("knowledge_allowed_networks", "knowledge_allowed_ports")
    @classmethod
    def _can_be_read(cls, value: str, info: ValidationInfo) -> str:
        Guard.of(**{"networks": "", "ports": "", str(info.field_name).removeprefix("knowledge_allowed_"): value})
        return value

    @property
    def folder(self) -> Path:
        """Owned by one process at a time."""
        return self.home / "knowledge"

    @property
    def guard(self) -> Guard:
        """What may be fetched."""
        return Guard.of(self.knowledge_allowed_networks, self.knowledge_allowed_ports)
