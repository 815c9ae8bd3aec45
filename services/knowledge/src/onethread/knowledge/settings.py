"""Settings of the knowledge service."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr

from onethread.runtime.settings import Settings as RuntimeSettings


class Settings(RuntimeSettings):
    default_port: ClassVar[int] = 8050

    api_key: SecretStr = Field(description="The bearer key of the HTTP API.")
    knowledge_dir: Path | None = Field(None, description="A folder of Markdown articles, indexed at start.")

    @property
    def folder(self) -> Path:
        """Owned by one process at a time."""
        return self.home / "knowledge"
