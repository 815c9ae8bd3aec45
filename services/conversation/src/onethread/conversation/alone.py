"""A request that rearranges customers or threads: it has the graph alone, and what it did is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from onethread.conversation import graph
from onethread.conversation.access import Caller
from onethread.conversation.database import Connection


@asynccontextmanager
async def alone(request: Request, caller: Caller) -> AsyncIterator[Connection]:
    """A transaction that has the workspace's graph alone, and whose events are relayed."""
    relay = request.app.state.relay
    async with request.app.state.database.transaction(caller.workspace) as connection:
        await connection.execute(graph.ALONE, [caller.workspace])
        yield connection
        await relay.notify(connection)
    relay.wake()
