"""Settings: environment variables with documented defaults. A service adds its own dozen to these."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

S = TypeVar("S", bound="Settings")


class Settings(BaseSettings):
    """What every process needs. Ports and embedded addresses move with `ONETHREAD_PORT_OFFSET`."""

    model_config = SettingsConfigDict(env_prefix="ONETHREAD_", extra="ignore", populate_by_name=True)
    default_port: ClassVar[int] = 0

    host: str = "127.0.0.1"
    port: int | None = Field(default=None, description="Listen here instead of the default port plus the offset.")
    port_offset: int = 0
    home: Path = Field(default=Path(".onethread"), description="Where a service that keeps files keeps them.")
    workspace: str = "local"
    nats_url: str | None = Field(default=None, validation_alias="NATS_URL")
    log_level: str = "info"
    log_format: str = Field(default="json", description="`json`, one object a line, or `console`.")
    otlp_endpoint: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    trace_ratio: float = Field(default=1.0, ge=0, le=1, description="Share of traces that are exported.")

    def local_port(self, default: int) -> int:
        return default + self.port_offset

    @property
    def listen_port(self) -> int:
        return self.port if self.port is not None else self.local_port(self.default_port)

    @property
    def nats(self) -> str:
        return self.nats_url or f"nats://127.0.0.1:{self.local_port(4222)}"

    @classmethod
    def load(cls) -> Self:
        """The settings of this process. Stops it with one sentence when one is missing or wrong."""
        try:
            return cls()
        except ValidationError as error:
            problems = "; ".join(f"{_variable(cls, e['loc'][0])}: {e['msg'].lower()}" for e in error.errors())
            raise SystemExit(f"Cannot start, a setting is missing or wrong: {problems}.") from None


def _variable(cls: type[Settings], name: int | str) -> str:
    field = cls.model_fields.get(str(name))
    if field is None:  # an alias is reported by its own name
        return str(name)
    return str(field.validation_alias or f"ONETHREAD_{str(name).upper()}")
