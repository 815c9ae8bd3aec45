"""The sites whose widget is served here: one channel each, in whichever workspace."""

from __future__ import annotations

from dataclasses import dataclass, field

from onethread.contracts.channels import ChannelConfig, WidgetSecrets, WidgetSettings
from onethread.gateway_widget.settings import Settings


@dataclass(frozen=True, slots=True)
class Site:
    id: str
    workspace: str
    name: str
    greeting: str
    brand: str | None
    origins: tuple[str, ...]
    identity_secret: str = field(repr=False)

    @property
    def address(self) -> str:
        return self.id

    def welcomes(self, origin: str | None) -> bool:
        """Whether a page of `origin` may use the widget. What is not a browser sends none, and needs a token anyway."""
        return origin is None or "*" in self.origins or origin in self.origins


def own_site(settings: Settings) -> Site:
    return Site(
        id=settings.widget_channel,
        workspace=settings.workspace,
        name=settings.widget_name,
        greeting=settings.widget_greeting,
        brand=settings.widget_brand,
        origins=_origins(settings.widget_origins.split(",")),
        identity_secret=settings.widget_secret.get_secret_value(),
    )


def site_of(config: ChannelConfig) -> Site:
    """Raises `ValidationError` for a channel that no widget can be served from."""
    settings = WidgetSettings.model_validate(config.settings)
    return Site(
        id=config.id,
        workspace=config.workspace,
        name=config.name,
        greeting=settings.greeting,
        brand=settings.brand,
        origins=_origins(settings.origins),
        identity_secret=WidgetSecrets.model_validate(config.secrets).identity_secret,
    )


def _origins(said: list[str]) -> tuple[str, ...]:
    return tuple(origin.strip().rstrip("/") for origin in said if origin.strip())
