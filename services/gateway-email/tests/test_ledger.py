from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import nats
import pytest

from onethread.contracts.customers import Customer, CustomerErased, Erasure
from onethread.contracts.envelope import now
from onethread.contracts.messages import Channel
from onethread.contracts.replies import ReplyOutcome
from onethread.gateway_email.outgoing.ledger import BucketLedger, Ledger
from onethread.runtime.provision import provision


@pytest.fixture(params=["memory", pytest.param("bucket", marks=pytest.mark.connected)])
def server(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "memory" else request.getfixturevalue("nats_url")


@pytest.fixture
async def ledger(server: str | None, memory_ledger) -> AsyncIterator[Ledger]:
    if server is None:
        yield memory_ledger
        return
    connection = await nats.connect(server)
    js = connection.jetstream()
    await provision(js)
    yield BucketLedger(lambda: js)
    await connection.close()


async def test_a_delivery_is_written_before_its_attempt_and_found_after_it(ledger: Ledger):
    message, began = uuid4(), now()
    first = await ledger.begin(message, began)
    assert (first.state, first.since) == ("sending", began)
    again = await ledger.begin(message, now())
    assert (again.state, again.since) == ("sending", began)


async def test_a_settled_delivery_keeps_its_outcome(ledger: Ledger):
    message = uuid4()
    outcome = ReplyOutcome(message_id=message, channel=Channel(id="email-local", kind="email"), external_id="<1@x>")
    delivery = await ledger.begin(message, now())
    await ledger.finish(message, delivery, outcome)
    settled = await ledger.begin(message, now())
    assert (settled.state, settled.outcome, settled.since) == ("done", outcome, delivery.since)


async def test_deliveries_do_not_mix(ledger: Ledger):
    one, other = uuid4(), uuid4()
    await ledger.finish(
        one, await ledger.begin(one, now()), ReplyOutcome(message_id=one, channel=Channel(id="e", kind="email"))
    )
    assert (await ledger.begin(other, now())).outcome is None


async def test_of_an_erased_customer_nothing_is_kept_and_the_others_deliveries_are(ledger: Ledger):
    erased, kept = uuid4(), uuid4()
    for message, attempt in ((erased, 1), (erased, 2), (kept, 1)):
        outcome = ReplyOutcome(message_id=message, channel=Channel(id="e", kind="email"), reason="zyxwv.canary")
        await ledger.finish(message, await ledger.begin(message, now(), attempt), outcome, attempt)
    customer = uuid4()
    event = CustomerErased(
        id=uuid4(), source="/conversation", workspaceid="local", customerid=customer,
        data=Erasure(customer=Customer(id=customer), erased_message_ids=[erased, uuid4()]),
    )  # fmt: skip
    for _ in range(2):
        await ledger.forget(event)
    assert (await ledger.begin(kept, now())).outcome is not None
    for attempt in (1, 2):
        assert (await ledger.begin(erased, now(), attempt)).outcome is None
