"""The agent proposed something: it becomes a message, a draft that teammates see, or a line of the report."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import structlog

from onethread.contracts import ids
from onethread.contracts import messages as m
from onethread.contracts import replies as r
from onethread.contracts import threads as t
from onethread.contracts.agent import AgentMode, AgentSettings
from onethread.contracts.envelope import now
from onethread.conversation import changes, graph, modes, outbox, proposals, suppressions, threads
from onethread.conversation.database import Connection, Database, Together, together
from onethread.conversation.outbox import Relay
from onethread.conversation.repeats import REMEMBER
from onethread.conversation.replies import add
from onethread.conversation.suppressions import Suppression
from onethread.conversation.workspaces import Workspaces
from onethread.runtime.bus import PoisonError

log = structlog.get_logger()

TellThread = Callable[[str, UUID], Awaitable[None]]
"""Tells the teammates of a workspace who look at it that the drafts of a thread changed."""
QUESTION = """select t.*, q.position as asked_position, q.channel_id as asked_channel, q.channel_kind as asked_kind,
        q.place_key as asked_place, q.agent_mode as asked_mode, c.erased_at
    from message q join thread t on t.id = q.thread_id join customer c on c.id = t.customer_id
    where q.id = %s and q.workspace_id = %s for no key update of t"""
PLACE = "select * from place where workspace_id = %s and channel_id = %s and key = %s"
MOST_TAGS, LONGEST_TAG = 50, 100


class Proposed:
    def __init__(
        self,
        database: Database,
        relay: Relay,
        workspaces: Workspaces,
        tell: TellThread,
        *,
        agent_name: str,
        unseen_minutes: float = 0,
    ) -> None:
        self._database, self._relay, self._workspaces, self._tell = database, relay, workspaces, tell
        self._author, self._unseen_minutes = m.Author(kind="agent", name=agent_name), unseen_minutes

    async def __call__(self, event: r.ReplyProposed) -> None:
        """Raises `PoisonError` for what answers nothing that is known. A repeat changes nothing."""
        settings = await self._workspaces.settings(event.workspaceid)
        async with self._database.transaction(event.workspaceid) as connection:
            await connection.execute(graph.SHARED, [event.workspaceid])
            remembered = await connection.execute(REMEMBER, {"workspace": event.workspaceid, "event": event.id})
            asked = await connection.execute(QUESTION, [event.data.message_id, event.workspaceid])
            if await remembered.fetchone() is None:
                return
            row = await asked.fetchone()
            if row is None:
                raise PoisonError("the message that it answers does not exist")
            if row.erased_at is not None:
                return
            state = await self._take(connection, event, row, settings.of_agent)
            await self._relay.notify(connection)
        self._relay.wake()
        log.info("proposal.taken", thread=str(row.id), decision=event.data.decision, state=state)
        if state in ("open", "superseded") or event.data.decision == "handoff":
            await self._tell(event.workspaceid, row.id)

    async def _take(
        self, connection: Connection, event: r.ReplyProposed, row: Any, settings: AgentSettings
    ) -> proposals.State:
        newer = await proposals.since(connection, row)
        mode, may = _mode(row, settings)
        overtaken = not may or row.status == "closed" or newer.reply is not None
        state = _state(mode, event.data, overtaken=overtaken or (mode == "draft" and newer.newer_draft))
        if state == "open":
            await connection.execute(proposals.MAKE_OLD, [row.id])
        place = await connection.execute(PLACE, [event.workspaceid, row.asked_channel, row.asked_place])
        found = await place.fetchone()
        stopped = await suppressions.of_place(connection, event.workspaceid, found, automatic=True)
        async with together(connection) as writes:
            reply_id = event.data.reply_id if state == "sent" else newer.reply
            await proposals.record(writes, row, event.data, mode=mode, state=state, reply_id=reply_id)
            if state == "sent":
                await self._say(writes, event, row, found, stopped)
        if state == "open":
            await self._show(connection, event.data, row)
        return state

    async def _say(
        self, writes: Together, event: r.ReplyProposed, row: Any, place: Any, stopped: Suppression | None
    ) -> None:
        proposal, is_handoff = event.data, event.data.decision == "handoff"
        tags = _tags(proposal, row)
        kinds = [t.ThreadEscalated, *([t.ThreadTagged] if tags != row.tags else [])] if is_handoff else []
        row, _ = await add(
            writes, row, self._author, proposal.text, place, proposal.sources, proposal.reply_id, event.id,
            changes=_handed_off(proposal, self._author, tags) if is_handoff
            else {"waiting_since": now() if stopped else None},
            extra_events=len(kinds), unseen_minutes=self._unseen_minutes, stopped=stopped,
        )  # fmt: skip
        change = t.ThreadChange(thread=threads.contract(row), by=self._author)
        first = row.sequence - len(kinds) + 1
        for number, kind in enumerate(kinds, first):
            what = str(kind.model_fields["type"].default).split(".")[2]
            head = threads.envelope(row, ids.derived_id(event.id, what), number, event.id)
            await outbox.record(writes, (kind(**head, data=change), ()))

    async def _show(self, connection: Connection, proposal: r.ProposedReply, row: Any) -> None:
        """A draft: the customer goes on waiting for a person, and what a handoff found out is kept as tags."""
        wanted = {"tags": _tags(proposal, row), "waiting_since": row.waiting_since or now()}
        different = {name: value for name, value in wanted.items() if value != getattr(row, name)}
        if different:
            await changes.save(connection, row, different, self._author)


def _mode(row: Any, settings: AgentSettings) -> tuple[AgentMode, bool]:
    """For whom it was written, and whether that still holds. What was asked for the eyes of few is not shown to more,
    though the mode changed meanwhile.
    """
    channel = modes.of_channel(settings, row.asked_channel, row.asked_kind)
    asked = row.asked_mode or "auto"
    mode = modes.most_careful(asked, modes.on_thread(channel, row.agent, taken=row.assignee_id is not None))
    return (mode, True) if mode != "off" else (asked, False)


def _state(mode: AgentMode, proposal: r.ProposedReply, *, overtaken: bool) -> proposals.State:
    if mode == "shadow":
        return "silent"
    if overtaken or mode == "off":
        return "superseded"
    return "open" if mode == "draft" or proposal.decision == "draft" else "sent"


def _tags(proposal: r.ProposedReply, row: Any) -> list[str]:
    """Those of the thread, and a handoff's; never more than a teammate may give."""
    if proposal.decision != "handoff":
        return row.tags
    new = [tag.strip()[:LONGEST_TAG] for tag in proposal.tags if tag.strip()]
    return sorted({*row.tags, *new[: max(0, MOST_TAGS - len(row.tags))]})


def _handed_off(proposal: r.ProposedReply, agent: m.Author, tags: list[str]) -> dict[str, Any]:
    return {
        "agent": "quiet",
        **threads.agent_set(agent),
        "handoff_reason": proposal.reason,
        "handoff_summary": proposal.summary,
        "handoff_at": now(),
        "waiting_since": now(),
        "tags": tags,
    }
