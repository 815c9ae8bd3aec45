"""Mail between people and a desk: read by the gateway, stitched by conversation, and answered as it would be.

No SMTP and no bus, so that a story of many mails runs fast.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any

import pytest
from plugins.conversation_driver import Driver

from onethread.contracts.messages import MessageReceived
from onethread.contracts.replies import ReplyRequested
from onethread.gateway_email.convert import Arrival
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.outgoing.compose import Writer
from onethread.gateway_email.pipeline import events_of
from onethread.gateway_email.sender.authenticity import Edge
from onethread.gateway_email.tokens import Signer

EDGE, SUPPORT = "mx.desk.example", "support@desk.example"
REQUESTS = "select body from outbox where type = 'onethread.reply.requested.v1' and body like %s order by position desc"


def a_desk(address: str = SUPPORT, id_: str = "email-local", *secrets: str) -> Desk:
    signer = Signer(secrets or ("a secret of a test",), "local", None if id_ == "email-local" else id_)
    return Desk(id_, "local", address, "Support", Edge.parse("127.0.0.0/8", EDGE), signer)


class Mailroom:
    def __init__(self, driver: Driver) -> None:
        self.driver, self.desk, self.others = driver, a_desk(), [a_desk("sales@desk.example", "sales")]
        self._count = 0

    def written(
        self,
        text: str,
        *,
        sender: str = "Ana <ana@shop.example>",
        to: str = SUPPORT,
        result: str = "pass",
        **headers: str | None,
    ) -> bytes:
        """A mail on which our edge says `dmarc=<result>`; a header that is None is left out."""
        self._count += 1
        domain = parseaddr(sender)[1].rpartition("@")[2]
        fields = {
            "Authentication-Results": f"{EDGE}; dmarc={result} header.from={domain}" if result else None,
            "From": sender,
            "To": to,
            "Subject": "My order",
            "Date": format_datetime(datetime.now(UTC)),
            "Message-ID": f"<{self._count}@{domain}>",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
        return f"{head}\r\n{text}\r\n".encode()

    def read(self, raw: bytes, *recipients: str, envelope: str = "sender@of.example") -> list[MessageReceived]:
        desks = [self.desk, *self.others]
        arrival = Arrival("127.0.0.1", envelope, recipients or (SUPPORT,), datetime.now(UTC))
        at = [desk for desk in desks if any(_is_at(one, desk) for one in arrival.recipients)]
        return [event for event in events_of(raw, arrival, at, desks) if isinstance(event, MessageReceived)]

    async def mail(self, text: str, *recipients: str, **how: Any) -> dict[str, Any]:
        """Takes a mail in. Returns the message's row."""
        return await self.take(self.written(text, **how), *recipients)

    async def take(self, raw: bytes, *recipients: str) -> dict[str, Any]:
        events = self.read(raw, *recipients)
        for event in events:
            await self.driver.take(event)
        return await self.driver.message(events[0].id)

    async def answer(self, thread_id: Any, text: str = "We look into it.", **more: Any) -> EmailMessage:
        """A teammate's reply, as the mail that leaves."""
        made = await self.driver.post(f"threads/{thread_id}/messages", text=text, **more)
        return await self.sent(made["id"])

    async def sent(self, message_id: str) -> EmailMessage:
        [row] = (await self.driver.rows(REQUESTS, f"%{message_id}%"))[:1]
        event = ReplyRequested.model_validate_json(row["body"])
        writer = Writer(next(d for d in (self.desk, *self.others) if d.id == event.data.channel.id))
        mail = writer.write(event.data, event.threadid, datetime.now(UTC))
        await self.driver.delivered(event.data.message_id, mail["Message-ID"], writer.place_after(event.data))
        return mail


def reply_to(mail: EmailMessage) -> dict[str, Any]:
    """What a mail program puts into the answer to it."""
    return {"In_Reply_To": mail["Message-ID"], "References": mail["Message-ID"], "to": mail["Reply-To"]}


def _is_at(recipient: str, desk: Desk) -> bool:
    local, _, domain = recipient.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" == desk.address


@pytest.fixture
def mailroom(driver: Driver) -> Mailroom:
    return Mailroom(driver)
