"""Proving an address: whoever reads the mail sent to it, and says the code or follows the link, owns it."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from onethread.contracts.envelope import Contract
from onethread.contracts.messages import Identity


class ProofMail(Contract):
    """`svc.gateway-email.prove`, asked by conversation: mail this code and link. Nothing of it is stored or logged."""

    workspace: str
    channel_id: str = Field(description="The email channel whose address it comes from.")
    to: str = Field(max_length=254, repr=False)
    code: str = Field(pattern="^[0-9]{6}$", repr=False)
    link: str | None = Field(default=None, max_length=2_000, repr=False, description="None: the code alone is sent.")
    minutes: int = Field(ge=1, le=60, description="How long both hold.")
    language: str | None = Field(default=None, description="BCP 47; English where we do not write the language.")


class ProofMailSent(Contract):
    sent: bool
    reason: str = Field(default="", description="Why it was not sent, in words.")


class StartProof(Contract):
    """`svc.conversation.prove`, asked by a gateway: whoever has `identities` says that `email` is theirs."""

    workspace: str
    identities: list[Identity] = Field(min_length=1, description="What they have proven so far, the strongest first.")
    channel_id: str = Field(description="Where they say it.")
    place: str = Field(description="Key of the place where they say it.")
    email: str = Field(max_length=254, repr=False)


class ProofStarted(Contract):
    """The answer is the same whether or not the address is known here: it tells nobody who our customers are."""

    proof_id: UUID | None = Field(default=None, description="None: no code was made.")
    sent: bool
    reason: str = Field(default="", description="Why it was not sent, in words for the customer.")
    retry_after: int | None = Field(default=None, description="Seconds after which another try may be made.")


class ProofAsked(Contract):
    """`live.{workspace}.prove.widget`, said by conversation: a teammate had a code mailed, to be typed at `place`."""

    place: str
    proof_id: UUID


class TryCode(Contract):
    """`svc.conversation.prove.code`, asked by a gateway: the code that they read in the mail."""

    workspace: str
    proof_id: UUID
    code: str = Field(max_length=20, repr=False)
    identities: list[Identity] = Field(min_length=1, description="The proof must have been started by the same one.")


class CodeTried(Contract):
    proven: bool
    left: int = Field(default=0, ge=0, description="Tries that are left; with none, this proof is over.")
    reason: str = Field(default="", description="Why it was not proven, in words for the customer.")
