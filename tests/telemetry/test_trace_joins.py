"""One trace, from the message in the browser to the answer in it: each service's work hangs on its cause's."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from plugins.customers import Mailer, eventually, somebody
from plugins.stack import Stack
from plugins.telemetry import Span

from onethread.contracts.subjects import KNOWLEDGE_SEARCH

pytestmark = pytest.mark.connected

COVERED = "How long does delivery take?"


@pytest.fixture
def began() -> int:
    """When the test began, as spans say it."""
    return time.time_ns()


async def trace_of(stack: Stack, began: int, first: str, *others: str) -> list[Span]:
    """The latest trace that begins with a span named `first` and has those named `others`, once it is whole: each
    process sends its spans in its own time. What began before this test is of another.
    """

    async def find() -> list[Span] | None:
        spans = stack.collector.spans()
        for root in sorted((s for s in spans if s.name == first and s.start >= began), key=lambda s: -s.start):
            trace = [s for s in spans if s.trace == root.trace]
            if {s.name for s in trace} >= {*others}:
                return trace if {s.parent for s in trace} <= {"", *(s.id for s in trace)} else None
        return None

    return await eventually(find, what=f"the trace from {first} to {others}")


def joins(trace: list[Span]) -> set[tuple[str, str]]:
    """(parent's service, child's service) wherever the trace crosses from one to another."""
    by_id = {span.id: span for span in trace}
    pairs = ((by_id[s.parent].service, s.service) for s in trace if s.parent in by_id)
    return {(parent, child) for parent, child in pairs if parent != child}


def way_to(span: Span, trace: list[Span]) -> list[str]:
    """The services on the way from the trace's root to `span`, each once in a row."""
    by_id = {one.id: one for one in trace}
    way = [span.service]
    while span.parent in by_id:
        span = by_id[span.parent]
        if span.service != way[0]:
            way.insert(0, span.service)
    assert span.parent == "", "the way begins at the trace's root"
    return way


async def test_one_trace_runs_from_the_widgets_message_through_every_service_to_its_delivery(
    stack: Stack, visitor, began: int
):
    browser = visitor(somebody())
    await browser.connect()
    await browser.say(COVERED)
    await browser.message("agent")
    trace = await trace_of(stack, began, "widget received", KNOWLEDGE_SEARCH, "widget deliver")

    assert {("gateway-widget", "conversation"), ("conversation", "agent"), ("agent", "knowledge"),
            ("agent", "conversation"), ("conversation", "gateway-widget")} <= joins(trace)  # fmt: skip
    assert [span.service for span in trace if span.parent == ""] == ["gateway-widget"]
    ids = {span.id for span in trace}
    assert [span for span in trace if span.parent and span.parent not in ids] == []
    delivery = next(span for span in trace if span.name == "widget deliver")
    assert way_to(delivery, trace) == ["gateway-widget", "conversation", "agent", "conversation", "gateway-widget"]
    search = next(span for span in trace if span.service == "knowledge")
    assert way_to(search, trace) == ["gateway-widget", "conversation", "agent", "knowledge"]


async def test_a_mails_trace_ends_where_its_answer_left(stack: Stack, began: int):
    mail = Mailer(stack, somebody())
    await mail.send(mail.write(COVERED))
    await mail.answer()
    trace = await trace_of(stack, began, "email received", "smtp send")
    sending = next(span for span in trace if span.name == "smtp send")
    assert way_to(sending, trace) == ["gateway-email", "conversation", "agent", "conversation", "gateway-email"]


async def test_the_logs_carry_the_trace_and_nothing_personal(stack: Stack, began: int):
    mail = Mailer(stack, somebody("Marguerite"))
    await mail.send(mail.write(f"{COVERED} Love, Marguerite"))
    await mail.answer()
    trace = (await trace_of(stack, began, "email received", "smtp send"))[0].trace

    async def services_that_said_it() -> set[str]:
        lines = [json.loads(line) for name in ("gateway-email", "agent") for line in stack.log_of(name)
                 if line.startswith("{")]  # fmt: skip
        found = {line["service"] for line in lines if line.get("trace_id") == trace}
        return found if found >= {"gateway-email", "agent"} else set()

    await eventually(services_that_said_it, what="the trace id in the logs")
    await asyncio.sleep(0.5)
    assert mail.person.email not in stack.said()
    assert "Marguerite" not in stack.said()
