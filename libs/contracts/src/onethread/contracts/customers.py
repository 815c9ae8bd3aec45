"""A customer's profile and what happens to it."""

# pyright: reportIncompatibleVariableOverride=false
# Each event narrows `type`; a frozen model may.

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from onethread.contracts.envelope import CloudEvent, Contract
from onethread.contracts.messages import Author, Identity


class Customer(Contract):
    id: UUID
    name: str | None = None
    email: str | None = None
    language: str | None = None
    time_zone: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict[str, Any])
    company: str | None = Field(default=None, description="The verified domain of their company.")
    merged_into_id: UUID | None = Field(default=None, description="Whom they were found to be.")
    version: int = 1
    identities: list[Identity] = Field(default_factory=list[Identity])
    homes: list[UUID] = Field(
        default_factory=list[UUID], description="All who were found to be this customer, itself among them."
    )


class CustomerChange(Contract):
    customer: Customer
    identity: Identity | None = Field(default=None, description="The identity that was linked.")
    other_customer_id: UUID | None = Field(default=None, description="The other side of a merge.")
    how: Literal["proof", "teammate"] | None = Field(default=None, description="What a merge or link rests on.")
    reason: str | None = None
    act_id: UUID | None = Field(default=None, description="By which a merge or link is undone.")
    by: Author | None = None
    message_ids: list[UUID] = Field(
        default_factory=list[UUID],
        description="Messages that stand in the timeline of `other_customer_id` from now on.",
    )


class CustomerCreated(CloudEvent):
    type: Literal["onethread.customer.created.v1"] = "onethread.customer.created.v1"
    data: CustomerChange


class CustomerUpdated(CloudEvent):
    type: Literal["onethread.customer.updated.v1"] = "onethread.customer.updated.v1"
    data: CustomerChange


class CustomerIdentityLinked(CloudEvent):
    type: Literal["onethread.customer.identity_linked.v1"] = "onethread.customer.identity_linked.v1"
    data: CustomerChange


class CustomerIdentityUnlinked(CloudEvent):
    """An identity left this customer for `other_customer_id`."""

    type: Literal["onethread.customer.identity_unlinked.v1"] = "onethread.customer.identity_unlinked.v1"
    data: CustomerChange


class Erasure(CustomerChange):
    erased_message_ids: list[UUID] = Field(
        default_factory=list[UUID], description="Messages whose words are gone. Of many, several events tell."
    )


class CustomerErased(CloudEvent):
    """Everything personal of this customer is gone. Whoever keeps copies forgets them too."""

    type: Literal["onethread.customer.erased.v1"] = "onethread.customer.erased.v1"
    data: Erasure


class CustomerMerged(CloudEvent):
    type: Literal["onethread.customer.merged.v1"] = "onethread.customer.merged.v1"
    data: CustomerChange


class CustomerUnmerged(CloudEvent):
    type: Literal["onethread.customer.unmerged.v1"] = "onethread.customer.unmerged.v1"
    data: CustomerChange
