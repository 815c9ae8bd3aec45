"""A customer's profile and what happens to it."""

# pyright: reportIncompatibleVariableOverride=false
# Each event narrows `type`; a frozen model may.

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from onethread.contracts.envelope import CloudEvent, Contract
from onethread.contracts.messages import Identity


class Customer(Contract):
    id: UUID
    name: str | None = None
    identities: list[Identity] = Field(default_factory=list[Identity])


class CustomerChange(Contract):
    customer: Customer
    identity: Identity | None = Field(default=None, description="The identity that was linked.")
    other_customer_id: UUID | None = Field(default=None, description="The other side of a merge.")


class CustomerCreated(CloudEvent):
    type: Literal["onethread.customer.created.v1"] = "onethread.customer.created.v1"
    data: CustomerChange


class CustomerUpdated(CloudEvent):
    type: Literal["onethread.customer.updated.v1"] = "onethread.customer.updated.v1"
    data: CustomerChange


class CustomerIdentityLinked(CloudEvent):
    type: Literal["onethread.customer.identity_linked.v1"] = "onethread.customer.identity_linked.v1"
    data: CustomerChange


class CustomerMerged(CloudEvent):
    type: Literal["onethread.customer.merged.v1"] = "onethread.customer.merged.v1"
    data: CustomerChange


class CustomerUnmerged(CloudEvent):
    type: Literal["onethread.customer.unmerged.v1"] = "onethread.customer.unmerged.v1"
    data: CustomerChange
