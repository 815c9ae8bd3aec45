"""Writes what others read instead of our code: a JSON Schema for each event, and AsyncAPI 3 for the whole.

python -m onethread.contracts.generate            write
python -m onethread.contracts.generate --check    fail when what is committed differs
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from onethread.contracts import subjects
from onethread.contracts.agent import AgentConfig, AgentConfigOf, Answered, Ask
from onethread.contracts.calls import Call, Called
from onethread.contracts.catalog import EVENTS, type_of
from onethread.contracts.channels import ChannelChanged, Channels, ChannelsOf
from onethread.contracts.envelope import CONTENT_TYPE, CloudEvent
from onethread.contracts.ids import LANES
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch
from onethread.contracts.mail import (
    Before,
    BeforeMessage,
    CheckMailbox,
    CheckRecords,
    MailboxChecked,
    RecordsChecked,
    Ways,
    WaysOf,
)
from onethread.contracts.originals import Corrected, CorrectMessage, Original, OriginalOf
from onethread.contracts.proofs import CodeTried, ProofMail, ProofMailSent, ProofStarted, StartProof, TryCode
from onethread.contracts.questions import Delta, History, HistoryOfThread, HistoryOfVisitor
from onethread.contracts.streams import CONSUMERS, STREAMS
from onethread.contracts.tools import CallTool, ToolResult

Json = dict[str, Any]
ROOT = Path(__file__).parents[5]
SCHEMAS = ROOT / "libs" / "contracts" / "schemas"
ASYNCAPI = ROOT / "docs" / "asyncapi" / "onethread.json"
QUESTIONS: dict[str, tuple[type[BaseModel], type[BaseModel]]] = {
    subjects.KNOWLEDGE_SEARCH: (KnowledgeSearch, KnowledgeFound),
    subjects.KNOWLEDGE_API: (Call, Called),
    subjects.AGENT_ASK: (Ask, Answered),
    subjects.CONVERSATION_HISTORY: (HistoryOfThread, History),
    subjects.CONVERSATION_VISITOR: (HistoryOfVisitor, History),
    subjects.CONVERSATION_AGENT: (AgentConfigOf, AgentConfig),
    subjects.CONVERSATION_CHANNELS: (ChannelsOf, Channels),
    subjects.CONVERSATION_TOOL: (CallTool, ToolResult),
    subjects.CONVERSATION_PROVE: (StartProof, ProofStarted),
    subjects.CONVERSATION_PROVE_CODE: (TryCode, CodeTried),
    subjects.EMAIL_PROVE: (ProofMail, ProofMailSent),
    subjects.CONVERSATION_BEFORE: (BeforeMessage, Before),
    subjects.EMAIL_RECORDS: (CheckRecords, RecordsChecked),
    subjects.EMAIL_WAYS: (WaysOf, Ways),
    subjects.EMAIL_MAILBOX: (CheckMailbox, MailboxChecked),
    subjects.EMAIL_ORIGINAL: (OriginalOf, Original),
    subjects.CONVERSATION_CORRECT: (CorrectMessage, Corrected),
}
LIVE: dict[str, type[BaseModel]] = {
    subjects.live("{workspace}", "delta", "{kind}"): Delta,
    subjects.live("{workspace}", "channels", "{kind}"): ChannelChanged,
}
NARROWING: dict[str, tuple[str, ...]] = {
    "onethread.message.received.v1": ("{kind}", "{lane}"),
    "onethread.message.added.v1": ("{author}",),
    "onethread.reply.requested.v1": ("{kind}", "{lane}"),
}
PARAMETERS: Json = {
    "workspace": {"description": "The tenant's slug."},
    "kind": {"enum": ["widget", "email", "slack"]},
    "author": {"enum": ["customer", "agent", "teammate", "system"]},
    "lane": {"enum": [f"l{n}" for n in range(LANES)], "description": "All that must stay in order shares a lane."},
}


def main() -> None:
    files = {SCHEMAS / f"{type_of(event)}.json": event.model_json_schema() for event in EVENTS}
    files[ASYNCAPI] = asyncapi()
    texts = {path: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for path, content in files.items()}
    if "--check" in sys.argv:
        stale = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
        stale += [path for path in SCHEMAS.glob("*.json") if path not in texts]
        if stale:
            names = ", ".join(path.name for path in stale)
            raise SystemExit(f"These generated files are out of date: {names}. Run `just docs`.")
        return
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    sys.stdout.write(f"Wrote {len(texts)} files.\n")


def asyncapi() -> Json:
    """The whole surface of the bus: events on JetStream, questions and live things on core NATS."""
    models: list[type[BaseModel]] = [*EVENTS, *(m for pair in QUESTIONS.values() for m in pair), *LIVE.values()]
    _, definitions = models_json_schema(
        [(m, "serialization") for m in models], ref_template="#/components/schemas/{model}"
    )
    channels: Json = {}
    operations: Json = {}
    for event in EVENTS:
        channels[event.__name__] = _channel(_address(event), event)
        operations[f"receive{event.__name__}"] = _operation("receive", event.__name__)
    for subject, (question, answer) in QUESTIONS.items():
        _add_question(channels, operations, subject, question, answer)
    channels |= {model.__name__: _channel(address, model) for address, model in LIVE.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Onethread", "version": "1.0.0", "description": _description()},
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {
            "schemas": definitions["$defs"],
            "messages": {m.__name__: _message(m) for m in models},
        },
        "x-streams": [{"name": s.name, "subjects": list(s.subjects), "max_age_seconds": s.max_age} for s in STREAMS],
        "x-consumers": [
            {"name": name, "stream": c.stream, "filter": subject} for c in CONSUMERS for name, subject in c.each()
        ],
    }


def _description() -> str:
    return (
        "One customer, one thread, every channel. Events are CloudEvents 1.0 in structured mode on JetStream; "
        "`id` is also the `Nats-Msg-Id`. Ignore fields and types that you do not know: within a version only optional "
        "fields are added."
    )


def _address(event: type[CloudEvent]) -> str:
    return subjects.event("{workspace}", type_of(event), *NARROWING.get(type_of(event), ()))


def _channel(address: str, model: type[BaseModel]) -> Json:
    used = [name for name in PARAMETERS if "{" + name + "}" in address]
    return {
        "address": address,
        "description": " ".join((model.__doc__ or model.__name__).split()),
        "messages": {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"}},
        **({"parameters": {name: PARAMETERS[name] for name in used}} if used else {}),
    }


def _message(model: type[BaseModel]) -> Json:
    content_type = CONTENT_TYPE if issubclass(model, CloudEvent) else "application/json"
    return {
        "name": model.__name__,
        "contentType": content_type,
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
    }


def _operation(action: str, channel: str) -> Json:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def _add_question(
    channels: Json, operations: Json, subject: str, question: type[BaseModel], answer: type[BaseModel]
) -> None:
    name = question.__name__
    channels[name] = _channel(subject, question)
    channels[f"{name}Answer"] = _channel("", answer) | {"address": None}
    operations[f"ask{name}"] = _operation("send", name) | {
        "reply": {"channel": {"$ref": f"#/channels/{name}Answer"}},
    }


if __name__ == "__main__":
    main()
