"""What was said in one place reaches no search, prompt or answer of another, though it is one thread at one time."""

import asyncio
import re
from dataclasses import dataclass, field
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onethread.agent.answer import Answerer
from onethread.agent.turn import Turns
from onethread.contracts.knowledge import KnowledgeFound
from onethread.contracts.messages import Author
from onethread.contracts.threads import CustomerName, Handoff, LastMessage, MessageAdded

PLACES = ("dm/1", "channel/1", "mail/1")
KINDS = {"dm/1": "widget", "channel/1": "slack", "mail/1": "email"}
TEXTS = ("and that?", "What is your return policy?", "what about it", "France", "a human please", "thanks")
THREAD = UUID(int=7)
PROFILE = "profilesecret"


def canary(place: str) -> str:
    return "canary" + place.replace("/", "")


@dataclass
class Overheard:
    """A model that repeats what it was told, and keeps it."""

    prompts: list[str] = field(default_factory=list)

    async def write(self, lines, heard) -> str:
        self.prompts.append("\n".join(line.text for line in lines))
        await heard(self.prompts[-1])
        return self.prompts[-1] + " [1]"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    said=st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(TEXTS)), min_size=2, max_size=6),
    confidence=st.sampled_from([0.1, 0.9]),
    with_model=st.booleans(),
)
def test_nothing_said_in_one_place_reaches_another(bus, added, message, returns, said, confidence, with_model) -> None:
    async def run() -> None:
        for record in (bus.published, bus.searches, bus.histories, bus.live):
            record.clear()
        bus.found = KnowledgeFound(confidence=confidence, passages=[returns])
        bus.said = lambda place: [message(f"Where do I send it, {canary(place)}?", thread=THREAD, sequence=1)]
        model = Overheard()
        turns = Turns(bus, Answerer(bus.search, 0.6, model if with_model else None))
        events = [
            with_profile(
                added(
                    f"{text} {canary(place)}",
                    thread=THREAD,
                    sequence=n,
                    place=place,
                    kind=KINDS[place],
                    name=f"Ana {canary(place)}",
                )
            )
            for n, (place, text) in enumerate(said, 2)
        ]
        await asyncio.gather(*map(turns.take, events))

        place_of = {event.id: event.data.place for event in events}
        for published in bus.published:
            assert canaries(published.to_json().decode()) <= {canary(place_of[published.causationid])}
            assert PROFILE not in published.to_json().decode()
        for text in [*model.prompts, *(search.query for search in bus.searches)]:
            assert PROFILE not in text
        for _, delta in bus.live:
            assert canaries(delta.text) <= {canary(delta.place)}
        for text in [*model.prompts, *(search.query for search in bus.searches)]:
            assert len(canaries(text)) <= 1
        assert {asked.place for asked in bus.histories} <= {place for place, _ in said}

    asyncio.run(run())


def with_profile(event: MessageAdded) -> MessageAdded:
    """The event's thread tells of the customer and of what was said anywhere: the agent makes nothing of it."""
    thread = event.data.thread
    at = thread.created_at
    known = {
        "topic": PROFILE,
        "tags": [PROFILE],
        "customer": CustomerName(id=thread.customer.id, name=PROFILE, email=f"{PROFILE}@example.com"),
        "handoff": Handoff(reason=PROFILE, summary=PROFILE, at=at),
        "last_message": LastMessage(text=PROFILE, author=Author(kind="customer", name=PROFILE), created_at=at),
    }
    return event.model_copy(update={"data": event.data.model_copy(update={"thread": thread.model_copy(update=known)})})


def canaries(text: str) -> set[str]:
    return set(re.findall(r"canary[a-z0-9]+", text))
