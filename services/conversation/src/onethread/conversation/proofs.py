"""Proof of an address: a one-time code or link is mailed to it, and whoever brings it back reads its mail.

Nothing here looks at whose the address is before it is proven: no answer tells who our customers are. Of the code and
the link only hashes are kept.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid4

import structlog
from psycopg.types.json import Jsonb

from onethread.contracts import proofs as p
from onethread.contracts import subjects
from onethread.contracts.messages import Identity
from onethread.conversation import audit, graph, proving, suppressions, who
from onethread.conversation.access import SLUG, Caller, hash_of, workspace_of_token
from onethread.conversation.database import Database
from onethread.conversation.likeness import normal_address
from onethread.conversation.outbox import Relay
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus, RefusedError, UnavailableError
from onethread.runtime.errors import Problem

log = structlog.get_logger()

MINUTES, TRIES = 10, 3
SENDING_SECONDS = 15.0
"""Longer than the gateway gives the mail server."""
OPEN_DAYS = 30
"""For so long the browser where a code was typed shows what it opened: as long as a widget's session lasts."""
LIMITS = "('address', 3, 3600), ('address', 10, 86400), ('claimant', 6, 3600), ('workspace', 300, 3600)"
"""Whose, how many mails at most, in how many seconds."""

ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtextextended(%s, 3))"
FORGET = """delete from proof where workspace_id = %s
    and created_at < now() - make_interval(days => case when proven then %s else 1 end)"""
WAIT = f"""select ceil(max(l.seconds - extract(epoch from now() - nth.created_at)))::int as seconds
    from (values {LIMITS}) as l(whose, most, seconds) cross join lateral (
        select p.created_at from proof p
        where p.workspace_id = %(workspace)s and p.created_at > now() - make_interval(secs => l.seconds)
            and case l.whose when 'address' then p.value = %(value)s
                when 'claimant' then p.claimant = %(claimant)s else true end
        order by p.created_at desc offset l.most - 1 limit 1) nth"""  # noqa: S608
END_EARLIER = """update proof set expires_at = now() where workspace_id = %s and claimant = %s and value = %s
    and used_at is null and expires_at > now()"""
INSERT = """insert into proof (id, workspace_id, claimant, identities, customer_id, value, code_hash, link_hash,
        tries_left, expires_at, proven, created_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, now() + make_interval(mins => %s), false, now())"""
VOID = "update proof set expires_at = now() where id = %s"
TAKE_BACK = "delete from proof where id = %s"
TRY = """update proof set tries_left = tries_left - 1 where workspace_id = %s and id = %s and claimant = any(%s)
    and used_at is null and expires_at > now() and tries_left > 0 returning *"""
SPENT = "select used_at from proof where workspace_id = %s and id = %s and claimant = any(%s)"
BY_LINK = """select * from proof where workspace_id = %s and link_hash = %s
    and used_at is null and expires_at > now() and tries_left > 0"""
USE = """update proof set used_at = now() where id = %s and used_at is null and expires_at > now() returning *"""
PROVEN = "update proof set proven = true where id = %s"
CHANNEL = """select id from channel where workspace_id = %s and kind = 'email' and active
    order by created_at, id limit 1"""

ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
LONGEST_ADDRESS = 254

NO_ADDRESS = "That is not a mail address. Check how it is spelt."
TAKES_NONE = "This address takes no mail from us. Check how it is spelt."
"""As the gateway says it: it tells nobody that the address is known here."""
NO_CLAIMANT = "We could not tell who asks. Please reload the page and try again."
NO_CHANNEL = "There is no support address that a mail could come from."
TOO_MANY = "Too many codes were asked for. Please wait before you ask for another one."
AWAY = "We cannot send mail just now. Try again in a few minutes."
WRONG = "That is not the code that we sent. Please look again."
NO_TRIES = "That was not the code either. Please ask for a new one."
OVER = "That code no longer holds. Please ask for a new one."
USED = "That code was used already."
UNCLEAR = "Thank you, that was the right code. We cannot tell by ourselves how it fits together: a teammate will look."

Outcome = Literal["proven", "unclear", "over"]


class Claim(NamedTuple):
    """Somebody says that an address is theirs."""

    claimant: str
    identities: list[Identity]
    """What they have proven so far, the strongest first. None: their mails were not proven."""
    customer_id: UUID | None = None
    """Whom a teammate asked."""


class Proofs:
    def __init__(self, database: Database, bus: Bus, relay: Relay, settings: ConversationSettings) -> None:
        self._database, self._bus, self._relay, self._settings = database, bus, relay, settings

    async def start(self, asked: p.StartProof) -> p.ProofStarted:
        """A code alone: it is typed where it was asked for, so that nobody can make another confirm for them."""
        proven = _proven(asked.identities)
        if not proven:
            return p.ProofStarted(sent=False, reason=NO_CLAIMANT)
        return await self._start(asked.workspace, Claim(_key(proven[0]), proven), asked.email)

    async def ask(self, caller: Caller, customer_id: UUID, value: str) -> None:
        """A teammate asks a customer to prove what they say. Whoever chats types a code where they chat: a link would
        let the owner of an address confirm for somebody else's browser. Whoever wrote mails follows a link.

        Raises 404, 409, 429 and 503 problems.
        """
        async with self._database.transaction(caller.workspace) as connection:
            said = await proving.find_claim(connection, customer_id, normal_address(value))
        browser = next((one for one in said.identities if one.kind == "visitor"), None)
        own = browser or next(iter(said.identities), None)
        claim = Claim(_key(own) if own else f"customer {said.home}", said.identities, said.home)
        started = await self._start(caller.workspace, claim, value, with_link=browser is None)
        if started.retry_after:
            raise Problem(429, "Too many mails to this address", TOO_MANY, retry_after=started.retry_after)
        if not started.sent:
            raise Problem(503 if started.reason == AWAY else 409, "The mail was not sent", started.reason)
        async with self._database.transaction(caller.workspace) as connection:
            await audit.record(connection, caller, "customer.asked_to_prove", customer_id)
        if browser and started.proof_id:
            form = p.ProofAsked(place=f"widget:{browser.value}", proof_id=started.proof_id)
            await self._bus.say_live(subjects.live(caller.workspace, "prove", "widget"), form)

    async def try_code(self, asked: p.TryCode) -> p.CodeTried:
        """A wrong code costs a try; so does each of several at once."""
        return await self.try_by(
            asked.workspace, asked.proof_id, [_key(one) for one in _proven(asked.identities)], asked.code
        )

    async def mail_code(self, workspace: str, claim: Claim, email: str) -> p.ProofStarted:
        """A code alone, for whoever is to type it where they write."""
        return await self._start(workspace, claim, email)

    async def try_by(self, workspace: str, proof_id: UUID, claimants: list[str], typed: str) -> p.CodeTried:
        """The code that one of `claimants` typed."""
        key = [workspace, proof_id, claimants]
        async with self._database.transaction(workspace) as connection:
            proof = await (await connection.execute(TRY, key)).fetchone()
            if proof is None:
                spent = await (await connection.execute(SPENT, key)).fetchone()
                return p.CodeTried(proven=False, reason=USED if spent and spent.used_at else OVER)
        code = re.sub("[^0-9]", "", typed)
        if not hmac.compare_digest(self._code_hash(proof.id, code), proof.code_hash):
            reason = WRONG if proof.tries_left else NO_TRIES
            return p.CodeTried(proven=False, left=proof.tries_left, reason=reason)
        outcome = await self._use(proof, "code")
        reason = {"proven": "", "unclear": UNCLEAR, "over": USED}[outcome]
        return p.CodeTried(proven=outcome == "proven", reason=reason)

    async def by_link(self, token: str) -> Any | None:
        """The proof that the link stands for. None: it was used, is too old, or never was."""
        workspace = workspace_of_token(token)
        if not SLUG.fullmatch(workspace):
            return None
        async with self._database.transaction(workspace) as connection:
            return await (await connection.execute(BY_LINK, [workspace, hash_of(token)])).fetchone()

    async def follow(self, token: str) -> Outcome:
        proof = await self.by_link(token)
        return await self._use(proof, "link") if proof else "over"

    async def _start(self, workspace: str, claim: Claim, email: str, *, with_link: bool = False) -> p.ProofStarted:
        value = normal_address(email)
        if len(value) > LONGEST_ADDRESS or not value.isprintable() or not ADDRESS.fullmatch(value):
            return p.ProofStarted(sent=False, reason=NO_ADDRESS)
        if await self._is_stopped(workspace, value):
            return p.ProofStarted(sent=False, reason=TAKES_NONE)
        channel = await self._channel(workspace)
        if channel is None:
            return p.ProofStarted(sent=False, reason=NO_CHANNEL)
        id_, code = uuid4(), f"{secrets.randbelow(10**6):06}"
        token = f"{workspace}.{secrets.token_urlsafe(32)}" if with_link else None
        if wait := await self._keep(workspace, claim, value, id_, code, token):
            return p.ProofStarted(sent=False, reason=TOO_MANY, retry_after=wait)
        link = token and f"{self._settings.public_address}/prove/{token}"
        mail = p.ProofMail(
            workspace=workspace, channel_id=channel, to=value, code=code, link=link, minutes=MINUTES
        )  # fmt: skip
        return await self._send(workspace, id_, mail)

    async def _is_stopped(self, workspace: str, address: str) -> bool:
        """Whoever complained is sent no code that somebody else asks for."""
        async with self._database.transaction(workspace) as connection:
            return bool(await suppressions.of(connection, workspace, [address], automatic=True))

    async def _keep(
        self, workspace: str, claim: Claim, value: str, id_: UUID, code: str, token: str | None
    ) -> int | None:
        """Keeps the proof before its mail is on its way. Returns the seconds to wait when there were too many."""
        asked = {"workspace": workspace, "value": value, "claimant": claim.claimant}
        identities = Jsonb([one.model_dump() for one in claim.identities])
        own = [id_, workspace, claim.claimant, identities, claim.customer_id, value, self._code_hash(id_, code)]
        async with self._database.transaction(workspace) as connection:
            await connection.execute(ONE_AT_A_TIME, [workspace])
            await connection.execute(FORGET, [workspace, OPEN_DAYS])
            row = await (await connection.execute(WAIT, asked)).fetchone()
            if row and row.seconds:
                return row.seconds
            await connection.execute(END_EARLIER, [workspace, claim.claimant, value])
            await connection.execute(INSERT, [*own, hash_of(token) if token else None, TRIES, MINUTES])
        return None

    async def _send(self, workspace: str, id_: UUID, mail: p.ProofMail) -> p.ProofStarted:
        try:
            answer = await self._bus.ask(subjects.EMAIL_PROVE, mail, p.ProofMailSent, SENDING_SECONDS)
        except (UnavailableError, RefusedError) as error:  # no mail went out, so that it counts for nobody's limit
            log.warning("proof.not_sent", proof=str(id_), error=type(error).__name__)
            answer, undo = p.ProofMailSent(sent=False, reason=AWAY), TAKE_BACK
        else:
            undo = VOID
        if answer.sent:
            return p.ProofStarted(proof_id=id_, sent=True)
        async with self._database.transaction(workspace) as connection:
            await connection.execute(undo, [id_])
        return p.ProofStarted(sent=False, reason=answer.reason)

    async def _use(self, proof: Any, how: Literal["code", "link"]) -> Outcome:
        """Once. Whoever else is at it waits for the graph, and finds it used."""
        async with self._database.transaction(proof.workspace_id) as connection:
            await connection.execute(graph.ALONE, [proof.workspace_id])
            used = await (await connection.execute(USE, [proof.id])).fetchone()
            if used is None:
                return "over"
            outcome: Outcome = "unclear"
            if await proving.take_effect(connection, used, how):
                await connection.execute(PROVEN, [proof.id])
                outcome = "proven"
            await self._relay.notify(connection)
        self._relay.wake()
        return outcome

    async def _channel(self, workspace: str) -> str | None:
        """The support address that the mail comes from."""
        if workspace == self._settings.workspace:
            return self._settings.email_channel_id
        async with self._database.transaction(workspace) as connection:
            row = await (await connection.execute(CHANNEL, [workspace])).fetchone()
            return row.id if row else None

    def _code_hash(self, proof_id: UUID, code: str) -> str:
        """Keyed by a secret that the database does not hold: a million codes are soon tried."""
        key = self._settings.api_key.get_secret_value().encode()
        return hmac.new(key, f"proof\n{proof_id}\n{code}".encode(), hashlib.sha256).hexdigest()


def _proven(identities: list[Identity]) -> list[Identity]:
    return [one for one in who.canonical(identities) if one.trust == "verified"]


def _key(one: Identity) -> str:
    return f"{one.kind} {one.value}"
