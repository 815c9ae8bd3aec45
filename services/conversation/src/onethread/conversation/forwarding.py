"""A mail that a teammate forwards is the message of the customer who wrote it. Anybody else's forward is their own."""

from __future__ import annotations

from dataclasses import dataclass

from onethread.contracts import messages as m
from onethread.conversation.database import Database

TEAMMATES = """select id, name, email from teammate
    where workspace_id = %s and lower(email) = any(%s) and deactivated_at is null"""


MAIL = "message/rfc822"


@dataclass(frozen=True)
class Forwarded:
    event: m.MessageReceived
    """As though the customer had written it, who is not proven."""
    by: m.Author
    note: str
    """What the teammate wrote above."""


async def of_teammate(database: Database, event: m.MessageReceived) -> Forwarded | None:
    """None for what is no forward, whose sender is no teammate or not proven, and for a colleague's mail."""
    own, inside = event.data.identities[0], event.data.forward
    if inside is None or own.kind != "email" or own.trust != "verified":
        return None
    asked = [event.workspaceid, [own.value, inside.sender]]
    async with database.transaction(event.workspaceid) as connection:
        found = {row.email.lower(): row for row in await (await connection.execute(TEAMMATES, asked)).fetchall()}
    teammate = found.get(own.value)
    if teammate is None or inside.sender in found:
        return None
    said = event.data.model_copy(update=_as_the_customers(event.data, inside, teammate.name))
    by = m.Author(kind="teammate", id=teammate.id, name=teammate.name)
    return Forwarded(event.model_copy(update={"data": said}), by, inside.note.strip())


async def with_what_was_left(database: Database, event: m.MessageReceived) -> m.MessageReceived:
    """Of several mails that a teammate passes on in one, none became a message of who wrote it: it says so."""
    said, own = event.data, event.data.identities[0]
    mails = sum(one.type == MAIL for one in said.attachments)
    is_passed_on = not (said.automatic or said.answers or said.thread_token)
    if mails < 2 or not is_passed_on or (own.kind, own.trust) != ("email", "verified"):  # noqa: PLR2004
        return event
    async with database.transaction(event.workspaceid) as connection:
        teammate = await (await connection.execute(TEAMMATES, [event.workspaceid, [own.value]])).fetchone()
    if teammate is None:
        return event
    remark = (
        f"{teammate.name} passed on {mails} mails in one, and none of them became a conversation of who wrote it. "
        "For that, each is to be forwarded by itself."
    )
    return event.model_copy(update={"data": said.model_copy(update={"remarks": [*said.remarks, remark]})})


def _as_the_customers(said: m.ReceivedMessage, inside: m.ForwardedMail, teammate: str) -> dict[str, object]:
    """An answer goes to the customer alone, whoever read the mail with them: none of it is proven."""
    place = m.Place(
        key=f"email:unproven:{inside.sender}",
        audience=m.Audience(shared=False),
        route={"to": inside.sender, "subject": inside.subject or said.subject},
    )
    evidence = f"forwarded by {teammate}, who is a teammate"
    return {
        "identities": [m.Identity(kind="email", value=inside.sender, trust="asserted", evidence=evidence)],
        "name": inside.name,
        "participants": [],
        "place": place,
        "answers": [],
        "thread_token": None,
        "subject": inside.subject or said.subject,
        "text": inside.text,
        "html": None,
        "automatic": False,
        "verdict": "asserted",
        "warnings": [],
        "remarks": [f"{teammate} forwarded it. Its sender has not written to us about it themselves."],
    }
