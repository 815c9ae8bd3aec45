"""Signing in and out, and what teammates change about themselves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from onethread.conversation import etags
from onethread.conversation.access import COOKIE, SCOPES, CallerDep, same_origin
from onethread.conversation.etags import IfMatchDep
from onethread.conversation.teammates import OwnPatch, Teammates, TeammatesDep

open_router = APIRouter(prefix="/api/v1", tags=["session"], dependencies=[Depends(same_origin)])
"""For whoever is nobody yet."""
router = APIRouter(prefix="/api/v1", tags=["session"])


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=320, examples=["ana@onethread.localhost"])
    password: str = Field(max_length=1_000, examples=["correct horse battery"])
    workspace: str | None = Field(default=None, max_length=40, description="Its slug; the installation's if left out.")


class SignedIn(BaseModel):
    """Whom a request comes from. A program has its key's id, or zero, and no address."""

    id: UUID
    name: str = Field(examples=["Ana Ruiz"])
    email: str = Field(examples=["ana@onethread.localhost"])
    workspace: str = Field(examples=["local"])
    scopes: list[str] = Field(examples=[["read", "write"]])

    @classmethod
    def of(cls, row: Any) -> SignedIn:
        return cls(
            id=row.id, name=row.name, email=row.email, workspace=row.workspace_id, scopes=sorted(SCOPES[row.role])
        )


@open_router.post("/session")
async def log_in(login: Login, request: Request, response: Response, teammates: TeammatesDep) -> SignedIn:
    """Begins a session, kept in the cookie of the answer. An earlier session of the same browser ends."""
    token, row = await teammates.log_in(
        login.email,
        login.password,
        workspace=login.workspace,
        address=_address(request),
        old_token=request.cookies.get(COOKIE),
    )
    _keep(request, response, token, teammates)
    return SignedIn.of(row)


@open_router.delete("/session", status_code=204)
async def log_out(request: Request, response: Response, teammates: TeammatesDep) -> None:
    if token := request.cookies.get(COOKIE):
        await teammates.log_out(token)
    response.delete_cookie(COOKIE)


@router.get("/session")
async def who_am_i(caller: CallerDep, response: Response) -> SignedIn:
    """Of a teammate the ETag is answered, too."""
    if caller.version:
        etags.tag(response, caller.version)
    return SignedIn(
        id=caller.id, name=caller.name, email=caller.email, workspace=caller.workspace, scopes=sorted(caller.scopes)
    )


@router.patch("/session")
async def change_own(
    patch: OwnPatch,
    request: Request,
    response: Response,
    caller: CallerDep,
    teammates: TeammatesDep,
    version: IfMatchDep,
) -> SignedIn:
    """What every teammate may change about themselves. A new password renews the cookie, and ends their sessions
    elsewhere. A wrong current one is a 403, and counts as a wrong login.
    """
    row, token = await teammates.change_own(caller, patch, version, address=_address(request))
    if token:
        _keep(request, response, token, teammates)
    etags.tag(response, row.version)
    return SignedIn.of(row)


def _keep(request: Request, response: Response, token: str, teammates: Teammates) -> None:
    response.set_cookie(
        COOKIE, token, max_age=teammates.session_seconds, httponly=True, samesite="lax", secure=_is_secure(request)
    )


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _is_secure(request: Request) -> bool:
    """Where TLS ends before us, the browser still says so."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https:")
