"""A request to the HTTP API of another service, carried over the bus, and its answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from onethread.contracts.envelope import Contract

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


def _stays_below(path: str) -> str:
    """Refuses what a client or a server may take for a step up, and so for another path than the one allowed."""
    if {".", ".."} & set(path.split("/")):
        raise ValueError("a path has no steps up or in place")
    return path


class Body(Contract):
    """What is too large for a message lies in the bucket `bodies`, under the name `stored`."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    inline: bytes = b""
    stored: str | None = None


class Call(Contract):
    """`svc.knowledge.api`, asked by conversation for somebody who may do this: `path` is without `/v1/`, unquoted."""

    workspace: str
    method: Method
    path: Annotated[str, Field(max_length=4_000), AfterValidator(_stays_below)]
    query: str = Field(default="", max_length=8_000)
    headers: dict[str, str] = Field(default_factory=dict[str, str], description="Those that mean something there.")
    author: str = Field(description="Who does it, for people to read.")
    role: Literal["teammate", "admin"]
    body: Body = Body()


class Called(Contract):
    """Answer: what the API answered."""

    status: int
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    body: Body = Body()
