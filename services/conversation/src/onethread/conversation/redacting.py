"""What of an event is about a person, and what stays of it once they are erased. Pure.

Of their own events stays what is named here and nothing else: ids, numbers, moments, states. In other people's events,
where they took part or were named, their own words and addresses go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast
from uuid import UUID

from onethread.contracts.ids import derived_id

ENVELOPE = {
    "specversion", "id", "type", "source", "subject", "time", "datacontenttype", "workspaceid", "threadid",
    "customerid", "causationid", "sequence",
}  # fmt: skip
VALUES = {
    "id", "thread_id", "customer_id", "message_id", "home_id", "act_id", "undoes", "other_thread_id",
    "other_customer_id", "previous_thread_id", "merged_into_id", "homes", "message_ids", "erased_message_ids",
    "sequence", "position", "version", "note", "status", "priority", "agent", "tags", "trust", "verdict", "machine",
    "kind", "how", "state", "at", "confidence", "right", "created_at", "updated_at", "waiting_since", "snoozed_until",
    "retry_at", "shared",
}  # fmt: skip
OBJECTS = {
    "message", "thread", "customer", "channel", "author", "by", "assignee", "agent_set", "handoff", "last_message",
    "audience", "delivery", "place",
}  # fmt: skip
EMPTIED = {
    "data": {"text", "html", "question"},
    "message": {"text"},
    "last_message": {"text"},
    "handoff": {"reason", "summary"},
    "place": {"key"},
}
"""Words that a contract cannot do without."""
NAMED = {"teammate", "agent", "system"}
UUIDS = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
IDS = ("customers", "threads", "messages", "guest_in", "others")


@dataclass(frozen=True)
class Traces:
    """By what an erased customer is found: ids of ours, and what the outside knows them by."""

    customers: frozenset[UUID]
    threads: frozenset[UUID]
    """Theirs."""
    messages: frozenset[UUID]
    """All in their threads, and their own in other people's."""
    guest_in: frozenset[UUID]
    """Other people's threads, in which they wrote."""
    others: frozenset[UUID]
    """Customers who say that an address of theirs is their own. They may be somebody else, and are left alone."""
    identities: tuple[tuple[str, str], ...]
    """(kind, value)"""
    said: tuple[str, ...]
    """How their messages in other people's threads begin: previews show it."""

    def to_json(self) -> dict[str, Any]:
        ids = {name: sorted(map(str, getattr(self, name))) for name in IDS}
        return {**ids, "identities": [list(one) for one in self.identities], "said": list(self.said)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Traces:
        ids = {name: frozenset(map(UUID, kept[name])) for name in IDS}
        identities = tuple((kind, value) for kind, value in kept["identities"])
        return cls(**ids, identities=identities, said=tuple(kept["said"]))

    @property
    def words(self) -> list[str]:
        """What may be looked for anywhere. A site's own ids may be as short as `7`."""
        return [value for kind, value in self.identities if kind != "site_user"]

    @property
    def patterns(self) -> list[str]:
        """For `ilike`: whatever names them, and their own ids."""
        escaped = [word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for word in self.words]
        return [f"%{one}%" for one in [*escaped, *map(str, self.customers)]]

    def with_messages(self, ids: Iterable[UUID]) -> Traces:
        return replace(self, messages=self.messages | set(ids))

    def name(self, text: str) -> bool:
        return bool(self._words and self._words.search(text))

    def are_in(self, body: bytes) -> bool:
        """Whether an event, whoever published it, is about them, was caused by them or names them."""
        return not self._ids.isdisjoint(UUIDS.findall(body)) or self.name(body.decode("utf-8", "replace"))

    def may_be_in(self, body: bytes) -> bool:
        """Also where they were a guest: the state of a thread shows how its last message begins."""
        return not self._guest_ids.isdisjoint(UUIDS.findall(body)) or self.are_in(body)

    def is_theirs(self, event: Mapping[str, Any]) -> bool:
        return bool({event.get("threadid"), event.get("customerid")} & self._own)

    def is_others(self, event: Mapping[str, Any]) -> bool:
        return event.get("customerid") in {str(id_) for id_ in self.others}

    def said_it(self, message: dict[str, Any]) -> bool:
        """Whether a received message, as data, came in by an identity of theirs."""
        own = next(iter(message.get("identities") or []), None)
        return isinstance(own, dict) and (own.get("kind"), own.get("value")) in self.identities

    def take_out(self, value: Any) -> Any:
        """Other people's data without them: an entry of a list that names them goes, within a text it is replaced."""
        if isinstance(value, str):
            return self._words.sub("erased", value) if self._words else value
        if isinstance(value, list):
            entries = cast("list[Any]", value)
            return [self.take_out(one) for one in entries if not (_is_entry(one) and self.name(str(one)))]
        if isinstance(value, dict):
            return {key: self.take_out(one) for key, one in cast("dict[str, Any]", value).items()}
        return value

    @cached_property
    def _words(self) -> re.Pattern[str] | None:
        return re.compile("|".join(map(re.escape, self.words)), re.IGNORECASE) if self.words else None

    @cached_property
    def _own(self) -> frozenset[str]:
        return frozenset(map(str, self.customers | self.threads))

    @cached_property
    def _ids(self) -> frozenset[bytes]:
        caused = {derived_id(id_, "added") for id_ in self.messages}
        return frozenset(str(id_).encode() for id_ in self.customers | self.threads | self.messages | caused)

    @cached_property
    def _guest_ids(self) -> frozenset[bytes]:
        return frozenset(str(id_).encode() for id_ in self.guest_in)


def redact(event: dict[str, Any], traces: Traces) -> dict[str, Any]:
    """The event as it stays. Who is told of it again has nothing to do."""
    if traces.is_theirs(event):
        return {name: event[name] for name in ENVELOPE & event.keys()} | {"data": _bare("data", event["data"])}
    if traces.is_others(event):
        return event
    data = traces.take_out(event["data"])
    if "message" in data and UUID(data["message"]["id"]) in traces.messages:
        data["message"] = _bare("message", data["message"])
        data.pop("place", None)
    if "thread" in data:
        data["thread"] = _without_previews(data["thread"], traces.said)
    return {**event, "data": data}


def _bare(name: str, value: dict[str, Any]) -> dict[str, Any]:
    kept = {key: one for key, one in value.items() if key in VALUES}
    kept |= dict.fromkeys(EMPTIED.get(name, set()) & value.keys(), "")
    kept |= {key: _bare(key, one) for key, one in value.items() if key in OBJECTS and isinstance(one, dict)}
    if "name" in value and (name == "assignee" or value.get("kind") in NAMED):
        kept["name"] = value["name"]
    return kept


def _without_previews(thread: dict[str, Any], said: tuple[str, ...]) -> dict[str, Any]:
    last, handoff = thread.get("last_message"), thread.get("handoff")
    if last and last["text"] in said and last["author"]["kind"] == "customer":
        thread = thread | {"last_message": _bare("last_message", last)}
    if handoff and handoff["summary"] in said:
        thread = thread | {"handoff": {**handoff, "summary": ""}}
    return thread


def _is_entry(value: Any) -> bool:
    """Something whole, such as an address or an identity."""
    return isinstance(value, str) or (
        isinstance(value, dict)
        and not any(isinstance(one, list | dict) for one in cast("dict[str, Any]", value).values())
    )
