"""A visitor proves that a mail address is theirs: conversation sends a code there, and says whether it was the one."""

from __future__ import annotations

from uuid import UUID

import structlog

from onethread.contracts import subjects
from onethread.contracts.proofs import CodeTried, ProofStarted, StartProof, TryCode
from onethread.gateway_widget.convert import place_key
from onethread.gateway_widget.frames import CodeFrame, CodeState, ProofState, ProveFrame
from onethread.gateway_widget.sessions import Session
from onethread.runtime.bus import Bus, RefusedError, UnavailableError

log = structlog.get_logger()
SENDING_SECONDS = 20.0
"""Conversation has the mail sent before it answers."""
CHECKING_SECONDS = 5.0

SENT = "We have sent you a code. It may take a minute; look among the spam too."
NOT_SENT = "We could not send a code just now. Please try again in a moment."
ASKED = "To be sure that we talk to you, we have mailed you a code. Please type it here."
PROVEN = "Thank you, that was the right code."
NOT_CHECKED = "We could not check the code just now. Please try again in a moment."
WRONG = "That is not the code that we sent. Please look again."
OVER = "That code no longer holds. Please ask for a new one."


async def start(bus: Bus, session: Session, frame: ProveFrame) -> ProofState:
    question = StartProof(
        workspace=session.workspace,
        identities=session.identities,
        channel_id=session.channel_id,
        place=place_key(session.visitor),
        email=frame.email.strip(),
    )
    try:
        started = await bus.ask(subjects.CONVERSATION_PROVE, question, ProofStarted, SENDING_SECONDS)
    except (UnavailableError, RefusedError) as error:
        log.warning("proof.not_started", error=type(error).__name__)
        return ProofState(state="refused", message=NOT_SENT)
    sent = started.sent and started.proof_id is not None
    return ProofState(
        proof_id=started.proof_id,
        state="sent" if sent else "refused",
        message=started.reason or (SENT if sent else NOT_SENT),
        retry_after=started.retry_after,
    )


def asked(proof_id: UUID) -> ProofState:
    """By a teammate: the form opens by itself."""
    return ProofState(proof_id=proof_id, state="sent", message=ASKED, by_teammate=True)


async def check(bus: Bus, session: Session, frame: CodeFrame) -> CodeState:
    question = TryCode(
        workspace=session.workspace, proof_id=frame.proof_id, code=frame.code.strip(), identities=session.identities
    )
    try:
        tried = await bus.ask(subjects.CONVERSATION_PROVE_CODE, question, CodeTried, CHECKING_SECONDS)
    except (UnavailableError, RefusedError) as error:
        log.warning("proof.not_checked", error=type(error).__name__)
        return CodeState(proof_id=frame.proof_id, state="wrong", message=NOT_CHECKED)
    if tried.proven:
        return CodeState(proof_id=frame.proof_id, state="proven", message=PROVEN)
    if tried.left:
        return CodeState(proof_id=frame.proof_id, state="wrong", message=tried.reason or WRONG)
    return CodeState(proof_id=frame.proof_id, state="over", message=tried.reason or OVER)
