"""How the Web API shows people, places and messages."""

from __future__ import annotations

from typing import Any

from onethread.playground.people import (
    APP_ID,
    BOT_ID,
    BOT_NAME,
    BOT_TITLE,
    BOT_USER,
    PEOPLE,
    TEAM_ID,
    TEAM_NAME,
    WORKSPACE_BORN,
    Person,
    Place,
)

TIME_ZONE = {"tz": "Europe/Lisbon", "tz_label": "Western European Time", "tz_offset": 0}
BOT = {"id": BOT_ID, "deleted": False, "name": BOT_TITLE, "updated": WORKSPACE_BORN, "app_id": APP_ID, "icons": {}}


def auth_test(url: str) -> dict[str, Any]:
    return {
        "url": f"{url}/slack",
        "team": TEAM_NAME,
        "user": BOT_NAME,
        "team_id": TEAM_ID,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def user(person: Person) -> dict[str, Any]:
    return _member(person.slack_id, person.key, person.name, {"email": person.email, "title": person.title})


def bot_user() -> dict[str, Any]:
    profile = {"bot_id": BOT_ID, "api_app_id": APP_ID, "title": ""}
    return {**_member(BOT_USER, BOT_NAME, BOT_TITLE, profile), "is_bot": True}


def _member(user_id: str, name: str, real_name: str, profile: dict[str, Any]) -> dict[str, Any]:
    names = {
        "real_name": real_name,
        "real_name_normalized": real_name,
        "display_name": name,
        "display_name_normalized": name,
    }
    return {
        "id": user_id,
        "team_id": TEAM_ID,
        "name": name,
        "deleted": False,
        "color": "4bbe2e",
        "real_name": real_name,
        **TIME_ZONE,
        "profile": {**names, "team": TEAM_ID, **profile},
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": False,
        "is_app_user": False,
        "is_email_confirmed": True,
        "updated": WORKSPACE_BORN,
    }


def channel(place: Place) -> dict[str, Any]:
    if place.is_direct:
        return _direct(place)
    about = {"value": place.topic, "creator": PEOPLE[0].slack_id, "last_set": WORKSPACE_BORN}
    return {
        "id": place.id,
        "name": place.name,
        "name_normalized": place.name,
        "is_channel": True,
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": False,
        "created": WORKSPACE_BORN,
        "creator": PEOPLE[0].slack_id,
        "is_archived": False,
        "is_general": place.name == "general",
        "unlinked": 0,
        "is_shared": False,
        "is_ext_shared": False,
        "is_org_shared": False,
        "is_member": True,
        "context_team_id": TEAM_ID,
        "shared_team_ids": [TEAM_ID],
        "topic": about,
        "purpose": about,
        "num_members": len(place.members),
    }


def _direct(place: Place) -> dict[str, Any]:
    return {
        "id": place.id,
        "is_im": True,
        "is_channel": False,
        "is_group": False,
        "is_mpim": False,
        "is_archived": False,
        "is_org_shared": False,
        "created": WORKSPACE_BORN,
        "context_team_id": TEAM_ID,
        "user": place.members[0],
        "is_open": True,
        "priority": 0,
    }


def shown(message: dict[str, Any], args: dict[str, Any]) -> dict[str, Any]:
    """A message as `conversations.*` gives it: metadata only when asked for."""
    hidden = {"delivery"}
    if str(args.get("include_all_metadata", "")).lower() not in ("1", "true"):
        hidden.add("metadata")
    return {key: value for key, value in message.items() if key not in hidden}
