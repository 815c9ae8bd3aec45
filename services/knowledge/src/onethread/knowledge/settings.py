"""Settings of the knowledge service."""

import ipaddress
from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

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

    @field_validator("knowledge_allowed_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for network in _listed(value):
            ipaddress.ip_network(network)
        return value

    @field_validator("knowledge_allowed_ports")
    @classmethod
    def _are_ports(cls, value: str) -> str:
        if not all(port.isdigit() and 0 < int(port) < 65_536 for port in _listed(value)):  # noqa: PLR2004 ports end there
            raise ValueError("these are not ports with commas between")
        return value

    @property
    def folder(self) -> Path:
        """Owned by one process at a time."""
        return self.home / "knowledge"

    @property
    def guard(self) -> Guard:
        """What may be fetched."""
        networks = tuple(ipaddress.ip_network(network) for network in _listed(self.knowledge_allowed_networks))
        return Guard(networks, frozenset(map(int, _listed(self.knowledge_allowed_ports))))


def _listed(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]
