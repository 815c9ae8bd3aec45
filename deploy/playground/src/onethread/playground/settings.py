"""What the playground is told by its environment."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from onethread.runtime.settings import Settings as RuntimeSettings

SAMPLE_HELP = Path(__file__).resolve().parents[3] / "help-centre"


class Settings(RuntimeSettings):
    """Addresses default to the Onethread on this machine, ports moved by the offset. Secrets have no default."""

    default_port: ClassVar[int] = 8080

    widget_secret: str = Field(min_length=1, description="Signs the shop's identities.")
    slack_bot_token: str = Field(min_length=1, description="The token that the Slack look-alike takes.")
    slack_signing_secret: str = Field(min_length=1, description="Signs the Slack look-alike's events.")
    support_address: str = "support@onethread.localhost"
    knowledge_dir: Path | None = Field(None, description="The help centre's articles; those of this repository.")
    trusted_authserv_id: str = "onethread.localhost"

    playground_smtp_port: int | None = Field(None, description="The mailbox's SMTP port; 2526 plus the offset.")
    playground_mail_server: str | None = Field(None, description="host:port of gateway-email's SMTP.")
    playground_slack_events_url: str | None = None
    playground_widget_url: str | None = None
    playground_inbox_url: str | None = None
    # Slack itself waits a minute and five; here a person watches. The last wait outlives a restart of the bus.
    playground_slack_retries: tuple[float, ...] = (0, 4, 20)

    @property
    def smtp_port(self) -> int:
        return self.local_port(2526) if self.playground_smtp_port is None else self.playground_smtp_port

    @property
    def mail_server(self) -> tuple[str, int]:
        host, _, port = (self.playground_mail_server or f"127.0.0.1:{self.local_port(2525)}").rpartition(":")
        return host, int(port)

    @property
    def slack_events_url(self) -> str:
        return self.playground_slack_events_url or f"http://127.0.0.1:{self.local_port(8030)}/slack/events"

    @property
    def widget_url(self) -> str:
        return (self.playground_widget_url or f"http://127.0.0.1:{self.local_port(8010)}").rstrip("/")

    @property
    def inbox_url(self) -> str:
        return (self.playground_inbox_url or f"http://127.0.0.1:{self.local_port(8000)}").rstrip("/")

    @property
    def help_folder(self) -> Path:
        return self.knowledge_dir or SAMPLE_HELP

    @property
    def data_folder(self) -> Path:
        return self.home.expanduser() / "playground"
