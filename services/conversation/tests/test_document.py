"""The OpenAPI document: closed bodies, and an example of everything that is asked and answered, which is right."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import pytest

from onethread.conversation import examples
from onethread.conversation.app import create_app
from onethread.conversation.settings import ConversationSettings

Schema = dict[str, Any]


@cache
def document() -> dict[str, Any]:
    return create_app(ConversationSettings(api_key="x", admin_password="y")).openapi()


def endpoints() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, endpoint in methods.items():
            yield method, path, endpoint


def named(schema: Schema) -> Schema:
    return document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def parts(schema: Schema) -> list[Schema]:
    """What the schema is made of, one level deeper."""
    schema = named(schema)
    inner = [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("properties", {}).values()]
    return inner + ([schema["items"]] if "items" in schema else [])


def has_example(schema: Schema, depth: int = 0) -> bool:
    return bool(named(schema).get("examples")) or (
        depth < 5 and any(has_example(part, depth + 1) for part in parts(schema))
    )


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body and every answer of a success."""
    for method, path, endpoint in endpoints():
        for content in endpoint.get("requestBody", {}).get("content", {}).values():
            yield f"{method} {path}: body", content
        for code, answer in endpoint["responses"].items():
            for content in answer.get("content", {}).values():
                if code.startswith("2"):
                    yield f"{method} {path}: {code}", content


def test_every_body_refuses_what_it_does_not_know() -> None:
    for where, content in contents():
        if where.endswith("body"):
            schema = named(content["schema"])
            for one in schema.get("oneOf", [schema]):
                assert named(one).get("additionalProperties") is False, where


def test_everything_that_is_asked_and_answered_has_an_example() -> None:
    bare = [
        where
        for where, content in contents()
        if not {"example", "examples"} & content.keys() and not has_example(content.get("schema", {}))
    ]
    assert bare == []


@pytest.mark.parametrize("name", examples.BY_NAME)
def test_the_example_of_a_schema_fits_it(name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document()["components"]}
    jsonschema.validate(examples.BY_NAME[name], schema)


def test_every_example_is_of_something() -> None:
    asked = {(method, path.removeprefix(examples.PREFIX)) for method, path, _ in endpoints()}
    assert examples.ANSWERS.keys() <= asked
