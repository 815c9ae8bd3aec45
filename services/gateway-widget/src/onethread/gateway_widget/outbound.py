"""To the browsers: replies, what was said elsewhere, and answers while they are written."""

from __future__ import annotations

from nats.aio.msg import Msg

from onethread.contracts import subjects
from onethread.contracts.proofs import ProofAsked
from onethread.contracts.questions import Delta
from onethread.contracts.replies import ReplyRequested
from onethread.contracts.streams import WIDGET_REPLIES
from onethread.contracts.threads import MessageAdded
from onethread.gateway_widget import convert, proving
from onethread.gateway_widget.capabilities import KIND
from onethread.gateway_widget.connections import Connections, push
from onethread.runtime.bus import Bus

FORWARDED = subjects.live("*", "reply", KIND)
DELTAS = subjects.live("*", "delta", KIND)
ASKED = subjects.live("*", "prove", KIND)
ADDED = subjects.event("*", MessageAdded.model_fields["type"].default, ">")


class Outbound:
    """A reply is taken by any replica, and pushed by the one that holds the customer's socket."""

    def __init__(self, bus: Bus, connections: Connections) -> None:
        self._bus = bus
        self._connections = connections

    def subscribe(self) -> None:
        self._bus.on(WIDGET_REPLIES, ReplyRequested, self.deliver)

    async def listen(self) -> None:
        await self._bus.listen(FORWARDED, self.forwarded)
        await self._bus.listen(ADDED, self.added)
        await self._bus.listen(DELTAS, self.live)
        await self._bus.listen(ASKED, self.asked_to_prove)

    async def deliver(self, event: ReplyRequested) -> None:
        with self._bus.tracing.span("widget deliver"):
            if await self._push(event):
                return
            await self._bus.publish(convert.sent(event))  # before the others hear of it, so that it never comes last
            forward = subjects.live(event.workspaceid, "reply", KIND)
            await self._bus.say_live(forward, event.to_json())

    async def forwarded(self, message: Msg) -> None:
        """A reply that another replica had no socket for."""
        await self._push(ReplyRequested.model_validate_json(message.data))

    async def added(self, message: Msg) -> None:
        """Something was said: in another tab, or elsewhere by or to the same customer. What was said elsewhere is not
        shown as it comes: conversation knows what this browser's proofs let it see.
        """
        workspace = convert.workspace_in(message.subject)
        place, customer_id = convert.whom(message.data)
        here, theirs = self._connections.at(workspace, place), self._connections.of(workspace, customer_id)
        if not here and not theirs:
            return
        event = MessageAdded.model_validate_json(message.data)
        for connection in here:
            self._connections.learn(connection, event.customerid, event.threadid)
        said = event.data.message
        if said.note or said.author.kind == "system":
            return
        if said.author.kind == "customer":  # a reply to this very place comes by `deliver`
            push(convert.added_frame(event).to_json(), here)
        for connection in theirs - here:
            connection.refresh()

    async def live(self, message: Msg) -> None:
        place, _ = convert.whom(message.data)
        if here := self._connections.at(convert.workspace_in(message.subject), place):
            push(convert.live_frame(Delta.model_validate_json(message.data)).to_json(), here)

    async def asked_to_prove(self, message: Msg) -> None:
        """A teammate had a code mailed to the address that was named here."""
        asked = ProofAsked.model_validate_json(message.data)
        here = self._connections.at(convert.workspace_in(message.subject), asked.place)
        push(proving.asked(asked.proof_id).to_json(), here)

    async def _push(self, event: ReplyRequested) -> bool:
        here = self._connections.at(event.workspaceid, event.data.place.key)
        if not here:
            return False
        for connection in here:
            connection.unseen.add(convert.ours_of(event))
        push(convert.reply_frame(event).to_json(), here)
        reply = event.data
        await self._bus.publish(convert.delivered(event.workspaceid, reply.message_id, reply.channel, event.threadid))
        return True
