from __future__ import annotations

import json
from pathlib import Path
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from onethread.contracts import ids, subjects
from onethread.contracts.catalog import BY_TYPE, EVENTS, type_of
from onethread.contracts.channels import SECRETS, SETTINGS, ChannelConfig, WidgetSecrets
from onethread.contracts.envelope import now
from onethread.contracts.generate import ASYNCAPI, SCHEMAS, asyncapi
from onethread.contracts.messages import (
    Audience,
    Channel,
    ChannelKind,
    Identity,
    MessageReceived,
    Place,
    ReceivedMessage,
)
from onethread.contracts.proofs import ProofMail
from onethread.contracts.streams import CONSUMERS
from onethread.contracts.streams import EVENTS as EVENT_STREAM

RELEASED = sorted(SCHEMAS.glob("*.json"))


def a_received_message() -> MessageReceived:
    return MessageReceived(
        id=ids.received_id("acme", "local", "key"),
        source="/gateway-widget",
        workspaceid="acme",
        data=ReceivedMessage(
            channel=Channel(id="local", kind="widget"),
            external_id="key",
            identities=[Identity(kind="visitor", value="v", trust="verified")],
            place=Place(key="widget:v", audience=Audience(shared=False)),
            text="hello",
            sent_at=now(),
        ),
    )


def test_every_type_ends_in_its_version_and_is_listed_once() -> None:
    assert len(BY_TYPE) == len(EVENTS)
    assert all(name.startswith("onethread.") and name.endswith(".v1") for name in BY_TYPE)


def test_an_event_survives_the_wire() -> None:
    event = a_received_message()
    assert MessageReceived.model_validate_json(event.to_json()) == event


def test_a_field_that_a_newer_publisher_added_breaks_nobody() -> None:
    wire = json.loads(a_received_message().to_json())
    wire["newattribute"] = 1
    wire["data"]["mood"] = "sunny"
    assert MessageReceived.model_validate(wire).data.text == "hello"


def test_an_event_of_another_type_is_refused() -> None:
    wire = json.loads(a_received_message().to_json()) | {"type": "onethread.message.added.v1"}
    with pytest.raises(ValidationError):
        MessageReceived.model_validate(wire)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    wire = json.loads(a_received_message().to_json()) | {"time": "2026-11-23T00:00:00"}
    with pytest.raises(ValidationError):
        MessageReceived.model_validate(wire)


@given(st.text(), st.text(), st.text())
def test_the_same_outside_fact_has_the_same_id_and_another_one_has_another(a: str, b: str, c: str) -> None:
    assert ids.received_id(a, b, c) == ids.received_id(a, b, c)
    assert ids.received_id("w", "x", a) != ids.received_id("w", "y", a)


@given(st.text())
def test_a_key_always_has_the_same_lane(key: str) -> None:
    assert ids.lane(key) == ids.lane(key)
    assert ids.lane(key) in {f"l{n}" for n in range(ids.LANES)}


def test_ids_are_the_same_in_every_release() -> None:
    """Changed, they would make a redelivered message a new one."""
    assert ids.received_id("local", "email-local", "<a@b>") == UUID("07554c0e-f165-5fff-8a4f-79b8688cb1fd")
    assert ids.lane("ana") == "l2"


def test_a_subject_is_the_events_name_in_its_workspace() -> None:
    assert subjects.event("acme", "onethread.thread.opened.v1") == "ot.acme.thread.opened"


def test_lanes_have_a_consumer_each_and_together_they_hear_everything() -> None:
    durables = [durable for consumer in CONSUMERS for durable, _ in consumer.each()]
    assert len(durables) == len(set(durables))
    assert EVENT_STREAM.subjects == ("ot.>",)


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_a_schema_only_ever_gains_optional_fields(path: Path) -> None:
    """Within a version nothing that was released goes away, and nothing new is demanded."""
    released = json.loads(path.read_text())
    today = BY_TYPE[path.stem].model_json_schema()
    for name, old in {"": released, **released.get("$defs", {})}.items():
        new = today if not name else today["$defs"][name]
        assert set(old.get("properties", {})) <= set(new.get("properties", {})), name
        assert set(new.get("required", [])) <= set(old.get("required", [])), name
        for field, was in old.get("properties", {}).items():
            assert set(was.get("enum", [])) <= set(new["properties"][field].get("enum", [])), f"{name}.{field}"


def test_every_kind_of_channel_says_what_it_holds() -> None:
    assert set(SETTINGS) == set(SECRETS) == set(get_args(ChannelKind))


def test_no_secret_shows_where_a_channel_or_a_proof_is_printed() -> None:
    secrets = {"identity_secret": "x" * 32}
    channel = ChannelConfig(id="c", workspace="acme", kind="widget", name="Shop", secrets=secrets)
    mail = ProofMail(workspace="acme", channel_id="c", to="ana@x.example", code="123456", link="https://l", minutes=10)
    printed = f"{channel!r} {WidgetSecrets(**secrets)!r} {mail!r}"
    assert not any(secret in printed for secret in ("xxx", "ana@", "123456", "https://l"))


def test_the_asyncapi_file_names_every_event_and_resolves_its_references() -> None:
    document = json.loads(ASYNCAPI.read_text())
    assert document == json.loads(json.dumps(asyncapi()))
    assert {type_of(event) for event in EVENTS} <= {
        schema.get("properties", {}).get("type", {}).get("const")
        for schema in document["components"]["schemas"].values()
    }
    for reference in _references(document):
        target = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    return [found for value in node for found in _references(value)] if isinstance(node, list) else []
