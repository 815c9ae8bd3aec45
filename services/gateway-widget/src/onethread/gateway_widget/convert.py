"""Between the widget's protocol and the contracts, both ways. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from onethread.contracts.envelope import Contract
from onethread.contracts.ids import derived_id, received_id
from onethread.contracts.messages import (
    Attachment,
    Audience,
    Channel,
    Message,
    MessageReceived,
    Place,
    ReceivedMessage,
    Source,
)
from onethread.contracts.questions import Delta, History
from onethread.contracts.replies import (
    Feedback,
    FeedbackReceived,
    ReplyDelivered,
    ReplyOutcome,
    ReplyRequested,
)
from onethread.contracts.threads import MessageAdded
from onethread.gateway_widget.capabilities import KIND
from onethread.gateway_widget.frames import (
    Arrived,
    FeedbackFrame,
    Grew,
    MessageFrame,
    Stopped,
    Typing,
    WidgetAuthor,
    WidgetFile,
    WidgetMessage,
    WidgetSource,
)
from onethread.gateway_widget.sessions import Session

SOURCE = "/gateway-widget"
_PLACE = re.compile(rb'"place"\s*:\s*"([^"\\]*)"')
_CUSTOMER = re.compile(rb'"customerid"\s*:\s*"([^"\\]*)"')


class Ours(NamedTuple):
    """A message of ours that was sent to the widget."""

    id: UUID
    channel: Channel
    thread_id: UUID | None


class Activity(Contract):
    """What the customer does in the chat just now; core NATS only, never stored."""

    kind: Literal["typing", "read"]
    thread_id: UUID
    place: str
    message_id: UUID | None = None
    """The last message that the customer has read."""


def place_key(visitor: str) -> str:
    return f"{KIND}:{visitor}"


def received(session: Session, frame: MessageFrame, now: datetime, trace: str | None) -> MessageReceived:
    """The event of a customer's message.

    The key of a message is the browser's, within its visitor: nobody can take the id of another one's message.
    """
    key = f"{session.visitor}:{frame.client_id}"
    return MessageReceived(
        id=received_id(session.workspace, session.channel_id, key),
        source=SOURCE,
        time=now,
        workspaceid=session.workspace,
        traceparent=trace,
        data=ReceivedMessage(
            channel=Channel(id=session.channel_id, kind=KIND),
            external_id=key,
            identities=session.identities,
            name=session.name,
            place=Place(
                key=place_key(session.visitor), audience=Audience(shared=False), route={"visitor": session.visitor}
            ),
            text=frame.text,
            sent_at=now,
        ),
    )


def feedback(session: Session, frame: FeedbackFrame, customer_id: UUID | None) -> FeedbackReceived:
    """The same verdict given twice is one; a changed one is another. Up, down and up again is told apart from the first
    up by the browser's own key.
    """
    key = frame.client_id or f"{frame.score}\n{frame.comment}"
    return FeedbackReceived(
        id=derived_id(frame.message_id, f"feedback\n{session.visitor}\n{key}"),
        source=SOURCE,
        subject=str(frame.message_id),
        workspaceid=session.workspace,
        customerid=customer_id,
        data=Feedback(message_id=frame.message_id, score=frame.score, comment=frame.comment),
    )


def cursor(position: int | None) -> str:
    """The same form as `History.cursors`."""
    return str(position or 0)


def shown(message: Message, at: str) -> WidgetMessage:
    """A message as the customer may see it; `at` is its cursor."""
    return WidgetMessage(
        id=message.id,
        cursor=at,
        author=WidgetAuthor(kind=message.author.kind, name=message.author.name),
        text=message.text,
        html=message.html,
        channel=message.channel.kind if message.channel else KIND,
        created_at=message.created_at,
        sources=_sources(message.sources),
        attachments=[] if message.author.kind == "customer" else _files(message.attachments),
        client_id=_client_id(message),
        feedback=_thumb(message),
    )


def _thumb(message: Message) -> Literal[-1, 1] | None:
    given = message.feedback
    if given is None or given.scale != "thumbs":
        return None
    return 1 if given.score > 0 else -1


def shown_history(history: History) -> list[WidgetMessage]:
    return [shown(message, at) for message, at in zip(history.messages, history.cursors, strict=True)]


def reply_frame(event: ReplyRequested) -> Arrived:
    reply = event.data
    return Arrived(
        message=WidgetMessage(
            id=reply.message_id,
            cursor=cursor(reply.position),
            author=WidgetAuthor(kind=reply.author.kind, name=reply.author.name),
            text=reply.text,
            html=reply.html,
            channel=KIND,
            created_at=event.time,
            sources=_sources(reply.sources),
            attachments=_files(reply.attachments),
        )
    )


def added_frame(event: MessageAdded) -> Arrived:
    message = event.data.message
    return Arrived(message=shown(message, cursor(message.position)))


def live_frame(delta: Delta) -> Grew | Typing | Stopped:
    if delta.kind == "stop":
        return Stopped(reply_id=delta.reply_id)
    if delta.kind == "typing":
        return Typing(author=WidgetAuthor(kind="agent"))
    return Grew(reply_id=delta.reply_id, text=delta.text)


def sent(event: ReplyRequested) -> ReplyDelivered:
    """Nobody was there to see it: it waits in the history."""
    return ReplyDelivered(
        id=derived_id(event.data.message_id, "sent"),
        source=SOURCE,
        subject=str(event.data.message_id),
        workspaceid=event.workspaceid,
        threadid=event.threadid,
        customerid=event.customerid,
        causationid=event.id,
        data=ReplyOutcome(message_id=event.data.message_id, channel=event.data.channel, state="sent"),
    )


def delivered(workspace: str, message_id: UUID, channel: Channel, thread_id: UUID | None) -> ReplyDelivered:
    """The customer's browser has it. One fact for each message, however many browsers and ways there are."""
    return ReplyDelivered(
        id=derived_id(message_id, "delivered"),
        source=SOURCE,
        subject=str(message_id),
        workspaceid=workspace,
        threadid=thread_id,
        data=ReplyOutcome(message_id=message_id, channel=channel, state="delivered"),
    )


def delivered_by(workspace: str, history: History) -> list[ReplyDelivered]:
    """What handing out `history` delivers: the replies in it that no browser had yet."""
    return [
        delivered(workspace, message.id, message.channel, message.thread_id)
        for message in history.messages
        if message.channel is not None
        and message.channel.kind == KIND
        and message.delivery is not None
        and message.delivery.state in ("queued", "sent")
    ]


def ours_of(event: ReplyRequested) -> Ours:
    return Ours(event.data.message_id, event.data.channel, event.threadid)


def unseen_in(messages: list[Message]) -> list[Ours]:
    """What the widget brought of ours, and nobody is known to have seen."""
    return [
        Ours(message.id, message.channel, message.thread_id)
        for message in messages
        if message.channel is not None
        and message.channel.kind == KIND
        and message.delivery is not None
        and message.delivery.state not in ("seen", "failed")
    ]


def seen(session: Session, ours: Ours) -> ReplyDelivered:
    """This visitor has looked at it. The same fact however often, and in however many tabs, they do."""
    return ReplyDelivered(
        id=derived_id(ours.id, f"seen\n{session.visitor}"),
        source=SOURCE,
        subject=str(ours.id),
        workspaceid=session.workspace,
        threadid=ours.thread_id,
        data=ReplyOutcome(message_id=ours.id, channel=ours.channel, state="seen"),
    )


def workspace_in(subject: str) -> str:
    """`acme` of `ot.acme.message.added.customer` and of `live.acme.delta.widget`."""
    return subject.split(".", 2)[1]


def whom(event: bytes) -> tuple[str | None, str | None]:
    """(place key, customer id) of a JSON event, without parsing it.

    Most events are about someone who has no socket here. Inside a JSON text every quote is escaped, so nobody can
    write something that looks like these fields.
    """
    place, customer = _PLACE.search(event), _CUSTOMER.search(event)
    return (place[1].decode() if place else None, customer[1].decode() if customer else None)


def _client_id(message: Message) -> str | None:
    """The browser's part of the key; the visitor's part, and the keys of other channels, are none of its business."""
    ours = message.channel is not None and message.channel.kind == KIND
    return message.client_id.rpartition(":")[2] if ours and message.client_id else None


def _files(files: list[Attachment]) -> list[WidgetFile]:
    return [WidgetFile(name=one.name, type=one.type, size=one.size, sha256=one.sha256) for one in files]


def _sources(sources: list[Source]) -> list[WidgetSource]:
    return [WidgetSource(title=source.title, url=source.url) for source in sources]
