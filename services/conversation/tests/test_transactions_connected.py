"""A transaction sends its statements together: what fails still says so itself, and nothing of it stays."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from plugins.conversation_world import received, verified

from onethread.conversation import intake, who

pytestmark = pytest.mark.connected
ADD = """insert into audit (workspace_id, by_kind, action, target, detail, at)
    values ('local', 'system', %s, '', '{}', now())"""
ANA = verified("email", "ana@pineandpaper.example")
NOWHERE = "insert into nowhere values (1)"
COUNT = "select count(*) as number from audit"


async def number(database: Any) -> int:
    async with database.transaction("local") as connection:
        return (await (await connection.execute(COUNT)).fetchone()).number


async def run(database: Any, *statements: str, then: Exception | None = None) -> None:
    async with database.transaction("local") as connection:
        for statement in statements:
            cursor = await connection.execute(statement, ["x"] if statement == ADD else None)
            if statement == COUNT:
                await cursor.fetchone()
        if then:
            raise then


async def test_what_fails_at_the_commit_is_told_with_its_own_error_and_nothing_stays(driver: Any) -> None:
    database = driver.app.state.database
    with pytest.raises(psycopg.errors.UndefinedTable):
        await run(database, ADD, NOWHERE)
    assert await number(database) == 0


async def test_what_failed_before_is_told_when_a_later_answer_is_asked_for(driver: Any) -> None:
    database = driver.app.state.database
    with pytest.raises(psycopg.errors.UndefinedTable):
        await run(database, NOWHERE, COUNT)
    assert await number(database) == 0


async def test_an_error_of_ours_takes_back_what_was_sent_and_the_connection_goes_on(driver: Any) -> None:
    database = driver.app.state.database
    for _ in range(20):
        with pytest.raises(ValueError, match="ours"):
            await run(database, ADD, then=ValueError("ours"))
    assert await number(database) == 0
    await run(database, ADD)
    assert await number(database) == 1


async def test_a_transaction_that_is_cut_off_leaves_nothing_and_hands_back_a_connection_that_works(driver: Any) -> None:
    database = driver.app.state.database

    async def slow() -> None:
        async with database.transaction("local") as connection:
            await connection.execute(ADD, ["x"])
            await (await connection.execute("select pg_sleep(5)")).fetchone()

    tasks = [asyncio.create_task(slow()) for _ in range(4)]
    await asyncio.sleep(0.2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await asyncio.gather(*(number(database) for _ in range(20))) == [0] * 20


async def test_what_is_asked_about_each_message_is_found_by_key_even_in_a_new_database(driver: Any) -> None:
    """And by keys that few share: by the time of a mail, everybody would be found who wrote in that second."""
    said = await driver.hear(received("email", "Hello", ANA, outside_ids=["<1@shop.example>"]))
    event = received("email", "Hello", ANA, outside_ids=["<2@shop.example>"])
    asked = intake.first_asked(event)
    candidates = ["local", [said["thread_id"]], "local", said["customer_id"]]
    for statement, parameters in (
        (intake.FIRST.format(same=intake.SAME), asked),
        who.that_finds("local", [ANA]),
        (intake.CANDIDATES, candidates),
    ):
        async with driver.app.state.database.transaction("local") as connection:
            found = await (await connection.execute(f"explain {statement}", parameters)).fetchall()
        plan = "\n".join(line for (line,) in found)
        assert "Index" in plan
        assert "Seq Scan" not in plan
        assert "message_of_customers" not in plan
