"""Every subject, spelled once.

An event's subject is `ot.{workspace}.{event}`; where its readers need order, the narrowing tokens follow:
`ot.acme.message.received.email.l3`. The last token is the lane: all messages of one key share it (`ids.lane`).
"""

from __future__ import annotations

EVERYTHING = "ot.>"
KNOWLEDGE_SEARCH = "svc.knowledge.search"
KNOWLEDGE_LIKENESS = "svc.knowledge.likeness"
KNOWLEDGE_API = "svc.knowledge.api"
CONVERSATION_HISTORY = "svc.conversation.history"
CONVERSATION_ANSWERS = "svc.conversation.answers"
CONVERSATION_VISITOR = "svc.conversation.visitor"
AGENT_ASK = "svc.agent.ask"
CONVERSATION_AGENT = "svc.conversation.agent"
CONVERSATION_TOOL = "svc.conversation.tool"
CONVERSATION_CHANNELS = "svc.conversation.channels"
CONVERSATION_PROVE = "svc.conversation.prove"
CONVERSATION_PROVE_CODE = "svc.conversation.prove.code"
CONVERSATION_BEFORE = "svc.conversation.before"
CONVERSATION_FILE = "svc.conversation.file"
EMAIL_RECORDS = "svc.gateway-email.records"
EMAIL_WAYS = "svc.gateway-email.ways"
EMAIL_MAILBOX = "svc.gateway-email.mailbox"
EMAIL_PROVE = "svc.gateway-email.prove"
CONVERSATION_CORRECT = "svc.conversation.correct"
EMAIL_ORIGINAL = "svc.gateway-email.original"
PREFIX = "onethread."


def event(workspace: str, type_: str, *tokens: str) -> str:
    """`onethread.message.received.v1` in `acme`, narrowed by `email` and `l3`: `ot.acme.message.received.email.l3`."""
    name = type_.removeprefix(PREFIX).rsplit(".", 1)[0]
    return ".".join(("ot", workspace, name, *tokens))


def live(workspace: str, kind: str, channel_kind: str) -> str:
    """Things that are worth nothing a second later: `live.acme.delta.widget`."""
    return f"live.{workspace}.{kind}.{channel_kind}"


def dead(service: str) -> str:
    return f"dead.{service}"


def deliver(durable: str) -> str:
    """Where the server delivers what a durable consumer has for its members."""
    return f"_deliver.{durable}"
