"""What this service does by itself when its time has come."""

from __future__ import annotations

from typing import Any

from onethread.conversation import (
    bench_due,
    bench_judging,
    bench_runs,
    changes,
    files,
    mail_keys,
    once,
    pending,
    ratings,
    tool_unended,
    unseen,
)
from onethread.conversation.bench_judging import Judgements
from onethread.conversation.bench_runner import BenchRunner
from onethread.conversation.comparing import DUE as TO_COMPARE
from onethread.conversation.comparing import NEXT as NEXT_TO_COMPARE
from onethread.conversation.comparing import Comparing
from onethread.conversation.database import Database
from onethread.conversation.mail_keys import MailKeys
from onethread.conversation.outbox import Relay
from onethread.conversation.ratings import Ratings
from onethread.conversation.replies import Replies
from onethread.conversation.timers import Job
from onethread.conversation.tool_unended import Unended
from onethread.conversation.unseen import Unseen

SNOOZED = "select min(snoozed_until) from thread where workspace_id = %(workspace)s and status = 'snoozed'"
AWAKE = """select id from thread where workspace_id = %(workspace)s and status = 'snoozed' and snoozed_until <= now()
    order by snoozed_until limit 64"""


def jobs(
    database: Database, relay: Relay, replies: Replies, unseen_replies: Unseen, comparing: Comparing,
    bench: BenchRunner, unended: Unended, judgements: Judgements, keys: MailKeys, asking: Ratings,
) -> list[Job]:  # fmt: skip
    async def wake(workspace: str, due: Any) -> None:
        async with database.transaction(workspace) as connection:
            if not await changes.wake(connection, due.id):
                return
            await relay.notify(connection)
        relay.wake()

    async def forget_keys(workspace: str, _: Any) -> None:
        async with database.transaction(workspace) as connection:
            await connection.execute(once.FORGET)

    async def forget_file(workspace: str, due: Any) -> None:
        async with database.transaction(workspace) as connection:
            await files.forget(connection, workspace, due.id)

    async def queue_bench(workspace: str, _: Any) -> None:
        await bench_due.start(database, workspace)

    return [
        Job("snooze", SNOOZED, AWAKE, wake),
        Job("send", pending.NEXT, pending.DUE, replies.send_held),
        Job("mail", unseen.NEXT, unseen.DUE, unseen_replies.mail),
        Job("compare", NEXT_TO_COMPARE, TO_COMPARE, comparing.compare),
        Job("forget files", files.NEXT_OLD, files.OLD, forget_file),
        Job("forget keys", once.NEXT_OLD, once.OLD, forget_keys),
        Job("tell judgements", bench_judging.NEXT, bench_judging.DUE, judgements.tell),
        Job("leave calls", tool_unended.NEXT_CUT_OFF, tool_unended.CUT_OFF, unended.leave),
        Job("withdraw calls", tool_unended.NEXT_TOO_OLD, tool_unended.TOO_OLD, unended.withdraw),
        Job("check mail keys", mail_keys.NEXT, mail_keys.DUE, keys.check_due),
        Job("ask for a rating", ratings.NEXT, ratings.DUE, asking.ask),
        Job("queue bench", bench_due.NEXT, bench_due.DUE, queue_bench),
        Job("bench", bench_runs.NEXT, bench_runs.DUE, bench.take),
    ]
