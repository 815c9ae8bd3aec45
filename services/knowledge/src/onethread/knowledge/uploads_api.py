"""The HTTP API of uploads: files come as multipart forms, are kept, and are read soon after."""

import re
import time
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException

from onethread.knowledge.access import Knowledge, Locale, Url, UseKnowledge, Workspace
from onethread.knowledge.articles import Audience
from onethread.knowledge.reading import FORMATS, format_of
from onethread.knowledge.sources import Page, Source
from onethread.knowledge.sources_api import existing
from onethread.runtime.errors import Problem

UPLOADS = "uploads"
FILE_BYTES = 20 * 1024**2
FILES_A_CALL = 100
BODY_BYTES = 200 * 1024**2
_NAME_CHARACTERS = 300

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1},
                        "source": {"type": "string", "description": "An upload source; `uploads` when left out."},
                        "url": {"type": "string", "description": "Where customers find the file: of one file only."},
                        "audience": {"type": "string", "enum": ["public", "internal"]},
                        "locale": {"type": "string"},
                    },
                }
            }
        },
    }
}


class _Fields(BaseModel):
    """`audience` and `locale` are those of a source that is made by this upload."""

    model_config = ConfigDict(extra="forbid")

    source: str = UPLOADS
    url: Url | None = None
    audience: Audience = "public"
    locale: Locale | None = None


class Refused(BaseModel):
    file: str
    reason: str


class UploadOut(BaseModel):
    """`accepted` are pages of the source, where their state is told; a file of a known name replaces that one."""

    source: str
    accepted: list[str]
    refused: list[Refused]


def _bounded(request: Request) -> None:
    """Before the body is read."""
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise Problem(411, "How long it is must be said", "Send Content-Length. Nothing was kept.")
    if int(length) > BODY_BYTES:
        raise Problem(413, "Too much at once", f"At most {BODY_BYTES // 1024**2} MB a call. Nothing was kept.")


router = APIRouter(prefix="/v1", tags=["sources"])


@router.post("/uploads", status_code=202, openapi_extra=_FORM, dependencies=[Depends(_bounded)])
async def upload(request: Request, knowledge: UseKnowledge, workspace: Workspace) -> UploadOut:
    """Keeps up to 100 files of up to 20 MB each and answers; their articles are found soon after."""
    try:
        async with request.form(max_files=FILES_A_CALL, max_fields=10) as form:
            return await _keep(knowledge, workspace, form)
    except MultiPartException as error:
        raise Problem(422, "Not a proper upload", f"{error.message} Nothing was kept.") from error


async def _keep(knowledge: Knowledge, workspace: str, form: FormData) -> UploadOut:
    files = [value for value in form.getlist("files") if isinstance(value, UploadFile)]
    fields = _fields(form, len(files))
    source = await _source(knowledge, workspace, fields)
    out = UploadOut(source=source.id, accepted=[], refused=[])
    for file in files:
        try:
            page, content = await _look_at(file, fields.url)
        except ValueError as error:
            out.refused.append(Refused(file=_shown(file.filename), reason=str(error)))
            continue
        await knowledge.library.run(knowledge.syncing.sources.upload, source, page, file.content_type, content)
        out.accepted.append(page.key)
    if not out.accepted:
        raise Problem(422, "No file could be kept", "; ".join(f"{one.file}: {one.reason}" for one in out.refused))
    await knowledge.library.run(knowledge.syncing.sources.ask, source, time.time())
    knowledge.syncing.wake()
    return out


def _fields(form: FormData, files: int) -> _Fields:
    try:
        fields = _Fields.model_validate({name: value for name, value in form.items() if name != "files"})
    except ValidationError as error:
        errors = [{"at": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()]
        raise Problem(422, "The request is not valid", "Nothing was kept.", errors=errors) from error
    if not files:
        raise Problem(422, "There is no file in it", "Send one or more as `files`. Nothing was kept.")
    if fields.url and files > 1:
        raise Problem(422, "An address is that of one file", "Send them one by one. Nothing was kept.")
    return fields


async def _source(knowledge: Knowledge, workspace: str, fields: _Fields) -> Source:
    sources = knowledge.syncing.sources
    if fields.source == UPLOADS:
        new = Source(workspace, UPLOADS, "upload", "Uploads", audience=fields.audience, locale=fields.locale)
        await knowledge.library.run(sources.add, new)
    source = await existing(knowledge, workspace, fields.source)
    if source.kind != "upload":
        raise Problem(409, "This source takes no files", "Nothing was kept.")
    if fields.audience == "internal" and source.audience == "public":  # never publish what was meant to be internal
        detail = f"The source {source.name} is public. Make one that is internal, and upload there. Nothing was kept."
        raise Problem(409, "The audience is that of the source", detail)
    return source


async def _look_at(file: UploadFile, url: str | None) -> tuple[Page, bytes]:
    """Raises `ValueError` with the reason why it is not kept."""
    name = _name(file.filename)
    if not format_of(name, file.content_type):
        raise ValueError(f"this kind of file cannot be read; {FORMATS} can")
    if (file.size or 0) > FILE_BYTES:
        raise ValueError(f"it is larger than {FILE_BYTES // 1024**2} MB")
    content = await file.read()
    if not content.strip():
        raise ValueError("it is empty")
    return Page(name, url), content


def _name(given: str | None) -> str:
    """The path as the browser gives it, of a folder too; it is only ever a name here, and never one on a disk."""
    name = "/".join(part for part in (given or "").replace("\\", "/").split("/") if part not in {"", ".", ".."})
    if not name or len(name) > _NAME_CHARACTERS or re.search(r"[\x00-\x1f\x7f]", name):
        raise ValueError("its name is missing, too long, or has control characters")
    return name


def _shown(given: str | None) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", " ", given or "")[:_NAME_CHARACTERS]
