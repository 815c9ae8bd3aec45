"""Settings of the widget's gateway."""

from typing import ClassVar

from pydantic import Field, SecretStr

from onethread.runtime.settings import Settings as RuntimeSettings


class Settings(RuntimeSettings):
    default_port: ClassVar[int] = 8010

    session_secret: SecretStr = Field(min_length=1, description="Signs the session tokens that browsers keep.")
    widget_secret: SecretStr = Field(min_length=1, description="The site signs its customers' identities with it.")
    widget_channel: str = Field("local", description="Id of the channel that these settings describe.")
    widget_origins: str = Field("*", description="Origins of the sites that may use the widget: `*`, or a comma list.")
    widget_rate: float = Field(5, ge=0, description="Frames a second that one socket may send for long; 0: no limit.")
    widget_burst: int = Field(20, ge=1, description="Frames that one socket may send at once.")
    widget_name: str = Field("Support", description="The name on the chat window.")
    widget_greeting: str = Field("Hello! How can we help?", description="What the chat says before anyone has.")
    widget_brand: str | None = Field(None, pattern="^#[0-9a-fA-F]{6}$", description="The site's colour, `#rrggbb`.")
