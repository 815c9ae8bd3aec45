"""Gaps in a test's hands: what the bus would bring, what the API says, and a look into the store."""

from contextlib import asynccontextmanager
from types import SimpleNamespace
from uuid import uuid4

from onethread.contracts.customers import Customer, CustomerErased, Erasure
from onethread.contracts.envelope import now
from onethread.contracts.knowledge import GapTakenBack, KnowledgeGap, KnowledgeGapFound, KnowledgeGapTakenBack
from onethread.contracts.messages import Author
from onethread.contracts.threads import CustomerName, Thread, ThreadChange, ThreadClosed, ThreadMerged
from onethread.knowledge.gaps import Asked

from .test_api import StandInBus, running

PARROT = "Do you deliver parrots to Portugal?"
PARROT_TOO = "Can you deliver a parrot to Portugal?"
PARKING = "Where can I park my car?"


@asynccontextmanager
async def living(home):
    """The service, with its bus in the test's hands."""
    bus = StandInBus()
    async with running(home, bus) as client:
        yield SimpleNamespace(bus=bus, client=client, home=home)


def note(gaps, *texts, workspace="acme", **more):
    for text in texts:
        gaps.note(workspace, Asked(str(uuid4()), text, more.get("kind", "handed_off"), more.get("at", 1_000.0)))


def listed(gaps, workspace="acme", **more):
    return gaps.all(workspace, more.get("state"), more.get("sort", "count"), None, 100)


async def tell(world, question, message=None, workspace="local", **more):
    """An event of a gap comes in. Returns the message's id."""
    message = message or uuid4()
    event = KnowledgeGapFound(
        id=uuid4(), source="/agent", subject=str(message), workspaceid=workspace, threadid=more.get("thread", uuid4()),
        customerid=more.get("customer", uuid4()), time=more.get("at", now()),
        data=KnowledgeGap(
            question=question, confidence=0.2, kind=more.get("kind", "handed_off"), channel="widget",
            nearest=more.get("nearest"),
        ),
    )  # fmt: skip
    await world.bus.hears["knowledge-gaps"](event)
    return message


async def take_back(world, message, at=None, workspace="local"):
    """Whoever gave a thumb down gives one up."""
    event = KnowledgeGapTakenBack(
        id=uuid4(), source="/conversation", subject=str(message), workspaceid=workspace, time=at or now(),
        data=GapTakenBack(kind="thumbed_down"),
    )  # fmt: skip
    await world.bus.hears["knowledge-gaps-taken-back"](event)


async def move(world, thread, *messages):
    """Messages stand in another thread now, as after a merge."""
    at = now()
    state = Thread(
        id=thread, status="open", customer=CustomerName(id=uuid4()), sequence=1, created_at=at, updated_at=at
    )
    change = ThreadChange(thread=state, message_ids=list(messages), other_thread_id=uuid4())
    await world.bus.hears["knowledge-gaps-moved"](
        ThreadMerged(id=uuid4(), source="/conversation", workspaceid="local", threadid=thread, data=change)
    )


async def told(world, **asked):
    answer = await world.client.get("/v1/gaps", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def the_gap(world):
    [gap] = await told(world)
    return gap


async def close(world, thread, by="teammate"):
    at = now()
    state = Thread(
        id=thread, status="closed", customer=CustomerName(id=uuid4()), sequence=1, created_at=at, updated_at=at
    )
    event = ThreadClosed(
        id=uuid4(), source="/conversation", workspaceid="local", threadid=thread,
        data=ThreadChange(thread=state, by=Author(kind=by, name="Ben") if by else None),
    )  # fmt: skip
    await world.bus.hears["knowledge-solved"](event)


async def erase(world, customer, *messages):
    data = Erasure(customer=Customer(id=customer, homes=[customer]), erased_message_ids=list(messages))
    await world.bus.hears["knowledge-erasures"](
        CustomerErased(id=uuid4(), source="/conversation", workspaceid="local", customerid=customer, data=data)
    )


async def draft(world, gap):
    answer = await world.client.post(f"/v1/gaps/{gap['id']}/draft")
    assert answer.status_code == 201, answer.text
    return answer.json()


async def change(world, article, **changes):
    return await world.client.patch(
        f"/v1/articles/{article['id']}", json=changes, headers={"X-Onethread-Author": "ana"}
    )


OTHERS = {
    "Delivery": "Parcels arrive after three days, by post.",
    "Returns": "Send it back within thirty days and we refund the price.",
    "Gift cards": "A gift card holds for three years and is sent by mail.",
    "Passwords": "Choose Forgotten on the sign-in page to set a new password.",
    "Opening hours": "The shop in Porto is open from nine to six on weekdays.",
    "Invoices": "Every order has an invoice, which you find in your account.",
    "Payment": "We take cards, PayPal and bank transfers.",
    "Jobs": "Open positions are listed on our careers page.",
}


async def publish(world, text):
    """An article that answers what parrots eat, among others: one alone would be compared with nothing."""
    documents = [{"id": title, "title": title, "text": said} for title, said in OTHERS.items()]
    await world.client.post("/v1/documents", json=documents)
    article = {"title": "What parrots eat", "text": text, "wordings": ["What do parrots eat?"], "state": "published"}
    return (await world.client.post("/v1/articles", json=article)).json()


async def articles(world):
    return (await world.client.get("/v1/articles")).json()["items"]
