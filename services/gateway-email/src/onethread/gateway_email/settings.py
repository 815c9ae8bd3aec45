"""This service's settings, on the runtime base."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator

from onethread.gateway_email.authenticity import Edge
from onethread.gateway_email.capabilities import MAIL_BYTES
from onethread.gateway_email.tokens import Signer
from onethread.runtime.settings import Settings as Base


class Settings(Base):
    """`ONETHREAD_REPLY_SECRET` has no default: without it nobody could tell our reply addresses from guessed ones."""

    default_port: ClassVar[int] = 8020

    channel_id: str = Field("email-local", description="Id of the channel that these settings describe.")
    support_address: str = "support@onethread.localhost"
    support_name: str = Field("Support", description="Shown as the sender when the author has no name.")
    smtp_port: int | None = Field(None, description="Take mail here instead of on 2525 plus the offset.")
    smtp_url: str | None = Field(None, description="Relay for our replies: `smtp://` or `smtps://user:password@host`.")
    reply_secret: str = Field(min_length=16, description="Signs reply addresses. To rotate: `new,old`.")
    trusted_relays: str = Field("", description="CIDRs of the mail relays that are believed, with commas between.")
    trusted_authserv_id: str = Field("", description="Whose Authentication-Results are believed, from those relays.")
    mail_bytes: int = Field(MAIL_BYTES, description="Largest mail that is taken.")

    @field_validator("trusted_relays")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        Edge.parse(value, "")
        return value

    @field_validator("support_address")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        local, _, domain = value.strip().lower().partition("@")
        if not (local and domain and value.isascii()):
            raise ValueError("it is not of the form name@domain")
        return f"{local}@{domain}"

    @property
    def smtp_listen_port(self) -> int:
        return self.smtp_port if self.smtp_port is not None else self.local_port(2525)

    @property
    def relay_url(self) -> str:
        return self.smtp_url or f"smtp://127.0.0.1:{self.local_port(2526)}"

    @property
    def edge(self) -> Edge:
        return Edge.parse(self.trusted_relays, self.trusted_authserv_id)

    def signer(self, workspace: str, channel: str | None = None) -> Signer:
        return Signer(tuple(s.strip() for s in self.reply_secret.split(",") if s.strip()), workspace, channel)
