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
KEY, VERSION = "idempotency-key", "if-match"
CARRIED = "/api/v1/knowledge/{path}"
"""Knowledge itself says what it takes there, and refuses what it does not know."""
WITHOUT_KEY = {
    "/api/v1/agent/tools/{tool_id}/try": "changes nothing",
    "/api/v1/tool-calls/{call_id}/approve": "the call's own id makes it one",
    "/api/v1/tool-calls/{call_id}/decline": "the call's own id makes it one",
    "/api/v1/tool-calls/{call_id}/check": "the call's own id makes it one",
    "/api/v1/email/domains/{domain}/check": "it looks again, and says what is there then",
    "/api/v1/email/addresses/{address_id}/check": "it signs in again, and says what is there then",
    "/api/v1/email/addresses/{address_id}/sign-in": "each is a sign-in of its own, and nothing comes of it alone",
    "/api/v1/email/sign-ins": "what it brings is good once",
    "/api/v1/session": "each login is a session of its own, and its token is kept nowhere",
    "/api/v1/customers/{customer_id}/erase": "repeating it is how one asks how far it is",
    "/api/v1/customers/{customer_id}/export": "it changes nothing, and each time is told in the audit",
    "/api/v1/agent/ask": "it changes nothing",
}
"""What answers POST, and why a repetition of it needs no key."""


@cache
def document() -> dict[str, Any]:
    return create_app(ConversationSettings(api_key="x", admin_password="y")).openapi()


def endpoints() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, endpoint in methods.items():
            yield method, path, endpoint


def named(schema: Schema) -> Schema:
    return document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def given(content: dict[str, Any]) -> list[Any]:
    """The examples of a body or an answer: its own, or those of what it may be."""
    schema = named(content.get("schema", {}))
    own = [content["example"]] if "example" in content else []
    own += [one["value"] for one in content.get("examples", {}).values()]
    kinds = [schema, *map(named, schema.get("anyOf", []))]
    return own + [example for kind in kinds for example in kind.get("examples", [])]


def takes(endpoint: dict[str, Any], header: str) -> bool:
    return any(one["in"] == "header" and one["name"] == header for one in endpoint.get("parameters", []))


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body and every answer of a success."""
    for method, path, endpoint in endpoints():
        for content in endpoint.get("requestBody", {}).get("content", {}).values():
            yield f"{method} {path}: body", content
        for code, answer in endpoint["responses"].items():
            for content in answer.get("content", {}).values():
                if code.startswith("2"):
                    yield f"{method} {path}: {code}", content


def test_every_endpoint_but_the_login_says_by_which_keys_it_opens() -> None:
    either = [{"ApiKey": []}, {"Session": []}]
    open_to_all = {("post", "/api/v1/session"), ("delete", "/api/v1/session")}
    for method, path, endpoint in endpoints():
        assert endpoint.get("security", []) == ([] if (method, path) in open_to_all else either), (method, path)
    assert document()["components"]["securitySchemes"].keys() == {"ApiKey", "Session"}


def test_every_body_refuses_what_it_does_not_know() -> None:
    for where, content in contents():
        if where.endswith("body") and CARRIED not in where:
            schema = named(content["schema"])
            if schema.get("format") == "binary":  # a file may hold anything
                continue
            for one in schema.get("oneOf", [schema]):
                assert named(one).get("additionalProperties") is False, where


def test_everything_that_is_asked_and_answered_has_an_example_that_fits() -> None:
    bare = [where for where, content in contents() if not given(content)]
    assert bare == []
    for where, content in contents():
        schema = {**content.get("schema", {}), "components": document()["components"]}
        for example in given(content):
            assert not list(jsonschema.Draft202012Validator(schema).iter_errors(example)), where


@pytest.mark.parametrize("name", examples.BY_NAME)
def test_the_example_of_a_schema_fits_it(name: str) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document()["components"]}
    jsonschema.validate(examples.BY_NAME[name], schema, format_checker=jsonschema.FormatChecker())


def test_every_post_takes_an_idempotency_key_but_for_a_reason() -> None:
    without = {path for method, path, endpoint in endpoints() if method == "post" and not takes(endpoint, KEY)}
    assert without == WITHOUT_KEY.keys()


def test_every_patch_takes_the_version_that_was_read_and_answers_the_new_one() -> None:
    for method, path, endpoint in endpoints():
        if method == "patch":
            assert takes(endpoint, VERSION), path
            for answered in (endpoint, document()["paths"][path]["get"]):
                assert "ETag" in answered["responses"]["200"]["headers"], path


def test_every_example_is_of_something() -> None:
    asked = {(method, path.removeprefix(examples.PREFIX)) for method, path, _ in endpoints()}
    assert examples.ANSWERS.keys() <= asked
