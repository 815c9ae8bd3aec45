"""Settings of the conversation service."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from onethread.runtime.fetching import Guard
from onethread.runtime.settings import Settings


class ConversationSettings(Settings):
    default_port: ClassVar[int] = 8000

    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    database_pool: int = Field(default=12, description="Connections of one replica.")
    api_key: SecretStr
    admin_email: str = "admin@onethread.localhost"
    admin_password: SecretStr
    secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Encrypts the secrets of channels. To change it: `new,old`. Without it none are kept.",
    )
    agent_name: str = "AI assistant"
    reopen_days: int = Field(
        default=14, description="A thread closed within so many days is reopened by a new message."
    )
    session_days: int = 14
    support_address: str = Field(default="support@onethread.localhost", description="As gateway-email has it.")
    support_name: str = Field(default="Support", description="As gateway-email has it.")
    email_channel_id: str = Field(default="email-local", description="The channel of the support address.")
    unseen_reply_minutes: float = Field(
        default=5,
        ge=0,
        description="A reply that its customer did not see in the widget goes to their proven address; 0: never.",
    )
    bench_settle_seconds: float = Field(
        default=10, ge=0, description="The test bench waits so long after a change of knowledge or settings for more."
    )
    public_url: str | None = Field(
        default=None, description="Where customers reach this service: the links of mails lead there."
    )

    google_client_id: str = Field(default="", description="Of the app at Google by which people sign in to mailboxes.")
    google_client_secret: SecretStr | None = None
    microsoft_client_id: str = Field(default="", description="Of the app at Microsoft.")
    microsoft_client_secret: SecretStr | None = None
    microsoft_tenant: str = Field(
        default="common", pattern="^[A-Za-z0-9.-]{1,253}$", description="The organisation that it is for."
    )

    tool_networks: str = Field(
        default="", description="CIDRs of own networks that tools of the agent may lead to, with commas between."
    )
    tool_ports: str = Field(default="443", description="Ports that tools of the agent may lead to.")

    @field_validator("tool_networks", "tool_ports")
    @classmethod
    def _can_be_read(cls, value: str, info: ValidationInfo) -> str:
        Guard.of(**{"networks": "", "ports": "", str(info.field_name).removeprefix("tool_"): value})
        return value

    @property
    def guard(self) -> Guard:
        """Where tools may lead."""
        return Guard.of(self.tool_networks, self.tool_ports)

    @property
    def database(self) -> str:
        """Libpq's form of the URL; SQLAlchemy's dialect prefix is added where it is needed."""
        default = f"postgresql://postgres@127.0.0.1:{self.local_port(5433)}/onethread"
        return (self.database_url or default).replace("postgresql+psycopg://", "postgresql://")

    @property
    def public_address(self) -> str:
        return (self.public_url or f"http://127.0.0.1:{self.local_port(self.default_port)}").rstrip("/")
