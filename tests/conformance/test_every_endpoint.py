"""Every endpoint of every service, with what its own OpenAPI document allows and with what it forbids.

Schemathesis makes the requests, as `schemathesis.toml` says. The stack is real and holds conversations, so that what is
sent meets rows and not only 404. New endpoints are found in the document, and the ids that they need in the collection
that stands before them in the path.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from plugins.conversation_world import received, verified
from plugins.stack import SECRETS, Stack, own_folder

from onethread.contracts.ids import lane
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus

pytestmark = [pytest.mark.connected, pytest.mark.slow, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
DOCUMENTS = {
    "conversation": (8000, "/api/openapi.json"),
    "gateway-widget": (8010, "/openapi.json"),
    "gateway-slack": (8030, "/openapi.json"),
    "agent": (8040, "/openapi.json"),
    "knowledge": (8050, "/openapi.json"),
}
"""Gateway-email has no HTTP API."""
STREAM = "/api/v1/events"
"""It does not end, so that a client would wait for ever."""
OPEN = {
    ("conversation", "POST /api/v1/session"),
    ("conversation", "DELETE /api/v1/session"),
    ("gateway-widget", "POST /v1/session"),
}
"""What answers to whoever asks."""
KEY = f"Bearer {SECRETS['ONETHREAD_API_KEY']}"
CUSTOMERS = 40
ELSEWHERE = {
    "body.act_id": "act_id",
    "body.draft_id": "proposal_id",
    "body.identity_id": "identity_id",
    "query.other": "customer_id",
    "body.other_id": "customer_id",
    "body.other_thread_id": "thread_id",
    "body.to_thread_id": "thread_id",
    "body.message_ids[*]": "message_id",
}
"""Ids that do not stand in the path."""
GOOD, BAD = 0.7, 0.3
"""How often a field gets an id that is there, or one of the bad values."""


@pytest.fixture(scope="module")
def lived_in(built_ui: None) -> Iterator[Stack]:
    """A stack of its own: what is tried here is meant to hurt."""
    with own_folder() as stack:
        stack.start()
        asyncio.run(_talk(stack))
        yield stack
        stack.stop()


async def _talk(stack: Stack) -> None:
    settings = ConversationSettings(
        nats_url=f"nats://127.0.0.1:{stack.port(4222)}", api_key="unused", admin_password="unused"
    )
    bus = Bus("test", settings)
    await bus.start()
    for number in range(CUSTOMERS):
        own = verified("email", f"person{number}@example.org")
        for text in ("Where is my parcel?", "Hello?"):
            await bus.publish(received("email", text, own), "email", lane(own.value))
    await bus.stop()
    with stack.api() as api:
        stack.until(lambda: len(_items(api, "threads?limit=200")) == CUSTOMERS, 90, "what they said")


@pytest.fixture(scope="module")
def acts(lived_in: Stack) -> dict[str, list[str]]:
    """Merges that can be undone, identities that can be linked, and proposals: no collection lists all of them."""
    with lived_in.api() as api:
        customers = [one["id"] for one in _items(api, "customers")]
        pairs = zip(customers[:12:2], customers[1:12:2], strict=True)
        merged = [api.post(f"customers/{one}/merge", json={"other_id": other}).json() for one, other in pairs]
        profiles = [api.get(f"customers/{one}").json() for one in customers[:20]]
        threads = [thread["id"] for thread in _items(api, "threads")]
        proposals = [one["id"] for thread in threads for one in _items(api, f"threads/{thread}/proposals")]
    identities = [identity["id"] for profile in profiles for identity in profile["identities"]]
    known = {"act_id": [act["act_id"] for act in merged], "identity_id": identities, "proposal_id": proposals}
    return {name: ids for name, ids in known.items() if ids}


@pytest.mark.parametrize("service", DOCUMENTS)
def test_no_request_breaks_an_endpoint_or_shows_its_insides(
    service: str, lived_in: Stack, acts: dict[str, list[str]], tmp_path: Path
) -> None:
    port, path = DOCUMENTS[service]
    config = tmp_path / "schemathesis.toml"
    config.write_text(_config(lived_in.url(port), path, acts))
    tried = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", lived_in.url(port, path)],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(HERE)}, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=840, check=False,
    )  # fmt: skip
    sys.stdout.write(tried.stdout)
    assert tried.returncode == 0, "see schemathesis' own words above"


@pytest.mark.parametrize("service", DOCUMENTS)
def test_no_endpoint_answers_without_a_key(service: str, lived_in: Stack) -> None:
    port, path = DOCUMENTS[service]
    nobody = "00000000-0000-0000-0000-000000000000"
    with httpx.Client(base_url=lived_in.url(port), timeout=10) as api:
        paths = api.get(path).json()["paths"].items()
        answers = {
            f"{method.upper()} {one}": api.request(method, re.sub(r"{\w+}", nobody, one)).status_code
            for one, methods in paths
            for method in methods
        }
    opened = {name for name, status in answers.items() if status != httpx.codes.UNAUTHORIZED}
    assert opened == {name for whose, name in OPEN if whose == service}


def _config(url: str, path: str, acts: dict[str, list[str]]) -> str:
    with httpx.Client(base_url=url, headers={"Authorization": KEY}, timeout=10) as api:
        document = api.get(path).json()
        ids = acts | _ids(api, list(document["paths"]))
    bad = {place: (name, BAD) for place, name in _fields(document)}
    good = {f"path.{name}": (name, GOOD) for name in ids}
    good |= {place: (name, GOOD) for place, name in ELSEWHERE.items() if name in ids}
    return "\n".join(
        [
            f'base-url = "{url}"',
            f'headers = {{ Authorization = "{KEY}" }}',
            f'operations = [{{ include-path = "{STREAM}", enabled = false }}]',
            (HERE / "schemathesis.toml").read_text(),
            *(f"[dictionaries.{name}]\nvalues = {json.dumps(values)}" for name, values in ids.items()),
            "[parameters]",
            *(f'"{at}" = {{ dictionary = "{name}", probability = {p} }}' for at, (name, p) in (bad | good).items()),
        ]
    )


def _fields(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(`query.q`, `string`) of every field that takes text or numbers."""
    for operation in (one for path in document["paths"].values() for one in path.values()):
        for field in operation.get("parameters", []):
            yield f"{field['in']}.{field['name']}", _kind(field["schema"])
    for schema in document.get("components", {}).get("schemas", {}).values():
        for name, field in schema.get("properties", {}).items():
            yield f"body.{name}" + "[*]" * ("array" in _types(field)), _kind(field)


def _kind(schema: dict[str, Any]) -> str:
    items = next((one["items"] for one in schema.get("anyOf", [schema]) if "items" in one), schema)
    return "integer" if "integer" in _types(items) else "string"


def _types(schema: dict[str, Any]) -> set[str | None]:
    return {one.get("type") for one in schema.get("anyOf", [schema])}


def _ids(api: httpx.Client, paths: list[str]) -> dict[str, list[str]]:
    """What there is for each `{thread_id}` of a path: the ids in the collection before it."""
    ids: dict[str, list[str]] = {}
    named = [(path[: one.start()], one[1]) for path in sorted(paths, key=len) for one in re.finditer(r"/{(\w+)}", path)]
    for collection, name in named:
        if name not in ids:
            known = re.sub(r"{(\w+)}", lambda outer: ids.get(outer[1], ["-"])[0], collection)
            if found := [item["id"] for item in _items(api, known) if "id" in item]:
                ids[name] = found
    return ids


def _items(api: httpx.Client, collection: str) -> list[dict[str, str]]:
    answer = api.get(collection)
    return answer.json().get("items", []) if answer.is_success else []
