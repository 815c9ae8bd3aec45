"""What this gateway needs to know of its Slack app."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from onethread.runtime import settings as runtime


class Settings(runtime.Settings):
    default_port: ClassVar[int] = 8030

    slack_bot_token: SecretStr = Field(min_length=1, description="`xoxb-…` of the installation.")
    slack_signing_secret: SecretStr = Field(min_length=1, description="Proves that Slack sent an event.")
    slack_api_url: str | None = Field(
        None, description="Where the Web API is. Default: the playground's; Slack's own is https://slack.com/api/."
    )
    slack_trust_emails: bool = Field(
        True, description="Whether a colleague's profile email in this installation counts as verified."
    )

    @property
    def api_url(self) -> str:
        url = self.slack_api_url or f"http://127.0.0.1:{self.local_port(8080)}/slack/api/"
        return url.rstrip("/") + "/"
